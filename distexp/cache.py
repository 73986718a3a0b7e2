"""The record of paid answers: one JSON document per call, kept in SQLite and never dropped.

`diskcache` keeps the file; three of its habits are taken from it. It pickles (a planted row runs
code when it is read, CVE-2025-69872), it evicts what exceeds a size, and it opens for writing in
order to read. Here every entry is JSON text, nothing is evicted, and reading changes no file.

An entry is a row of the table `Cache`: `key` is the request's key, `value` the JSON text of a
`Record` (zlib-compressed where long), `tag` the SHA-256 of that text. A generation that `refresh`
replaced keeps its text under `<key>/<generation>`.
"""

import gc
import hashlib
import json
import math
import os
import sqlite3
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from diskcache import Cache, Disk, Timeout

from distexp.checks import check_text, parameter_error
from distexp.errors import CacheCorruptError, CacheError
from distexp.types import Request, Response, Usage

MODES = ("use", "replay", "refresh", "off")

COMPRESS_FROM_BYTES = 8192
KEYS_PER_QUERY = 5000

NETWORK_FILE_SYSTEMS = (
    *("afs", "beegfs", "ceph", "cifs", "glusterfs", "gpfs", "lustre", "nfs", "nfs4", "smb3"),
    *("fuse.ceph", "fuse.gcsfuse", "fuse.glusterfs", "fuse.rclone", "fuse.s3fs", "fuse.sshfs"),
)

_CHOOSE = (CacheError, "Choose a folder that can be written with cache.path=FOLDER.")
_DAMAGED = (CacheCorruptError, "Restore cache.db from a copy, or move it away to start anew.")
_ADVICE = {
    sqlite3.SQLITE_BUSY: (CacheError, "Run again when no other process is writing to it."),
    sqlite3.SQLITE_FULL: (CacheError, "Free some disk space, then run the same command again."),
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: _DAMAGED,
}

_HEAD = '{"request":'
_RAW = 1  # diskcache's mode of a value that lies in its row as it is


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One paid answer, with its question beside it."""

    request: str
    """The request's document: its SHA-256 is the key."""
    response: Response
    created: str
    """When the answer arrived: UTC, ISO 8601."""
    latency_s: float
    """How long the call took that was answered, in seconds."""
    attempts: int
    """Calls made until one was answered."""
    versions: Mapping[str, str]
    """Versions of the software that made the call."""
    generation: int = 0
    """How often the question had been asked anew before, by `refresh`."""

    def to_json(self) -> str:
        """Write the record as a JSON object that begins with the request's document, unchanged.

        A log-probability of minus infinity is written as null.

        Raises
        ------
        CacheError
            If another number of the response is infinite, or NaN.
        """
        rest = {name: getattr(self, name) for name in _AFTER_REQUEST}
        rest |= {"response": _response_to_json(self.response), "versions": dict(self.versions)}
        try:
            # ASCII escapes keep what UTF-8 cannot hold, e.g. half a surrogate pair in a reply.
            text = json.dumps(rest, allow_nan=False)
        except ValueError as exc:
            key = _digest(self.request.encode())
            msg = f"The response to request {key} holds a number that JSON has not: {exc}."
            raise CacheError(msg) from exc
        return f"{_HEAD}{self.request},{text[1:]}"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` wrote; the two are exact inverses.

        Raises
        ------
        ValueError, TypeError, KeyError
            If `text` is not a record.
        """
        if not text.startswith(_HEAD):
            msg = f"A record begins with {_HEAD}"
            raise ValueError(msg)
        _, end = json.JSONDecoder().raw_decode(text, len(_HEAD))
        return cls._from_parts(text[len(_HEAD) : end], text[end:])

    @classmethod
    def _from_parts(cls, document: str, after: str) -> Self:
        """Read a record whose request is known: its document need not be parsed."""
        record = json.loads(f"{_HEAD}null{after}")
        record |= {"request": document, "response": _response_from_json(record["response"])}
        return cls(**record)


_AFTER_REQUEST = [field.name for field in fields(Record) if field.name != "request"]


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
        data = value.encode()
        return 0, _RAW, None, value if len(data) < COMPRESS_FROM_BYTES else zlib.compress(data)

    def fetch(self, mode: int, filename: str | None, value: str | bytes, read: bool) -> str:
        """Return the JSON text of a row; a pickle or a file is refused."""
        try:
            data = value.encode() if isinstance(value, str) else value
            return _stored_bytes(mode, filename, data).decode()
        except (ValueError, AttributeError, zlib.error) as exc:
            msg = f"The response cache {self._directory} has an entry that is refused: {exc}."
            raise CacheCorruptError(msg) from exc

    def remove(self, file_path: str) -> None:
        """Remove nothing: no entry has a file, whatever a row may say."""


class Database(Cache):  # type: ignore[misc]
    """diskcache's database, open for writing, without the settings that lose or run things."""

    def __init__(self, folder: Path, busy_timeout_s: float) -> None:
        try:
            super().__init__(
                str(folder),
                timeout=busy_timeout_s,
                disk=JSONDisk,
                eviction_policy="none",
                cull_limit=0,
                statistics=0,
                tag_index=0,
                sqlite_journal_mode="wal",
                # FULL: an answer that was returned survives a power cut too. A sampled one cannot
                # be asked again, and a result may rest on it. NORMAL would save 0.2 ms an answer.
                sqlite_synchronous=2,
                sqlite_mmap_size=0,  # a file cut short under a memory map kills the process
            )
        except BaseException:
            self.close()  # else it stays open, half made, with its locks
            raise


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
        self._file = self.path / "cache.db"  # diskcache's name for it
        self._cache: Database | None = None

    def get_many(self, requests: Sequence[Request]) -> dict[str, Record]:
        """Return the stored answers to `requests` by key; none in modes `refresh` and `off`.

        Raises
        ------
        CacheCorruptError
            If an entry is not what was written, or answers another request.
        CacheError
            If the cache cannot be read.
        """
        if not self._answers:
            return {}
        with _garbage_collector_paused():
            return self._find(requests)

    def known(self, requests: Sequence[Request]) -> set[str]:
        """Return the keys of the requests that `get_many` would answer, without reading them."""
        keys = list({request.key for request in requests})
        return {key for (key,) in self._select("key", keys)} if self._answers else set()

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
        record = Record(
            request=request.document,
            response=response,
            created=datetime.now(UTC).isoformat(timespec="milliseconds"),
            latency_s=latency_s,
            attempts=attempts,
            versions=dict(versions),
        )
        if self.mode == "off":
            return record
        with self._plain_errors():
            if self.mode == "refresh":
                return self._add_generation(request, record)
            text = record.to_json()
            if self._writer().add(request.key, text, tag=_digest(text.encode())):
                return record
        return self._find([request])[request.key]

    def check_writable(self) -> None:
        """Raise `CacheError` unless answers can be stored; called before the first paid call."""
        if self.mode != "off":
            with self._plain_errors(), self._writer().transact():
                pass

    def close(self) -> None:
        """Let go of the database. Safe to call at any time."""
        if self._cache is not None:
            self._cache.close()
            self._cache = None

    @property
    def _answers(self) -> bool:
        return self.mode in ("use", "replay")

    def _find(self, requests: Sequence[Request]) -> dict[str, Record]:
        documents = {request.key: request.document for request in requests}
        rows = self._select("key, mode, filename, tag, CAST(value AS BLOB)", list(documents))
        return {key: self._verified(key, documents[key], *row) for key, *row in rows}

    def _verified(
        self, key: str, document: str, mode: int, filename: str | None, tag: str, value: bytes
    ) -> Record:
        """Return the record of a row, once it is known to be what was written for `document`."""
        try:
            data = _stored_bytes(mode, filename, value)
            if _digest(data) != tag:
                msg = "its SHA-256 is not the one stored beside it"
                raise ValueError(msg)
            text = data.decode()
            if not text.startswith(_HEAD + document):
                msg = "it answers another request"
                raise ValueError(msg)
            return Record._from_parts(document, text[len(_HEAD) + len(document) :])
        except (ValueError, KeyError, TypeError, AttributeError, zlib.error) as exc:
            msg = (
                f"Entry {key} of the response cache {self.path} is not what was written: {exc}. "
                "Restore cache.db from a copy. To have the question asked again instead, delete "
                "the row with this key from its table Cache."
            )
            raise CacheCorruptError(msg) from exc

    def _select(self, columns: str, keys: Sequence[str]) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of those keys that are stored, changing no file."""
        with self._plain_errors():
            if self.mode != "replay":
                self._refuse_network()
            for start in range(0, len(keys), KEYS_PER_QUERY):
                yield from self._query(columns, keys[start : start + KEYS_PER_QUERY])

    def _query(self, columns: str, keys: Sequence[str]) -> list[tuple[Any, ...]]:
        """Run one query on the database as it is, or find nothing where there is none.

        A database with a write-ahead log is in use, or was when its process died: it is read
        under SQLite's locks. One without is complete in itself and is read as immutable, because
        a locking reader would create the log, and fail where the folder is read-only. If a
        writer came meanwhile, what was read may be torn, and is read again.
        """
        while (before := self._state()) is not None:
            try:
                rows = self._fetch("immutable=1" if before else "mode=ro", columns, keys)
            except sqlite3.DatabaseError:
                if self._state() == before:
                    raise
            else:
                if not before or self._state() == before:
                    return rows
        return []

    def _fetch(self, how: str, columns: str, keys: Sequence[str]) -> list[tuple[Any, ...]]:
        uri = f"{self._file.absolute().as_uri()}?{how}"
        with closing(sqlite3.connect(uri, uri=True, timeout=self.busy_timeout_s)) as connection:
            made = "SELECT 1 FROM sqlite_master WHERE name = 'Cache'"
            if not connection.execute(made).fetchone():
                return []  # another process is making it
            select = f"SELECT {columns} FROM Cache WHERE raw = 1 AND key IN "
            select += "(SELECT value FROM json_each(?))"
            return connection.execute(select, [json.dumps(keys)]).fetchall()

    def _state(self) -> tuple[int, ...] | None:
        """Return None without a database, () where it is in use, else what every write moves."""
        try:
            stat = self._file.stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        in_use = Path(f"{self._file.resolve()}-wal").exists()  # SQLite puts it beside the target
        return () if in_use else (stat.st_ino, stat.st_size, stat.st_mtime_ns)

    def _writer(self) -> Database:
        """Return the open database, made where there is none."""
        if self.mode == "replay":
            msg = f"The response cache {self.path} is not written to with cache.mode=replay."
            raise CacheError(msg)
        if self._cache is None:
            self._refuse_network()
            self._cache = Database(self.path, self.busy_timeout_s)
        return self._cache

    def _add_generation(self, request: Request, record: Record) -> Record:
        """Store a record as the newest generation and keep the one that was."""
        with self._writer().transact():  # nobody else writes until it ends
            old = self._find([request]).get(request.key)
            if old is not None:
                self._set(f"{request.key}/{old.generation}", old)
                record = replace(record, generation=old.generation + 1)
            self._set(request.key, record)
        return record

    def _set(self, key: str, record: Record) -> None:
        text = record.to_json()
        self._writer().set(key, text, tag=_digest(text.encode()))

    def _refuse_network(self) -> None:
        kind = network_file_system(self.path, self.mounts)
        if kind:
            msg = (
                f"The response cache {self.path} lies on a network file system ({kind}), where "
                "SQLite's locks do not hold and answers would be lost. Choose a folder on a local "
                "disk with cache.path=FOLDER; a copy may lie anywhere for cache.mode=replay."
            )
            raise CacheError(msg)

    @contextmanager
    def _plain_errors(self) -> Iterator[None]:
        """Say in one line what SQLite or the file system has against it."""
        try:
            yield
        except (sqlite3.Error, Timeout, OSError) as exc:
            cause: BaseException = exc
            while isinstance(cause.__context__, sqlite3.Error):  # diskcache hides it in Timeout
                cause = cause.__context__
            kind, advice = _ADVICE.get(getattr(cause, "sqlite_errorcode", 0) & 0xFF, _CHOOSE)
            msg = f"The response cache {self.path} cannot be used: {cause}. {advice}"
            raise kind(msg) from exc


def network_file_system(path: Path, mounts: Path) -> str | None:
    """Return the kind of network file system that `path` lies on; None if local or unknown."""
    if not mounts.exists():
        return None
    path = path.resolve()
    lines = [line.split(" ") for line in mounts.read_text(errors="surrogateescape").splitlines()]
    folders = [(Path(line[1].replace("\\040", " ")), line[2]) for line in lines]
    around = [(len(folder.parts), kind) for folder, kind in folders if path.is_relative_to(folder)]
    # Of two mounts on one folder the later hides the earlier.
    _, kind = max(reversed(around), key=lambda mount: mount[0], default=(0, ""))
    return kind if kind in NETWORK_FILE_SYSTEMS else None


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


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _stored_bytes(mode: int, filename: str | None, value: bytes) -> bytes:
    """Return the UTF-8 of the JSON text of a row, which may be compressed."""
    if mode != _RAW or filename is not None:
        msg = "it is a pickle or a file, which distexp neither writes nor opens"
        raise ValueError(msg)
    return value if value.startswith(b"{") else zlib.decompress(value)


def _response_to_json(response: Response) -> dict[str, Any]:
    document = {field.name: getattr(response, field.name) for field in fields(Response)}
    if response.usage is not None:
        document["usage"] = asdict(response.usage)
    if response.top_logprobs is not None:
        document["top_logprobs"] = [
            [(token, None if lp == -math.inf else lp) for token, lp in alternatives]
            for alternatives in response.top_logprobs
        ]
    return document


def _response_from_json(document: dict[str, Any]) -> Response:
    if document["usage"] is not None:
        document["usage"] = Usage(**document["usage"])
    if document["top_logprobs"] is not None:
        document["top_logprobs"] = tuple(
            tuple([(token, -math.inf if lp is None else lp) for token, lp in alternatives])
            for alternatives in document["top_logprobs"]
        )
    if document["price_usd_per_token"] is not None:
        document["price_usd_per_token"] = tuple(document["price_usd_per_token"])
    return Response(**document)
