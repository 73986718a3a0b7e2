"""How far the jobs of a sweep are: one line that is written over, or a line now and then."""

import sys
import time
from typing import TextIO

from distexp.asking.progress import LOG_EVERY_S, TERMINAL_EVERY_S

ERASE = "\r\x1b[K"


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
        self._shown = shown
        self._stream = stream or sys.stderr
        self._terminal = shown and self._stream.isatty()
        self._every_s = TERMINAL_EVERY_S if self._terminal else LOG_EVERY_S
        self._written = time.monotonic()

    def tick(self, n_over: int, n_waiting: int) -> None:
        """Write a line if it is time for one."""
        if not self._shown or time.monotonic() - self._written < self._every_s:
            return
        self._written = time.monotonic()
        waiting = f", {n_waiting:,} wait for answers" if n_waiting else ""
        text = f"sweep: {n_over:,} of {self._n_jobs:,} jobs{waiting}"
        self._stream.write(f"{ERASE}{text}" if self._terminal else f"{text}\n")
        self._stream.flush()

    def clear(self) -> None:
        """Take the line away, before something else is written on the terminal."""
        if self._terminal:
            self._stream.write(ERASE)
            self._stream.flush()
