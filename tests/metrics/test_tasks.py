"""Uses of predictions: each number is worked out by hand or by scipy."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import kendalltau

from distexp.metrics.tasks import mean_opinion, modal_right, rank_correlation, tasks

SCALE = [0.0, 0.5, 1.0]


@pytest.mark.parametrize(
    ("predicted", "human", "chance"),
    [
        pytest.param([0.5, 0.3, 0.2], [0.6, 0.2, 0.2], 1, id="right"),
        pytest.param([0.5, 0.3, 0.2], [0.2, 0.6, 0.2], 0, id="wrong"),
        pytest.param([0.4, 0.4, 0.2], [0.2, 0.6, 0.2], 0.5, id="one-of-two-guesses"),
        pytest.param([0.5, 0.3, 0.2], [0.4, 0.4, 0.2], 1, id="either-answer-is-right"),
        pytest.param([0.4, 0.4, 0.2], [0.4, 0.2, 0.4], 0.5, id="both-tie"),
        pytest.param([1 / 3, 1 / 3, 1 / 3], [0.2, 0.6, 0.2], 1 / 3, id="uniform-guesses"),
    ],
)
def test_favourite_of_ties_is_drawn(
    predicted: list[float], human: list[float], chance: float
) -> None:
    """The score is the chance that a favourite drawn from those predicted is a favourite."""
    assert_allclose(modal_right(np.array([predicted]), np.array([human])), [chance])


def test_mean_opinion_is_a_position_on_the_scale() -> None:
    """.5 in the middle and .5 at the end are .75; a nominal question has no middle."""
    shares = np.array([[0, 0.5, 0.5], [0, 0.5, 0.5]])

    assert_array_equal(mean_opinion(shares, np.array([SCALE, [np.nan] * 3])), [0.75, np.nan])


def test_rank_correlation_agrees_with_scipy_with_ties_and_missing_groups() -> None:
    """Kendall's tau-b of each row, whatever its number of groups."""
    rng = np.random.default_rng(0)
    predicted, human = rng.integers(0, 4, (2, 60, 6)) / 4
    human[:, 0], human[:, 1] = 0.0, 1.0  # of tied humans there is no order
    n_groups = rng.integers(2, 7, 60)
    predicted[:, 0] = predicted[:, 1] + 0.25  # nor of tied predictions, for scipy
    missing = np.arange(6) >= n_groups[:, None]
    predicted[missing], human[missing] = np.nan, np.nan

    expected = [
        kendalltau(p[:n], h[:n]).statistic
        for p, h, n in zip(predicted, human, n_groups, strict=True)
    ]
    assert_allclose(rank_correlation(predicted, human), expected, atol=1e-12)


def test_no_order_predicted_counts_as_chance_and_no_human_order_not_at_all() -> None:
    """A guess that all groups think alike scores 0 where they do not; rounding is no order."""
    same, apart = [0.3, 0.3 + 1e-15, 0.3], [0.1, 0.2, 0.3]

    assert_array_equal(rank_correlation(np.array([same]), np.array([apart])), [0.0])
    assert np.isnan(rank_correlation(np.array([apart]), np.array([same]))).all()


def test_population_is_the_mean_of_its_groups_by_their_numbers() -> None:
    """Errors of +.2 for 300 people and -.6 for 100 leave the whole where it is."""
    human = np.array([[0.5, 0.0, 0.5], [0.8, 0.0, 0.2]])
    predicted = np.array([[0.7, 0.0, 0.3], [0.2, 0.0, 0.8]])
    weight = np.array([300.0, 100.0])

    served, cells = tasks(predicted, human, np.array([SCALE, SCALE]), np.array([4, 4]), weight)

    assert_array_equal(cells, [4])
    assert_allclose(served.population, [0.0], atol=1e-12)
    assert_allclose(served.mean_error, [0.2, 0.6])
    assert_array_equal(served.ranking, [-1.0])


def test_groups_are_compared_within_their_cell() -> None:
    """One group alone has no order, and an unknown number of people no whole."""
    human = np.array([[0.5, 0, 0.5], [0.4, 0, 0.6], [0.3, 0, 0.7], [0.2, 0, 0.8], [0.1, 0, 0.9]])
    ordinals = np.array([SCALE] * 5)
    cell, weight = np.array([7, 2, 7, 3, 3]), np.array([1, 1, 1, 1, np.nan])

    served, cells = tasks(human, human, ordinals, cell, weight)

    assert_array_equal(cells, [3, 7])
    assert_array_equal(served.ranking, [1.0, 1.0])
    assert_array_equal(served.population, [np.nan, 0.0])


def test_nominal_questions_have_a_favourite_and_nothing_else() -> None:
    """Without a scale there are no mean opinions to be wrong about."""
    shares = np.array([[0.5, 0.3, 0.2], [0.2, 0.3, 0.5]])

    served, _ = tasks(shares, shares, np.full((2, 3), np.nan), np.zeros(2, int), np.ones(2))

    assert_array_equal(served.modal, [1.0, 1.0])
    for values in (served.mean_error, served.ranking, served.population):
        assert np.isnan(values).all()
