"""What is shown while calls run: one line that is written over, or a line now and then."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TextIO

from distexp.request import Response
from distexp.terminal.line import Line
from distexp.visible import one_line

MOST_PARTS = 4
"""How many models are named in one line: those that will take longest."""


@dataclass(slots=True)
class Part:
    """The calls to one of several models."""

    total: int
    answered: int = 0
    given_up: bool = False

    @property
    def left(self) -> int:
        """Calls to be made yet."""
        return 0 if self.given_up else self.total - self.answered


class Progress:
    """Shows calls, hits, speed, failed attempts, cost and time left, of one or several models.

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
        self._shown = Line(shown=shown, stream=stream)
        self._started = time.monotonic()
        self._answered = self._failed = self._elsewhere = 0
        self._usd: float | None = None
        self._trouble = ""
        self._parts: dict[str, Part] = {}

    def begin(self, totals: Mapping[str, int]) -> None:
        """Show a line at once, on a terminal, and from now on how far each model is.

        Parameters
        ----------
        totals : mapping of str to int
            Calls to be made by model.
        """
        self._started = time.monotonic()
        self._parts = {name: Part(total) for name, total in totals.items()}
        if self._shown.on_terminal:
            self._show()

    def answered(self, response: Response, model: str = "") -> None:
        """Count an answer."""
        self._answered += 1
        if model in self._parts:
            self._parts[model].answered += 1
        self._trouble = ""
        if response.cost_usd is not None:
            self._usd = (self._usd or 0.0) + response.cost_usd
        self.tick()

    def shared(self, model: str = "") -> None:
        """Count an answer that another process paid for: one more from the cache."""
        self._total -= 1
        self._hits += 1
        if model in self._parts:
            self._parts[model].total -= 1
        self.tick()

    def elsewhere(self, n_calls: int) -> None:
        """Say how many calls another process is making."""
        self._elsewhere = n_calls
        self.tick()

    def failed(self, reason: str) -> None:
        """Count an attempt that failed and is made again; say why until the next answer."""
        self._failed += 1
        self._trouble = reason
        self.tick()

    def waiting(self, what: str) -> None:
        """Say what is being waited for, until the next answer."""
        self._trouble = what
        self.tick()

    def given_up(self, model: str) -> None:
        """Say that a model is asked no further."""
        if model in self._parts:
            self._parts[model].given_up = True
        self.tick()

    def tick(self) -> None:
        """Write a line if it is time for one."""
        self._shown.tick(self._text, self._share())

    def close(self) -> None:
        """Write the last line."""
        self._show()
        self._shown.close()

    def line(self, elapsed_s: float) -> str:
        """Return what is shown after so many seconds."""
        rate = self._answered / max(elapsed_s, 1e-9)
        words = [f"{self._label}: {self._answered:,} of {self._total:,} calls"]
        if self._hits:
            words.append(f"{self._hits:,} from the cache")
        words.append(f"{rate:,.0f}/s" if rate >= 10 else f"{60 * rate:,.0f}/min")
        if self._elsewhere:
            words.append(f"{self._elsewhere:,} asked by another process")
        if self._failed:
            words.append(f"{self._failed:,} attempts failed")
        if self._usd is not None:
            words.append(f"${self._usd:,.2f}")
        if (left_s := self._left_s(elapsed_s)) is not None:
            words.append(f"{duration(left_s)} left")
        if self._trouble:
            words.append(self._trouble)
        return one_line(", ".join(words + self._models(elapsed_s)))

    def _left_s(self, elapsed_s: float) -> float | None:
        """Return how long the slowest model will take; None where there is nothing to go by."""
        parts = list(self._parts.values()) or [Part(self._total, self._answered)]
        left_s = [self._part_left_s(part, elapsed_s) for part in parts if part.left > 0]
        return max(left_s) if left_s and self._answered else None

    def _part_left_s(self, part: Part, elapsed_s: float) -> float:
        """Take its own speed, or that of all where it has none yet."""
        speed = (part.answered or self._answered) / max(elapsed_s, 1e-9)
        return part.left / speed if speed else float("inf")

    def _models(self, elapsed_s: float) -> list[str]:
        """Return how far each of several models is, the one that takes longest first."""
        if len(self._parts) < 2:
            return []
        slowest = sorted(
            (name for name, part in self._parts.items() if part.left > 0),
            key=lambda name: -self._part_left_s(self._parts[name], elapsed_s),
        )
        words = [
            f"{name} {self._parts[name].answered:,}/{self._parts[name].total:,}"
            for name in slowest[:MOST_PARTS]
        ]
        if len(slowest) > MOST_PARTS:
            words.append(f"{len(slowest) - MOST_PARTS} more")
        given_up = [name for name, part in self._parts.items() if part.given_up]
        return words + [f"{name} given up" for name in given_up]

    def _text(self) -> str:
        return self.line(time.monotonic() - self._started)

    def _share(self) -> float:
        """Return how much is answered, of 0 to 1."""
        return self._answered / self._total if self._total else 1.0

    def _show(self) -> None:
        self._shown.show(self._text(), self._share())


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
