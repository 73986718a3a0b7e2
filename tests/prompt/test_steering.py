"""Prompts with wordings per attribute: QA, BIO and PORTRAY."""

from pathlib import Path

import pytest
from hydra.utils import instantiate
from omegaconf import OmegaConf

from distexp.dataset.embedded import EmbeddedSurvey
from distexp.dataset.files.pew import pew_group
from distexp.errors import ConfigError
from distexp.prompt.steering import Steering
from distexp.types import Case, Distribution, Group, Question, Survey

CONF = Path(__file__).parents[2] / "conf" / "prompt"
OPTIONS = ("A. Too little", "B. Too much")
OPINIONQA = (
    "CREGION", "AGE", "SEX", "EDUCATION", "CITIZEN", "MARITAL", "RELIG", "RELIGATTEND",
    "POLPARTY", "INCOME", "POLIDEOLOGY", "RACE",
)  # fmt: skip
PARTIES = (
    Group(attribute="POLPARTY", value="Republican", phrase="a Republican"),
    Group(attribute="POLPARTY", value="Democrat", phrase="a Democrat"),
)


def style(name: str) -> Steering:
    """Make a style from its YAML file."""
    made = instantiate(OmegaConf.load(CONF / f"{name}.yaml"), _convert_="all")
    assert isinstance(made, Steering)
    return made


def survey(question: Question, *groups: Group) -> Survey:
    """Make a survey of one question."""
    human = Distribution.normalized([1] * len(question.options))
    return Survey(
        name="small",
        cases=tuple(
            Case(question=question, group=group, human=human, n_respondents=9) for group in groups
        ),
        digest="",
        licence="",
        citation="",
    )


@pytest.mark.parametrize(
    ("name", "beginning", "end"),
    [
        (
            "qa",
            "Question: In politics today, do you consider yourself a\nA. Republican\nB. Democrat\n"
            "Answer: B\n\nAnswer the following question keeping in mind your previous answer.\n\n",
            "Ask people who gave the same previous answer.",
        ),
        (
            "bio",
            "Below you will be asked to provide a short description of your political affiliation "
            "and then answer some questions.\n\n"
            "Description: In politics today, I consider myself a Democrat.\n\n",
            "Ask people who fit this description.",
        ),
        (
            "portray",
            "Answer the following question as if in politics today, you considered yourself "
            "a Democrat.\n\n",
            "Ask people like that.",
        ),
    ],
)
def test_steering_precedes_the_question(
    name: str, beginning: str, end: str, question: Question
) -> None:
    """Each style says who is speaking in its own way; question and options follow."""
    bound = style(name).bind(survey(question, *PARTIES))

    (message,) = bound.messages(question, OPTIONS, "Ask {audience}.", PARTIES[1])

    assert message.content == (
        f"{beginning}Question: How much should be spent on space?\nOptions:\n"
        f"A. Too little\nB. Too much\n\n{end}"
    )


@pytest.mark.parametrize("name", ["qa", "bio", "portray"])
@pytest.mark.parametrize("survey_name", ["gss2018", "cces2016"])
def test_every_attribute_of_the_packaged_surveys_has_a_wording(
    name: str, survey_name: str
) -> None:
    """No group of people needs a word in the configuration, and each gets a text of its own."""
    loaded = EmbeddedSurvey(survey_name).load()

    bound = style(name).bind(loaded)

    groups = dict.fromkeys(case.group for case in loaded.cases)
    question = loaded.cases[0].question
    texts = {bound.messages(question, OPTIONS, "t", group)[0].content for group in groups}
    assert len(texts) == len(groups)


@pytest.mark.parametrize("name", ["qa", "bio", "portray"])
def test_every_attribute_of_opinionqa_has_a_wording(name: str, question: Question) -> None:
    """The twelve attributes by OpinionQA's names."""
    groups = [pew_group(attribute, "Other") for attribute in OPINIONQA]

    bound = style(name).bind(survey(question, *groups))

    assert set(bound.levels) == set(OPINIONQA)


def test_attribute_without_a_wording_is_named_before_anything_is_asked(question: Question) -> None:
    """The message says which attribute, and where to put its wording."""
    group = Group(attribute="star_sign", value="Leo", phrase="a Leo")

    with pytest.raises(ConfigError, match=r"'star_sign' of small. Add wordings\.star_sign\.prior"):
        style("qa").bind(survey(question, group))


def test_everyone_is_no_answer_to_a_question(question: Question) -> None:
    """QA has no question that all people answer alike; BIO and PORTRAY can describe them."""
    everyone = survey(question, Group(attribute="everyone", value="everyone", phrase="an adult"))

    with pytest.raises(ConfigError, match=r"wordings\.everyone\.prior"):
        style("qa").bind(everyone)
    assert style("bio").bind(everyone).levels == {"everyone": ("everyone",)}


def test_more_levels_than_letters_are_refused(question: Question) -> None:
    """A country out of 27 has no letter."""
    groups = [Group(attribute="sex", value=str(n), phrase=str(n)) for n in range(27)]

    with pytest.raises(ConfigError, match="end at 26; 'sex' of small has 27"):
        style("qa").bind(survey(question, *groups))


@pytest.mark.parametrize(
    ("wordings", "message"),
    [
        ({}, "'wordings' parameter of Steering must be a mapping"),
        ({"sex": "a text"}, r"'wordings\.sex' parameter of Steering must be a mapping of places"),
        ({"sex": {"prior": ""}}, r"'wordings\.sex\.prior' parameter of Steering must be a non-e"),
        ({"sex": {"prior": "{group.value}"}}, r"whose places are \{group\}, \{level\}. Got"),
        ({"sex": {"other": "x"}}, "'layout' parameter of Steering must be"),
    ],
)
def test_bad_wording_is_refused_in_one_sentence(wordings: object, message: str) -> None:
    """The sentence names the wording by its place in the file."""
    with pytest.raises(ConfigError, match=message):
        Steering(layout="{prior} {question}", audience="a", wordings=wordings)  # type: ignore[arg-type]
