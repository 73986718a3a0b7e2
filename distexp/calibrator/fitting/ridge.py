"""Ridge regression fitted to many weightings of the same examples at once."""

import sys
from typing import Any

import numpy as np

from distexp.calibrator.fitting.parameters import Parameters
from distexp.types import FloatArray

DIRECT_SOLVERS = ("auto", "cholesky", "svd")
"""Those that solve the normal equations, not step by step to a tolerance."""


class PlainRidge(Parameters):
    """Stands for a `sklearn.linear_model.Ridge` of which `alpha` alone is set, until it is cloned.

    Most are never fitted one by one, and then scikit-learn need not be imported.

    Parameters
    ----------
    alpha : float
        L2 penalty, >= 0.
    """

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = alpha

    @staticmethod
    def stands_for(settings: object) -> bool:
        """Whether these settings, with the class as `_target_`, are of such a regressor."""
        if not isinstance(settings, dict) or settings.keys() != {"_target_", "alpha"}:
            return False
        alpha = settings["alpha"]
        is_number = isinstance(alpha, int | float) and not isinstance(alpha, bool)
        return settings["_target_"] == "sklearn.linear_model.Ridge" and is_number and alpha >= 0

    def __sklearn_clone__(self) -> Any:
        """Return the regressor of scikit-learn, unfitted."""
        from sklearn.linear_model import Ridge

        return Ridge(alpha=self.alpha)


def is_direct(regressor: Any) -> bool:
    """Whether `ridge_predictions` with its `alpha` does what this scikit-learn regressor does."""
    if isinstance(regressor, PlainRidge):
        return regressor.alpha > 0
    linear = sys.modules.get("sklearn.linear_model")
    if linear is None or type(regressor) is not linear.Ridge:
        return False
    if not isinstance(regressor.alpha, int | float):
        return False
    exact = regressor.solver in DIRECT_SOLVERS and regressor.fit_intercept
    return bool(exact and regressor.alpha > 0 and not regressor.positive)


def ridge_predictions(
    features: FloatArray, target: FloatArray, weights: FloatArray, alpha: float
) -> FloatArray:
    """Fit a ridge regression for each row of `weights`, and predict every example by each.

    The intercept is not penalised. All fits are solved together from their centred Gram matrices,
    of shape (n_fits, n_features, n_features).

    Parameters
    ----------
    features : ndarray of shape (n_examples, n_features)
    target : ndarray of shape (n_examples, n_targets)
    weights : ndarray of shape (n_fits, n_examples)
        Not negative, and in no fit all 0; examples of weight 0 are predicted all the same.
    alpha : float
        L2 penalty, > 0.

    Returns
    -------
    ndarray of shape (n_fits, n_examples, n_targets)
        As by `sklearn.linear_model.Ridge` fitted with each row as `sample_weight`, to rounding.

    References
    ----------
    Hoerl and Kennard (1970), "Ridge regression", Technometrics 12.

    Examples
    --------
    >>> x = np.array([[0.0], [1.0], [2.0]])
    >>> ridge_predictions(x, 2 * x, np.array([[1.0, 1.0, 1.0], [1.0, 1.0, 0.0]]), 0.5)[..., 0]
    array([[0.4, 2. , 3.6],
           [0.5, 1.5, 2.5]])
    """
    shares = weights / weights.sum(axis=1, keepdims=True)
    feature_means, target_means = shares @ features, shares @ target
    centred = features - feature_means[:, None]
    weighted = np.swapaxes(centred * weights[:, :, None], 1, 2)
    gram = weighted @ centred
    diagonal = np.arange(features.shape[1])
    gram[:, diagonal, diagonal] += alpha
    coef = np.linalg.solve(gram, weighted @ target)  # `weighted` sums to 0, so `target` may not
    predictions: FloatArray = centred @ coef + target_means[:, None]
    return predictions
