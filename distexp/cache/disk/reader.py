"""Reading the database of a cache without changing a file."""

import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from distexp.cache.disk.faults import plain_errors
from distexp.cache.rows import COLUMNS, KEYS_PER_QUERY, REFUSED, Row, parts, verified
from distexp.cache.schema import FILE, parts_of
from distexp.errors import CacheCorruptError


class Reader:
    """Asks the database of a folder, where there is one, and changes no file.

    Parameters
    ----------
    folder : Path
        Folder of the cache. It need not exist: then nothing is found.
    busy_timeout_s : float
        How long to wait while another process holds the database, in seconds.
    """

    def __init__(self, folder: Path, busy_timeout_s: float = 60.0) -> None:
        self.folder = folder
        self.busy_timeout_s = busy_timeout_s
        self._file = folder / FILE

    def by_key(self, columns: str, keys: Sequence[str]) -> Iterator[list[Row]]:
        """Yield, in parts, the rows of those keys that are stored.

        Raises
        ------
        CacheError
            If the database cannot be read.
        """
        for keys_of_part in parts(keys):
            yield self.query(*by_key(columns, keys_of_part))

    def scan(
        self, columns: str, order: str = "rowid", after: int | str | None = None
    ) -> Iterator[Row]:
        """Yield all rows in the order of their `rowid` or `key`, which is their first column.

        Those up to `after` are left out.

        The database may grow meanwhile: it is read in parts, each of them consistent.
        """
        if after is None:
            after = 0 if order == "rowid" else ""
        of_text = " AND raw = 1" if order == "key" else ""
        while True:
            rows = self.query(
                f"SELECT {order}, {columns} FROM Cache WHERE {order} > ?{of_text} "
                f"ORDER BY {order} LIMIT {KEYS_PER_QUERY}",
                (after,),
            )
            if not rows:
                return
            yield from rows
            after = rows[-1][0]

    def texts(self) -> Iterator[tuple[str, str]]:
        """Yield names and JSON texts of all entries, in the order of their names.

        Raises
        ------
        CacheCorruptError
            If one of them is not what was written.
        """
        for name, _, *stored in self.scan(COLUMNS, order="key"):
            try:
                yield name, verified(*stored).decode()
            except REFUSED as exc:
                raise not_as_written(self.folder, name, exc) from exc

    def rows(self, rowids: Sequence[Row], columns: str) -> Iterator[Row]:
        """Yield the rows of some `rowid`s, which are their first columns, in parts."""
        statement = (
            f"SELECT rowid, {columns} FROM Cache WHERE rowid IN (SELECT value FROM json_each(?))"
        )
        for some in parts(rowids):
            yield from self.query(statement, (json.dumps([rowid for (rowid,) in some]),))

    def query(
        self, statement: str, values: Sequence[object] = (), table: str = "Cache"
    ) -> list[Row]:
        """Run one query on the database as it is, or find nothing where it or `table` is not.

        A database with a write-ahead log is in use, or was when its process died: it is read
        under SQLite's locks. One without is complete in itself and is read as immutable, because
        a locking reader would create the log, and fail where the folder is read-only. If a
        writer came meanwhile, what was read may be torn, and is read again.
        """
        with plain_errors(self.folder):
            while (before := self.state()) is not None:
                try:
                    rows = self._fetch(before, statement, values, table)
                except sqlite3.DatabaseError:
                    if self.state() == before:
                        raise
                else:
                    if not before or self.state() == before:
                        return rows
        return []

    def _fetch(
        self, state: tuple[int, ...], statement: str, values: Sequence[object], table: str
    ) -> list[Row]:
        with self._connected(state) as connection:
            if table not in parts_of(connection, self.folder):
                return []  # another process is making it
            return connection.execute(statement, values).fetchall()

    @contextmanager
    def _connected(self, state: tuple[int, ...]) -> Iterator[sqlite3.Connection]:
        with closing(self._connection(state)) as connection:
            yield connection

    def _connection(self, state: tuple[int, ...]) -> sqlite3.Connection:
        uri = f"{self._file.absolute().as_uri()}?{'immutable=1' if state else 'mode=ro'}"
        return sqlite3.connect(uri, uri=True, timeout=self.busy_timeout_s)

    def close(self) -> None:
        """Let go of what was read by: nothing, as each query connects by itself."""

    def n_bytes(self) -> int | None:
        """Return the size of the database without its log; None where there is none."""
        try:
            return self._file.stat().st_size
        except (FileNotFoundError, NotADirectoryError):
            return None

    def state(self) -> tuple[int, ...] | None:
        """Return None without a database, () where it is in use, else what every write moves."""
        try:
            stat = self._file.stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        in_use = Path(f"{self._file.resolve()}-wal").exists()  # SQLite puts it beside the target
        return () if in_use else (stat.st_ino, stat.st_size, stat.st_mtime_ns)


class StayingReader(Reader):
    """Stays connected to a database that is not in use, so that its pages are read once.

    A process that is forked connects by itself. To be closed.
    """

    _open: tuple[int, tuple[int, ...], sqlite3.Connection] | None = None
    """Process, state of the database, and connection."""

    @contextmanager
    def _connected(self, state: tuple[int, ...]) -> Iterator[sqlite3.Connection]:
        if not state:
            with super()._connected(state) as connection:
                yield connection
            return
        if self._open is None or self._open[:2] != (os.getpid(), state):
            self.close()
            self._open = (os.getpid(), state, self._connection(state))
        yield self._open[2]

    def close(self) -> None:
        """Close the connection, unless it is the parent's."""
        if self._open is not None and self._open[0] == os.getpid():
            self._open[2].close()
            self._open = None


def not_as_written(folder: Path, name: str, exc: BaseException) -> CacheCorruptError:
    """Return the error about an entry that is not what was written."""
    return CacheCorruptError(
        f"Entry {name} of the response cache {folder} is not what was written: {exc}. "
        f"'distexp cache verify --path {folder}' lists all such entries."
    )


def by_key(columns: str, keys: Sequence[str]) -> tuple[str, tuple[str]]:
    """Return the query for the rows of some keys, and its value."""
    those = "raw = 1 AND key IN (SELECT value FROM json_each(?))"
    if columns != "key":  # else the index is enough
        # In the order of the table: entries that were stored together lie on one page.
        those = f"rowid IN (SELECT rowid FROM Cache WHERE {those})"
    return f"SELECT {columns} FROM Cache WHERE {those}", (json.dumps(keys),)
