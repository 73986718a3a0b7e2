"""Archives of answers: out of one cache and into another, and nothing of those that are none."""

import json
import os
import pickle
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from distexp.cache import Adopted, Record, ResponseCache
from distexp.cache.disk.reader import Reader
from distexp.errors import ArchiveError, CacheCorruptError, CacheError
from distexp.request import Response
from distexp.sharing import checking
from distexp.sharing.archive import ARCHIVE, export, take_in
from distexp.sharing.checking import RECORDS
from tests.cache.answers import FULL_RESPONSE, Opener, ask, put, sql, text_of
from tests.sharing.parcels import content, listed

SECRET = 'sk-very"secret\\été'


def entries(folder: Path) -> list[tuple[str, str]]:
    """Return names and texts of all entries of a cache."""
    return [(row[0], str(row[-1])) for row in Reader(folder).scan("value", order="key")]


def lines(path: Path) -> list[bytes]:
    """Return the records of an archive."""
    return content(path)[RECORDS].split(b"\n")[:-1]


def archive(path: Path, records: list[bytes], **about: Any) -> Path:
    """Write an archive with a true manifest of whatever lines."""
    format_ = {"name": ARCHIVE, "version": 1}
    data = b"".join(line + b"\n" for line in records)
    return listed(path, {RECORDS: data}, {"format": format_, "n_records": len(records), **about})


def refusal(path: Path, cache: ResponseCache) -> str:
    """Return the one line that says why an archive is refused; nothing is stored then."""
    with pytest.raises(ArchiveError) as caught:
        take_in(path, cache)
    (line,) = str(caught.value).splitlines()
    assert not cache.path.exists()
    return line


@pytest.fixture
def target(tmp_path: Path, opened: Opener) -> ResponseCache:
    """Return an empty cache."""
    return opened(path=tmp_path / "target")


@pytest.fixture
def refreshed(filled: Path, opened: Opener) -> Path:
    """Return the folder of a cache in which one question was asked thrice."""
    cache = opened("refresh")
    put(cache, ask(3), response=FULL_RESPONSE)
    put(cache, ask(3), "third")
    cache.close()
    return filled


def test_all_answers_go_out_and_come_in(
    refreshed: Path, tmp_path: Path, target: ResponseCache
) -> None:
    """Entry for entry, those that were replaced too."""
    n_records = export(refreshed, None, tmp_path / "out.zip")

    assert n_records == 12
    assert take_in(tmp_path / "out.zip", target) == Adopted(added=12, present=0, conflicts=())
    assert entries(target.path) == entries(refreshed)
    assert text_of(target, ask(3)) == "third"


def test_records_stand_in_the_order_of_their_keys(refreshed: Path, tmp_path: Path) -> None:
    """One JSON text a line, as it is stored; the replaced ones follow the one in their place."""
    export(refreshed, None, tmp_path / "out.zip")

    found = [Record.from_json(line.decode()) for line in lines(tmp_path / "out.zip")]
    assert [line.decode() for line in lines(tmp_path / "out.zip")] == [
        text for _, text in entries(refreshed)
    ]
    assert [record.key for record in found] == sorted(record.key for record in found)
    assert [r.generation for r in found if r.key == ask(3).key] == [2, 0, 1]


def test_some_answers_go_out_by_their_keys(refreshed: Path, tmp_path: Path) -> None:
    """With what they replaced, and nothing else."""
    n_records = export(refreshed, [ask(3).key, ask(5).key, ask(3).key], tmp_path / "out.zip")

    found = [Record.from_json(line.decode()) for line in lines(tmp_path / "out.zip")]
    assert n_records == 4
    assert {record.key for record in found} == {ask(3).key, ask(5).key}


def test_an_answer_that_is_not_there_is_an_error(filled: Path, tmp_path: Path) -> None:
    """An archive that lacks what was asked for is not written."""
    with pytest.raises(CacheError, match=r"1 of 2 answers, .* are not in .*cache.*--path FOLDER"):
        export(filled, [ask(1).key, ask(99).key], tmp_path / "out.zip")

    assert not (tmp_path / "out.zip").exists()


def test_the_same_records_give_the_same_bytes(
    refreshed: Path, tmp_path: Path, target: ResponseCache
) -> None:
    """From another cache, where they were stored in another order and at another time."""
    one, other = tmp_path / "one.zip", tmp_path / "other.zip"
    export(refreshed, None, one)
    with_replaced = [(name, text) for name, text in reversed(entries(refreshed))]
    target.adopt(with_replaced)

    export(target.path, None, other)

    assert one.read_bytes() == other.read_bytes()


def test_the_manifest_says_what_there_is(filled: Path, tmp_path: Path) -> None:
    """Format, number, size and SHA-256, and which software wrote it."""
    export(filled, None, tmp_path / "out.zip")

    manifest = json.loads(content(tmp_path / "out.zip")["manifest.json"])
    assert manifest["format"] == {"name": "distexp.records", "version": 1}
    assert manifest["n_records"] == 10
    assert list(manifest["members"]) == [RECORDS]
    assert set(manifest["versions"]) == {"diskcache", "distexp"}


def test_taking_in_twice_adds_nothing_and_conflicts_are_told(
    filled: Path, tmp_path: Path, target: ResponseCache
) -> None:
    """The answer that is here stays."""
    export(filled, None, tmp_path / "out.zip")
    put(target, ask(4), "mine")

    assert take_in(tmp_path / "out.zip", target) == Adopted(
        added=9, present=0, conflicts=(ask(4).key,)
    )
    assert take_in(tmp_path / "out.zip", target).added == 0
    assert text_of(target, ask(4)) == "mine"


def test_a_cache_without_answers_makes_an_archive_without(
    tmp_path: Path, target: ResponseCache
) -> None:
    """A run on recorded estimates asks nothing."""
    assert export(tmp_path / "none", None, tmp_path / "out.zip") == 0
    assert take_in(tmp_path / "out.zip", target) == Adopted(added=0, present=0, conflicts=())


def test_a_damaged_entry_is_not_passed_on(filled: Path, tmp_path: Path) -> None:
    """The error names it, and no archive is written."""
    sql(filled, "UPDATE Cache SET value = replace(value, 'answer 1', 'answer 7')")

    with pytest.raises(CacheCorruptError, match=f"Entry {ask(1).key} of .* is not what was wri"):
        export(filled, None, tmp_path / "out.zip")
    assert not (tmp_path / "out.zip").exists()


# Archives that others wrote


def record(number: int = 0, **changes: Any) -> bytes:
    """Return a line that is as it should be, but for the changes."""
    fields: dict[str, Any] = {
        "request": ask(number).document,
        "response": Response(text=f"answer {number}", finish_reason="stop"),
        "created": "2026-01-02T03:04:05.678+00:00",
        "latency_s": 1.0,
        "attempts": 1,
        "versions": {},
    }
    return Record(**{**fields, **changes}).to_json().encode()


def by_key(*records: bytes) -> list[bytes]:
    """Return lines in the order of an archive."""
    return sorted(records, key=lambda line: Record.from_json(line.decode()).key)


class Bomb:
    """Makes a file when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.marker,)


GOOD = record(0)
HUGE = 10**400
BAD: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "begins with"),
    "not UTF-8": (GOOD.replace(b"answer", b"\xff"), "can't decode byte 0xff"),
    "UTF-16": (GOOD.decode().encode("utf-16"), "can't decode byte"),
    "not JSON": (GOOD[:-1], "delimiter"),
    "two records": (GOOD + GOOD, "Extra data"),
    "other JSON": (b'{"request":{}}', "response"),
    "no response": (b'{"request":{},"response": null}', "NoneType"),
    "request changed in writing": (GOOD.replace(b'"draw":0', b'"draw": 0'), "another way"),
    "request that is none": (GOOD.replace(b'"salt":null', b'"pepper":null'), "other fields"),
    "field added": (GOOD[:-1] + b', "run": "me"}', "unexpected keyword"),
    "field twice": (GOOD[:-1] + b', "attempts": 1}', "another way"),
    "blanks": (GOOD.replace(b'"attempts": 1', b'"attempts":  1'), "another way"),
    "text that is none": (GOOD.replace(b'"answer 0"', b"7"), "'text' of its response is 7"),
    "number too long": (
        GOOD.replace(b'"attempts": 1', b'"attempts": 1' + b"0" * 5000),
        "integer string conversion",
    ),
    "number too large": (GOOD.replace(b'"attempts": 1', b'"attempts": %d' % HUGE), "too large"),
    "tokens too many": (
        GOOD.replace(
            b'"usage": null',
            b'"usage": {"prompt_tokens": %d, "completion_tokens": 1}' % 2**63,
        ),
        "too large",
    ),
    "infinite": (GOOD.replace(b'"latency_s": 1.0', b'"latency_s": 1e999'), "JSON has not"),
    "not a number": (GOOD.replace(b'"latency_s": 1.0', b'"latency_s": NaN'), "JSON has not"),
    "deep": (GOOD.replace(b'"answer 0"', b"[" * 100_000), "recursion"),
    "pickle": (pickle.dumps(Bomb(Path("marker"))).replace(b"\n", b""), "can't decode byte"),
    "a date that is none": (GOOD.replace(b"2026-01-02", b"yesterday"), "isoformat"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_line_that_is_no_record_is_refused_with_all_others(
    tmp_path: Path, target: ResponseCache, name: str
) -> None:
    """The error names member and line; of the good records around it nothing is stored."""
    bad, reason = BAD[name]
    good = by_key(*map(record, range(5)))
    place = good.index(GOOD)

    path = archive(tmp_path / "a.zip", [*good[:place], bad, *good[place + 1 :]])

    line = refusal(path, target)
    assert f"member 'records.jsonl', line {place + 1}: " in line
    assert reason in line
    assert not Path("marker").exists()


@pytest.mark.parametrize(
    ("records", "reason"),
    [
        (by_key(record(0), record(1))[::-1], "line 2: it is there twice, or out of order"),
        ([record(0), record(0, attempts=2)], "line 2: it was not replaced"),
        ([record(0, generation=1), record(0, generation=2)], "line 2: it was not replaced"),
        (
            [record(0, generation=2), record(0, generation=0), record(0, generation=0)],
            "line 3: it is there twice",
        ),
    ],
    ids=["order", "twice", "generation", "replaced twice"],
)
def test_records_out_of_place_are_refused(
    tmp_path: Path, target: ResponseCache, records: list[bytes], reason: str
) -> None:
    """A second answer to a request is there only as one that the first replaced."""
    assert reason in refusal(archive(tmp_path / "a.zip", records), target)


def test_many_records_are_checked_in_several_processes_and_told_as_by_one(
    tmp_path: Path, target: ResponseCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first that is wrong is named; without one all are taken in, the replaced ones too."""
    monkeypatch.setattr(checking, "FOR_PROCESSES_BYTES", 0)
    monkeypatch.setattr(checking, "ENTRIES_PER_TRANSACTION", 3)
    monkeypatch.setattr(checking, "n_free", lambda: 2)
    good = by_key(*map(record, range(20)))
    twice = record(0, generation=1), record(0, generation=0)
    whole = by_key(*twice, *map(record, range(1, 20)))

    bad = archive(tmp_path / "bad.zip", [*good[:16], b"{}", *good[16:], b"{"])
    member = {RECORDS: b"\n".join([*good[:16], b"{}", *good[16:]])}  # and its last line is cut off
    cut = listed(tmp_path / "cut.zip", member, {"format": {"name": ARCHIVE, "version": 1}})

    assert "line 17: " in refusal(bad, target)
    assert "line 17: " in refusal(cut, target)
    assert take_in(archive(tmp_path / "good.zip", whole), target) == Adopted(
        added=21, present=0, conflicts=()
    )


def test_what_has_no_room_for_its_notes_is_not_taken_in(
    tmp_path: Path, target: ResponseCache
) -> None:
    """It says where they were to be, and how to have them elsewhere."""
    path = archive(tmp_path / "a.zip", by_key(*map(record, range(40))))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(CacheError, match="TMPDIR"):
            take_in(path, target)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_an_answer_put_under_another_request_is_refused(
    filled: Path, tmp_path: Path, target: ResponseCache
) -> None:
    """Keys are never read, they are made of the requests: a changed one is out of place."""
    export(filled, None, tmp_path / "out.zip")
    found = lines(tmp_path / "out.zip")
    n_refused = 0

    for place, line in enumerate(found):
        changed = [*found[:place], line.replace(b"How much", b"How many"), *found[place + 1 :]]
        path = archive(tmp_path / "changed.zip", changed)
        keys = [Record.from_json(text.decode()).key for text in changed]
        if keys != sorted(keys):
            assert "out of order" in refusal(path, target)
            n_refused += 1
    assert n_refused > 0


def test_the_number_of_records_must_be_the_one_said(tmp_path: Path, target: ResponseCache) -> None:
    """Whoever cut lines off has to lie in the manifest too."""
    for said in (0, 2, None, "1", 10**400):
        path = archive(tmp_path / "a.zip", [record(0)], n_records=said)
        assert "it has 1 records, but its manifest says" in refusal(path, target)


def test_other_members_are_refused(tmp_path: Path, target: ResponseCache) -> None:
    """Listed or not, a pickle has no place in an archive and is not opened."""
    marker = tmp_path / "executed"
    members = {RECORDS: record(0) + b"\n", "model.pkl": pickle.dumps(Bomb(marker))}
    about = {"format": {"name": ARCHIVE, "version": 1}, "n_records": 1}

    line = refusal(listed(tmp_path / "a.zip", members, about), target)

    assert "member 'model.pkl' does not belong into an archive" in line
    assert not marker.exists()


# Secrets


@pytest.mark.parametrize("variable", ["OPENAI_API_KEY", "HF_TOKEN", "my_secret", "DB_PASSWORD"])
@pytest.mark.parametrize("place", ["request", "response"])
def test_an_answer_that_holds_a_secret_is_not_passed_on(
    filled: Path, tmp_path: Path, opened: Opener, variable: str, place: str
) -> None:
    """The error names entry and variable, never the value; no archive is written."""
    asked = ask(50, text=SECRET) if place == "request" else ask(50)
    put(opened(), asked, SECRET if place == "response" else "answer")
    code = (
        "import sys; from pathlib import Path; from distexp.sharing.archive import export\n"
        "export(Path(sys.argv[1]), None, Path(sys.argv[2]))"
    )

    def run(**environment: str) -> str:
        return subprocess.run(
            [sys.executable, "-c", code, str(filled), str(tmp_path / "out.zip")],
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            check=False,
        ).stderr

    told = run(**{variable: SECRET})

    assert f"The answer to request {asked.key} holds the value of the environment" in told
    assert f"variable {variable}" in told.replace("\n", " ")
    assert "very" not in told
    assert not (tmp_path / "out.zip").exists()
    assert run(PATH_TO_KEYS=SECRET, SHORT_KEY="first") == ""
    assert (tmp_path / "out.zip").exists()
