"""How far the jobs of a sweep are: one line that is written over, or a line now and then."""

from typing import TextIO

from distexp.terminal.line import Line


class Display:
    """Counts the jobs that are over and those that wait for answers.

    Parameters
    ----------
    n_jobs : int
    shown : bool
        False shows nothing.
    stream : file, optional
        Where to write; standard error by default.
    """

    def __init__(self, n_jobs: int, *, shown: bool, stream: TextIO | None = None) -> None:
        self._n_jobs = n_jobs
        self._line = Line(shown=shown, stays=False, stream=stream)

    def tick(self, n_over: int, n_waiting: int) -> None:
        """Write a line if it is time for one."""
        waiting = f", {n_waiting:,} wait for answers" if n_waiting else ""
        self._line.tick(
            lambda: f"sweep: {n_over:,} of {self._n_jobs:,} jobs{waiting}", n_over / self._n_jobs
        )

    def clear(self) -> None:
        """Take the line away, before something else is written on the terminal."""
        self._line.close()
