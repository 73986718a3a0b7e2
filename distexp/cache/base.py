"""What every cache of paid answers does, wherever it keeps them."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from distexp.cache.entry import check_own, check_sizes
from distexp.cache.record import Paid, Record, read_responses
from distexp.cache.rows import REFUSED, Row, after_request
from distexp.checks import parameter_error
from distexp.errors import CacheCorruptError, CacheError, UnstorableError
from distexp.request import Request, Response

MODES = ("use", "replay", "refresh", "off")


class Cache(ABC):
    """Keeps every answer that was paid for.

    Parameters
    ----------
    mode : {"use", "replay", "refresh", "off"}
        `use` answers from the cache and stores what is new; `replay` only answers from the cache;
        `refresh` asks again and keeps the old answer beside the new; `off` does without.
    """

    path: Path | str
    """Where the answers are, as messages say it."""

    def __init__(self, mode: str | bool) -> None:
        mode = "off" if mode is False else mode  # YAML reads a bare `off` as false
        if mode not in MODES:
            raise parameter_error(type(self).__name__, "mode", f"one of {', '.join(MODES)}", mode)
        self.mode = str(mode)

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
        for rows in self._rows(list(documents)):
            keys = [row[0] for row in rows]
            afters = self._afters(rows, documents)
            try:
                found = read_responses(afters)
            except REFUSED:  # find out which, or that it is only written in another way
                found = [
                    self._record(key, after, documents[key]).response
                    for key, after in zip(keys, afters, strict=True)
                ]
            yield from zip(keys, found, strict=True)

    def for_reading(self) -> "Cache | None":
        """Return a cache with the same answers that a forked process can read by itself, if any.

        It takes what is missing as missing, and does not ask why. To be closed.
        """
        return None

    @abstractmethod
    def known(self, requests: Sequence[Request]) -> set[str]:
        """Return the keys of the requests that `get_many` would answer, without reading them."""

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
            If the answer cannot be stored; then nothing of it is.
        """
        paid = Paid(
            request=request,
            response=response,
            latency_s=latency_s,
            attempts=attempts,
            versions=versions,
        )
        return self.put_many([paid])[0]

    @abstractmethod
    def put_many(self, answers: Sequence[Paid]) -> list[Record]:
        """Store answers in one transaction, each as `put` does: all of them, or none.

        Raises
        ------
        CacheError
            As `put`.
        """

    def check_storable(self, paid: Paid) -> None:
        """Raise `UnstorableError` if an answer holds what could not be read back."""
        self._readable(paid.request.key, paid.record(self._now()))

    @abstractmethod
    def claim(self, request: Request) -> bool:
        """Claim a request; return False while another process or cache holds the claim.

        After a claim is granted, look into the cache once more, as another process may just have
        stored the answer; if there is none make the call, store the answer and call `release`.
        If it is not granted, try again later. A process that ends, in whatever way, loses its
        claims.

        Raises
        ------
        CacheError
            If claims cannot be made here.
        """

    @abstractmethod
    def release(self, request: Request) -> None:
        """Give a claim back, after the answer is stored or the call has failed."""

    def claim_many(self, requests: Sequence[Request]) -> set[str]:
        """Claim requests, each as `claim` does, and return the keys of those that it allows.

        Raises
        ------
        CacheError
            As `claim`.
        """
        return {request.key for request in requests if self.claim(request)}

    def release_many(self, requests: Sequence[Request]) -> None:
        """Give claims back, each as `release` does."""
        for request in requests:
            self.release(request)

    @abstractmethod
    def check_writable(self) -> None:
        """Raise `CacheError` unless answers can be stored; called before the first paid call."""

    @abstractmethod
    def close(self) -> None:
        """Let go of connections and of all claims. Safe to call at any time."""

    @abstractmethod
    def _rows(self, keys: Sequence[str]) -> Iterator[list[Row]]:
        """Yield the rows of those keys that are stored, in parts; a row begins with its key."""

    @abstractmethod
    def _verified(self, *stored: Any) -> bytes:
        """Return the JSON text of a row, or raise one of `REFUSED` if it is not as written."""

    @abstractmethod
    def _remedy(self) -> str:
        """Say what to do about an entry that is not what was written."""

    @property
    def _answers(self) -> bool:
        return self.mode in ("use", "replay")

    def _now(self) -> str:
        return datetime.now(UTC).isoformat(timespec="milliseconds")

    def _find(self, requests: Sequence[Request]) -> dict[str, Record]:
        documents = {request.key: request.document for request in requests}
        return {
            row[0]: self._record(row[0], self._after_request(row, document), document)
            for rows in self._rows(list(documents))
            for row, document in ((row, documents[row[0]]) for row in rows)
        }

    def _afters(self, rows: Sequence[Row], documents: Mapping[str, str]) -> list[bytes]:
        """Return, for each row, the part of its text after the request's document."""
        return [self._after_request(row, documents[row[0]]) for row in rows]

    def _after_request(self, row: Row, document: str) -> bytes:
        """Verify a row and return the part of its text after the request's document."""
        key, *stored = row
        try:
            return after_request(self._verified(*stored), document)
        except REFUSED as exc:
            raise self._corrupt(key, exc) from exc

    def _record(self, key: str, after: bytes, document: str) -> Record:
        try:
            return Record.from_parts(document, after.decode())
        except REFUSED as exc:
            raise self._corrupt(key, exc) from exc

    def _readable(self, name: str, record: Record) -> str:
        """Return the JSON text to store, once it is known that every reader takes it.

        Raises
        ------
        UnstorableError
            If the record holds what would be refused when it is read.
        """
        try:
            text = record.to_json()
            check_own(name, text, record)
            check_sizes(record)
        except (CacheError, *REFUSED, OverflowError) as exc:
            msg = f"The answer to request {name[:12]} cannot be stored: {exc}"
            raise UnstorableError(msg) from exc
        return text

    def _corrupt(self, key: str, exc: BaseException) -> CacheCorruptError:
        return CacheCorruptError(
            f"Entry {key} of the response cache {self.path} is not what was written: {exc}. "
            f"{self._remedy()}"
        )
