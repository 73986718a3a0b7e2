"""Answers on their way into the cache: stored by a thread of their own, many at a time."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Self

from distexp.cache import Cache, Paid, Record
from distexp.errors import CacheError


class Recorder:
    """Stores answers while other calls go on.

    A disk takes milliseconds to make a change safe, whether the change is one answer or fifty.
    What arrives in the meantime is therefore stored together. Use it as a context manager: all
    that is done to the cache between is done by one thread, and its connection is closed at the
    end.

    Parameters
    ----------
    cache : Cache
    """

    def __init__(self, cache: Cache) -> None:
        self._cache = cache
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="distexp-cache")
        self._waiting: list[tuple[Paid, asyncio.Future[Record]]] = []
        self._storing: asyncio.Task[None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.submit(self._cache.close).result()
        self._thread.shutdown()

    def check(self) -> Future[None]:
        """Open the cache; the result raises `CacheError` unless answers can be stored."""
        return self._thread.submit(self._cache.check_writable)

    async def put(self, paid: Paid) -> Record:
        """Store an answer and return what is now stored for its request.

        Raises
        ------
        CacheError
            If it cannot be stored.
        """
        future: asyncio.Future[Record] = asyncio.get_running_loop().create_future()
        self._waiting.append((paid, future))
        if self._storing is None:
            self._storing = asyncio.create_task(self._store_waiting())
        return await asyncio.shield(future)  # a call may be cancelled, its answer is kept

    async def drain(self) -> None:
        """Wait until all that was put is stored, or has failed to be."""
        while self._storing is not None:
            await asyncio.wait([self._storing])

    async def _store_waiting(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                batch, self._waiting = self._waiting, []
                paid = [one for one, _ in batch]
                outcomes = await loop.run_in_executor(self._thread, self._store, paid)
                for (_, future), outcome in zip(batch, outcomes, strict=True):
                    if isinstance(outcome, CacheError):
                        future.set_exception(outcome)
                    else:
                        future.set_result(outcome)
        finally:
            self._storing = None

    def _store(self, answers: Sequence[Paid]) -> list[Record | CacheError]:
        """Store answers in one transaction; one by one where one of them spoils it."""
        if len(answers) > 1:
            try:
                return list(self._cache.put_many(answers))
            except CacheError:
                pass  # whose fault it was is told below
        return [self._store_one(answer) for answer in answers]

    def _store_one(self, answer: Paid) -> Record | CacheError:
        try:
            return self._cache.put_many([answer])[0]
        except CacheError as exc:
            return exc
