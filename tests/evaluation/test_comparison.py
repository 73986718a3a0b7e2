"""Paired comparisons: differences, exact p-values, and as few false alarms as promised."""

from itertools import product

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from distexp.evaluation.comparison import Comparison, compare, holm, pairs, sign_flip_test
from distexp.metrics.distance import Scores
from distexp.metrics.names import DISTANCES, keys
from distexp.types import FloatArray, IntArray


def scores(distances: FloatArray) -> Scores:
    """Use the same distances for every metric."""
    return Scores(*[distances] * len(Scores._fields))


def compared(
    one: FloatArray, other: FloatArray, question: IntArray, n_flips: int = 10_000
) -> Comparison:
    """Compare two methods by W1."""
    return compare(
        {"one": scores(one), "other": scores(other)},
        question,
        [("one", "other")],
        n_bootstrap=500,
        n_flips=n_flips,
        seed=0,
        confidence=0.95,
    )[0]


@pytest.mark.parametrize(
    ("p", "adjusted"),
    [
        # In order .005 * 4, .01 * 3, .03 * 2 and .04 * 1, which may not fall: .06.
        pytest.param([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02], id="by-hand"),
        # The documented example of pingouin.multicomp, which statsmodels repeats.
        pytest.param(
            [0.50, 0.003, 0.32, 0.054, 0.0003], [0.64, 0.012, 0.64, 0.162, 0.0015], id="pingouin"
        ),
        pytest.param([0.6, np.nan, 0.9], [1.0, np.nan, 1.0], id="undefined-does-not-count"),
        pytest.param([], [], id="empty"),
    ],
)
def test_holm_multiplies_by_what_is_left_and_never_falls(
    p: list[float], adjusted: list[float]
) -> None:
    """The least of n p-values counts n times, the next n - 1 times."""
    assert_allclose(holm(np.array(p, dtype=np.float64)), adjusted, atol=1e-12)


def test_few_questions_are_flipped_in_every_way() -> None:
    """With 7 questions the p-value is the share of all 128 flips that are as large."""
    sums = np.random.default_rng(0).normal(0.3, 1, (3, 7))
    flips = np.array(list(product([1, -1], repeat=7)))

    p = sign_flip_test(sums, n_flips=100, seed=0)

    expected = [(abs(flips @ one) >= abs(one.sum()) - 1e-12).mean() for one in sums]
    assert_allclose(p, expected)


def test_many_questions_are_flipped_at_random_and_p_is_never_zero() -> None:
    """Drawn flips come close to all of them; the flip observed counts as one."""
    sums = np.random.default_rng(1).normal(0.4, 1, (2, 14))

    exact, drawn = (sign_flip_test(sums, n, seed=0) for n in (2**13, 2**13 - 1))

    assert_allclose(drawn, exact, atol=0.01)
    assert_array_equal(sign_flip_test(np.ones((1, 40)), 999, seed=0), [1 / 1000])


def test_difference_is_that_of_the_means_over_the_cases_of_both() -> None:
    """(.1 - .3 + .2 - .1) / 2 = -.05; a case that one of them lacks counts for neither."""
    one, other = np.array([0.1, 0.2, 0.9, np.nan]), np.array([0.3, 0.1, np.nan, np.nan])

    found = compared(one, other, np.array([0, 1, 2, 3]))

    assert found.difference == pytest.approx(-0.05)
    assert (found.low, found.high) == pytest.approx((-0.2, 0.1))
    assert found.p == found.p_holm == 1.0  # of |.1| and |.3| over 2, both flips are as large
    assert found.n_questions == 2


def test_pairing_finds_what_the_intervals_of_each_method_hide() -> None:
    """A gain of .01 on every question is certain, though distances vary by ten times as much."""
    rng = np.random.default_rng(0)
    raw = rng.uniform(0, 0.4, 60)

    found = compared(raw - 0.01 + rng.normal(0, 0.005, 60), raw, np.arange(60))

    assert found.high < 0
    assert found.p < 0.001


def test_swapping_the_methods_turns_the_difference_and_leaves_p() -> None:
    """The test has two sides."""
    one, other = np.random.default_rng(3).uniform(size=(2, 30))
    question = np.arange(30) // 2

    there, back = compared(one, other, question), compared(other, one, question)

    assert (there.difference, there.low) == pytest.approx((-back.difference, -back.high))
    assert there.p == back.p


def test_equal_methods_differ_by_nothing() -> None:
    """No difference is no evidence."""
    distances = np.linspace(0, 1, 40)

    found = compared(distances, distances, np.arange(40))

    assert (found.difference, found.p) == (0.0, 1.0)


def test_five_in_a_hundred_false_alarms_are_no_more_than_that() -> None:
    """Six groups of a question err together: by case twice as many are alarms, by question not."""
    rng = np.random.default_rng(0)
    question = np.repeat(np.arange(12), 6)
    p_question, p_case = [], []
    for _ in range(300):
        differences = rng.standard_t(5, 12)[question] + rng.normal(size=72)
        by_question = np.bincount(question, differences)
        p_question.append(sign_flip_test(by_question[None].astype(float), 2**11, seed=0)[0])
        p_case.append(sign_flip_test(differences[None], 300, seed=0)[0])

    # 300 exact tests give 15 alarms, more than 26 once in 500 times.
    assert 5 <= (np.array(p_question) <= 0.05).sum() <= 26
    assert (np.array(p_case) <= 0.05).sum() > 60


def test_each_metric_is_a_family_of_all_pairs() -> None:
    """Three methods make three pairs a metric, and Holm counts those of one metric."""
    rng = np.random.default_rng(5)
    per_case = {
        name: Scores(*rng.uniform(size=(len(Scores._fields), 20)))
        for name in ("mine", "identity", "train_mean")
    }

    found = compare(
        per_case,
        np.arange(20),
        pairs(["mine"], ["identity", "train_mean"]),
        n_bootstrap=10,
        n_flips=1000,
        seed=0,
        confidence=0.9,
    )

    assert [one.metric for one in found] == [key for key in keys(DISTANCES) for _ in range(3)]
    for metric in keys(DISTANCES):
        family = [one for one in found if one.metric == metric]
        assert_allclose([one.p_holm for one in family], holm(np.array([f.p for f in family])))


def test_what_else_is_measured_moves_no_number_of_a_metric() -> None:
    """A distance more, or other values of one, leave the p-values of W1 as they are."""
    rng = np.random.default_rng(6)
    names = ("mine", "identity", "train_mean")
    w1 = {name: rng.uniform(size=30) for name in names}

    def rows_of_w1(others: FloatArray) -> list[Comparison]:
        found = compare(
            {name: scores(others)._replace(wasserstein=w1[name]) for name in names},
            np.arange(30) // 2,
            pairs(["mine"], ["identity", "train_mean"]),
            n_bootstrap=100,
            n_flips=1000,
            seed=0,
            confidence=0.95,
        )
        return [one for one in found if one.metric == "w1"]

    assert rows_of_w1(np.full(30, 0.5)) == rows_of_w1(rng.uniform(size=30))


def test_undefined_metric_has_no_p_value() -> None:
    """Nominal questions have no W1: nothing is compared, and other metrics are."""
    nothing, some = np.full(8, np.nan), np.linspace(0.1, 0.5, 8)

    found = compare(
        {
            "a": scores(some)._replace(wasserstein=nothing),
            "b": scores(some[::-1])._replace(wasserstein=nothing),
        },
        np.arange(8),
        [("a", "b")],
        n_bootstrap=10,
        n_flips=1000,
        seed=0,
        confidence=0.9,
    )

    assert np.isnan([found[0].difference, found[0].p, found[0].p_holm]).all()
    assert found[0].n_questions == 0
    assert 0 < found[1].p_holm <= 1
