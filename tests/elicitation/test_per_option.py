"""One call for each option, and readings that speak of some options only."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from distexp.elicitation.per_option import PerOption
from distexp.elicitation.reply.lettered import average
from distexp.errors import ConfigError, ParseError
from distexp.model.litellm import LiteLLMModel
from distexp.model.mock import MockModel
from distexp.prompt.template import PromptTemplate
from distexp.protocols import Capabilities, Model
from distexp.request import Response
from distexp.types import Distribution, Group, Question, Reading, Shares

STYLE = PromptTemplate(layout="{task}|{question}|{options}", audience="people")
TASK = "{letter}, {option}?"
LITELLM = LiteLLMModel(
    name="m",
    provider="openai",
    capabilities=Capabilities(logprobs=True, json_schema=True, seed=True, system_role=True),
)


def reply(text: str) -> Response:
    """Make a whole reply."""
    return Response(text=text, finish_reason="stop")


def shares(*said: float | None) -> Shares:
    """Make shares."""
    return Shares(shares=said)


def reading(*said: float) -> Reading:
    """Make a reading."""
    return Reading(distribution=Distribution(probabilities=said))


def test_each_option_is_one_prompt_that_says_which(question: Question, group: Group) -> None:
    """Two orders of three options are six prompts; a letter is that of the place shown."""
    elicitation = PerOption(task=TASK, option_orders=["natural", "reversed"])

    prompts = elicitation.prompts(question, group, STYLE)

    assert [prompt.part for prompt in prompts] == [0, 1, 2, 2, 1, 0]
    assert [prompt.messages[0].content.split("|")[0] for prompt in prompts] == [
        "A, Too little?",
        "B, About right?",
        "C, Too much?",
        "A, Too much?",
        "B, About right?",
        "C, Too little?",
    ]


def test_option_with_braces_is_shown_as_it_is(question: Question, group: Group) -> None:
    """Braces in a survey's text are no place of a template."""
    odd = replace(question, options=("{audience} x", "}{", "cc"))

    first, second, _ = PerOption(task=TASK).prompts(odd, group, STYLE)

    assert first.messages[0].content.startswith("A, {audience} x?|")
    assert second.messages[0].content.startswith("B, }{?|")


@pytest.mark.parametrize("model", [LITELLM, MockModel()])
def test_part_moves_no_key(model: Model, question: Question, group: Group) -> None:
    """Which option is asked about is said in the message, and nowhere else in the request."""
    for prompt in PerOption(task=TASK).prompts(question, group, STYLE):
        assert model.request(prompt) == model.request(replace(prompt, part=None))


@pytest.mark.parametrize(
    "text",
    [
        "30",
        " 30 %.",
        '{"B": 30}',
        '{"B": "30%"}',
        "{'percentage': 30}",
        "B: 30%",
        "B. About right: 30",
        "About right: 30%",
        "**30%**",
        "٣٠",
        '{"A": 60, "B": 30, "C": 10}',
        "30.0%",
    ],
)
def test_percentage_of_the_option_asked_about_is_read(
    text: str, question: Question, group: Group
) -> None:
    """Thirty percent for B is said in many ways, and of no other option."""
    elicitation = PerOption(task=TASK)
    prompt = elicitation.prompts(question, group, STYLE)[1]

    assert elicitation.read(question, prompt, reply(text)) == shares(None, 0.3, None)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "I cannot say.",
        "0.3",
        '{"B": 1.0}',
        "130",
        "-30",
        "30-40",
        "30 or 40",
        "A: 30",
        '{"A": 30}',
        "Too much: 30",
        "not 30",
        '{"B": 30, "C": 20}',
        '{"B": 3',
    ],
)
def test_what_is_not_one_percentage_of_it_is_unreadable(
    text: str, question: Question, group: Group
) -> None:
    """A fraction, a range, another option's number or a refusal is never a guess."""
    elicitation = PerOption(task=TASK)
    prompt = elicitation.prompts(question, group, STYLE)[1]

    with pytest.raises(ParseError) as caught:
        elicitation.read(question, prompt, reply(text))

    assert caught.value.text == text


def test_number_that_is_the_option_itself_is_unreadable(question: Question, group: Group) -> None:
    """`5` may name the option 5; under its letter, or with a percent sign, it is a share."""
    elicitation = PerOption(task=TASK)
    numbers = replace(question, options=("4", "5", "6"))
    prompt = elicitation.prompts(numbers, group, STYLE)[1]

    with pytest.raises(ParseError):
        elicitation.read(numbers, prompt, reply("5"))

    assert elicitation.read(numbers, prompt, reply("B: 5")) == shares(None, 0.05, None)
    assert elicitation.read(numbers, prompt, reply("5%")) == shares(None, 0.05, None)


@given(st.integers(0, 100), st.sampled_from([0, 1, 2]), st.booleans())
def test_any_percentage_comes_back_in_scale_order(percent: int, part: int, back: bool) -> None:
    """Whatever is said of an option is its share, in either order shown."""
    question = Question(question_id="q", text="?", options=("x", "y", "z"), ordinals=None)
    elicitation = PerOption(task=TASK, option_orders=["reversed" if back else "natural"])
    group = Group(attribute="all", value="all", phrase="all")
    (prompt,) = [p for p in elicitation.prompts(question, group, STYLE) if p.part == part]

    read = elicitation.read(question, prompt, reply(str(percent)))

    assert read.shares[part] == percent / 100
    assert [index for index, share in enumerate(read.shares) if share is not None] == [part]


def test_shares_are_put_together_and_divided_by_their_sum() -> None:
    """.6, .6 and .3 are said: .4, .4 and .2 of their sum; what is said twice is averaged."""
    together = average(
        [shares(0.6, None, None), shares(None, 0.4, None), shares(None, 0.8, 0.3), None], 1
    )

    assert together is not None
    assert_allclose(together.distribution.probabilities, [0.4, 0.4, 0.2])


def test_whole_reading_speaks_of_every_option() -> None:
    """(.5 + .7) / 2 = .6 and .5, over 1.1."""
    together = average([reading(0.5, 0.5), shares(0.7, None)], 1)

    assert together is not None
    assert_allclose(together.distribution.probabilities, [0.6 / 1.1, 0.5 / 1.1])


def test_orders_weigh_alike_whatever_their_percentages_sum_to() -> None:
    """Each order is divided by its own sum first: (1/3 + 1/2) / 2 for the first option."""
    together = average([shares(0.2, None), shares(None, 0.4), shares(0.1, 0.1), None], 2)

    assert together is not None
    assert_allclose(together.distribution.probabilities, [5 / 12, 7 / 12])


@pytest.mark.parametrize(
    "said",
    [
        [shares(0.6, None, None), None, shares(None, None, 0.4)],
        [shares(0.0, None, None), shares(None, 0.0, None), shares(None, None, 0.0)],
        [None, None, None],
    ],
)
def test_option_that_nobody_speaks_of_makes_the_case_unreadable(
    said: list[Shares | None],
) -> None:
    """It gets neither zero nor the rest; nor are zeros alone a distribution."""
    assert average(said, 1) is None


@pytest.mark.parametrize("said", [(None, None), (1.2, None), (-0.1, None), (float("nan"), None)])
def test_shares_are_checked_when_made(said: tuple[float | None, ...]) -> None:
    """None at all, or one outside 0 to 1, is a mistake of whoever reads."""
    with pytest.raises(ValueError, match="Shares must be"):
        Shares(shares=said)


@pytest.mark.parametrize(
    ("changed", "wanted"),
    [
        ({"task": "How many?"}, "letter"),
        ({"n_samples": 2}, "copies of one"),
        ({"temperature": -1}, "temperature"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"option_orders": ["shuffled"]}, "option_orders"),
    ],
)
def test_settings_that_make_no_sense_are_refused(changed: dict[str, object], wanted: str) -> None:
    """A task that names no option would ask the same thing for each."""
    with pytest.raises(ConfigError, match=wanted):
        PerOption(**{"task": TASK, **changed})  # type: ignore[arg-type]
