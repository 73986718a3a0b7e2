"""Answers on their way into the cache: stored by a thread of their own, many at a time."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Self, TypeVar

from distexp.asking.batch.inside import Inside
from distexp.cache import Cache, Paid, Record
from distexp.cache.rows import REFUSED
from distexp.errors import CacheError, UnstorableError
from distexp.request import Request

Of = TypeVar("Of")
Result = TypeVar("Result")


class Recorder:
    """Stores answers while other calls go on.

    A disk takes milliseconds to make a change safe, whether the change is one answer or fifty.
    What arrives in the meantime is therefore stored together. Use it as a context manager: all
    that is done to the cache between is done by one thread, and its connection is closed at the
    end.

    Parameters
    ----------
    cache : Cache

    Attributes
    ----------
    trouble : CacheError or None
        Why nothing more can be stored. What is put later is not even tried until `drain`.
    unstored : list of Paid
        Answers that could not be stored.
    """

    def __init__(self, cache: Cache) -> None:
        self._cache = cache
        self._inside = Inside(cache)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="distexp-cache")
        self.trouble: CacheError | None = None
        self.unstored: list[Paid] = []
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

    async def do(self, work: Callable[[], Result]) -> Result:
        """Do something else to the cache, in its thread."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def find(self, requests: Sequence[Request]) -> dict[str, Record]:
        """Return by key the answers that are stored by now."""
        return await self._run(self._find, requests)

    async def claim(
        self, requests: Sequence[Request]
    ) -> tuple[set[str], dict[str, Record], set[str]]:
        """Claim requests, each until its answer is put or it is released.

        Returns
        -------
        set of str
            Keys of those that are claimed; others are claimed by another process.
        dict of str to Record
            Answers that were stored before their requests could be claimed.
        set of str
            Keys of those that are in batches in flight, which are paid for.

        Raises
        ------
        CacheError
            If claims cannot be made.
        """
        return await self._run(self._claim, requests)

    def release(self, requests: Sequence[Request]) -> None:
        """Let others ask: these calls have failed."""
        self._thread.submit(self._release, requests)

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
        return await future  # a call may be cancelled, its answer is kept

    async def drain(self) -> dict[str, Record]:
        """Wait until all that was put is stored, or has failed to be, which is tried once more.

        Returns
        -------
        dict of str to Record
            What was stored at the second attempt, by key. The others stay in `unstored`.
        """
        while self._storing is not None:
            await asyncio.wait([self._storing])
        return await self._run(self._rescue, self.unstored) if self.unstored else {}

    async def _run(self, work: Callable[[Sequence[Of]], Result], items: Sequence[Of]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, items)

    def _find(self, requests: Sequence[Request]) -> dict[str, Record]:
        known = self._cache.known(requests)
        return self._cache.get_many([r for r in requests if r.key in known]) if known else {}

    def _claim(self, requests: Sequence[Request]) -> tuple[set[str], dict[str, Record], set[str]]:
        allowed = self._cache.claim_many(requests)
        claimed = [request for request in requests if request.key in allowed]
        batched = self._inside.of(allowed)  # before looking: a batch ends with its answers stored
        found = self._find(claimed)  # another may just have stored it, and let go
        ours = {request.key for request in claimed} - found.keys() - batched
        self._release([request for request in claimed if request.key not in ours])
        return ours, found, batched - found.keys()

    def _release(self, requests: Sequence[Request]) -> None:
        self._cache.release_many(requests)

    async def _store_waiting(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting, []
                paid = [one for one, _ in batch]
                try:
                    outcomes = await self._run(self._store, paid)
                except BaseException as exc:  # a defect: whoever waits must not wait for ever
                    for _, future in [*batch, *self._waiting]:
                        if not future.done():
                            future.set_exception(exc)
                    self._waiting = []
                    raise
                for (_, future), outcome in zip(batch, outcomes, strict=True):
                    if future.done():
                        continue
                    if isinstance(outcome, CacheError):
                        future.set_exception(outcome)
                    else:
                        future.set_result(outcome)
        finally:
            self._storing = None

    def _store(self, answers: Sequence[Paid]) -> list[Record | CacheError]:
        """Store answers in one transaction; one by one where one of them spoils it."""
        if self.trouble is not None:
            outcomes: list[Record | CacheError] = [self.trouble] * len(answers)
        else:
            try:
                outcomes = [*self._cache.put_many(answers)]
            except CacheError as exc:
                outcomes = self._store_after(exc, answers)
        pairs = list(zip(answers, outcomes, strict=True))
        self.unstored += [paid for paid, outcome in pairs if isinstance(outcome, CacheError)]
        self._release([paid.request for paid, outcome in pairs if isinstance(outcome, Record)])
        return outcomes

    def _store_after(self, exc: CacheError, answers: Sequence[Paid]) -> list[Record | CacheError]:
        """Store what can be stored after a failure."""
        if _is_of_the_store(exc):
            self.trouble = exc
            return [exc] * len(answers)
        outcomes = [self._store_one(paid) for paid in answers]
        if all(isinstance(outcome, Record) for outcome in outcomes):
            self.trouble = exc  # none of them spoilt it: the folder is not what it was
        return outcomes

    def _store_one(self, paid: Paid) -> Record | CacheError:
        try:
            return self._cache.put_many([paid])[0]
        except CacheError as exc:
            return exc

    def _rescue(self, answers: Sequence[Paid]) -> dict[str, Record]:
        """Store what could not be stored, one by one until the store itself fails again."""
        stored: dict[str, Record] = {}
        for paid in answers:
            outcome = self._store_one(paid)
            if isinstance(outcome, Record):
                stored[paid.request.key] = outcome
            elif _is_of_the_store(outcome):
                break
        self.unstored = [paid for paid in answers if paid.request.key not in stored]
        return stored


def _is_of_the_store(exc: CacheError) -> bool:
    """Tell a fault of disk or database from one of an answer, or of the entry in its place."""
    known = exc.__cause__ is None or isinstance(exc.__cause__, REFUSED)
    return not (known or isinstance(exc, UnstorableError))
