"""The queue in front of one endpoint."""

import asyncio
import time
from collections import deque
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from itertools import count

from distexp.budget import Spending
from distexp.limits import Endpoint
from distexp.protocols import Model
from distexp.types import Request


@dataclass(slots=True, kw_only=True)
class Call:
    """A request on its way to its answer."""

    model: Model
    request: Request
    expected: Spending
    """What it is expected to take."""
    attempts: int = 0
    failures: int = 0
    """Attempts that failed since it was last put at the end of the queue."""
    failed_at: float = 0.0
    """When the first of these failed, on the monotonic clock."""


class Line:
    """The calls to one endpoint that wait, and the tasks of those that are under way.

    Attributes
    ----------
    endpoint : Endpoint
    tasks : set of asyncio.Task
        Of the calls whose answer has not come, or is not stored yet.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.tasks: set[asyncio.Task[None]] = set()
        self._fresh: deque[Call] = deque()
        self._again: list[tuple[float, int, Call]] = []
        self._number = count()
        self._changed = asyncio.Event()

    @property
    def waits(self) -> bool:
        """Whether a call waits."""
        return bool(self._fresh or self._again)

    def add(self, call: Call) -> None:
        """Put a call at the end."""
        self._fresh.append(call)

    def add_again(self, call: Call, pause_s: float) -> None:
        """Have a call made again after a pause, before those that are new."""
        heappush(self._again, (time.monotonic() + pause_s, next(self._number), call))

    def drop(self, model: Model) -> None:
        """Forget the calls to a model that wait."""
        self._fresh = deque(call for call in self._fresh if call.model is not model)
        self._again = [entry for entry in self._again if entry[2].model is not model]
        heapify(self._again)
        self.wake()

    def wait_s(self) -> float | None:
        """Return when the next call may start, in seconds; None once another has ended."""
        # Answers that are not stored yet count too: they would be lost with the process.
        if not self.waits or len(self.tasks) >= 2 * self.endpoint.window.largest:
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
        """Have `change` return."""
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
