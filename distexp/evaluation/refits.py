"""What a method's measures gain where it is fitted without a group of questions."""

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass

import numpy as np

from distexp.calibrator.baseline import Identity, Uniform
from distexp.evaluation.bootstrap import Bootstrap
from distexp.evaluation.fits import cross_fit
from distexp.evaluation.jackknife import Jackknife
from distexp.evaluation.layout import Frame
from distexp.evaluation.measures import Measures, measure_each
from distexp.evaluation.splits import Split
from distexp.metrics.distance import Scores
from distexp.metrics.names import DISTANCES, TASKS, keys
from distexp.metrics.shape import Shape
from distexp.metrics.tasks import Tasks
from distexp.protocols import Calibrator, rehearsal_of
from distexp.types import BoolArray, FloatArray, IntArray

AT_ONCE = 2**19
"""Cases of fits that are held in memory together, about."""
MOST_FITS = 72
"""Of each method, about: with groups of questions dealt to five splits it is 48 and these five,
as many as the analysis makes anyway."""
ENOUGH = 100
"""Questions on a scale, or batteries of them, that tell what leaving out a group does to fits to
as many and more: no further split is fitted again."""


MOVED = (*DISTANCES, *TASKS)
"""Metrics of which runs keep what refits add, for views that compare several runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refit:
    """What a method's means gain where it is fitted without a group of questions."""

    calibrator: str
    left_out: int
    """Number of the group, from 0."""
    questions: tuple[str, ...]
    """Ids of those that are in it."""
    units: tuple[int, ...]
    """Of each question; equal numbers have one sign, as a battery."""
    moved: dict[str, float]
    """By metric of `MOVED`, over the cases of the other questions; NaN where it is not known."""


def refit_means(
    names: Mapping[str, bool],
    frame: Frame,
    ids: Sequence[str],
    jackknife: Jackknife,
    found: Mapping[str, Measures],
    unit: IntArray,
    judged: IntArray,
) -> Iterator[Refit]:
    """Yield what leaving out each group does to each method.

    Parameters
    ----------
    names : mapping of str to bool
        Of the methods, and whether they learn: what does not is moved by nothing.
    frame : Frame of n_cases cases
    ids : sequence of n_cases str
        Of the questions.
    jackknife : Jackknife
    found : mapping of str to Measures
        As `shifts` returns them.
    unit, judged : ndarray of shape (n_cases,)
        What the groups are of, and what has one sign.
    """
    which = np.full(len(ids), -1)
    of_groups = np.isin(unit, jackknife.questions)
    places = np.searchsorted(jackknife.questions, unit[of_groups])
    which[of_groups] = jackknife.group[places]
    of_cell = np.zeros(frame.cell.max() + 1, np.int64)
    of_cell[frame.cell] = which
    for left_out in range(jackknife.n_groups):
        questions = {
            ids[row]: int(judged[row]) for row in np.flatnonzero(which == left_out).tolist()
        }
        for name, learns in names.items():
            moved = dict.fromkeys(keys(MOVED), np.nan if learns else 0.0)
            for metric in MOVED if name in found else ():
                room, field = metric.source.split(".")
                if (measured := getattr(found[name], room)) is not None:
                    others = (of_cell if metric.by_cell else which) != left_out
                    gained = getattr(measured, field)[left_out, others]
                    known = gained[~np.isnan(gained)]
                    moved[metric.key] = float(known.mean()) if len(known) else 0.0
            yield Refit(
                calibrator=name,
                left_out=left_out,
                questions=tuple(questions),
                units=tuple(questions.values()),
                moved=moved,
            )


def shifts(
    methods: Mapping[str, Calibrator],
    frame: Frame,
    splits: Sequence[Split],
    resampling: Jackknife | Bootstrap,
    weight: FloatArray | None,
    unit: IntArray,
    *,
    extras: bool,
    fitted: Mapping[str, Sequence[FloatArray]] | None = None,
) -> tuple[dict[str, Measures], list[str]]:
    """Fit every method without each group of questions, where intervals need that.

    The splits are those that `refitted` names, and `fitted` is what methods predict of the tested
    cases of each, if that is known.

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
            known = (fitted or {}).get(name)
            found[name] = shift(
                method, frame, splits, resampling, weight, unit, extras=extras, known=known
            )
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
    known: Sequence[FloatArray] | None = None,
) -> Measures:
    """Fit a method to some splits again, without each group of questions in turn.

    A method whose fit searches or leaves something is taken as its rehearsal: what it is without
    its search.

    Parameters
    ----------
    method : Calibrator
        Is copied, and keeps what it learnt.
    frame : Frame of n_cases cases
    splits : sequence of Split
        Those that `refitted` names.
    jackknife : Jackknife
    weight : ndarray of shape (n_cases,), optional
        As in `distexp.evaluation.fits.cross_fit`.
    unit : ndarray of shape (n_cases,)
        What the groups are of, as in `jackknife`: the question of each case, or its battery.
    extras : bool
        Whether to measure shape and tasks too.
    known : sequence of ndarray of shape (n_tested, max_options), optional
        What the method predicts of the tested cases of each split; fitted once more where None.

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
    kept = [jackknife.without(unit, left_out) for left_out in range(n_groups)]
    step = max(1, AT_ONCE // ((n_groups + 1) * len(kept[0])))
    gains = _Gains(n_groups)
    for start in range(0, len(splits), step):
        some = splits[start : start + step]
        fits, place = _without_each(some, kept)
        there = []
        if known is not None:
            there = [np.full((len(some), *frame.human.shape), np.nan)]
            for split, of_split, into in zip(some, known[start:], there[0], strict=False):
                into[split.test] = of_split
        if more := fits[len(some) if there else 0 :]:
            made = rehearsal_of(deepcopy(method))
            there.append(cross_fit(made, frame.design, frame.human, more, weight))
        predicted = there[0] if len(there) == 1 else np.concatenate(there)
        gains.add(measure_each(predicted, frame, extras=extras), place)
    return Measures(
        Scores(*gains.of(Scores)),
        Shape(*gains.of(Shape)) if extras else None,
        Tasks(*gains.of(Tasks)) if extras else None,
    )


def count_refits(
    splits: Sequence[Split], resampling: Jackknife | Bootstrap, unit: IntArray
) -> int:
    """Return how many more fits of a method `shift` makes of these splits."""
    if isinstance(resampling, Bootstrap):
        return 0
    kept = [resampling.without(unit, left_out) for left_out in range(resampling.n_groups)]
    return len(_without_each(splits, kept)[0]) - len(splits)


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


class _Gains:
    """How much each group left out adds to each field, summed up split by split."""

    def __init__(self, n_groups: int) -> None:
        self.n_groups = n_groups
        self.sums: dict[tuple[type, str], tuple[FloatArray, IntArray]] = {}

    def add(self, measured: Measures, place: IntArray) -> None:
        """Add what some splits say; `place` as `_without_each` returns it."""
        for room in (room for room in measured if room is not None):
            for name, by_fit in room._asdict().items():
                self._add((type(room), name), by_fit, place)

    def _add(self, key: tuple[type, str], by_fit: FloatArray, place: IntArray) -> None:
        shape = self.n_groups, by_fit.shape[1]
        sums, counts = self.sums.setdefault(key, (np.zeros(shape), np.zeros(shape, np.uint16)))
        for rows, of_group, counted in zip(place, sums, counts, strict=True):
            for base, row in zip(by_fit, rows, strict=False):  # the first fits are the splits'
                gained = base - base if row < 0 else by_fit[row] - base
                tested = ~np.isnan(gained)
                np.add(of_group, gained, out=of_group, where=tested)
                np.add(counted, tested, out=counted)

    def of(self, room: type[Scores] | type[Shape] | type[Tasks]) -> Iterator[FloatArray]:
        """Yield the mean of each field, NaN where no split has it; single precision is enough."""
        for name in room._fields:
            sums, counts = self.sums.pop((room, name))
            with np.errstate(invalid="ignore"):
                yield np.divide(sums, counts, out=sums).astype(np.float32)


def refitted(
    splits: Sequence[Split],
    resampling: Jackknife | Bootstrap,
    unit: IntArray,
    ordinals: FloatArray,
) -> list[int]:
    """Return which splits are fitted without each group of questions.

    The first that test all that any does, or `ENOUGH`, and at least two of them.

    Parameters
    ----------
    splits : sequence of Split
    resampling : Jackknife or Bootstrap
    unit : ndarray of shape (n_cases,)
        What counts as one of those tested: the question of each case, or its battery.
    ordinals : ndarray of shape (n_cases, max_options)
        Cases without a scale count where all are.
    """
    if isinstance(resampling, Bootstrap):
        return []
    most = max(2, MOST_FITS // resampling.n_groups)
    tested = np.any([split.test for split in splits], axis=0)
    counted = ~np.isnan(ordinals[:, 0])
    counted |= not (counted & tested).any()
    seen = np.zeros_like(tested)
    chosen: list[int] = []
    for number, split in enumerate(splits):
        enough = len(chosen) > 1 and len(np.unique(unit[seen & counted])) >= ENOUGH
        if enough or (seen == tested).all() or len(chosen) == most:
            break
        if (split.test & ~seen).any():
            chosen.append(number)
            seen |= split.test
    return chosen
