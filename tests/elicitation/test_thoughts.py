"""What a model says to itself is no answer, in whatever way it comes."""

import math

import pytest
from numpy.testing import assert_allclose

from distexp.elicitation.logprobs import Logprobs
from distexp.elicitation.reply.thoughts import LONGEST, split
from distexp.elicitation.self_random import SelfRandom
from distexp.elicitation.verbalized import Verbalized
from distexp.errors import ParseError
from distexp.request import Response
from distexp.types import Group, Question
from tests.elicitation.replies import OPENINGS, STYLE, THOUGHTS

FLAT = tuple((letter, math.log(1 / 3)) for letter in "ABC")
SURE = (("A", math.log(0.7)), ("B", math.log(0.2)), ("C", math.log(0.1)))


def test_a_reply_without_a_thought_is_all_answer() -> None:
    """Angle and square brackets of other kinds mean nothing here."""
    for text in ("A: <b>20</b>", "[A]", "I think B.", "<5%", "analysis: B", "a < b > c"):
        assert split(text).answer == text
        assert split(text).thought is None


@pytest.mark.parametrize(("begin", "end"), THOUGHTS)
def test_only_what_follows_a_thought_is_read(
    begin: str, end: str, question: Question, group: Group
) -> None:
    """Tags in any case and spacing, a closing tag alone, channels, and what is left of them."""
    elicitation = Verbalized(task="t")
    (prompt,) = elicitation.prompts(question, group, STYLE)
    text = f'{begin}Perhaps A: 90, B: 5, C: 5?{end}{{"A": 20, "B": 30, "C": 50}}'

    reading = elicitation.read(question, prompt, Response(text=text, finish_reason="stop"))

    assert_allclose(reading.distribution.probabilities, [0.2, 0.3, 0.5])


@pytest.mark.parametrize("opening", OPENINGS)
def test_a_thought_that_never_ends_holds_no_answer(
    opening: str, question: Question, group: Group
) -> None:
    """Whatever the finish reason says."""
    elicitation = SelfRandom(task="t", n_samples=2)
    prompt, _ = elicitation.prompts(question, group, STYLE)
    reply = Response(text=f"{opening}The obvious answer: A\n", finish_reason="stop")

    with pytest.raises(ParseError, match="the model only thought") as caught:
        elicitation.read(question, prompt, reply)

    assert caught.value.text == reply.text


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Response(text="", finish_reason="stop", thought="So A."), "the model only thought"),
        (
            Response(text='{"thought": "Answer: A"}', finish_reason="stop"),
            "the model only thought",
        ),
        (Response(text=" \n", finish_reason="stop"), "it is blank"),
        (Response(text="A", finish_reason="content_filter"), "filter of the provider"),
        (Response(text="A" * (LONGEST + 1), finish_reason="stop"), "100,001 characters; at most"),
    ],
)
def test_a_reply_without_an_answer_says_why(
    reply: Response, reason: str, question: Question, group: Group
) -> None:
    """A thought in a field of its own is no answer, and a filtered answer is cut off."""
    elicitation = SelfRandom(task="t", n_samples=2)
    prompt, _ = elicitation.prompts(question, group, STYLE)

    with pytest.raises(ParseError, match=reason):
        elicitation.read(question, prompt, reply)


def test_log_probabilities_are_those_of_the_token_after_the_thought(
    question: Question, group: Group
) -> None:
    """The letters weighed within the thought are passed over, and so are blanks after it."""
    elicitation = Logprobs(task="t")
    natural, _ = elicitation.prompts(question, group, STYLE)
    reply = Response(
        text="<think>A</think>\n\nA",
        finish_reason="stop",
        top_logprobs=(FLAT, FLAT, FLAT, FLAT, SURE),
        tokens=("<think>", "A", "</think>", "ĊĊ", "A"),
    )

    reading = elicitation.read(question, natural, reply)

    assert_allclose(reading.distribution.probabilities, [0.7, 0.2, 0.1])


def test_log_probabilities_of_a_thought_without_tags_are_told_by_the_answer(
    question: Question, group: Group
) -> None:
    """A server that keeps thoughts apart may still list the log-probabilities of their tokens."""
    elicitation = Logprobs(task="t")
    natural, _ = elicitation.prompts(question, group, STYLE)
    reply = Response(
        text="B",
        thought="So A",
        finish_reason="stop",
        top_logprobs=(FLAT, FLAT, SURE),
        tokens=("So", " A", "B"),
    )

    assert_allclose(
        elicitation.read(question, natural, reply).distribution.probabilities, [0.7, 0.2, 0.1]
    )


@pytest.mark.parametrize(
    "reply",
    [
        Response(text="<think>", finish_reason="length", top_logprobs=(SURE,)),
        Response(
            text="<think>A", finish_reason="length", top_logprobs=(FLAT, SURE),
            tokens=("<think>", "A"),
        ),
        Response(
            text="", thought="So A", finish_reason="stop", top_logprobs=(FLAT, SURE),
            tokens=("So", " A"),
        ),
        Response(
            text="<think></think>B", finish_reason="stop", top_logprobs=(FLAT, SURE),
            tokens=("<think>", "</think>B"),
        ),
    ],
)  # fmt: skip
def test_log_probabilities_within_a_thought_are_not_read(
    reply: Response, question: Question, group: Group
) -> None:
    """Where no token begins the answer there is nothing to read."""
    elicitation = Logprobs(task="t")
    natural, _ = elicitation.prompts(question, group, STYLE)

    with pytest.raises(ParseError, match="only thought"):
        elicitation.read(question, natural, reply)


@pytest.mark.parametrize("thought", ["", "<think>hm</think>"])
def test_what_is_remembered_of_a_reply_holds_for_its_options_and_their_order_alone(
    thought: str,
) -> None:
    """The same words mean other shares where options were shown in another order."""
    elicitation = Verbalized(task="?", option_orders=["natural", "reversed"])
    reply = Response(text=f'{thought}{{"A": 10, "B": 90}}', finish_reason="stop")
    for _ in range(2):
        for options in (("yes", "no"), ("B", "A"), ("1", "2")):
            question = Question(question_id="q", text="?", options=options, ordinals=None)
            group = Group(attribute="", value="", phrase="a person")
            prompts = elicitation.prompts(question, group, STYLE)
            if options == ("B", "A"):  # other letters are shown
                with pytest.raises(ParseError):
                    elicitation.read(question, prompts[0], reply)
                continue
            read = [elicitation.read(question, one, reply) for one in prompts]
            assert [one.distribution.probabilities for one in read] == [(0.1, 0.9), (0.9, 0.1)]


@pytest.mark.parametrize(
    ("text", "thought", "said"),
    [
        ("", "Let me see", "while the model thought: raise model.thinking_tokens"),
        ("<think>Let me see", None, "while the model thought: raise model.thinking_tokens"),
        ('{"A": 2', "Let me see", "after 9 tokens"),
        ("", None, "after 9 tokens"),
    ],
)
def test_reply_that_is_cut_off_says_whether_the_thought_or_the_answer_was(
    text: str, thought: str | None, said: str, question: Question, group: Group
) -> None:
    """What is to be raised differs: the room for thoughts is the model's."""
    elicitation = Verbalized(task="t", max_tokens=9)
    (prompt,) = elicitation.prompts(question, group, STYLE)
    reply = Response(text=text, finish_reason="length", thought=thought)

    with pytest.raises(ParseError, match=f"cut off {said}"):
        elicitation.read(question, prompt, reply)
