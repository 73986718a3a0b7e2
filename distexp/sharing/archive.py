"""Answers as one file to pass on: a zip of a manifest and of records, one JSON text a line.

The records come in the order of their keys; those that `refresh` replaced follow the one that is
in their place. Nothing is stored of an archive before all of it was read and found to be what
distexp writes.
"""

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from importlib.metadata import version
from io import FileIO
from itertools import zip_longest
from pathlib import Path
from tempfile import TemporaryFile, gettempdir

from distexp.cache.disk.adopting import Adopted, Offered
from distexp.cache.disk.reader import Reader, not_as_written
from distexp.cache.disk.store import ResponseCache
from distexp.cache.entry import checked
from distexp.cache.rows import COLUMNS, REFUSED, parts, verified
from distexp.errors import CacheError
from distexp.model.http.secrets import Leaks
from distexp.request import Json
from distexp.sharing.checking import RECORDS, checked_parts, parts_of
from distexp.sharing.parcel import Parcel, ParcelWriter, opened, writing

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
    with TemporaryFile(buffering=0) as notes:
        found: list[tuple[bytes, int]] = []
        for part, named in checked_parts(parcel):
            found.append((sha256(part).digest(), _write(notes, json.dumps(named).encode())))
        notes.seek(0)

        def again() -> Iterator[list[Offered]]:
            """Read it again, what was checked before: only that it is the same is checked now."""
            for part, before in zip_longest(parts_of(parcel), found):
                if part is None or before is None or sha256(part).digest() != before[0]:
                    raise parcel.refused("it changed while it was read")
                named = json.loads(notes.read(before[1]))
                texts = part.decode().split("\n")
                yield [
                    Offered(of[0], text, *of[1:]) for text, of in zip(texts, named, strict=True)
                ]

        return cache.adopt_checked(again())


def _write(notes: FileIO, data: bytes) -> int:
    left = memoryview(data)
    try:
        while left:
            left = left[notes.write(left) :]
    except OSError as exc:
        msg = (
            f"There is no room for notes of what was checked in {gettempdir()}: {exc}. Set the "
            "environment variable TMPDIR to a folder with more."
        )
        raise CacheError(msg) from exc
    return len(data)
