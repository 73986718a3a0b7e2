"""Requests of several models answered in batches, each of them handed over and paid for once."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

from distexp.asking.batch.clerk import GRACE_S, Clerk
from distexp.asking.batch.collecting import Collected
from distexp.asking.budget import Budget, Spending, expected
from distexp.asking.by_model import ByModel
from distexp.asking.outcome import Outcome
from distexp.asking.progress import Progress
from distexp.asking.storing import Recorder
from distexp.cache import Record, ResponseCache
from distexp.cache.disk.batches import Batch
from distexp.errors import BudgetError, CacheError, ConfigError, ModelError, TransientModelError
from distexp.model.batch.terms import Terms
from distexp.protocols import Model
from distexp.request import Request, Response

POLL_S = (1.0, 60.0)
"""How long to wait before looking again: first, and at most, in seconds."""
MOST_FAILURES = 20
"""So many calls about batches may fail in a row before the model is given up."""


@runtime_checkable
class Batchable(Protocol):
    """A model that can be asked in batches."""

    def terms(self) -> Terms:
        """Return on what terms.

        Raises
        ------
        ConfigError
            If its provider has no batches that are known.
        """
        ...


def batch_price_of(model: Model) -> tuple[float, float] | None:
    """Return what a token of a prompt and of a reply cost in a batch, in USD; None if unknown."""
    return terms_of(model).price


def terms_of(model: Model) -> Terms:
    """Return the terms on which a model is asked in batches.

    Raises
    ------
    ConfigError
        If it cannot be.
    """
    if not isinstance(model, Batchable):
        msg = f"Model {model.name} is asked call by call and takes no batches: use calls=live."
        raise ConfigError(msg)
    return model.terms()


class Desk:
    """Has requests answered in batches.

    What another process, or an earlier one, has handed over is not handed over again: it is
    waited for and collected. A process that ends loses nothing.

    Parameters
    ----------
    cache : ResponseCache
    recorder : Recorder
    budget : Budget
    progress : Progress
    poll_s : (float, float)
    grace_s : float
        See `distexp.asking.batch.clerk.GRACE_S`.
    """

    def __init__(
        self,
        *,
        cache: ResponseCache,
        recorder: Recorder,
        budget: Budget,
        progress: Progress,
        poll_s: tuple[float, float] = POLL_S,
        grace_s: float = GRACE_S,
    ) -> None:
        self._cache = cache
        self._recorder = recorder
        self._budget = budget
        self._progress = progress
        self._poll_s = poll_s
        self._grace_s = grace_s
        self._outcome = Outcome()
        self._expected: dict[str, Spending] = {}
        """Of the requests that this process counts as in flight."""

    async def finish(self, asked: Sequence[tuple[Model, Request]]) -> Outcome:
        """Have all requests answered, or their models given up."""
        of_models: ByModel[list[Request]] = ByModel()
        for model, request in asked:
            of_models.setdefault(model, []).append(request)
        self._progress.begin(Counter(model.name for model, _ in asked))
        beat = asyncio.create_task(self._beat())
        try:
            await asyncio.gather(*(self._serve(*one) for one in of_models.items()))
        finally:
            beat.cancel()
        return self._outcome

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(1.0)
            self._progress.tick()

    async def _serve(self, model: Model, requests: Sequence[Request]) -> None:
        """Have the requests of one model answered."""
        clerk = Clerk(terms_of(model), self._cache, self._recorder, self._grace_s)
        todo = {request.key: request for request in requests}
        tries: Counter[str] = Counter()
        n_failed, pause_s = 0, self._poll_s[0]
        try:
            while todo and self._outcome.stopped is None:
                try:
                    moved = await self._round(model, clerk, todo, tries)
                    n_failed = 0
                except TransientModelError as exc:
                    n_failed += 1
                    most = min(MOST_FAILURES, model.max_retries) if not tries else MOST_FAILURES
                    if n_failed > most:
                        raise
                    self._progress.failed(str(exc))
                    moved = False
                if not moved:
                    clerk.check_found(todo.keys())
                    await asyncio.sleep(pause_s)
                pause_s = self._poll_s[0] if moved else min(self._poll_s[1], 1.5 * pause_s)
        except ModelError as exc:
            self._outcome.failures.append((model, exc))
            self._progress.given_up(model.name)
        except (CacheError, BudgetError) as exc:
            self._outcome.stopped = self._outcome.stopped or exc
        finally:
            await clerk.endpoint.close()

    async def _round(
        self, model: Model, clerk: Clerk, todo: dict[str, Request], tries: Counter[str]
    ) -> bool:
        """Hand over what nobody has, and look after what is out; tell whether anything moved."""
        handed = await self._hand_over(model, clerk, todo)
        moved = bool(handed)
        clerk.lost.clear()
        for batch in await clerk.open():
            if todo.keys().isdisjoint(batch.keys):
                continue
            state, collected = await clerk.look(batch)
            if state is not None:
                told = f"{state.done:,} of {state.total:,}" if state.total else state.said
                self._progress.waiting(f"batch {state.remote}: {told}")
            elif collected is None:
                self._progress.waiting(f"batch {batch.label}: it is being looked for")
            if collected is not None:
                moved = True
                await self._take(model, batch, collected, todo, tries)
        return moved

    async def _hand_over(self, model: Model, clerk: Clerk, todo: dict[str, Request]) -> int:
        """Hand over the requests that are in no batch and in no other process's hands."""
        batches = await clerk.open()
        fresh = _outside(todo, batches)
        if not fresh:
            return 0
        claimed = await self._recorder.do(lambda: self._cache.claimed(r.key for r in fresh))
        for key, record in (await self._recorder.find(fresh)).items():
            self._share(model, todo, key, record)
        await clerk.check_cancelled([r.key for r in fresh if r.key in todo])
        mine = [r for r in fresh if r.key in todo and r.key not in claimed]
        affordable = self._affordable(clerk, mine)
        waits = any(not todo.keys().isdisjoint(batch.keys) for batch in batches)
        if mine and not affordable and not waits:
            limit = self._budget.exhausted()
            msg = f"{limit} is spent. Raise it, and the same command goes on."
            raise BudgetError(msg)
        n_handed = 0
        for part in clerk.parts(affordable):
            n_handed += len(part) * await clerk.hand_over(part)
        return n_handed

    def _affordable(self, clerk: Clerk, requests: Sequence[Request]) -> list[Request]:
        """Return the first requests, as far as the budget goes; they count as in flight."""
        taken = []
        for request in requests:
            if request.key not in self._expected:
                if self._budget.exhausted():
                    break
                spending = expected(request, clerk.terms.price)
                self._budget.start(spending)
                self._expected[request.key] = spending
            taken.append(request)
        return taken

    async def _take(
        self,
        model: Model,
        batch: Batch,
        collected: Collected,
        todo: dict[str, Request],
        tries: Counter[str],
    ) -> None:
        """Take what came of a batch: by us, or by another process meanwhile."""
        if not collected.responses and not collected.again:
            here = [todo[key] for key in batch.keys if key in todo]
            for key, record in (await self._recorder.find(here)).items():
                self._share(model, todo, key, record)
        for key, response in collected.responses.items():
            if key in todo:
                self._end(todo.pop(key), response, model)
        if collected.error is not None:
            raise collected.error
        for key, reason in collected.again.items():
            tries[key] += 1
            if key in todo and tries[key] > model.max_retries:
                self._end(todo.pop(key), Response.refusal(reason), model)

    def _end(self, request: Request, response: Response, model: Model) -> None:
        """Count an answer."""
        spending = self._expected.pop(request.key, None)
        if spending is None:  # handed over by an earlier process
            spending = Spending()
            self._budget.start(spending)
        self._outcome.responses[request.key] = response
        self._progress.answered(response, model.name)
        try:
            self._budget.end(spending, None if response.is_refusal else response)
        except BudgetError as exc:
            self._outcome.stopped = self._outcome.stopped or exc

    def _share(self, model: Model, todo: dict[str, Request], key: str, record: Record) -> None:
        """Take an answer that another process has stored."""
        if todo.pop(key, None) is None:
            return
        if (spending := self._expected.pop(key, None)) is not None:
            self._budget.end(spending, None)
        self._outcome.responses[key] = record.response
        self._outcome.shared.add(key)
        self._progress.shared(model.name)


def _outside(todo: Mapping[str, Request], batches: Sequence[Batch]) -> list[Request]:
    """Return the requests that are in no batch."""
    inside = {key for batch in batches for key in batch.keys}
    return [request for key, request in todo.items() if key not in inside]
