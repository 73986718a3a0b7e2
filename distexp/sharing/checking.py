"""The records of a parcel, each found to be what distexp writes, on all processors."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context

from distexp.cache.disk.adopting import ENTRIES_PER_TRANSACTION
from distexp.cache.disk.facts import REPLACED, Noted, noted
from distexp.cache.entry import check_sizes, checked_as, read
from distexp.cache.rows import REFUSED
from distexp.errors import ArchiveError
from distexp.metrics.threads import n_free
from distexp.sharing.parcel import Parcel

RECORDS = "records.jsonl"
FOR_PROCESSES_BYTES = 1 << 25
"""From so much on it is checked in several processes: each takes a while to start."""

Part = bytes
"""Lines, with their ends between them."""
Seen = tuple[str, int, Noted]
"""Of a record: its key, its generation and what is counted of it."""
Looked = tuple[list[Seen], str | None]
"""The records of a part, and why they end before it does."""
Checked = tuple[Part, list[tuple[str, int, Noted]]]
"""A part, and in place of the keys the names of its entries."""


def checked_parts(parcel: Parcel) -> Iterator[Checked]:
    """Yield the records of a parcel in parts, each record found to be one, and in its place.

    Raises
    ------
    ArchiveError
        If one is not, or there are not as many as the manifest says.
    """
    said = parcel.about.get("n_records")
    member = parcel.members.get(RECORDS)
    is_large = member is not None and member.n_bytes >= FOR_PROCESSES_BYTES
    number, last, newest = 0, "", 0
    for part, seen, fault in _seen(parcel, n_free() if is_large else 1):
        named = []
        for key, generation, of in seen:
            number += 1
            replaced = key == last[:64]
            name = f"{key}/{generation}" if replaced else key
            if name <= last:
                raise _refused(parcel, number, "it is there twice, or out of order")
            if replaced and generation >= newest:
                raise _refused(parcel, number, "it was not replaced by the record before it")
            newest = newest if replaced else generation
            named.append((name, generation, (*of[:REPLACED], replaced, *of[REPLACED + 1 :])))
            last = name
        if fault is not None:
            raise _refused(parcel, number + 1, fault)
        yield part, named
    if said != number:
        raise parcel.refused(f"it has {number} records, but its manifest says {said!r:.20}")


def _seen(parcel: Parcel, n_processes: int) -> Iterator[tuple[Part, list[Seen], str | None]]:
    """Yield the parts with what is seen in them, in order; what comes first is told first."""
    parts = parts_of(parcel)
    pool = _processes(n_processes) if n_processes > 1 else None
    if pool is None:
        yield from ((part, *look(part)) for part in parts)
        return
    pending: deque[tuple[Part, Future[Looked] | None]] = deque()
    part: Part | None = b""
    fault = None
    try:
        while part is not None:
            try:
                part = next(parts, None)
            except ArchiveError as exc:
                part, fault = None, exc
            if part is not None:
                pending.append((part, _submitted(pool, part)))
            while pending and (part is None or len(pending) > 2 * n_processes):
                before, future = pending.popleft()
                lost = future is None or isinstance(future.exception(), BrokenProcessPool)
                yield (before, *(look(before) if lost or future is None else future.result()))
    finally:
        pool.shutdown(cancel_futures=True)
    if fault is not None:
        raise fault


def _processes(n: int) -> ProcessPoolExecutor | None:
    """Return so many processes; None where the system has no semaphores for them."""
    try:
        return ProcessPoolExecutor(n, mp_context=get_context("spawn"))
    except (OSError, NotImplementedError):
        return None


def _submitted(pool: ProcessPoolExecutor, part: Part) -> Future[Looked] | None:
    """Have a process look at a part; None where there is no room for one, or one has died."""
    try:
        return pool.submit(look, part)
    except (OSError, BrokenProcessPool):
        return None


def parts_of(parcel: Parcel) -> Iterator[Part]:
    """Yield the lines in parts of one transaction each; those before a fault before it is told."""
    part: list[bytes] = []
    fault = None
    try:
        for line in parcel.lines(RECORDS):
            part.append(line)
            if len(part) == ENTRIES_PER_TRANSACTION:
                yield b"\n".join(part)
                part = []
    except ArchiveError as exc:
        fault = exc
    if part:
        yield b"\n".join(part)
    if fault is not None:
        raise fault


def look(part: Part) -> Looked:
    """Check the lines of a part, each by itself; return what is seen, and why it ends there."""
    seen: list[Seen] = []
    for line in part.split(b"\n"):
        try:
            text = line.decode()
            request, record = read(text)
            key = record.key
            checked_as(key, text, request, record)
            check_sizes(record)
        except REFUSED as exc:
            return seen, str(exc)
        seen.append((key, record.generation, noted(record, key)))
    return seen, None


def _refused(parcel: Parcel, number: int, reason: str) -> ArchiveError:
    return parcel.refused(f"member {RECORDS!r}, line {number}: {reason}")
