"""Lasso regression on a single feature, fitted to many weightings of the same examples at once."""

import sys
from typing import Any

import numpy as np

from distexp.types import FloatArray


def is_direct(regressor: Any) -> bool:
    """Whether `lasso_predictions` with its `alpha` does what this scikit-learn regressor does."""
    linear = sys.modules.get("sklearn.linear_model")
    if linear is None or type(regressor) is not linear.Lasso:
        return False
    if not isinstance(regressor.alpha, int | float):
        return False
    return bool(regressor.fit_intercept and regressor.alpha > 0 and not regressor.positive)


def lasso_predictions(
    feature: FloatArray, target: FloatArray, weights: FloatArray, alpha: float
) -> FloatArray:
    """Fit a lasso regression for each row of `weights`, and predict every example by each.

    With one feature the minimum is known: the slope of least squares, drawn to 0 by `alpha` over
    the variance of the feature.

    Parameters
    ----------
    feature : ndarray of shape (n_examples, 1)
    target : ndarray of shape (n_examples, n_targets)
    weights : ndarray of shape (n_fits, n_examples)
        Not negative, and in no fit all 0; examples of weight 0 are predicted all the same.
    alpha : float
        L1 penalty, > 0.

    Returns
    -------
    ndarray of shape (n_fits, n_examples, n_targets)
        As by `sklearn.linear_model.Lasso` fitted with each row as `sample_weight`, to the
        tolerance of its iteration.

    References
    ----------
    Friedman, Hastie, Höfling and Tibshirani (2007), "Pathwise coordinate optimization", equation
    (2), Annals of Applied Statistics 1.

    Examples
    --------
    >>> x = np.array([[0.0], [1.0], [2.0]])
    >>> lasso_predictions(x, 2 * x, np.array([[1.0, 1.0, 1.0], [1.0, 1.0, 0.0]]), 0.5)[..., 0]
    array([[0.75, 2.  , 3.25],
           [1.  , 1.  , 1.  ]])
    """
    shares = weights / weights.sum(axis=1, keepdims=True)
    feature_mean, target_means = shares @ feature, shares @ target
    centred = feature[:, 0] - feature_mean
    variance = (shares * centred**2).sum(axis=1)
    covariance = (shares * centred) @ target
    pulled = np.sign(covariance) * np.maximum(np.abs(covariance) - alpha, 0.0)
    slope = pulled / np.where(variance > 0, variance, 1.0)[:, None]
    predictions: FloatArray = centred[:, :, None] * slope[:, None] + target_means[:, None]
    return predictions
