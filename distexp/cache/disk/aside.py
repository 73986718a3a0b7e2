"""Rows that are not what was written, and the table that they are moved to."""

from collections.abc import Iterable
from dataclasses import dataclass

from distexp.cache.disk.database import Database
from distexp.cache.entry import checked
from distexp.cache.rows import REFUSED, WHOLE, entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Bad:
    """A row that is not what distexp wrote."""

    rowid: int
    name: str
    """Its key, as far as it is text."""
    reason: str


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


def _fault(*row: object) -> str | None:
    """Say what is wrong with a row, given by the columns `WHOLE`; None if nothing is."""
    try:
        checked(*entry(*row))  # type: ignore[arg-type]
    except KeyError as exc:
        return f"it has no {exc}"
    except REFUSED as exc:
        return str(exc)
    return None
