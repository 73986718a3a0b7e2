"""The parent of a sweep: what its jobs lack is asked once, in one schedule, a part at a time."""

import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from operator import itemgetter
from typing import Any

from distexp.asking.answers import Answer
from distexp.asking.budget import Budget
from distexp.asking.outcome import Outcome
from distexp.asking.probing import Probed
from distexp.asking.progress import Progress
from distexp.asking.runner import by_prompt, how_far
from distexp.asking.schedule import Schedule
from distexp.cache import Cache
from distexp.errors import BudgetError, CacheError, ConfigError, ModelError
from distexp.protocols import Model
from distexp.request import Request, Response
from distexp.sweep.job import IN_A_PACK, Given, Waiting, unpacked

MOST_AT_ONCE = 20_000
"""Requests that are asked before the jobs that wait for them go on: what is in memory at once."""


@dataclass(slots=True)
class _Ask:
    """What is asked for one or several jobs."""

    request: Request
    model: str
    """What it is made from."""
    jobs: list[int] = field(default_factory=list)
    """The first of them pays; to the others it is a hit."""


class Asking:
    """Asks for the jobs of a sweep, over all its rounds within one budget.

    Attributes
    ----------
    failed : dict of int to str
        Jobs that cannot go on, and why.
    stopped : str or None
        Why nothing is asked any more: the budget is spent.
    """

    def __init__(self) -> None:
        self.failed: dict[int, str] = {}
        self.stopped: str | None = None
        self._budget: Budget | None = None
        self._models: dict[str, Model] = {}
        self._schedules: dict[str, Schedule] = {}
        self._given: dict[int, Given] = {}
        self._left_out: dict[str, Response] = {}
        self._refused: dict[str, ModelError] = {}
        self._broken: dict[Schedule, CacheError] = {}

    def begin(self, waiting: Sequence[Waiting]) -> None:
        """Look for what is wrong with any job before something is asked for the first.

        Raises
        ------
        ConfigError
            If the budget differs, or is in USD and a price is unknown: it would not hold.
        """
        self._agree_on_budget(waiting)
        for cache, jobs in self._by_cache(waiting).items():
            models = [self._model(job) for job in jobs]
            prices = {model.name: self._schedules[cache].price_of(model) for model in models}
            self._schedules[cache].budget.check_prices(prices)

    def answer(self, waiting: Sequence[Waiting]) -> dict[int, Given]:
        """Ask for what jobs lack, and return what each has been given in all rounds.

        Raises
        ------
        ConfigError
            As `begin`.
        """
        self._agree_on_budget(waiting)
        for cache, jobs in self._by_cache(waiting).items():
            if self.stopped is None:
                self._ask(self._schedules[cache], jobs)
        return {job.number: self._given.get(job.number, Given()) for job in waiting}

    def forget(self, number: int) -> None:
        """Let go of what a job was given that is over."""
        self._given.pop(number, None)

    def _agree_on_budget(self, waiting: Sequence[Waiting]) -> None:
        for job in waiting:
            self._budget = self._budget or job.budget
            if job.budget.limits != self._budget.limits:
                msg = "One budget holds for the whole sweep: it cannot differ between jobs."
                raise ConfigError(msg)

    def _by_cache(self, waiting: Sequence[Waiting]) -> dict[str, list[Waiting]]:
        grouped: dict[str, list[Waiting]] = {}
        for job in waiting:
            where = f"{job.calls} {job.cache}"
            if where not in self._schedules:
                self._schedules[where] = Schedule(
                    _made(job.cache), budget=self._budget, calls=job.calls
                )
            grouped.setdefault(where, []).append(job)
        return grouped

    def _ask(self, schedule: Schedule, jobs: Sequence[Waiting]) -> None:
        """Ask for all that jobs lack, a part after the other, and note which cannot go on."""
        self._learn(jobs)
        self._preflight({job.model for job in jobs})
        asked: set[str] = set()
        answered: set[str] = set()
        n_told: Counter[int] = Counter()
        stopped: BudgetError | CacheError | None = self._broken.get(schedule)
        for part in in_parts(jobs):
            asks = self._asks(part)
            asked |= asks.keys()
            if stopped is not None:
                continue  # it is only counted
            outcome = self._ask_part(schedule, jobs, asks)
            stopped = outcome.stopped
            answered |= outcome.responses.keys()
            n_told.update(number for key in outcome.responses for number in asks[key].jobs)
        if isinstance(stopped, CacheError):
            self._broken[schedule] = stopped
        if isinstance(stopped, BudgetError):
            self.stopped = how_far(stopped, len(answered), len(asked), schedule.cache)
        self._give_up(jobs, n_told, stopped, schedule.cache)

    def _ask_part(
        self, schedule: Schedule, jobs: Sequence[Waiting], asks: dict[str, _Ask]
    ) -> Outcome:
        """Ask for what is in memory at once, and tell the jobs what came of it."""
        known = {key: self._left_out[key] for key in asks.keys() & self._left_out.keys()}
        asked = {
            key: ask
            for key, ask in asks.items()
            if ask.model not in self._refused and key not in known
        }
        models = {self._models[ask.model].name for ask in asked.values()}
        progress = Progress(
            f"asking {', '.join(sorted(models)) if len(models) < 4 else f'{len(models)} models'}",
            total=len(asked),
            hits=sum(job.n_hits for job in jobs),
            shown=any(job.progress for job in jobs),
        )
        ordered = by_prompt(ask.request for ask in asked.values())
        outcome = Outcome()
        if asked:
            calls = [(self._models[asked[r.key].model], r) for r in ordered]
            answering = [self._models[job.model] for job in jobs if job.n_answered]
            outcome = schedule.run(calls, progress, answering)
        for model, exc in outcome.failures:
            (settings,) = (of for of, one in self._models.items() if one is model)
            self._refused.setdefault(settings, exc)
        # What is refused and not stored is not asked twice in one sweep.
        self._left_out |= {key: one for key, one in outcome.responses.items() if one.is_refusal}
        outcome.responses |= known
        outcome.shared |= known.keys()
        self._tell(asks, outcome, kept=all(job.is_kept for job in jobs))
        return outcome

    def _learn(self, jobs: Sequence[Waiting]) -> None:
        """Have models know of their servers what their jobs know."""
        for job in jobs:
            model = self._model(job)
            if job.probed is not None and isinstance(model, Probed):
                model.learn(job.probed)

    def _asks(self, part: Sequence[tuple[Waiting, bytes]]) -> dict[str, _Ask]:
        """Return each request once, by its key."""
        asks: dict[str, _Ask] = {}
        for job, pack in part:
            for request in unpacked(pack):
                ask = asks.setdefault(request.key, _Ask(request, job.model))
                ask.jobs.append(job.number)
        return asks

    def _model(self, job: Waiting) -> Model:
        if job.model not in self._models:
            self._models[job.model] = _made(job.model)
        return self._models[job.model]

    def _preflight(self, models: set[str]) -> None:
        """Note the models that cannot be called, and why: the others are."""
        for settings in models - self._refused.keys():
            try:
                self._models[settings].preflight()
            except ModelError as exc:
                self._refused[settings] = exc

    def _tell(self, asks: dict[str, _Ask], outcome: Outcome, *, kept: bool) -> None:
        """Note what was asked for each job; what the cache keeps it finds there itself."""
        for key, response in outcome.responses.items():
            for place, number in enumerate(asks[key].jobs):
                given = self._given.setdefault(number, Given())
                hit = place > 0 or key in outcome.shared
                if not kept or response.is_refusal:
                    given.answers[key] = Answer(response=response, hit=hit)
                elif not hit:
                    given.paid.add(key)

    def _give_up(
        self,
        jobs: Sequence[Waiting],
        n_told: Mapping[int, int],
        stopped: BudgetError | CacheError | None,
        cache: Cache,
    ) -> None:
        """Note which jobs cannot go on."""
        for job in jobs:
            n_of_job = n_told.get(job.number, 0)
            if n_of_job == job.n_requests:
                continue
            cause: ModelError | CacheError | None = self._refused.get(job.model)
            if cause is None and isinstance(stopped, CacheError):
                cause = stopped
            if cause is not None:
                self.failed[job.number] = how_far(cause, n_of_job, job.n_requests, cache)


def apart(waiting: Sequence[Waiting]) -> tuple[list[Waiting], list[Waiting]]:
    """Return the jobs that are asked for next, and the others.

    Each model has as many among them as any other, so that all endpoints are busy all the time.
    Where answers are not kept for the next job, or come in batches, all are asked at once.
    """
    if not all(job.is_kept for job in waiting):
        return list(waiting), []
    places: Counter[str] = Counter()
    ranked = []
    for job in waiting:
        ranked.append((places[job.model], job.number, job))
        places[job.model] += 1
    ranked.sort(key=itemgetter(0, 1))
    before = accumulate((job.n_requests for *_, job in ranked), initial=0)
    n_next = sum(n < MOST_AT_ONCE for n in list(before)[:-1])
    jobs = [job for *_, job in ranked]
    return jobs[:n_next], jobs[n_next:]


def in_parts(jobs: Sequence[Waiting]) -> Iterator[list[tuple[Waiting, bytes]]]:
    """Yield what is asked at once: jobs, each with some of its requests.

    All jobs are in turn, so that no model waits for another. Where answers are not kept all is
    asked at once, as in `apart`.
    """
    longest = max((len(job.packed) for job in jobs), default=0)
    packs = [
        (job, job.packed[at]) for at in range(longest) for job in jobs if at < len(job.packed)
    ]
    part: list[tuple[Waiting, bytes]] = []
    most = MOST_AT_ONCE if all(job.is_kept for job in jobs) else sys.maxsize
    n_requests = 0
    for job, pack in packs:
        part.append((job, pack))
        n_requests += min(IN_A_PACK, job.n_requests)
        if n_requests >= most:
            yield part
            part, n_requests = [], 0
    if part:
        yield part


def _made(settings: str) -> Any:
    """Make a model or cache anew from what a job, which has checked it, made its own from."""
    import hydra

    return hydra.utils.instantiate(json.loads(settings), _convert_="all")
