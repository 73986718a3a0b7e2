"""Work in parts that this process shares with others, which are forked for it alone."""

import gc
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextvars import ContextVar
from itertools import islice
from multiprocessing import connection
from typing import TypeVar

from distexp.metrics.threads import n_free

Of = TypeVar("Of")

_make: ContextVar[Callable[[int], bytes]] = ContextVar("make")


def n_processes() -> int:
    """Return how many processes may share work: this one alone where it is not safe to fork.

    A process is forked with the locks that its threads hold, and nobody to let go of them. Threads
    of Polars and of BLAS do no harm, as what is shared out uses neither. Outside Linux, libraries
    of the system may not bear it. In a job of a sweep the others run beside it.
    """
    alone = sys.platform != "linux" or threading.active_count() > 1
    return 1 if alone else n_free()


def in_parts(
    n_parts: int,
    here: Callable[[int], Of],
    packed: Callable[[Of], bytes],
    unpacked: Callable[[int, bytes], Of],
    n_others: int,
) -> Iterator[tuple[int, Of]]:
    """Yield the number of each part with what is made of it, here or elsewhere, in any order.

    Whoever is free takes the next part. What the others leave because one is killed is made here.

    Parameters
    ----------
    n_parts : int
    here : callable
        Makes something of a part, without threads, and connections of its own.
    packed, unpacked : callable
        Turn it into bytes, and the bytes of a part into the same.
    n_others : int
        How many processes there are besides; none is left when this ends, however it does.
    """
    numbers = iter(range(n_parts))
    before = set(multiprocessing.active_children())
    pool = _started(n_others, lambda number: packed(here(number))) if n_others > 0 else None
    if pool is None:
        for process in _killed_all_but(before):
            process.join()
        yield from ((number, here(number)) for number in numbers)
        return
    waiting: dict[Future[bytes], int] = {}
    try:
        while True:
            for number in islice(numbers, 2 * n_others - len(waiting)):  # one is made, one is next
                waiting[_submitted(pool, number)] = number
            own = next(numbers, None)
            if own is not None:
                yield own, here(own)
            elif not waiting:
                return
            for future in wait(waiting, None if own is None else 0, FIRST_COMPLETED).done:
                number = waiting.pop(future)
                lost = isinstance(future.exception(), BrokenProcessPool)
                yield number, here(number) if lost else unpacked(number, future.result())
    except BaseException:  # above all an interrupt: whatever the others do is in vain
        _killed_all_but(before)
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _started(n_others: int, make: Callable[[int], bytes]) -> ProcessPoolExecutor | None:
    """Return that many processes; None where the system has no room for them, or no semaphores."""
    try:
        pool = ProcessPoolExecutor(
            n_others,
            mp_context=multiprocessing.get_context("fork"),
            initializer=_begin,
            initargs=(make,),
        )
        pool.submit(int)  # the first task has all of them forked
    except (OSError, NotImplementedError):
        return None
    return pool


def _killed_all_but(
    before: set[multiprocessing.process.BaseProcess],
) -> set[multiprocessing.process.BaseProcess]:
    processes = set(multiprocessing.active_children()) - before
    for process in processes:
        process.kill()
    return processes


def _submitted(pool: ProcessPoolExecutor, number: int) -> Future[bytes]:
    try:
        return pool.submit(_made, number)
    except BrokenProcessPool as exc:
        future: Future[bytes] = Future()
        future.set_exception(exc)
        return future


def _begin(make: Callable[[int], bytes]) -> None:
    """Make this process one of the others."""
    leave_to_parent()
    gc.disable()  # a search for cycles would have every page of the parent copied
    _make.set(make)


def leave_to_parent() -> None:
    """Have this process leave interrupts to its parent, and end with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # else what is ended would wait for more
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)


def _made(number: int) -> bytes:
    return _make.get()(number)
