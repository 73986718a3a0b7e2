import hashlib
import zlib

import pytest

from distexp.cache import Record
from distexp.cache.redis.values import ALIKE, packed, unpacked
from tests.cache.answers import FULL_RESPONSE, VERSIONS, ask

TEXT = Record(
    request=ask(
        text="Imagine that you are a woman. How much should be spent on space?" * 5
    ).document,
    response=FULL_RESPONSE,
    created="2026-01-02T03:04:05.678+00:00",
    latency_s=1.0,
    attempts=1,
    versions=VERSIONS,
).to_json()


@pytest.mark.parametrize(
    "text", [TEXT, "{}", '{"reply": "Ä"}' * 10_000], ids=["usual", "short", "long"]
)
def test_text_comes_back_as_it_was(text: str) -> None:
    """Its SHA-256 stands before it."""
    value = packed(text)

    assert unpacked(value).decode() == text
    assert value[:64].decode() == hashlib.sha256(text.encode()).hexdigest()


def test_usual_record_takes_less_than_zlib_alone_makes_of_it() -> None:
    """What all records have in common is known in advance."""
    alone = len(zlib.compress(TEXT.encode()))

    assert len(packed(TEXT)) - 64 < 0.65 * alone


def test_what_is_known_in_advance_never_changes() -> None:
    """Every answer on a server hangs on it: this digest is for good."""
    assert (
        hashlib.sha256(ALIKE).hexdigest()
        == "c46ae103d0c08a2a19c389f51e6a43c9429488e209981c88232a9e2bf4c7174c"
    )


def test_text_is_read_however_it_was_compressed() -> None:
    """Also without what is alike, as a tool of another language may write it."""
    tag = hashlib.sha256(TEXT.encode()).hexdigest().encode()

    assert unpacked(tag + zlib.compress(TEXT.encode())) == TEXT.encode()
    assert unpacked(tag + TEXT.encode()) == TEXT.encode()


@pytest.mark.parametrize("keep", [0, 10, 64, 65, 100, -1])
def test_value_that_is_cut_off_is_refused(keep: int) -> None:
    """Wherever it is cut."""
    with pytest.raises((ValueError, zlib.error)):
        unpacked(packed(TEXT)[:keep])


def test_text_that_unfolds_without_end_is_refused() -> None:
    """A few bytes may stand for gigabytes."""
    bomb = b"0" * 64 + zlib.compress(bytes(1_000_000))

    with pytest.raises(ValueError, match="cut off or too long"):
        unpacked(bomb, longest=10_000)
