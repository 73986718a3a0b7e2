"""What a fit would have predicted for each of its training questions without that question."""

from collections.abc import Iterator
from typing import Protocol, runtime_checkable

import numpy as np

from distexp.calibrator.fitting.base import few
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


@runtime_checkable
class LeavesEachOut(LeavesOut, Protocol):
    """One that does so fit by fit, from what it laid out once."""

    def each_left_out(
        self, X: Design, y: FloatArray, weights: FloatArray
    ) -> Iterator[tuple[FloatArray, FloatArray]]:
        """Yield what `fit_leave_out` returns, a pair for each row of `weights`."""
        ...


def each_left_out(
    calibrator: LeavesOut, X: Design, y: FloatArray, weights: FloatArray
) -> Iterator[tuple[FloatArray, FloatArray]]:
    """Yield both predictions of the fit of each row of `weights`; few are held at once."""
    if isinstance(calibrator, LeavesEachOut):
        yield from calibrator.each_left_out(X, y, weights)
        return
    for some in few(weights, y.shape[1]):
        yield from zip(*calibrator.fit_leave_out(X, y, some), strict=True)


def of_several(unit: IntArray, question: IntArray) -> IntArray:
    """Return the unit of each case, -1 where it is one question's own.

    Examples
    --------
    >>> of_several(np.array([7, 7, 8, 8]), np.array([0, 1, 2, 2])).tolist()
    [7, 7, -1, -1]
    """
    pairs = np.unique(np.column_stack([unit, question]), axis=0)
    units, n_questions = np.unique(pairs[:, 0], return_counts=True)
    several: IntArray = np.where(np.isin(unit, units[n_questions > 1]), unit, -1)
    return several
