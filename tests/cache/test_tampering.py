import zlib
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import diskcache
import pytest

from distexp.cache import JSONDisk
from distexp.errors import CacheCorruptError
from tests.cache.answers import Bomb, Opener, ask, digest_of, listing, put, sql, text_of


def test_a_planted_pickle_is_not_executed(folder: Path, tmp_path: Path, opened: Opener) -> None:
    """CVE-2025-69872: the row is refused by reading, storing and refreshing, and runs nothing."""
    marker = tmp_path / "executed"
    with closing(diskcache.Cache(str(folder))) as attacker:
        attacker[ask().key] = Bomb(marker)
        _ = attacker[ask().key]
        assert marker.exists()  # diskcache itself runs it
        marker.unlink()

    for act in (
        lambda: opened("use").get_many([ask()]),
        lambda: opened("replay").get_many([ask()]),
        lambda: put(opened("use"), ask()),
        lambda: put(opened("refresh"), ask()),
    ):
        with pytest.raises(CacheCorruptError, match=r"a pickle or a file.*neither"):
            act()
    assert not marker.exists()


def test_the_disk_class_opens_neither_pickles_nor_files(folder: Path, tmp_path: Path) -> None:
    """Through diskcache's own methods too, planted keys and values are refused unopened."""
    marker = tmp_path / "executed"
    with closing(diskcache.Cache(str(folder), disk_min_file_size=10)) as attacker:
        attacker["value"] = Bomb(marker)
        attacker["file"] = "x" * 100
        attacker[frozenset({1})] = "a pickled key"
    before = [path for path in listing(folder) if path.endswith(".val")]

    with closing(diskcache.Cache(str(folder), disk=JSONDisk)) as cache:
        for key in ("value", "file"):
            with pytest.raises(CacheCorruptError, match="a pickle or a file"):
                cache.get(key)
        with pytest.raises(CacheCorruptError, match="a key that distexp never wrote"):
            list(cache.iterkeys())
        cache["file"] = '{"an": "answer"}'
        assert cache["file"] == '{"an": "answer"}'
    assert not marker.exists()
    assert len(before) == 3
    assert set(before) <= set(listing(folder))  # files that rows name are left alone


DOCUMENT = ask(0).document
TAMPERED: Mapping[str, tuple[str, tuple[object, ...]]] = {
    "text changed": ("value = replace(value, 'answer 0', 'answer 1')", ()),
    "digest changed": ("tag = ?", ("0" * 64,)),
    "digest lost": ("tag = NULL", ()),
    "value lost": ("value = NULL", ()),
    "a number": ("value = 7", ()),
    "cut short": ("value = substr(value, 1, length(value) - 9)", ()),
    "not UTF-8": ("value = CAST(x'7bff' AS TEXT)", ()),
    "compressed and cut": ("value = ?", (zlib.compress(b"{}" * 100)[:-20],)),
    "of another request": (
        "(value, tag) = (SELECT value, tag FROM Cache WHERE key = ?)",
        (ask(1).key,),
    ),
    **{
        name: ("value = ?, tag = ?", (text, digest_of(text)))
        for name, text in {
            "no response": f'{{"request":{DOCUMENT}}}',
            "not JSON": f'{{"request":{DOCUMENT},"response":',
            "another record": f'{{"request":{DOCUMENT},"response":{{"reply":"B"}}}}',
            "not quite JSON": f'{{"request":{DOCUMENT};"response":{{"text":"B"}}}}',
            "longer request": f'{{"request":{DOCUMENT} ,"response":{{"text":"B"}}}}',
        }.items()
    },
}


@pytest.mark.parametrize("change", TAMPERED)
def test_an_entry_that_is_not_what_was_written_is_refused(
    filled: Path, opened: Opener, change: str
) -> None:
    """It is an error that names entry, cache and remedy; the other entries can still be read."""
    assignment, values = TAMPERED[change]
    sql(filled, f"UPDATE Cache SET {assignment} WHERE key = ?", *values, ask(0).key)

    with pytest.raises(CacheCorruptError) as caught:
        opened("use").get_many([ask(0)])

    message = str(caught.value)
    assert message.startswith(f"Entry {ask(0).key} of the response cache {filled} is not what")
    assert "Restore cache.db from a copy" in message
    assert text_of(opened(), ask(1)) == "answer 1"


def test_swapped_entries_are_refused(filled: Path, opened: Opener) -> None:
    """An answer is never served to another question, though text and digest fit each other."""
    for old, new in [(ask(0).key, "x"), (ask(1).key, ask(0).key), ("x", ask(1).key)]:
        sql(filled, "UPDATE Cache SET key = ? WHERE key = ?", new, old)

    for number in (0, 1):
        with pytest.raises(CacheCorruptError, match="it answers another request"):
            opened().get_many([ask(number)])
