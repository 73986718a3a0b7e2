"""What a method's measures gain where it is fitted without a group of questions."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import TypeVar

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
from distexp.types import FloatArray, IntArray

Room = TypeVar("Room", Scores, Shape, Tasks)

MOST_FITS = 72
"""Of each method, about: with groups of questions dealt to five splits it is 48 and these five,
as many as the analysis makes anyway."""


def shifts(
    methods: Mapping[str, Calibrator],
    frame: Frame,
    splits: Sequence[Split],
    resampling: Jackknife | Bootstrap,
    weight: FloatArray | None,
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
            found[name] = shift(method, frame, splits, resampling, weight, extras=extras)
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
    kept = [jackknife.without(frame.design.question, left_out) for left_out in range(n_groups)]
    fits, place = list(chosen), np.full((n_groups, len(chosen)), -1)
    for number, split in enumerate(chosen):
        for left_out in range(n_groups):
            train = split.train & kept[left_out]
            if train.any() and (train != split.train).any():
                place[left_out, number] = len(fits)
                fits.append(Split(train=train, test=split.test))
    predicted = cross_fit(rehearsal_of(deepcopy(method)), frame.design, frame.human, fits, weight)
    each = measure_each(predicted, frame, extras=extras)
    return Measures(
        _gains(each.distances, place),
        None if each.shape is None else _gains(each.shape, place),
        None if each.tasks is None else _gains(each.tasks, place),
    )


def _gains(room: Room, place: IntArray) -> Room:
    """Return how much each group left out adds to each field; single precision is enough."""
    fields: list[FloatArray] = []
    for by_fit in room:
        base = by_fit[: place.shape[1]]
        moved = [
            mean_over_splits(np.where((row < 0)[:, None], base - base, by_fit[row] - base))
            for row in place
        ]
        fields.append(np.array(moved, dtype=np.float32))
    return type(room)(*fields)


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
