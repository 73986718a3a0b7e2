"""Rows of the table `Cache`: how they are written, read, and verified by their SHA-256."""

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any, TypeVar

HEAD = '{"request":'
"""How every record begins; the request's document follows."""
RAW = 1
"""diskcache's mode of a value that lies in its row as it is."""
COMPRESS_FROM_BYTES = 8192
LONGEST_TEXT = 1 << 28
"""Bytes that a compressed text may unfold to: more is an attack or damage."""

COLUMNS = "key, mode, filename, tag, CAST(value AS BLOB)"
"""What `stored_bytes` and `verified` have to know of a row."""

WHOLE = (
    "raw, typeof(key), CAST(key AS BLOB), mode, filename IS NULL, CAST(tag AS BLOB), "
    "CAST(value AS BLOB)"
)
"""Columns that can be read whatever a row holds, for `entry`."""

OTHER_REQUEST = "it answers another request"
OTHER_DIGEST = "its SHA-256 is not the one stored beside it"
REFUSED = (ValueError, KeyError, TypeError, AttributeError, RecursionError, zlib.error)
"""What reading raises where a row is not what was written."""


def digest(data: bytes) -> str:
    """Return the SHA-256 as 64 hexadecimal digits."""
    return sha256(data).hexdigest()


def packed(text: str) -> str | bytes:
    """Return the value to store for a JSON text: compressed where it is long."""
    data = text.encode()
    return text if len(data) < COMPRESS_FROM_BYTES else zlib.compress(data)


def stored_bytes(mode: int, filename: str | None, value: bytes) -> bytes:
    """Return the UTF-8 of the JSON text of a row.

    Raises
    ------
    ValueError, AttributeError, zlib.error
        If it is a pickle, a file, damaged, or of no likely length.
    """
    if mode != RAW or filename is not None:
        msg = "it is a pickle or a file, which distexp neither writes nor opens"
        raise ValueError(msg)
    if value.startswith(b"{"):
        return value
    unfolding = zlib.decompressobj()
    data = unfolding.decompress(value, LONGEST_TEXT)
    if not unfolding.eof:
        msg = "its compressed text is cut off or too long"
        raise ValueError(msg)
    return data


def verified(mode: int, filename: str | None, tag: str, value: bytes) -> bytes:
    """Return the bytes that `stored_bytes` does; raise if their SHA-256 is not the stored one."""
    data = stored_bytes(mode, filename, value)
    if digest(data) != tag:
        raise ValueError(OTHER_DIGEST)
    return data


def entry(
    raw: object, kind: str, key: bytes, mode: int, no_file: bool, tag: bytes, value: bytes
) -> tuple[str, str]:
    """Return name and JSON text of a row, given by the columns `WHOLE`, as far as it is verified.

    Raises
    ------
    ValueError, AttributeError, TypeError, zlib.error
        If it is not what was written.
    """
    if raw != 1 or kind != "text":
        msg = "its key is a pickle, or none that distexp wrote"
        raise ValueError(msg)
    data = stored_bytes(mode, None if no_file else "a file", value)
    if digest(data).encode() != tag:
        raise ValueError(OTHER_DIGEST)
    return key.decode(), data.decode()


def after_request(data: bytes, document: str) -> bytes:
    """Return the part of a record after the request's document, with which it must begin."""
    expected = f"{HEAD}{document}".encode()
    if not data.startswith(expected):
        raise ValueError(OTHER_REQUEST)
    return data[len(expected) :]


def afters(rows: Iterable[tuple[Any, ...]], documents: Mapping[str, str]) -> list[bytes]:
    """Verify many rows; return for each the part after its request's document.

    The same as `verified` and `after_request` row by row, but faster.
    """
    found = []
    for key, mode, filename, tag, value in rows:
        plain = mode == RAW and filename is None and value.startswith(b"{")
        data = value if plain else stored_bytes(mode, filename, value)
        head = f"{HEAD}{documents[key]}".encode()
        if sha256(data).hexdigest() != tag:
            raise ValueError(OTHER_DIGEST)
        if not data.startswith(head):
            raise ValueError(OTHER_REQUEST)
        found.append(data[len(head) :])
    return found


KEYS_PER_QUERY = 5000


Row = tuple[Any, ...]


T = TypeVar("T")


def parts(keys: Sequence[T]) -> Iterator[Sequence[T]]:
    """Yield the keys in slices of at most `KEYS_PER_QUERY`."""
    return (keys[at : at + KEYS_PER_QUERY] for at in range(0, len(keys), KEYS_PER_QUERY))
