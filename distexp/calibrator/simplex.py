"""Joint calibrators whose weights are on the simplex: linear, and never off it."""

import numpy as np

from distexp.calibrator.fitting.base import Scoped, clipped, uniform
from distexp.calibrator.fitting.linear import of_size, trained_sizes
from distexp.calibrator.fitting.mixture import MIXTURE_LOSSES, nearest_mixture
from distexp.calibrator.fitting.parameters import Parameters, check_fitted
from distexp.checks import check_number, parameter_error
from distexp.types import Design, FloatArray


class _Mixture(Scoped, Parameters):
    """Takes `loss` and `penalty`."""

    loss: str
    penalty: float

    def check_params(self) -> None:
        """Raise `ConfigError` if a parameter is wrong."""
        super().check_params()
        owner = type(self).__name__
        if self.loss not in MIXTURE_LOSSES:
            raise parameter_error(owner, "loss", f"one of {', '.join(MIXTURE_LOSSES)}", self.loss)
        check_number(owner, "penalty", self.penalty, low=0)


class SimplexLeastSquares(_Mixture):
    """Predicts ``p @ M``: a matrix M for each number of options moves shares between them.

    Each row of M is a distribution: what becomes of the share that the model gave to that option.
    So ``p @ M`` is one whatever p is, and nothing is clipped. M minimises the sum of the cases'
    losses and of ``penalty * (M - I) ** 2``, I the identity. A number of options with fewer than
    `MIN_QUESTIONS` training questions gets ``(1 - a) * p + a / K`` instead, with one a in [0, 1]
    for all of them, fitted to the cases of all numbers of options.

    Parameters
    ----------
    loss : {"squared", "wasserstein"}
        `squared`: the sum of ``(p @ M - h) ** 2``. `wasserstein`: along the scale, softened as in
        `distexp.calibrator.fitting.loss.SoftmaxLoss`; it takes about twenty times as long.
    penalty : float
        At least 0. Give weights a mean of 1: larger ones are more data, and the penalty counts
        for less.
    scope : {"pooled", "per_group", "partial"}
        See `distexp.calibrator.fitting.base.Scoped`.

    Attributes
    ----------
    shared_ : ndarray of shape (2,)
        ``1 - a`` and a.
    by_size_ : dict of int to ndarray of shape (n_options, n_options)
        M by number of options.

    References
    ----------
    Fiksel, Zeger and Datta 2022, "A transformation-free linear regression for compositional
    outcomes and predictors", arXiv 2004.07881 (the same mean, by quasi-likelihood).
    """

    def __init__(self, loss: str = "squared", penalty: float = 1.0, scope: str = "pooled") -> None:
        self.loss = loss
        self.penalty = penalty
        self.scope = scope

    def _fit(self, X: Design, y: FloatArray, weight: FloatArray | None) -> None:
        weights = np.ones(len(y)) if weight is None else weight
        ends = np.stack([X.predicted, uniform(X)], axis=1)
        unchanged = np.array([[1.0, 0.0]])
        self.shared_ = self._nearest(ends, X, y, weights, unchanged)[0]
        self.by_size_ = {}
        for k in trained_sizes(X):
            rows, of_k = of_size(X, k)
            # The weight M[l, j] is that of a distribution with all of share l on option j.
            moved = (of_k.predicted[:, :, None, None] * np.eye(k)).reshape(-1, k * k, k)
            self.by_size_[k] = self._nearest(moved, of_k, y[rows, :k], weights[rows], np.eye(k))

    def _nearest(
        self, parts: FloatArray, X: Design, y: FloatArray, weight: FloatArray, near: FloatArray
    ) -> FloatArray:
        return nearest_mixture(parts, X, y, weight, near, self.penalty, self.loss)

    def _predict(self, X: Design) -> FloatArray:
        check_fitted(self)
        calibrated = self.shared_[0] * X.predicted + self.shared_[1] * uniform(X)
        for k, moves in self.by_size_.items():
            rows = X.n_options == k
            calibrated[rows, :k] = X.predicted[rows, :k] @ moves
        return clipped(calibrated, X)  # a model's shares sum to 1 but for rounding


class LinearPool(_Mixture):
    """Averages the stacked inputs, each with a weight of its own: the linear opinion pool.

    The weights are on the simplex, and the same whatever the question's number of options. They
    minimise the sum of the cases' losses and of ``penalty * n_inputs * (weight - 1 / n_inputs) **
    2``: the more inputs, the smaller the differences of weights that count. A single input is
    left as it is.

    Parameters
    ----------
    loss : {"squared", "wasserstein"}
        As in `SimplexLeastSquares`.
    penalty : float
        At least 0. Give weights of cases a mean of 1.
    scope : {"pooled", "per_group", "partial"}
        See `distexp.calibrator.fitting.base.Scoped`.

    Attributes
    ----------
    weights_ : ndarray of shape (n_inputs,)
        Non-negative, summing to 1.

    References
    ----------
    Stone 1961, "The opinion pool", Annals of Mathematical Statistics 32.
    """

    def __init__(
        self, loss: str = "wasserstein", penalty: float = 1.0, scope: str = "pooled"
    ) -> None:
        self.loss = loss
        self.penalty = penalty
        self.scope = scope

    def _fit(self, X: Design, y: FloatArray, weight: FloatArray | None) -> None:
        weights = np.ones(len(y)) if weight is None else weight
        n_inputs = X.stacked.shape[1]
        even = np.full((1, n_inputs), 1 / n_inputs)
        penalty = self.penalty * n_inputs
        found = nearest_mixture(X.stacked, X, y, weights, even, penalty, self.loss)
        self.weights_ = found[0]

    def _predict(self, X: Design) -> FloatArray:
        check_fitted(self)
        return clipped(np.tensordot(X.stacked, self.weights_, axes=(1, 0)), X)
