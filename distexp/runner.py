"""Requests to answers, through the cache: the one place where calls are scheduled."""

import asyncio
import random
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Never

from distexp.cache import ResponseCache
from distexp.errors import CacheError, CacheMissError, ModelError, TransientModelError
from distexp.protocols import Model
from distexp.types import Answer, Request, Response

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tqdm import tqdm

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
LONGEST_RETRY_AFTER_S = 120.0
"""A server that wants to be left alone for longer ends the run: nobody waits a day unawares."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run would ask."""

    n_requests: int
    """Distinct requests."""
    n_hits: int
    """How many of them the cache answers."""

    @property
    def n_misses(self) -> int:
        """How many have to be asked."""
        return self.n_requests - self.n_hits


class Runner:
    """Answers requests from the cache, and asks the model only for what is missing.

    Parameters
    ----------
    model : Model
    cache : ResponseCache
    progress : bool
        Whether to show a progress bar on standard error while calls run.
    """

    def __init__(self, model: Model, cache: ResponseCache, *, progress: bool = False) -> None:
        self.model = model
        self.cache = cache
        self.progress = progress

    def plan(self, requests: Sequence[Request]) -> Plan:
        """Count distinct requests and cache hits, without a call."""
        unique = _unique(requests)
        return Plan(n_requests=len(unique), n_hits=len(self.cache.known(unique)))

    def run(self, requests: Sequence[Request]) -> list[Answer]:
        """Answer `requests`, in their order; equal requests are asked once.

        Each answer is stored the moment it arrives, so whatever ends the run loses only the
        calls in flight.

        Raises
        ------
        CacheMissError
            In replay mode, if an answer is not in the cache.
        ModelError
            If a call fails for good. Calls in flight are waited for and stored first.
        """
        unique = _unique(requests)
        answers = {
            key: Answer(response=record.response, hit=True)
            for key, record in self.cache.get_many(unique).items()
        }
        missing = [request for request in unique if request.key not in answers]
        if missing:
            self._prepare(missing, n_requests=len(unique))
            # Prompts that begin alike become neighbours, for servers that reuse a beginning.
            missing.sort(key=lambda request: request.document)
            responses = asyncio.run(self._ask_all(missing))
            answers |= {key: Answer(response=r, hit=False) for key, r in responses.items()}
        return [answers[request.key] for request in requests]

    def _prepare(self, missing: Sequence[Request], n_requests: int) -> None:
        """Fail before the first call where a call would be in vain or its answer be lost."""
        if self.cache.mode == "replay":
            msg = (
                f"{len(missing)} of {n_requests} answers are not in {self.cache.path} "
                f"(model {missing[0].model}; the first is {missing[0].key[:12]}). "
                "Run once with cache.mode=use to fill them."
            )
            raise CacheMissError(msg)
        self.cache.check_writable()
        self.model.preflight()

    async def _ask_all(self, requests: Sequence[Request]) -> dict[str, Response]:
        """Keep `max_concurrency` calls in flight; after a failure for good, start no more."""
        queue = iter(requests)
        responses: dict[str, Response] = {}
        failures: list[ModelError | CacheError] = []
        n_workers = min(self.model.max_concurrency, len(requests))
        with self._bar(len(requests)) as bar:
            try:
                await asyncio.gather(
                    *(self._work(queue, responses, failures, bar) for _ in range(n_workers))
                )
            finally:
                await self.model.close()
        if failures:
            msg = f"{failures[0]} {len(responses)} of {len(requests)} calls were answered"
            msg += " and are kept in the cache." if self.cache.mode != "off" else "."
            raise type(failures[0])(msg) from failures[0]
        return responses

    async def _work(
        self,
        queue: "Iterator[Request]",
        responses: dict[str, Response],
        failures: list[ModelError | CacheError],
        bar: "tqdm[Never]",
    ) -> None:
        for request in queue:
            if failures:
                return
            try:
                responses[request.key] = await self._ask(request)
            except (ModelError, CacheError) as exc:
                failures.append(exc)
            else:
                bar.update()

    async def _ask(self, request: Request) -> Response:
        """Make one call, again after passing failures, and store its answer."""
        for attempt in range(1, self.model.max_retries + 2):
            start = time.monotonic()
            try:
                response = await self.model.complete(request)
            except TransientModelError as exc:
                if attempt > self.model.max_retries:
                    raise
                if (exc.retry_after_s or 0.0) > LONGEST_RETRY_AFTER_S:
                    msg = f"{exc} It asks to be left alone for {exc.retry_after_s:.0f} s."
                    raise ModelError(msg) from exc
                await asyncio.sleep(_pause_s(attempt, exc.retry_after_s))
            else:
                break
        latency_s = time.monotonic() - start
        versions = {"distexp": version("distexp"), **self.model.versions()}
        return self.cache.put(
            request, response, latency_s=latency_s, attempts=attempt, versions=versions
        ).response

    def _bar(self, total: int) -> "tqdm[Never]":
        from tqdm import tqdm

        quiet = not sys.stderr.isatty()
        return tqdm(
            total=total,
            desc=f"asking {self.model.name}",
            unit="call",
            disable=not self.progress,
            mininterval=10.0 if quiet else 0.1,
            file=sys.stderr,
        )


def _unique(requests: Sequence[Request]) -> list[Request]:
    return list({request.key: request for request in requests}.values())


def _pause_s(attempt: int, retry_after_s: float | None) -> float:
    """Double the pause with each attempt; spread it, so that callers do not march in step."""
    pause = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** (attempt - 1))
    return max(retry_after_s or 0.0, random.uniform(0.5, 1.0) * pause)
