"""From question to prompts, and from replies to distributions."""

import math

import pytest
from numpy.testing import assert_allclose

from distexp.elicitation.logprobs import Logprobs
from distexp.elicitation.reply.lettered import average
from distexp.elicitation.verbalized import Verbalized
from distexp.errors import ConfigError, ParseError
from distexp.prompt.template import PromptTemplate
from distexp.request import Response
from distexp.types import Distribution, Group, Question, Reading

STYLE = PromptTemplate(layout="{task}|{question}|{options}", audience="people")
LETTERS = (("A", math.log(0.5)), (" B", math.log(0.2)), ("C", math.log(0.1)))


def response(
    *top: tuple[str, float], text: str = "A", finish_reason: str | None = "stop"
) -> Response:
    """Make a response whose first token had these alternatives."""
    return Response(
        text=text, finish_reason=finish_reason, top_logprobs=(tuple(top),) if top else None
    )


def test_each_option_order_is_one_prompt_with_letters_for_the_options_shown(
    question: Question, group: Group
) -> None:
    """Letters always stand for the options in the order shown."""
    natural, reverse = Logprobs(task="t").prompts(question, group, STYLE)

    assert natural.messages[0].content.endswith("|A. Too little\nB. About right\nC. Too much")
    assert reverse.messages[0].content.endswith("|A. Too much\nB. About right\nC. Too little")
    assert (natural.option_order, reverse.option_order) == ((0, 1, 2), (2, 1, 0))
    assert (natural.max_tokens, natural.top_logprobs) == (1, 20)


def test_logprobs_are_normalised_over_letters_and_their_mass_is_kept(
    question: Question, group: Group
) -> None:
    """Letters with .5, .2 and .1 of the mass are 5/8, 2/8 and 1/8 of the distribution."""
    elicitation = Logprobs(task="t")
    natural, _ = elicitation.prompts(question, group, STYLE)

    reading = elicitation.read(question, natural, response(*LETTERS, ("Yes", math.log(0.2))))

    assert_allclose(reading.distribution.probabilities, [0.625, 0.25, 0.125])
    assert reading.mass == pytest.approx(0.8)


def test_reversed_options_are_mapped_back_to_scale_order(question: Question, group: Group) -> None:
    """The letter A of a reversed list is the last option of the scale."""
    elicitation = Logprobs(task="t")
    _, reverse = elicitation.prompts(question, group, STYLE)

    reading = elicitation.read(question, reverse, response(*LETTERS))

    assert_allclose(reading.distribution.probabilities, [0.125, 0.25, 0.625])


def test_tokens_match_letters_exactly(question: Question, group: Group) -> None:
    """`A` and ` A` add up; `An`, `AB`, `a` and `D` count for no letter."""
    elicitation = Logprobs(task="t")
    natural, _ = elicitation.prompts(question, group, STYLE)
    others = [(token, math.log(0.1)) for token in ("An", "AB", "a", "D")]

    reading = elicitation.read(
        question,
        natural,
        response(("A", math.log(0.2)), (" A", math.log(0.1)), ("B", math.log(0.1)), *others),
    )

    assert_allclose(reading.distribution.probabilities, [0.75, 0.25, 0.0])
    assert reading.mass == pytest.approx(0.4)


def test_logprobs_without_any_letter_are_unreadable(question: Question, group: Group) -> None:
    """No letter among the alternatives is a parse error that keeps the text."""
    elicitation = Logprobs(task="t")
    natural, _ = elicitation.prompts(question, group, STYLE)

    with pytest.raises(ParseError, match=r"hold 0\.000") as caught:
        elicitation.read(question, natural, response(("I", -0.1), text="I"))

    assert caught.value.text == "I"


def test_verbalized_reply_is_scaled_to_sum_to_one(question: Question, group: Group) -> None:
    """Percentages that sum to 140 are shares of 140."""
    elicitation = Verbalized(task="t")
    (prompt,) = elicitation.prompts(question, group, STYLE)

    reading = elicitation.read(question, prompt, response(text='{"A": 70, "B": 35, "C": 35}'))

    assert_allclose(reading.distribution.probabilities, [0.5, 0.25, 0.25])
    assert reading.mass is None


def test_verbalized_draws_are_numbered_within_each_order(question: Question, group: Group) -> None:
    """Every repetition is a request of its own."""
    elicitation = Verbalized(
        task="t", n_samples=2, temperature=1, option_orders=["natural", "reversed"]
    )

    prompts = elicitation.prompts(question, group, STYLE)

    assert [(p.option_order[0], p.draw) for p in prompts] == [(0, 0), (0, 1), (2, 0), (2, 1)]
    schema = prompts[0].json_schema
    assert schema is not None
    assert schema["required"] == ["A", "B", "C"]


def test_reply_that_was_cut_off_is_unreadable(question: Question, group: Group) -> None:
    """`"C": 5` may be the beginning of 50."""
    elicitation = Verbalized(task="t", max_tokens=9)
    (prompt,) = elicitation.prompts(question, group, STYLE)
    reply = response(text='{"A": 20, "B": 30, "C": 5', finish_reason="length")

    with pytest.raises(ParseError, match="cut off after 9 tokens"):
        elicitation.read(question, prompt, reply)


def reading(*shares: float, mass: float | None = None) -> Reading:
    """Make a reading."""
    return Reading(distribution=Distribution(probabilities=shares), mass=mass)


def test_readings_are_averaged_within_orders_first() -> None:
    """Two draws of one order weigh as much as one draw of the other: (.5 + 1) / 2 = .75."""
    readings = [
        reading(1.0, 0.0, mass=0.8),
        reading(0.0, 1.0, mass=0.4),
        reading(1.0, 0.0, mass=1),
        None,
    ]

    mean = average(readings, n_orders=2)

    assert mean is not None
    assert_allclose(mean.distribution.probabilities, [0.75, 0.25])
    assert mean.mass == pytest.approx(0.8)


def test_unreadable_draw_is_left_out_of_its_order() -> None:
    """A reply that cannot be read adds nothing, neither a zero nor a uniform guess."""
    mean = average([None, reading(0.25, 0.75)], n_orders=1)

    assert mean is not None
    assert mean.distribution.probabilities == (0.25, 0.75)


def test_case_is_unreadable_when_one_order_is() -> None:
    """One order alone would bring back the position bias that two orders remove."""
    assert average([reading(0.5, 0.5), None], n_orders=2) is None


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"n_samples": "lots"},
            "'n_samples' parameter of Verbalized must be an int >= 1. Got 'lo",
        ),
        ({"n_samples": 0}, "must be an int >= 1. Got 0"),
        ({"n_samples": True}, "must be an int >= 1. Got True"),
        ({"n_samples": 3}, "at temperature 0 would pay for copies"),
        ({"temperature": -1}, "'temperature' parameter of Verbalized must be a number >= 0"),
        ({"max_tokens": 0}, "'max_tokens'"),
        ({"option_orders": ["natural", "shuffled"]}, "different orders out of natural, reversed"),
        ({"option_orders": []}, "'option_orders'"),
        ({"option_orders": ["natural", "natural"]}, "'option_orders'"),
        ({"task": ""}, "'task' parameter of Verbalized must be a non-empty str"),
    ],
)
def test_bad_setting_is_refused_in_one_sentence(settings: dict[str, object], message: str) -> None:
    """The sentence names the parameter, what it must be, and what it got."""
    with pytest.raises(ConfigError, match=message):
        Verbalized(**{"task": "t", **settings})  # type: ignore[arg-type]


def test_more_options_than_letters_are_refused(group: Group) -> None:
    """A question with 27 options has no 27th letter."""
    options = tuple(map(str, range(27)))
    long = Question(question_id="q", text="?", options=options, ordinals=None)

    with pytest.raises(ConfigError, match="end at 26; a question has 27"):
        Logprobs(task="t").prompts(long, group, STYLE)
