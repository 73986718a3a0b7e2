"""Limits on what a run may spend, and what requests are expected to take."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from distexp.checks import check_int, check_number
from distexp.errors import BudgetError, ConfigError
from distexp.request import Request, Response, Usage

CHARACTERS_PER_TOKEN = 4
"""Of English; other scripts take more tokens. Only for what is not known before a call."""
USUAL_REPLY_TOKENS = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """What calls took, or are expected to take."""

    calls: int = 0
    tokens: int = 0
    usd: float = 0.0

    def __add__(self, other: Self) -> Self:
        return type(self)(
            calls=self.calls + other.calls,
            tokens=self.tokens + other.tokens,
            usd=self.usd + other.usd,
        )

    def __sub__(self, other: Self) -> Self:
        return type(self)(
            calls=self.calls - other.calls,
            tokens=self.tokens - other.tokens,
            usd=self.usd - other.usd,
        )


class Budget:
    """What may be spent on calls; answers from the cache cost nothing.

    A call starts only while what was spent and what the calls in flight are expected to take are
    together below every limit. So no more calls are answered than `calls`; tokens and USD are
    known only once an answer is there, and can exceed their limits by what the calls in flight
    took beyond what was expected of them.

    Parameters
    ----------
    usd : float, optional
        By the price of the model; a run whose models have an unknown price is refused.
    calls : int, optional
        Replies, refused prompts and unusable ones among them; an attempt that got none does not
        count.
    tokens : int, optional
        Of prompts and replies, as the server reports them.

    Attributes
    ----------
    spent : Spending
        Grows over all runs that share the object.
    """

    def __init__(
        self, *, usd: float | None = None, calls: int | None = None, tokens: int | None = None
    ) -> None:
        if usd is not None:
            check_number("Budget", "usd", usd, low=0)
        for name, value in (("calls", calls), ("tokens", tokens)):
            if value is not None:
                check_int("Budget", name, value, minimum=0)
        self.usd = usd
        self.calls = calls
        self.tokens = tokens
        self.spent = Spending()
        self._in_flight = Spending()

    @property
    def limits(self) -> tuple[float | None, int | None, int | None]:
        """USD, calls and tokens."""
        return self.usd, self.calls, self.tokens

    def check_prices(self, prices: Mapping[str, tuple[float, float] | None]) -> None:
        """Refuse models whose costs could not be counted; called before the first call.

        Raises
        ------
        ConfigError
            If there is a limit in USD and the price of a model, by its name, is unknown.
        """
        unknown = [name for name, price in prices.items() if price is None]
        if self.usd is not None and unknown:
            msg = (
                f"budget.usd is set, and the price of {', '.join(unknown)} is unknown. Give it as "
                "model.usd_per_million_tokens=[PROMPT,REPLY], which is [0,0] for a server of "
                "one's own, or limit budget.calls or budget.tokens instead."
            )
            raise ConfigError(msg)

    def exhausted(self) -> str | None:
        """Say which limit keeps the next call from starting; None where it may start."""
        reached = self.spent + self._in_flight
        for name in ("calls", "tokens", "usd"):
            limit = getattr(self, name)
            if limit is not None and getattr(reached, name) >= limit:
                return f"budget.{name}={limit}"
        return None

    def start(self, expected: Spending) -> None:
        """Count a call in flight."""
        self._in_flight += expected

    def end_unanswered(self, expected: Spending) -> None:
        """Count a call that was replied to without an answer: nobody says what it took."""
        self._in_flight -= expected
        self.spent += Spending(calls=1)

    def end(self, expected: Spending, response: Response | None) -> None:
        """Count a call that ended, with its answer if it had one.

        Raises
        ------
        BudgetError
            If the answer does not say what it took, and there is a limit on that.
        """
        self._in_flight -= expected
        if response is None:
            return
        usage = response.usage
        tokens = usage.prompt_tokens + usage.completion_tokens if usage else expected.tokens
        usd = expected.usd if response.cost_usd is None else response.cost_usd
        self.spent += Spending(calls=1, tokens=tokens, usd=usd)
        if usage is None and (self.tokens is not None or self.usd is not None):
            msg = (
                "The server does not report how many tokens a call takes, so budget.tokens and "
                "budget.usd cannot be kept. Limit budget.calls instead."
            )
            raise BudgetError(msg)


def expected_usage(request: Request) -> Usage:
    """Return the tokens that a call takes at most, roughly: a reply may always be shorter."""
    n_reply = request.body.get("max_tokens")
    return Usage(
        prompt_tokens=len(request.document) // CHARACTERS_PER_TOKEN,
        completion_tokens=n_reply if isinstance(n_reply, int) else USUAL_REPLY_TOKENS,
    )


def expected(request: Request, price: tuple[float, float] | None) -> Spending:
    """Return what a call is expected to take, in the worst case; 0 USD where no price is known."""
    usage = expected_usage(request)
    per_prompt, per_reply = price or (0.0, 0.0)
    return Spending(
        calls=1,
        tokens=usage.prompt_tokens + usage.completion_tokens,
        usd=usage.prompt_tokens * per_prompt + usage.completion_tokens * per_reply,
    )
