"""The cache that experiments ask: answers by request, and a place for each new answer."""

import gc
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from distexp.cache.claims import Claims
from distexp.cache.disk import Database
from distexp.cache.faults import plain_errors, refuse_network
from distexp.cache.reading import FILE, Reader, Row, by_key, parts
from distexp.cache.record import Paid, Record, read_responses
from distexp.cache.rows import COLUMNS, REFUSED, after_request, verified
from distexp.checks import check_text, parameter_error
from distexp.errors import CacheCorruptError, CacheError
from distexp.types import Request, Response

MODES = ("use", "replay", "refresh", "off")


class ResponseCache:
    """Keeps every answer that was paid for.

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
    mounts = Path("/proc/mounts")
    """Table of mounted file systems; without one, as outside Linux, none is refused."""

    def __init__(self, path: str | Path, mode: str | bool = "use") -> None:
        if not isinstance(path, Path):
            check_text("ResponseCache", "path", path)
        mode = "off" if mode is False else mode  # YAML reads a bare `off` as false
        if mode not in MODES:
            raise parameter_error("ResponseCache", "mode", f"one of {', '.join(MODES)}", mode)
        self.path = Path(os.path.expandvars(path)).expanduser()  # as diskcache does
        self.mode = mode
        self._reader = Reader(self.path, self.busy_timeout_s)
        self._claims = Claims(self.path)
        self._database: Database | None = None
        self._identity: tuple[int, int] | None = None

    def get_many(self, requests: Sequence[Request]) -> dict[str, Record]:
        """Return the stored answers to `requests` by key; none in modes `refresh` and `off`.

        Raises
        ------
        CacheCorruptError
            If an entry is not what was written, or answers another request.
        CacheError
            If the cache cannot be read.
        """
        return self._find(requests) if self._answers else {}

    def responses(self, requests: Sequence[Request]) -> Iterator[tuple[str, Response]]:
        """Yield key and response alone of the stored answers, as fast as they can be read.

        What is yielded is verified as by `get_many`, but dates, versions and the like are not
        read. Whoever does not keep it can read more than fits into memory.

        Raises
        ------
        CacheCorruptError, CacheError
            As `get_many`.
        """
        if not self._answers:
            return
        documents = {request.key: request.document for request in requests}
        for rows in self._select(COLUMNS, list(documents)):
            with _garbage_collector_paused():
                keys = [row[0] for row in rows]
                afters = [self._after_request(row, documents[row[0]]) for row in rows]
                try:
                    found = read_responses(afters)
                except REFUSED:  # find out which, or that it is only written in another way
                    found = [
                        self._record(key, after, documents[key]).response
                        for key, after in zip(keys, afters, strict=True)
                    ]
            yield from zip(keys, found, strict=True)

    def known(self, requests: Sequence[Request]) -> set[str]:
        """Return the keys of the requests that `get_many` would answer, without reading them."""
        keys = list({request.key: None for request in requests})
        found = self._select("key", keys) if self._answers else iter(())
        return {key for rows in found for (key,) in rows}

    def put(
        self,
        request: Request,
        response: Response,
        *,
        latency_s: float,
        attempts: int,
        versions: Mapping[str, str],
    ) -> Record:
        """Store an answer and return what is now stored for its request.

        In mode `use` the first answer wins: where another process was faster, its answer is kept
        and returned. In mode `refresh` the new answer is returned and the old one kept beside it.

        Raises
        ------
        CacheError
            If the answer cannot be stored; then nothing of it is. Also if the database was
            deleted or replaced meanwhile; then the answer is stored in the one that is there.
        """
        paid = Paid(
            request=request,
            response=response,
            latency_s=latency_s,
            attempts=attempts,
            versions=versions,
        )
        return self.put_many([paid])[0]

    def put_many(self, answers: Sequence[Paid]) -> list[Record]:
        """Store answers in one transaction, each as `put` does: all of them, or none.

        Raises
        ------
        CacheError
            As `put`.
        """
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        records = [paid.record(now) for paid in answers]
        if self.mode == "off":
            return records
        gone = self._is_gone()
        with plain_errors(self.path), self._writer().transact():
            requests = [paid.request for paid in answers]
            records = list(map(self._stored, requests, records))
        if gone:
            msg = (
                f"The response cache {self.path} was deleted or replaced while it was in use. "
                "Answers stored before are no longer there; the last ones are in a new cache.db."
            )
            raise CacheError(msg)
        return records

    def claim(self, request: Request) -> bool:
        """Ask to be the one who asks for an answer; False while another process or cache is.

        Whoever is allowed looks into the cache once more, for another may just have stored the
        answer, and else makes the call, stores the answer and calls `release`. Whoever is not
        tries again later. A process that ends lets go of its claims, in whatever way it ends.

        Raises
        ------
        CacheError
            If claims cannot be made in this folder.
        """
        if self.mode != "use":
            return True
        with plain_errors(self.path):
            if self._database is None:  # else it was looked at when that was opened
                refuse_network(self.path, self.mounts)
            return self._claims.take(request.key)

    def release(self, request: Request) -> None:
        """Let go of a claim, after the answer is stored or the call has failed."""
        with plain_errors(self.path):
            self._claims.drop(request.key)

    def check_writable(self) -> None:
        """Raise `CacheError` unless answers can be stored; called before the first paid call."""
        if self.mode != "off":
            with plain_errors(self.path), self._writer().transact():
                pass

    def close(self) -> None:
        """Let go of the database and of all claims. Safe to call at any time."""
        self._claims.close()
        if self._database is not None:
            self._database.close()
            self._database = None

    @property
    def _answers(self) -> bool:
        return self.mode in ("use", "replay")

    def _find(self, requests: Sequence[Request]) -> dict[str, Record]:
        documents = {request.key: request.document for request in requests}
        with _garbage_collector_paused():
            return {
                row[0]: self._record(row[0], self._after_request(row, document), document)
                for rows in self._select(COLUMNS, list(documents))
                for row, document in ((row, documents[row[0]]) for row in rows)
            }

    def _after_request(self, row: Row, document: str) -> bytes:
        """Return what follows the document in a row's text, known to be what was written."""
        key, *stored = row
        try:
            return after_request(verified(*stored), document)
        except REFUSED as exc:
            raise self._corrupt(key, exc) from exc

    def _record(self, key: str, after: bytes, document: str) -> Record:
        try:
            return Record.from_parts(document, after.decode())
        except REFUSED as exc:
            raise self._corrupt(key, exc) from exc

    def _corrupt(self, key: str, exc: BaseException) -> CacheCorruptError:
        return CacheCorruptError(
            f"Entry {key} of the response cache {self.path} is not what was written: {exc}. "
            "Restore cache.db from a copy. To have the question asked again instead, move the "
            "entry aside with 'distexp cache verify --drop'."
        )

    def _select(self, columns: str, keys: Sequence[str]) -> Iterator[list[Row]]:
        """Yield the rows of those keys that are stored, in parts."""
        if self._database is not None:
            for keys_of_part in parts(keys):
                with plain_errors(self.path):
                    rows = self._database.query(*by_key(columns, keys_of_part))
                yield rows
            return
        with plain_errors(self.path):
            if self.mode != "replay":
                refuse_network(self.path, self.mounts)
        yield from self._reader.by_key(columns, keys)

    def _writer(self) -> Database:
        """Return the open database, made where there is none."""
        if self.mode == "replay":
            msg = f"The response cache {self.path} is not written to with cache.mode=replay."
            raise CacheError(msg)
        if self._database is None:
            refuse_network(self.path, self.mounts)
            self._database = Database(self.path, self.busy_timeout_s)
            self._identity = self._file_identity()
        return self._database

    def _is_gone(self) -> bool:
        """Let go of a database that is no longer the file in the folder; tell whether it was."""
        gone = self._database is not None and self._file_identity() != self._identity
        if gone:
            self.close()
        return gone

    def _file_identity(self) -> tuple[int, int] | None:
        """Return what tells the database's file from another under its name; None without one."""
        try:
            stat = (self.path / FILE).stat()
        except OSError:
            return None
        return stat.st_dev, stat.st_ino

    def _stored(self, request: Request, record: Record) -> Record:
        """Store a record as the mode wants it, and return the one that is now in its place."""
        if self.mode == "refresh":
            return self._add_generation(request, record)
        text = record.to_json()
        if self._writer().insert(request.key, text, record):
            return record
        return self._find([request])[request.key]

    def _add_generation(self, request: Request, record: Record) -> Record:
        """Store a record as the newest generation and keep the one that was."""
        with self._writer().transact():  # nobody else writes until it ends
            old = self._find([request]).get(request.key)
            if old is not None:
                self._writer().rename(request.key, f"{request.key}/{old.generation}")
                record = replace(record, generation=old.generation + 1)
            self._writer().insert(request.key, record.to_json(), record)
        return record


@contextmanager
def _garbage_collector_paused() -> Iterator[None]:
    """Spare it searching thousands of new records in vain: a fifth of the time of a bulk read."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
