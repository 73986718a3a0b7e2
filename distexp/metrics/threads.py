"""Work on large arrays shared by threads: NumPy holds Python's lock for none of it."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from multiprocessing import parent_process
from typing import TypeVar

Item = TypeVar("Item")
Found = TypeVar("Found")


def n_free() -> int:
    """Return how many threads may share work: one in a job of a sweep, as others run beside it."""
    if parent_process() is not None:
        return 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1


def in_order(
    function: Callable[[Item], Found], items: Iterable[Item], n_threads: int
) -> Iterator[Found]:
    """Yield what a function makes of each item, in their order, from so many threads.

    Items are made here while threads work, two ahead of each thread, so that few are held. Without
    threads all is done here.
    """
    if not n_threads:
        yield from map(function, items)
        return
    waiting: deque[Future[Found]] = deque()
    with ThreadPoolExecutor(n_threads) as pool:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > 2 * n_threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
