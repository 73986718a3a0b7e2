"""The cache on a Redis server, for workers on several machines.

An answer is a string: under `<prefix>:<key>` the SHA-256 of the JSON text of a `Record`, in 64
hexadecimal digits, and that text, zlib-compressed unless short. A generation that `refresh`
replaced is kept under `<prefix>:<key>/<generation>`, a claim is under `<prefix>:_claim:<key>`;
`<prefix>:_mark` tells whether the server was emptied. Only claims expire.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import count
from secrets import token_hex
from typing import Any

from distexp.cache.base import Cache
from distexp.cache.record import Paid, Record
from distexp.cache.redis.claims import LEASE_S, Claims
from distexp.cache.redis.server import RETRIES, Server
from distexp.cache.redis.values import packed, unpacked
from distexp.cache.rows import KEYS_PER_QUERY, REFUSED, Row, parts
from distexp.errors import CacheError
from distexp.request import Request

PREFIX = "distexp"
"""What the names of entries begin with unless told otherwise."""

_KNOWN = """
local found = {}
for place, name in ipairs(KEYS) do
    if redis.call('STRLEN', name) > 0 then found[#found + 1] = place end
end
return found
"""


class RedisCache(Cache):
    """Keeps every answer that was paid for on a Redis server.

    Parameters
    ----------
    url : str
        `redis://HOST:PORT/DB`, `rediss://` for TLS, or `unix:///SOCKET?db=DB`; no password in it.
    password_env : str, optional
        Name of the environment variable that holds the password.
    prefix : str
        What the names of all entries begin with: caches of different prefixes share a server.
    mode : {"use", "replay", "refresh", "off"}
        As of the cache on disk.
    """

    lease_s = LEASE_S
    """How long the claim of a process that died stands in the way, in seconds."""
    retries = RETRIES
    """How often to try again once a connection is lost."""

    def __init__(
        self,
        url: str,
        password_env: str | None = None,
        prefix: str = PREFIX,
        mode: str | bool = "use",
    ) -> None:
        super().__init__(mode)
        self._server = Server(url, password_env, prefix, self.retries)
        self.path: str = self._server.label
        self._prefix = f"{prefix}:"
        self._mark: bytes | None = None
        self._claims = Claims(self._server, f"{prefix}:_claim:", self.lease_s)

    def known(self, requests: Sequence[Request]) -> set[str]:
        """Return the keys of the requests that `get_many` would answer, without reading them."""
        if not self._answers:
            return set()
        found = set()
        for keys in parts(list({request.key: None for request in requests})):
            with self._server.plain_errors():
                script = self._client().register_script(_KNOWN)
                found |= {keys[place - 1] for place in script(keys=self._names(keys))}
        return found

    def put_many(self, answers: Sequence[Paid]) -> list[Record]:
        """Store answers in one transaction, each as `put` does: all of them, or none.

        Raises
        ------
        CacheError
            As `put`.
        """
        now = self._now()
        records = [paid.record(now) for paid in answers]
        if self.mode == "off" or not records:
            return records
        requests = [paid.request for paid in answers]
        self._check_mode()
        with self._server.plain_errors():
            store = self._add_generations if self.mode == "refresh" else self._add
            stored = store(requests, records)
            self._check_kept()
        return stored

    def claim(self, request: Request) -> bool:
        """Ask to be the one who asks for an answer; False while another process or cache is."""
        return bool(self.claim_many([request]))

    def release(self, request: Request) -> None:
        """Let go of a claim, after the answer is stored or the call has failed."""
        self._claims.drop(request.key)

    def claim_many(self, requests: Sequence[Request]) -> set[str]:
        """Claim requests, each as `claim` does, and return the keys of those that it allows."""
        keys = [request.key for request in requests]
        return self._claims.take(*keys) if self.mode == "use" else set(keys)

    def release_many(self, requests: Sequence[Request]) -> None:
        """Let go of claims, each as `release` does."""
        self._claims.drop(*(request.key for request in requests))

    def check_writable(self) -> None:
        """Raise `CacheError` unless answers can be stored; called before the first paid call."""
        if self.mode != "off":
            self._check_mode()
            with self._server.plain_errors():
                self._client().set(f"{self._prefix}_check", "", px=1)
                self._check_kept()

    def close(self) -> None:
        """Let go of the connections and of all claims. Safe to call at any time."""
        self._claims.close()
        self._server.close()

    def entries(self) -> Iterator[tuple[str, str]]:
        """Yield name and JSON text of all entries, the replaced ones too; one may come twice.

        Raises
        ------
        CacheCorruptError
            If an entry is not what was written.
        CacheError
            If the server cannot be read.
        """
        pattern, cursor, begun = f"{self._prefix}[0-9a-f]*", 0, False
        while cursor or not begun:
            begun = True
            with self._server.plain_errors():
                cursor, names = self._client().scan(cursor, match=pattern, count=KEYS_PER_QUERY)
                rows = self._present([name.decode()[len(self._prefix) :] for name in names])
            for name, stored in rows:
                yield name, self._text(name, stored)

    def _check_kept(self) -> None:
        """Raise `CacheError` if the server was emptied since this was called first.

        A mark lies beside the answers. Who finds another than before knows that they are gone.
        """
        name = f"{self._prefix}_mark"
        self._client().set(name, token_hex(16), nx=True)
        before, self._mark = self._mark, self._client().get(name)
        if before is not None and before != self._mark:
            msg = (
                f"The response cache {self.path} was emptied while it was in use. Answers stored "
                "before are no longer there; the last ones are."
            )
            raise CacheError(msg)

    def _client(self) -> Any:
        return self._server.client(reading_only=self.mode == "replay")

    def _check_mode(self) -> None:
        if self.mode == "replay":
            msg = f"The response cache {self.path} is not written to with cache.mode=replay."
            raise CacheError(msg)

    def _names(self, keys: Sequence[str]) -> list[str]:
        return [f"{self._prefix}{key}" for key in keys]

    def _rows(self, keys: Sequence[str]) -> Iterator[list[Row]]:
        for keys_of_part in parts(keys):
            with self._server.plain_errors():
                rows = self._present(keys_of_part)
            yield rows

    def _present(self, keys: Sequence[str]) -> list[Row]:
        values = self._client().mget(self._names(keys)) if keys else []
        return [row for row in zip(keys, values, strict=True) if row[1] is not None]

    def _verified(self, *stored: Any) -> bytes:
        (value,) = stored
        return unpacked(value)

    def _remedy(self) -> str:
        return "Restore the server's data from a copy, or delete the entry to have it asked again."

    def _text(self, name: str, stored: bytes) -> str:
        try:
            return self._verified(stored).decode()
        except REFUSED as exc:
            raise self._corrupt(name, exc) from exc

    def _add(self, requests: Sequence[Request], records: Sequence[Record]) -> list[Record]:
        """Store the first answer to each request, and return those that are now in place."""
        asked = {request.key: request for request in requests}
        kept: dict[str, Record] = {}
        for request, record in zip(requests, records, strict=True):
            kept.setdefault(request.key, record)
        kept = self._after_replaced(kept)
        values = {key: packed(self._readable(key, record)) for key, record in kept.items()}
        while values and not self._client().msetnx(
            dict(zip(self._names(list(values)), values.values(), strict=True))
        ):
            # Some are there already, put by others: they stay, and the rest is tried again.
            there = self._find([asked[key] for key in values])
            if not there:
                self._refuse_other_types(list(values))
            kept |= there
            values = {key: value for key, value in values.items() if key not in there}
        return [kept[request.key] for request in requests]

    def _add_generations(
        self, requests: Sequence[Request], records: Sequence[Record]
    ) -> list[Record]:
        """Store records as the newest generations and keep those that were."""
        names = self._names([request.key for request in requests])

        def add(transaction: Any) -> list[Record]:
            added, older = self._next_generations(requests, records)
            self._refuse_taken(transaction, older)
            transaction.multi()
            for name, old, record in zip(names, older, added, strict=True):
                if old is not None:
                    transaction.rename(name, old)
                transaction.set(name, packed(self._readable(record.key, record)))
            return added

        # Once more, as often as another changes one of them before the end.
        added: list[Record] = self._client().transaction(add, *names, value_from_callable=True)
        return added

    def _next_generations(
        self, requests: Sequence[Request], records: Sequence[Record]
    ) -> tuple[list[Record], list[str | None]]:
        """Return records with their numbers, and names for the entries that they replace."""
        newest = self._find(requests)
        added: list[Record] = []
        older: list[str | None] = []
        for request, record in zip(requests, records, strict=True):
            old = newest.get(request.key)
            older.append(f"{self._prefix}{request.key}/{old.generation}" if old else None)
            newest |= (
                {request.key: replace(record, generation=old.generation + 1)}
                if old
                else self._after_replaced({request.key: record})
            )
            added.append(newest[request.key])
        return added, older

    def _after_replaced(self, records: dict[str, Record]) -> dict[str, Record]:
        """Give records the numbers after replaced answers to their requests, if there are any."""
        if not self._client().exists(*self._names([f"{key}/0" for key in records])):
            return records
        return {
            key: replace(record, generation=self._n_replaced(key))
            for key, record in records.items()
        }

    def _n_replaced(self, key: str) -> int:
        names = (self._names([f"{key}/{generation}"]) for generation in count())
        return next(n for n, name in enumerate(names) if not self._client().exists(*name))

    def _refuse_taken(self, transaction: Any, older: Sequence[str | None]) -> None:
        """Raise `CacheCorruptError` if an entry would take the place of a replaced one."""
        taken = [name for name in older if name is not None and transaction.exists(name)]
        if taken:
            transaction.multi()
            transaction.ping()
            transaction.execute()  # only if nobody has refreshed since what was read
            key = taken[0].removeprefix(self._prefix)
            raise self._corrupt(key, ValueError("a later answer says that it comes before it"))

    def _refuse_other_types(self, keys: Sequence[str]) -> None:
        """Raise `CacheCorruptError` if what is under a name is neither an answer nor nothing."""
        for key, name in zip(keys, self._names(keys), strict=True):
            kind = self._client().type(name).decode()
            if kind not in ("string", "none"):
                raise self._corrupt(key, ValueError(f"it is a {kind}"))
