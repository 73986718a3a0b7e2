"""The parent of a sweep: what its jobs lack is asked once, all of it in one schedule."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
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
from distexp.request import Request
from distexp.sweep.job import Waiting


@dataclass(slots=True)
class _Ask:
    """What is asked for one or several jobs."""

    request: Request
    model: Model
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
        self._told: dict[int, dict[str, Answer]] = {}

    def answer(self, waiting: Sequence[Waiting]) -> dict[int, dict[str, Answer]]:
        """Ask for what jobs lack, and return the answers of each: old and new, by key.

        Raises
        ------
        ConfigError
            If the budget is in USD and a price is unknown: it would not hold.
        """
        self._agree_on_budget(waiting)
        for cache, jobs in self._by_cache(waiting).items():
            if self.stopped is None:
                self._ask(self._schedules[cache], jobs)
        return {job.number: self._told.get(job.number, {}) for job in waiting}

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
        asks = self._asks(jobs)
        refused = self._preflight(asks)
        asked = {key: ask for key, ask in asks.items() if id(ask.model) not in refused}
        models = {ask.model.name for ask in asked.values()}
        progress = Progress(
            f"asking {', '.join(sorted(models)) if len(models) < 4 else f'{len(models)} models'}",
            total=len(asked),
            hits=sum(job.n_hits for job in jobs),
            shown=any(job.progress for job in jobs),
        )
        requests = {ask.request.key: ask for ask in asked.values()}
        ordered = by_prompt(ask.request for ask in asked.values())
        outcome = Outcome()
        if asked:
            calls = [(requests[r.key].model, r) for r in ordered]
            answering = [self._models[job.model] for job in jobs if job.n_answered]
            outcome = schedule.run(calls, progress, answering)
        for model, exc in outcome.failures:
            refused.setdefault(id(model), exc)
        self._tell(asks, outcome)
        self._give_up(jobs, asks, refused, outcome, schedule.cache)

    def _asks(self, jobs: Sequence[Waiting]) -> dict[str, _Ask]:
        """Return each request once, by its key."""
        asks: dict[str, _Ask] = {}
        for job in jobs:
            if job.model not in self._models:
                self._models[job.model] = _made(job.model)
            model = self._models[job.model]
            if job.probed is not None and isinstance(model, Probed):
                model.learn(job.probed)
            for request in job.requests:
                ask = asks.setdefault(request.key, _Ask(request, model))
                ask.jobs.append(job.number)
        return asks

    @staticmethod
    def _preflight(asks: dict[str, _Ask]) -> dict[int, ModelError]:
        """Return the models that cannot be called, and why: the others are."""
        refused: dict[int, ModelError] = {}
        for model in {id(ask.model): ask.model for ask in asks.values()}.values():
            try:
                model.preflight()
            except ModelError as exc:
                refused[id(model)] = exc
        return refused

    def _tell(self, asks: dict[str, _Ask], outcome: Outcome) -> None:
        for key, response in outcome.responses.items():
            for place, number in enumerate(asks[key].jobs):
                answer = Answer(response=response, hit=place > 0 or key in outcome.shared)
                self._told.setdefault(number, {})[key] = answer

    def _give_up(
        self,
        jobs: Sequence[Waiting],
        asks: dict[str, _Ask],
        refused: dict[int, ModelError],
        outcome: Outcome,
        cache: Cache,
    ) -> None:
        """Note which jobs cannot go on."""
        if isinstance(outcome.stopped, BudgetError):
            self.stopped = how_far(outcome.stopped, len(outcome.responses), len(asks), cache)
        for job in jobs:
            told = self._told.get(job.number, {})
            n_told = sum(request.key in told for request in job.requests)
            if n_told == len(job.requests):
                continue
            model = self._models[job.model]
            cause: ModelError | CacheError | None = refused.get(id(model))
            if cause is None and isinstance(outcome.stopped, CacheError):
                cause = outcome.stopped
            if cause is not None:
                self.failed[job.number] = how_far(cause, n_told, len(job.requests), cache)


def _made(settings: str) -> Any:
    """Make a model or cache anew from what a job, which has checked it, made its own from."""
    import hydra

    return hydra.utils.instantiate(json.loads(settings), _convert_="all")
