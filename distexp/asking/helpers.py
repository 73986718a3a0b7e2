"""Parts of a work that this process shares with helpers: processes forked for it alone."""

import gc
import multiprocessing
import os
import signal
import struct
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from typing import TypeVar

from distexp.metrics.threads import n_free

Of = TypeVar("Of")

_NUMBER = struct.Struct("<i")
MOST_PARTS = 4096
"""Whose numbers a pipe holds at once, be it as short as one may be."""
BUFFER_BYTES = 1 << 20
"""Of a pipe, where the system allows it: so far a helper gets ahead of who reads it."""


def n_processes() -> int:
    """Return how many processes may share work: this one alone where it is not safe to fork.

    A process is forked with the locks that its threads hold, and nobody to let go of them. Threads
    of Polars and of BLAS do no harm, as helpers use neither. Outside Linux, libraries of the
    system may not bear it. In a job of a sweep the others run beside it.
    """
    alone = sys.platform != "linux" or threading.active_count() > 1
    return 1 if alone else n_free()


def in_parts(
    n_parts: int,
    here: Callable[[int], Of],
    packed: Callable[[Of], bytes],
    unpacked: Callable[[int, bytes], Of],
    n_helpers: int,
) -> Iterator[tuple[int, Of]]:
    """Yield the number of each part, and what is made of it here or by a helper, as they end.

    Whoever is free takes the next part. One that a helper does not finish, because it fails or is
    killed, is done here.

    Parameters
    ----------
    n_parts : int
        At most `MOST_PARTS`.
    here : callable
        Makes something of a part. In a helper it must use no thread, and no connection of others.
    packed, unpacked : callable
        Turn it into bytes, and the bytes of a part into the same.
    n_helpers : int
        None of them is left when this ends, however it does.
    """
    numbers, filled = os.pipe()
    os.write(filled, b"".join(map(_NUMBER.pack, range(n_parts))))
    os.close(filled)  # who finds it empty is done
    helpers: list[multiprocessing.process.BaseProcess] = []
    receivers: list[Connection] = []
    missing = set(range(n_parts))
    try:
        for _ in range(n_helpers):
            receiver, sender = multiprocessing.Pipe(duplex=False)
            receivers.append(receiver)
            _widen(sender)
            given = (numbers, here, packed, sender, tuple(receivers))
            helpers.append(multiprocessing.get_context("fork").Process(target=_help, args=given))
            helpers[-1].start()
            sender.close()
        number = _next(numbers)
        while number is not None or receivers:
            if number is not None:
                missing.discard(number)
                yield number, here(number)
                number = _next(numbers)
            for receiver in _ready(receivers, waits=number is None):
                try:
                    data = receiver.recv_bytes()
                except (EOFError, OSError):  # it is done, or was killed
                    receivers.remove(receiver)
                    receiver.close()
                    continue
                (of,) = _NUMBER.unpack_from(data)
                missing.discard(of)
                yield of, unpacked(of, data[_NUMBER.size :])
        for number in sorted(missing):
            yield number, here(number)
    finally:
        for helper in helpers:
            helper.kill()
            helper.join()
        for receiver in receivers:
            receiver.close()
        os.close(numbers)


def _ready(receivers: Sequence[Connection], *, waits: bool) -> list[Connection]:
    """Return those that something has come from; wait for it if nothing else is to be done."""
    if not receivers:
        return []
    ready = wait(receivers, None if waits else 0)
    return [one for one in receivers if one in ready]


def _next(numbers: int) -> int | None:
    """Take the next part, which nobody else takes then; None where there is none."""
    taken = os.read(numbers, _NUMBER.size)
    return _NUMBER.unpack(taken)[0] if taken else None


def _help(
    numbers: int,
    here: Callable[[int], Of],
    packed: Callable[[Of], bytes],
    sender: Connection,
    receivers: Sequence[Connection],
) -> None:
    """Make parts until there is none; what goes wrong is said by the parent, where it does too."""
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends its helpers
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        gc.disable()  # a search for cycles would have every page of the parent copied
        for receiver in receivers:
            receiver.close()  # else nobody would notice that the parent died
        while (number := _next(numbers)) is not None:
            sender.send_bytes(_NUMBER.pack(number) + packed(here(number)))
    finally:
        os._exit(0)


def _widen(sender: Connection) -> None:
    """Have a pipe hold more than the 64 KiB that are usual."""
    import fcntl

    with suppress(OSError):
        fcntl.fcntl(sender.fileno(), fcntl.F_SETPIPE_SZ, BUFFER_BYTES)
