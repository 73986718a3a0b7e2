"""When a call that failed is made again, and after how long."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from distexp.errors import TransientModelError


class ThrottledError(TransientModelError):
    """The endpoint turned the call away because it gets too many: all its calls have to wait."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """How long to wait before the next attempt: twice as long each time, spread at random.

    Calls that failed together would otherwise come again together.
    """

    first_s: float = 0.5
    """Before the second attempt, in seconds."""
    longest_s: float = 30.0
    """Pauses grow up to here, in seconds."""
    give_up_s: float = 120.0
    """An endpoint that asks to be left alone for longer, or turns every call away for longer,
    ends the run: nobody waits a day unawares."""

    def pause_s(self, attempt: int, asked_s: float | None = None) -> float:
        """Return the pause after failure number `attempt`, in seconds.

        Parameters
        ----------
        attempt : int
            Failures in a row so far, from 1.
        asked_s : float, optional
            How long the server asked to be left alone; it is never asked again sooner.
        """
        grown = min(self.longest_s, self.first_s * 2.0 ** min(attempt - 1, 32))
        spread = random.uniform(0.5, 1.0) * grown
        if asked_s is None:
            return spread
        asked_s *= random.uniform(1.0, 1.1)
        return asked_s if attempt == 1 else max(asked_s, spread)


def retry_after_s(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Return how long a reply's headers ask to be left alone, in seconds; None if they do not.

    `Retry-After` may be seconds or an HTTP date (RFC 9110, section 10.2.3); `retry-after-ms`,
    where a server sends it as well, is finer.

    Parameters
    ----------
    headers : mapping
        Its look-up must not depend on case, or its names be in lower case.
    now : datetime, optional
        The time to count a date from; by default the server's own, so that clocks may differ.
    """
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    asked = headers.get("retry-after")
    seconds = _number(asked)
    if seconds is not None or asked is None:
        return seconds
    until = _date(asked)
    if until is None:
        return None
    now = now or _date(headers.get("date")) or datetime.now(UTC)
    return max(0.0, (until - now).total_seconds())


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return max(0.0, number) if number < float("inf") else None


def _date(text: str | None) -> datetime | None:
    try:
        date = parsedate_to_datetime(text or "")
    except ValueError:
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)
