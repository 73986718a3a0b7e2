"""A report opens with a sentence a finding, and studies that agree share it."""

from dataclasses import replace

import pytest

from distexp.evaluation.evaluation import Evaluation, Result
from distexp.evaluation.topics import NewTopics
from distexp.report.opening import opening
from distexp.types import Condition, Study
from tests.report.test_verdicts import AGAINST_RAW, RAW, comparison, result, score

TIED = result(AGAINST_RAW, comparison("a", "train_mean", -0.02, p=0.2), RAW)
ALONE = result(AGAINST_RAW, comparison("a", "train_mean", -0.02), RAW)
CLOSER = result(
    *ALONE.comparisons,
    *(comparison("b", other, -0.01) for other in ("identity", "train_mean")),
    comparison("a", "b", -0.02),
    ignoring=("b",),
)


def gaining(found: Result, reduction: float, new: float | None = None) -> Result:
    """Return a result whose calibrator reduces W1 so much, and so much on a new topic."""
    topics = None
    if new is not None:
        topics = NewTopics(batteries=("x", "y"), scores=(score("a", "w1_reduction", new),))
    return replace(
        found, scores=(*found.scores, score("a", "w1_reduction", reduction)), new_topics=topics
    )


def said(*results: Result) -> list[str]:
    """Return what is said of results of prompts that are called p0, p1 and so on."""
    studies = [
        Study(
            condition=Condition(dataset="s", model="m", elicitation="e", prompt=f"p{number}"),
            cases=(),
            estimates=(),
        )
        for number in range(len(results))
    ]
    return list(opening(zip(studies, results, strict=True), Evaluation()))


def test_prompts_that_agree_share_a_sentence_with_a_number_each() -> None:
    """Whose they are is said once."""
    assert said(gaining(TIED, 0.25, 0.01), gaining(TIED, 0.2, -0.02)) == [
        "p0 and p1: **It is not shown that the model adds anything**: a cannot be told to be "
        "closer to the human answers than the training mean (skill +2.0% [+1.0%, +3.0%] and "
        "+2.0% [+1.0%, +3.0%]); with 30 questions a skill below 7% would be missed in more than "
        "one of five such surveys.",
        "For questions like these a changes the model's W1 by -25.0% and -20.0%; for a new topic "
        "by -1.0% and +2.0%.",
    ]


def test_prompts_that_differ_speak_for_themselves() -> None:
    """A model that is shown to know something with one prompt is not said to with the other."""
    first, second = said(CLOSER, TIED)

    assert first == (
        "p0: **The model knows something that the training mean does not**: a is closer to the "
        "human answers than the training mean and b (skill +2.0% [+1.0%, +3.0%])."
    )
    assert second.startswith("p1: **It is not shown that the model adds anything**")


def test_a_gain_that_may_be_calibrations_own_is_not_the_models() -> None:
    """Where nothing was scored that learns from people without the model."""
    assert said(ALONE) == [
        "**Whether the model adds anything is not known**: a is closer to the human answers than "
        "the training mean (skill +2.0% [+1.0%, +3.0%]), and so it might be without the model, by "
        "what it learns of groups and scales: score blind beside it."
    ]


def test_one_study_is_not_named() -> None:
    """There is no other."""
    (only,) = said(TIED)

    assert only.startswith("**It is not shown")


@pytest.mark.parametrize("p", [0.001, 0.2])
def test_a_gain_that_chance_could_explain_is_called_so(p: float) -> None:
    """By the interval and the adjusted p-value, as in the verdicts."""
    found = result(
        comparison("a", "identity", -0.05, p=p), comparison("a", "train_mean", -0.02, p=0.2), RAW
    )

    assert said(gaining(found, 0.25))[-1] == (
        "For questions like these a changes the model's W1 by -25.0%"
        + ", which chance could explain" * (p > 0.05)
        + "."
    )


def test_many_studies_are_counted() -> None:
    """Six share a sentence without their names, and their numbers are a range."""
    first, second, third = said(
        *(gaining(TIED, 0.1 * number) for number in range(6)), Result(note="No replies.")
    )

    assert first.startswith("6 of 7 studies: **It is not shown")
    assert second == "For questions like these a changes the model's W1 by -50.0% to -0.0%."
    assert third == "p6: No replies."


def test_too_few_questions_to_show_anything_are_called_so() -> None:
    """No model has a skill above 100 %, so none would be missed below 103 %."""
    pair = replace(comparison("a", "train_mean", -0.02, p=0.2), detectable=0.206)

    (only,) = said(result(AGAINST_RAW, pair, RAW))

    assert only.endswith(
        "; 30 questions are too few to show any skill in four of five such surveys."
    )
