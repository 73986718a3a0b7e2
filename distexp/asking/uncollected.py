"""Doing without Python's search for cycles where millions of objects are made and none is one."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

GARBAGE = 200_000, 50, 1000
"""How seldom Python looks for cycles: records are made by the ten thousand and hold none."""
_LOCK = Lock()
_before: list[tuple[int, int, int]] = []
"""What it was before, once for each who is within."""


@contextmanager
def seldom_collected() -> Iterator[None]:
    """Have cycles searched for seldom within: while thousands of calls wait, each is costly.

    Threads may be within at a time: it ends with the last of them.
    """
    with _LOCK:
        _before.append(_before[0] if _before else gc.get_threshold())
        gc.set_threshold(*GARBAGE)
    try:
        yield
    finally:
        with _LOCK:
            before = _before.pop()
            if not _before:
                gc.set_threshold(*before)


@contextmanager
def uncollected() -> Iterator[None]:
    """Have no cycles searched for within: each search looks at every object that is there.

    What nobody refers to is let go of as ever. Around pure work alone: what fails or waits makes
    cycles.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
