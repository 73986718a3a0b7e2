"""Dirichlet regression: human shares as draws around a mean that follows the model."""

import numpy as np
from scipy.special import digamma, gammaln

from distexp.calibrator.fitting.linear import LinearCalibrator, LinearScores
from distexp.calibrator.fitting.loss import minimised
from distexp.types import BoolArray, Design, FloatArray

LOG_PRECISION = (-3.0, 9.0)
"""Lowest and highest logarithm of the precision: a model that is always right would have an
infinite one."""
FIRST_PRECISION = 10.0
"""Where the search starts: groups' shares of an option then vary by about ten points."""
LARGEST_SCORE = 50.0
"""Beyond it, either side of 0, a step of the search is cut."""


class DirichletRegression(LinearCalibrator):
    """Takes human shares for draws of a Dirichlet distribution whose parameters follow the model.

    With K options ``alpha = exp(c + W z + b) / K``; the prediction is the mean
    ``alpha / sum(alpha)``. W, b and c maximise the likelihood less ``penalty * (W - W0) ** 2`` and
    ``penalty * b ** 2``, where W0 is the identity. c, for which there is no penalty, sets the
    precision ``sum(alpha)``; it varies from case to case where W is not the identity. A Dirichlet
    distribution has no shares of 0, so human shares h of n cases are taken for
    ``(h * (n - 1) + 1 / K) / n``.

    Parameters
    ----------
    features : {"log", "share"}
    matrix : {"temperature", "vector", "full"}
        As in `distexp.calibrator.softmax.SoftmaxRegression`.
    penalty : float
        At least 0, as in `SoftmaxRegression`; a case weighs about as much as ten do in
        cross-entropy.
    scope : {"pooled", "per_group", "partial"}
        See `distexp.calibrator.fitting.base.Scoped`.

    Attributes
    ----------
    shared_, by_size_
        See `distexp.calibrator.fitting.linear.LinearCalibrator`; the last parameter is c.

    References
    ----------
    Hijazi and Jernigan 2009, "Modelling compositional data using Dirichlet regression models";
    Maier 2014, "DirichletReg: Dirichlet regression for compositional data in R" (the common
    parametrization); Smithson and Verkuilen 2006, "A better lemon squeezer?" (shares of 0).
    """

    def __init__(
        self,
        features: str = "log",
        matrix: str = "vector",
        penalty: float = 10.0,
        scope: str = "pooled",
    ) -> None:
        self.features = features
        self.matrix = matrix
        self.penalty = penalty
        self.scope = scope

    def _parameters(
        self, linear: LinearScores, z: FloatArray, X: Design, y: FloatArray, weight: FloatArray
    ) -> FloatArray:
        log_y, log_k = log_interior(y, X.mask), np.log(X.n_options)[:, None]

        def loss(parameters: FloatArray) -> tuple[float, FloatArray]:
            scores = linear.scores(parameters[:-1], z) + parameters[-1] - log_k
            value, by_scores = surprise(scores, log_y, X.mask, weight)
            return value, np.append(linear.gradient(by_scores, z), by_scores.sum())

        near = np.append(linear.identity, np.log(FIRST_PRECISION))
        penalties = np.append(linear.penalties(self.penalty, 0.0), 0.0)
        free = [(-np.inf, np.inf)] * len(linear.identity)
        return minimised(loss, near, penalties, [*free, LOG_PRECISION])


def log_interior(y: FloatArray, mask: BoolArray) -> FloatArray:
    """Return the logarithm of shares that are pulled to the uniform distribution by 1 case in n.

    Parameters
    ----------
    y, mask : ndarray of shape (n_cases, max_options)

    Returns
    -------
    ndarray of shape (n_cases, max_options)
        Finite, 0 in the padding.
    """
    n, k = len(y), mask.sum(axis=1, keepdims=True)
    pulled = (y * (n - 1) + 1 / k) / n
    return np.log(np.where(mask, pulled, 1.0))


def surprise(
    log_alpha: FloatArray, log_y: FloatArray, mask: BoolArray, weight: FloatArray
) -> tuple[float, FloatArray]:
    """Return minus the log-likelihood of Dirichlet parameters, and its gradient.

    Parameters
    ----------
    log_alpha, log_y, mask : ndarray of shape (n_cases, max_options)
        What `log_alpha` says in the padding is ignored.
    weight : ndarray of shape (n_cases,)

    Returns
    -------
    float
    ndarray of shape (n_cases, max_options)
        By `log_alpha`, 0 in the padding.
    """
    alpha = np.exp(np.clip(log_alpha, -LARGEST_SCORE, LARGEST_SCORE))
    total = np.where(mask, alpha, 0.0).sum(axis=1)
    value = np.where(mask, gammaln(alpha) - (alpha - 1) * log_y, 0.0).sum(axis=1)
    slope = alpha * (digamma(alpha) - digamma(total)[:, None] - log_y)
    gradient = np.where(mask, weight[:, None] * slope, 0.0)
    return float(weight @ (value - gammaln(total))), gradient
