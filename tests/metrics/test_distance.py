import time
from collections.abc import Callable

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.spatial.distance import euclidean, jensenshannon
from scipy.special import rel_entr
from scipy.stats import binom, wasserstein_distance

from distexp.metrics.distance import (
    hellinger,
    jensen_shannon,
    kl_divergence,
    sampling_ceiling,
    scaled_ordinals,
    score,
    total_variation,
    wasserstein,
)
from distexp.types import FloatArray, IntArray

SCALES = (
    (1, 2, 3, 4),
    (1, 2, 3, 4, 2.5),  # "depends", listed last, lies in the middle
    (3, 1, 2),
    (1, 1, 2, 3),
    (1, 2, 2, 1, 5, 3),
)


def padded(rows: list[list[float]], fill: float = 0.0) -> FloatArray:
    """Return ragged `rows` as one array filled up at the right."""
    array = np.full((len(rows), max(map(len, rows))), fill)
    for i, row in enumerate(rows):
        array[i, : len(row)] = row
    return array


def random_cases(n: int, seed: int) -> tuple[FloatArray, FloatArray, FloatArray, IntArray]:
    """Return predicted, human, ordinals and numbers of options of `n` cases on `SCALES`."""
    rng = np.random.default_rng(seed)
    scales = [scaled_ordinals(SCALES[i % len(SCALES)]) or () for i in range(n)]
    predicted = padded([list(rng.dirichlet(np.ones(len(s)))) for s in scales])
    human = padded([list(rng.dirichlet(np.ones(len(s)) / 2)) for s in scales])
    n_options = np.array([len(s) for s in scales])
    return predicted, human, padded([list(s) for s in scales], np.nan), n_options


def test_wasserstein_agrees_with_scipy_on_tied_and_unordered_scales() -> None:
    """Positions count, not the order in which the options are listed."""
    predicted, human, ordinals, n_options = random_cases(200, seed=0)

    distances = wasserstein(predicted, human, ordinals)

    expected = [
        wasserstein_distance(o[:k], o[:k], p[:k], h[:k])
        for p, h, o, k in zip(predicted, human, ordinals, n_options, strict=True)
    ]
    assert_allclose(distances, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("predicted", "human", "ordinals", "expected"),
    [
        pytest.param([1, 0, 0], [0, 0, 1], [0, 0.5, 1], 1.0, id="end-to-end"),
        pytest.param([0.2, 0.8], [0.5, 0.5], [0, 1], 0.3, id="binary"),
        pytest.param([0.5, 0.5, 0], [0, 0.5, 0.5], [0, 0.5, 1], 0.5, id="shifted-one-step"),
        pytest.param([0.5, 0.5, 0], [0, 0.5, 0.5], [0, 0.2, 1], 0.5, id="uneven-steps"),
        pytest.param([1, 0, 0], [0, 1, 0], [0, 0.2, 1], 0.2, id="first-step-is-short"),
        pytest.param([1, 0, 0], [0, 1, 0], [0, 0, 1], 0.0, id="tied-options-are-one"),
        pytest.param([1, 0, 0], [0, 0, 1], [0, 1, 0.5], 0.5, id="last-listed-in-the-middle"),
    ],
)
def test_wasserstein_of_hand_worked_cases(
    predicted: list[float], human: list[float], ordinals: list[float], expected: float
) -> None:
    """Each share costs the distance it moves along the scale."""
    distances = wasserstein(np.array([predicted]), np.array([human]), np.array([ordinals]))

    assert_allclose(distances, [expected], atol=1e-15)


def test_wasserstein_is_undefined_for_nominal_questions() -> None:
    """Options without positions have no distance; other cases of the batch keep theirs."""
    predicted = padded([[0.9, 0.1], [0.2, 0.3, 0.5]])
    human = padded([[0.4, 0.6], [0.2, 0.3, 0.5]])
    ordinals = padded([[0, 1], [np.nan] * 3], np.nan)

    assert_allclose(wasserstein(predicted, human, ordinals), [0.5, np.nan])


def test_total_variation_needs_no_order() -> None:
    """It is the share of answers that would have to change: 0.1 + 0.2 here."""
    predicted = np.array([[0.5, 0.3, 0.2, 0]])
    human = np.array([[0.2, 0.4, 0.4, 0]])

    assert_allclose(total_variation(predicted, human), [0.3])


def test_kl_divergence_agrees_with_scipy_after_smoothing() -> None:
    """The uniform part is spread over a case's own options only."""
    predicted, human, _, n_options = random_cases(50, seed=1)
    mask = np.arange(predicted.shape[1]) < n_options[:, None]

    divergences = kl_divergence(human, predicted, mask, smoothing=0.1)

    smoothed = [0.9 * p[:k] + 0.1 / k for p, k in zip(predicted, n_options, strict=True)]
    expected = [
        rel_entr(h[:k], q).sum() for h, q, k in zip(human, smoothed, n_options, strict=True)
    ]
    assert_allclose(divergences, expected, atol=1e-12)


def test_kl_divergence_of_zero_shares_is_finite() -> None:
    """An option no human chose adds 0; one predicted as 0 costs log(n_options / smoothing)."""
    human = np.array([[1.0, 0.0]])
    predicted = np.array([[0.0, 1.0]])

    divergence = kl_divergence(human, predicted, np.ones((1, 2), dtype=bool), smoothing=0.01)

    assert_allclose(divergence, [np.log(2 / 0.01)])


def test_hellinger_agrees_with_scipy_and_is_1_where_nothing_is_shared() -> None:
    """It is the Euclidean distance of the square roots, over the square root of 2."""
    predicted, human, _, _ = random_cases(50, seed=1)

    distances = hellinger(predicted, human)

    expected = [
        euclidean(np.sqrt(p), np.sqrt(h)) / np.sqrt(2)
        for p, h in zip(predicted, human, strict=True)
    ]
    assert_allclose(distances, expected, rtol=0, atol=1e-12)
    assert_allclose(hellinger(np.array([[1.0, 0]]), np.array([[0, 1.0]])), [1.0])


def test_jensen_shannon_is_the_square_root_of_the_divergence_to_base_2() -> None:
    """As scipy has it; of distributions that share nothing it is 1."""
    predicted, human, _, _ = random_cases(50, seed=1)

    distances = jensen_shannon(predicted, human)

    expected = [jensenshannon(p, h, base=2) for p, h in zip(predicted, human, strict=True)]
    assert_allclose(distances, expected, rtol=0, atol=1e-8)  # the root of rounding
    assert_allclose(jensen_shannon(np.array([[1.0, 0]]), np.array([[0, 1.0]])), [1.0])


@pytest.mark.parametrize("distance", [hellinger, jensen_shannon])
def test_roots_of_equal_rounded_and_missing_shares(
    distance: Callable[[FloatArray, FloatArray], FloatArray],
) -> None:
    """Equal shares are at 0; what rounding leaves below 0 is no share; NaN stays NaN."""
    predicted = np.array([[0.3, 0.7, 0], [0.3, 0.7, -1e-17], [np.nan, np.nan, np.nan]])
    human = np.tile([0.3, 0.7, 0.0], (3, 1))

    assert_allclose(distance(predicted, human), [0, 0, np.nan], atol=1e-8)


def test_metrics_broadcast_over_leading_dimensions() -> None:
    """Scoring splits or draws at once gives what scoring each by itself gives."""
    predicted, human, ordinals, n_options = random_cases(20, seed=2)
    mask = np.arange(predicted.shape[1]) < n_options[:, None]
    several = np.stack([predicted, human, predicted[::-1] * mask])

    together = score(several, human, ordinals, mask)

    for i, one in enumerate(several):
        for whole, part in zip(together, score(one, human, ordinals, mask), strict=True):
            assert_array_equal(whole[i], part)


def test_a_missing_prediction_scores_nan() -> None:
    """NaN predictions are never scored as if they were a distribution."""
    predicted, human = np.array([[np.nan, np.nan]]), np.array([[1.0, 0.0]])

    scores = score(predicted, human, np.array([[0, 1.0]]), np.ones((1, 2), dtype=bool))

    assert np.isnan(scores.wasserstein).all()
    assert np.isnan(scores.total_variation).all()
    assert np.isnan(scores.kl_divergence).all()


def test_wasserstein_is_fast_enough_for_bootstraps() -> None:
    """A hundred thousand cases of ten options take less than half a second on any machine."""
    rng = np.random.default_rng(3)
    predicted, human = rng.dirichlet(np.ones(10), size=(2, 100_000))
    ordinals = rng.permuted(np.tile(np.linspace(0, 1, 10), (100_000, 1)), axis=1)

    start = time.process_time()
    wasserstein(predicted, human, ordinals)

    assert time.process_time() - start < 0.5


@pytest.mark.parametrize("n", [1, 7, 40])
def test_sampling_ceiling_of_a_binary_question_has_a_closed_form(n: int) -> None:
    """With two options both distances are E|count / n - p|, a sum over the binomial."""
    p, n_cases = 0.3, 50
    human = np.tile([p, 1 - p], (n_cases, 1))
    ordinals, mask = np.tile([0.0, 1.0], (n_cases, 1)), np.ones((n_cases, 2), dtype=bool)

    ceiling = sampling_ceiling(
        human, np.full(n_cases, float(n)), ordinals, mask, 400, np.random.default_rng(0)
    )

    counts = np.arange(n + 1)
    weights = binom.pmf(counts, n, p)
    expected = weights @ np.abs(counts / n - p)
    smoothed = 0.99 * human[0] + 0.005
    divergence = weights @ rel_entr(np.stack([counts, n - counts], 1) / n, smoothed).sum(axis=1)
    assert_allclose(ceiling.wasserstein.mean(), expected, rtol=0.02)
    assert_allclose(ceiling.total_variation.mean(), expected, rtol=0.02)
    assert_allclose(ceiling.kl_divergence.mean(), divergence, rtol=0.04)


def test_sampling_ceiling_is_the_score_that_the_population_gets() -> None:
    """Samples drawn and scored here have the mean that the ceiling foretells."""
    predicted, human, ordinals, n_options = random_cases(6, seed=4)
    mask = np.arange(predicted.shape[1]) < n_options[:, None]
    n = np.array([5, 10, 20, 50, 100, 1000])

    ceiling = sampling_ceiling(human, n + 0.4, ordinals, mask, 3000, np.random.default_rng(0))

    samples = np.random.default_rng(1).multinomial(n, human, size=(3000, 6)) / n[:, None]
    scores = score(human, samples, ordinals, mask)
    for expected, drawn in zip(ceiling, scores, strict=True):
        assert_allclose(expected, drawn.mean(axis=0), rtol=0.1)


def test_sampling_ceiling_is_reproducible_and_accepts_rounded_shares() -> None:
    """Equal seeds give equal numbers; shares read from float32 files need not sum to 1 exactly."""
    human = np.array([[0.6, 0.4000005, 0.0]])
    ordinals, mask = np.array([[0, 1, np.nan]]), np.array([[True, True, False]])

    first, second = (
        sampling_ceiling(human, np.ones(1), ordinals, mask, 5, np.random.default_rng(8))
        for _ in range(2)
    )

    assert_array_equal(first, second)


@pytest.mark.parametrize(
    ("ordinals", "expected"),
    [
        pytest.param((1, 2, 3), (0, 0.5, 1), id="even"),
        pytest.param((1, 2, 3, 4, 2.5), (0, 1 / 3, 2 / 3, 1, 0.5), id="unordered"),
        pytest.param((10, -10), (1, 0), id="falling"),
        pytest.param((2, 2, 2), None, id="all-equal-is-nominal"),
        pytest.param(None, None, id="nominal"),
    ],
)
def test_ordinals_are_scaled_to_the_unit_range(
    ordinals: tuple[float, ...] | None, expected: tuple[float, ...] | None
) -> None:
    """The lowest position becomes 0 and the highest 1; a scale without range is no scale."""
    assert scaled_ordinals(ordinals) == (expected and pytest.approx(expected))
