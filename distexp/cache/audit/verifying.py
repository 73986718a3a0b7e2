"""Every entry of a cache read and checked as if it came from outside, and bad ones set aside."""

import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

from distexp.cache.disk.aside import Bad, _fault
from distexp.cache.disk.claims import FILE as CLAIMS
from distexp.cache.disk.reader import Reader
from distexp.cache.rows import WHOLE
from distexp.errors import CacheCorruptError

ROWS_PER_TASK = 5000
_BEFORE_ALL = -(1 << 63)

Range = tuple[int, int]


def verify(reader: Reader) -> tuple[int, list[Bad]]:
    """Read every row and check it, on all processors where there are many.

    Returns
    -------
    int, list of Bad
        How many rows there are, and those that are not what distexp wrote.

    Raises
    ------
    CacheCorruptError
        If the database itself is damaged.
    """
    check_whole(reader)
    found = list(_in_processes(reader, list(_ranges(reader))))
    return sum(n for n, _ in found), [each for _, bad in found for each in bad]


def check_whole(reader: Reader, up_to_bytes: int | None = None) -> None:
    """Have SQLite look at a database whole, if it is no larger than `up_to_bytes`.

    Raises
    ------
    CacheCorruptError
        If it is damaged, or was cut to nothing.
    """
    n_bytes = reader.n_bytes()
    if n_bytes is None or (up_to_bytes is not None and n_bytes > up_to_bytes):
        return
    rows = reader.query("PRAGMA integrity_check(1)")
    damage = [str(line) for (line,) in rows if line != "ok"]
    if n_bytes == 0 and (reader.folder / CLAIMS).exists():  # made after the database was
        damage = ["cache.db is empty, and was not"]
    if damage:
        msg = (
            f"The response cache {reader.folder} is damaged: {damage[0].splitlines()[-1]}. "
            "Restore cache.db from a copy, or move it away to start anew."
        )
        raise CacheCorruptError(msg)


def _ranges(reader: Reader) -> Iterator[Range]:
    """Yield the first and last `rowid` of each part of the table."""
    after = _BEFORE_ALL
    part = f"SELECT rowid FROM Cache WHERE rowid > ? ORDER BY rowid LIMIT {ROWS_PER_TASK}"
    while True:
        for first, last in reader.query(f"SELECT min(rowid), max(rowid) FROM ({part})", (after,)):
            if first is None:
                return
            yield first, last
            after = last
        if after == _BEFORE_ALL:
            return  # there is no database


def _in_processes(reader: Reader, ranges: list[Range]) -> Iterator[tuple[int, list[Bad]]]:
    n_processes = min(len(ranges), os.cpu_count() or 1)
    check = partial(_check, reader)
    if n_processes < 2:
        yield from map(check, ranges)
        return
    with ProcessPoolExecutor(n_processes, mp_context=get_context("spawn")) as pool:
        yield from pool.map(check, ranges)


def _check(reader: Reader, within: Range) -> tuple[int, list[Bad]]:
    """Check the rows of a part of the table."""
    rows = reader.query(
        f"SELECT rowid, {WHOLE} FROM Cache WHERE rowid BETWEEN ? AND ? ORDER BY rowid", within
    )
    faults = [(row, _fault(*row[1:])) for row in rows]
    return len(rows), [
        Bad(rowid=row[0], name=bytes(row[3] or b"").decode(errors="replace"), reason=reason)
        for row, reason in faults
        if reason is not None
    ]
