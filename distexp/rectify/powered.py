r"""Prediction-powered means: people's answers, predictions for them, and for many others.

PPI++ estimates a mean as :math:`\lambda \bar f_{others} + \overline{(y - \lambda f)}_{people}`,
which is unbiased whatever the predictions are. Lambda is tuned to the least variance and kept in
[0, 1]; at 0 the predictions play no part. A vector of shares has one lambda, so it sums to 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from distexp.types import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Stratum:
    """People, and others of whom there are only predictions, of one part of the population."""

    answers: FloatArray
    """Shape (n_people, n_values): for shares 1 for the option chosen, else 0."""
    predicted: FloatArray
    """Shape (n_people, n_values): of the same people."""
    others: FloatArray
    """Shape (n_others, n_values): of the others."""
    weights: FloatArray
    """Shape (n_people,): positive."""
    other_weights: FloatArray
    """Shape (n_others,)."""
    share: float = 1.0
    """Of the population; those of all strata sum to 1."""


class Powered(NamedTuple):
    """Estimated means with their intervals; arrays are of shape (n_values,)."""

    value: FloatArray
    low: FloatArray
    high: FloatArray
    variance: FloatArray
    tuning: float
    """Lambda."""


def powered(strata: Sequence[Stratum], coverage: float, tuning: float | None = None) -> Powered:
    """Estimate means.

    Weighted means are Hájek's, their variances linearised, with Kish's numbers; intervals are
    Student's.

    Parameters
    ----------
    strata : sequence of Stratum
        Each of two people and two others or more.
    coverage : float
    tuning : float, optional
        Lambda; None tunes it, 0 is the mean of the people alone.

    References
    ----------
    Angelopoulos, Duchi and Zrnic, arXiv 2311.01453 (PPI++), equation 6; strata: 2406.04291.

    Examples
    --------
    >>> y = np.array([[1.0], [0.0], [1.0], [0.0]])
    >>> one = Stratum(answers=y, predicted=y, others=np.array([[1.0], [1.0], [1.0], [0.0]]),
    ...     weights=np.ones(4), other_weights=np.ones(4))
    >>> found = powered([one], 0.9)
    >>> round(found.tuning, 4), found.value.round(4)
    (0.4667, array([0.6167]))
    """
    from scipy.stats import t

    best = tuned(strata) if tuning is None else tuning
    value = np.zeros(strata[0].answers.shape[1])
    variance = np.zeros_like(value)
    for one in strata:
        off = one.answers - best * one.predicted
        mean = best * _mean(one.others, one.other_weights) + _mean(off, one.weights)
        value += one.share * mean
        variance += one.share**2 * (
            best**2 * _variance_of_mean(one.others, one.other_weights)
            + _variance_of_mean(off, one.weights)
        )
    free = sum(len(one.answers) for one in strata) - len(strata)
    reach = t.ppf((1 + coverage) / 2, free) * np.sqrt(variance)
    return Powered(value, value - reach, value + reach, variance, float(best))


def tuned(strata: Sequence[Stratum]) -> float:
    """Return the lambda of least variance, in [0, 1]; 0 where predictions do not vary."""
    gain = cost = 0.0
    for one in strata:
        n, m = kish(one.weights), kish(one.other_weights)
        centred = one.predicted - _mean(one.predicted, one.weights)
        y = one.answers - _mean(one.answers, one.weights)
        covariance = (one.weights @ (y * centred)).sum() / one.weights.sum()
        all_ = np.vstack([one.predicted, one.others])
        w = np.r_[one.weights / one.weights.mean(), one.other_weights / one.other_weights.mean()]
        spread = (w @ (all_ - _mean(all_, w)) ** 2).sum() / w.sum() * len(w) / (len(w) - 1)
        gain += one.share**2 * covariance / n
        cost += one.share**2 * spread * (1 / n + 1 / m)
    return min(max(gain / cost, 0.0), 1.0) if cost > 0 else 0.0


def kish(weights: FloatArray) -> float:
    """Return Kish's effective number of answers."""
    return float(weights.sum() ** 2 / (weights**2).sum())


def _mean(values: FloatArray, weights: FloatArray) -> FloatArray:
    mean: FloatArray = weights @ values / weights.sum()
    return mean


def _variance_of_mean(values: FloatArray, weights: FloatArray) -> FloatArray:
    n = len(weights)
    off = values - _mean(values, weights)
    variance: FloatArray = (weights**2 @ off**2) / weights.sum() ** 2 * n / (n - 1)
    return variance
