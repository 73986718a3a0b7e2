"""When a call that failed is made again, and after how long."""

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """How long to wait before the next attempt: twice as long each time, spread at random.

    Calls that failed together would otherwise come again together.
    """

    first_s: float = 0.5
    """Before the second attempt, in seconds."""
    longest_s: float = 30.0
    """Pauses grow up to here, in seconds."""
    give_up_s: float = 120.0
    """An endpoint that asks to be left alone for longer, or turns every call away for longer,
    ends the run: nobody waits a day unawares."""

    def pause_s(self, attempt: int, asked_s: float | None = None) -> float:
        """Return the pause after failure number `attempt`, in seconds.

        Parameters
        ----------
        attempt : int
            Failures in a row so far, from 1.
        asked_s : float, optional
            How long the server asked to be left alone; it is never asked again sooner.
        """
        grown = min(self.longest_s, self.first_s * 2.0 ** min(attempt - 1, 32))
        spread = random.uniform(0.5, 1.0) * grown
        if asked_s is None:
            return spread
        asked_s *= random.uniform(1.0, 1.1)
        return asked_s if attempt == 1 else max(asked_s, spread)
