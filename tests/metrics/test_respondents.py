"""How many respondents a distance is worth: exact formulas, and samples planted and found."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.stats import binom

from distexp.metrics.distance import wasserstein
from distexp.metrics.respondents import (
    SIZES,
    equivalent_size,
    expected_ceiling,
    expected_wasserstein,
    mean_absolute_deviation,
    unbiased,
)
from distexp.types import FloatArray


def observed(n_respondents: int, n_cases: int, seed: int) -> tuple[FloatArray, FloatArray]:
    """Return answers of so many people to questions of four options, and even scales."""
    rng = np.random.default_rng(seed)
    population = rng.dirichlet(np.full(4, 1.5), n_cases)
    human = rng.multinomial(n_respondents, population) / n_respondents
    return human, np.tile(np.linspace(0, 1, 4), (n_cases, 1))


@pytest.mark.parametrize("n", [1, 2, 3, 7, 20, 100])
def test_mean_absolute_deviation_is_that_of_the_binomial(n: int) -> None:
    """De Moivre's formula against the sum over all outcomes, at the ends of the scale too."""
    shares = np.array([0, 0.01, 0.1, 0.3, 0.5, 0.77, 1])
    outcomes = np.arange(n + 1)

    expected = [binom.pmf(outcomes, n, f) @ np.abs(outcomes / n - f) for f in shares]
    assert_allclose(mean_absolute_deviation(shares, np.array([float(n)])), expected, atol=1e-12)


@pytest.mark.parametrize(("n_respondents", "tolerance"), [(19, 0.025), (200, 0.02)])
def test_expected_distances_are_those_from_populations_that_were_not_seen(
    n_respondents: int, tolerance: float
) -> None:
    """Fresh and observed people are drawn from one population; only the observed are known."""
    rng = np.random.default_rng(1)
    population = rng.dirichlet(np.full(4, 1.5), 20_000)
    ordinals = np.tile(np.linspace(0, 1, 4), (len(population), 1))
    seen = rng.multinomial(n_respondents, population) / n_respondents
    n, sizes = np.full(len(seen), n_respondents), np.array([1, 2, 5, 15, 60])

    expected = expected_wasserstein(seen, n, ordinals, sizes).mean(axis=0)
    ceiling = expected_ceiling(seen, n, ordinals).mean()

    fresh = [rng.multinomial(size, population) / size for size in sizes]
    apart = [wasserstein(one, seen, ordinals).mean() for one in fresh]
    assert_allclose(expected, apart, rtol=tolerance)
    assert_allclose(ceiling, wasserstein(population, seen, ordinals).mean(), rtol=tolerance)


def test_few_concentrated_answers_are_no_longer_taken_for_their_population() -> None:
    """Of 20 people nine in ten say one thing: 100 fresh ones were worth 40, and are above 60."""
    rng = np.random.default_rng(2)
    population = rng.dirichlet([0.5, 1.0, 7.0, 0.7], 5000)
    ordinals = np.tile(np.linspace(0, 1, 4), (len(population), 1))
    seen, fresh = (rng.multinomial(n, population) / n for n in (20, 100))

    expected = expected_wasserstein(seen, np.full(len(seen), 20), ordinals, SIZES)

    distance = wasserstein(fresh, seen, ordinals).mean()
    worth = equivalent_size(np.array([distance]), expected.mean(axis=0)[None], SIZES)
    assert 60 < worth[0] < 100


@given(st.integers(1, 60))
def test_what_has_no_bias_is_left_as_it_is(n: int) -> None:
    """A line is the same at the mean of samples as at the population's share."""
    share = np.arange(n + 1) / n

    assert_allclose(unbiased(n) @ (2 * share + 1), 2 * share + 1, atol=1e-9)


def test_expected_distance_takes_the_scale_as_it_is() -> None:
    """Options listed out of order, tied ones and uneven steps: the CDF along the scale counts."""
    human = np.array([[0.2, 0.3, 0.5, 0.0], [0.5, 0.2, 0.3, 0.0]])
    ordinals = np.array([[0.0, 0.2, 1.0, np.nan], [1.0, 0.0, 0.2, np.nan]])

    distance = expected_wasserstein(human, np.array([50, 50]), ordinals, SIZES)

    assert_allclose(distance[0], distance[1])
    one = expected_wasserstein(human[:1], np.array([10**9]), ordinals[:1], np.array([1]))
    assert_allclose(one, [[0.2 * 2 * 0.2 * 0.8 + 0.8 * 2 * 0.5 * 0.5]], rtol=1e-6)


def test_more_people_are_never_further() -> None:
    """The curve falls, so that it can be read backwards, and ends at the sampling error."""
    human, ordinals = observed(50, 30, seed=2)

    distance = expected_wasserstein(human, np.full(30, 50), ordinals, SIZES).mean(axis=0)

    own = expected_wasserstein(human, np.full(30, 50), ordinals, np.array([10**9])).mean()
    assert (np.diff(distance) < 0).all()
    assert_allclose(distance[-1], own, rtol=2e-3)


@pytest.mark.parametrize("planted", [2, 8, 40])
def test_a_sample_of_people_is_worth_its_size(planted: int) -> None:
    """Predictions that are answers of n other people from the population are worth about n."""
    rng = np.random.default_rng(3)
    population = rng.dirichlet(np.full(4, 1.5), 4000)
    human = rng.multinomial(100, population) / 100
    predicted = rng.multinomial(planted, population) / planted
    ordinals = np.tile(np.linspace(0, 1, 4), (4000, 1))

    curve = expected_wasserstein(human, np.full(4000, 100), ordinals, SIZES).mean(axis=0)
    distance = wasserstein(predicted, human, ordinals).mean()

    assert_allclose(equivalent_size(np.array([distance]), curve[None], SIZES), planted, rtol=0.06)


def test_size_is_open_beyond_the_curve() -> None:
    """Further than one person is worth none, closer than any number of them more than all."""
    curve = np.array([[0.4, 0.2, 0.1]])

    sizes = [equivalent_size(np.array([d]), curve, np.array([1, 4, 16]))[0] for d in
             (0.5, 0.4, 0.3, 0.2, 0.15, 0.1, 0.05, np.nan)]  # fmt: skip

    assert_allclose(sizes, [0, 1, 2, 4, 8, 16, np.inf, np.nan])


def test_the_smallest_of_equal_samples_counts() -> None:
    """Three people are no closer than two where half say yes."""
    curve = np.array([[0.5, 0.25, 0.25, 0.1875]])

    assert_allclose(equivalent_size(np.array([0.25]), curve, np.array([1, 2, 3, 4])), [2])
