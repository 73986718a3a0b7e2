"""Taking in entries of another cache or an archive: each is checked, and none here is changed."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple, TypeVar

from distexp.cache.disk.database import Database
from distexp.cache.disk.facts import Noted, noted
from distexp.cache.entry import checked
from distexp.cache.record import Record
from distexp.cache.rows import COLUMNS, REFUSED, verified
from distexp.errors import CacheCorruptError
from distexp.request import Response

ENTRIES_PER_TRANSACTION = 2000
Entry = TypeVar("Entry")


@dataclass(frozen=True, slots=True, kw_only=True)
class Adopted:
    """What became of the entries that were offered to a cache."""

    added: int
    present: int
    """How many answers were here already."""
    conflicts: tuple[str, ...]
    """Names of entries whose request has another answer here, which was kept."""


class Offered(NamedTuple):
    """An entry from outside that has been checked."""

    name: str
    text: str
    generation: int
    noted: Noted
    """What is counted of it."""

    @property
    def key(self) -> str:
        """The key of the request that it answers."""
        return self.name[:64]

    @property
    def response(self) -> Response:
        """The response, read when it is asked for: that of a new answer never is."""
        return Record.from_json(self.text).response


Here = dict[str, Record | Offered]
"""The answers to one request, by their names."""


class Adoption:
    """Takes entries in, part after part, and counts what became of them.

    An answer is the same if its response is; when it came, and how long it took, may differ. An
    answer that a request has here is never replaced, not by a later generation either. A
    replaced answer waits for the one in its place, without which it says nothing.
    """

    def __init__(self) -> None:
        self._added = 0
        self._present = 0
        self._conflicts: list[str] = []
        self._early: list[Offered] = []

    def take(self, database: Database, entries: Sequence[Offered]) -> None:
        """Store what is new of some entries, in one transaction."""
        with database.transact():
            there = _there(database, entries)
            new = []
            for entry in entries:
                here = there.setdefault(entry.key, {})
                if entry.name != entry.key and entry.key not in here:
                    self._early.append(entry)
                elif self._takes(entry, here):
                    new.append(entry)
            database.insert_many(_rows(new))

    def finish(self, database: Database) -> Adopted:
        """Store the replaced answers that came too early, and return the counts."""
        with database.transact():
            there = _there(database, self._early)
            early = [e for e in self._early if self._takes(e, there.setdefault(e.key, {}))]
            database.insert_many(_rows(early))
        return Adopted(added=self._added, present=self._present, conflicts=tuple(self._conflicts))

    def _takes(self, entry: Offered, here: Here) -> bool:
        """Count an entry, and tell whether it is to be stored beside those that are here."""
        if has_room := _has_room(entry, here):
            here[entry.name] = entry
            self._added += 1
        elif entry.response in [other.response for other in here.values()]:
            self._present += 1
        else:
            self._conflicts.append(entry.name)
        return has_room


def _rows(entries: Sequence[Offered]) -> list[tuple[str, str, Noted]]:
    return [(entry.name, entry.text, entry.noted) for entry in entries]


def _has_room(entry: Offered, here: Here) -> bool:
    """Tell whether an answer fits among the generations that its request has here."""
    if not here:
        return entry.name == entry.key
    generation, newest = entry.generation, here.get(entry.key)
    generations = {other.generation for other in here.values()}
    if entry.name == entry.key:
        return newest is None and all(generation > other for other in generations)
    return newest is not None and generation < newest.generation and generation not in generations


def _there(database: Database, entries: Sequence[Offered]) -> dict[str, Here]:
    """Return the records of the requests that entries answer, by key and name."""
    there: dict[str, Here] = {}
    for name, *stored in database.answers_to_any(COLUMNS, {entry.key for entry in entries}):
        there.setdefault(name[:64], {})[name] = _record_here(name, *stored)
    return there


def _record_here(name: str, *stored: Any) -> Record:
    try:
        return Record.from_json(verified(*stored).decode())
    except REFUSED as exc:
        msg = (
            f"Entry {name} of the cache that was to take others in is not what was written: "
            f"{exc}. Restore cache.db from a copy, or move the entry aside with "
            "'distexp cache verify --drop'."
        )
        raise CacheCorruptError(msg) from exc


def in_parts(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    """Yield entries, or the lines that they are read from, in parts for one transaction each."""
    remaining = iter(entries)
    while part := list(islice(remaining, ENTRIES_PER_TRANSACTION)):
        yield part


def offered(texts: Iterable[tuple[str, str]]) -> Iterator[Offered]:
    """Check entries from outside.

    Raises
    ------
    CacheCorruptError
        If one of them is not what distexp would have written.
    """
    return (_offered(name, text) for name, text in texts)


def _offered(name: str, text: str) -> Offered:
    try:
        record = checked(name, text)
        return Offered(name, text, record.generation, noted(record, name))
    except REFUSED as exc:
        msg = (
            f"Entry {name[:80]!r} cannot be taken in: {exc}. It is refused with all that follows "
            "it; what came before may be here. Get the file or the cache anew from its source."
        )
        raise CacheCorruptError(msg) from exc
