"""The same calibrator, with the model's answers withheld: what it does without a model."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Self

from distexp.calibrator.fitting import once
from distexp.calibrator.fitting.base import cross_predict, each_fit, uniform
from distexp.calibrator.fitting.batch import Batched
from distexp.calibrator.fitting.left_out import LeavesEachOut, LeavesOut, each_left_out
from distexp.calibrator.fitting.parameters import Parameters, check_fitted, clone
from distexp.checks import parameter_error
from distexp.protocols import BatchCalibrator, Calibrator, n_parameters_of
from distexp.types import Design, FloatArray


class Blind(Parameters):
    """Fits and applies a calibrator with every prediction replaced by the uniform distribution.

    A calibrator may do well without help of the model: from training means, effects of groups of
    people and of answer scales. What it does better than its blind twin is what the model adds.

    Parameters
    ----------
    calibrator : Calibrator

    Attributes
    ----------
    calibrator_ : Calibrator
        Fitted to uniform predictions.
    """

    def __init__(self, calibrator: Calibrator) -> None:
        self.calibrator = calibrator

    @property
    def scope(self) -> str:
        """That of the calibrator."""
        return self.calibrator.scope

    def check_params(self) -> None:
        """Raise `ConfigError` if the calibrator is none, or has a wrong setting."""
        if not isinstance(self.calibrator, Calibrator):
            raise parameter_error("Blind", "calibrator", "a calibrator", self.calibrator)
        self.calibrator.check_params()

    def fit(self, X: Design, y: FloatArray, sample_weight: FloatArray | None = None) -> Self:
        """Learn from training cases without their predictions."""
        self.calibrator_ = clone(self.calibrator).fit(_withheld(X), y, sample_weight)
        return self

    def predict(self, X: Design) -> FloatArray:
        """Return distributions that do not depend on the predictions."""
        check_fitted(self)
        calibrated: FloatArray = self.calibrator_.predict(_withheld(X))
        return calibrated

    def count_parameters(self, X: Design) -> int | None:
        """Count what `calibrator` learns; see `distexp.protocols.Counted`."""
        return n_parameters_of(self.calibrator, _withheld(X))

    def fit_predict(self, X: Design, y: FloatArray, weights: FloatArray) -> FloatArray:
        """Fit once for each row of `weights`; see `distexp.protocols.BatchCalibrator`."""
        every = weights >= 0
        return cross_predict(self.calibrator, _withheld(X), y, weights > 0, every, weights)

    def each_fit(self, X: Design, y: FloatArray, weights: FloatArray) -> Iterator[FloatArray]:
        """Yield the predictions of each fit; see `distexp.protocols.Streaming`."""
        withheld, calibrator = _withheld(X), self.calibrator
        if (
            isinstance(calibrator, LeavesEachOut)
            and not isinstance(calibrator, Batched)  # which leaves out with groups together
            and once.is_small(y, weights)
        ):
            yield from once.fit_predict(calibrator, withheld, y, weights)
            return
        if isinstance(calibrator, BatchCalibrator):
            yield from each_fit(calibrator, withheld, y, weights)
            return
        for weight in weights:
            yield self.fit_predict(X, y, weight[None])[0]

    def each_left_out(
        self, X: Design, y: FloatArray, weights: FloatArray
    ) -> Iterator[tuple[FloatArray, FloatArray]]:
        """Yield both of each fit; see `fitting.left_out.LeavesEachOut`.

        Raises
        ------
        ConfigError
            If the calibrator cannot.
        """
        if once.is_small(y, weights):
            yield from zip(*self.fit_leave_out(X, y, weights), strict=True)
            return
        yield from each_left_out(self._leaving_out(), _withheld(X), y, weights)

    def fit_leave_out(
        self, X: Design, y: FloatArray, weights: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Predict with and without each question; see `fitting.left_out.LeavesOut`.

        Raises
        ------
        ConfigError
            If the calibrator cannot.
        """
        return once.fit_leave_out(self._leaving_out(), _withheld(X), y, weights)

    def _leaving_out(self) -> LeavesOut:
        if not isinstance(self.calibrator, LeavesOut):
            wanted = "one that predicts without a case's own question"
            raise parameter_error("Blind", "calibrator", wanted, self.calibrator)
        return self.calibrator


def _withheld(X: Design) -> Design:
    return replace(X, predicted=uniform(X), inputs=None)
