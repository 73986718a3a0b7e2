import hashlib
import json
import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from distexp.errors import ConfigError
from distexp.request import Request, canonical_json, canonical_object

A_DECISION = (
    "The key of a request has changed, which orphans every cache that exists: all answers would "
    "be paid for again. If that is meant, raise REQUEST_SCHEMA, list it in CHANGELOG and pin the "
    "new keys here. If not, undo what changed the key document."
)

VERBALIZED = Request(
    provider="openai",
    model="gpt-4o-mini-2024-07-18",
    endpoint=None,
    body={
        "messages": [
            {"role": "system", "content": "You estimate."},
            {"role": "user", "content": "How much?\nA. Too little\nB. Too much"},
        ],
        "temperature": 0.0,
        "max_tokens": 256,
        "seed": 1,
    },
)
LOGPROBS = Request(
    provider="openai",
    model="meta-llama/Llama-3.1-8B",
    endpoint="http://gpu:8000/v1",
    body={
        "messages": [{"role": "user", "content": "Café: “ja” or 否?"}],
        "temperature": 0.7,
        "top_p": 1,
        "logprobs": True,
        "top_logprobs": 20,
    },
    draw=2,
    salt="2026-06",
)
CONSTRAINED = Request(
    provider="llamacpp",
    model="smollm2-135m@sha256:0f",
    endpoint=None,
    body={
        "messages": [{"role": "user", "content": "?"}],
        "response_format": {
            "type": "json_schema",
            "json_schema": {
                "required": ["B", "A"],
                "properties": {"A": {"type": "number", "minimum": 0}},
            },
        },
        "seed": None,
    },
)


@pytest.mark.parametrize(
    ("request_", "key"),
    [
        (VERBALIZED, "073f1e452b1c3442712fad97de04ea1cf670d265b7bd1925dbe8ffd4ca7da16f"),
        (LOGPROBS, "f76583a57510a386c7830c5c0f16ec9bb284ce5b8bb15ca1493d13eeae4df7dd"),
        (CONSTRAINED, "3da9927a2b980efa2c55f852c7060c24895a58ca44a0b67cdc40f56eeb4aefe2"),
    ],
    ids=["verbalized", "logprobs", "constrained"],
)
def test_keys_are_pinned(request_: Request, key: str) -> None:
    """A key is for ever: an answer paid for under it is found by every later version."""
    assert request_.key == key, A_DECISION


def test_the_document_that_is_hashed_is_pinned() -> None:
    """The key is the SHA-256 of this text, which anyone can write and hash without distexp."""
    document = (
        '{"body":{"logprobs":true,"messages":[{"content":"Café: “ja” or 否?","role":"user"}],'
        '"temperature":0.7,"top_logprobs":20,"top_p":1},"draw":2,"endpoint":"http://gpu:8000/v1",'
        '"model":"meta-llama/Llama-3.1-8B","provider":"openai","salt":"2026-06","schema":1}'
    )

    assert LOGPROBS.document == document, A_DECISION
    assert LOGPROBS.key == hashlib.sha256(document.encode()).hexdigest(), A_DECISION


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"temperature": 0}, {"temperature": 0.0}),
        ({"temperature": 0}, {"temperature": -0.0}),
        ({"bias": [1.0, {"50": -100.0}]}, {"bias": [1, {"50": -100}]}),
        ({"user": "Caf\u00e9"}, {"user": "Cafe\u0301"}),
        ({"user": "\u1112\u1161\u11ab"}, {"user": "\ud55c"}),
        ({"a": 1, "b": {"c": 2, "d": 3}}, {"b": {"d": 3, "c": 2}, "a": 1}),
        ({"stop": ("A", ("B",))}, {"stop": ["A", ["B"]]}),
    ],
    ids=["0.0", "-0.0", "nested numbers", "NFD", "Hangul", "key order", "tuples"],
)
def test_two_spellings_of_one_request_are_one_key(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    """What YAML, Python or an editor spell differently is not paid for twice."""
    assert replace(VERBALIZED, body=one).document == replace(VERBALIZED, body=other).document


def messages(*contents: str) -> dict[str, Any]:
    """Return a body with these messages of the user."""
    return {"messages": [{"role": "user", "content": content} for content in contents]}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (messages("You are 4", "0 years"), messages("You are 40", " years")),
        (messages("You are 4", "0 years"), messages("You are 40 years")),
        (messages("A\nB"), messages("A B")),
        (messages("A"), messages("A ")),
        (messages("A", "B"), messages("B", "A")),
        ({"logprobs": True}, {"logprobs": 1}),
        ({"logprobs": False}, {"logprobs": 0}),
        ({"logprobs": None}, {"logprobs": False}),
        ({"stop": 1}, {"stop": "1"}),
        ({"seed": 2**53}, {"seed": 2**53 + 1}),
        ({"temperature": 0.1 + 0.2}, {"temperature": 0.3}),
        ({}, {"reasoning_effort": "low"}),
        ({"some_new_parameter": 1}, {"some_new_parameter": 2}),
        ({"extra_body": {"top_k": 1}}, {"extra_body": {"top_k": 2}}),
    ],
)
def test_two_bodies_that_differ_for_the_provider_are_two_keys(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    """No boundary, type, order of messages or parameter is lost, known to distexp or not."""
    assert replace(VERBALIZED, body=one).key != replace(VERBALIZED, body=other).key


@pytest.mark.parametrize(
    "change",
    [
        {"provider": "azure"},
        {"model": "gpt-4o-mini-2024-07-19"},
        {"endpoint": "http://gpu:8000/v1"},
        {"endpoint": ""},
        {"draw": 1},
        {"salt": "2026-06"},
        {"salt": ""},
    ],
    ids=str,
)
def test_every_field_moves_the_key(change: dict[str, Any]) -> None:
    """Another model, server, repetition or stratum is another answer."""
    assert replace(VERBALIZED, **change).key != VERBALIZED.key


def test_fields_do_not_run_into_each_other() -> None:
    """A value that moves from one field to the next is another request."""
    one = Request(provider="a", model="b", endpoint=None, body={}, salt="c")
    other = Request(provider="a", model="b", endpoint="c", body={}, salt=None)

    assert one.key != other.key


@pytest.mark.parametrize(
    "value",
    [math.nan, math.inf, -math.inf, {1, 2}, object(), 1j, b"ab", "\ud83d"],
    ids=lambda v: repr(v)[:8],
)
def test_a_value_without_a_json_form_is_refused(value: Any) -> None:
    """It is an error that shows the value, never a key of its text."""
    request = replace(VERBALIZED, body={"temperature": [value]})

    with pytest.raises(ConfigError, match="no JSON form"):
        _ = request.key


@pytest.mark.parametrize("request_", [VERBALIZED, LOGPROBS, CONSTRAINED])
def test_the_canonical_form_is_json_and_stable(request_: Request) -> None:
    """It reads back to the same values, and its own canonical form is itself."""
    values = json.loads(request_.document)

    assert values["body"] == request_.body
    assert canonical_json(values) == request_.document


def test_text_is_normalised_before_it_is_escaped() -> None:
    """A combining mark after a line break stays JSON: it must not fuse with the escape's n."""
    assert json.loads(canonical_json({"text": "\n\u0303"})) == {"text": "\n\u0303"}


def test_names_are_normalised_before_they_are_sorted() -> None:
    """The two spellings of one name are one request, whatever stands beside them."""
    assert canonical_json({"e\u0301": 1, "f": 2}) == canonical_json({"\u00e9": 1, "f": 2})


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"b": 1, "a": [True, None, 2.5, -0.0, '\n"\\']},
        {"temperature": 1e16, "seed": 2**70, "stop": ("A", "B")},
        {"schema": {"type": "object", "required": ["A"], "most": 1.0, "\u00e9": {"e\u0301": 0.5}}},
        {"e\u0301": 1, "f": {"g": "\u1112\u1161\u11ab"}},
        {"text": "Caf\u00e9 \ud55c \U0001f600", 'a"b': {"c": {}}},
    ],
    ids=lambda body: " ".join(body)[:20],
)
def test_document_is_the_canonical_form_of_all_fields(body: dict[str, Any]) -> None:
    """It is put together from parts that are remembered, and reads as if written at once."""
    request = replace(LOGPROBS, body=body)
    fields = {name: getattr(request, name) for name in ("provider", "model", "endpoint", "salt")}

    for _ in range(2):
        again = replace(request)
        assert again.document == canonical_json(
            {**fields, "body": body, "draw": request.draw, "schema": 1}
        )


def test_part_that_was_changed_is_not_remembered_as_it_was() -> None:
    """What is remembered goes by what a part holds, with the types of its numbers."""
    shape: dict[str, Any] = {"minimum": 0}
    documents = []
    for minimum in (0, 1, True, 1.5, "1", None):
        shape["minimum"] = minimum
        documents.append(replace(VERBALIZED, body={"schema": shape}).document)

    assert [json.loads(text)["body"]["schema"]["minimum"] for text in documents] == [
        0, 1, True, 1.5, "1", None,
    ]  # fmt: skip
    assert len(set(documents)) == 6


PIECES = st.sampled_from(
    ["a", '"', "\\", "\n", "\x00", "\x7f", "é", "e\u0301", "\ud800", "否", "😀"]
)
TEXT = st.lists(PIECES, max_size=5).map("".join)
MESSAGE = st.dictionaries(
    st.sampled_from(["role", "content", "name"]), TEXT | st.just(0.0), min_size=1
)


@given(st.lists(st.fixed_dictionaries({"role": TEXT, "content": TEXT}) | MESSAGE, max_size=3))
@example([{"role": "user", "content": "n\u0303"}])
def test_messages_are_written_as_any_other_part(messages: list[Any]) -> None:
    """By their own, quicker way: the same text, or the same refusal."""
    try:
        expected = canonical_json({"messages": messages})
    except ConfigError:
        with pytest.raises(ConfigError, match="no JSON form"):
            canonical_object({"messages": messages})
    else:
        assert canonical_object({"messages": messages}) == expected
