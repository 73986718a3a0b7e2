import json
from contextlib import closing
from pathlib import Path
from typing import Any

import diskcache
import pytest

from distexp.errors import CacheCorruptError
from tests.cache.answers import (
    Bomb,
    Command,
    Opener,
    ask,
    digest_of,
    listing,
    paid,
    put,
    sql,
    text_of,
)


def verified(command: Command, folder: Path, *options: str) -> tuple[int, dict[str, Any]]:
    """Return the exit code and what the command tells in JSON."""
    code, shown = command("verify", "--path", folder, "--json", *options)
    document: dict[str, Any] = json.loads(shown)
    return code, document


def test_a_sound_cache_passes_and_is_not_changed(filled: Path, command: Command) -> None:
    """Exit code 0, every row read, no file touched."""
    before = listing(filled)

    code, shown = command("verify", "--path", filled)

    assert code == 0
    said = f"{filled}: 10 entries, 0 of them not what was written"
    assert "".join(shown.split()) == "".join(said.split())
    assert listing(filled) == before


@pytest.fixture
def spoiled(filled: Path, tmp_path: Path) -> Path:
    """Return a cache of ten answers with six bad rows among them."""
    sql(filled, "UPDATE Cache SET value = replace(value, 'wer 0', 'wer 1') WHERE key = ?", KEYS[0])
    sql(filled, "UPDATE Cache SET value = x'00ff' WHERE key = ?", KEYS[1])
    sql(filled, "UPDATE Cache SET key = ? WHERE key = ?", "0" * 64, KEYS[2])
    [(text,)] = sql(filled, "SELECT value FROM Cache WHERE key = ?", KEYS[3])
    forged = text.replace('"attempts": 1', '"attempts": "1"')
    sql(
        filled,
        "UPDATE Cache SET value = ?, tag = ? WHERE key = ?",
        forged,
        digest_of(forged),
        KEYS[3],
    )
    with closing(diskcache.Cache(str(filled))) as attacker:
        attacker["bomb"] = Bomb(tmp_path / "executed")
        attacker[frozenset({1})] = "a pickled key"
    return filled


KEYS = [ask(number).key for number in range(10)]
REASONS = {
    KEYS[0]: "its SHA-256 is not the one stored beside it",
    KEYS[1]: "header",
    "0" * 64: "it answers another request",
    KEYS[3]: "the 'attempts' of its record is '1'",
    "bomb": "it is a pickle or a file",
}


def test_every_bad_row_is_listed_with_its_reason(
    spoiled: Path, tmp_path: Path, command: Command
) -> None:
    """Changed text, garbage, another request's answer, wrong types, pickles; none is executed."""
    code, found = verified(command, spoiled)

    assert code == 1
    assert found["entries"] == 12
    assert len(found["bad"]) == 6
    for name, reason in REASONS.items():
        (bad,) = [bad for bad in found["bad"] if bad["name"] == name]
        assert reason in bad["reason"]
    assert "its key is a pickle" in found["bad"][-1]["reason"]
    assert not (tmp_path / "executed").exists()


def test_dropping_moves_bad_rows_aside_and_destroys_none(
    spoiled: Path, tmp_path: Path, opened: Opener, command: Command
) -> None:
    """Each lies, byte for byte, in the table Aside; the rest is sound and can be asked again."""
    columns = "key, raw, mode, filename, tag, value"
    before = sql(spoiled, f"SELECT {columns} FROM Cache")

    code, found = verified(command, spoiled, "--drop")

    assert (code, found["moved_aside"]) == (1, 6)
    left, aside = (sql(spoiled, f"SELECT {columns} FROM {table}") for table in ("Cache", "Aside"))
    assert sorted(map(repr, [*left, *aside])) == sorted(map(repr, before))
    assert len(aside) == 6
    assert {reason for (reason,) in sql(spoiled, "SELECT reason FROM Aside")} == {
        bad["reason"] for bad in found["bad"]
    }
    assert verified(command, spoiled)[0] == 0
    put(opened(), ask(0), "asked again")
    assert text_of(opened(), ask(0)) == "asked again"
    assert not (tmp_path / "executed").exists()


def test_an_answer_that_follows_a_dropped_one_is_a_new_generation(
    filled: Path, opened: Opener, command: Command
) -> None:
    """It does not take the number, nor later the place, of an answer that was replaced."""
    put(opened("refresh"), ask(0), "refreshed")
    opened().close()
    sql(filled, "UPDATE Cache SET tag = 'lost' WHERE key = ?", KEYS[0])
    assert verified(command, filled, "--drop")[1]["moved_aside"] == 1

    again = put(opened(), ask(0), "asked again")
    later = put(opened("refresh"), ask(0), "and again")

    assert (again.generation, later.generation) == (1, 2)
    names = [
        name for (name,) in sql(filled, "SELECT key FROM Cache WHERE key LIKE ?", KEYS[0] + "%")
    ]
    assert sorted(names) == [KEYS[0], f"{KEYS[0]}/0", f"{KEYS[0]}/1"]
    assert verified(command, filled)[0] == 0


def test_rows_of_the_oddest_kinds_do_not_stop_it(filled: Path, command: Command) -> None:
    """Text that is not UTF-8, blobs and nulls where text belongs, and negative numbers of rows."""
    odd = [
        "key = CAST(x'ff' AS TEXT), raw = 1, rowid = -5",
        "key = x'ff', raw = 1",
        "tag = CAST(x'ff' AS TEXT)",
        "tag = NULL, mode = 'none'",
        "value = NULL",
        "filename = CAST(x'ff' AS TEXT)",
    ]
    for key, assignment in zip(KEYS, odd, strict=False):
        sql(filled, f"UPDATE Cache SET {assignment} WHERE key = ?", key)

    code, found = verified(command, filled, "--drop")

    assert (code, found["entries"], found["moved_aside"]) == (1, 10, 6)
    assert verified(command, filled)[1]["entries"] == 4


def test_a_row_that_no_text_can_be_read_from_is_reported(filled: Path, command: Command) -> None:
    """Whatever comes across it says how to find it and be rid of it."""
    sql(filled, "UPDATE Cache SET tag = CAST(x'ff' AS TEXT) WHERE key = ?", KEYS[0])

    with pytest.raises(CacheCorruptError, match=r"not what distexp wrote: .* verify"):
        command("diff", filled, filled)


def test_many_entries_are_verified_by_several_processes(
    folder: Path, opened: Opener, command: Command
) -> None:
    """What each part of the table holds is found, however it is shared out."""
    opened().put_many([paid(number) for number in range(11_000)])
    sql(folder, "UPDATE Cache SET tag = '0' WHERE rowid IN (1, 5000, 5001, 10999)")

    _, found = verified(command, folder)

    assert found["entries"] == 11_000
    assert [bad["rowid"] for bad in found["bad"]] == [1, 5000, 5001, 10999]


def test_a_damaged_database_is_an_error(filled: Path, command: Command) -> None:
    """An index that misses an entry makes a paid answer a miss: it is found."""
    data = bytearray((filled / "cache.db").read_bytes())
    place = data.rfind(KEYS[4].encode(), 0, data.index(b'{"request"'))
    assert place > 0
    data[place : place + 4] = b"zzzz"
    (filled / "cache.db").write_bytes(data)

    with pytest.raises(CacheCorruptError, match=r"is damaged: .*index.* Restore cache.db"):
        command("verify", "--path", filled)
