"""Requests to answers, through the cache: only what is missing is asked."""

from collections.abc import Sequence
from dataclasses import dataclass

from distexp.budget import Budget, BudgetError, expected_usage, price_of
from distexp.cache import ResponseCache
from distexp.errors import CacheError, CacheMissError, ModelError
from distexp.progress import Progress
from distexp.protocols import Model
from distexp.retries import Backoff
from distexp.schedule import Schedule, limits_of
from distexp.types import Answer, Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run would ask."""

    n_requests: int
    """Distinct requests."""
    n_hits: int
    """How many of them the cache answers."""
    prompt_tokens: int = 0
    """Of the calls to be made, from the length of the prompts."""
    reply_tokens: int = 0
    """Of the calls to be made, if every reply is as long as it may be."""
    cost_usd: float | None = None
    """Of the calls to be made, at most; None where the price is unknown."""
    least_s: float = 0.0
    """How long they take at the least, in seconds, at the limits per minute of the endpoint."""

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
        Whether to show progress on standard error while calls run.
    budget : Budget, optional
        What calls may take; one object limits all runners that share it. None sets no limit.
    backoff : Backoff, optional
        How long to wait after a failure that may pass.
    """

    def __init__(
        self,
        model: Model,
        cache: ResponseCache,
        *,
        progress: bool = False,
        budget: Budget | None = None,
        backoff: Backoff | None = None,
    ) -> None:
        self.model = model
        self.cache = cache
        self.progress = progress
        self._schedule = Schedule(cache, budget=budget, backoff=backoff)

    def plan(self, requests: Sequence[Request]) -> Plan:
        """Count distinct requests and cache hits, and forecast the rest, without a call."""
        unique = _unique(requests)
        known = self.cache.known(unique)
        usages = [expected_usage(request) for request in unique if request.key not in known]
        n_prompt = sum(usage.prompt_tokens for usage in usages)
        n_reply = sum(usage.completion_tokens for usage in usages)
        price = price_of(self.model)
        limits = limits_of(self.model)
        minutes = [
            len(usages) / (limits.requests_per_minute or float("inf")),
            (n_prompt + n_reply) / (limits.tokens_per_minute or float("inf")),
        ]
        return Plan(
            n_requests=len(unique),
            n_hits=len(known),
            prompt_tokens=n_prompt,
            reply_tokens=n_reply,
            cost_usd=price and n_prompt * price[0] + n_reply * price[1],
            least_s=60.0 * max(minutes),
        )

    def run(self, requests: Sequence[Request]) -> list[Answer]:
        """Answer `requests`, in their order; equal requests are asked once.

        Each answer is stored as it arrives, so whatever ends the run loses only the calls in
        flight.

        Raises
        ------
        CacheMissError
            In replay mode, if an answer is not in the cache.
        ModelError
            If a call fails for good. Calls in flight are waited for and stored first.
        BudgetError
            If the budget is spent before all is answered. What was answered is stored.
        ConfigError
            Before the first call, if there is a budget in USD and the price is unknown.
        """
        unique = _unique(requests)
        answers = {
            key: Answer(response=record.response, hit=True)
            for key, record in self.cache.get_many(unique).items()
        }
        missing = [request for request in unique if request.key not in answers]
        if missing:
            answers |= self._ask(missing, n_hits=len(answers))
        return [answers[request.key] for request in requests]

    def _ask(self, missing: list[Request], n_hits: int) -> dict[str, Answer]:
        if self.cache.mode == "replay":
            msg = (
                f"{len(missing)} of {n_hits + len(missing)} answers are not in {self.cache.path} "
                f"(model {missing[0].model}; the first is {missing[0].key[:12]}). "
                "Run once with cache.mode=use to fill them."
            )
            raise CacheMissError(msg)
        # Prompts that begin alike become neighbours, for servers that reuse a beginning.
        missing.sort(key=lambda request: request.document)
        progress = Progress(
            f"asking {self.model.name}", total=len(missing), hits=n_hits, shown=self.progress
        )
        outcome = self._schedule.run([(self.model, request) for request in missing], progress)
        cause = outcome.stopped or next((exc for _, exc in outcome.failures), None)
        if cause is not None:
            raise self._partial(cause, len(outcome.responses), len(missing)) from cause
        return {
            key: Answer(response=response, hit=key in outcome.shared)
            for key, response in outcome.responses.items()
        }

    def _partial(
        self, cause: ModelError | CacheError | BudgetError, n_answered: int, n_asked: int
    ) -> ModelError | CacheError | BudgetError:
        """Return the error with what is left of the run."""
        msg = f"{cause} {n_answered} of {n_asked} calls were answered"
        msg += " and are kept in the cache." if self.cache.mode != "off" else "."
        return type(cause)(msg)


def _unique(requests: Sequence[Request]) -> list[Request]:
    return list({request.key: request for request in requests}.values())
