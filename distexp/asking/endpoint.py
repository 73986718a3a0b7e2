"""What an endpoint allows, and what it is found to stand: one object for all calls to it."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from distexp.asking.backoff import Backoff
from distexp.protocols import Limits

FAILURES_IN_A_ROW = 8
"""So many failures without an answer between them are the endpoint's, not the calls'."""


class Pace:
    """Spreads amounts over time: a token bucket that holds no more than one call's worth."""

    def __init__(self, per_minute: float | None) -> None:
        self._free_at = float("-inf")
        self.set(per_minute)

    def set(self, per_minute: float | None) -> None:
        """Have calls that start from now on keep another limit."""
        self._seconds_each = 60.0 / per_minute if per_minute else 0.0

    def wait_s(self, now: float) -> float:
        """Return how long the next call has to wait, in seconds."""
        return max(0.0, self._free_at - now)

    def take(self, amount: float, now: float) -> None:
        """Count a call that starts now."""
        self._free_at = max(self._free_at, now) + amount * self._seconds_each

    def correct(self, amount: float) -> None:
        """Count what a call took beyond what was expected; less than 0 if it took less."""
        self._free_at += amount * self._seconds_each


class Window:
    """How many calls may be in flight: as many as the endpoint is found to take at once.

    It is judged each time that as many calls ended as it holds. Where more than a quarter of them
    were turned away it shrinks to those that were not; where none was, it grows again, by an
    eighth. A few that are turned away at random change nothing.
    """

    def __init__(self, largest: int) -> None:
        self.largest = largest
        self.size = largest
        self._taken = 0
        self._refused = 0

    def count(self, *, refused: bool) -> None:
        """Count a call that ended, and whether it was turned away."""
        self._refused += refused
        self._taken += not refused
        n_ended = self._taken + self._refused
        if n_ended < self.size:
            return
        if self._refused > n_ended / 4:
            self.size = max(1, self.size // 4, self._taken)
        elif not self._refused:
            self.size = min(self.largest, self.size + max(1, self.size // 8))
        self._taken = self._refused = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Permit:
    """One call that was let through."""

    started_at: float
    tokens: int
    """Tokens that it was expected to take."""


class Endpoint:
    """Lets calls to one endpoint through, no more than it allows and stands.

    Parameters
    ----------
    limits : Limits
    backoff : Backoff
    clock : callable
        Returns seconds that only grow.

    Attributes
    ----------
    limits : Limits
    window : Window
    in_flight : int
        Calls let through that have not ended.
    answered_at : float
        When the last answer came, by the clock; minus infinity before the first.
    """

    def __init__(
        self,
        limits: Limits,
        backoff: Backoff,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.limits = limits
        self.window = Window(limits.max_concurrency)
        self.in_flight = 0
        self.answered_at = float("-inf")
        self._backoff = backoff
        self._clock = clock
        self._requests = Pace(limits.requests_per_minute)
        self._tokens = Pace(limits.tokens_per_minute)
        self._resume_at = float("-inf")
        self._paused_at = float("-inf")
        self._pauses_in_a_row = 0
        self._failures_in_a_row = 0
        self._throttled_since: float | None = None

    def restrict(self, limits: Limits) -> None:
        """Keep the limits of a further model too: the stricter of each."""
        self.limits = self.limits.strictest(limits)
        self.window.largest = self.limits.max_concurrency
        self.window.size = min(self.window.size, self.window.largest)
        self._requests.set(self.limits.requests_per_minute)
        self._tokens.set(self.limits.tokens_per_minute)

    def wait_s(self) -> float | None:
        """Return when a call may start, in seconds from now; None once another has ended."""
        if self.in_flight >= self.window.size:
            return None
        now = self._clock()
        paused_s = max(0.0, self._resume_at - now)
        return max(paused_s, self._requests.wait_s(now), self._tokens.wait_s(now))

    def start(self, tokens: int) -> Permit:
        """Let a call through that is expected to take `tokens`."""
        now = self._clock()
        self.in_flight += 1
        self._requests.take(1, now)
        self._tokens.take(tokens, now)
        return Permit(started_at=now, tokens=tokens)

    def answered(self, permit: Permit, tokens: int | None) -> None:
        """Count an answer and the tokens that it took, None where they are not known."""
        self.in_flight -= 1
        if tokens is not None:
            self._tokens.correct(tokens - permit.tokens)
        self.answered_at = self._clock()
        self._failures_in_a_row = self._pauses_in_a_row = 0
        self._throttled_since = None
        self.window.count(refused=False)

    def failed(self, permit: Permit) -> None:
        """Count a call that failed; many in a row make all calls wait."""
        self.in_flight -= 1
        self._failures_in_a_row += 1
        if self._failures_in_a_row >= FAILURES_IN_A_ROW:
            self._pause(permit, None)

    def throttled(self, permit: Permit, asked_s: float | None) -> None:
        """Make all calls wait, because one was turned away."""
        self.in_flight -= 1
        self._tokens.correct(-permit.tokens)
        self.window.count(refused=True)
        if self._throttled_since is None:
            self._throttled_since = self._clock()
        self._pause(permit, asked_s)

    def dropped(self) -> None:
        """Count a call that ended without telling anything about the endpoint."""
        self.in_flight -= 1

    def is_hopeless(self) -> bool:
        """Tell whether it has turned every call away for longer than anybody should wait."""
        since = self._throttled_since
        return since is not None and self._clock() - since > self._backoff.give_up_s

    def _pause(self, permit: Permit, asked_s: float | None) -> None:
        """Wait longer than before, unless the call started before the last pause: an echo."""
        now = self._clock()
        if permit.started_at > self._paused_at:
            self._pauses_in_a_row += 1
            self._paused_at = now
        pause_s = self._backoff.pause_s(self._pauses_in_a_row, asked_s)
        self._resume_at = max(self._resume_at, now + pause_s)
