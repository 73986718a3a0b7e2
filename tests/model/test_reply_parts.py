"""Content, thoughts and log-probabilities are read in the forms that servers send them."""

import json
import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distexp.cache.entry import checked
from distexp.cache.record import Record
from distexp.errors import ModelError
from distexp.model.http.reply_parts import FIRST_REPLIES, FirstReplies, content_of, logprobs_of
from distexp.request import Request, Response

TOP = (("A", -1.7), ("B", -0.25), ("The", -4.0))
LIST = [{"token": token, "logprob": number} for token, number in TOP]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["content", "tokens", "top_logprobs", "token", "logprob", "decoded_token", "A"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@pytest.mark.parametrize(
    "given_form",
    [
        pytest.param({"content": [{"token": "B", "top_logprobs": LIST}]}, id="chat"),
        pytest.param({"tokens": ["B"], "top_logprobs": [dict(TOP)]}, id="completions"),
        pytest.param({"tokens": ["B"], "top_logprobs": [[list(p) for p in TOP]]}, id="pairs"),
        pytest.param({"content": [{"token": "B", "top_logprobs": dict(TOP)}]}, id="mapping"),
        pytest.param([{"token": "B", "top_logprobs": LIST}], id="bare list"),
        pytest.param(
            {"top_logprobs": [{str(n): {"logprob": lp, "decoded_token": t} for n, (t, lp)
                               in enumerate(TOP)}]},
            id="token numbers",
        ),
    ],
)  # fmt: skip
def test_log_probabilities_are_read_in_every_form(given_form: object) -> None:
    """Chat form, completions form, lists and mappings say the same."""
    assert logprobs_of({"logprobs": given_form}) == ((TOP,), None)


@pytest.mark.parametrize(
    "nothing",
    [None, {}, [], {"content": None}, {"content": []}, {"content": [{"token": "B"}]}, "none", 3,
     {"content": [{"token": "B", "top_logprobs": []}]}, {"top_logprobs": [None]}],
)  # fmt: skip
def test_missing_log_probabilities_are_missing(nothing: object) -> None:
    """A reply without them is a reply."""
    assert logprobs_of({"logprobs": nothing}) == (None, None)


def test_an_alternative_without_token_or_number_is_left_out() -> None:
    """One beside a text that is no label, or beside no token, takes nothing from the letters."""
    for odd in ({"token": None, "logprob": -4.0}, {"token": "The", "logprob": None}, {}, 7, "x"):
        tops, _ = logprobs_of({"logprobs": {"content": [{"top_logprobs": [*LIST[:2], odd]}]}})
        assert tops == (TOP[:2],)


@pytest.mark.parametrize("number", [None, "x", True, math.nan, math.inf, 710.0, 10**400, [], {}])
@pytest.mark.parametrize("token", ["A", " A", "ĠA", "▁b", "(C)", "甲"])
def test_a_label_without_a_number_leaves_nothing_to_read(token: str, number: object) -> None:
    """Without it the other letters would share what is its: null may be minus infinity, or not."""
    odd = {"token": token, "logprob": number}

    assert logprobs_of({"logprobs": {"content": [{"top_logprobs": [*LIST, odd]}]}}) == (None, None)


def test_a_token_without_text_is_that_of_its_bytes_or_may_be_a_label() -> None:
    """One that may have a twentieth of the probability leaves nothing to read."""
    rest = [{"token": "B", "logprob": -0.2}]

    def read(odd: dict[str, object]) -> object:
        content = [{"token": "B", "top_logprobs": [odd, *rest]}]
        return logprobs_of({"logprobs": {"content": content}})[0]

    assert read({"token": None, "bytes": [65], "logprob": -1.7}) == ((("A", -1.7), ("B", -0.2)),)
    for nameless in ({"token": None}, {"token": 32}, {"token": None, "bytes": [300, "x"]}):
        assert read({**nameless, "logprob": -1.7}) is None
        assert read({**nameless, "logprob": -4.0}) == ((("B", -0.2),),)


def test_impossible_tokens_have_minus_infinity() -> None:
    """As a number, as a text, or as OpenAI's -9999."""
    top = [{"token": "A", "logprob": given} for given in (-math.inf, "-inf", -9999.0)]

    tops, _ = logprobs_of({"logprobs": {"content": [{"top_logprobs": top}]}})

    assert tops == ((("A", -math.inf), ("A", -math.inf), ("A", -9999.0)),)


def test_the_tokens_drawn_are_kept_where_there_are_several() -> None:
    """They tell where a thought ends."""
    content = [{"token": token, "top_logprobs": LIST} for token in ("<think>", "</think>", "B")]

    assert logprobs_of({"logprobs": {"content": content}}) == (
        (TOP, TOP, TOP),
        ("<think>", "</think>", "B"),
    )


@settings(max_examples=300)
@given(JSON)
def test_what_is_read_can_be_stored_and_verified(form: object) -> None:
    """Whatever a server sends, what is kept of it is what `cache verify` accepts."""
    tops, tokens = logprobs_of({"logprobs": form})
    request = Request(provider="p", model="m", endpoint=None, body={})
    record = Record(
        request=request.document,
        response=Response(text="B", finish_reason="stop", top_logprobs=tops, tokens=tokens),
        created="2026-01-01T00:00:00+00:00",
        latency_s=0.5,
        attempts=1,
        versions={},
    )

    assert checked(record.key, record.to_json()) == record


def test_a_thought_is_stored_beside_the_answer_and_older_records_stay_as_they_are() -> None:
    """The field is written only where there is a thought: a record without reads as before."""
    request = Request(provider="p", model="m", endpoint=None, body={})
    record = Record(
        request=request.document,
        response=Response(text="B", finish_reason="stop"),
        created="2026-01-01T00:00:00+00:00",
        latency_s=0.5,
        attempts=1,
        versions={},
    )
    thoughtful = replace(record, response=replace(record.response, thought="So B."))

    assert not {"thought", "tokens"} & json.loads(record.to_json())["response"].keys()
    assert checked(record.key, record.to_json()) == record
    assert checked(thoughtful.key, thoughtful.to_json()) == thoughtful


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({"content": "B"}, ("B", None)),
        ({"content": None, "reasoning_content": "So B."}, ("", "So B.")),
        ({"content": "B", "reasoning": "So B."}, ("B", "So B.")),
        ({"content": "<think>So B.</think>B"}, ("B", "So B.")),
        ({"content": [{"type": "text", "text": "A: 2"}, {"text": "0%"}]}, ("A: 20%", None)),
        ({"content": [{"type": "thinking", "thinking": "So B."}, {"type": "text", "text": "B"}]},
         ("B", "So B.")),
        ({"content": [{"type": "image_url", "image_url": {}}, "B"]}, ("B", None)),
    ],
)  # fmt: skip
def test_content_and_thought_are_told_apart(
    message: dict[str, object], expected: tuple[str, str | None]
) -> None:
    """In fields, in parts and in tags."""
    assert content_of(message) == expected


@pytest.mark.parametrize("content", [3, {"a": 1}, [3], [{"type": "text", "text": 3}], True])
def test_content_that_is_no_text_is_an_error_of_the_reply(content: object) -> None:
    """The reader of replies turns it into a reply without an answer."""
    with pytest.raises(TypeError, match="no text"):
        content_of({"content": content})


def test_a_model_is_given_up_only_where_none_of_its_first_replies_has_log_probabilities() -> None:
    """One among the first twenty is enough to go on for ever."""
    seen, never = FirstReplies(), FirstReplies()
    for n in range(100):
        seen.check((TOP,) if n == FIRST_REPLIES - 2 else None, "m")
    for _ in range(FIRST_REPLIES - 1):
        never.check(None, "m")
    with pytest.raises(ModelError, match="Model m was asked"):
        never.check((), "m")
