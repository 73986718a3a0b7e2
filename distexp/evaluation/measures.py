"""Everything that is measured about the held-out predictions of one calibrator.

Predictions are measured fit by fit and the measures averaged: the mean of several fits'
predictions is smoother than any of them.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

from distexp.calibrator.fitting import once
from distexp.evaluation.layout import Frame
from distexp.metrics.distance import Scores, human_samples, sampling_ceiling, score
from distexp.metrics.respondents import expected_ceiling
from distexp.metrics.shape import Shape, shape
from distexp.metrics.tasks import Tasks, tasks
from distexp.metrics.threads import in_order, n_free
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
    parts = (predicted[rows] for rows in _parts(predicted))
    for tested in in_order(
        partial(_tested, frame=frame, extras=extras), parts, _n_threads(predicted)
    ):
        means.add(tested)
    distances = Scores(*means.of(Scores))
    if not extras:
        return Measures(distances)
    return Measures(distances, Shape(*means.of(Shape)), Tasks(*means.of(Tasks)))


def measure_each(predicted: FloatArray, frame: Frame, *, extras: bool) -> Measures:
    """Measure likewise, and return arrays of shape (n_splits, n_cases) or (n_splits, n_cells)."""
    parts = (predicted[rows] for rows in _parts(predicted))
    each = partial(_each_of_few, frame=frame, extras=extras)
    measured = list(in_order(each, parts, _n_threads(predicted)))
    if len(measured) == 1:
        return measured[0]
    return Measures(*map(_joined, zip(*measured, strict=True)))


def _joined(parts: Sequence[Scores | Shape | Tasks | None]) -> Any:
    """Put what was measured of some splits after each other."""
    fields = [part for part in parts if part is not None]
    return type(fields[0])(*map(np.concatenate, zip(*fields, strict=True))) if fields else None


def _each_of_few(predicted: FloatArray, frame: Frame, *, extras: bool) -> Measures:
    """Measure every split of a few."""
    n_splits, n_cases = predicted.shape[:2]
    tested = _tested(predicted, frame, extras=extras)
    place, n = tested.split * n_cases + tested.case, n_splits * n_cases

    def by_case(measured: Iterable[FloatArray]) -> Iterator[FloatArray]:
        return (_mean_by(place, values, n).reshape(n_splits, -1) for values in measured)

    scores = Scores(*by_case(tested.scores))
    if not extras:
        return Measures(scores)
    if tested.shape is None or tested.tasks is None:  # nothing was tested
        none = np.full((n_splits, n_cases), np.nan)
        of_cell = np.full((n_splits, frame.n_cells), np.nan)
        served = Tasks(*(of_cell if name in OF_CELLS else none for name in Tasks._fields))
        return Measures(scores, Shape(*(none for _ in Shape._fields)), served)
    of_tasks = _tasks_by(tested.tasks, place, n, tested.cells, n_splits * frame.n_cells)
    return Measures(
        scores,
        Shape(*by_case(tested.shape)),
        Tasks(*(values.reshape(n_splits, -1) for values in of_tasks)),
    )


class _Tested(NamedTuple):
    """What was measured of the tested cases of some splits."""

    split: IntArray
    case: IntArray
    scores: Scores
    shape: Shape | None
    tasks: Tasks | None
    cells: IntArray
    """Numbered through over the splits."""


def _tested(predicted: FloatArray, frame: Frame, *, extras: bool) -> _Tested:
    """Measure the tested cases of some splits."""
    split, case = np.nonzero(~np.isnan(predicted[..., 0]))  # few are tested: the rest costs time
    shares, tested = predicted[split, case], frame.take(case)
    design = tested.design
    scores = score(shares, tested.human, design.ordinals, design.mask)
    if not extras or not len(case):
        return _Tested(split, case, scores, None, None, case[:0])
    cell = split * frame.n_cells + tested.cell
    served, cells = tasks(shares, tested.human, design.ordinals, cell, tested.people)
    return _Tested(split, case, scores, shape(shares, tested.human, design.mask), served, cells)


def _n_threads(predicted: FloatArray) -> int:
    """Return how many threads share the splits; few cases take none."""
    return n_free() if len(_parts(predicted)) > 1 else 0


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
    if frame.human.size > once.MOST:
        return _ceiling(frame, tested, n_draws=n_draws, seed=seed, extras=extras)
    made_of = (
        frame.human, frame.n_respondents, frame.design.ordinals, frame.design.n_options,
        frame.cell, frame.people, tested,
    )  # fmt: skip
    key = once.digest(f"ceiling {n_draws} {seed} {extras}", *made_of)

    def make() -> tuple[FloatArray, ...]:
        rooms = _ceiling(frame, tested, n_draws=n_draws, seed=seed, extras=extras)
        return tuple(values for room in rooms if room is not None for values in room)

    values = iter(once.made(key, make))  # the same for every study of the survey
    distances = Scores(*islice(values, len(Scores._fields)))
    if not extras:
        return Measures(distances)
    return Measures(distances, Shape(*islice(values, len(Shape._fields))), Tasks(*values))


def _ceiling(
    frame: Frame, tested: BoolArray, *, n_draws: int, seed: int, extras: bool
) -> Measures:
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


def _parts(predicted: FloatArray) -> list[slice]:
    """Return a few splits at a time."""
    n_splits, n_cases, _ = predicted.shape
    step = max(1, AT_ONCE // max(1, n_cases))
    return [slice(start, start + step) for start in range(0, n_splits, step)]


class _Means:
    """Sums and counts over splits, of each case and each cell."""

    def __init__(self, frame: Frame) -> None:
        self.n_cases, self.n_cells = len(frame.human), frame.n_cells
        self.sums: dict[tuple[type, str], tuple[FloatArray, FloatArray]] = {}

    def add(self, tested: _Tested) -> None:
        """Add measures of the tested cases and cells of some splits."""
        for measured in (tested.scores, tested.shape, tested.tasks):
            for name, values in () if measured is None else measured._asdict().items():
                if name in OF_CELLS:
                    index, n = tested.cells % self.n_cells, self.n_cells
                else:
                    index, n = tested.case, self.n_cases
                self._add((type(measured), name), index, values, n)

    def _add(self, key: tuple[type, str], index: IntArray, values: FloatArray, n: int) -> None:
        sums, counts = self.sums.setdefault(key, (np.zeros(n), np.zeros(n)))
        valid = ~np.isnan(values)
        np.add.at(sums, index[valid], values[valid])
        counts += np.bincount(index[valid], minlength=n)

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
