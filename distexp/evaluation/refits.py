"""What a method's measures gain where it is fitted without a group of questions."""

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy

import numpy as np

from distexp.calibrator.baseline import Identity, Uniform
from distexp.evaluation.bootstrap import Bootstrap
from distexp.evaluation.fits import cross_fit
from distexp.evaluation.jackknife import Jackknife
from distexp.evaluation.layout import Frame
from distexp.evaluation.measures import Measures, mean_over_splits, measure_each
from distexp.evaluation.splits import Split
from distexp.metrics.distance import Scores
from distexp.metrics.shape import Shape
from distexp.metrics.tasks import Tasks
from distexp.protocols import Calibrator, rehearsal_of
from distexp.types import BoolArray, FloatArray, IntArray

AT_ONCE = 2**19
"""Cases of fits that are held in memory together, about."""
MOST_FITS = 72
"""Of each method, about: with groups of questions dealt to five splits it is 48 and these five,
as many as the analysis makes anyway."""


def shifts(
    methods: Mapping[str, Calibrator],
    frame: Frame,
    splits: Sequence[Split],
    resampling: Jackknife | Bootstrap,
    weight: FloatArray | None,
    unit: IntArray,
    *,
    extras: bool,
) -> tuple[dict[str, Measures], list[str]]:
    """Fit every method without each group of questions, where intervals need that.

    Returns
    -------
    dict of str to Measures
        Of the methods that learn; see `shift`. Empty for a bootstrap.
    list of str
        What cannot be fitted so, as warnings.
    """
    found, warnings = {}, []
    for name, method in methods.items():
        if isinstance(resampling, Bootstrap) or isinstance(method, Identity | Uniform):
            continue
        try:
            found[name] = shift(method, frame, splits, resampling, weight, unit, extras=extras)
        except (TypeError, ValueError) as exc:
            reason = " ".join(str(exc).split())[:200]
            warnings.append(
                f"{name} cannot be fitted without some of its training questions ({reason}): its "
                "intervals take the fits as they are, and are too narrow."
            )
    return found, warnings


def shift(
    method: Calibrator,
    frame: Frame,
    splits: Sequence[Split],
    jackknife: Jackknife,
    weight: FloatArray | None,
    unit: IntArray,
    *,
    extras: bool,
) -> Measures:
    """Fit a method to the first splits again, without each group of questions in turn.

    The splits are as many as hold each question out once, if that is not too many. A method whose
    fit searches or leaves something is taken as its rehearsal: what it is without its search.

    Parameters
    ----------
    method : Calibrator
        Is copied, and keeps what it learnt.
    frame : Frame of n_cases cases
    splits : sequence of Split
    jackknife : Jackknife
    weight : ndarray of shape (n_cases,), optional
        As in `distexp.evaluation.fits.cross_fit`.
    unit : ndarray of shape (n_cases,)
        What the groups are of, as in `jackknife`: the question of each case, or its battery.
    extras : bool
        Whether to measure shape and tasks too.

    Returns
    -------
    Measures
        Of shape (n_groups, n_cases) or (n_groups, n_cells): the measure without the group minus
        that with it, a mean over the splits that test the case, NaN where none of them does.

    Raises
    ------
    TypeError, ValueError
        If it cannot be fitted to so few questions.
    """
    n_groups = jackknife.n_groups
    chosen = _covering(splits, max(2, MOST_FITS // n_groups))
    kept = [jackknife.without(unit, left_out) for left_out in range(n_groups)]
    step = max(1, AT_ONCE // ((n_groups + 1) * len(kept[0])))
    parts = []
    for start in range(0, len(chosen), step):
        fits, place = _without_each(chosen[start : start + step], kept)
        made = rehearsal_of(deepcopy(method))
        predicted = cross_fit(made, frame.design, frame.human, fits, weight)
        parts.append((measure_each(predicted, frame, extras=extras), place))
    return Measures(
        Scores(*_gains([(each.distances, place) for each, place in parts])),
        Shape(*_gains([(each.shape, place) for each, place in parts])) if extras else None,
        Tasks(*_gains([(each.tasks, place) for each, place in parts])) if extras else None,
    )


def _without_each(
    splits: Sequence[Split], kept: Sequence[BoolArray]
) -> tuple[list[Split], IntArray]:
    """Return the splits and these without each group, and the place of the latter, -1 for none."""
    fits, place = list(splits), np.full((len(kept), len(splits)), -1)
    for number, split in enumerate(splits):
        for left_out, others in enumerate(kept):
            train = split.train & others
            if train.any() and (train != split.train).any():
                place[left_out, number] = len(fits)
                fits.append(Split(train=train, test=split.test))
    return fits, place


def _gains(
    parts: Sequence[tuple[tuple[FloatArray, ...] | None, IntArray]],
) -> Iterator[FloatArray]:
    """Yield how much each group left out adds to each field; single precision is enough."""
    rooms = [(room, place) for room, place in parts if room is not None]
    for number in range(len(rooms[0][0])):
        moved = [
            np.concatenate(
                [_moved(room[number], place[left_out], place.shape[1]) for room, place in rooms]
            )
            for left_out in range(len(rooms[0][1]))
        ]
        yield np.array([mean_over_splits(of_group) for of_group in moved], dtype=np.float32)


def _moved(by_fit: FloatArray, row: IntArray, n_splits: int) -> FloatArray:
    """Return what the fits at `row` add to the first `n_splits`; 0 where there is none."""
    base = by_fit[:n_splits]
    return np.where((row < 0)[:, None], base - base, by_fit[row] - base)


def _covering(splits: Sequence[Split], most: int) -> list[Split]:
    """Return the first splits that together test all that any does, at most so many."""
    tested = np.any([split.test for split in splits], axis=0)
    seen = np.zeros_like(tested)
    chosen: list[Split] = []
    for split in splits:
        if (seen == tested).all() or len(chosen) == most:
            break
        if (split.test & ~seen).any():
            chosen.append(split)
            seen |= split.test
    return chosen
