"""The queue of the calls to one endpoint."""

import asyncio
import time
from collections import deque
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from itertools import count

from distexp.asking.backoff import Backoff
from distexp.asking.budget import Spending
from distexp.asking.by_model import ByModel
from distexp.asking.endpoint import Endpoint
from distexp.errors import ModelError, ThrottledError, TransientModelError, UnusableReplyError
from distexp.protocols import Model
from distexp.request import Request

NOTHING = Spending()


@dataclass(slots=True, kw_only=True)
class Call:
    """A request on its way to its answer."""

    model: Model
    request: Request
    expected: Spending = NOTHING
    """What it is expected to take, once it is started."""
    attempts: int = 0
    failures: int = 0
    """Attempts that failed since it was last put at the end of the queue."""
    failed_at: float = 0.0
    """When the first of these failed, on the monotonic clock."""
    claimed: bool = False
    """Whether this process has claimed it, so that no other makes it."""


class Line:
    """The calls to one endpoint: those that wait, and the tasks of those that were started.

    A call may start once it is claimed, so that no two processes pay for one answer.

    Parameters
    ----------
    endpoint : Endpoint
    backoff : Backoff
        How long to wait after failures.

    Attributes
    ----------
    endpoint : Endpoint
    tasks : set of asyncio.Task
        Of the calls whose answer has not come, or is not stored yet.
    elsewhere : list of Call
        Those that another process is making.
    """

    def __init__(self, endpoint: Endpoint, backoff: Backoff) -> None:
        self.endpoint = endpoint
        self.tasks: set[asyncio.Task[None]] = set()
        self.elsewhere: list[Call] = []
        self._backoff = backoff
        self._dropped: ByModel[None] = ByModel()
        self._unclaimed: deque[Call] = deque()
        self._fresh: deque[Call] = deque()
        self._again: list[tuple[float, int, Call]] = []
        self._number = count()
        self._changed = asyncio.Event()

    @property
    def waits(self) -> bool:
        """Whether a call waits to be claimed, started, repeated or answered by another process."""
        return bool(self._unclaimed or self._fresh or self._again or self.elsewhere)

    @property
    def n_short(self) -> int:
        """How many more calls to claim: as many as may be made at once, or in a minute."""
        size = self.endpoint.window.size
        enough = min(size, self.endpoint.limits.requests_per_minute or size)
        return enough - len(self._fresh) if len(self._fresh) <= enough // 2 else 0

    def add(self, call: Call) -> None:
        """Put a call at the end of those that are to be claimed."""
        self._unclaimed.append(call)

    def add_claimed(self, call: Call) -> None:
        """Put a claimed call at the end of those that may start."""
        call.claimed = True
        self._fresh.append(call)

    def take_unclaimed(self) -> list[Call]:
        """Return the next calls to claim; those among them that are claimed already may start."""
        n_calls = min(self.n_short, len(self._unclaimed))
        calls = [self._unclaimed.popleft() for _ in range(n_calls)]
        self._fresh.extend(call for call in calls if call.claimed)
        return [call for call in calls if not call.claimed]

    def add_again(self, call: Call, pause_s: float) -> None:
        """Have a call made again after a pause, ahead of calls that were not tried yet."""
        heappush(self._again, (time.monotonic() + pause_s, next(self._number), call))

    def fail(self, call: Call, exc: ModelError) -> ModelError | None:
        """Have a failed call made again; return the error instead if it failed for good."""
        final = self._final(call, exc)
        if final is not None:
            return final
        assert isinstance(exc, TransientModelError)
        if isinstance(exc, ThrottledError):
            self.add_again(call, 0.0)  # the endpoint itself has all calls wait
        elif call.failures > call.model.max_retries:
            call.failures = 0
            self.add(call)  # bad luck: others were answered meanwhile, and they are not endless
        else:
            self.add_again(call, self._backoff.pause_s(call.failures, exc.retry_after_s))
        return None

    def _final(self, call: Call, exc: ModelError) -> ModelError | None:
        """Count a failure; return its error if the call failed for good, else None."""
        if not isinstance(exc, TransientModelError) or call.model.max_retries == 0:
            return exc
        patient = bool(getattr(call.model, "is_patient", False))
        if isinstance(exc, ThrottledError) and patient:
            return None  # it costs half, and waits for room as long as it takes
        if (exc.retry_after_s or 0.0) > self._backoff.give_up_s:
            return ModelError(f"{exc} It asks to be left alone for {exc.retry_after_s:.0f} s.")
        if isinstance(exc, ThrottledError):
            return exc if self.endpoint.is_hopeless() else None
        call.failures += 1
        if call.failures == 1:
            call.failed_at = time.monotonic()
        if isinstance(exc, UnusableReplyError):  # each was paid for, whatever others get
            return None if call.failures <= call.model.max_retries else exc
        answers_others = self.endpoint.answered_at >= call.failed_at
        return None if answers_others or call.failures <= call.model.max_retries else exc

    def drop(self, model: Model) -> list[Call]:
        """Drop all calls to a model, also those added later; return those that were claimed."""
        self._dropped[model] = None
        waiting = [*self._unclaimed, *self._fresh, *(call for _, _, call in self._again)]
        self._unclaimed = deque(filter(self.keeps, self._unclaimed))
        self._fresh = deque(filter(self.keeps, self._fresh))
        self._again = [entry for entry in self._again if self.keeps(entry[2])]
        heapify(self._again)
        self.elsewhere = list(filter(self.keeps, self.elsewhere))
        self.wake()
        return [call for call in waiting if call.claimed and not self.keeps(call)]

    def keeps(self, call: Call) -> bool:
        """Tell whether a call is still to be made: its model was not dropped."""
        return call.model not in self._dropped

    def wait_s(self) -> float | None:
        """Return in how many seconds the next call may start; None if one must end before."""
        # Answers that are not stored yet count too: they would be lost with the process.
        if not (self._fresh or self._again) or len(self.tasks) >= 2 * self.endpoint.window.largest:
            return None
        allowed_s = self.endpoint.wait_s()
        if allowed_s is None or self._fresh:
            return allowed_s
        return max(allowed_s, self._again[0][0] - time.monotonic())

    def pop(self) -> Call:
        """Return the next call: one that is due again, else the first that is new."""
        if self._again and (not self._fresh or self._again[0][0] <= time.monotonic()):
            return heappop(self._again)[2]
        return self._fresh.popleft()

    def wake(self) -> None:
        """End the waiting in `change`."""
        self._changed.set()

    async def change(self, wait_s: float | None) -> None:
        """Wait for `wake`, and for `wait_s` seconds at most."""
        self._changed.clear()
        loop = asyncio.get_running_loop()
        alarm = None if wait_s is None else loop.call_later(wait_s, self._changed.set)
        try:
            await self._changed.wait()
        finally:
            if alarm is not None:
                alarm.cancel()
