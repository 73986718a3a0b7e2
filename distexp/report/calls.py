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
    reply_tokens: int = 0
    """Of all the answers, as far as their servers counted."""
    thinking_tokens: int = 0
    """How many of these were thoughts, as far as their servers say."""

    @classmethod
    def count(cls, answers: Iterable[Answer], n_unreadable: int) -> Self:
        """Count distinct answers and add up their prices."""
        answers = list(answers)
        paid = [answer for answer in answers if not answer.hit]
        usages = [answer.response.usage for answer in answers if answer.response.usage]
        return cls(
            total=len(answers),
            hits=len(answers) - len(paid),
            misses=len(paid),
            parse_errors=n_unreadable,
            cost_usd=_total_cost(paid),
            original_cost_usd=_total_cost(answers),
            reply_tokens=sum(usage.completion_tokens for usage in usages),
            thinking_tokens=sum(usage.thinking_tokens or 0 for usage in usages),
        )

    def thoughts(self) -> str | None:
        """Say how much of what was paid for were thoughts; None where nothing is known of any."""
        if not self.thinking_tokens:
            return None
        return (
            f"The model thought first: {self.thinking_tokens:,} of the {self.reply_tokens:,} "
            "tokens of its replies were thoughts, paid for like the rest and never read."
        )


def _total_cost(answers: Sequence[Answer]) -> float | None:
    costs = [answer.response.cost_usd for answer in answers]
    known = [cost for cost in costs if cost is not None]
    return math.fsum(known) if len(known) == len(costs) else None
