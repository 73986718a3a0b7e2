"""Python's garbage collector, kept from searching what cannot be garbage."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

MANY = 10_000


@contextmanager
def garbage_collector_paused() -> Iterator[None]:
    """Spare it searching thousands of new records in vain; also to be used as a decorator.

    It goes through all that exists each time that a quarter has been added: where records are
    made by the ten thousand, that adds half of the time that making them takes. Records hold no
    circles.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
            if gc.get_count()[0] > MANY:
                gc.collect(1)  # search the new ones once, not once in each generation
