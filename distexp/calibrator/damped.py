"""A calibrator's correction, given the weight that the number of training questions earns it."""

from typing import Self

import numpy as np

from distexp.calibrator.fitting.base import cross_predict
from distexp.calibrator.fitting.parameters import Parameters, check_fitted, clone
from distexp.checks import check_number, parameter_error
from distexp.protocols import Calibrator, n_parameters_of
from distexp.types import Design, FloatArray


class Damped(Parameters):
    """Mixes the model's prediction with a calibrator's: with n questions the latter has n/(n + m).

    W1 is convex, so the mixture is never further from the human answers than the weighted mean of
    both. A choice by cross-validation on so few questions is mostly noise; this is none.

    Parameters
    ----------
    calibrator : Calibrator
    prior_questions : float
        Number m of training questions that give the calibrator half a say, > 0.

    Attributes
    ----------
    calibrator_ : Calibrator
        Fitted on the training cases.
    weight_ : float
        Its weight, in [0, 1).
    """

    def __init__(self, calibrator: Calibrator, prior_questions: float = 8.0) -> None:
        self.calibrator = calibrator
        self.prior_questions = prior_questions

    @property
    def scope(self) -> str:
        """That of the calibrator."""
        return self.calibrator.scope

    def check_params(self) -> None:
        """Raise `ConfigError` if a parameter is wrong, or one of the calibrator's."""
        check_number("Damped", "prior_questions", self.prior_questions, low=0, low_open=True)
        if not isinstance(self.calibrator, Calibrator):
            raise parameter_error("Damped", "calibrator", "a calibrator", self.calibrator)
        self.calibrator.check_params()

    def fit(self, X: Design, y: FloatArray, sample_weight: FloatArray | None = None) -> Self:
        """Learn from training cases."""
        self.calibrator_ = clone(self.calibrator).fit(X, y, sample_weight)
        self.weight_ = self._weight(X, np.ones(len(y)) if sample_weight is None else sample_weight)
        return self

    def predict(self, X: Design) -> FloatArray:
        """Return the mixtures."""
        check_fitted(self)
        calibrated: FloatArray = self.calibrator_.predict(X)
        return self.weight_ * calibrated + (1 - self.weight_) * X.predicted

    def count_parameters(self, X: Design) -> int | None:
        """Count what `calibrator` learns; see `distexp.protocols.Counted`."""
        return n_parameters_of(self.calibrator, X)

    def fit_predict(self, X: Design, y: FloatArray, weights: FloatArray) -> FloatArray:
        """Fit once for each row of `weights`; see `distexp.protocols.BatchCalibrator`."""
        calibrated = cross_predict(self.calibrator, X, y, weights > 0, weights >= 0, weights)
        share = np.array([self._weight(X, weight) for weight in weights])[:, None, None]
        return share * calibrated + (1 - share) * X.predicted

    def _weight(self, X: Design, weight: FloatArray) -> float:
        n_questions = len(np.unique(X.question[weight > 0]))
        return n_questions / (n_questions + self.prior_questions)
