"""Doing without Python's search for cycles where millions of objects are made and none is one."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


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
