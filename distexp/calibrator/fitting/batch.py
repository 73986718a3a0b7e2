"""Fitting a calibrator to many training sets: all at once where its mathematics allows."""

from abc import abstractmethod

import numpy as np

from distexp.calibrator.fitting.base import Scoped
from distexp.protocols import Calibrator
from distexp.types import Design, FloatArray


class Batched(Scoped):
    """A calibrator that is fitted to many training sets of the same cases in one go.

    A family that extends it writes `_fit_predict` for all groups together. With
    ``scope="per_group"`` each group's cases are one such problem more; with ``scope="partial"``
    every fit has an inner cross-validation of its own, and is made by itself.
    """

    def fit_predict(self, X: Design, y: FloatArray, weights: FloatArray) -> FloatArray:
        """Fit once for each row of `weights`; see `distexp.protocols.BatchCalibrator`."""
        self.check_params()
        if self.scope == "partial":
            return refit(self._unfitted(), X, y, weights)
        predicted = self._fit_predict(X, y, weights)
        for group in np.unique(X.group) if self.scope == "per_group" else ():
            rows = np.flatnonzero(X.group == group)
            fits = np.flatnonzero(weights[:, rows].any(axis=1))
            own = self._fit_predict(X.take(rows), y[rows], weights[np.ix_(fits, rows)])
            predicted[np.ix_(fits, rows)] = own
        return predicted

    @abstractmethod
    def _fit_predict(self, X: Design, y: FloatArray, weights: FloatArray) -> FloatArray:
        """Do what as many calls of `_fit` and `_predict` do; the calibrator stays as it is.

        `weights` has shape (n_fits, n_cases), the predictions (n_fits, n_cases, max_options).
        """


def refit(calibrator: Calibrator, X: Design, y: FloatArray, weights: FloatArray) -> FloatArray:
    """Fit and predict once for each row of `weights`, one after the other.

    Parameters
    ----------
    calibrator : Calibrator
        Is left as the last fit made it.
    X : Design of n_cases cases
    y : ndarray of shape (n_cases, max_options)
        Human distributions, padded with 0.
    weights : ndarray of shape (n_fits, n_cases)
        Weight of each case in each fit, 0 where it is not trained on. A fit whose weights are
        all 1 is made without weights, which not every regressor takes.

    Returns
    -------
    ndarray of shape (n_fits, n_cases, max_options)
    """
    predicted = np.empty((*weights.shape, y.shape[1]))
    for weight, out in zip(weights, predicted, strict=True):
        rows = weight > 0
        kept = None if (weight[rows] == 1).all() else weight[rows]
        out[:] = calibrator.fit(X.take(rows), y[rows], kept).predict(X)
    return predicted
