"""Calls to several models and endpoints at once, against real servers where time matters."""

import asyncio
import gc
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from distexp.asking.backoff import Backoff
from distexp.asking.budget import Budget
from distexp.asking.outcome import Outcome
from distexp.asking.progress import Progress
from distexp.asking.schedule import Schedule
from distexp.cache import Paid, Record, ResponseCache
from distexp.errors import (
    BudgetError,
    ConfigError,
    ModelError,
    ThrottledError,
    TransientModelError,
)
from distexp.model.litellm import LiteLLMModel
from distexp.model.mock import MockModel
from distexp.protocols import Capabilities, Limits, Model
from distexp.request import Message, Prompt, Request, Response
from tests.conftest import OpenAIServer, chat

QUICK = Backoff(first_s=0.001)


def prompt(number: int) -> Prompt:
    """Make one of different prompts."""
    message = Message(role="user", content=f"{number}?\nA. Yes\nB. No")
    return Prompt(messages=(message,), option_order=(0, 1), max_tokens=9)


def asked(model: Any, n: int) -> list[tuple[Model, Request]]:
    """Make calls to a model."""
    return [(model, model.request(prompt(number))) for number in range(n)]


def run(
    path: Path, calls: Sequence[tuple[Model, Request]], backoff: Backoff = QUICK, **settings: Any
) -> Outcome:
    """Make calls by a schedule of their own."""
    schedule = Schedule(ResponseCache(path), backoff=backoff, **settings)
    return schedule.run(calls, Progress("asking", total=len(calls), shown=False))


def model_at(url: str, **settings: Any) -> LiteLLMModel:
    """Make a model of a local server."""
    can = Capabilities(logprobs=True, json_schema=True, seed=True, system_role=True)
    return LiteLLMModel(
        **{"name": "m", "provider": "openai", "capabilities": can, "api_base": url, **settings}
    )


class ScriptedModel(MockModel):
    """A mock that fails as told: a failure for each attempt, by the number of the prompt."""

    def __init__(
        self, script: dict[int, list[ModelError]] | None = None, *, name: str = "mock", **own: Any
    ) -> None:
        super().__init__(name=name)
        self.script = script or {}
        self.max_retries = own.get("max_retries", 2)
        self.max_concurrency = own.get("max_concurrency", 4)
        self.asked: list[int] = []
        self.times: list[float] = []
        self.closed = 0

    async def complete(self, request: Request) -> Response:
        """Fail with the next failure of the prompt, or answer."""
        body: Any = request.body
        number = int(body["messages"][0]["content"].split("?")[0])
        self.asked.append(number)
        await asyncio.sleep(0)
        if self.script.get(number):
            raise self.script[number].pop(0)
        return await super().complete(request)

    async def close(self) -> None:
        """Count."""
        self.closed += 1


def busy(n: int) -> list[ModelError]:
    """Make failures that pass."""
    return [TransientModelError("busy") for _ in range(n)]


def throttled(n: int, retry_after_s: float | None = 0.0) -> list[ModelError]:
    """Make rate limits."""
    return [ThrottledError("too many", retry_after_s=retry_after_s) for _ in range(n)]


def test_exhausted_quota_stops_its_own_model_only(
    openai_server: OpenAIServer, tmp_path: Path
) -> None:
    """The other model of the same server goes on; what the first had answered is kept."""
    error = {"message": "You have no money", "type": "insufficient_quota"}

    def answer(body: dict[str, Any], number: int) -> tuple[int, dict[str, Any]]:
        poor = body["model"] == "poor" and number > 3
        return (429, {"error": error}) if poor else (200, chat(body))

    openai_server.answer = answer
    poor = model_at(openai_server.url, name="poor", max_concurrency=1)
    rich = model_at(openai_server.url, name="rich", max_concurrency=1)

    outcome = run(tmp_path, [*asked(poor, 10), *asked(rich, 10)])

    ((failed, reason),) = outcome.failures
    assert failed is poor
    assert "no quota left: You have no money" in str(reason)
    assert len(outcome.responses) == 3 + 10
    assert [body["model"] for body in openai_server.requests] == ["poor"] * 4 + ["rich"] * 10
    stored = ResponseCache(tmp_path).known([request for _, request in asked(poor, 10)])
    assert len(stored) == 3


@pytest.mark.parametrize("status", [401, 403, 404])
def test_refusal_is_not_asked_again(
    openai_server: OpenAIServer, tmp_path: Path, status: int
) -> None:
    """One call, and the model is asked no further."""
    openai_server.answer = lambda *_: (status, {"error": {"message": "no"}})
    model = model_at(openai_server.url, max_concurrency=1)

    outcome = run(tmp_path, asked(model, 5))

    assert len(openai_server.requests) == 1
    assert f"status {status}" in str(outcome.failures[0][1])


@pytest.mark.parametrize("status", [400, 500])
def test_prompt_that_is_too_long_is_not_asked_again(
    openai_server: OpenAIServer, tmp_path: Path, status: int
) -> None:
    """Whatever the status by which a server says so."""
    error = {"message": "This model's maximum context length is 8 tokens", "code": None}
    openai_server.answer = lambda *_: (status, {"error": error})

    run(tmp_path, asked(model_at(openai_server.url), 1))

    assert len(openai_server.requests) == 1


def test_endpoints_do_not_wait_for_each_other(tmp_path: Path) -> None:
    """Two servers that allow one call at a time have theirs in flight together."""
    both = asyncio.Barrier(2)

    class Slow(ScriptedModel):
        async def complete(self, request: Request) -> Response:
            async with asyncio.timeout(60):
                await both.wait()
            return await super().complete(request)

        def request(self, prompt: Prompt) -> Request:
            made = super().request(prompt)
            return Request(
                provider="mock", model=self.name, endpoint=f"http://{self.name}", body=made.body
            )

    one, other = Slow(name="one", max_concurrency=1), Slow(name="other", max_concurrency=1)

    outcome = run(tmp_path, [*asked(one, 1), *asked(other, 1)])

    assert len(outcome.responses) == 2
    assert (one.closed, other.closed) == (1, 1)


def test_models_of_one_endpoint_share_its_limit(tmp_path: Path) -> None:
    """At 1,200 requests a minute, ten calls of two models take 0.45 s and not half of it."""

    class Limited(ScriptedModel):
        limits = Limits(max_concurrency=64, requests_per_minute=1200)

    calls = [*asked(Limited(name="one"), 5), *asked(Limited(name="other"), 5)]
    start = time.monotonic()

    outcome = run(tmp_path, calls)

    assert time.monotonic() - start >= 0.44
    assert len(outcome.responses) == 10


def test_limit_per_minute_is_kept_from_one_run_to_the_next(tmp_path: Path) -> None:
    """An experiment asks in several goes; the server sees one client."""

    class Limited(ScriptedModel):
        limits = Limits(max_concurrency=64, requests_per_minute=1200)

    schedule = Schedule(ResponseCache(tmp_path))
    calls = asked(Limited(), 6)
    start = time.monotonic()

    for call in calls:
        schedule.run([call], Progress("asking", total=1, shown=False))

    assert time.monotonic() - start >= 0.24


def test_rate_limits_are_no_failures_of_a_call(tmp_path: Path) -> None:
    """A call that is turned away more often than it may fail is answered all the same."""
    model = ScriptedModel({0: throttled(8)}, max_retries=2)

    outcome = run(tmp_path, asked(model, 3))

    assert len(outcome.responses) == 3
    assert model.asked.count(0) == 9


def test_when_one_call_is_turned_away_all_wait(tmp_path: Path) -> None:
    """The server asks for 0.2 s: no call starts before they are over."""

    class Timed(ScriptedModel):
        async def complete(self, request: Request) -> Response:
            self.times.append(time.monotonic())
            return await super().complete(request)

    model = Timed({0: throttled(1, retry_after_s=0.2)}, max_concurrency=1)

    run(tmp_path, asked(model, 4))

    assert model.asked == [0, 0, 1, 2, 3]
    assert model.times[1] - model.times[0] >= 0.2


def test_no_retries_means_none_after_a_rate_limit_either(tmp_path: Path) -> None:
    """max_retries=0 tells at once instead of waiting."""
    model = ScriptedModel({0: throttled(1)}, max_retries=0)

    outcome = run(tmp_path, asked(model, 1))

    assert model.asked == [0]
    assert "too many" in str(outcome.failures[0][1])


def test_server_that_wants_to_be_left_alone_for_long_ends_the_run(tmp_path: Path) -> None:
    """Nobody waits an hour unawares."""
    model = ScriptedModel({0: throttled(1, retry_after_s=3600.0)})

    outcome = run(tmp_path, asked(model, 1))

    assert model.asked == [0]
    assert "asks to be left alone for 3600 s" in str(outcome.failures[0][1])


def test_endpoint_that_only_turns_calls_away_is_given_up(tmp_path: Path) -> None:
    """After `give_up_s` without an answer."""
    model = ScriptedModel({0: throttled(1000)})

    outcome = run(tmp_path, asked(model, 1), Backoff(first_s=0.01, longest_s=0.02, give_up_s=0.1))

    assert 3 <= len(model.asked) < 1000
    assert "too many" in str(outcome.failures[0][1])


def test_call_with_bad_luck_comes_again_after_the_others(tmp_path: Path) -> None:
    """Five failures are more than it may have at once, but the endpoint answers others."""
    model = ScriptedModel({0: busy(5)}, max_retries=2, max_concurrency=2)

    outcome = run(tmp_path, asked(model, 200))

    assert not outcome.failures
    assert len(outcome.responses) == 200
    assert model.asked[-1] == 0


def test_call_that_fails_every_time_is_told_in_the_end(tmp_path: Path) -> None:
    """All others are answered by then."""
    model = ScriptedModel({0: busy(1000)}, max_retries=2, max_concurrency=2)

    outcome = run(tmp_path, asked(model, 100))

    assert len(outcome.responses) == 99
    assert str(outcome.failures[0][1]) == "busy"
    assert model.asked.count(0) <= 9
    assert model.asked[-3:] == [0, 0, 0]


def test_attempts_are_recorded(tmp_path: Path) -> None:
    """Beside the answer, whatever the reason each of them failed for."""
    model = ScriptedModel({0: [*busy(1), *throttled(2)]})
    calls = asked(model, 2)

    run(tmp_path, calls)

    stored = ResponseCache(tmp_path).get_many([request for _, request in calls])
    assert [stored[request.key].attempts for _, request in calls] == [4, 1]


def test_budget_in_usd_ends_all_models(openai_server: OpenAIServer, tmp_path: Path) -> None:
    """Each call takes 18 tokens at 1 cent; the one that reaches 50 cents is the last."""
    prices = {"usd_per_million_tokens": [10_000, 10_000], "max_concurrency": 1}
    one = model_at(openai_server.url, name="one", **prices)
    other = model_at(openai_server.url, name="other", **prices)
    budget = Budget(usd=0.50)

    outcome = run(tmp_path, [*asked(one, 2), *asked(other, 20)], budget=budget)

    assert isinstance(outcome.stopped, BudgetError)
    assert len(outcome.responses) == len(openai_server.requests) == 3
    assert budget.spent.usd == pytest.approx(0.54)


def test_unknown_price_is_refused_before_the_first_call(
    openai_server: OpenAIServer, tmp_path: Path
) -> None:
    """Nothing is asked that could not be counted."""
    with pytest.raises(ConfigError, match="price of m is unknown"):
        run(tmp_path, asked(model_at(openai_server.url), 1), budget=Budget(usd=1.0))

    assert openai_server.requests == []


def test_server_without_token_counts_is_found_out_at_the_first_answer(
    openai_server: OpenAIServer, tmp_path: Path
) -> None:
    """That answer is kept."""
    openai_server.answer = lambda body, _: (200, {**chat(body), "usage": None})
    model = model_at(openai_server.url, max_concurrency=1)

    outcome = run(tmp_path, asked(model, 9), budget=Budget(tokens=100))

    assert "does not report" in str(outcome.stopped)
    assert len(openai_server.requests) == len(outcome.responses) == 1


def test_no_more_prompts_are_refused_than_calls_are_allowed(
    openai_server: OpenAIServer, tmp_path: Path
) -> None:
    """A server that refuses every second prompt is sent four of nine, and no more."""
    error = {"message": "This model's maximum context length is 8 tokens", "code": None}
    openai_server.answer = lambda body, number: (
        (400, {"error": error}) if number % 2 else (200, chat(body))
    )
    model = model_at(openai_server.url, max_concurrency=1)

    outcome = run(tmp_path, asked(model, 9), budget=Budget(calls=4))

    assert "budget.calls=4" in str(outcome.stopped)
    assert len(openai_server.requests) == 4


def test_failed_attempts_take_nothing_of_the_budget(tmp_path: Path) -> None:
    """Three answers may be paid for, and three come, after as many failures."""
    model = ScriptedModel({0: busy(1), 1: throttled(1), 2: busy(1)})

    outcome = run(tmp_path, asked(model, 3), budget=Budget(calls=3))

    assert outcome.stopped is None
    assert len(outcome.responses) == 3


def test_answers_that_are_not_stored_yet_survive_an_interrupt(tmp_path: Path) -> None:
    """Also where storing takes longer than the calls in flight are waited for."""

    class SlowToBegin(ResponseCache):
        wait_s = 1.2

        def put_many(self, answers: Sequence[Paid]) -> list[Record]:
            time.sleep(self.wait_s)
            self.wait_s = 0.0
            return super().put_many(answers)

    class Interrupted(ScriptedModel):
        async def complete(self, request: Request) -> Response:
            response = await super().complete(request)
            if request is calls[7][1]:
                signal.raise_signal(signal.SIGINT)
            return response

    model = Interrupted(max_concurrency=4)
    calls = asked(model, 20)

    with pytest.raises(KeyboardInterrupt):
        Schedule(SlowToBegin(tmp_path)).run(calls, Progress("asking", total=20, shown=False))

    stored = ResponseCache(tmp_path).known([request for _, request in calls])
    assert len(stored) == len(model.asked) == 8


def test_flex_calls_wait_for_room_as_long_as_it_takes_under_the_same_key(
    tmp_path: Path, openai_server: OpenAIServer
) -> None:
    """The tier is sent, and is no part of the key; want of room is not counted as a failure."""

    def answer(body: dict[str, Any], n: int) -> tuple[int, dict[str, Any]]:
        busy = {"error": {"message": "Resource unavailable", "code": "resource_unavailable"}}
        return (429, busy) if n <= 6 else (200, chat(body))

    openai_server.answer = answer
    model = model_at(openai_server.url, service_tier="flex", max_retries=1)
    calls = asked(model, 1)

    outcome = run(tmp_path, calls, Backoff(first_s=0.001, longest_s=0.002, give_up_s=0.0))

    assert len(outcome.responses) == 1
    assert openai_server.requests[-1]["service_tier"] == "flex"
    assert set(outcome.responses) == {asked(model_at(openai_server.url), 1)[0][1].key}


def test_flex_is_half_the_price_and_refused_where_there_is_none() -> None:
    """By litellm's table, which has such prices apart."""
    can = Capabilities(logprobs=False, json_schema=True, seed=True, system_role=True)
    known = {"name": "gpt-6-luna", "provider": "openai", "capabilities": can}
    usual = LiteLLMModel(**known)  # type: ignore[arg-type]
    flex = LiteLLMModel(**known, service_tier="flex")  # type: ignore[arg-type]

    assert usual.price is not None
    assert flex.price == (usual.price[0] / 2, usual.price[1] / 2)
    gemini = {"name": "gemini-3.5-flash", "provider": "gemini", "capabilities": can}
    waiting = LiteLLMModel(**gemini, service_tier="flex").price  # type: ignore[arg-type]
    assert waiting == LiteLLMModel(**gemini).terms().price  # type: ignore[arg-type]
    for settings in ({"provider": "mistral"}, {"name": "gpt-4o"}, {"provider": "deepseek"}):
        with pytest.raises(ConfigError, match="service_tier"):
            LiteLLMModel(**{**known, **settings, "service_tier": "flex"})  # type: ignore[arg-type]


def test_flex_is_sent_to_gemini_in_its_own_words(
    tmp_path: Path, openai_server: OpenAIServer
) -> None:
    """And is no part of the key."""
    openai_server.answer = lambda *_: (200, {
        "candidates": [{"content": {"role": "model", "parts": [{"text": "A"}]}, "index": 0,
                        "finishReason": "STOP"}],
        "usageMetadata": {"promptTokenCount": 2, "candidatesTokenCount": 1, "totalTokenCount": 3},
    })  # fmt: skip
    settings = {"name": "gemini-3.5-flash", "provider": "gemini"}
    usual = model_at(openai_server.url, **settings)
    model = model_at(openai_server.url, **settings, service_tier="flex")
    calls = asked(model, 1)

    outcome = run(tmp_path, calls)

    assert openai_server.requests[-1]["serviceTier"] == "flex"
    assert set(outcome.responses) == {asked(usual, 1)[0][1].key}


def test_answers_of_a_run_are_let_go_of_with_its_outcome(tmp_path: Path) -> None:
    """A sweep of many runs would otherwise hold those of all until Python looks for cycles."""
    gc.collect()
    gc.disable()
    try:
        outcome = run(tmp_path, asked(MockModel(name="m"), 3))
        ours = {id(one) for one in outcome.responses.values()}
        del outcome
        left = [one for one in gc.get_objects() if isinstance(one, Response) and id(one) in ours]
        assert len(ours) == 3
        assert left == []
    finally:
        gc.enable()
