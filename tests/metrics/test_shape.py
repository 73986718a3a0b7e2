"""Shape: entropy, largest share and correlation over options, against oracles."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import entropy as scipy_entropy
from scipy.stats import pearsonr

from distexp.metrics.shape import correlation, entropy, shape
from tests.metrics.test_distance import random_cases


def test_entropy_agrees_with_scipy_and_takes_no_notice_of_padding() -> None:
    """Options that nobody chose, and padding, add nothing."""
    predicted, _, _, _ = random_cases(50, seed=0)
    predicted[0] = [1] + [0] * (predicted.shape[1] - 1)

    assert_allclose(entropy(predicted), scipy_entropy(predicted, axis=1), atol=1e-12)
    assert entropy(predicted)[0] == 0


def test_correlation_agrees_with_scipy_over_the_options_there_are() -> None:
    """Padding is no option of share 0."""
    predicted, human, _, n_options = random_cases(50, seed=1)
    mask = np.arange(predicted.shape[1]) < n_options[:, None]

    expected = [
        pearsonr(p[:k], h[:k])[0] for p, h, k in zip(predicted, human, n_options, strict=True)
    ]
    assert_allclose(correlation(predicted, human, mask), expected, atol=1e-9)


@pytest.mark.parametrize(
    ("predicted", "human"),
    [([1 / 3, 1 / 3, 1 / 3], [0.2, 0.3, 0.5]), ([0.2, 0.3, 0.5], [1 / 3, 1 / 3, 1 / 3])],
    ids=["flat prediction", "flat answers"],
)
def test_flat_distributions_have_no_correlation(
    predicted: list[float], human: list[float]
) -> None:
    """What says nothing about options neither agrees nor disagrees; rounding makes no shape."""
    rounded = np.array([predicted]) * (1 + 1e-15)

    assert np.isnan(correlation(rounded, np.array([human]), np.full((1, 3), True))).all()


def test_hedging_raises_entropy_and_lowers_the_peak() -> None:
    """Half way to uniform the order of options stays, and only the shape tells."""
    human = np.array([[0.7, 0.2, 0.1]])

    found = shape((human + 1 / 3) / 2, human, np.full((1, 3), True))

    assert found.entropy > found.human_entropy
    assert_allclose((found.peak, found.human_peak), ([(0.7 + 1 / 3) / 2], [0.7]))
    assert_allclose(found.correlation, [1.0])
