"""What may be spent: never exceeded by more than the calls in flight."""

import pytest

from distexp.asking.budget import Budget, Spending, expected
from distexp.errors import BudgetError, ConfigError
from distexp.request import Request, Response, Usage

EXPECTED = Spending(calls=1, tokens=100, usd=0.10)
REQUEST = Request(provider="p", model="m", endpoint=None, body={"max_tokens": 50})


def response(tokens: int | None = 10, usd: float | None = None) -> Response:
    """Make an answer that took so much."""
    usage = None if tokens is None else Usage(prompt_tokens=tokens - 1, completion_tokens=1)
    return Response(text="", finish_reason="stop", usage=usage, cost_usd=usd)


def run(budget: Budget, *, concurrency: int, tokens: int = 10, usd: float = 0.01) -> int:
    """Start calls while the budget allows, a number at once, and return how many were made."""
    n_calls = 0
    while not budget.exhausted():
        n_started = 0
        while n_started < concurrency and not budget.exhausted():
            budget.start(EXPECTED)
            n_started += 1
        for _ in range(n_started):
            budget.end(EXPECTED, response(tokens, usd))
        n_calls += n_started
    return n_calls


@pytest.mark.parametrize("concurrency", [1, 7, 64])
def test_calls_are_never_more_than_allowed(concurrency: int) -> None:
    """Calls in flight count from their start."""
    assert run(Budget(calls=50), concurrency=concurrency) == 50


@pytest.mark.parametrize("concurrency", [1, 7, 64])
@pytest.mark.parametrize("limit", [{"tokens": 1000}, {"usd": 1.0}])
def test_tokens_and_cost_end_within_one_call_of_their_limit(
    concurrency: int, limit: dict[str, float]
) -> None:
    """Calls that take less than expected leave room for others, one by one at the end."""
    assert 100 <= run(Budget(**limit), concurrency=concurrency) <= 101  # type: ignore[arg-type]


def test_overrun_is_what_the_calls_in_flight_took_beyond_expectation() -> None:
    """Ten calls in flight expected to take 100 tokens that take 300: 2,000 too many, no more."""
    budget = Budget(tokens=1000)

    n_calls = run(budget, concurrency=64, tokens=300)

    assert n_calls == 10
    assert budget.spent.tokens == 3000


def test_a_refused_prompt_is_a_call() -> None:
    """It was replied to; of tokens and cost nobody says anything, so neither is made up."""
    budget = Budget(calls=1, tokens=100)
    budget.start(Spending(calls=1, tokens=50))

    budget.end_unanswered(Spending(calls=1, tokens=50))

    assert budget.spent == Spending(calls=1)
    assert budget.exhausted() == "budget.calls=1"


def test_failed_attempt_takes_nothing() -> None:
    """It is not answered, so it is not counted."""
    budget = Budget(calls=1)
    budget.start(EXPECTED)
    budget.end(EXPECTED, None)

    assert budget.exhausted() is None
    assert budget.spent == Spending()


def test_no_limit_is_none() -> None:
    """Null in the configuration leaves it out; 0 allows nothing."""
    assert Budget().exhausted() is None
    assert Budget(calls=0).exhausted() == "budget.calls=0"


def test_unknown_price_is_refused_where_cost_is_limited() -> None:
    """Before the first call, with what can be done; known prices and other limits pass."""
    Budget(usd=1.0).check_prices({"known": (1e-6, 2e-6)})
    Budget(calls=1).check_prices({"unknown": None})

    with pytest.raises(ConfigError, match=r"price of unknown .*usd_per_million_tokens=.*calls"):
        Budget(usd=1.0).check_prices({"known": (1e-6, 2e-6), "unknown": None})


@pytest.mark.parametrize("limit", [{"tokens": 1000}, {"usd": 1.0}])
def test_a_server_that_does_not_count_tokens_is_found_out(limit: dict[str, float]) -> None:
    """A limit that cannot be kept is not pretended to be."""
    budget = Budget(**limit)  # type: ignore[arg-type]
    budget.start(EXPECTED)

    with pytest.raises(BudgetError, match=r"does not report .* budget\.calls instead"):
        budget.end(EXPECTED, response(tokens=None))


def test_worst_case_of_a_call_is_the_longest_reply() -> None:
    """A token for four characters of the request, and all the tokens that the reply may have."""
    n_prompt = len(REQUEST.document) // 4

    spending = expected(REQUEST, (1e-6, 1e-5))

    assert spending.tokens == n_prompt + 50
    assert spending.usd == pytest.approx(n_prompt * 1e-6 + 50e-5)


@pytest.mark.parametrize(
    ("limit", "wanted"),
    [
        ({"usd": -1}, "'usd' parameter of Budget must be a number >= 0"),
        ({"usd": "lots"}, "'usd' parameter of Budget must be a number >= 0"),
        ({"calls": 1.5}, "'calls' parameter of Budget must be an int >= 0"),
        ({"tokens": True}, "'tokens' parameter of Budget must be an int >= 0"),
    ],
)
def test_bad_limit_is_refused(limit: dict[str, object], wanted: str) -> None:
    """The sentence names the limit and what it must be."""
    with pytest.raises(ConfigError, match=wanted):
        Budget(**limit)  # type: ignore[arg-type]
