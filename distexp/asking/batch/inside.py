"""Which requests are in batches in flight, so that no call pays for them once more."""

from collections.abc import Iterable
from dataclasses import replace

from distexp.cache import Cache, ResponseCache
from distexp.cache.disk.batches import GIVEN_UP, PREPARING


class Inside:
    """Tells which requests are in batches; to ask again costs little, whatever they hold.

    Parameters
    ----------
    cache : Cache
        One that keeps no batches has none.
    """

    def __init__(self, cache: Cache) -> None:
        self._cache = cache if isinstance(cache, ResponseCache) and cache.mode == "use" else None
        self._keys: dict[str, frozenset[str]] = {}

    def of(self, keys: Iterable[str]) -> set[str]:
        """Return those keys that are in batches: they are paid for, or will be in a moment."""
        if self._cache is None:
            return set()
        wanted, inside = {*keys}, set()
        for label, state in self._cache.open_labels():
            if label not in self._keys:
                batch = self._cache.batch(label)
                self._keys[label] = frozenset(batch.keys if batch else ())
            mine = wanted & self._keys[label]
            if mine and not (state == PREPARING and self._is_void(self._cache, label)):
                inside |= mine
        return inside

    @staticmethod
    def _is_void(cache: ResponseCache, label: str) -> bool:
        """Give up a batch whose process died while it prepared it; False where it lives."""
        if not cache.hold(label):
            return False
        try:
            batch = cache.batch(label)
            if batch is not None and batch.state == PREPARING:
                return cache.save_batch(replace(batch, state=GIVEN_UP)) is not None
            return batch is None
        finally:
            cache.let_go(label)


def paid_in_batches(n_requests: int) -> str:
    """Say that requests are in batches in flight, and what to do."""
    are = "request is in a batch" if n_requests == 1 else "requests are in batches"
    return (
        f"{n_requests} {are} in flight, and paid for. Run with calls=batch, or wait for 'distexp "
        "cache batches collect'."
    )
