"""Regression of the humans' cumulative shares on what the model's distributions look like."""

from typing import Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from distexp.calibrator.fitting.base import Scoped, uniform
from distexp.calibrator.fitting.boundaries import Boundaries, Vocabulary
from distexp.checks import check_int, check_number, parameter_error
from distexp.types import BoolArray, Design, FloatArray

LOSSES = ("wasserstein", "squared")
SMALL_ERROR = 0.03
"""Errors of a cumulative share below it weigh alike where the loss is absolute: close to 0 the
weights of iterative reweighting would grow without bound."""
USUAL_ERROR = 0.1
"""Reweighting leaves an error of this size its weight, so that penalties mean the same for both
losses."""


class CumulativeRegression(Scoped, BaseEstimator):  # type: ignore[misc]  # scikit-learn is untyped
    r"""Regresses the cumulative human shares on features of the predicted distribution.

    A question of K options on a scale has K - 1 boundaries. At each of them the share of people
    below is predicted as

    .. math:: F'(j) = (1 - w) F(j) + w j / K + \beta \cdot \phi(j)

    with F the model's cumulative shares, w the `prior_weight` and the features phi of
    `distexp.calibrator.fitting.boundaries`: baselines of the boundary, the model's cumulative
    share split into the question's level and the group's deviation, its neighbours, the mean and
    the spread of the prediction, the answer scale where several questions share it, and, stacked
    inputs given, each input's own share. Coefficients are pulled to 0, so that few questions
    change little: the prior is the model itself, shrunk a little to the uniform distribution.
    Boundaries of all questions and sizes are fitted together, and the sum of absolute errors over
    boundaries, weighted by the width of the scale between the options, is the Wasserstein-1
    distance. Boundaries that would cross are made to touch.

    A nominal question has no boundaries: its shares are mixed with the uniform distribution, with
    a weight that the nominal training questions fit by least squares.

    Parameters
    ----------
    penalty : float
        L2 penalty of the coefficients in units of cases, > 0.
    loss : {"wasserstein", "squared"}
        The absolute error of the cumulative shares, by iteratively reweighted least squares, or
        the squared one.
    n_iterations : int
        Reweightings, at least 1; nothing to `squared`.
    prior_weight : float
        Weight w of the uniform distribution in the prior, in [0, 1].
    scope : {"pooled", "per_group", "partial"}
        `partial` gives each group a shift, a tilt and a slope of its own deviation, all under
        the penalty, so that evidence has to bring them up; else see
        `distexp.calibrator.fitting.base.Scoped`.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,)
        The coefficients beta.
    sizes_, groups_, scales_ : list of int
        Numbers of options, groups and answer scales of the training cases that features name.
    nominal_weight_ : float
        Weight in [0, 1] of the uniform distribution for nominal questions.
    n_parameters_ : int
        Number of coefficients.

    References
    ----------
    Foresi and Peracchi (1995), "The conditional distribution of excess returns", JASA 90, where
    the regression of cumulative shares at many boundaries is called distribution regression;
    Holland and Welsch (1977), "Robust regression using iteratively reweighted least squares".
    """

    def __init__(
        self,
        penalty: float = 3.0,
        loss: str = "wasserstein",
        n_iterations: int = 3,
        prior_weight: float = 0.2,
        scope: str = "partial",
    ) -> None:
        self.penalty = penalty
        self.loss = loss
        self.n_iterations = n_iterations
        self.prior_weight = prior_weight
        self.scope = scope

    def check_params(self) -> None:
        """Raise `ConfigError` if a parameter is out of range."""
        super().check_params()
        owner = type(self).__name__
        check_number(owner, "penalty", self.penalty, low=0, low_open=True)
        check_number(owner, "prior_weight", self.prior_weight, low=0, high=1)
        check_int(owner, "n_iterations", self.n_iterations, minimum=1)
        if self.loss not in LOSSES:
            raise parameter_error(owner, "loss", f"one of {', '.join(LOSSES)}", self.loss)

    def fit(self, X: Design, y: FloatArray, sample_weight: FloatArray | None = None) -> Self:
        """Learn from training cases; see `distexp.protocols.Calibrator`."""
        if self.scope != "partial":
            return super().fit(X, y, sample_weight)
        self.check_params()
        self.by_group_, self.own_weight_, self.prior_questions_ = {}, {}, np.inf
        self._fit(X, y, sample_weight)
        return self

    def fit_predict(self, X: Design, y: FloatArray, weights: FloatArray) -> FloatArray:
        """Fit once for each row of `weights`; see `distexp.protocols.BatchCalibrator`."""
        if self.scope == "per_group":
            predicted = np.empty((len(weights), *y.shape))
            for group in np.unique(X.group).tolist():
                rows = X.group == group
                pooled = self._unfitted().set_params(scope="pooled")
                predicted[:, rows] = pooled.fit_predict(X.take(rows), y[rows], weights[:, rows])
            return predicted
        boundaries = Boundaries(X, self._vocabulary(X))
        fits = [self._coefficients(boundaries, y, weight) for weight in weights]
        mixed = [_nominal_weight(X, y, weight, self.prior_weight) for weight in weights]
        return self._calibrated(X, boundaries, np.array(fits), np.array(mixed))

    def _fit(self, X: Design, y: FloatArray, weight: FloatArray | None) -> None:
        weights = np.ones(len(y)) if weight is None else weight
        vocabulary = self._vocabulary(X)
        self.sizes_, self.groups_, self.scales_ = (
            vocabulary.sizes,
            vocabulary.groups,
            vocabulary.scales,
        )
        self.coef_ = self._coefficients(Boundaries(X, vocabulary), y, weights)
        self.nominal_weight_ = _nominal_weight(X, y, weights, self.prior_weight)
        self.n_parameters_ = len(self.coef_)

    def count_parameters(self, X: Design) -> int:
        """Count the coefficients; see `distexp.protocols.Counted`."""
        return int(Boundaries(X, self._vocabulary(X)).features.shape[1])

    def _predict(self, X: Design) -> FloatArray:
        check_is_fitted(self)
        n_inputs = X.stacked.shape[1] if X.inputs is not None else 0
        boundaries = Boundaries(X, Vocabulary(self.sizes_, self.groups_, self.scales_, n_inputs))
        mixed = np.array([self.nominal_weight_])
        calibrated: FloatArray = self._calibrated(X, boundaries, self.coef_[None], mixed)[0]
        return calibrated

    def _vocabulary(self, X: Design) -> Vocabulary:
        return Vocabulary.of(X, by_group=self.scope == "partial")

    def _coefficients(
        self, boundaries: Boundaries, y: FloatArray, weight: FloatArray
    ) -> FloatArray:
        """Return the coefficients of one fit, of shape (n_features,)."""
        rows = np.flatnonzero(weight[boundaries.case] > 0)
        used = boundaries.used(weight)
        features = boundaries.features[np.ix_(rows, used)]
        prior = boundaries.shrunk(self.prior_weight)[rows]
        target = boundaries.cumulative(y)[rows] - prior
        base = weight[boundaries.case[rows]] * boundaries.width[rows]
        penalty = self.penalty * boundaries.penalties[used]
        fitted = _ridge(features, target, base, penalty)
        for _ in range(self.n_iterations if self.loss == "wasserstein" else 0):
            error = np.abs(target - features @ fitted)
            fitted = _ridge(
                features, target, base * USUAL_ERROR / np.maximum(error, SMALL_ERROR), penalty
            )
        coef = np.zeros(len(used))
        coef[used] = fitted
        return coef

    def _calibrated(
        self, X: Design, boundaries: Boundaries, coef: FloatArray, nominal_weight: FloatArray
    ) -> FloatArray:
        """Return the predictions of each fit, of shape (n_fits, n_cases, max_options).

        `coef` has shape (n_fits, n_features), `nominal_weight` (n_fits,).
        """
        below = boundaries.shrunk(self.prior_weight) + coef @ boundaries.features.T
        mix = nominal_weight[:, None, None]
        mixed = (1 - mix) * X.predicted + mix * uniform(X)
        calibrated: FloatArray = np.where(
            boundaries.nominal[:, None], mixed, boundaries.shares(below)
        )
        return calibrated


def _ridge(
    features: FloatArray, target: FloatArray, weight: FloatArray, penalty: FloatArray
) -> FloatArray:
    """Solve weighted least squares with a penalty for each coefficient."""
    weighted = features.T * weight
    gram: FloatArray = weighted @ features + np.diag(penalty)
    return np.asarray(np.linalg.solve(gram, weighted @ target), dtype=np.float64)


def _nominal_weight(X: Design, y: FloatArray, weight: FloatArray, prior: float) -> float:
    """Return the weight of the uniform distribution that fits the nominal cases best.

    The prior counts as much as one case whose shares are half a unit from uniform.
    """
    rows: BoolArray = np.isnan(X.ordinals[:, 0]) & (weight > 0)
    towards, moved = (uniform(X) - X.predicted)[rows], (y - X.predicted)[rows]
    squares = weight[rows] @ (towards**2).sum(axis=1)
    products = weight[rows] @ (towards * moved).sum(axis=1)
    return float(np.clip((products + prior / 4) / (squares + 1 / 4), 0, 1))
