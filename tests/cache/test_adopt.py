import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from distexp.cache import Adopted, Record
from distexp.cache.disk.reader import Reader
from distexp.errors import CacheCorruptError, CacheError
from tests.cache.answers import FULL_RESPONSE, Opener, ask, digest_of, put, sql, text_of

Entries = list[tuple[str, str]]


def entries(folder: Path) -> Entries:
    """Return names and texts of all entries of a cache."""
    return [(name, str(text)) for name, text in Reader(folder).scan("value", order="key")]


def offered(number: int = 0, text: str = "theirs", **changes: Any) -> tuple[str, str]:
    """Return an entry from elsewhere."""
    record = Record(
        request=ask(number).document,
        response=replace(FULL_RESPONSE, text=text),
        created="2026-01-02T03:04:05.678+00:00",
        latency_s=1.0,
        attempts=1,
        versions={"distexp": "0.1.0"},
    )
    return ask(number).key, replace(record, **changes).to_json()


def test_new_entries_are_stored_as_they_are(filled: Path, tmp_path: Path, opened: Opener) -> None:
    """Name, text and digest of every entry are those of the cache that they come from."""
    target = opened(path=tmp_path / "target")

    adopted = target.adopt(entries(filled))

    assert adopted == Adopted(added=10, present=0, conflicts=())
    assert entries(tmp_path / "target") == entries(filled)
    assert text_of(target, ask(3)) == "answer 3"


def test_adopting_twice_adds_nothing(filled: Path, opened: Opener) -> None:
    """What is here already is counted, whenever and however fast it came elsewhere."""
    again = Record.from_json(entries(filled)[0][1])
    later = replace(again, created="2027-01-01T00:00:00+00:00", latency_s=9.0)

    assert opened().adopt(entries(filled)) == Adopted(added=0, present=10, conflicts=())
    assert opened().adopt([(later.key, later.to_json())]).present == 1
    assert len(entries(filled)) == 10


def test_another_answer_is_reported_and_the_one_here_kept(filled: Path, opened: Opener) -> None:
    """A conflict is named by its key; the entries around it are taken in."""
    adopted = opened().adopt([offered(20), offered(3), offered(21)])

    assert adopted == Adopted(added=2, present=0, conflicts=(ask(3).key,))
    assert text_of(opened(), ask(3)) == "answer 3"


def test_two_answers_that_are_offered_together_are_a_conflict(opened: Opener) -> None:
    """Of two answers to one request the first is taken."""
    adopted = opened().adopt([offered(0, "first"), offered(0, "second")])

    assert adopted == Adopted(added=1, present=0, conflicts=(ask(0).key,))
    assert text_of(opened(), ask(0)) == "first"


def refreshed(opened: Opener, folder: Path, *texts: str) -> Entries:
    """Make a cache that has been asked the same request over and over; return its entries."""
    for text in texts:
        put(opened("refresh", folder), ask(), text)
    return entries(folder)


@pytest.mark.parametrize("order", [list, lambda found: found[::-1]], ids=["newest", "oldest"])
def test_generations_are_taken_in_together(
    opened: Opener, tmp_path: Path, order: Callable[[Entries], Entries]
) -> None:
    """Whichever comes first, the newest answers and the replaced ones are kept beside it."""
    theirs = refreshed(opened, tmp_path / "theirs", "same", "same", "new")

    adopted = opened().adopt(order(theirs))

    assert adopted == Adopted(added=3, present=0, conflicts=())
    assert entries(opened().path) == theirs
    assert text_of(opened(), ask()) == "new"
    put(opened("refresh"), ask(), "newer")
    assert [json.loads(text)["generation"] for _, text in entries(opened().path)] == [3, 0, 1, 2]


def test_a_later_generation_does_not_replace_an_answer(opened: Opener, tmp_path: Path) -> None:
    """What is served here stays; of the others only those that are here too are no conflict."""
    theirs = refreshed(opened, tmp_path / "theirs", "ours", "second", "third")
    put(opened(), ask(), "ours")

    adopted = opened().adopt(theirs)

    assert adopted == Adopted(added=0, present=1, conflicts=(ask().key, f"{ask().key}/1"))
    assert text_of(opened(), ask()) == "ours"
    put(opened("refresh"), ask(), "ours again")


def test_an_answer_that_was_replaced_here_is_present(opened: Opener, tmp_path: Path) -> None:
    """It is kept under an older generation, so there is nothing to report."""
    theirs = refreshed(opened, tmp_path / "theirs", "old")
    refreshed(opened, opened().path, "old", "new")

    assert opened().adopt(theirs) == Adopted(added=0, present=1, conflicts=())


def test_a_replaced_answer_alone_is_not_taken(opened: Opener, tmp_path: Path) -> None:
    """Without the answer in its place it would be in the way of the next one."""
    theirs = refreshed(opened, tmp_path / "theirs", "old", "new")

    adopted = opened().adopt(theirs[1:])

    assert adopted == Adopted(added=0, present=0, conflicts=(f"{ask().key}/0",))
    assert opened().known([ask()]) == set()


NAME, TEXT = offered()
OTHER_NAME, OTHER_TEXT = offered(1)


def without(text: str, old: str, new: str) -> str:
    """Replace a part that must be there."""
    assert old in text
    return text.replace(old, new)


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("../../etc", TEXT, "its name is not that of an entry"),
        (f"{NAME}/01", TEXT, "its name is not that of an entry"),
        (NAME.upper(), TEXT, "its name is not that of an entry"),
        (NAME, OTHER_TEXT, "it answers another request"),
        (f"{NAME}/1", TEXT, "it says that it is generation 0"),
        (NAME, "", "A record begins with"),
        (NAME, '{"request":' + "[" * 100_000, "recursion"),
        (NAME, TEXT + " ", "Extra data|written in another way"),
        (NAME, TEXT[:-1], "delimiter"),
        (NAME, without(TEXT, '"attempts": 1', '"attempts":1'), "written in another way"),
        (NAME, without(TEXT, '"attempts": 1', '"attempts": true'), "the 'attempts' of its record"),
        (NAME, without(TEXT, '"attempts"', '"run"'), "unexpected keyword argument 'run'"),
        (NAME, without(TEXT, '"latency_s": 1.0', '"latency_s": NaN'), "number that JSON has not"),
        (NAME, without(TEXT, "2026-01-02T", "yesterday"), "isoformat"),
        (NAME, without(TEXT, "+00:00", ""), "its date has no time zone"),
        (NAME, without(TEXT, '"finish_reason": "stop"', '"finish_reason": 7'), "finish_reason"),
        (NAME, without(TEXT, '"prompt_tokens": 11', '"prompt_tokens": "11"'), "prompt_tokens"),
        (NAME, without(TEXT, '[["A", -0.1]', '[["A", "-0.1"]'), "log-probabilities"),
        (NAME, without(TEXT, "[1.5e-07, 6e-07]", "[1.5e-07]"), "its price is not two numbers"),
    ],
)
def test_an_entry_that_distexp_would_not_have_written_is_refused(
    opened: Opener, name: str, text: str, reason: str
) -> None:
    """The error names the entry and the reason, and nothing of it is stored."""
    with pytest.raises(CacheCorruptError, match=f"cannot be taken in.*({reason})"):
        opened().adopt([(name, text)])

    assert not opened().path.exists()


@pytest.mark.parametrize(
    "document",
    [
        ask().document.replace('"draw":0', '"draw": 0'),
        ask().document.replace('"draw":0', '"draw":0.0'),
        ask().document.replace('"draw":0', '"draw":"0"'),
        ask().document.replace('"draw":0,', ""),
        '"a text"',
    ],
)
def test_a_request_that_is_not_canonical_is_refused(opened: Opener, document: str) -> None:
    """Its SHA-256 is its name, but no request of distexp has that key."""
    text = TEXT.replace(ask().document, document)

    with pytest.raises(CacheCorruptError, match="cannot be taken in"):
        opened().adopt([(digest_of(document), text)])


def test_what_came_before_a_refused_entry_is_kept(opened: Opener) -> None:
    """The parts that were stored are whole; mended, the same entries are taken in again."""
    good = [offered(number) for number in range(2001)]

    with pytest.raises(CacheCorruptError):
        opened().adopt([*good, (NAME, OTHER_TEXT)])

    assert len(entries(opened().path)) == 2000
    assert opened().adopt(good) == Adopted(added=1, present=2000, conflicts=())


def test_a_damaged_entry_here_is_reported(filled: Path, opened: Opener) -> None:
    """What cannot be compared is not called the same, nor a conflict."""
    sql(filled, "UPDATE Cache SET tag = ?", "0" * 64)

    with pytest.raises(CacheCorruptError, match="distexp cache verify --drop"):
        opened().adopt([offered(0)])


@pytest.mark.parametrize("mode", ["replay", "off"])
def test_a_cache_that_is_not_written_to_takes_nothing_in(
    folder: Path, opened: Opener, mode: str
) -> None:
    """The error names the mode; no file is made."""
    with pytest.raises(CacheError, match=f"cache.mode={mode}"):
        opened(mode).adopt([offered()])

    assert not folder.exists()
