"""One payer for each answer: calls are claimed before they start, many at a time."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence

from distexp.asking.queue import Call, Line
from distexp.asking.storing import Recorder
from distexp.cache import Record

LOOK_EVERY_S = 0.25
"""How often to look for answers that other processes are asking for, in seconds."""


class Claiming:
    """Claims the calls of a line ahead of their start, and waits for those that others make.

    A call that another process has claimed waits in the line until its answer is stored, or until
    it can be claimed after all, because that process gave it up or died.

    Parameters
    ----------
    line : Line
    recorder : Recorder
    found : callable
        Receives each call whose answer another process paid for, with its record.
    ended : callable
        Receives the task of each claim that has ended, with what went wrong.
    """

    def __init__(
        self,
        line: Line,
        recorder: Recorder,
        found: Callable[[Call, Record], None],
        ended: Callable[[asyncio.Task[None]], None],
    ) -> None:
        self._line = line
        self._recorder = recorder
        self._found = found
        self._ended = ended
        self._look_at = float("-inf")
        self._task: asyncio.Task[None] | None = None

    @property
    def busy(self) -> bool:
        """Whether calls are neither in the line nor under way, but about to be claimed."""
        return self._task is not None

    def go_on(self) -> float | None:
        """Claim where too few calls are; return when there will be more to do, in seconds.

        None stands for once the line has changed, as it does when calls have been claimed.
        """
        if self.busy:
            return None
        if calls := self._line.take_unclaimed():
            self._start(self._claim(calls))
        elif self._line.elsewhere:
            wait_s = self._look_at - time.monotonic()
            if wait_s > 0:
                return wait_s
            self._start(self._look())
        return None

    async def end(self) -> None:
        """Claim no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    def _start(self, work: Coroutine[None, None, None]) -> None:
        self._task = asyncio.create_task(work)
        self._task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._task = None
        self._ended(task)

    async def _claim(self, calls: Sequence[Call]) -> None:
        """Sort calls into those to make, those that are answered, and those that others make."""
        claimed, found = await self._recorder.claim([call.request for call in calls])
        for call in calls:
            key = call.request.key
            if key in found:
                self._found(call, found[key])
            elif not self._line.keeps(call):
                self._recorder.release([call.request])
            elif key in claimed:
                self._line.add_claimed(call)
            else:
                self._line.elsewhere.append(call)

    async def _look(self) -> None:
        """Look for the answers to calls that others make, and claim some whose answer is not."""
        calls, self._line.elsewhere = self._line.elsewhere, []
        found = await self._recorder.find([call.request for call in calls])
        for call in calls:
            if call.request.key in found:
                self._found(call, found[call.request.key])
        left = [call for call in calls if call.request.key not in found and self._line.keeps(call)]
        n_calls = self._line.n_short
        self._line.elsewhere += left[n_calls:]
        if n_calls:
            await self._claim(left[:n_calls])  # what is not theirs to have goes to the end
        self._look_at = time.monotonic() + LOOK_EVERY_S
