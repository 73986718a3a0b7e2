"""Regressions of cumulative shares with small absolute errors, one arrow after the other."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from distexp.calibrator.fitting import once
from distexp.calibrator.fitting.arrow import Arrow
from distexp.calibrator.fitting.boundaries import Boundaries
from distexp.calibrator.fitting.hat import left_out
from distexp.calibrator.fitting.panels import Coefficients, Panel, Questions, predict
from distexp.types import FloatArray, IntArray

SMALL_ERROR = 0.03
"""Errors of a cumulative share below it weigh alike where the loss is absolute: close to 0 the
weights of iterative reweighting would grow without bound."""
USUAL_ERROR = 0.1
"""Reweighting leaves an error of this size its weight, so that penalties mean the same for both
losses."""

Known = tuple[Questions, Coefficients, Sequence[Panel]]
"""What a fit knows of the questions, the penalties of its coefficients, and all rows as it sees
them."""


def reweighting(error: FloatArray) -> FloatArray:
    """Return the factors of weights with which squares count as absolute errors."""
    factors: FloatArray = USUAL_ERROR / np.maximum(np.abs(error), SMALL_ERROR)
    return factors


def fitted(
    boundaries: Boundaries,
    questions: Questions,
    penalties: Coefficients,
    panels: Sequence[Panel],
    target: FloatArray,
    weight: FloatArray,
    n_reweightings: int,
) -> "Fit":
    """Fit to the cases of weight above 0.

    Parameters
    ----------
    boundaries : Boundaries of n_rows rows
    questions : Questions
    penalties : Coefficients
    panels : sequence of Panel
    target : ndarray of shape (n_rows,)
    weight : ndarray of shape (n_cases,)
    n_reweightings : int
        0 for squared errors.
    """
    of_rows = weight[boundaries.case]
    trained = [panel.take(np.flatnonzero(of_rows[panel.rows[:, 0]] > 0)) for panel in panels]
    arrow = Arrow(trained, questions, len(boundaries.vocabulary.groups), penalties, target)
    base = of_rows * boundaries.width
    predicted, row_weight = np.full_like(target, np.nan), base
    coef = arrow.solve(row_weight)
    for _ in range(n_reweightings):
        arrow.predict(coef, predicted)
        row_weight = base * reweighting(target - predicted)
        coef = arrow.solve(row_weight)
    return Fit(arrow, target, row_weight, coef)


def one_by_one(
    boundaries: Boundaries,
    known: Sequence[Known],
    target: FloatArray,
    weights: FloatArray,
    n_reweightings: int,
    unit: IntArray | None,
) -> tuple[FloatArray, FloatArray | None]:
    """Fit to each row of `weights`, of shape (n_fits, n_cases).

    Returns
    -------
    ndarray of shape (n_fits, n_rows)
        What every row's target is predicted as.
    ndarray of shape (n_fits, n_rows), optional
        The same of trained rows without their question or `unit`, as in `Fit.left_out`, NaN of
        others; None where there is no `unit`.
    """
    moved, without = np.empty((2, len(weights), len(target)))
    for number, (weight, of_fit) in enumerate(zip(weights, known, strict=True)):
        key = _key(boundaries, of_fit, target, weight, n_reweightings)
        coef = once.coefficients(key) if key and unit is None else None
        if coef is None:
            fit = fitted(boundaries, *of_fit, target, weight, n_reweightings)
            coef = fit.coef
            if key:
                once.keep(key, coef)
            if unit is not None:
                without[number] = fit.left_out(unit)
        predict(of_fit[2], of_fit[0], coef, moved[number])
    return moved, None if unit is None else without


def _key(
    boundaries: Boundaries,
    known: Known,
    target: FloatArray,
    weight: FloatArray,
    n_reweightings: int,
) -> bytes | None:
    """Return a digest of what a fit's coefficients depend on; None where the model has a say."""
    if not boundaries.withheld:
        return None
    questions, of, _ = known
    return once.digest(
        f"{n_reweightings} {questions.n_scales}", boundaries.digest, questions.words,
        questions.scale, of.core, of.questions, of.groups, target, weight,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fit:
    """A fit, and the regression that it is the solution of."""

    arrow: Arrow
    target: FloatArray
    weight: FloatArray
    coef: Coefficients

    def left_out(self, unit: IntArray) -> FloatArray:
        """Return what the rows' targets are predicted as without their question, or unit >= 0."""
        error = np.full_like(self.target, np.nan)
        self.arrow.predict(self.coef, error)
        without = left_out(self.arrow, self.target, self.weight, self.target - error)
        for one in np.unique(unit[(unit >= 0) & ~np.isnan(without)]):
            rest = self.arrow.solve(np.where(unit == one, 0.0, self.weight))
            self.arrow.predict(rest, error)
            without = np.where((unit == one) & ~np.isnan(without), error, without)
        return without
