"""Calibration by regression: the humans' shares of the options from the model's shares."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from distexp.calibrator.fitting import forest, lasso, ridge
from distexp.calibrator.fitting.base import MIN_QUESTIONS, blocks, clipped
from distexp.calibrator.fitting.batch import Batched, refit
from distexp.calibrator.fitting.exported import Linear
from distexp.calibrator.fitting.features import option_features
from distexp.calibrator.fitting.means import n_trained
from distexp.calibrator.fitting.parameters import Parameters, check_fitted, clone
from distexp.checks import parameter_error
from distexp.errors import ConfigError
from distexp.metrics.ties import rounded
from distexp.types import Design, FloatArray

Solver = Callable[[FloatArray, FloatArray, FloatArray], FloatArray]
"""From features, targets and weights of many fits to their predictions."""
LAYOUTS = ("pooled", "per_position", "joint")
FEATURES = ("share", "several")


class OptionRegression(Batched, Parameters):
    """Regresses the human share of each option on what the model said.

    Estimates below 0 are clipped to 0 and each case is scaled to sum to 1; where no option is
    left above 0 the case becomes uniform.

    A regressor that is not linear, such as a forest, is given features, shares and weights that
    are rounded to `distexp.metrics.ties.DIGITS` digits: of two splits equally good but for
    rounding errors, a tree would else take one on this processor and the other on that.

    Parameters
    ----------
    regressor : scikit-learn regressor
        It is cloned before each fit, never fitted itself.
    layout : {"pooled", "per_position", "joint"}
        `pooled`: one regressor for all options of all questions, from the features of the
        option; a training case is one example per option. `per_position`: the same, but one
        regressor for each position of each number of options. `joint`: one regressor for each
        number of options, from the features of all options to the humans' shares of all options;
        it must be able to predict several targets. A number of options with fewer than
        `MIN_QUESTIONS` training questions is predicted by the pooled regressor.
    scope : {"pooled", "per_group", "partial"}
        See `distexp.calibrator.fitting.base.Scoped`.
    features : {"share", "several"}
        What is known of an option. `share`: the model's share of it, as in the paper; where
        inputs are stacked, the share by each of them. `several`: what
        `distexp.calibrator.fitting.features.option_features` lists.

    Attributes
    ----------
    regressor_ : scikit-learn regressor
        The fitted clone for all options.
    by_size_ : dict of int to list of scikit-learn regressor
        By number of options: one clone per position, or a single joint one; empty if pooled.

    References
    ----------
    arXiv 2507.00439, where the options of a question are regressed independently, with ridge,
    lasso and random forest.
    """

    def __init__(
        self,
        regressor: Any,
        layout: str = "pooled",
        scope: str = "pooled",
        features: str = "share",
    ) -> None:
        self.regressor = regressor
        self.layout = layout
        self.scope = scope
        self.features = features

    def check_params(self) -> None:
        """Raise `ConfigError` if a parameter, or a setting of the regressor, is wrong."""
        super().check_params()
        regressor = self.regressor
        methods = ("fit", "predict", "get_params")
        plain = isinstance(regressor, ridge.PlainRidge)
        if not plain and (
            isinstance(regressor, type) or not all(hasattr(regressor, name) for name in methods)
        ):
            wanted = "a scikit-learn regressor, e.g. sklearn.linear_model.Ridge"
            raise parameter_error("OptionRegression", "regressor", wanted, regressor)
        if self.layout not in LAYOUTS:
            wanted = f"one of {', '.join(LAYOUTS)}"
            raise parameter_error("OptionRegression", "layout", wanted, self.layout)
        if self.features not in FEATURES:
            wanted = f"one of {', '.join(FEATURES)}"
            raise parameter_error("OptionRegression", "features", wanted, self.features)
        if self.layout == "joint" and not plain and not _is_of_several(regressor):
            wanted = "a regressor of several targets where layout is joint"
            raise parameter_error("OptionRegression", "regressor", wanted, regressor)
        if hasattr(regressor, "_validate_params"):  # what fit would say, before anything is paid
            try:
                regressor._validate_params()
            except (TypeError, ValueError) as exc:
                raise ConfigError(str(exc)) from exc

    def _fit(self, X: Design, y: FloatArray, weight: FloatArray | None) -> None:
        """Fit clones of `regressor`.

        Weights are handed on as they are. Give them a mean of 1: to a penalised regressor such
        as ridge larger weights are more data, and the penalty counts for less.
        """
        features = self._features(X)
        per_option = None if weight is None else np.repeat(weight, X.n_options)
        self.regressor_ = self._fitted(features[X.mask], y[X.mask], per_option)
        self.by_size_ = {}
        for k in self._own_sizes(X):
            rows = X.n_options == k
            if len(np.unique(X.question[rows])) >= MIN_QUESTIONS:
                weights = None if weight is None else weight[rows]
                self.by_size_[k] = [
                    # One target is a vector: a forest warns about a matrix of one column.
                    self._fitted(
                        _joined(features[rows, columns]), y[rows, columns].squeeze(), weights
                    )
                    for columns in self._blocks(k)
                ]

    def _predict(self, X: Design) -> FloatArray:
        check_fitted(self)
        features = self._features(X)
        scores = np.zeros_like(X.predicted)
        pooled = X.mask & ~np.isin(X.n_options, list(self.by_size_))[:, None]
        if pooled.any():
            scores[pooled] = _predicted(self.regressor_, features[pooled])
        for k, regressors in self.by_size_.items():
            rows = X.n_options == k
            if rows.any():
                for columns, regressor in zip(self._blocks(k), regressors, strict=True):
                    predicted = _predicted(regressor, _joined(features[rows, columns]))
                    scores[rows, columns] = predicted.reshape(rows.sum(), -1)
        return clipped(scores, X)

    def fit_predict(self, X: Design, y: FloatArray, weights: FloatArray) -> FloatArray:
        """Fit once for each row of `weights`; see `distexp.protocols.BatchCalibrator`.

        Ridge on shares solves all fits together, and so does lasso where there is one share to
        each option. Forests are grown without scikit-learn's work around them where no case
        weighs more than another. Another regressor is fitted again and again.
        """
        if self.features == "share" and self._solver(X, weights) is not None:
            return super().fit_predict(X, y, weights)
        return refit(self._unfitted(), X, y, weights)

    def _fit_predict(self, X: Design, y: FloatArray, weights: FloatArray) -> FloatArray:
        features, solve = self._features(X), self._solver(X, weights)
        assert solve is not None
        scores = np.zeros((len(weights), *y.shape))
        per_option = np.repeat(weights, X.n_options, axis=1)
        scores[:, X.mask] = solve(features[X.mask], y[X.mask][:, None], per_option)[..., 0]
        for k in self._own_sizes(X):
            rows = np.flatnonzero(X.n_options == k)
            fits = np.flatnonzero(n_trained(X.question[rows], weights[:, rows]) >= MIN_QUESTIONS)
            own = weights[np.ix_(fits, rows)]
            for columns in self._blocks(k) if len(fits) else ():
                block = _joined(features[rows, columns])
                cells = np.ix_(fits, rows, np.arange(k)[columns])
                scores[cells] = solve(block, y[rows, columns], own)
        for some in blocks(len(scores), y.size):
            scores[some] = clipped(scores[some], X)
        return scores

    def count_parameters(self, X: Design) -> int | None:
        """Count slopes and intercepts; see `distexp.protocols.Counted`.

        None where the regressor is no linear one: what a forest learns is no set of coefficients.
        """
        if not _is_linear(self.regressor):
            return None
        n_features = int(self._features(X).shape[2])
        n = n_features + 1
        for k in self._own_sizes(X):
            if len(np.unique(X.question[X.n_options == k])) >= MIN_QUESTIONS:
                widths = [len(range(k)[columns]) for columns in self._blocks(k)]
                n += sum((width * n_features + 1) * width for width in widths)
        return n

    def _solver(self, X: Design, weights: FloatArray) -> Solver | None:
        """Return what makes many fits together; None where the regressor has to be fitted."""
        regressor = self.regressor
        if ridge.is_direct(regressor):
            return partial(ridge.ridge_predictions, alpha=regressor.alpha)
        single = X.stacked.shape[1] == 1 and self.layout != "joint"
        if single and lasso.is_direct(regressor):
            return partial(lasso.lasso_predictions, alpha=regressor.alpha)
        if forest.is_direct(regressor) and np.isin(weights, (0, 1)).all():
            return partial(forest.forest_predictions, regressor=regressor)
        return None

    def _features(self, X: Design) -> FloatArray:
        """Return the features of each option, of shape (n_cases, max_options, n_features)."""
        return option_features(X) if self.features == "several" else np.swapaxes(X.stacked, 1, 2)

    def _fitted(self, features: FloatArray, target: FloatArray, weight: FloatArray | None) -> Any:
        if not _is_linear(self.regressor):
            features, target = rounded(features), rounded(target)
            weight = None if weight is None else rounded(weight)
        # Left out where there are none: some regressors take no weights.
        weights = {} if weight is None else {"sample_weight": weight}
        return clone(self.regressor).fit(features, target, **weights)

    def _own_sizes(self, X: Design) -> list[int]:
        """Return the numbers of options that may have regressors of their own."""
        sizes: list[int] = [] if self.layout == "pooled" else np.unique(X.n_options).tolist()
        return sizes

    def _blocks(self, k: int) -> list[slice]:
        """Return the options that each regressor takes and predicts."""
        return [slice(k)] if self.layout == "joint" else [slice(j, j + 1) for j in range(k)]


def _is_linear(regressor: object) -> bool:
    """Whether it has a slope for each feature and an intercept; a lasso is an elastic net."""
    if isinstance(regressor, ridge.PlainRidge | Linear):
        return True
    from sklearn.linear_model import ElasticNet, LinearRegression, Ridge

    return isinstance(regressor, LinearRegression | Ridge | ElasticNet)


def _is_of_several(regressor: Any) -> bool:
    """Whether it predicts several targets."""
    from sklearn.utils import get_tags

    return bool(get_tags(regressor).target_tags.multi_output)


def _predicted(regressor: Any, features: FloatArray) -> FloatArray:
    predicted: FloatArray = regressor.predict(
        features if _is_linear(regressor) else rounded(features)
    )
    return predicted


def _joined(features: FloatArray) -> FloatArray:
    """Put the features of a case's options, of shape (n_cases, n_options, n), in one row."""
    return features.reshape(len(features), -1)
