"""What the calls of a run came to: how many were paid for, and how much."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

from distexp.asking.answers import Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """What became of the distinct requests of a run."""

    total: int
    hits: int
    """Answered from the cache."""
    misses: int
    """Paid for in this run."""
    parse_errors: int
    """Distinct replies that could not be read."""
    cost_usd: float | None
    """Price of this run's calls; None where any price is unknown."""
    original_cost_usd: float | None
    """What all the answers cost when they were first given; None where any price is unknown."""

    @classmethod
    def count(cls, answers: Iterable[Answer], n_unreadable: int) -> Self:
        """Count distinct answers and add up their prices."""
        answers = list(answers)
        paid = [answer for answer in answers if not answer.hit]
        return cls(
            total=len(answers),
            hits=len(answers) - len(paid),
            misses=len(paid),
            parse_errors=n_unreadable,
            cost_usd=_total_cost(paid),
            original_cost_usd=_total_cost(answers),
        )


def _total_cost(answers: Sequence[Answer]) -> float | None:
    costs = [answer.response.cost_usd for answer in answers]
    known = [cost for cost in costs if cost is not None]
    return math.fsum(known) if len(known) == len(costs) else None
