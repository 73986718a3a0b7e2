"""Elicitations that count answers: drawn one by one, over wordings, or many in one reply."""

import json
from collections import Counter

import pytest
from numpy.testing import assert_allclose

from distexp.elicitation.paraphrase import Paraphrase
from distexp.elicitation.reply.lettered import draws_in_orders
from distexp.elicitation.self_random import SelfRandom
from distexp.elicitation.sequence import AnswerSequence
from distexp.errors import ConfigError, ParseError
from distexp.prompt.template import PromptTemplate
from distexp.protocols import Elicitation
from distexp.request import Response
from distexp.types import Group, Question, Reading, Shares

STYLE = PromptTemplate(layout="{task}|{question}|{options}", audience="people")
REWRITE = "Rewrite in {n_wordings} ways."


def reply(text: str, finish_reason: str = "stop") -> Response:
    """Make a response."""
    return Response(text=text, finish_reason=finish_reason)


def readings(
    elicitation: Elicitation, question: Question, group: Group, answers: list[str]
) -> list[Reading | Shares | None]:
    """Read an answer to each prompt; `-` stands for a refusal."""
    prompts = elicitation.prompts(question, group, STYLE)
    assert len(prompts) == len(answers)
    return [
        None if answer == "-" else elicitation.read(question, prompt, reply(answer))
        for prompt, answer in zip(prompts, answers, strict=True)
    ]


def test_each_draw_is_a_request_of_its_own(question: Question, group: Group) -> None:
    """Five draws of each of two orders are ten requests, numbered within their order."""
    elicitation = SelfRandom(task="t", n_samples=5, option_orders=["natural", "reversed"])

    prompts = elicitation.prompts(question, group, STYLE)

    assert [(p.option_order[0], p.draw) for p in prompts] == [
        (first, draw) for first in (0, 2) for draw in range(5)
    ]
    assert {(p.temperature, p.json_schema, p.top_logprobs) for p in prompts} == {(1.0, None, None)}


def test_one_answer_has_all_of_its_reading(question: Question, group: Group) -> None:
    """The letter B of a reversed list of three is the middle option, and A the last."""
    elicitation = SelfRandom(task="t", n_samples=2, option_orders=["reversed"])

    first, second = readings(elicitation, question, group, ["B", "A. Too much"])

    assert isinstance(first, Reading)
    assert isinstance(second, Reading)
    assert first.distribution.probabilities == (0.0, 1.0, 0.0)
    assert second.distribution.probabilities == (0.0, 0.0, 1.0)


def test_shares_of_the_draws_are_the_estimate(question: Question, group: Group) -> None:
    """Answers A, A, B, C and a refusal are shares of 2/4, 1/4 and 1/4."""
    elicitation = SelfRandom(task="t", n_samples=5)

    estimate = elicitation.combine(readings(elicitation, question, group, [*"AAB-C"]))

    assert estimate is not None
    assert_allclose(estimate.distribution.probabilities, [0.5, 0.25, 0.25])


def test_smoothing_adds_answers_to_each_option(question: Question, group: Group) -> None:
    """Half an answer more for each of three options: 4, 0, 0 becomes 4.5, .5, .5 of 5.5."""
    elicitation = SelfRandom(task="t", n_samples=4, smoothing=0.5)

    estimate = elicitation.combine(readings(elicitation, question, group, [*"AAAA"]))

    assert estimate is not None
    assert_allclose(estimate.distribution.probabilities, [4.5 / 5.5, 0.5 / 5.5, 0.5 / 5.5])


def test_each_order_has_the_same_say(question: Question, group: Group) -> None:
    """Natural order: all too little. Reversed: half too much. So 3/4 and 1/4."""
    elicitation = SelfRandom(task="t", n_samples=4, option_orders=["natural", "reversed"])

    estimate = elicitation.combine(readings(elicitation, question, group, [*"AAAA", *"AC--"]))

    assert estimate is not None
    assert_allclose(estimate.distribution.probabilities, [0.75, 0.0, 0.25])


@pytest.mark.parametrize(
    ("answers", "readable"), [("AB--", True), ("A---", False), ("----", False)]
)
def test_estimate_needs_half_of_the_draws(
    question: Question, group: Group, answers: str, readable: bool
) -> None:
    """The few who answer after many refusals are not the group."""
    elicitation = SelfRandom(task="t", n_samples=4)

    estimate = elicitation.combine(readings(elicitation, question, group, [*answers]))

    assert (estimate is not None) == readable


def test_one_lost_draw_of_a_shuffled_order_costs_one_draw(
    question: Question, group: Group
) -> None:
    """Shuffled orders are pooled: each holds one draw, and no order must be complete."""
    elicitation = SelfRandom(task="t", n_samples=4, option_orders=["shuffled"])
    prompts = elicitation.prompts(question, group, STYLE)
    too_much = ["ABC"[prompt.option_order.index(2)] for prompt in prompts]

    estimate = elicitation.combine(readings(elicitation, question, group, ["-", *too_much[1:]]))

    assert estimate is not None
    assert estimate.distribution.probabilities == (0.0, 0.0, 1.0)


def test_shuffled_orders_follow_from_seed_question_and_draw(question: Question) -> None:
    """The same everywhere, other with another seed, and each option leads about equally often."""
    orders = [order for order, _ in draws_in_orders(question, ["shuffled"], 600, seed=0)]

    assert orders[:3] == [o for o, _ in draws_in_orders(question, ["shuffled"], 3, seed=0)]
    assert orders[:9] != [o for o, _ in draws_in_orders(question, ["shuffled"], 9, seed=1)]
    assert orders[:3] == [(1, 2, 0), (0, 1, 2), (1, 0, 2)]
    # 6 orders, 100 expected of each, with a standard deviation of 9
    assert all(60 < n < 140 for n in Counter(orders).values())
    assert len(set(orders)) == 6


def test_letters_of_a_shuffled_prompt_stand_for_the_options_shown(
    question: Question, group: Group
) -> None:
    """The recorded order says which option each letter shows."""
    elicitation = SelfRandom(task="t", n_samples=6, option_orders=["shuffled"])

    for prompt in elicitation.prompts(question, group, STYLE):
        first, second, third = (question.options[index] for index in prompt.option_order)
        assert prompt.messages[0].content.endswith(f"|A. {first}\nB. {second}\nC. {third}")


def test_wordings_are_asked_for_once_and_without_a_group(question: Question) -> None:
    """The preparation shows question and options, and holds the model to numbered texts."""
    (prompt,) = Paraphrase(rewrite=REWRITE, task="t", n_wordings=5).preparations(question)

    assert prompt.messages[0].content == (
        "Rewrite in 5 ways.\n\nQuestion: How much should be spent on space?\n"
        "Answer options: Too little; About right; Too much"
    )
    assert prompt.json_schema is not None
    assert prompt.json_schema["required"] == ["1", "2", "3", "4", "5"]
    assert prompt.temperature == 1


def test_answers_may_be_held_to_letters(question: Question, group: Group) -> None:
    """A model that is held to a letter cannot refuse; its reply is an object with the letter."""
    elicitation = SelfRandom(task="t", n_samples=2, constrain=True)
    prompt, _ = elicitation.prompts(question, group, STYLE)

    reading = elicitation.read(question, prompt, reply('{"answer": "C"}'))

    assert prompt.json_schema is not None
    assert prompt.json_schema["properties"] == {
        "answer": {"type": "string", "enum": ["A", "B", "C"]}
    }
    assert reading.distribution.probabilities == (0.0, 0.0, 1.0)


def test_each_wording_is_answered_once(question: Question, group: Group) -> None:
    """A wording takes the question's place; those beyond the number asked for are left."""
    elicitation = Paraphrase(rewrite=REWRITE, task="t", n_wordings=2, min_wordings=2)
    wordings = reply(json.dumps(["Is it enough?", "Is it too much?", "Is it well spent?"]))

    first, second = elicitation.prompts(question, group, STYLE, [wordings])

    assert first.messages[0].content.startswith("t|Is it enough?|A. Too little")
    assert second.messages[0].content.startswith("t|Is it too much?|A. Too little")
    assert (first.draw, second.draw) == (0, 1)


@pytest.mark.parametrize(
    ("text", "finish_reason", "reason"),
    [
        ("I would rather not.", "stop", "no list of wordings"),
        ('["Is it enough?", "Is it enough"]', "stop", "holds 1 different wordings; at least 2"),
        ('["Is it enough?", "Is it too much?"]', "length", "cut off after 1500 tokens"),
    ],
)
def test_too_few_wordings_are_unreadable(
    question: Question, group: Group, text: str, finish_reason: str, reason: str
) -> None:
    """The original wording is no substitute for wordings that are missing."""
    elicitation = Paraphrase(rewrite=REWRITE, task="t", n_wordings=3, min_wordings=2)

    with pytest.raises(ParseError, match=reason) as caught:
        elicitation.prompts(question, group, STYLE, [reply(text, finish_reason)])

    assert caught.value.text == text


def test_sequence_counts_the_letters_of_one_reply(question: Question, group: Group) -> None:
    """A, A, B, A in the reversed order is 3/4 too much and 1/4 about right."""
    elicitation = AnswerSequence(
        task="{n_answers} of {audience}", n_answers=4, option_orders=["reversed"]
    )
    (prompt,) = elicitation.prompts(question, group, STYLE)

    reading = elicitation.read(question, prompt, reply('{"1":"A","2":"A","3":"B","4":"A"}'))

    assert prompt.messages[0].content.startswith("4 of people|")
    assert reading.distribution.probabilities == (0.0, 0.25, 0.75)
    assert prompt.json_schema is not None
    assert prompt.json_schema["properties"]["4"] == {  # type: ignore[index, call-overload]
        "type": "string", "enum": ["A", "B", "C"],
    }  # fmt: skip


def test_sequence_may_be_smoothed(question: Question, group: Group) -> None:
    """One answer more for each of three options: 4, 0, 0 becomes 5, 1, 1 of 7."""
    elicitation = AnswerSequence(task="t", n_answers=4, smoothing=1)
    (prompt,) = elicitation.prompts(question, group, STYLE)

    reading = elicitation.read(question, prompt, reply("A A A A"))

    assert_allclose(reading.distribution.probabilities, [5 / 7, 1 / 7, 1 / 7])


def test_sequences_are_averaged_over_replies(question: Question, group: Group) -> None:
    """Replies of 3/4 and 1/4 average to 1/2; a reply that is lost costs nothing else."""
    elicitation = AnswerSequence(
        task="t", n_answers=4, n_samples=3, option_orders=["shuffled"], seed=1
    )
    prompts = elicitation.prompts(question, group, STYLE)
    low, high = (["ABC"[p.option_order.index(end)] for p in prompts] for end in (0, 2))
    answers = [f"{low[0] * 3}{high[0]}", "-", f"{low[2]}{high[2] * 3}"]

    estimate = elicitation.combine(readings(elicitation, question, group, answers))

    assert estimate is not None
    assert_allclose(estimate.distribution.probabilities, [0.5, 0.0, 0.5])


@pytest.mark.parametrize("elicitation", [SelfRandom(task="t"), AnswerSequence(task="t")])
def test_reply_that_was_cut_off_is_not_counted(
    elicitation: Elicitation, question: Question, group: Group
) -> None:
    """`A` may be the beginning of a sentence, and a list may go on."""
    first, *_ = elicitation.prompts(question, group, STYLE)

    with pytest.raises(ParseError, match="was cut off after"):
        elicitation.read(question, first, reply("A" * 30, "length"))


@pytest.mark.parametrize(
    ("make", "settings", "message"),
    [
        (SelfRandom, {"n_samples": 1}, "'n_samples' parameter of SelfRandom must be an int >= 2"),
        (SelfRandom, {"temperature": 0}, "at temperature 0 would pay for copies of one answer"),
        (SelfRandom, {"smoothing": -1}, "'smoothing' parameter of SelfRandom must be a number >="),
        (SelfRandom, {"seed": 0.5}, "'seed'"),
        (SelfRandom, {"max_tokens": 0}, "'max_tokens'"),
        (SelfRandom, {"option_orders": ["natural", "shuffled"]}, r"or \[shuffled\]. Got"),
        (Paraphrase, {"rewrite": ""}, "'rewrite' parameter of Paraphrase must be a non-empty"),
        (Paraphrase, {"rewrite": "r", "min_wordings": 11}, "int <= n_wordings, which is 10. Got"),
        (Paraphrase, {"rewrite": "r", "rewrite_max_tokens": 0}, "'rewrite_max_tokens'"),
        (AnswerSequence, {"n_answers": 1}, "'n_answers' parameter of AnswerSequence"),
        (AnswerSequence, {"n_samples": 2, "temperature": 0}, "at temperature 0 would pay for"),
        (AnswerSequence, {"smoothing": "no"}, "'smoothing'"),
    ],
)
def test_bad_setting_is_refused_in_one_sentence(
    make: type, settings: dict[str, object], message: str
) -> None:
    """The sentence names the parameter, what it must be, and what it got."""
    with pytest.raises(ConfigError, match=message):
        make(**{"task": "t", **settings})
