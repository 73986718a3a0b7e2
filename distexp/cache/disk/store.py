"""The cache on a local disk: answers by request, and a place for each new answer."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from distexp.cache.audit.verifying import check_whole
from distexp.cache.base import Cache
from distexp.cache.disk.adopting import Adopted, Adoption, Offered, in_parts, offered
from distexp.cache.disk.aside import Bad, set_aside
from distexp.cache.disk.batches import (
    ALL_OPEN,
    GIVEN_UP,
    IS_THERE,
    LABELS,
    ONE,
    OPEN,
    SAVE,
    STATE,
    TABLE,
    WITHOUT_REQUESTS,
    Batch,
)
from distexp.cache.disk.claims import Claims
from distexp.cache.disk.database import Database
from distexp.cache.disk.facts import Noted, noted
from distexp.cache.disk.faults import plain_errors, refuse_network
from distexp.cache.disk.reader import Reader, StayingReader, by_key
from distexp.cache.disk.writer import Writer
from distexp.cache.entry import next_generation
from distexp.cache.record import Paid, Record
from distexp.cache.rows import COLUMNS, REFUSED, Row, afters, digest, parts, verified
from distexp.checks import check_text
from distexp.errors import CacheError
from distexp.request import Request


class ResponseCache(Cache):
    """Keeps every answer that was paid for in a folder.

    Parameters
    ----------
    path : str or Path
        Folder of the cache, on a local disk. It is made by the first answer to be stored.
    mode : {"use", "replay", "refresh", "off"}
        `use` answers from the cache and stores what is new; `replay` only answers from the cache;
        `refresh` asks again and keeps the old answer beside the new; `off` does without.
    """

    busy_timeout_s = 60.0
    """How long to wait while another process writes, in seconds."""
    check_whole_up_to_bytes = 1 << 28
    """A database up to this size is looked at whole where an answer is missing: an index that is
    damaged hides answers that are there, and they would be paid for again."""
    mounts = Path("/proc/mounts")
    """Table of mounted file systems; without one, as outside Linux, none is refused."""

    def __init__(self, path: str | Path, mode: str | bool = "use") -> None:
        if not isinstance(path, Path):
            check_text("ResponseCache", "path", path)
        super().__init__(mode)
        self.path: Path = Path(os.path.expandvars(path)).expanduser()  # as diskcache does
        self._reader = Reader(self.path, self.busy_timeout_s)
        self._claims = Claims(self.path)
        self._writer = Writer(self.path, self.busy_timeout_s)
        self._looked_whole = False

    def for_reading(self) -> "ResponseCache | None":
        """Return one with the same answers for a forked process, unless this one is written to."""
        if not self._answers or self._writer.database is not None:
            return None
        made = ResponseCache(self.path, "replay")
        made._reader = StayingReader(self.path, self.busy_timeout_s)
        made._looked_whole = True
        return made

    def known(self, requests: Sequence[Request]) -> set[str]:
        """Return the keys of the requests that `get_many` would answer, without reading them."""
        keys = list({request.key: None for request in requests})
        if not self._answers:
            return set()
        found = self._stored_keys(keys)
        if len(found) < len(keys):
            self._check_whole()
        return found

    def put_many(self, answers: Sequence[Paid]) -> list[Record]:
        """Store answers in one transaction, each as `put` does: all of them, or none.

        Raises
        ------
        CacheError
            As `put`. Also if the database was deleted or replaced meanwhile; then the answers are
            stored in the one that is there.
        """
        now = self._now()
        records = [paid.record(now) for paid in answers]
        if self.mode == "off":
            return records
        gone = self._writer.is_gone()
        with plain_errors(self.path), self._open().transact():
            records = self._stored([paid.request for paid in answers], records)
        if gone:
            raise self._gone()
        return records

    def adopt(self, texts: Iterable[tuple[str, str]]) -> Adopted:
        """Take in entries from outside: the names and JSON texts of records.

        Each is checked, whoever wrote it. What is new is stored, in transactions of thousands;
        what is here stays as it is. To do it again adds nothing.

        Raises
        ------
        CacheCorruptError
            If one of them is not what distexp would have written. Those before it may be stored.
        CacheError
            If the cache cannot be written, in the modes `replay` and `off` too.
        """
        return self.adopt_checked(in_parts(offered(texts)))

    def adopt_checked(self, parts_of_all: Iterable[Sequence[Offered]]) -> Adopted:
        """Take in entries that are known to be what distexp writes, each part in a transaction.

        Raises
        ------
        CacheError
            As `adopt`.
        """
        if self.mode == "off":
            msg = f"The response cache {self.path} takes nothing in with cache.mode=off."
            raise CacheError(msg)
        adoption = Adoption()
        for part in parts_of_all:
            gone = self._writer.is_gone()
            with plain_errors(self.path):
                adoption.take(self._open(), part)
            if gone:
                raise self._gone()
        with plain_errors(self.path):
            return adoption.finish(self._open())

    def set_aside(self, bad: Iterable[Bad]) -> int:
        """Move rows that are not what was written out of the way, and return how many they were.

        They are kept, as they are, in the table `Aside`. What they answered is asked again.

        Raises
        ------
        CacheError
            If the cache cannot be written.
        """
        with plain_errors(self.path):
            return set_aside(self._open(), bad)

    def batches(self, *, only_open: bool = False) -> list[Batch]:
        """Return all batches without the requests in them, the oldest first.

        Parameters
        ----------
        only_open : bool
            Whether without those that are collected or given up.

        Raises
        ------
        CacheError
            If one is not what was written.
        """
        rows = self._reader.query(ALL_OPEN if only_open else WITHOUT_REQUESTS, table="Batch")
        return [Batch.read(row, str(self.path)) for row in rows]

    def batch(self, label: str) -> Batch | None:
        """Return a batch with the requests in it; None if there is none of this label."""
        rows = self._reader.query(ONE, (label,), table="Batch")
        return Batch.read(rows[0], str(self.path)) if rows else None

    def save_batch(self, batch: Batch, answers: Sequence[Paid] = ()) -> list[Record] | None:
        """Write down how far a batch is, together with the answers that it brought: all or none.

        Returns
        -------
        list of Record or None
            What is now stored; None where another has collected the batch, and nothing is changed.
        """
        gone = self._writer.is_gone()
        with plain_errors(self.path), self._open().transact():
            database = self._open()
            database.query(TABLE)
            [(before,)] = database.query(STATE, (batch.label,)) or [(None,)]
            if before not in (None, *OPEN):
                return None
            records = self.put_many(answers) if answers else []
            database.query(SAVE, batch.row())
        if gone:
            raise self._gone()
        return records

    def reserve(self, batch: Batch) -> bool:
        """Write down a batch that is being prepared, whose label is held; False if it may not be.

        It may not hold a request that is in another batch, that a call claims, or that is
        answered. Calls in turn look at batches once they have claimed: of two that come at the
        same time, at least one sees the other.
        """
        with plain_errors(self.path), self._open().transact():
            database = self._open()
            database.query(TABLE)
            there = [Batch.read(row, str(self.path)) for row in database.query(ALL_OPEN)]
            if not {key for one in there for key in one.keys}.isdisjoint(batch.keys):
                return False
            database.query(SAVE, batch.row())
        if not self.claimed(batch.keys) and not (self._answers and self._stored_keys(batch.keys)):
            return True
        self.save_batch(replace(batch, state=GIVEN_UP))
        return False

    def claimed(self, keys: Iterable[str]) -> set[str]:
        """Return those keys that calls of other processes or caches claim."""
        if self.mode != "use":
            return set()
        with plain_errors(self.path):
            return {key for key in keys if not self._claims.is_free(key)}

    def open_labels(self) -> list[tuple[str, str]]:
        """Return label and state of the batches that are not collected or given up."""
        if (database := self._writer.database) is None:
            return self._reader.query(LABELS, table="Batch")
        with plain_errors(self.path):
            return database.query(LABELS) if database.query(IS_THERE) else []

    def hold(self, name: str) -> bool:
        """Claim any name, in every mode; False while another process or cache holds it."""
        with plain_errors(self.path):
            return self._claims.take(digest(name.encode()))

    def let_go(self, name: str) -> None:
        """Give back what `hold` claimed."""
        with plain_errors(self.path):
            self._claims.drop(digest(name.encode()))

    def claim(self, request: Request) -> bool:
        """Ask to be the one who asks for an answer; False while another process or cache is."""
        if self.mode != "use":
            return True
        with plain_errors(self.path):
            if self._writer.database is None:  # else it was looked at when that was opened
                refuse_network(self.path, self.mounts)
            return self._claims.take(request.key)

    def release(self, request: Request) -> None:
        """Let go of a claim, after the answer is stored or the call has failed."""
        with plain_errors(self.path):
            self._claims.drop(request.key)

    def check_writable(self) -> None:
        """Raise `CacheError` unless answers can be stored; called before the first paid call."""
        if self.mode != "off":
            with plain_errors(self.path), self._open().transact():
                pass

    def close(self) -> None:
        """Let go of the database and of all claims. Safe to call at any time."""
        self._claims.close()
        self._writer.close()
        self._reader.close()

    def _rows(self, keys: Sequence[str]) -> Iterator[list[Row]]:
        n_found, wanted = 0, set(keys)
        for rows in self._select(COLUMNS, keys):
            for key in (row[0] for row in rows if row[0] not in wanted):
                raise self._corrupt(f"{key!r:.80}", ValueError("the index has another key"))
            n_found += len(rows)
            yield rows
        if n_found < len(keys):
            self._check_whole()

    def _check_whole(self) -> None:
        """Look once whether what is missing is missing because the database is damaged."""
        if not self._looked_whole:
            self._looked_whole = True
            check_whole(self._reader, self.check_whole_up_to_bytes)

    def _verified(self, *stored: Any) -> bytes:
        return verified(*stored)

    def _afters(self, rows: Sequence[Row], documents: Mapping[str, str]) -> list[bytes]:
        try:
            return afters(rows, documents)
        except REFUSED:  # find out which
            return super()._afters(rows, documents)

    def _stored_keys(self, keys: Sequence[str]) -> set[str]:
        return {key for rows in self._select("key", keys) for (key,) in rows} & {*keys}

    def _remedy(self) -> str:
        return (
            "Restore cache.db from a copy. To have the question asked again instead, move the "
            "entry aside with 'distexp cache verify --drop'."
        )

    def _select(self, columns: str, keys: Sequence[str]) -> Iterator[list[Row]]:
        """Yield the rows of those keys that are stored, in parts."""
        if (database := self._writer.database) is not None:
            for keys_of_part in parts(keys):
                with plain_errors(self.path):
                    rows = database.query(*by_key(columns, keys_of_part))
                yield rows
            return
        with plain_errors(self.path):
            if self.mode != "replay":
                refuse_network(self.path, self.mounts)
        yield from self._reader.by_key(columns, keys)

    def _open(self) -> Database:
        """Return the database, open for writing; it is made where there is none."""
        if self.mode == "replay":
            msg = f"The response cache {self.path} is not written to with cache.mode=replay."
            raise CacheError(msg)
        if self._writer.database is None:
            refuse_network(self.path, self.mounts)
        return self._writer.open()

    def _gone(self) -> CacheError:
        return CacheError(
            f"The response cache {self.path} was deleted or replaced while it was in use. "
            "Answers stored before are no longer there; the last ones are in a new cache.db."
        )

    def _stored(self, requests: Sequence[Request], records: Sequence[Record]) -> list[Record]:
        """Store records as the mode wants them, and return those that are now in their places."""
        database, names = self._open(), dict[str, set[str]]()
        for (name,) in database.answers_to_any("key", {request.key for request in requests}):
            names.setdefault(name[:64], set()).add(name)
        new: list[tuple[str, str, Noted]] = []
        stored = []
        for request, record in zip(requests, records, strict=True):
            key = request.key
            there = names.setdefault(key, set())
            if key in there:
                database.insert_many(new)  # it may be one of them
                new = []
                found = self._find([request])[key]
                if self.mode != "refresh":
                    stored.append(found)
                    continue
                before = f"{key}/{found.generation}"
                database.rename(key, before)
                there.add(before)
            generation = next_generation(there)
            stored.append(replace(record, generation=generation) if generation else record)
            new.append((key, self._readable(key, stored[-1]), noted(stored[-1], key)))
            there.add(key)
        database.insert_many(new)
        return stored
