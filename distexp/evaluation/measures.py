"""Everything that is measured about the held-out predictions of one calibrator.

Predictions are measured fit by fit and the measures averaged: the mean of several fits'
predictions is smoother than any of them.
"""

from collections.abc import Iterator
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
OF_CELLS = ("ranking", "population", "spread", "human_spread")
"""Fields of `Tasks` that are of cells, not cases."""
AT_ONCE = 2**16
"""Cases of splits that are measured together: more would not fit a processor's cache."""


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
    means = _Means(frame)
    for split, case in _tested(predicted):  # few are tested: the rest costs time
        shares, tested = predicted[split, case], frame.take(case)
        design = tested.design
        means.add(case, score(shares, tested.human, design.ordinals, design.mask))
        if extras:
            means.add(case, shape(shares, tested.human, design.mask))
            cell = split * frame.n_cells + tested.cell
            served, cells = tasks(shares, tested.human, design.ordinals, cell, tested.people)
            means.add_tasks(case, served, cells)
    distances = Scores(*means.of(Scores))
    if not extras:
        return Measures(distances)
    return Measures(distances, Shape(*means.of(Shape)), Tasks(*means.of(Tasks)))


def measure_each(predicted: FloatArray, frame: Frame, *, extras: bool) -> Measures:
    """Measure likewise, and return arrays of shape (n_splits, n_cases) or (n_splits, n_cells)."""
    n_splits, n_cases = predicted.shape[:2]
    split, case = np.nonzero(~np.isnan(predicted[..., 0]))
    shares, tested = predicted[split, case], frame.take(case)
    design, place, n = tested.design, split * n_cases + case, n_splits * n_cases
    distances = score(shares, tested.human, design.ordinals, design.mask)
    scores = Scores(*(_mean_by(place, v, n).reshape(n_splits, -1) for v in distances))
    if not extras:
        return Measures(scores)
    shapes = shape(shares, tested.human, design.mask)
    cell = split * frame.n_cells + tested.cell
    served, cells = tasks(shares, tested.human, design.ordinals, cell, tested.people)
    of_tasks = _tasks_by(served, place, n, cells, n_splits * frame.n_cells)
    return Measures(
        scores,
        Shape(*(_mean_by(place, v, n).reshape(n_splits, -1) for v in shapes)),
        Tasks(*(v.reshape(n_splits, -1) for v in of_tasks)),
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
    sums, n_tested = np.zeros(values.shape[1:]), np.zeros(values.shape[1:])
    for of_split in values:  # not all at once: copies of splits times cases
        tested = ~np.isnan(of_split)
        np.add(sums, of_split, out=sums, where=tested)
        n_tested += tested
    with np.errstate(invalid="ignore"):
        means: FloatArray = sums / n_tested
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


def _tested(predicted: FloatArray) -> Iterator[tuple[IntArray, IntArray]]:
    """Yield the splits and cases that were tested, of a few splits at once."""
    n_splits, n_cases, _ = predicted.shape
    step = max(1, AT_ONCE // max(1, n_cases))
    for start in range(0, n_splits, step):
        split, case = np.nonzero(~np.isnan(predicted[start : start + step, :, 0]))
        if len(case):
            yield start + split, case


class _Means:
    """Sums and counts over splits, of each case and each cell."""

    def __init__(self, frame: Frame) -> None:
        self.n_cases, self.n_cells = len(frame.human), frame.n_cells
        self.sums: dict[tuple[type, str], tuple[FloatArray, FloatArray]] = {}

    def add(self, case: IntArray, measured: Scores | Shape) -> None:
        """Add measures of the cases."""
        for name, values in measured._asdict().items():
            self._add((type(measured), name), case, values, self.n_cases)

    def add_tasks(self, case: IntArray, served: Tasks, cells: IntArray) -> None:
        """Add tasks of the cases and of the cells, which are numbered through over splits."""
        cell = cells % self.n_cells
        for name, values in served._asdict().items():
            by_cell = name in OF_CELLS
            index, n = (cell, self.n_cells) if by_cell else (case, self.n_cases)
            self._add((Tasks, name), index, values, n)

    def _add(self, key: tuple[type, str], index: IntArray, values: FloatArray, n: int) -> None:
        sums, counts = self.sums.setdefault(key, (np.zeros(n), np.zeros(n)))
        valid = ~np.isnan(values)
        np.add.at(sums, index[valid], values[valid])
        np.add.at(counts, index[valid], 1)

    def of(self, kind: type[Scores] | type[Shape] | type[Tasks]) -> Iterator[FloatArray]:
        """Yield the mean of each field; NaN where nothing was added."""
        for name in kind._fields:
            n = self.n_cells if name in OF_CELLS else self.n_cases
            sums, counts = self.sums.get((kind, name), (np.zeros(n), np.zeros(n)))
            with np.errstate(invalid="ignore"):
                yield sums / counts


def _tasks_by(served: Tasks, case: IntArray, n: int, cell: IntArray, n_cells: int) -> Tasks:
    """Average tasks of rows over those of one case, in 0 ... n - 1, and of one cell."""
    return Tasks(
        modal=_mean_by(case, served.modal, n),
        mean_error=_mean_by(case, served.mean_error, n),
        **{name: _mean_by(cell, getattr(served, name), n_cells) for name in OF_CELLS},
    )


def _mean_by(index: IntArray, values: FloatArray, n: int) -> FloatArray:
    """Return the mean of the values that share an index in 0 ... n - 1, leaving NaN out."""
    valid = ~np.isnan(values)
    sums = np.bincount(index[valid], values[valid], n)
    with np.errstate(invalid="ignore"):
        means: FloatArray = sums / np.bincount(index[valid], minlength=n)
    return means
