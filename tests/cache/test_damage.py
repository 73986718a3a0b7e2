"""Databases that were damaged, or made by others: an error, or what was written; nothing else."""

import random
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from distexp.cache import ResponseCache
from distexp.cache.audit import verifying
from distexp.cache.audit.totals import totals
from distexp.cache.audit.verifying import verify
from distexp.cache.disk.reader import Reader
from distexp.errors import CacheCorruptError, CacheError
from distexp.request import Request, Response

N_ANSWERS = 60


def ask(number: int) -> Request:
    """Make one of different requests."""
    return Request(provider="p", model="m", endpoint=None, body={"number": number})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a cache of some answers, as a run leaves it."""
    with closing(ResponseCache(tmp_path / "cache")) as cache:
        for number in range(N_ANSWERS):
            cache.claim(ask(number))
            answer = Response(text=f"answer {number} " * 20, finish_reason="stop")
            cache.put(ask(number), answer, latency_s=0.1, attempts=1, versions={})
    return tmp_path / "cache"


def flipped(data: bytearray, chance: random.Random) -> None:
    """Change some bytes anywhere."""
    for _ in range(chance.choice([1, 8, 64])):
        data[chance.randrange(len(data))] = chance.randrange(256)


def zeroed(data: bytearray, chance: random.Random) -> None:
    """Empty a page."""
    start = 4096 * chance.randrange(len(data) // 4096)
    data[start : start + 4096] = bytes(4096)


def swapped(data: bytearray, chance: random.Random) -> None:
    """Exchange two pages."""
    one, other = (4096 * chance.randrange(len(data) // 4096) for _ in range(2))
    page = data[one : one + 4096]
    data[one : one + 4096] = data[other : other + 4096]
    data[other : other + 4096] = page


def cut(data: bytearray, chance: random.Random) -> None:
    """Lose the end, or all."""
    del data[chance.choice([0, 100, 4096, len(data) // 2, len(data) - 1]) :]


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("damage", [flipped, zeroed, swapped, cut])
def test_damaged_database_gives_what_was_written_or_an_error(
    folder: Path, damage: Callable[[bytearray, random.Random], None], seed: int
) -> None:
    """Of every reader; an answer that is missing without an error was never hidden."""
    data = bytearray((folder / "cache.db").read_bytes())
    damage(data, random.Random(seed))
    (folder / "cache.db").write_bytes(data)
    asked = [ask(number) for number in range(N_ANSWERS)]

    found = [
        outcome(lambda: ResponseCache(folder, "replay").get_many(asked).keys()),
        outcome(lambda: dict(ResponseCache(folder).responses(asked)).keys()),
        outcome(lambda: ResponseCache(folder).known(asked)),
    ]
    others = [
        outcome(lambda: ResponseCache(folder).check_writable()),
        outcome(lambda: verify(Reader(folder))),
        outcome(lambda: totals(Reader(folder))),
    ]

    keys = {request.key for request in asked}
    assert all(one == keys for one in found if not isinstance(one, CacheError))
    assert not any("\n" in str(one) for one in [*found, *others] if isinstance(one, CacheError))


def outcome(work: Callable[[], object]) -> object:
    """Return what a reader returns, or the one kind of error that it may raise."""
    try:
        return work()
    except CacheError as exc:
        return exc


def test_hidden_answers_are_noticed(folder: Path) -> None:
    """An index that has lost them is compared with the table where one is missing."""
    with closing(sqlite3.connect(folder / "cache.db")) as database, database:
        database.execute("PRAGMA writable_schema = 1")
        (root,) = database.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'Cache_key_raw'"
        ).fetchone()
    data = bytearray((folder / "cache.db").read_bytes())
    data[4096 * (root - 1) : 4096 * root] = b"\x0a\0\0\0\0\x10\0\0" + bytes(4088)
    (folder / "cache.db").write_bytes(data)

    with pytest.raises(CacheCorruptError, match=r"damaged: .*Restore cache\.db from a copy"):
        ResponseCache(folder).known([ask(0)])


@pytest.mark.parametrize(
    "part",
    [
        "CREATE TRIGGER more AFTER INSERT ON Cache BEGIN DELETE FROM Cache; END",
        "CREATE TRIGGER Settings_own AFTER UPDATE ON Settings BEGIN DELETE FROM Cache; END",
        "CREATE VIEW other AS SELECT 1",
        "CREATE TABLE other (a)",
        "CREATE INDEX other ON Cache (latency) WHERE 0",
    ],
)
@pytest.mark.parametrize("mode", ["use", "replay", "refresh"])
def test_database_with_parts_of_others_is_not_opened(folder: Path, part: str, mode: str) -> None:
    """A trigger would run by itself; the first thing that diskcache does is to write."""
    with closing(sqlite3.connect(folder / "cache.db")) as database, database:
        database.execute(part.replace("latency", "size"))
    before = (folder / "cache.db").read_bytes()
    cache = ResponseCache(folder, mode)

    with pytest.raises(CacheCorruptError, match="that distexp did not make"):
        cache.check_writable() if mode != "replay" else cache.get_many([ask(0)])

    assert (folder / "cache.db").read_bytes() == before


def test_changed_trigger_of_a_known_name_is_not_opened(folder: Path) -> None:
    """Each part is compared word for word."""
    with closing(sqlite3.connect(folder / "cache.db")) as database, database:
        database.execute("DROP TRIGGER Facts_delete")
        database.execute(
            "CREATE TRIGGER Facts_delete AFTER INSERT ON Cache BEGIN DELETE FROM Cache; END"
        )

    with pytest.raises(CacheCorruptError, match="trigger 'Facts_delete' that distexp did not"):
        ResponseCache(folder).get_many([ask(0)])


def test_database_that_was_cut_to_nothing_is_told_from_one_in_the_making(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process may have made the file, and not yet what is in it."""
    shutil.copy(folder / "cache.db", folder / "whole")
    (folder / "cache.db").write_bytes(b"")
    (folder / "claims").touch()

    monkeypatch.setattr(verifying, "MAKING_S", 0.0)
    with pytest.raises(CacheCorruptError, match=r"cache\.db is empty, and was not"):
        ResponseCache(folder).known([ask(0), ask(N_ANSWERS)])

    monkeypatch.setattr(verifying, "MAKING_S", 60.0)
    asked = threading.Event()
    monkeypatch.setattr(time, "sleep", lambda _: asked.set())
    maker = threading.Thread(
        target=lambda: asked.wait(60) and (folder / "whole").replace(folder / "cache.db")
    )
    maker.start()
    assert ResponseCache(folder).known([ask(N_ANSWERS)]) == set()
    maker.join()
