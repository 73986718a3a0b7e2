"""Every entry of a cache read and checked as if it came from outside, and bad ones set aside."""

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context

from distexp.cache.disk import Database
from distexp.cache.entry import checked
from distexp.cache.reading import Reader
from distexp.cache.rows import REFUSED, WHOLE, entry
from distexp.collector import garbage_collector_paused
from distexp.errors import CacheCorruptError

ROWS_PER_TASK = 5000
_BEFORE_ALL = -(1 << 63)

Range = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bad:
    """A row that is not what distexp wrote."""

    rowid: int
    name: str
    """Its key, as far as it is text."""
    reason: str


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
    damage = [line for (line,) in reader.query("PRAGMA integrity_check(1)") if line != "ok"]
    if damage:
        msg = (
            f"The response cache {reader.folder} is damaged: {damage[0].splitlines()[-1]}. "
            "Restore cache.db from a copy, or move it away to start anew."
        )
        raise CacheCorruptError(msg)
    found = list(_in_processes(reader, list(_ranges(reader))))
    return sum(n for n, _ in found), [each for _, bad in found for each in bad]


def set_aside(database: Database, bad: Iterable[Bad]) -> int:
    """Move rows that are still bad out of the way, and return how many they were."""
    n_moved = 0
    with database.transact():
        for each in bad:
            for row in database.query(f"SELECT {WHOLE} FROM Cache WHERE rowid = ?", (each.rowid,)):
                if (reason := _fault(*row)) is not None:
                    database.set_aside(each.rowid, reason)
                    n_moved += 1
    return n_moved


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
    with garbage_collector_paused():
        faults = [(row, _fault(*row[1:])) for row in rows]
    return len(rows), [
        Bad(rowid=row[0], name=bytes(row[3] or b"").decode(errors="replace"), reason=reason)
        for row, reason in faults
        if reason is not None
    ]


def _fault(*row: object) -> str | None:
    """Say what is wrong with a row, given by the columns `WHOLE`; None if nothing is."""
    try:
        checked(*entry(*row))  # type: ignore[arg-type]
    except KeyError as exc:
        return f"it has no {exc}"
    except REFUSED as exc:
        return str(exc)
    return None
