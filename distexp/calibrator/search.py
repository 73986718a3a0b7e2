"""Settings of a calibrator, chosen on the training questions alone."""

from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np

from distexp.calibrator.fitting.base import SCOPES, blocks, question_folds
from distexp.calibrator.fitting.batch import Batched, refit
from distexp.calibrator.fitting.parameters import Parameters, check_fitted, clone
from distexp.checks import check_int, parameter_error
from distexp.errors import ConfigError
from distexp.metrics.distance import distance
from distexp.metrics.ties import least
from distexp.protocols import BatchCalibrator, Calibrator, n_parameters_of
from distexp.types import BoolArray, Design, FloatArray, IntArray

Settings = dict[str, float | str]


class QuestionCV(Batched, Parameters):
    """Tries each setting of a calibrator by cross-validation, and fits with the best one.

    All groups' cases of a question are in the same fold: in another one they would tell the
    calibrator what it is tested on. The setting with the least mean distance of the held-out
    distributions wins: Wasserstein-1, as the scores, and total variation for nominal questions.
    The first of equally good settings in the order of the grid is taken. With fewer questions
    than folds nothing is tried and the calibrator is fitted as given.

    Parameters
    ----------
    calibrator : scikit-learn estimator that is a calibrator
        Its own scope must be pooled: `scope` here covers the choice as well.
    grid : mapping of str to sequence
        Values to try by parameter, in every combination; `__` reaches a nested one, as in
        `regressor__alpha`.
    n_folds : int
        At least 2.
    scope : {"pooled", "per_group", "partial"}
        See `distexp.calibrator.fitting.base.Scoped`.

    Attributes
    ----------
    calibrator_ : calibrator
        Fitted on all training cases with the best settings.
    settings_ : dict of str to value
        The best settings; empty where nothing was tried.
    """

    def __init__(
        self,
        calibrator: Calibrator,
        grid: Mapping[str, Sequence[float | str]],
        n_folds: int = 5,
        scope: str = "pooled",
    ) -> None:
        self.calibrator = calibrator
        self.grid = grid
        self.n_folds = n_folds
        self.scope = scope

    def check_params(self) -> None:
        """Raise `ConfigError` if a parameter is wrong, or any setting of the grid."""
        super().check_params()
        check_int("QuestionCV", "n_folds", self.n_folds, minimum=2)
        calibrator = self.calibrator
        if not hasattr(calibrator, "get_params") or getattr(calibrator, "scope", "") != SCOPES[0]:
            wanted = f"a calibrator that is a scikit-learn estimator with scope={SCOPES[0]}"
            raise parameter_error("QuestionCV", "calibrator", wanted, calibrator)
        if not isinstance(self.grid, Mapping) or not self.grid or not all(self.grid.values()):
            wanted = "a mapping of parameters to lists of values to try"
            raise parameter_error("QuestionCV", "grid", wanted, self.grid)
        for candidate in self._candidates(self._settings()):
            candidate.check_params()

    def _fit(self, X: Design, y: FloatArray, weight: FloatArray | None) -> None:
        self.settings_: Settings = {}
        self.calibrator_ = clone(self.calibrator)
        if len(np.unique(X.together)) >= self.n_folds:
            settings = self._settings()
            candidates = self._candidates(settings)
            best = least(self._losses(candidates, X, y, weight))
            self.settings_, self.calibrator_ = settings[best], candidates[best]
        self.calibrator_.fit(X, y, weight)

    def _predict(self, X: Design) -> FloatArray:
        check_fitted(self)
        calibrated: FloatArray = self.calibrator_.predict(X)
        return calibrated

    def count_parameters(self, X: Design) -> int | None:
        """Count what `calibrator` learns; see `distexp.protocols.Counted`."""
        return n_parameters_of(self.calibrator, X)

    def fit_predict(self, X: Design, y: FloatArray, weights: FloatArray) -> FloatArray:
        """Fit once for each row of `weights`; see `distexp.protocols.BatchCalibrator`.

        A calibrator that fits many training sets at once is given all folds of all of them.
        """
        if isinstance(self.calibrator, BatchCalibrator):
            return super().fit_predict(X, y, weights)
        return refit(self._unfitted(), X, y, weights)

    def _fit_predict(self, X: Design, y: FloatArray, weights: FloatArray) -> FloatArray:
        candidates = self._candidates(self._settings())
        folded, tested, fit = self._folds(X, weights)
        losses = np.zeros((len(weights), len(candidates)))
        if len(fit):
            folds, cases = np.nonzero(tested)
            weight = weights[fit[folds], cases]
            for i, candidate in enumerate(candidates):
                held_out = _held_out(_batch(candidate), X, y, folded, tested)
                apart = distance(held_out, y[cases], X.ordinals[cases]) * weight
                losses[:, i] = np.bincount(fit[folds], apart, minlength=len(weights))
            losses /= weights.sum(axis=1, keepdims=True)
        tried = np.isin(np.arange(len(weights)), fit)
        best = np.where(tried, [least(of_fit) for of_fit in losses], -1)
        predicted = np.empty((*weights.shape, y.shape[1]))
        for choice in np.unique(best):
            chosen = clone(self.calibrator) if choice < 0 else candidates[choice]
            predicted[best == choice] = _batch(chosen).fit_predict(X, y, weights[best == choice])
        return predicted

    def _folds(self, X: Design, weights: FloatArray) -> tuple[FloatArray, BoolArray, IntArray]:
        """Return the training weights of all folds of all fits, their tests, and whose they are.

        A fit with fewer questions than folds has none.
        """
        folded, tested, fit = [], [], []
        for number, weight in enumerate(weights):
            rows = np.flatnonzero(weight > 0)
            for _, test in question_folds(X.together[rows], self.n_folds):
                out = np.zeros(len(weight), dtype=bool)
                out[rows[test]] = True
                folded.append(np.where(out, 0.0, weight))
                tested.append(out)
                fit.append(number)
        return np.array(folded), np.array(tested), np.array(fit, dtype=np.int64)

    def _losses(
        self, candidates: Sequence[Calibrator], X: Design, y: FloatArray, weight: FloatArray | None
    ) -> FloatArray:
        """Return the mean of each candidate's held-out distances."""
        losses = np.zeros(len(candidates))
        for train, test in question_folds(X.together, self.n_folds):
            X_train, X_test = X.take(train), X.take(test)
            weights = None if weight is None else weight[train]
            for i, candidate in enumerate(candidates):
                predicted = candidate.fit(X_train, y[train], weights).predict(X_test)
                apart = distance(predicted, y[test], X_test.ordinals)
                losses[i] += apart.sum() if weight is None else apart @ weight[test]
        return losses / (len(y) if weight is None else weight.sum())

    def _settings(self) -> list[Settings]:
        """Return every combination of the grid's values, the last parameter changing fastest."""
        return [
            dict(zip(self.grid, values, strict=True)) for values in product(*self.grid.values())
        ]

    def _candidates(self, settings: Sequence[Settings]) -> list[Calibrator]:
        """Return an unfitted calibrator for each of the settings."""
        try:
            return [clone(self.calibrator).set_params(**chosen) for chosen in settings]
        except ValueError as exc:  # the parameter does not exist
            raise ConfigError(f"In the 'grid' parameter of QuestionCV: {exc}") from exc


def _held_out(
    calibrator: BatchCalibrator, X: Design, y: FloatArray, weights: FloatArray, tested: BoolArray
) -> FloatArray:
    """Return what each fit predicts of the cases that it is tested on, fit after fit."""
    return np.concatenate(
        [
            calibrator.fit_predict(X, y, weights[rows])[tested[rows]]
            for rows in blocks(len(weights), y.size)
        ]
    )


def _batch(calibrator: Calibrator) -> BatchCalibrator:
    assert isinstance(calibrator, BatchCalibrator)
    return calibrator
