"""What a fit would have predicted for each of its training questions without that question."""

from typing import Protocol, runtime_checkable

import numpy as np

from distexp.protocols import BatchCalibrator
from distexp.types import Design, FloatArray, IntArray


@runtime_checkable
class LeavesOut(BatchCalibrator, Protocol):
    """A calibrator that says what it would predict without a case's own question."""

    def fit_leave_out(
        self, X: Design, y: FloatArray, weights: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Fit once for each row of `weights` and predict every case twice by each fit.

        Parameters
        ----------
        X, y, weights
            As in `distexp.protocols.BatchCalibrator.fit_predict`.

        Returns
        -------
        ndarray of shape (n_fits, n_cases, max_options)
            What `fit_predict` returns.
        ndarray of shape (n_fits, n_cases, max_options)
            The same, but of a training case by the fit without its question: it may rest on no
            question at all, and is then the calibrator's prior.
        """
        ...


def ridge_left_out(
    features: FloatArray,
    target: FloatArray,
    weight: FloatArray,
    penalty: FloatArray,
    coef: FloatArray,
    question: IntArray,
) -> FloatArray:
    """Predict each row of a ridge regression without the rows of its question.

    The weights stay as they are, so that nothing is fitted again: with H the rows of the hat
    matrix that a question's rows have in common, its errors without it are ``inv(I - H)`` times
    those with it.

    Parameters
    ----------
    features : ndarray of shape (n_rows, n_features)
    target, weight : ndarray of shape (n_rows,)
    penalty : ndarray of shape (n_features,)
        > 0.
    coef : ndarray of shape (n_features,)
        The solution, whatever its prior mean is.
    question : ndarray of shape (n_rows,)

    Returns
    -------
    ndarray of shape (n_rows,)

    References
    ----------
    Cook and Weisberg (1982), "Residuals and Influence in Regression", section 3.6.
    """
    gram = (features.T * weight) @ features + np.diag(penalty)
    spread = np.linalg.solve(gram, features.T)
    error = target - features @ coef
    left_out = np.empty_like(target)
    order = np.argsort(question, kind="stable")
    starts = np.flatnonzero(np.diff(question[order])) + 1
    for rows in np.split(order, starts):
        hat = features[rows] @ spread[:, rows] * weight[rows]
        left_out[rows] = target[rows] - np.linalg.solve(np.eye(len(rows)) - hat, error[rows])
    return left_out
