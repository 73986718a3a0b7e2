"""Intervals that know that fits vary with the questions."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import stats

from distexp.calibrator.baseline import TrainMean
from distexp.evaluation.evaluation import Evaluation, cross_fit
from distexp.evaluation.jackknife import Jackknife, groups_of
from distexp.evaluation.layout import frame_of
from distexp.evaluation.refits import ENOUGH, MOST_FITS, refitted, shift
from distexp.evaluation.splits import Split, question_splits
from distexp.types import (
    Case,
    Condition,
    Distribution,
    Estimate,
    Group,
    IntArray,
    Question,
    Reading,
    Study,
)

EVALUATION = Evaluation(n_splits=10, n_ceiling_draws=2)


def study_of(shares: Sequence[float], predicted: Sequence[float]) -> Study:
    """Return yes-or-no questions with these shares of yes, of one group of 100 people."""
    both = [[Distribution.normalized([p, 1 - p]) for p in of] for of in (shares, predicted)]
    cases = tuple(
        Case(
            question=Question(
                question_id=f"q{number:03}", text="?", options=("y", "n"), ordinals=(1.0, 2.0)
            ),
            group=Group(attribute="a", value="b", phrase="c"),
            human=human,
            n_respondents=100,
        )
        for number, human in enumerate(both[0])
    )
    return Study(
        condition=Condition(dataset="d", model="m", elicitation="e", prompt="p"),
        cases=cases,
        estimates=tuple(
            Estimate(reading=Reading(distribution=one), n_replies=1, n_unreadable=0)
            for one in both[1]
        ),
    )


def test_mean_of_questions_has_the_interval_of_the_t_test() -> None:
    """A question a group and no fits: the textbook's interval of a mean."""
    values = np.random.default_rng(0).normal(size=15)
    question = np.arange(15)
    jackknife = Jackknife(question, question)

    found = jackknife.interval(jackknife.mean(values, question), question, 0.9)

    expected = stats.ttest_1samp(values, 0).confidence_interval(0.9)
    assert_allclose(found, [values.mean(), *expected])


@given(st.lists(st.floats(0.01, 0.99), min_size=3, max_size=12, unique=True))
def test_interval_of_a_skewed_mean_is_symmetric_by_factors(values: list[float]) -> None:
    """On the scale of logarithms the ends are as many times above as below, and 1 - x mirrors."""
    question, one = np.arange(len(values)), np.array(values)
    jackknife = Jackknife(question, question)
    draws = jackknife.mean(one, question)

    value, low, high = jackknife.interval(draws, question, 0.95, "log")
    rest = jackknife.interval(1 - draws, question, 0.95, "log_rest")

    assert 0 < low <= value <= high
    assert_allclose(value / low, high / value)
    assert_allclose(rest, (1 - value, 1 - high, 1 - low))


def test_ceiling_is_symmetric_by_factors_below_the_most_that_it_can_be() -> None:
    """200 people halved are off by .0282 on average: where people agree the ceiling is lower."""
    study = study_of([0.5, 0.4, 0.6, 0.45, 0.05, 0.3, 0.2, 0.35], [0.5] * 8)
    cases = tuple(replace(case, n_respondents=200) for case in study.cases)

    scores = EVALUATION.run(replace(study, cases=cases), {}).scores

    w1, alignment = (
        next(s for s in scores if (s.calibrator, s.metric) == ("ceiling", metric))
        for metric in ("w1", "alignment")
    )
    most = math.comb(200, 100) / 2**201
    below, value, above = (most - end for end in (w1.low, w1.value, w1.high))
    assert_allclose(below / value, value / above)
    assert_allclose([alignment.low, alignment.high], [1 - w1.high, 1 - w1.low])


def test_what_is_not_on_the_scale_has_a_plain_interval() -> None:
    """A mean below 0 has no logarithm."""
    values, question = np.array([-1.0, 2.0, 3.0, -5.0]), np.arange(4)
    jackknife = Jackknife(question, question)
    draws = jackknife.mean(values, question)

    found = jackknife.interval(draws, question, 0.9, "log")

    assert found == jackknife.interval(draws, question, 0.9)


@given(st.lists(st.integers(1, 9), min_size=2, max_size=30))
def test_clusters_are_dealt_into_groups_of_like_size(sizes: list[int]) -> None:
    """No group has more questions than another by more than the largest cluster has."""
    cluster = np.repeat(np.arange(len(sizes)), sizes)
    question = np.arange(len(cluster))
    everything = Split(train=np.ones(len(question), bool), test=np.ones(len(question), bool))

    _, group = groups_of(question, [everything], cluster)

    n = np.bincount(group)
    assert len(n) == min(len(sizes), 12)
    assert n.max() - n.min() <= max(sizes)
    for one in range(len(sizes)):
        assert len(set(group[cluster == one])) == 1


def test_groups_of_cases_vary_together() -> None:
    """Copies of the cases of every question leave the interval as it is."""
    values, question = np.random.default_rng(1).normal(size=8), np.arange(8)
    jackknife = Jackknife(question, question)

    once = jackknife.interval(jackknife.mean(values, question), question, 0.95)
    copies = np.repeat(question, 3)
    often = jackknife.interval(jackknife.mean(np.repeat(values, 3), copies), copies, 0.95)

    assert_allclose(once, often)


def test_one_group_alone_has_a_value_and_no_interval() -> None:
    """Nothing says how it would vary."""
    jackknife = Jackknife(np.array([0, 1]), np.array([0, 1]))

    found = jackknife.interval(
        jackknife.mean(np.array([0.3, np.nan]), np.array([0, 1])), np.array([0]), 0.95
    )

    assert found[0] == 0.3
    assert np.isnan(found[1:]).all()


@given(
    st.integers(2, 40), st.integers(1, 12), st.floats(0.05, 0.9), st.integers(0, 3),
    st.integers(2, 14),
)  # fmt: skip
def test_every_question_is_in_one_group_and_clusters_stay_together(
    n_questions: int, n_splits: int, test_size: float, n_clusters: int, most: int
) -> None:
    """Whatever the splits; groups of tested and of untested questions do not mix."""
    question = np.repeat(np.arange(n_questions), 2)
    splits = question_splits(question, n_splits, test_size, seed=0)
    cluster: IntArray | None = question % (n_clusters + 1) if n_clusters else None

    questions, group = groups_of(question, splits, cluster, most)

    assert questions.tolist() == list(range(n_questions))
    assert sorted(set(group.tolist())) == list(range(group.max() + 1))
    if cluster is None:
        tested = np.any([split.test for split in splits], axis=0)[::2]
        assert not set(group[tested]) & set(group[~tested])
        assert max(np.bincount(group)) - min(np.bincount(group[tested])) <= n_questions / 2 + 1
    else:
        of_cluster = [set(group[questions % (n_clusters + 1) == c]) for c in range(n_clusters + 1)]
        assert all(len(groups) <= 1 for groups in of_cluster)


@given(n_questions=st.integers(5, 400), n_nominal=st.integers(0, 400), n_groups=st.integers(2, 24))
def test_splits_are_fitted_again_until_enough_questions_are_tested(
    n_questions: int, n_nominal: int, n_groups: int
) -> None:
    """All that any split tests, or so many on a scale that more would tell nothing new."""
    question = np.arange(n_questions)
    ordinals = np.where(question[:, None] < n_nominal, np.nan, [0.0, 1.0])
    splits = question_splits(question, 50, 0.2, seed=0)

    jackknife = Jackknife(question, question % n_groups)

    chosen = refitted(splits, jackknife, question, ordinals)

    most = max(2, MOST_FITS // jackknife.n_groups)
    on_scale = question >= (n_nominal if n_nominal < n_questions else 0)
    seen = [np.any([splits[n].test for n in chosen[:k]], axis=0) for k in (len(chosen) - 1, None)]
    assert chosen == list(range(len(chosen)))
    assert 2 <= len(chosen) <= most
    assert len(chosen) == 2 or (seen[0] & on_scale).sum() < ENOUGH
    assert seen[1].all() or len(chosen) == most or (seen[1] & on_scale).sum() >= ENOUGH


@pytest.mark.parametrize("fitted_before", [False, True])
def test_refits_are_the_evaluation_without_the_questions(fitted_before: bool) -> None:
    """What a training mean's distances gain without a question, worked out by hand."""
    shares = [0.1, 0.2, 0.4, 0.8]
    study = study_of(shares, [0.5] * 4)
    design, human, _ = EVALUATION.laid_out(study)
    test = np.array([True, True, False, False])
    splits = [Split(train=~test, test=test), Split(train=test, test=~test)]
    jackknife = Jackknife(np.arange(4), np.arange(4))
    chosen = refitted(splits, jackknife, design.question, design.ordinals)
    again = [splits[number] for number in chosen]
    before = cross_fit(TrainMean(), design, human, again)
    known = [of[split.test] for of, split in zip(before, again, strict=True)]

    found = shift(
        TrainMean(),
        frame_of(study, design, human),
        splits,
        jackknife,
        None,
        design.question,
        extras=False,
        known=known if fitted_before else None,
    )

    # From .4 and .8 the mean is .6; without the third question .8, without the fourth .4.
    expected = np.zeros((4, 4))
    expected[2, :2] = [0.7 - 0.5, 0.6 - 0.4]
    expected[3, :2] = [0.3 - 0.5, 0.2 - 0.4]
    # From .1 and .2 it is .15; without the first .2, without the second .1.
    expected[0, 2:] = [0.2 - 0.25, 0.6 - 0.65]
    expected[1, 2:] = [0.3 - 0.25, 0.7 - 0.65]
    assert_allclose(found.distances.wasserstein, expected, atol=1e-6)


def test_intervals_of_what_is_fitted_are_wider_than_with_fits_as_they_are() -> None:
    """A training mean that one question moves much is known less well than its distances say."""
    rng = np.random.default_rng(2)
    study = study_of(rng.beta(0.4, 0.4, 12).tolist(), [0.5] * 12)

    jackknife, bootstrap = (
        {
            (s.calibrator, s.metric): s
            for s in replace(EVALUATION, intervals=intervals).run(study, {}).scores
        }
        for intervals in ("jackknife", "bootstrap")
    )

    for key, score in jackknife.items():
        assert score.value == pytest.approx(bootstrap[key].value, nan_ok=True)
    skill = ("identity", "w1_skill")
    width, fixed = (of[skill].high - of[skill].low for of in (jackknife, bootstrap))
    assert width > fixed


def test_calibrator_that_cannot_be_refitted_is_named() -> None:
    """Its intervals take the fits as they are, and the result says so."""

    class Picky(TrainMean):
        """Needs four questions, which every split has."""

        def fit_predict(self, X, y, weights):  # type: ignore[no-untyped-def]
            """Refuse fewer."""
            if ((weights > 0).sum(axis=1) < 4).any():
                raise ValueError("four questions are needed")
            return super().fit_predict(X, y, weights)

    study = study_of([0.1, 0.3, 0.5, 0.2, 0.6, 0.8], [0.5] * 6)

    result = EVALUATION.run(study, {"picky": Picky()})

    (said,) = [warning for warning in result.warnings if warning.startswith("picky cannot")]
    assert "four questions are needed" in said
    assert [s.low for s in result.scores if (s.calibrator, s.metric) == ("picky", "w1")]
