"""Where answers can be kept: on a disk, or on a Redis server. The same contract holds for both.

Run as a program it asks for answers in a process of its own: see `main`.
"""

import sys
import time
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from pathlib import Path

from distexp.cache import Cache, Record, ResponseCache
from distexp.cache.redis.store import RedisCache
from distexp.cache.redis.values import ALIKE
from tests.cache.answers import ask, digest_of, put, sql
from tests.cache.real_redis import RedisServer

QUICK_LEASE_S = 2.0
PATIENCE_S = 120.0
"""How long a test waits for what is to happen, on a machine that does much else."""
"""Lease of claims on a Redis server in these tests, in seconds."""


class QuickRedisCache(RedisCache):
    """Lets go of the claims of the dead before a test grows long."""

    lease_s = QUICK_LEASE_S


class Place(ABC):
    """A place for one cache, with a way past it."""

    def __init__(self) -> None:
        self.caches: list[Cache] = []

    def open(self, mode: str = "use") -> Cache:
        """Open the cache; it is closed when the test ends."""
        self.caches.append(opened(self.words, mode))
        return self.caches[-1]

    def fill(self, n: int = 10) -> list[Record]:
        """Store the answers `answer 0` to `answer n-1`."""
        return [put(self.open(), ask(number), f"answer {number}") for number in range(n)]

    @property
    @abstractmethod
    def words(self) -> tuple[str, str]:
        """What `opened` needs to know."""

    @abstractmethod
    def entries(self) -> dict[str, tuple[str, bytes]]:
        """Return digest and JSON text of every entry by name, read past the cache."""

    @abstractmethod
    def plant(self, key: str, digest: str, value: bytes) -> None:
        """Overwrite an entry past the cache."""


class DiskPlace(Place):
    """A folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder

    @property
    def words(self) -> tuple[str, str]:
        """What `opened` needs to know."""
        return "disk", str(self.folder)

    def entries(self) -> dict[str, tuple[str, bytes]]:
        """Return digest and JSON text of every entry by name, read past the cache."""
        if not (self.folder / "cache.db").exists():
            return {}
        rows = sql(self.folder, "SELECT key, tag, CAST(value AS BLOB) FROM Cache")
        return {key: (tag, _unfolded(value)) for key, tag, value in rows}

    def plant(self, key: str, digest: str, value: bytes) -> None:
        """Overwrite an entry past the cache."""
        sql(self.folder, "UPDATE Cache SET tag = ?, value = ? WHERE key = ?", digest, value, key)


class RedisPlace(Place):
    """A prefix on a server."""

    def __init__(self, server: RedisServer, prefix: str) -> None:
        super().__init__()
        self.server = server
        self.prefix = prefix

    @property
    def words(self) -> tuple[str, str]:
        """What `opened` needs to know."""
        return "redis", f"{self.server.url}#{self.prefix}"

    def entries(self) -> dict[str, tuple[str, bytes]]:
        """Return digest and JSON text of every entry by name, read past the cache."""
        found = {}
        with self.server.client() as client:
            for name in client.scan_iter(f"{self.prefix}:[0-9a-f]*"):
                value = client.get(name)
                key = name.decode().removeprefix(f"{self.prefix}:")
                found[key] = (value[:64].decode(), _unfolded(value[64:], ALIKE))
        return found

    def plant(self, key: str, digest: str, value: bytes) -> None:
        """Overwrite an entry past the cache."""
        with self.server.client() as client:
            client.set(f"{self.prefix}:{key}", digest.encode() + value)


def opened(words: Sequence[str], mode: str = "use") -> Cache:
    """Open the cache that `Place.words` describe."""
    kind, where = words
    if kind == "disk":
        return ResponseCache(Path(where), mode)
    url, prefix = where.split("#")
    return QuickRedisCache(url, prefix=prefix, mode=mode)


def text_and_digest(text: str) -> tuple[str, bytes]:
    """Return a planted text with a digest that fits it."""
    return digest_of(text), text.encode()


def _unfolded(value: bytes, alike: bytes = b"") -> bytes:
    if value.startswith(b"{"):
        return value
    return zlib.decompressobj(zdict=alike).decompress(value)


def main(kind: str, where: str, name: str, n: int) -> None:
    """Answer the questions 0 to n-1, each once among all processes, and print what was done.

    As `write` it stores without asking whether another does, as `hold` it only claims, until
    a line comes.
    """
    _say("ready")
    sys.stdin.readline()
    cache = opened((kind, where))
    if name == "hold":
        _say("claimed", *(cache.claim(ask(number)) for number in range(n)))
        sys.stdin.readline()
        for number in range(n):
            cache.release(ask(number))
        _say("released")
    elif name == "write":
        for number in range(n):
            _say(put(cache, ask(number), f"{name} {number}").response.text)
    else:
        _answer(cache, name, list(range(n)))
    cache.close()


def _say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def _answer(cache: Cache, name: str, numbers: Iterable[int]) -> None:
    waiting = list(numbers)
    while waiting:
        known = cache.known([ask(number) for number in waiting])
        waiting = [number for number in waiting if ask(number).key not in known]
        for number in waiting:
            if cache.claim(ask(number)):
                if not cache.known([ask(number)]):
                    _say(f"asked {number}")
                    put(cache, ask(number), f"{name} {number}")
                cache.release(ask(number))
        time.sleep(0.005)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
