"""Scores beyond distances: counts, the worst group, shape, worth and tasks, worked out by hand."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Self

import numpy as np
import pytest

from distexp.evaluation.evaluation import Evaluation, Result
from distexp.evaluation.scores import METRICS, Score
from distexp.metrics.names import DISTANCES, keys
from distexp.protocols import Calibrator
from distexp.types import (
    Case,
    Condition,
    Design,
    Distribution,
    Estimate,
    FloatArray,
    Group,
    Question,
    Reading,
    Study,
)

EVALUATION = Evaluation(n_splits=4, test_size=0.5, n_bootstrap=200, n_ceiling_draws=20)
EXTRAS = (
    "entropy_ratio", "peak_ratio", "option_correlation", "respondents", "modal_accuracy",
    "mean_error", "group_ranking", "population_error",
)  # fmt: skip
UNSCALED = keys(metric for metric in DISTANCES if metric.key != "w1")
"""Distances that need no scale."""


class Flipping:
    """Is sure of the first option in two fits, and of the last in the two after."""

    scope = "pooled"

    def __init__(self) -> None:
        self.n_fits = 0

    def check_params(self) -> None:
        """Need nothing."""

    def fit(self, X: Design, y: FloatArray, sample_weight: FloatArray | None = None) -> Self:
        """Turn round."""
        self.n_fits += 1
        return self

    def predict(self, X: Design) -> FloatArray:
        """Put everything on one option."""
        sure = np.zeros_like(X.predicted)
        sure[:, (self.n_fits - 1) // 2 % 2] = 1
        return sure


def case(name: str, group: str, share: float, n: float | None = 100, **settings: float) -> Case:
    """Return a yes-or-no question that this share of the people said yes to."""
    return Case(
        question=Question(question_id=name, text="?", options=("y", "n"), ordinals=(1.0, 2.0)),
        group=Group(attribute="sex", value=group, phrase="x"),
        human=Distribution.normalized([share, 1 - share]),
        n_respondents=n,
        **settings,
    )


def evaluated(
    cases: Sequence[Case],
    predicted: Sequence[float],
    calibrators: Mapping[str, Calibrator] | None = None,
    evaluation: Evaluation = EVALUATION,
) -> Result:
    """Score predicted shares of yes."""
    shares = [Distribution.normalized([p, 1 - p]) for p in predicted]
    study = Study(
        condition=Condition(dataset="d", model="m", elicitation="e", prompt="p"),
        cases=tuple(cases),
        estimates=tuple(
            Estimate(reading=Reading(distribution=one), n_replies=1, n_unreadable=0)
            for one in shares
        ),
    )
    return evaluation.run(study, calibrators or {})


def by_name(result: Result) -> dict[tuple[str, str], Score]:
    """Index scores by calibrator and metric."""
    return {(score.calibrator, score.metric): score for score in result.scores}


def four(n: float | None = 100) -> list[Case]:
    """Return two questions for two groups."""
    return [case(q, g, 0.5, n) for q in ("q", "r") for g in ("F", "M")]


def test_every_number_says_what_it_rests_on() -> None:
    """Respondents are summed over questions and groups; numbers of cells count theirs alone."""
    cases = [*four(), case("s", "F", 0.5, 40)]

    scores = by_name(evaluated(cases, [0.6] * 5))

    w1, ranking = scores["identity", "w1"], scores["identity", "population_error"]
    assert (w1.n_questions, w1.n_groups, w1.n_respondents) == (3, 2, 440)
    # One group alone makes no population: question s is out.
    assert (ranking.n_questions, ranking.n_groups, ranking.n_respondents) == (2, 2, 400)


def test_unknown_respondents_are_not_counted_as_none() -> None:
    """One unknown number makes the sum unknown; numbers that rest on others keep theirs."""
    cases = [*four(), case("s", "F", 0.5, None)]

    scores = by_name(evaluated(cases, [0.6] * 5))

    assert np.isnan(scores["identity", "w1"].n_respondents)
    assert scores["identity", "respondents"].n_respondents == 400
    assert scores["train_mean", "gap_closed"].n_questions == 2


def test_gap_is_closed_on_the_cases_that_have_a_ceiling() -> None:
    """A case without it changes raw and calibrated distances, and not the gap."""
    cases = [*four(), case("s", "F", 0.5, None)]

    few, more = (
        by_name(evaluated(cases, [0.6] * 4 + [last], {"flip": Flipping()})) for last in (0.6, 0.9)
    )

    assert few["identity", "w1"].value != more["identity", "w1"].value
    assert few["flip", "gap_closed"].value == more["flip", "gap_closed"].value


def test_worst_group_is_named_and_has_an_interval_of_its_own() -> None:
    """W1 of .25, .3 and .25 is an alignment of .733 for men, .1 one of .9 for women."""
    cases = [case(q, g, 0.5) for q in "qrs" for g in ("F", "M")]
    scores = by_name(evaluated(cases, [0.6, 0.75, 0.4, 0.2, 0.4, 0.25]))

    worst = scores["identity", "worst_group"]
    assert worst.detail == "sex: M"
    without = np.log([0.275, 0.25, 0.275])  # W1 without each question
    error = np.sqrt(2 / 3 * ((without - without.mean()) ** 2).sum())
    factor = np.exp(4.302653 * error)  # t with 2 degrees of freedom
    w1 = 0.8 / 3
    assert (worst.value, worst.low, worst.high) == pytest.approx(
        (1 - w1, 1 - w1 * factor, 1 - w1 / factor)
    )
    assert (worst.n_questions, worst.n_groups, worst.n_respondents) == (3, 1, 300)
    assert scores["identity", "alignment"].detail is None


def test_shape_is_that_of_each_fit_and_not_of_their_mean() -> None:
    """Fits that are sure of opposite options have no entropy; their mean has all there is."""
    result = evaluated(four(), [0.6] * 4, {"flip": Flipping()})
    scores = by_name(result)

    assert result.calibrated["flip"] == pytest.approx(np.full((4, 2), 0.5))
    assert scores["flip", "entropy_ratio"].value == 0
    assert scores["flip", "peak_ratio"].value == pytest.approx(1 / 0.5)


def test_shape_of_predictions_stands_over_that_of_the_human_answers() -> None:
    """Entropies of .9 and .8 against .5 and .5, and the mean of the ratios is not taken."""
    scores = by_name(evaluated(four(), [0.9, 0.9, 0.8, 0.8]))

    def bits(p: float) -> float:
        return float(-p * np.log2(p) - (1 - p) * np.log2(1 - p))

    assert scores["identity", "entropy_ratio"].value == pytest.approx((bits(0.9) + bits(0.8)) / 2)
    assert scores["identity", "peak_ratio"].value == pytest.approx(0.85 / 0.5)
    assert np.isnan(scores["identity", "option_correlation"].value)  # the humans have no favourite
    assert scores["identity", "option_correlation"].n_questions == 0


def test_correlation_over_options_leaves_flat_cases_out() -> None:
    """With two options it is 1 or -1: two right, one wrong, and one case without."""
    cases = [case("q", "F", 0.7), case("q", "M", 0.7), case("r", "F", 0.7), case("r", "M", 0.5)]

    scores = by_name(evaluated(cases, [0.6, 0.9, 0.2, 0.6]))

    assert scores["identity", "option_correlation"].value == pytest.approx(1 / 3)
    assert scores["identity", "option_correlation"].n_respondents == 300


def test_worth_is_the_number_of_people_who_would_be_as_far() -> None:
    """Where half say yes, three people are wrong by .25 on average and four by .1875."""
    scores = by_name(evaluated(four(10**9), [0.5 + (0.25 + 0.1875) / 2] * 4))

    worth, between = scores["identity", "respondents"], 12**0.5
    assert (worth.value, worth.low, worth.high) == pytest.approx([between] * 3, rel=1e-3)
    assert ("ceiling", "respondents") not in scores


def test_worth_is_open_beyond_the_ceiling_and_nothing_below_one_person() -> None:
    """A perfect prediction is worth any number, one that is certain and wrong none."""
    perfect, wrong = (
        by_name(evaluated([case(q, "F", 0.9, 50) for q in "qr"], [p, p])) for p in (0.9, 0.01)
    )

    assert np.isnan(perfect["identity", "respondents"].value)
    assert np.isnan(perfect["identity", "respondents"].high)
    assert wrong["identity", "respondents"].value == 0


def test_upper_end_is_open_where_the_ceiling_cannot_be_told_from_the_distance() -> None:
    """Some questions predicted perfectly and some not: the value is finite, its end is not."""
    names = [f"q{number}" for number in range(12)]
    worth = by_name(evaluated([case(q, "F", 0.5, 100) for q in names], [0.5, 0.52, 0.66] * 4))

    score = worth["identity", "respondents"]
    assert 0 < score.low < score.value
    assert np.isnan(score.high)


def test_tasks_are_worked_out_by_hand() -> None:
    """Women said .6 and .3, men .7 and .8; predicted are .4 and .4, .5 and .9."""
    cases = [case("q", "F", 0.6), case("q", "M", 0.7), case("r", "F", 0.3), case("r", "M", 0.8)]

    scores = by_name(evaluated(cases, [0.4, 0.5, 0.4, 0.9]))

    assert scores["identity", "modal_accuracy"].value == pytest.approx((0 + 0.5 + 1 + 1) / 4)
    assert scores["identity", "mean_error"].value == pytest.approx((0.2 + 0.2 + 0.1 + 0.1) / 4)
    assert scores["identity", "group_ranking"].value == 1
    assert scores["train_mean", "group_ranking"].value == 0
    # Together .45 against .65, and .65 against .55.
    assert scores["identity", "population_error"].value == pytest.approx((0.2 + 0.1) / 2)


def test_population_counts_people_whatever_their_weights() -> None:
    """100 effective answers of women were 300: they are three of four people."""
    cases = [
        case(q, group, 0.5, 100, design_effect=effect)
        for q in "qr"
        for group, effect in (("F", 3.0), ("M", 1.0))
    ]

    scores = by_name(evaluated(cases, [0.6, 0.3] * 2))

    assert scores["identity", "population_error"].value == pytest.approx(0.75 * 0.1 - 0.25 * 0.2,
                                                                         abs=1e-9)  # fmt: skip


def test_ceiling_says_what_perfect_predictions_get(cases: list[Case]) -> None:
    """Few people are of more than one mind by chance: not even the truth gets everything right."""
    study = Study(
        condition=Condition(dataset="d", model="m", elicitation="e", prompt="p"),
        cases=tuple(replace(one, n_respondents=9) for one in cases),
        estimates=tuple(
            Estimate(reading=Reading(distribution=one.answers), n_replies=1, n_unreadable=0)
            for one in cases
        ),
    )

    scores = by_name(replace(EVALUATION, n_splits=10).run(study, {}))

    for metric in ("modal_accuracy", "group_ranking", "option_correlation"):
        assert scores["ceiling", metric].value < scores["identity", metric].value
    assert scores["ceiling", "mean_error"].value > 0
    assert scores["ceiling", "entropy_ratio"].value > 1  # nine people miss what few would say


def test_every_metric_has_an_interval_for_every_method(cases: list[Case]) -> None:
    """In the order of the tables, and around its value."""
    study = Study(
        condition=Condition(dataset="d", model="m", elicitation="e", prompt="p"),
        cases=tuple(cases),
        estimates=tuple(
            Estimate(
                reading=Reading(distribution=Distribution.normalized([5, 3, 2 + i % 3])),
                n_replies=1,
                n_unreadable=0,
            )
            for i, _ in enumerate(cases)
        ),
    )

    found = replace(EVALUATION, n_splits=10).run(study, {"flip": Flipping()}).scores

    of_flip = [score for score in found if score.calibrator == "flip"]
    assert [score.metric for score in of_flip] == list(METRICS)
    assert all(score.low <= score.value <= score.high for score in of_flip)


def test_without_extras_the_other_numbers_are_the_same(cases: list[Case]) -> None:
    """Distances and gains do not depend on what else is measured."""
    cases = [case(q, g, s) for q, s in (("q", 0.3), ("r", 0.8)) for g in ("F", "M")]
    few = replace(EVALUATION, extras=False)

    full, plain = (
        evaluated(cases, [0.4, 0.5, 0.6, 0.9], {"flip": Flipping()}, one)
        for one in (EVALUATION, few)
    )

    assert plain.scores == tuple(one for one in full.scores if one.metric not in EXTRAS)
    assert plain.comparisons == ()
    assert len(full.comparisons) == 3 * len(DISTANCES)


def test_survey_without_scales_or_numbers_has_what_needs_neither(cases: list[Case]) -> None:
    """Nominal questions of unknown respondents: favourites and shapes, and no position."""
    nominal = [
        replace(one, question=replace(one.question, ordinals=None), n_respondents=None)
        for one in cases
    ]
    shares = Distribution.normalized([5, 3, 2])
    estimate = Estimate(reading=Reading(distribution=shares), n_replies=1, n_unreadable=0)
    study = Study(
        condition=Condition(dataset="d", model="m", elicitation="e", prompt="p"),
        cases=tuple(nominal),
        estimates=(estimate,) * len(nominal),
    )

    result = replace(EVALUATION, n_splits=10).run(study, {})

    of_raw = [score for score in result.scores if score.calibrator == "identity"]
    assert [score.metric for score in of_raw if not np.isnan(score.value)] == [
        *UNSCALED, "entropy_ratio", "peak_ratio", "option_correlation", "modal_accuracy",
    ]  # fmt: skip
    assert [one.metric for one in result.comparisons if one.n_questions] == list(UNSCALED)
    assert all(np.isnan(s.value) for s in result.scores if s.calibrator == "ceiling")
