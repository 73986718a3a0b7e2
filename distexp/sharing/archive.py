"""Answers as one file to pass on: a zip of a manifest and of records, one JSON text a line.

The records come in the order of their keys; those that `refresh` replaced follow the one that is
in their place. Nothing is stored of an archive before all of it was read and found to be what
distexp writes.
"""

import json
import os
from array import array
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from importlib.metadata import version
from itertools import zip_longest
from pathlib import Path
from typing import Any

from distexp.cache.disk.adopting import Adopted, Offered, in_parts
from distexp.cache.disk.reader import Reader, not_as_written
from distexp.cache.disk.store import ResponseCache
from distexp.cache.entry import check_sizes, checked, checked_as, read
from distexp.cache.record import Record
from distexp.cache.rows import COLUMNS, HEAD, REFUSED, parts, verified
from distexp.errors import ArchiveError, CacheError
from distexp.model.http.secrets import Leaks
from distexp.request import Json
from distexp.sharing.parcel import Parcel, ParcelWriter, opened, writing

RECORDS = "records.jsonl"
ARCHIVE, BUNDLE = "distexp.records", "distexp.bundle"
FORMATS = {ARCHIVE: 1, BUNDLE: 1}
"""Whatever has a member `RECORDS`, and the highest version that is known."""

Entry = tuple[str, str]
"""Name and JSON text: the key, and for a replaced answer /GENERATION behind it."""


def export(folder: Path, keys: Sequence[str] | None, path: Path) -> int:
    """Write an archive of the answers to some requests, or of all, and return their number.

    Parameters
    ----------
    folder : Path
        Of the cache.
    keys : sequence of str or None
        Keys of requests; None takes all.
    path : Path
        The file to write. The same answers give the same bytes.

    Raises
    ------
    CacheError
        If the cache cannot be read, lacks a key, or holds an entry that is not what was written.
    ArchiveError
        If an answer holds a secret of the environment.
    """
    about: dict[str, Json] = {
        "format": {"name": ARCHIVE, "version": FORMATS[ARCHIVE]},
        "versions": {name: version(name) for name in ("distexp", "diskcache")},
    }
    with writing(path, about) as parcel:
        return add_records(parcel, stored(folder, keys))


def add_records(parcel: ParcelWriter, entries: Iterable[Entry]) -> int:
    """Add the member `RECORDS` to a parcel that is being written; return the number of records.

    Raises
    ------
    ArchiveError
        If an entry holds a secret of the environment.
    """
    secrets, n_records = Leaks(os.environ), 0

    def lines() -> Iterator[bytes]:
        nonlocal n_records
        for name, text in entries:
            line = text.encode()
            secrets.check(line, f"The answer to request {name}")
            n_records += 1
            yield line + b"\n"

    parcel.add(RECORDS, lines())
    parcel.about["n_records"] = n_records
    return n_records


def stored(folder: Path, keys: Sequence[str] | None) -> Iterator[Entry]:
    """Yield the entries of a cache in the order of an archive, each checked.

    Raises
    ------
    CacheCorruptError
        If one is not what was written.
    CacheError
        If one of `keys` is not there, or the cache cannot be read.
    """
    reader = Reader(folder)
    for name, text in reader.texts() if keys is None else _of_keys(reader, keys):
        try:
            checked(name, text)
        except REFUSED as exc:
            raise not_as_written(folder, name, exc) from exc
        yield name, text


def _of_keys(reader: Reader, keys: Sequence[str]) -> Iterator[Entry]:
    """Yield name and text of all answers to some requests."""
    statement = (
        f"WITH Wanted(first) AS (SELECT value FROM json_each(?)) SELECT {COLUMNS} FROM Wanted "
        "CROSS JOIN Cache ON raw = 1 AND key >= first AND key < first || '0' ORDER BY key"
    )  # "0" is the character after "/"
    for some in parts(sorted(set(keys))):
        rows = reader.query(statement, (json.dumps(some),))
        if missing := set(some) - {row[0] for row in rows}:
            msg = (
                f"{len(missing)} of {len(some)} answers, the first of which is "
                f"{min(missing)[:12]}, are not in the response cache {reader.folder}. Name the "
                "one that has them with --path FOLDER."
            )
            raise CacheError(msg)
        for name, *row in rows:
            try:
                yield name, verified(*row).decode()
            except REFUSED as exc:
                raise not_as_written(reader.folder, name, exc) from exc


def take_in(path: Path, cache: ResponseCache) -> Adopted:
    """Store the answers of an archive or bundle that are new; those that are here stay.

    Raises
    ------
    ArchiveError
        If something in it is not what distexp writes. Nothing is stored then.
    CacheError
        If the cache cannot be written.
    """
    with opened(path, FORMATS) as parcel:
        others = sorted(parcel.members.keys() - {RECORDS})
        if others and parcel.about["format"]["name"] == ARCHIVE:
            raise parcel.refused(f"member {others[0]!r:.200} does not belong into an archive")
        return adopted(parcel, cache)


def adopted(parcel: Parcel, cache: ResponseCache) -> Adopted:
    """Store the entries of a parcel, once all of them were read and found to be records.

    Raises
    ------
    ArchiveError
        If one is not, or the file changed between the two readings.
    """
    found, lengths = [], array("L")
    for part in in_parts(checked_records(parcel)):
        found.append(_digest([entry.text.encode() for entry in part]))
        lengths.extend([len(entry.record.request) for entry in part])

    def again() -> Iterator[list[Offered]]:
        """Read it again, what was checked before: only that it is the same is checked now."""
        length_of_next, key = iter(lengths), ""
        for part, before in zip_longest(in_parts(parcel.lines(RECORDS)), found):
            if part is None or before is None or _digest(part) != before:
                raise parcel.refused("it changed while it was read")
            entries = []
            for line in part:
                text, end = line.decode(), len(HEAD) + next(length_of_next)
                record = Record.from_parts(text[len(HEAD) : end], text[end:])
                last, key = key, record.key
                entries.append(Offered(_name(key, last, record), text, record))
            yield entries

    return cache.adopt_checked(again())


def _digest(lines: Sequence[bytes]) -> bytes:
    return sha256(b"\n".join(lines)).digest()


def _name(key: str, last: str, record: Record) -> str:
    """Return the name of an entry by its key and that of the entry before it."""
    return f"{key}/{record.generation}" if key == last else key


def _records(parcel: Parcel) -> Iterator[tuple[Offered, Any]]:
    """Yield the entries of a parcel as they stand there, unchecked, with their parsed requests.

    Raises
    ------
    ArchiveError
        If the member is not as listed, or a line cannot be read.
    """
    key = ""
    for number, line in enumerate(parcel.lines(RECORDS), start=1):
        try:
            text = line.decode()
            request, record = read(text)
        except REFUSED as exc:
            raise _refused(parcel, number, exc) from exc
        last, key = key, record.key
        yield Offered(_name(key, last, record), text, record), request


def checked_records(parcel: Parcel) -> Iterator[Offered]:
    """Yield the entries of a parcel, each found to be a record in its place.

    Raises
    ------
    ArchiveError
        If one is not, or there are not as many as the manifest says.
    """
    number, last, newest = 0, "", 0
    for number, (entry, request) in enumerate(_records(parcel), start=1):
        name, text, record = entry
        try:
            checked_as(name, text, request, record)
            newest = record.generation if name == entry.key else newest
            check_sizes(record)
            _check_order(name, last, record, newest)
        except REFUSED as exc:
            raise _refused(parcel, number, exc) from exc
        last = name
        yield entry
    if parcel.about.get("n_records") != number:
        said = parcel.about.get("n_records")
        raise parcel.refused(f"it has {number} records, but its manifest says {said!r:.20}")


def _check_order(name: str, last: str, record: Record, newest: int) -> None:
    if name <= last:
        raise ValueError("it is there twice, or out of order")
    if "/" in name and record.generation >= newest:
        raise ValueError("it was not replaced by the record before it")


def _refused(parcel: Parcel, number: int, exc: BaseException) -> ArchiveError:
    return parcel.refused(f"member {RECORDS!r}, line {number}: {exc}")
