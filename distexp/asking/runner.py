"""Requests to answers, through the cache: only what is missing is asked."""

from collections.abc import Iterable, Mapping, Sequence

from distexp.asking.answers import Answer
from distexp.asking.backoff import Backoff
from distexp.asking.budget import Budget
from distexp.asking.plan import Plan, label_of
from distexp.asking.progress import Progress
from distexp.asking.schedule import Schedule, limits_of
from distexp.asking.uncollected import uncollected
from distexp.cache import Cache, why_missing
from distexp.errors import (
    BudgetError,
    CacheError,
    CacheMissError,
    ModelError,
    RefusedPromptError,
    UnusableReplyError,
)
from distexp.protocols import Model
from distexp.request import Request
from distexp.types import Condition
from distexp.visible import sentence


class Runner:
    """Answers requests from the cache, and asks the model only for what is missing.

    Parameters
    ----------
    model : Model
    cache : Cache
    progress : bool
        Whether to show progress on standard error while calls run.
    budget : Budget, optional
        What calls may take; one object limits all runners that share it. None sets no limit.
    backoff : Backoff, optional
        How long to wait after a failure that may pass.
    calls : {"live", "batch"}
        As in `Schedule`.
    processes : int, optional
        How many may read what the cache has; None takes as many as may run at once.

    Attributes
    ----------
    stopped : str or None
        Why not everything was answered: the budget is spent.
    """

    shared_from = 4_000
    """Requests from which on an interview reads in parts, by several processes, what is stored."""

    def __init__(
        self,
        model: Model,
        cache: Cache,
        *,
        progress: bool = False,
        budget: Budget | None = None,
        backoff: Backoff | None = None,
        calls: str = "live",
        processes: int | None = None,
    ) -> None:
        self.model = model
        self.cache = cache
        self.processes = processes
        self.progress = progress
        self.stopped: str | None = None
        self._answers = False
        self._left_out: dict[str, Answer] = {}
        self._may_end = budget is not None and any(one is not None for one in budget.limits)
        self._schedule = Schedule(cache, budget=budget, backoff=backoff, calls=calls)

    def plan(self, requests: Sequence[Request], cells: Iterable[Condition] = ()) -> Plan:
        """Tell distinct requests into hits and misses, without a call.

        Parameters
        ----------
        requests : sequence of Request
        cells : iterable of Condition
            What the answers are for.
        """
        unique = unique_requests(requests)
        known = self.cache.known(unique)
        return Plan(
            model=label_of(self.model),
            price=self._schedule.price_of(self.model),
            limits=limits_of(self.model),
            cells=frozenset(cells),
            known=frozenset(known),
            missing=tuple(request for request in unique if request.key not in known),
        )

    def known(self, request: Request) -> Answer | None:
        """Return the answer to a request if it needs no call."""
        return self._known([request]).get(request.key)

    def run(
        self, requests: Sequence[Request], found: Mapping[str, Answer] | None = None
    ) -> dict[str, Answer]:
        """Answer `requests`, by their keys; equal requests are asked once.

        Each answer is stored as it arrives, so whatever ends the run loses only the calls in
        flight.

        Parameters
        ----------
        requests : sequence of Request
        found : mapping of str to Answer, optional
            Answers to other requests of the run, which were read from the cache before.

        Returns
        -------
        dict of str to Answer
            All of them, unless the budget was spent before: then `stopped` says so.

        Raises
        ------
        CacheMissError
            In replay mode, if an answer is not in the cache.
        ModelError
            If a call fails for good. Calls in flight are waited for and stored first.
        CacheError
            If an answer cannot be read or stored.
        ConfigError
            Before the first call, if there is a budget in USD and the price is unknown.
        """
        unique = unique_requests(requests)
        answers = self._left_out | self._known(unique)
        answers = {r.key: answers[r.key] for r in unique if r.key in answers}
        before = {**(found or {}), **answers}
        self._answers |= any(not answer.response.is_refusal for answer in before.values())
        missing = [request for request in unique if request.key not in answers]
        if missing and self.cache.mode == "replay":
            raise self._not_there(missing, n_requests=len(before) + len(missing))
        if missing and self.stopped is None:
            answers |= self._ask(missing, n_hits=len(before))
        return answers

    @uncollected()
    def _known(self, requests: Sequence[Request]) -> dict[str, Answer]:
        """Return the answers that need no call."""
        found = self.cache.responses(requests)
        return {key: Answer(response=response, hit=True) for key, response in found}

    def _ask(self, missing: Sequence[Request], n_hits: int) -> dict[str, Answer]:
        progress = Progress(
            f"asking {self.model.name}", total=len(missing), hits=n_hits, shown=self.progress
        )
        # A budget may end early, and then nothing may depend on how a prompt begins.
        ordered = missing if self._may_end else by_prompt(missing)
        asked = [(self.model, request) for request in ordered]
        answering = [self.model] if self._answers else []
        outcome = self._schedule.run(asked, progress, answering)
        self._answers |= any(not one.is_refusal for one in outcome.responses.values())
        cause = outcome.stopped or next((exc for _, exc in outcome.failures), None)
        if cause is not None:
            msg = how_far(cause, len(outcome.responses), len(missing), self.cache)
            if not isinstance(cause, BudgetError):
                is_of_one = isinstance(cause, RefusedPromptError | UnusableReplyError)
                raise (ModelError if is_of_one else type(cause))(msg) from cause
            self.stopped = msg
        answers = {
            key: Answer(response=response, hit=key in outcome.shared)
            for key, response in outcome.responses.items()
        }
        # What is refused and not stored is not asked twice in one run.
        self._left_out |= {key: one for key, one in answers.items() if one.response.is_refusal}
        return answers

    def _not_there(self, missing: Sequence[Request], n_requests: int) -> CacheMissError:
        return CacheMissError(
            f"{len(missing)} of {n_requests} answers are not in {self.cache.path} "
            f"(model {missing[0].model}; the first is {missing[0].key[:12]})."
            f"{why_missing(self.cache, missing[0])} Run once with cache.mode=use to fill them."
        )


def unique_requests(requests: Iterable[Request]) -> list[Request]:
    """Return each request once, in order of first appearance."""
    return list({request.key: request for request in requests}.values())


def by_prompt(requests: Iterable[Request]) -> list[Request]:
    """Make prompts that begin alike neighbours, for servers that reuse a beginning."""
    return sorted(requests, key=lambda request: request.document)


def how_far(
    cause: ModelError | CacheError | BudgetError,
    n_answered: int,
    n_asked: int,
    cache: Cache,
) -> str:
    """Say what ended a run, and what is left of it."""
    kept = cache.mode != "off" and not isinstance(cause, CacheError)
    tail = " and are kept in the cache." if kept else "."
    return f"{sentence(str(cause))} {n_answered} of {n_asked} calls were answered{tail}"
