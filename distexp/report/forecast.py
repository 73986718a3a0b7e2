"""What a run or a sweep would ask, before it does: requests, hits, tokens, cost and time."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from distexp.asking.budget import Budget, Spending, expected_usage
from distexp.asking.plan import Plan, Where
from distexp.asking.progress import duration
from distexp.protocols import Limits
from distexp.report import markdown
from distexp.request import Usage
from distexp.types import Condition

MOST_MODELS = 12
"""Rows of a forecast; the sum counts all."""


@dataclass(slots=True)
class _Load:
    """What is to be asked of one model, or at one endpoint."""

    price: tuple[float, float] | None = None
    limits: Limits | None = None
    n_hits: int = 0
    usages: list[Usage] = field(default_factory=list)

    @property
    def n_misses(self) -> int:
        return len(self.usages)

    @property
    def prompt_tokens(self) -> int:
        return sum(usage.prompt_tokens for usage in self.usages)

    @property
    def reply_tokens(self) -> int:
        return sum(usage.completion_tokens for usage in self.usages)

    @property
    def usd(self) -> float | None:
        """What the calls cost at most; None where the price is unknown."""
        if not self.usages:
            return 0.0
        if self.price is None:
            return None
        return self.prompt_tokens * self.price[0] + self.reply_tokens * self.price[1]

    @property
    def least_s(self) -> float | None:
        """How long the calls take at the least, in seconds; None without a limit per minute."""
        assert self.limits is not None
        n_requests, n_tokens = self.limits.requests_per_minute, self.limits.tokens_per_minute
        minutes = [self.n_misses / n_requests] if n_requests else []
        minutes += [(self.prompt_tokens + self.reply_tokens) / n_tokens] if n_tokens else []
        return 60.0 * max(minutes) if minutes else None


class Forecast:
    """The plans of one run, or of the jobs of a sweep, added up: equal requests count once.

    Tokens are those of the calls to be made: a token for four characters of the prompt, and
    replies as long as they may be. Costs are therefore upper bounds, about.

    Parameters
    ----------
    plans : iterable of Plan
    """

    def __init__(self, plans: Iterable[Plan]) -> None:
        self.cells: set[Condition] = set()
        self.unforeseen = False
        self.n_following = 0
        self.notes: dict[str, None] = {}
        self._by_model: dict[str, _Load] = {}
        self._by_endpoint: dict[Where, _Load] = {}
        seen: set[str] = set()
        for plan in plans:
            self._add(plan, seen)

    def _add(self, plan: Plan, seen: set[str]) -> None:
        self.cells |= plan.cells
        self.unforeseen |= plan.more_follows and not plan.follows
        if plan.note:
            self.notes[plan.note] = None
        load = self._by_model.setdefault(plan.model, _Load(price=plan.price))
        load.n_hits += len(plan.known - seen)
        seen |= plan.known
        for place, request in enumerate((*plan.missing, *plan.follows)):
            if request.key in seen:
                continue
            seen.add(request.key)
            self.n_following += place >= len(plan.missing)
            usage = expected_usage(request)
            load.usages.append(usage)
            endpoint = self._by_endpoint.setdefault((request.provider, request.endpoint), _Load())
            others = endpoint.limits
            endpoint.limits = others.strictest(plan.limits) if others else plan.limits
            endpoint.usages.append(usage)

    @property
    def n_hits(self) -> int:
        """Distinct requests that the cache answers."""
        return sum(load.n_hits for load in self._by_model.values())

    @property
    def n_misses(self) -> int:
        """Distinct requests that have to be asked, those that follow among them."""
        return sum(load.n_misses for load in self._by_model.values())

    @property
    def cost_usd(self) -> float | None:
        """What the calls cost at most; None where the price of a model is unknown."""
        costs = [load.usd for load in self._by_model.values()]
        return None if None in costs else sum(filter(None, costs))

    def document(self) -> dict[str, object]:
        """Return the plan for programs; what is asked after other answers is not among misses."""
        return {
            "dry_run": True,
            "n_hits": self.n_hits,
            "n_misses": self.n_misses - self.n_following,
            "more_follows": self.unforeseen or self.n_following > 0,
            "n_following": self.n_following,
            "cost_usd": self.cost_usd,
            "notes": list(self.notes),
        }

    def text(self, budget: Budget) -> str:
        """Return the plan for people, with what the budget and the limits per minute do to it."""
        lines = [
            f"{self.n_hits + self.n_misses} requests: {self.n_hits} hits, {self.n_misses} misses. "
            "Nothing was asked (dry_run=true).",
            "",
            *self._table(),
            "",
            *self._times(),
            *self._against(budget),
        ]
        if self.n_following:
            lines.append(
                f"{self.n_following:,} of these are made of the answers to the others: how many "
                "and how long they are is reckoned from the usual wordings."
            )
        if self.unforeseen:
            lines.append("What is asked after these depends on their answers, and is not counted.")
        lines += self.notes
        return "\n".join(lines)

    def _table(self) -> list[str]:
        head = (
            *("model", "hits", "misses", "USD at most"),
            *("conditions", "prompt tokens", "reply tokens"),
        )
        rows = [
            (name, *_counts(load, sum(cell.model == name for cell in self.cells), load.usd))
            for name, load in self._by_model.items()
        ]
        if len(others := rows[MOST_MODELS:]) > 1:
            rows[MOST_MODELS:] = [(f"{len(others)} models more", *[""] * (len(head) - 1))]
        if len(self._by_model) > 1:
            loads = list(self._by_model.values())
            total = _Load(n_hits=self.n_hits, usages=[u for load in loads for u in load.usages])
            rows.append(("all", *_counts(total, len(self.cells), self.cost_usd)))
        shown = [tuple(map(_shown, row)) for row in rows]
        return markdown.table(head, shown, right=range(1, len(head))).splitlines()

    def _times(self) -> list[str]:
        """Say how long the calls take: endpoints are asked side by side."""
        known = {where: load.least_s for where, load in self._by_endpoint.items()}
        slowest = max((seconds for seconds in known.values() if seconds), default=None)
        lines = []
        if slowest is not None:
            lines.append(f"At the limits per minute: {duration(slowest)} at the least.")
        without = [f"{p} at {a}" if a else p for (p, a), seconds in known.items() if not seconds]
        if without:
            lines.append(f"No limit per minute is set for {', '.join(without)}.")
        return lines

    def _against(self, budget: Budget) -> list[str]:
        """Say which limits of the budget would stop it."""
        usages = [usage for load in self._by_model.values() for usage in load.usages]
        n_tokens = sum(usage.prompt_tokens + usage.completion_tokens for usage in usages)
        planned = Spending(calls=len(usages), tokens=n_tokens, usd=self.cost_usd or 0.0)
        return [
            f"budget.{name}={limit} may stop it: {_shown(getattr(planned, name))} may be needed."
            for name in ("calls", "tokens", "usd")
            if (limit := getattr(budget, name)) is not None and getattr(planned, name) > limit
        ]


def _counts(load: _Load, n_conditions: int, usd: float | None) -> tuple[object, ...]:
    tokens = (load.prompt_tokens, load.reply_tokens)
    return (load.n_hits, load.n_misses, _usd(usd), n_conditions, *tokens)


def _usd(cost: float | None) -> str:
    return "unknown" if cost is None else f"{cost:,.2f}"


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.2f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
