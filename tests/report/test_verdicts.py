"""Sentences and tables say what the numbers show, and no more."""

import numpy as np
import pytest

from distexp.evaluation.comparison import Comparison
from distexp.evaluation.evaluation import Result
from distexp.evaluation.scores import Score
from distexp.report.score_tables import score_table, task_table
from distexp.report.verdicts import findings


def comparison(
    method: str, other: str, difference: float, p: float = 0.001, metric: str = "w1"
) -> Comparison:
    """Return a difference with an interval of .01 on either side."""
    return Comparison(
        method=method,
        other=other,
        metric=metric,
        difference=difference,
        low=difference - 0.01,
        high=difference + 0.01,
        p=p / 2,
        p_flips=p / 2,
        p_holm=p,
        family="primary" if method == "a" else "secondary",
        detectable=0.014,
        n_questions=30,
    )


def score(calibrator: str, metric: str, value: float, **ends: float) -> Score:
    """Return a score with an interval of .01 on either side, or these ends."""
    return Score(
        calibrator=calibrator,
        metric=metric,
        value=value,
        low=ends.get("low", value - 0.01),
        high=ends.get("high", value + 0.01),
        n_questions=30,
        n_groups=2,
        n_respondents=600.0,
    )


def result(*comparisons: Comparison, ignoring: tuple[str, ...] = ("train_mean",)) -> Result:
    """Return what an evaluation found, with W1 in the order of the calibrators' names."""
    names = sorted({one.method for one in comparisons})
    return Result(
        scores=(
            *(score(name, "w1", 0.1 + i / 100) for i, name in enumerate(names)),
            score("train_mean", "w1", 0.2),
            score("a", "w1_skill", 0.02),
        ),
        comparisons=comparisons,
        leading="a" if "a" in names else "identity",
        ignoring=frozenset(ignoring),
    )


AGAINST_RAW = comparison("a", "identity", -0.05)
RAW = comparison("identity", "train_mean", 0.05)


def test_what_is_not_shown_is_said_with_what_could_have_been() -> None:
    """A calibrator that gains over raw and ties with the training mean has found the mean."""
    text = findings(result(AGAINST_RAW, comparison("a", "train_mean", -0.02, p=0.2), RAW), 0.05)

    # A difference of .014 is 7 % of the training mean's W1 of .2.
    assert text.splitlines() == [
        "- **It is not shown that the model adds anything**: a cannot be told to be closer to the "
        "human answers than the training mean, which never asks it (skill +2.0% [+1.0%, +3.0%]). "
        "With 30 questions a skill below 7% would be missed in more than one of five such "
        "surveys.",
        "- **a** is closer to the human answers than uncalibrated "
        "(W1 -0.0500 [-0.0600, -0.0400], p < 0.001, adjusted p = 0.001); it cannot be told to be "
        "closer to the human answers than the training mean (W1 -0.0200 [-0.0300, -0.0100], "
        "p = 0.100, adjusted p = 0.200; 0.0140 would be found in four of five surveys).",
        "- secondary: **uncalibrated** is further from the human answers than the training mean "
        "(W1 +0.0500 [+0.0400, +0.0600], p < 0.001, adjusted p = 0.001).",
    ]


@pytest.mark.parametrize(("margin", "said"), [(None, False), (0.05, True), (0.03, False)])
def test_equivalence_is_said_where_it_is_asked_for_and_shown(
    margin: float | None, said: bool
) -> None:
    """The whole interval of the skill, up to 3 %, has to lie within the margin."""
    found = result(AGAINST_RAW, comparison("a", "train_mean", -0.005), RAW)

    text = findings(found, 0.05, margin)

    assert text.startswith("- **The model adds nothing that matters**: the skill of a") == said
    assert ("It is not shown" in text) != said


def test_a_gain_over_the_training_mean_alone_may_not_be_the_models() -> None:
    """Calibration learns of groups too, and nothing was scored that does so without the model."""
    text = findings(result(AGAINST_RAW, comparison("a", "train_mean", -0.02), RAW), 0.05)

    assert text.startswith(
        "- **Whether the model adds anything is not known**: a is closer to the human answers "
        "than the training mean (skill +2.0% [+1.0%, +3.0%]), and so it might be without the model"
    )
    assert "it is closer to the human answers than the training mean" in text


def test_uncalibrated_answers_that_beat_the_training_mean_are_the_models() -> None:
    """They learnt nothing from people."""
    found = result(
        AGAINST_RAW,
        comparison("a", "train_mean", 0.0),
        comparison("identity", "train_mean", -0.05),
    )

    assert "not known" not in findings(found, 0.05)
    assert "not shown" not in findings(found, 0.05)


@pytest.mark.parametrize(("difference", "adds"), [(-0.02, True), (0.0, False), (0.02, False)])
def test_every_method_that_ignores_the_model_must_be_beaten(difference: float, adds: bool) -> None:
    """The mean of each group beats that of all, and shows nothing about the model."""
    found = result(
        AGAINST_RAW,
        comparison("a", "train_mean", -0.05),
        comparison("mean", "identity", -0.05),
        comparison("mean", "train_mean", -0.05),
        comparison("a", "mean", difference),
        RAW,
        ignoring=("train_mean", "mean"),
    )

    text = findings(found, 0.05)

    assert text.startswith("- **It is not shown") == (not adds)
    assert "not known" not in text
    assert adds or "than mean, which never asks it" in text


def test_an_interval_over_zero_is_no_difference() -> None:
    """Whatever the p-value says."""
    text = findings(result(AGAINST_RAW, comparison("a", "train_mean", -0.005), RAW), 0.05)

    assert (
        "it cannot be told to be closer to the human answers than the training mean "
        "(W1 -0.0050 [-0.0150, +0.0050]"
    ) in text


def test_best_calibrator_is_compared_with_the_others() -> None:
    """In whichever order the pair stands."""
    found = [
        comparison(name, other, -0.02) for name in "bac" for other in ("identity", "train_mean")
    ]
    among = [comparison("b", "a", 0.02), comparison("b", "c", 0.0), comparison("a", "c", 0.0)]

    text = findings(result(*found, *among, RAW), 0.05)

    assert text.splitlines()[-1] == (
        "- Of 3 calibrators **a** has the least W1; it is closer than b and cannot be told from c,"
        " by p-values not adjusted for the number of pairs. Picked by these scores, it looks"
        " better than it is."
    )


def test_survey_without_scales_is_judged_by_total_variation() -> None:
    """Where W1 compares no question, the sentences are about TV."""
    nothing = Comparison(
        method="identity",
        other="train_mean",
        metric="w1",
        difference=np.nan,
        low=np.nan,
        high=np.nan,
        p=np.nan,
        p_holm=np.nan,
        n_questions=0,
    )

    text = findings(result(nothing, comparison("identity", "train_mean", 0.1, metric="tv")), 0.05)

    assert "further from the human answers than the training mean (TV +0.1000" in text


def test_warnings_follow_the_verdicts() -> None:
    """They are there where nothing is compared, too."""
    assert findings(Result(warnings=("a collapsed.",)), 0.05) == "- Warning: a collapsed."


@pytest.mark.parametrize(
    ("value", "low", "high", "cell"),
    [
        (5.62, 4.5, 12.34, "5.6 [4.5, 12]"),
        (40.4, 30.0, np.nan, "40 [30, ∞)"),
        (np.nan, 85.0, np.nan, "∞ [85, ∞)"),
        (0.0, 0.0, 1.2, "<1 [<1, 1.2]"),
        (np.nan, np.nan, np.nan, "–"),
    ],
)
def test_worth_is_shown_in_people(value: float, low: float, high: float, cell: str) -> None:
    """Beyond the ceiling there is no upper end."""
    table = task_table([score("a", "respondents", value, low=low, high=high)])

    assert table.splitlines()[-1].split("|")[-2].strip() == cell


def test_undefined_numbers_are_dashes() -> None:
    """A method without a metric has no cell to show."""
    row = score_table([score("ceiling", "w1", 0.05), score("ceiling", "worst_group", np.nan)])

    assert row.splitlines()[-1].split("|")[2].strip() == "0.0500 [0.0400, 0.0600]"
    assert {cell.strip() for cell in row.splitlines()[-1].split("|")[3:-1]} == {"–"}
