"""Everything that is measured about the held-out predictions of one calibrator.

Predictions are measured fit by fit and the measures averaged: the mean of several fits'
predictions is smoother than any of them.
"""

from typing import NamedTuple

import numpy as np

from distexp.evaluation.layout import Frame
from distexp.metrics.distance import Scores, human_samples, sampling_ceiling, score
from distexp.metrics.respondents import expected_ceiling
from distexp.metrics.shape import Shape, shape
from distexp.metrics.tasks import Tasks, tasks
from distexp.types import BoolArray, FloatArray, IntArray

N_EXTRA_DRAWS = 20
"""Resamples of the respondents behind the ceiling of shape and tasks: means over all cases, which
need fewer than the ceiling of each case."""


class Measures(NamedTuple):
    """What was measured: means over the splits that held a case out, NaN where none did."""

    distances: Scores
    """Of shape (n_cases,); more dimensions may stand before, here and below."""
    shape: Shape | None = None
    """Of shape (n_cases,); None where only distances were asked for."""
    tasks: Tasks | None = None
    """Of shape (n_cases,) and, with every cell, (n_cells,); None likewise."""


def measure(predicted: FloatArray, frame: Frame, *, extras: bool) -> Measures:
    """Measure the predictions of every split, and average over splits.

    Parameters
    ----------
    predicted : ndarray of shape (n_splits, n_cases, max_options)
        NaN where a case was in training.
    frame : Frame of n_cases cases
    extras : bool
        Whether to measure shape and tasks too.
    """
    return _measured(predicted, np.zeros(len(predicted), dtype=np.int64), frame, extras=extras)


def measure_each(predicted: FloatArray, frame: Frame, *, extras: bool) -> Measures:
    """Measure likewise, and return arrays of shape (n_splits, n_cases) or (n_splits, n_cells)."""
    n_splits = len(predicted)
    found = _measured(predicted, np.arange(n_splits), frame, extras=extras)
    return Measures(
        Scores(*(values.reshape(n_splits, -1) for values in found.distances)),
        found.shape and Shape(*(values.reshape(n_splits, -1) for values in found.shape)),
        found.tasks and Tasks(*(values.reshape(n_splits, -1) for values in found.tasks)),
    )


def _measured(predicted: FloatArray, label: IntArray, frame: Frame, *, extras: bool) -> Measures:
    """Average over the splits of one label, from 0: arrays are label by label."""
    split, case = np.nonzero(~np.isnan(predicted[..., 0]))  # few are tested: the rest costs time
    shares, tested = predicted[split, case], frame.take(case)
    design, n = tested.design, (int(label.max()) + 1) * len(frame.human)
    place = label[split] * len(frame.human) + case
    distances = score(shares, tested.human, design.ordinals, design.mask)
    averaged = Scores(*(_mean_by(place, values, n) for values in distances))
    if not extras:
        return Measures(averaged)
    shapes = shape(shares, tested.human, design.mask)
    cell = split * frame.n_cells + tested.cell
    served, cells = tasks(shares, tested.human, design.ordinals, cell, tested.people)
    of_label = label[cells // frame.n_cells] * frame.n_cells + cells % frame.n_cells
    return Measures(
        averaged,
        Shape(*(_mean_by(place, values, n) for values in shapes)),
        _tasks_by(served, place, n, of_label, (int(label.max()) + 1) * frame.n_cells),
    )


def ceiling(frame: Frame, tested: BoolArray, *, n_draws: int, seed: int, extras: bool) -> Measures:
    """Measure what a perfect predictor would get, against samples of as many respondents.

    Parameters
    ----------
    frame : Frame of n_cases cases
    tested : ndarray of bool of shape (n_cases,)
        Cases that some split held out: shape and tasks are of them.
    n_draws : int
        Samples drawn per case; for shape and tasks at most `N_EXTRA_DRAWS`, for Wasserstein-1
        none.
    seed : int
    extras : bool
        Whether to measure shape and tasks too.

    Returns
    -------
    Measures
        NaN where the number of respondents is not known.

    See Also
    --------
    distexp.metrics.respondents.expected_ceiling : Wasserstein-1 is worked out, without bias.
    distexp.metrics.distance.sampling_ceiling : What is drawn, and why it is a little too good.
    """
    known = np.flatnonzero(np.isfinite(frame.n_respondents))
    rng = np.random.default_rng([seed, 1])
    of_known = frame.take(known)
    answers = of_known.human, of_known.n_respondents, of_known.design.ordinals
    drawn = sampling_ceiling(*answers, of_known.design.mask, n_draws, rng)._replace(
        wasserstein=expected_ceiling(*answers)
    )
    distances = Scores(*(_mean_by(known, values, len(frame.human)) for values in drawn))
    if not extras:
        return Measures(distances)
    return Measures(distances, *_extra_ceiling(frame, known[tested[known]], n_draws, rng))


def mean_over_splits(values: FloatArray) -> FloatArray:
    """Average over the first axis, leaving NaN out; NaN where there is nothing else."""
    tested = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        means: FloatArray = np.where(tested, values, 0.0).sum(axis=0) / tested.sum(axis=0)
    return means


def _extra_ceiling(
    frame: Frame, case: IntArray, n_draws: int, rng: np.random.Generator
) -> tuple[Shape, Tasks]:
    """Return the ceiling's shape and tasks from the cases numbered `case`."""
    rows, n_cases = frame.take(case), len(frame.human)
    ordinals, mask = rows.design.ordinals, rows.design.mask
    shapes, served = [], []
    for sample in human_samples(rows.human, rows.n_respondents, min(n_draws, N_EXTRA_DRAWS), rng):
        shapes.append(shape(rows.human, sample, mask))
        done, cells = tasks(rows.human, sample, ordinals, rows.cell, rows.people)
        served.append(_tasks_by(done, case, n_cases, cells, frame.n_cells))
    by_case = (mean_over_splits(np.array(values)) for values in zip(*shapes, strict=True))
    return (
        Shape(*(_mean_by(case, values, n_cases) for values in by_case)),
        Tasks(*(mean_over_splits(np.array(values)) for values in zip(*served, strict=True))),
    )


def _tasks_by(served: Tasks, case: IntArray, n: int, cell: IntArray, n_cells: int) -> Tasks:
    """Average tasks of rows over those of one case, in 0 ... n - 1, and of one cell."""
    return Tasks(
        modal=_mean_by(case, served.modal, n),
        mean_error=_mean_by(case, served.mean_error, n),
        ranking=_mean_by(cell, served.ranking, n_cells),
        population=_mean_by(cell, served.population, n_cells),
    )


def _mean_by(index: IntArray, values: FloatArray, n: int) -> FloatArray:
    """Return the mean of the values that share an index in 0 ... n - 1, leaving NaN out."""
    valid = ~np.isnan(values)
    sums = np.bincount(index[valid], values[valid], n)
    with np.errstate(invalid="ignore"):
        means: FloatArray = sums / np.bincount(index[valid], minlength=n)
    return means
