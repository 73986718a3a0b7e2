"""Margins: what groups weigh together is what the user says, or what the weights say."""

import re
from dataclasses import replace

import numpy as np
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given
from hypothesis import strategies as st

from distexp.dataset.files.microdata import tally
from distexp.dataset.population import Population
from distexp.errors import ConfigError
from distexp.evaluation.layout import design_of, frame_of, perfect
from distexp.metrics.tasks import tasks
from distexp.sweep.command_line import readable
from distexp.types import Case, Condition, FloatArray, Group, Question, Study, Survey

QUESTION = Question(question_id="q", text="q?", options=("a", "b"), ordinals=(1.0, 2.0))
GROUPS = [Group(attribute="sex", value=value, phrase="x") for value in ("F", "M")]


def weighted_sample(
    seed: int,
) -> tuple[list[Case], FloatArray]:
    """Return two groups of a sample with too many women, and the weighted shares of all."""
    rng = np.random.default_rng(seed)
    women = rng.random(400) < 0.8
    weight = np.where(women, 0.5 / 0.8, 0.5 / 0.2) * rng.uniform(0.5, 1.5, 400)
    answer = (rng.random(400) < np.where(women, 0.2, 0.7)).astype(np.int64)
    members = dict(zip(GROUPS, (women, ~women), strict=True))
    cases, _ = tally([QUESTION], {"q": answer}, members, weight, 1)
    return cases, np.bincount(answer, weight) / weight.sum()


def survey_of(cases: list[Case]) -> Survey:
    """Return the cases as a survey."""
    return Survey(name="s", cases=tuple(cases), digest="0", licence="", citation="")


def human_whole(cases: list[Case]) -> float:
    """Return the second share of the population, as the distance from a prediction of none."""
    condition = Condition(dataset="", model="", elicitation="", prompt="")
    study = Study(condition=condition, cases=tuple(cases), estimates=perfect(cases))
    design, human, _ = design_of(study)
    frame = frame_of(study, design, human)
    nobody = np.tile([1.0, 0.0], (len(cases), 1))
    found, _ = tasks(nobody, human, design.ordinals, frame.cell, frame.people)
    return float(found.population[0])


@given(st.integers(0, 1000))
def test_a_weighted_sample_is_put_together_by_the_weights(seed: int) -> None:
    """Groups at their weighted size make the weighted shares of all, to the last digits."""
    cases, everyone = weighted_sample(seed)

    assert human_whole(cases) == pytest.approx(everyone[1], abs=1e-12)


def test_plain_numbers_would_miss_it() -> None:
    """Four of five in the sample are women, and half of the people."""
    cases, everyone = weighted_sample(0)

    plain = human_whole([replace(case, size=None) for case in cases])

    assert abs(plain - everyone[1]) > 0.1


def test_margins_come_before_weights() -> None:
    """A third of the people are women: the whole is a third of theirs and two of the men's."""
    cases, _ = weighted_sample(0)
    margins = {"sex": {"F": 1 / 3, "M": 2 / 3}}

    applied = Population(margins=margins).applied(survey_of(cases))

    f, m = (case.answers.probabilities[1] for case in cases)
    assert human_whole(list(applied.cases)) == pytest.approx(f / 3 + 2 * m / 3)


def test_a_group_may_be_of_no_weight() -> None:
    """A margin of 0 leaves it out; the other is the whole."""
    cases, _ = weighted_sample(0)

    applied = Population(margins={"sex": {"F": 0, "M": 1}}).applied(survey_of(cases))

    assert human_whole(list(applied.cases)) == pytest.approx(cases[1].answers.probabilities[1])
    assert np.isnan(human_whole([applied.cases[0], applied.cases[0]]))


def test_published_figures_are_scaled_to_one() -> None:
    """51 and 48 of a hundred, rounded down, are no error."""
    cases, _ = weighted_sample(0)

    applied = Population(margins={"sex": {"F": 0.51, "M": 0.484}}).applied(survey_of(cases))

    assert sum(case.people or 0 for case in applied.cases) == pytest.approx(1)


def test_margins_may_be_yaml_in_which_any_name_can_stand() -> None:
    """Hydra reads no quoted names and no letters beyond ASCII; a name stays the text it is."""
    typed = readable('population.margins={age: {"60 or older": 0.3, Jüngere: 0.7}}', sweep=False)
    text = OverridesParser.create().parse_override(typed).value()

    assert isinstance(text, str)
    assert Population(margins=text).margins == {"age": {"60 or older": 0.3, "Jüngere": 0.7}}
    assert Population(margins="{yes: {1: 1}}").margins == {"yes": {"1": 1.0}}


@pytest.mark.parametrize(
    ("margins", "message"),
    [
        ("a, b", "'margins' parameter of population must be a mapping"),
        ({"sex": {"F": 0.5, "M": 0.4}}, r"margins.sex sums to 0.9 \(0.5 \+ 0.4\), not to 1"),
        ({"sex": {}}, r"margins.sex sums to 0 \(nothing\), not to 1"),
        ({"sex": {"F": 51, "M": 49}}, "margins.sex.F.*must be a number in \\[0, 1\\]. Got 51"),
        ({"sex": {"F": True, "M": 0}}, "must be a number in"),
        ({"sex": [0.5, 0.5]}, "'margins.sex' parameter of population must be a mapping"),
        ([0.5], "'margins' parameter of population must be a mapping"),
        ({"sxe": {"F": 1}}, "names 'sxe', and s has the attributes sex. Did you mean 'sex'?"),
        ({"sex": {"F": 0.5, "X": 0.5}}, "margins.sex has the group 'X', and s has F, M"),
        ({"sex": {"F": 1.0}}, "margins.sex lacks M: give the share of every group of s"),
    ],
)
def test_margins_that_cannot_be_are_refused(margins: object, message: str) -> None:
    """One line says which margin, what it says and what there is."""
    cases, _ = weighted_sample(0)

    with pytest.raises(ConfigError, match=message.replace("?", re.escape("?"))):
        Population(margins=margins).applied(survey_of(cases))  # type: ignore[arg-type]


def test_the_attribute_of_all_has_to_be_there() -> None:
    """A typing error is told before anything is paid for."""
    cases, _ = weighted_sample(0)

    with pytest.raises(
        ConfigError, match=r"population\.over names 'seks', and s has the attributes"
    ):
        Population(over="seks").applied(survey_of(cases))
