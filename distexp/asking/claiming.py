"""Claims of calls, so that of several processes that want an answer only one pays for it."""

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
    batched : callable
        Receives the calls that are in batches in flight, where there are any.
    ended : callable
        Receives the task of each claim that has ended, with what went wrong.
    """

    def __init__(
        self,
        line: Line,
        recorder: Recorder,
        found: Callable[[Call, Record], None],
        batched: Callable[[Sequence[Call]], None],
        ended: Callable[[asyncio.Task[None]], None],
    ) -> None:
        self._line = line
        self._recorder = recorder
        self._found = found
        self._batched = batched
        self._ended = ended
        self._look_at = float("-inf")
        self._task: asyncio.Task[None] | None = None

    @property
    def busy(self) -> bool:
        """Whether calls were taken out of the line and their claims are being made right now."""
        return self._task is not None

    def go_on(self) -> float | None:
        """Start to claim calls if too few are, or to look for answers of other processes.

        Returns
        -------
        float or None
            Seconds until it should be called again; None when there is nothing to do before the
            line changes, as it does once calls have been claimed.
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
        """Cancel a claim that is being made, and make no more."""
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
        """Claim calls; keep those won, report those answered, and set aside those others make."""
        claimed, found, batched = await self._recorder.claim([call.request for call in calls])
        for call in calls:
            key = call.request.key
            if key in found:
                self._found(call, found[key])
            elif not self._line.keeps(call):
                self._recorder.release([call.request])
            elif key in claimed:
                self._line.add_claimed(call)
            elif key not in batched:
                self._line.elsewhere.append(call)
        if batched:
            self._batched([call for call in calls if call.request.key in batched])

    async def _look(self) -> None:
        """Look for the answers to calls that others make; try to claim some that have none yet."""
        calls, self._line.elsewhere = self._line.elsewhere, []
        found = await self._recorder.find([call.request for call in calls])
        for call in calls:
            if call.request.key in found:
                self._found(call, found[call.request.key])
        left = [call for call in calls if call.request.key not in found and self._line.keeps(call)]
        n_calls = self._line.n_short
        self._line.elsewhere += left[n_calls:]
        if n_calls:
            await self._claim(left[:n_calls])  # those claimed by others go to the end
        self._look_at = time.monotonic() + LOOK_EVERY_S
