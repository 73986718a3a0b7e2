"""A server is asked once what it can do, before anything else is paid."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distexp.asking.interview import Interview
from distexp.asking.runner import Runner
from distexp.cache import ResponseCache
from distexp.elicitation.verbalized import Verbalized
from distexp.errors import ConfigError, ModelError
from distexp.model.litellm import LiteLLMModel
from distexp.model.probing import read
from distexp.prompt.template import PromptTemplate
from distexp.protocols import Capabilities
from distexp.request import Prompt, Response
from distexp.types import Case, Survey
from tests.conftest import OpenAIServer, chat

UNKNOWN = Capabilities(logprobs=None, json_schema=None, seed=None, system_role=None)
STYLE = PromptTemplate(layout="{question} {options} {task}", audience="people")
ASKS = Verbalized(task="Percentages as JSON.")


def server_that(openai_server: OpenAIServer, *lacks: str) -> None:
    """Have the server refuse, or ignore, what it lacks."""

    def answer(body: dict[str, Any], _: int) -> tuple[int, dict[str, Any]]:
        refusal = {"error": {"message": "unknown parameter", "code": 400}}
        fields = {"logprobs": "logprobs", "json_schema": "response_format", "seed": "seed"}
        if any(fields.get(name) in body for name in lacks):
            return 400, refusal
        if "system_role" in lacks and body["messages"][0]["role"] == "system":
            return 400, refusal
        ignored = "schema_ignored" in lacks and "response_format" in body
        return 200, chat(body, "Fine." if ignored else '{"A": 20, "B": 30, "C": 50}')

    openai_server.answer = answer


def model_at(openai_server: OpenAIServer, can: Capabilities = UNKNOWN) -> LiteLLMModel:
    """Return a model behind the server, of which nothing is known."""
    return LiteLLMModel(
        name="m", provider="openai", capabilities=can, api_base=openai_server.url, max_retries=0
    )


def interview(model: LiteLLMModel, cases: list[Case]) -> Interview:
    """Ask about some cases."""
    survey = Survey(name="s", cases=tuple(cases), digest="0" * 64, licence="", citation="")
    return Interview(survey=survey, model=model, elicitation=ASKS, prompt={"base": STYLE})


@pytest.mark.parametrize(
    ("lacks", "expected"),
    [
        ((), (True, True, True, True)),
        (("logprobs",), (False, True, True, True)),
        (("json_schema", "seed"), (True, False, False, True)),
        (("schema_ignored",), (True, False, True, True)),
        (("system_role",), (True, True, True, False)),
    ],
)
def test_probe_finds_what_works_before_anything_else(
    lacks: tuple[str, ...],
    expected: tuple[bool, ...],
    openai_server: OpenAIServer,
    cases: list[Case],
    tmp_path: Path,
) -> None:
    """What is refused or ignored is not sent in a single question."""
    server_that(openai_server, *lacks)
    model = model_at(openai_server)

    found = interview(model, cases).run(Runner(model, ResponseCache(tmp_path)))

    can = model.able
    assert (can.logprobs, can.json_schema, can.seed, can.system_role) == expected
    asked = [b for b in openai_server.requests if "Percentages" in b["messages"][-1]["content"]]
    assert openai_server.requests[-len(asked) :] == asked
    assert all(("response_format" in body) == expected[1] for body in asked)
    assert all(("seed" in body) == expected[2] for body in asked)
    assert "log-probabilities yes" in found.notes[0] or not expected[0]
    assert all(one.status == "ok" for one in found.studies[0].estimates)


def test_second_run_and_a_replay_ask_nothing(
    openai_server: OpenAIServer, cases: list[Case], tmp_path: Path
) -> None:
    """What was found out is in the cache, under the keys of the run."""
    server_that(openai_server, "json_schema")
    first = model_at(openai_server)
    found = interview(first, cases).run(Runner(first, ResponseCache(tmp_path)))
    n_calls = len(openai_server.requests)

    for mode in ("use", "replay"):
        model = model_at(openai_server)
        again = interview(model, cases).run(Runner(model, ResponseCache(tmp_path, mode)))
        assert set(again.answers) == set(found.answers)
        assert all(answer.hit for answer in again.answers.values())
        assert (again.notes, model.able) == (found.notes, first.able)

    assert len(openai_server.requests) == n_calls


KNOWN = Capabilities(logprobs=True, json_schema=True, seed=True, system_role=True)
"""What openai_compatible was taken to be able to do before there were probes."""


@pytest.mark.parametrize("lacks", [("schema_ignored",), ("json_schema", "seed"), ("logprobs",)])
def test_answers_from_before_there_were_probes_are_found_and_not_paid_again(
    lacks: tuple[str, ...], openai_server: OpenAIServer, cases: list[Case], tmp_path: Path
) -> None:
    """What a probe finds moves no key, and where nothing is to be asked there is no probe."""
    server_that(openai_server)
    before = model_at(openai_server, KNOWN)
    half = cases[: len(cases) // 2]
    paid = interview(before, half).run(Runner(before, ResponseCache(tmp_path)))
    n_paid = len(openai_server.requests)
    server_that(openai_server, *lacks)

    model = model_at(openai_server)
    same = interview(model, half).run(Runner(model, ResponseCache(tmp_path)))
    n_after_same = len(openai_server.requests)
    more = interview(model, cases).run(Runner(model, ResponseCache(tmp_path)))

    assert n_after_same == n_paid  # not even a probe
    assert {k: a.response for k, a in same.answers.items()} == {
        k: a.response for k, a in paid.answers.items()
    }
    assert {key for key, answer in more.answers.items() if answer.hit} == paid.answers.keys()
    asked = [
        body["messages"][-1]["content"]
        for body in openai_server.requests
        if "Percentages" in body["messages"][-1]["content"]
    ]
    assert len(asked) == len(set(asked)) > n_paid


def test_record_says_what_was_not_sent(
    openai_server: OpenAIServer, cases: list[Case], tmp_path: Path
) -> None:
    """The request that is kept is the one that was made; what was left out of it stands beside."""
    server_that(openai_server, "schema_ignored", "seed")
    model, cache = model_at(openai_server), ResponseCache(tmp_path)
    whole = interview(model, cases)

    whole.run(Runner(model, cache))

    records = cache.get_many(whole.needed())
    assert {record.versions["not sent"] for record in records.values()} == {
        "response_format, seed"
    }


def test_plan_counts_the_probe_and_asks_nothing(
    openai_server: OpenAIServer, cases: list[Case], tmp_path: Path
) -> None:
    """Until it is known, all is taken to work."""
    model = model_at(openai_server)

    plan = interview(model, cases).plan(Runner(model, ResponseCache(tmp_path)))

    n_questions = len({STYLE.messages(c.question, (), "", c.group) for c in cases})
    assert plan.n_misses == n_questions + 1
    assert openai_server.requests == []


def test_what_the_user_says_is_not_asked_about(openai_server: OpenAIServer) -> None:
    """A capability that is given stays as it is, and one that is all known needs no probe."""
    can = Capabilities(logprobs=False, json_schema=True, seed=True, system_role=True)

    assert model_at(openai_server, can).probe() is None


def test_server_that_fails_leaves_no_finding(
    openai_server: OpenAIServer, cases: list[Case], tmp_path: Path
) -> None:
    """An outage is no capability that is missing: nothing is stored."""
    openai_server.answer = lambda body, n: (
        (200, chat(body, "A")) if n == 1 else (401, {"error": {"message": "invalid api key"}})
    )
    model = model_at(openai_server)

    with pytest.raises(ModelError):
        interview(model, cases).run(Runner(model, ResponseCache(tmp_path)))

    request = model.probe()
    assert request is not None
    assert ResponseCache(tmp_path).known([request]) == set()


def test_what_was_found_missing_is_refused_in_the_plan(openai_server: OpenAIServer) -> None:
    """Log-probabilities are not asked of a server that has none."""
    model = model_at(openai_server)
    text = json.dumps({"logprobs": {"works": False, "said": "none came"}})

    model.learn(Response(text=text, finish_reason="stop"))

    with pytest.raises(ConfigError, match="returns no log-probabilities"):
        model.request(Prompt(messages=(), option_order=(), max_tokens=1, top_logprobs=5))


@given(st.one_of(st.text(), st.recursive(st.none() | st.text(), st.lists).map(json.dumps)))
def test_whatever_stands_in_a_cache_is_read_as_a_finding_or_as_none(text: str) -> None:
    """A strange entry changes nothing."""
    assert read(Response(text=text, finish_reason=None)) == {}
