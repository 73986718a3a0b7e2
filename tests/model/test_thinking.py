"""How much a model thinks is sent, makes room, and is refused where it would not arrive."""

from dataclasses import replace
from typing import Any

import pytest

from distexp.asking.budget import expected_usage
from distexp.asking.plan import label_of
from distexp.errors import ConfigError
from distexp.model.abilities import EFFORTS
from distexp.model.http.reply import counted
from distexp.model.litellm import LiteLLMModel
from distexp.model.thinking import ROOM
from distexp.protocols import Capabilities
from distexp.request import Json, Message, Prompt, Usage

PROMPT = Prompt(
    messages=(Message(role="user", content="Yes?"),),
    option_order=(0, 1),
    max_tokens=200,
    temperature=0.5,
)
CAN = Capabilities(logprobs=False, json_schema=True, seed=False, system_role=True)


def model(provider: str, name: str, **settings: Any) -> LiteLLMModel:
    """Make a model of litellm's table."""
    return LiteLLMModel(**{"name": name, "provider": provider, "capabilities": CAN, **settings})


@pytest.mark.parametrize("effort", EFFORTS[3:6])
def test_reply_limit_grows_with_thought_and_so_does_the_forecast(effort: str) -> None:
    """A thought that fills the reply would leave no answer."""
    request = model("openai", "gpt-6-sol", reasoning_effort=effort).request(PROMPT)

    assert request.body["reasoning_effort"] == effort
    assert request.body["max_tokens"] == 200 + ROOM[effort]
    assert expected_usage(request).completion_tokens == 200 + ROOM[effort]


def test_answers_from_before_thoughts_had_room_are_found_without_it() -> None:
    """The request of earlier versions for a server that takes a temperature, field by field."""
    own = model(
        "openai", "m", api_base="http://127.0.0.1:1/v1", reasoning_effort="low", thinking_tokens=0
    )
    before: dict[str, Json] = {
        "messages": [{"role": "user", "content": "Yes?"}],
        "temperature": 0.5,
        "max_tokens": 200,
        "reasoning_effort": "low",
    }

    request = own.request(PROMPT)

    assert request.key == replace(request, body=before).key


def test_model_that_thinks_where_it_is_not_asked_to_gets_room_too() -> None:
    """Of those that always think the table says so."""
    body = model("anthropic", "claude-opus-5-5").request(PROMPT).body

    assert body == {"messages": body["messages"], "max_tokens": 200 + ROOM["high"]}


def test_budget_is_sent_in_place_of_a_level() -> None:
    """It makes its own room."""
    made = model("anthropic", "claude-haiku-4-5", thinking_budget=2048)

    body = made.request(PROMPT).body

    assert body["thinking"] == {"type": "enabled", "budget_tokens": 2048}
    assert (body["max_tokens"], "temperature" in body) == (2248, False)
    assert label_of(made) == "claude-haiku-4-5 (thinks: 2048 tokens)"


def test_every_level_has_a_key_and_a_name_of_its_own() -> None:
    """Answers of two levels are never taken for one another, in the cache or in a table."""
    levels = ["none", "low", "medium", "high", "xhigh", "max"]
    made = [model("openai", "gpt-6-sol", reasoning_effort=level) for level in levels]

    assert len({one.request(PROMPT).key for one in made}) == len(made)
    assert len({label_of(one) for one in made}) == len(made)
    assert label_of(made[0]) == "gpt-6-sol"


@pytest.mark.parametrize(
    ("provider", "name", "settings", "message"),
    [
        (
            "anthropic",
            "claude-sonnet-5-5",
            {"reasoning_effort": "none"},
            "low, medium, high, xhigh",
        ),
        ("anthropic", "claude-sonnet-5", {"thinking_budget": 2048}, "takes no budget"),
        ("openai", "gpt-6.1-sol", {"reasoning_effort": "none"}, "would be changed or dropped"),
        ("gemini", "gemini-3.8-flash", {"reasoning_effort": "minimal"}, "low, medium, high"),
        ("mistral", "mistral-large-4-0", {"reasoning_effort": "low"}, "none, high"),
        ("openai", "gpt-4o", {"reasoning_effort": "low"}, "has no levels of thought"),
        ("openai", "m", {"thinking_budget": 2048, "reasoning_effort": "low"}, "one of the two"),
        ("openai", "m", {"efforts": ["much"]}, "efforts"),
        ("openai", "gpt-6.1-sol", {"top_p": 0.5}, "top_p"),
    ],
)
def test_what_would_not_arrive_is_refused_with_what_would(
    provider: str, name: str, settings: dict[str, Any], message: str
) -> None:
    """Before anything is asked, and in one line."""
    with pytest.raises(ConfigError, match=message):
        model(provider, name, **settings)


def test_file_knows_better_than_the_table() -> None:
    """What a model's file says of levels and of sampling settings holds."""
    can = Capabilities(
        logprobs=False, json_schema=True, seed=False, system_role=True, sampling=True
    )

    made = model("mistral", "mistral-large-4-0", efforts=["low"], reasoning_effort="low")
    warm = model("anthropic", "claude-opus-5", capabilities=can)

    assert made.request(PROMPT).body["reasoning_effort"] == "low"
    assert warm.request(PROMPT).body["temperature"] == 0.5


@pytest.mark.parametrize(
    ("counts", "usage"),
    [
        ((9, 7, 5), Usage(prompt_tokens=9, completion_tokens=7, thinking_tokens=5)),
        ((9, 7, 0), Usage(prompt_tokens=9, completion_tokens=7)),
        ((9, 7, "5"), Usage(prompt_tokens=9, completion_tokens=7)),
        ((9, 7, None), Usage(prompt_tokens=9, completion_tokens=7)),
        ((0, 7, 5), None),
    ],
)
def test_thoughts_are_counted_apart(counts: tuple[Any, ...], usage: Usage | None) -> None:
    """They are part of the reply's tokens, and None where the server does not say."""
    assert counted(*counts) == usage
