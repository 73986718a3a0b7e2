"""How calibrators do on a new topic: each battery held out as a whole, beside the usual scores."""

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace

import numpy as np

from distexp.evaluation.baselines import CEILING, RAW
from distexp.evaluation.bootstrap import Bootstrap
from distexp.evaluation.fits import cross_fit
from distexp.evaluation.jackknife import Jackknife
from distexp.evaluation.layout import Frame
from distexp.evaluation.measures import Measures, ceiling, measure
from distexp.evaluation.refits import refitted, shifts
from distexp.evaluation.scores import Score, score_methods
from distexp.evaluation.splits import Split
from distexp.evaluation.units import Units, enough
from distexp.protocols import Calibrator, Searching
from distexp.types import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTopics:
    """What was found on batteries that were held out as a whole."""

    scores: tuple[Score, ...] = ()
    """Of distances, without the ceiling and what is measured by it; intervals redraw batteries,
    and are NaN where these are too few."""
    batteries: tuple[str, ...] = ()
    """Those that were tested."""
    reductions: dict[str, tuple[float, ...]] = field(default_factory=dict)
    """Of W1 against the uncalibrated prediction, by calibrator, in each battery; NaN where it is
    not defined."""
    note: str = ""
    """Why there are no scores."""


def of_new_topics(
    methods: Mapping[str, Calibrator],
    frame: Frame,
    units: Units,
    splits: list[Split],
    weight: FloatArray | None,
    resampling_of: Callable[[Sequence[Split]], Jackknife | Bootstrap],
    *,
    seed: int,
    confidence: float,
    blind: tuple[str, ...] = (),
) -> NewTopics:
    """Fit every method without each battery, and score it there.

    A calibrator that searches is passed over: its search is not repeated.

    Parameters
    ----------
    methods : mapping of str to Calibrator
        They stay as they are.
    frame : Frame of n_cases cases
    units : Units
        By battery.
    splits : list of Split
        By `units`, without what cannot be read or must not be tested.
    weight : ndarray of shape (n_cases,), optional
    resampling_of : callable
        From splits to how batteries are redrawn.
    seed : int
    confidence, blind
        As in `distexp.evaluation.scores.score_methods`.
    """
    splits = [split for split in splits if split.test.any()]
    if not splits or not all(split.train.any() for split in splits):
        return NewTopics(
            note="No battery could be held out as a whole: of each, a prompt showed human answers "
            "or nothing could be read, or nothing else was left to train on."
        )
    of_battery = replace(frame, design=replace(frame.design, unit=units.inner))
    measures = {
        name: measure(
            cross_fit(deepcopy(method), of_battery.design, frame.human, splits, weight),
            frame,
            extras=False,
        )
        for name, method in methods.items()
        if not isinstance(method, Searching)
    }
    tested = np.any([split.test for split in splits], axis=0)
    measures[CEILING] = ceiling(frame, tested, n_draws=1, seed=seed, extras=False)
    numbers = np.unique(units.tested[tested])
    told = enough(units.tested[tested], frame.design.question[tested])
    resampling = resampling_of(splits)
    moved: Mapping[str, Measures] = {}
    if told:
        fitted = {name: method for name, method in methods.items() if name in measures}
        again = refitted(splits, resampling, units.redrawn, frame.design.ordinals)
        moved, _ = shifts(
            fitted, of_battery, [splits[number] for number in again], resampling, weight,
            units.redrawn, extras=False,
        )  # fmt: skip
    found = score_methods(
        measures,
        frame,
        resampling,
        moved,
        confidence=confidence,
        unit=units.redrawn,
        blind=blind,
    )
    distances = {name: of_one.distances.wasserstein for name, of_one in measures.items()}
    rows = [tested & (units.tested == number) for number in numbers]
    return NewTopics(
        scores=tuple(
            score if told else replace(score, low=np.nan, high=np.nan)
            for score in found
            if score.calibrator != CEILING and score.metric != "gap_closed"
        ),
        batteries=tuple((units.batteries or ())[number] for number in numbers),
        reductions={
            name: tuple(_reduction(of_one[row], distances[RAW][row]) for row in rows)
            for name, of_one in distances.items()
            if name != CEILING
        },
    )


def _reduction(distances: FloatArray, raw: FloatArray) -> float:
    """Return by which share the mean distance is below the uncalibrated one."""
    known = ~np.isnan(raw)
    whole = float(raw[known].sum())
    return float((raw - distances)[known].sum()) / whole if whole > 0 else np.nan
