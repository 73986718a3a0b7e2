"""The answers that one request was given over time, and who says that it gave them."""

import json
from collections import Counter
from collections.abc import Sequence
from itertools import count

from distexp.cache.disk.reader import Reader, not_as_written
from distexp.cache.entry import checked
from distexp.cache.record import Record
from distexp.cache.rows import COLUMNS, REFUSED, stored_bytes, verified

MOST_SCANNED = 200_000
"""Up to so many entries it takes a few seconds to read all."""
Said = tuple[str, str | None, str | None, str | None]
"""Model asked, endpoint, model and fingerprint that the server said."""


def generations(reader: Reader, keys: Sequence[str]) -> dict[int, dict[str, Record]]:
    """Return the answers to some requests by generation and key.

    Raises
    ------
    CacheCorruptError
        If one of them is not what was written.
    """
    found: dict[int, dict[str, Record]] = {}

    def take(names: Sequence[str]) -> int:
        n_found = 0
        for rows in reader.by_key(COLUMNS, names):
            for name, *stored in rows:
                try:
                    record = checked(name, verified(*stored).decode())
                except REFUSED as exc:
                    raise not_as_written(reader.folder, name, exc) from exc
                found.setdefault(record.generation, {})[name[:64]] = record
                n_found += 1
        return n_found

    take(keys)
    newest = max(found, default=0)
    for generation in count():
        if generation >= newest:
            break
        take([f"{key}/{generation}" for key in keys])
    return dict(sorted(found.items()))


def who_answered(reader: Reader) -> dict[Said, int]:
    """Return how many answers each server says that each model gave, refusals left out.

    Every entry is read; one that cannot be is passed over.
    """
    found: Counter[Said] = Counter()
    for _, _, *stored in reader.scan("key, mode, filename, CAST(value AS BLOB)"):
        try:
            document = json.loads(stored_bytes(*stored))
            asked, response = document["request"], document["response"]
            if response["finish_reason"] != "refused":
                said = response["provider_model"], response["system_fingerprint"]
                found[asked["model"], asked["endpoint"], *said] += 1
        except REFUSED:
            continue  # 'distexp cache verify' tells
    return dict(sorted(found.items(), key=str))
