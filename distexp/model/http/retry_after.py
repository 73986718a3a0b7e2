"""How long a reply asks to be left alone."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


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
    except (ValueError, OverflowError, TypeError, IndexError):  # what it raises for odd texts
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)
