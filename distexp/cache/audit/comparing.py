"""Two caches, or the answers of two runs, held side by side."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from distexp.cache.disk.reader import Reader, not_as_written
from distexp.cache.entry import checked
from distexp.cache.record import Record
from distexp.cache.rows import COLUMNS, REFUSED, verified
from distexp.request import Response

Digests = Iterable[tuple[str, str]]
_UNANSWERED = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of the two: a cache, or the requests of a run and the cache that holds its answers."""

    reader: Reader
    keys: tuple[str, ...] | None = None
    """Of a run, in order; None takes the whole cache."""

    def digests(self) -> Digests:
        """Yield keys and the digests of their entries, in the order of keys."""
        if self.keys is None:
            for name, tag in self.reader.scan("tag", order="key"):
                if "/" not in name:
                    yield name, tag or "lost"
            return
        stored = {
            key: tag for rows in self.reader.by_key("key, tag", self.keys) for key, tag in rows
        }
        yield from ((key, stored.get(key, _UNANSWERED)) for key in self.keys)

    def record(self, key: str) -> Record | None:
        """Return the record that is stored under a key.

        Raises
        ------
        CacheCorruptError
            If it is not what was written.
        """
        for rows in self.reader.by_key(COLUMNS, [key]):
            for _, *stored in rows:
                try:
                    return checked(key, verified(*stored).decode())
                except REFUSED as exc:
                    raise not_as_written(self.reader.folder, key, exc) from exc
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What two sides have in common, and what only one of them has, by key."""

    n_same: int
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]
    other: tuple[str, ...]
    """Requests that the two have answered differently."""

    @property
    def is_same(self) -> bool:
        """Whether there is no difference."""
        return not (self.only_a or self.only_b or self.other)


def compare(a: Side, b: Side) -> Compared:
    """Compare the answers of two sides; when they came and how long it took may differ.

    Raises
    ------
    CacheError
        If one of them cannot be read.
    """
    only_a: list[str] = []
    only_b: list[str] = []
    other: list[str] = []
    n_same = 0
    for key, in_a, in_b in _joined(a.digests(), b.digests()):
        if in_a == in_b:
            n_same += 1
        elif not in_b:
            only_a.append(key)
        elif not in_a:
            only_b.append(key)
        elif _response(a, key) == _response(b, key):
            n_same += 1
        else:
            other.append(key)
    return Compared(n_same=n_same, only_a=tuple(only_a), only_b=tuple(only_b), other=tuple(other))


def _response(side: Side, key: str) -> Response | None:
    record = side.record(key)
    return None if record is None else record.response


def _joined(a: Digests, b: Digests) -> Iterator[tuple[str, str | None, str | None]]:
    """Yield the keys of both, in order, with the digest that each side has; None without one."""
    left, right = iter(a), iter(b)
    one, two = next(left, None), next(right, None)
    while one is not None or two is not None:
        if two is None or (one is not None and one[0] < two[0]):
            assert one is not None
            yield one[0], one[1], None
            one = next(left, None)
        elif one is None or two[0] < one[0]:
            yield two[0], None, two[1]
            two = next(right, None)
        else:
            yield one[0], one[1], two[1]
            one, two = next(left, None), next(right, None)
