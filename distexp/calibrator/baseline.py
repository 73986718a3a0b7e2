"""Baselines: the uncalibrated prediction, and what can be said without any language model."""

from dataclasses import dataclass, field
from typing import ClassVar, Self

import numpy as np

from distexp.calibrator.fitting.base import Scoped, uniform
from distexp.types import Design, FloatArray


@dataclass
class Identity:
    """Leaves predictions as they are: the score to improve on."""

    scope: ClassVar[str] = "pooled"

    def check_params(self) -> None:
        """Accept: there is nothing to set."""

    def fit(self, X: Design, y: FloatArray, sample_weight: FloatArray | None = None) -> Self:
        """Learn nothing."""
        return self

    def predict(self, X: Design) -> FloatArray:
        """Return a copy of the predictions."""
        return X.predicted.copy()

    def fit_predict(self, X: Design, y: FloatArray, weights: FloatArray) -> FloatArray:
        """Return the predictions once for each fit."""
        return np.tile(X.predicted, (len(weights), 1, 1))

    def fit_leave_out(
        self, X: Design, y: FloatArray, weights: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return the same with and without; see `fitting.left_out.LeavesOut`."""
        return self.fit_predict(X, y, weights), self.fit_predict(X, y, weights)


@dataclass
class Uniform:
    """Gives every option the same share: what knowing nothing scores."""

    scope: ClassVar[str] = "pooled"

    def check_params(self) -> None:
        """Accept: there is nothing to set."""

    def fit(self, X: Design, y: FloatArray, sample_weight: FloatArray | None = None) -> Self:
        """Learn nothing."""
        return self

    def predict(self, X: Design) -> FloatArray:
        """Return the uniform distributions."""
        return uniform(X)


@dataclass
class TrainMean(Scoped):
    """Predicts the mean human distribution of the training cases with as many options.

    A calibrator that does not beat it has learnt the survey's habits, not the model's.

    Parameters
    ----------
    scope : {"pooled", "per_group", "partial"}
        The mean of all groups of people, or each group's own.

    Attributes
    ----------
    means_ : dict of int to ndarray
        Mean distribution, of shape (n_options,), by number of options. Numbers of options never
        trained on are predicted as uniform.
    """

    scope: str = "pooled"
    means_: dict[int, FloatArray] = field(init=False, repr=False)

    def fit_predict(self, X: Design, y: FloatArray, weights: FloatArray) -> FloatArray:
        """Fit once for each row of `weights`; see `distexp.protocols.BatchCalibrator`."""
        if self.scope != "pooled":
            return np.array([self._unfitted().fit(X, y, w).predict(X) for w in weights])
        predicted = np.tile(uniform(X), (len(weights), 1, 1))
        for k in np.unique(X.n_options).tolist():
            rows = X.n_options == k
            totals = weights[:, rows].sum(axis=1)
            trained = totals > 0
            means = weights[trained][:, rows] @ y[rows] / totals[trained, None]
            predicted[np.ix_(trained, rows)] = means[:, None]
        return predicted

    def _fit(self, X: Design, y: FloatArray, weight: FloatArray | None) -> None:
        self.means_ = {}
        for k in np.unique(X.n_options).tolist():
            rows = X.n_options == k
            weights = None if weight is None else weight[rows]
            self.means_[k] = np.average(y[rows, :k], axis=0, weights=weights)

    def _predict(self, X: Design) -> FloatArray:
        calibrated = uniform(X)
        for k, mean in self.means_.items():
            calibrated[X.n_options == k, :k] = mean
        return calibrated
