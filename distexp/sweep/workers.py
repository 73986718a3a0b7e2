"""Processes that run the jobs of a sweep side by side."""

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextvars import ContextVar
from types import TracebackType
from typing import Self

from distexp.asking.processes import leave_to_parent
from distexp.sweep.job import Done, Planned, Task, Waiting, run
from distexp.terminal.line import Line

Outcome = Done | Planned | Waiting
Job = Callable[[Task], None]

_job: ContextVar[Job] = ContextVar("job")


class Workers:
    """Runs tasks in processes that are forked before anything else is under way.

    Use it as a context manager. A process that dies, as one does that the system kills for want
    of memory, takes no job with it but the one that it was running.

    Parameters
    ----------
    job : callable
        Runs one task, in a worker.
    n_workers : int
    """

    def __init__(self, job: Job, n_workers: int) -> None:
        self._job = job
        self._pool = self._new_pool(n_workers)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: object, __: TracebackType | None
    ) -> None:
        if kind is not None:  # above all an interrupt: whatever the workers do is in vain
            for process in multiprocessing.active_children():
                process.kill()
        self._pool.shutdown(wait=kind is None, cancel_futures=True)

    def run(self, tasks: Sequence[Task]) -> Iterator[Outcome]:
        """Yield what comes of the tasks, as they end."""
        yield from self._run(tasks, self._one_by_one)

    def _run(
        self, tasks: Sequence[Task], broken: Callable[[list[Task]], Iterator[Outcome]]
    ) -> Iterator[Outcome]:
        futures: dict[Future[Outcome], Task] = {}
        unfinished: list[Task] = []
        for task in tasks:
            try:
                futures[self._pool.submit(_run_task, task)] = task
            except BrokenProcessPool:  # while the first of them run
                unfinished.append(task)
        for future in as_completed(futures):
            task = futures.pop(future)  # what it returned is let go of as soon as it is used
            try:
                yield future.result()
            except BrokenProcessPool:
                unfinished.append(task)
        if unfinished:
            yield from broken(sorted(unfinished, key=lambda task: task.number))

    def _one_by_one(self, tasks: Sequence[Task]) -> Iterator[Outcome]:
        """Go on after a process died, so that the next that dies tells which job it was."""
        for task in tasks:
            self._pool.shutdown()
            self._pool = self._new_pool(1)
            yield from self._run([task], self._died)

    @staticmethod
    def _died(tasks: Sequence[Task]) -> Iterator[Outcome]:
        for task in tasks:
            msg = "Its process was killed, perhaps for want of memory."
            yield Done(number=task.number, error=msg)

    def _new_pool(self, n_workers: int) -> ProcessPoolExecutor:
        # Forked, since a function that Hydra holds cannot be sent to a process.
        pool = ProcessPoolExecutor(
            n_workers,
            mp_context=multiprocessing.get_context("fork"),
            initializer=_begin,
            initargs=(self._job, n_workers),
        )
        pool.submit(int).result()  # forks them now, while there are no threads
        return pool


def _begin(job: Job, n_workers: int) -> None:
    """Make this process a worker: it leaves interrupts to its parent, and ends with it."""
    _job.set(job)
    Line.off = True  # several processes would write over each other's
    leave_to_parent()
    threads = max(1, (os.cpu_count() or 1) // n_workers)
    os.environ.setdefault("POLARS_MAX_THREADS", str(threads))


def _run_task(task: Task) -> Outcome:
    return run(task, _job.get())
