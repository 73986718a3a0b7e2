"""Calibration by regression: the humans' shares of the options from the model's shares."""

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted

from distexp.calibrator.base import Scoped, clipped
from distexp.checks import parameter_error
from distexp.errors import ConfigError
from distexp.types import Design, FloatArray

LAYOUTS = ("pooled", "per_position", "joint")
MIN_QUESTIONS = 3
"""Training questions that a number of options needs for regressors of its own. Measured on
recorded answers: with 3 to 10 questions in all it saves 0.6 to 1.9 points of alignment against
no minimum, with all questions it costs 0.06."""


class OptionRegression(Scoped, BaseEstimator):  # type: ignore[misc]  # scikit-learn is untyped
    """Regresses the human share of each option on what the model said.

    Estimates below 0 are clipped to 0 and each case is scaled to sum to 1; where no option is
    left above 0 the case becomes uniform.

    Parameters
    ----------
    regressor : scikit-learn regressor
        It is cloned before each fit, never fitted itself.
    layout : {"pooled", "per_position", "joint"}
        `pooled`: one regressor for all options of all questions, whose only feature is the
        model's share of the option; a training case is one example per option. `per_position`:
        the same, but one regressor for each position of each number of options. `joint`: one
        regressor for each number of options, from the model's shares of all options to the
        humans' of all options; it must be able to predict several targets. A number of options
        with fewer than `MIN_QUESTIONS` training questions is predicted by the pooled regressor.
    scope : {"pooled", "per_group", "partial"}
        See `distexp.calibrator.base.Scoped`.

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
        self, regressor: RegressorMixin, layout: str = "pooled", scope: str = "pooled"
    ) -> None:
        self.regressor = regressor
        self.layout = layout
        self.scope = scope

    def check_params(self) -> None:
        """Raise `ConfigError` if a parameter, or a setting of the regressor, is wrong."""
        super().check_params()
        regressor = self.regressor
        methods = ("fit", "predict", "get_params")
        if isinstance(regressor, type) or not all(hasattr(regressor, name) for name in methods):
            wanted = "a scikit-learn regressor, e.g. sklearn.linear_model.Ridge"
            raise parameter_error("OptionRegression", "regressor", wanted, regressor)
        if self.layout not in LAYOUTS:
            wanted = f"one of {', '.join(LAYOUTS)}"
            raise parameter_error("OptionRegression", "layout", wanted, self.layout)
        if self.layout == "joint" and not get_tags(regressor).target_tags.multi_output:
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
        per_option = None if weight is None else np.repeat(weight, X.n_options)
        self.regressor_ = self._fitted(X.predicted[X.mask][:, None], y[X.mask], per_option)
        self.by_size_ = {}
        if self.layout == "pooled":
            return
        for k in np.unique(X.n_options).tolist():
            rows = X.n_options == k
            if len(np.unique(X.question[rows])) >= MIN_QUESTIONS:
                weights = None if weight is None else weight[rows]
                self.by_size_[k] = [
                    # One target is a vector: a forest warns about a matrix of one column.
                    self._fitted(X.predicted[rows, columns], y[rows, columns].squeeze(), weights)
                    for columns in self._blocks(k)
                ]

    def _predict(self, X: Design) -> FloatArray:
        check_is_fitted(self)
        scores = np.zeros_like(X.predicted)
        pooled = X.mask & ~np.isin(X.n_options, list(self.by_size_))[:, None]
        if pooled.any():
            scores[pooled] = self.regressor_.predict(X.predicted[pooled][:, None])
        for k, regressors in self.by_size_.items():
            rows = X.n_options == k
            if rows.any():
                for columns, regressor in zip(self._blocks(k), regressors, strict=True):
                    block = X.predicted[rows, columns]
                    scores[rows, columns] = regressor.predict(block).reshape(block.shape)
        return clipped(scores, X)

    def _fitted(
        self, features: FloatArray, target: FloatArray, weight: FloatArray | None
    ) -> RegressorMixin:
        # Left out where there are none: some regressors take no weights.
        weights = {} if weight is None else {"sample_weight": weight}
        return clone(self.regressor).fit(features, target, **weights)

    def _blocks(self, k: int) -> list[slice]:
        """Return the options that each regressor takes and predicts."""
        return [slice(k)] if self.layout == "joint" else [slice(j, j + 1) for j in range(k)]
