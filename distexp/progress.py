"""What is shown while calls run: one line that is written over, or a line now and then."""

import shutil
import sys
import time
from typing import TextIO

from distexp.types import Response

TERMINAL_EVERY_S = 0.1
LOG_EVERY_S = 10.0


class Progress:
    """Shows calls, hits, speed, failed attempts, cost and time left.

    On a terminal one line is kept up to date. Elsewhere, as in a log file, a plain line is written
    every ten seconds, and one at the end.

    Parameters
    ----------
    label : str
        What is being asked.
    total, hits : int
        Calls to be made, and requests that the cache has answered.
    shown : bool
        False shows nothing.
    stream : file, optional
        Where to write; standard error by default.
    """

    def __init__(
        self,
        label: str,
        *,
        total: int,
        hits: int = 0,
        shown: bool = True,
        stream: TextIO | None = None,
    ) -> None:
        self._label = label
        self._total = total
        self._hits = hits
        self._stream = stream or sys.stderr
        self._shown = shown
        self._terminal = shown and self._stream.isatty()
        self._every_s = TERMINAL_EVERY_S if self._terminal else LOG_EVERY_S
        self._started = self._written = time.monotonic()
        self._answered = self._failed = 0
        self._usd: float | None = None
        self._trouble = ""

    def answered(self, response: Response) -> None:
        """Count an answer."""
        self._answered += 1
        self._trouble = ""
        if response.cost_usd is not None:
            self._usd = (self._usd or 0.0) + response.cost_usd
        self._tick()

    def shared(self) -> None:
        """Count an answer that another process paid for: one more from the cache."""
        self._total -= 1
        self._hits += 1
        self._tick()

    def failed(self, reason: str) -> None:
        """Count an attempt that failed and is made again; say why until the next answer."""
        self._failed += 1
        self._trouble = reason
        self._tick()

    def close(self) -> None:
        """Write the last line."""
        if self._shown:
            self._write("\n")

    def line(self, elapsed_s: float) -> str:
        """Return what is shown after so many seconds."""
        rate = self._answered / max(elapsed_s, 1e-9)
        parts = [f"{self._label}: {self._answered:,} of {self._total:,} calls"]
        if self._hits:
            parts.append(f"{self._hits:,} from the cache")
        parts.append(f"{rate:,.0f}/s" if rate >= 10 else f"{60 * rate:,.0f}/min")
        if self._failed:
            parts.append(f"{self._failed:,} attempts failed")
        if self._usd is not None:
            parts.append(f"${self._usd:,.2f}")
        left = self._total - self._answered
        if left and self._answered:
            parts.append(f"{duration(left / rate)} left")
        if self._trouble:
            parts.append(self._trouble)
        return ", ".join(parts)

    def _tick(self) -> None:
        if self._shown and time.monotonic() - self._written >= self._every_s:
            self._write("" if self._terminal else "\n")

    def _write(self, end: str) -> None:
        self._written = time.monotonic()
        text = self.line(self._written - self._started)
        if self._terminal:
            width = shutil.get_terminal_size().columns - 1
            text = f"\r\x1b[K{text[:width]}"
        self._stream.write(text + end)
        self._stream.flush()


def duration(seconds: float) -> str:
    """Write a time span in words.

    Examples
    --------
    >>> duration(8), duration(340), duration(7500)
    ('8 s', '6 min', '2 h 5 min')
    """
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"
