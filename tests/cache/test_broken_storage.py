import hashlib
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from distexp.cache import ResponseCache
from tests.cache.answers import Opener, ask, error_line, put, sql, text_of


def test_a_folder_that_cannot_be_written_is_found_before_a_call(
    tmp_path: Path, opened: Opener
) -> None:
    """The check names the folder, the reason and the setting to change."""
    (tmp_path / "file").touch()
    cache = opened(path=tmp_path / "file" / "cache")

    line = error_line(cache.check_writable)

    assert line.startswith(f"The response cache {tmp_path / 'file' / 'cache'} cannot be used: ")
    assert line.endswith("Choose a folder that can be written with cache.path=FOLDER.")
    assert cache.get_many([ask()]) == {}


def test_a_folder_that_can_be_written_passes_the_check(folder: Path, opened: Opener) -> None:
    """The check leaves an empty cache behind, and repeats."""
    cache = opened()

    cache.check_writable()
    cache.check_writable()

    assert (folder / "cache.db").exists()
    assert cache.get_many([ask()]) == {}


@pytest.mark.parametrize("act", ["get_many", "known", "check_writable"])
def test_a_file_that_is_no_database_is_reported(folder: Path, opened: Opener, act: str) -> None:
    """Reading and writing say that it is damaged, and leave it as it is."""
    folder.mkdir()
    (folder / "cache.db").write_bytes(b"not a database " * 1000)
    cache = opened()
    acts = {
        "get_many": lambda: cache.get_many([ask()]),
        "known": lambda: cache.known([ask()]),
        "check_writable": cache.check_writable,
    }

    line = error_line(acts[act])

    assert "file is not a database. Restore cache.db from a copy" in line
    assert (folder / "cache.db").read_bytes() == b"not a database " * 1000


def test_a_database_that_was_cut_short_is_reported(filled: Path, opened: Opener) -> None:
    """A lost half is damage, not a set of misses."""
    data = (filled / "cache.db").read_bytes()
    (filled / "cache.db").write_bytes(data[: len(data) // 2])

    line = error_line(lambda: opened().get_many([ask(number) for number in range(10)]))

    assert "malformed. Restore cache.db from a copy" in line


def test_a_full_disk_is_reported_and_loses_nothing(filled: Path, opened: Opener) -> None:
    """The answer that did not fit is not half there; with room again, storing goes on."""
    [(pages,)] = sql(filled, "PRAGMA page_count")
    setting = "INSERT OR REPLACE INTO Settings VALUES ('sqlite_max_page_count', ?)"
    sql(filled, setting, pages)  # diskcache hands this to SQLite: its disk is as good as full
    noise = "".join(hashlib.sha256(bytes([n])).hexdigest() for n in range(256))
    cache = opened()

    line = error_line(lambda: put(cache, ask(10), noise))
    cache.close()
    sql(filled, setting, pages + 1000)

    assert "is full. Free some disk space, then run the same command again." in line
    assert len(opened().get_many([ask(number) for number in range(11)])) == 10
    assert put(cache, ask(10), noise).response.text == text_of(opened(), ask(10)) == noise


class ImpatientCache(ResponseCache):
    """Waits hardly at all."""

    busy_timeout_s = 0.01


def test_a_locked_database_is_reported(filled: Path) -> None:
    """A writer that holds on longer than the time-out is named as the reason; reading goes on."""
    with (
        closing(ImpatientCache(filled)) as cache,
        closing(sqlite3.connect(filled / "cache.db", isolation_level=None)) as other,
    ):
        cache.check_writable()
        other.execute("BEGIN IMMEDIATE")

        line = error_line(lambda: put(cache, ask(10)))

        assert "database is locked. Run again when no other process is writing" in line
        assert text_of(cache, ask(9)) == "answer 9"
