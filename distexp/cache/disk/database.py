"""diskcache's database, without what it does by default: no pickle, no file, no eviction."""

import json
import time
import zlib
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

from diskcache import Cache, Disk

from distexp.cache.disk import facts
from distexp.cache.disk.facts import Noted
from distexp.cache.disk.making import make
from distexp.cache.rows import RAW, digest, packed, stored_bytes
from distexp.cache.schema import ASIDE, OF_ROW, check_parts
from distexp.errors import CacheCorruptError

_NOTE = (
    f"INSERT OR REPLACE INTO Facts (id, source, {', '.join(facts.COUNTED)}) "
    f"VALUES (?, ?{', ?' * len(facts.COUNTED)})"
)
LARGEST_ROWID = 1 << 62
_SET = {
    # diskcache's statements that write a setting: where they have its key and its value
    "INSERT OR REPLACE INTO Settings VALUES (?, ?)": (0, 1),
    "UPDATE Settings SET value = ? WHERE key = ?": (1, 0),
}
SETTINGS = {
    "eviction_policy": "none",
    "cull_limit": 0,
    "statistics": 0,
    "tag_index": 0,
    "sqlite_journal_mode": "wal",
    # FULL: an answer that was returned survives a power cut too. A sampled one cannot be asked
    # again, and a result may rest on it. NORMAL would save 0.2 ms an answer.
    "sqlite_synchronous": 2,
    "sqlite_mmap_size": 0,  # a file cut short under a memory map kills the process
}
"""How diskcache is to work."""


class JSONDisk(Disk):  # type: ignore[misc]  # diskcache has no types
    """Lets diskcache store and read JSON text in the database, and nothing else."""

    def __init__(self, directory: str, **_: object) -> None:
        """Ignore what the Settings table says about how entries are stored."""
        super().__init__(directory)

    def put(self, key: str) -> tuple[str, bool]:
        """Return `key` as it is."""
        return key, True

    def get(self, key: object, raw: object) -> str:
        """Return a stored key; a pickled one is refused."""
        if not raw or not isinstance(key, str):
            msg = f"The response cache {self._directory} has a key that distexp never wrote."
            raise CacheCorruptError(msg)
        return key

    def store(
        self, value: str, read: bool, key: object = None
    ) -> tuple[int, int, None, str | bytes]:
        """Return the columns size, mode, filename and value for a JSON text."""
        return 0, RAW, None, packed(value)

    def fetch(self, mode: int, filename: str | None, value: str | bytes, read: bool) -> str:
        """Return the JSON text of a row; a pickle or a file is refused."""
        try:
            data = value.encode() if isinstance(value, str) else value
            return stored_bytes(mode, filename, data).decode()
        except (ValueError, AttributeError, zlib.error) as exc:
            msg = f"The response cache {self._directory} has an entry that is refused: {exc}."
            raise CacheCorruptError(msg) from exc

    def remove(self, file_path: str) -> None:
        """Remove nothing: no entry has a file, whatever a row may say."""


class Database(Cache):  # type: ignore[misc]
    """The database of a folder, open for writing; it is made where there is none.

    Raises
    ------
    sqlite3.Error, diskcache.Timeout, OSError
        From every method, where SQLite or the file system fails.
    CacheCorruptError
        If there is something in the database that distexp did not make.
    """

    def __init__(self, folder: Path, busy_timeout_s: float) -> None:
        check_parts(folder, busy_timeout_s)  # diskcache writes at once, and triggers would run
        make(folder, SETTINGS)
        try:
            super().__init__(str(folder), timeout=busy_timeout_s, disk=JSONDisk, **SETTINGS)
            for statement in facts.SCHEMA:
                super()._sql_retry(statement)
        except BaseException:
            self.close()  # else it stays open, half made, with its locks
            raise

    @property
    def _sql_retry(self) -> Callable[..., Any]:
        """Leave out what would write a setting that is there: each is a wait for the disk."""
        run = super()._sql_retry

        def run_unless_vain(statement: str, values: Sequence[object] = ()) -> Any:
            if statement in _SET:
                there = "SELECT 1 FROM Settings WHERE key IS ? AND value IS ?"
                if run(there, [values[place] for place in _SET[statement]]).fetchone():
                    return None
            return run(statement, values)

        return run_unless_vain

    def query(self, statement: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Run one query, under the locks of this connection."""
        rows: list[tuple[Any, ...]] = self._sql(statement, values).fetchall()
        return rows

    def answers(self, columns: str, key: str) -> list[tuple[Any, ...]]:
        """Return the rows of all answers to a request, the replaced ones too."""
        statement = f"SELECT {columns} FROM Cache WHERE key >= ? AND key < ? AND raw = 1"
        return self.query(statement, (key, f"{key}0"))  # "0" is the character after "/"

    def answers_to_any(self, columns: str, keys: Collection[str]) -> list[tuple[Any, ...]]:
        """Return the rows of all answers to some requests, the replaced ones too."""
        statement = (
            f"WITH Wanted(first) AS (SELECT value FROM json_each(?)) SELECT {columns} FROM Wanted "
            "CROSS JOIN Cache ON raw = 1 AND key >= first AND key < first || '0'"
        )
        return self.query(statement, (json.dumps(sorted(keys)),))

    def insert_many(self, entries: Sequence[tuple[str, str, Noted]]) -> None:
        """Store the JSON texts of records under names that are not taken, in a transaction.

        Beside each text stands what is counted of it.
        """
        now = time.time()
        last = self._last_rowid()
        self._con.executemany(
            "INSERT INTO Cache (rowid, key, raw, store_time, access_time, tag, mode, value) "
            "VALUES (?, ?, 1, ?, ?, ?, ?, ?)",
            [
                (rowid, name, now, now, digest(text.encode()), RAW, packed(text))
                for rowid, (name, text, _) in enumerate(entries, start=last + 1)
            ],
        )
        names = {source for _, _, (source, *_) in entries}
        self._con.executemany(
            "INSERT OR IGNORE INTO Source (name) VALUES (?)", [(name,) for name in names]
        )
        source = {
            name: self.query("SELECT id FROM Source WHERE name = ?", (name,))[0][0]
            for name in names
        }
        self._con.executemany(
            _NOTE,
            [
                (rowid, source[name], *counted)
                for rowid, (_, _, (name, *counted)) in enumerate(entries, start=last + 1)
            ],
        )

    def _last_rowid(self) -> int:
        [(last,)] = self.query("SELECT ifnull(max(rowid), 0) FROM Cache")
        if last > LARGEST_ROWID:
            msg = f"The response cache {self._directory} has a row with a number that is not its."
            raise CacheCorruptError(msg)
        return int(last)

    def rename(self, name: str, new: str) -> None:
        """Keep an entry under another name, in a transaction: a newer answer takes its place."""
        [(rowid,)] = self.query("SELECT rowid FROM Cache WHERE key = ? AND raw = 1", (name,))
        self._sql("UPDATE Cache SET key = ? WHERE rowid = ?", (new, rowid))
        self._sql("UPDATE Facts SET replaced = 1 WHERE id = ?", (rowid,))

    def set_aside(self, rowid: int, reason: str) -> None:
        """Move a row as it is to the table `Aside`, in a transaction: nobody reads it there."""
        self._sql(ASIDE)
        self._sql(
            f"INSERT INTO Aside (since, reason, {OF_ROW}) SELECT ?, ?, {OF_ROW} FROM Cache "
            "WHERE rowid = ?",
            (time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime()), reason, rowid),
        )
        self._sql("DELETE FROM Cache WHERE rowid = ?", (rowid,))
