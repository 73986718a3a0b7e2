"""Batches in flight: what was handed over and is paid for, before there is an answer to keep.

A row is written before the requests leave, so that whoever comes after a kill -9, on whatever
machine the cache lies then, finds what is out there and collects it.
"""

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from distexp.cache.rows import LONGEST_TEXT
from distexp.errors import CacheCorruptError

PREPARING, SENDING, IN_FLIGHT = "preparing", "sending", "in flight"
COLLECTED, CANCELLED, GIVEN_UP = "collected", "cancelled", "given up"
OPEN = (PREPARING, SENDING, IN_FLIGHT)
"""While a batch is prepared, nothing of it has left that costs: with its process it is void."""
COLUMNS = "label, remote, state, created, about, keys, requests"


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """One batch."""

    label: str
    """Its name here, which is given to the provider where that takes one."""
    remote: str | None
    """Its name at the provider; None until that is known."""
    state: str
    created: str
    """When it was made: UTC, ISO 8601."""
    about: Mapping[str, Any]
    """Provider, model, address, name of the variable with the key, prices, versions."""
    keys: tuple[str, ...]
    """Of the requests in it."""
    documents: tuple[str, ...] = field(default=(), repr=False)
    """The requests, as canonical JSON, in the order of `keys`; empty once it is collected."""

    def row(self) -> tuple[object, ...]:
        """Return the columns of its row."""
        packed = zlib.compress(json.dumps(self.documents).encode()) if self.documents else b""
        about = json.dumps(dict(self.about), sort_keys=True)
        keys = zlib.compress("\n".join(self.keys).encode())
        return (self.label, self.remote, self.state, self.created, about, keys, packed)

    @classmethod
    def read(cls, row: Sequence[Any], where: str) -> Self:
        """Read a row.

        Raises
        ------
        CacheCorruptError
            If it is not what was written.
        """
        label, remote, state, created, about, keys, packed = row
        try:
            documents = json.loads(_unfolded(packed)) if packed else ()
            return cls(
                label=str(label),
                remote=None if remote is None else str(remote),
                state=str(state),
                created=str(created),
                about=dict(json.loads(about)),
                keys=tuple(_unfolded(keys).decode().split("\n")),
                documents=tuple(map(str, documents)),
            )
        except (ValueError, TypeError, zlib.error, AttributeError) as exc:
            msg = (
                f"Batch {label!r:.80} of the response cache {where} is not what was written: "
                f"{exc}. Restore cache.db from a copy."
            )
            raise CacheCorruptError(msg) from exc


def _unfolded(data: bytes) -> bytes:
    unfolding = zlib.decompressobj()
    plain = unfolding.decompress(data, LONGEST_TEXT)
    if not unfolding.eof:
        raise ValueError("its text is cut off or too long")
    return plain


TABLE = (
    "CREATE TABLE IF NOT EXISTS Batch (label TEXT PRIMARY KEY, remote TEXT, state TEXT NOT NULL,"
    " created TEXT, about TEXT, keys BLOB, requests BLOB)"
)
SAVE = f"INSERT OR REPLACE INTO Batch ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)"
ALL = f"SELECT {COLUMNS} FROM Batch ORDER BY created, label"
WITHOUT_REQUESTS = ALL.replace("keys, requests", "keys, NULL")
ALL_OPEN = WITHOUT_REQUESTS.replace(" ORDER", f" WHERE state IN {OPEN!r} ORDER")
ONE = ALL.replace(" ORDER", " WHERE label = ? ORDER")
STATE = "SELECT state FROM Batch WHERE label = ?"
LABELS = f"SELECT label, state FROM Batch WHERE state IN {OPEN!r}"
IS_THERE = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'Batch'"
