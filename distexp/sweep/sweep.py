"""The rounds of a sweep: run the jobs, ask for what they lack, run those again."""

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from distexp.asking.budget import Budget
from distexp.asking.plan import Plan
from distexp.report.forecast import Forecast
from distexp.sweep.display import Display
from distexp.sweep.job import Done, Planned, Task, Waiting
from distexp.sweep.parent import Asking, apart
from distexp.sweep.workers import Job, Workers
from distexp.terminal.documents import laid_out
from distexp.terminal.texts import width


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A job that did not come to its end."""

    task: Task
    reason: str


@dataclass(slots=True)
class Sweep:
    """Runs jobs in worker processes and asks for all of them together.

    Parameters
    ----------
    job : callable
        Runs one task, in a worker; what it prints is shown in the order of the jobs.
    n_workers : int
    tell : callable
        Takes the jobs that fail before anything is asked for the others.
    progress : bool
        Whether to show on standard error how far it is.
    as_json : bool
        Whether what would be asked is told to programs.

    Attributes
    ----------
    failures : list of Failure
        In the order of the jobs, after `run`.
    refused : bool
        Whether nothing was asked, since the settings of a job do not exist.
    n_told : int
        How many failures were told before anything was asked.
    """

    job: Job
    n_workers: int
    tell: Callable[[Sequence[Failure]], None]
    progress: bool = True
    as_json: bool = False
    failures: list[Failure] = field(default_factory=list)
    refused: bool = False
    n_told: int = 0
    _plans: list[Plan] = field(default_factory=list)
    _budget: Budget = field(default_factory=Budget)
    _texts: dict[int, str] = field(default_factory=dict)
    _shown: int = 0

    def run(self, tasks: Sequence[Task]) -> None:
        """Run all tasks; what one of them does wrong is in `failures` and harms no other."""
        self._texts = {}
        numbers, by_number = [task.number for task in tasks], {task.number: task for task in tasks}
        self._shown = 0
        display = Display(len(tasks), shown=self.progress)
        asking = Asking()
        with Workers(self.job, min(self.n_workers, len(tasks))) as workers:

            def run(tasks: Sequence[Task], n_later: int = 0) -> list[Waiting]:
                waiting = []
                for outcome in workers.run(tasks):
                    if isinstance(outcome, Waiting):
                        waiting.append(outcome)
                    else:
                        asking.forget(outcome.number)
                        self._end(outcome, by_number)
                        self._show(numbers, display)
                    display.tick(len(self._texts), n_later + len(waiting))
                display.clear()
                return waiting

            waiting = run(tasks)
            if waiting and not self.refused:
                self._tell_early()
                asking.begin(waiting)
            while waiting and not self.refused:
                now, later = apart(waiting)
                able = self._next(asking, now, by_number)
                self._show(numbers, display)
                waiting = [*run(able, len(later)), *later]
                able.clear()  # their answers, before there are others
        if self._plans:
            forecast = Forecast(self._plans)
            lines = laid_out(forecast.text(self._budget), width())
            if self.as_json:
                lines = [json.dumps(forecast.document(), allow_nan=False)]
            sys.stdout.write("".join(f"{line}\n" for line in lines))
        self.failures.sort(key=lambda failure: failure.task.number)

    def _next(
        self, asking: Asking, waiting: list[Waiting], by_number: dict[int, Task]
    ) -> list[Task]:
        """Ask for what jobs wait for, and return those that can go on with it."""
        waiting.sort(key=lambda job: job.number)
        answers = asking.answer(waiting)
        tasks = []
        for number, given in answers.items():
            if number in asking.failed:
                self._end(Done(number=number, error=asking.failed[number]), by_number)
                continue
            overrides = by_number[number].overrides
            tasks.append(
                Task(number=number, overrides=overrides, given=given, stopped=asking.stopped)
            )
        return tasks

    def _end(self, outcome: Done | Planned, by_number: dict[int, Task]) -> None:
        if isinstance(outcome, Planned):
            self._plans.append(outcome.plan)
            self._budget = outcome.budget
            self._texts[outcome.number] = ""
            return
        self._texts[outcome.number] = outcome.text
        if outcome.error is not None:
            self.refused |= not outcome.composed
            self.failures.append(Failure(task=by_number[outcome.number], reason=outcome.error))

    def _tell_early(self) -> None:
        """Say which jobs have failed before anything is asked for the others."""
        if self.failures and not self.n_told:
            self.n_told = len(self.failures)
            self.tell(sorted(self.failures, key=lambda failure: failure.task.number))

    def _show(self, numbers: Sequence[int], display: Display) -> None:
        """Show what the jobs printed, as far as all before them are over."""
        while self._shown < len(numbers) and numbers[self._shown] in self._texts:
            display.clear()
            sys.stdout.write(self._texts[numbers[self._shown]])
            self._texts[numbers[self._shown]] = ""
            self._shown += 1
        sys.stdout.flush()
