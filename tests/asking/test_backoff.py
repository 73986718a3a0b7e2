"""How long to wait before a call is made again."""

from datetime import UTC, datetime

import pytest

from distexp.asking.backoff import Backoff
from distexp.model.http.retry_after import retry_after_s

NOW = datetime(2026, 11, 25, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("attempt", "longest"), [(1, 0.5), (2, 1.0), (3, 2.0), (6, 16.0), (7, 30.0), (5000, 30.0)]
)
def test_pauses_double_up_to_a_limit_and_are_spread(attempt: int, longest: float) -> None:
    """Each lies between half of its longest and that, and no two are alike."""
    pauses = [Backoff().pause_s(attempt) for _ in range(50)]

    assert all(longest / 2 <= pause <= longest for pause in pauses)
    assert len(set(pauses)) == 50


def test_a_server_is_asked_again_no_sooner_than_it_wants() -> None:
    """First as it says, a tenth later at most; then whichever is longer."""
    first = [Backoff().pause_s(1, 7.0) for _ in range(50)]
    later = [Backoff().pause_s(6, 1.0) for _ in range(50)]

    assert all(7.0 <= pause <= 7.7 for pause in first)
    assert all(8.0 <= pause <= 16.0 for pause in later)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": "0.25"}, 0.25),
        ({"retry-after": "-1"}, 0.0),
        ({"retry-after": "Wed, 25 Nov 2026 12:00:30 GMT"}, 30.0),
        ({"retry-after": "Wed, 25 Nov 2026 11:00:00 GMT"}, 0.0),
        ({"retry-after": "Wednesday, 25-Nov-26 12:00:30 GMT"}, 30.0),
        ({"retry-after": "Wed Nov 25 12:00:30 2026"}, 30.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "1", "retry-after-ms": "250"}, 0.25),
    ],
    ids=str,
)
def test_retry_after_is_read_in_every_form_that_http_allows(
    headers: dict[str, str], seconds: float | None
) -> None:
    """Seconds, the three forms of a date, or nothing that can be understood."""
    assert retry_after_s(headers, now=NOW) == seconds


def test_a_date_counts_from_the_clock_of_the_server() -> None:
    """A client whose clock is wrong by a year waits no longer."""
    headers = {
        "date": "Tue, 25 Nov 2025 12:00:00 GMT",
        "retry-after": "Tue, 25 Nov 2025 12:00:07 GMT",
    }

    assert retry_after_s(headers) == 7.0
