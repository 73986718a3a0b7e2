"""From measures per case to scores: values with their intervals and what they rest on."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from distexp.evaluation.baselines import CEILING, RAW, REFERENCE
from distexp.evaluation.bootstrap import Bootstrap
from distexp.evaluation.jackknife import Jackknife
from distexp.evaluation.layout import Frame
from distexp.evaluation.measures import Measures
from distexp.metrics import names
from distexp.metrics.respondents import (
    SIZES,
    equivalent_size,
    expected_ceiling,
    expected_wasserstein,
)
from distexp.metrics.ties import EQUAL, least
from distexp.types import BoolArray, FloatArray, IntArray

__all__ = (
    "CEILING", "METRICS", "RAW", "REFERENCE", "SMALLER_IS_BETTER", "Score", "score_methods",
)  # fmt: skip

METRICS = names.keys()
"""In the order of the tables; `docs/methods.md` defines them."""
ON_CARD = tuple(metric.key for metric in names.METRICS if metric.on_card)
SMALLER_IS_BETTER = frozenset(metric.key for metric in names.METRICS if metric.best == "small")
"""Of the others more is better, but for the ratios, which are best at 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """One number with its interval; NaN where it is not defined."""

    calibrator: str
    metric: str
    detail: str | None = None
    """Of `worst_group`, which one it is; of `w1_skill`, against what, if not the training mean."""
    value: float
    low: float
    high: float
    n_questions: int
    """That the number rests on; so are the next two."""
    n_groups: int
    n_respondents: float
    """Summed over the questions and groups, effective numbers where answers are weighted; NaN
    where one is unknown."""


def score_methods(
    measures: Mapping[str, Measures],
    frame: Frame,
    resampling: Jackknife | Bootstrap,
    shifts: Mapping[str, Measures],
    *,
    confidence: float,
    unit: IntArray | None = None,
    blind: Collection[str] = (),
    metrics: Collection[str] = METRICS,
) -> Iterator[Score]:
    """Average the measures of each method over cases, and compare the methods.

    Parameters
    ----------
    measures : mapping of str to Measures
        By calibrator; `RAW`, `REFERENCE` and `CEILING` among them. Cases that were never tested
        are NaN in `RAW`, and count for no method.
    frame : Frame of n_cases cases
    resampling : Jackknife or Bootstrap
        Of the questions; the same for every method and metric.
    shifts : mapping of str to Measures
        What fits without each group of questions add; see `distexp.evaluation.refits.shifts`.
        Methods that are not there are taken as they are.
    confidence : float
        Coverage of the intervals, in (0, 1).
    unit : ndarray of shape (n_cases,), optional
        Equal numbers mark what is redrawn together; the questions where None.
    blind : collection of str
        Methods that never ask the model: skill is against the closest of them and `REFERENCE`.
    metrics : collection of str
        Those wanted, in the order of the tables.
    """
    draws = Draws(measures, frame, resampling, shifts, unit=unit, blind=blind)
    counted: dict[bytes, tuple[int, int, float]] = {}
    for name in measures:
        drawn = draws.of(name, metrics)
        for metric in (m for m in metrics if m in drawn):
            cases = drawn[metric].cases
            key = cases.tobytes()
            if key not in counted:  # most numbers rest on the same cases
                counted[key] = _counts(frame, cases)
            n_questions, n_groups, n_respondents = counted[key]
            value, low, high = draws.interval(drawn[metric], metric, confidence)
            yield Score(
                calibrator=name,
                metric=metric,
                detail=drawn[metric].detail,
                value=value,
                low=low,
                high=high,
                n_questions=n_questions,
                n_groups=n_groups,
                n_respondents=n_respondents,
            )


def _counts(frame: Frame, cases: BoolArray) -> tuple[int, int, float]:
    """Count questions, groups and respondents; each question of a group once."""
    question, group = frame.design.question[cases], frame.design.group[cases]
    _, first = np.unique(question * len(frame.groups) + group, return_index=True)
    n_respondents = float(frame.n_respondents[cases][first].sum())  # NaN if one is
    return len(np.unique(question)), len(np.unique(group)), n_respondents


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """A number and its redraws, of shape (1 + n_draws,), with the cases it rests on."""

    draws: FloatArray
    cases: BoolArray
    detail: str | None = None
    curve: FloatArray | None = None
    """Shape (1 + n_draws, n_sizes): what `draws`, distances then, are to be read off."""
    most: float | None = None
    """Of the ceiling, what its distance would be were people divided as evenly as can be."""


class Draws:
    """Draws of every metric of every method, from one way of redrawing questions.

    Parameters
    ----------
    measures : mapping of str to Measures
        By calibrator; `RAW`, `REFERENCE` and `CEILING` among them. Cases that were never tested
        are NaN in `RAW`, and count for no method.
    frame : Frame of n_cases cases
    resampling : Jackknife or Bootstrap
    shifts : mapping of str to Measures
    unit, blind
        As in `score_methods`.
    """

    def __init__(
        self,
        measures: Mapping[str, Measures],
        frame: Frame,
        resampling: Jackknife | Bootstrap,
        shifts: Mapping[str, Measures],
        *,
        unit: IntArray | None = None,
        blind: Collection[str] = (),
    ) -> None:
        self.measures, self.frame = measures, frame
        self.resampling, self.shifts = resampling, shifts
        self.question = frame.design.question if unit is None else unit
        self.tested = ~np.isnan(measures[RAW].distances.total_variation)
        self.ceiling = measures[CEILING].distances.wasserstein
        rivals = (REFERENCE, *(name for name in measures if name in blind))
        means = [self._w1(name).draws for name in rivals]
        values = [float(draws[0]) for draws in means]
        self.closest = rivals[least(values)] if np.isfinite(values).any() else REFERENCE
        self.reference = means[rivals.index(self.closest)]
        self.raw = self._w1(RAW).draws
        self.curves: dict[bytes, FloatArray] = {}

    def interval(self, drawn: Drawn, metric: str, confidence: float) -> tuple[float, float, float]:
        """Return a number of `metric` with the ends of its interval, within what it can be."""
        if drawn.curve is not None:
            return self._sizes(drawn, drawn.curve, confidence)
        scale, origin = names.METRIC[metric].scale, None
        if drawn.most is not None:  # skewed to where people agree
            scale, origin = ("log_rest", drawn.most) if metric == "w1" else ("log", 1 - drawn.most)
        value, low, high = self.resampling.interval(
            drawn.draws, self.question[drawn.cases], confidence, scale, origin
        )
        least, most = names.METRIC[metric].bounds
        low, high = (end if np.isnan(end) else min(max(end, least), most) for end in (low, high))
        return value, low, high

    def of(self, name: str, wanted: Collection[str] = METRICS) -> dict[str, Drawn]:
        """Return metrics of a method by name; those that take time only if they are wanted."""
        metrics = self._means(name) | self._alignments(name) | self._gains(name)
        if self.measures[name].shape is not None:
            metrics |= {
                "entropy_ratio": self._ratio(name, "entropy"),
                "peak_ratio": self._ratio(name, "peak"),
            }
        if "respondents" in wanted and self.expected is not None and name != CEILING:
            metrics["respondents"] = self._respondents(self.expected, name)
        return metrics

    def _means(self, name: str) -> dict[str, Drawn]:
        """Return the metrics that are means of what was measured."""
        means = {}
        for room in Measures._fields:
            there = getattr(self.measures[name], room) is not None
            for metric in (m for m in names.METRICS if there and m.is_of(room)):
                means[metric.key] = self._mean(name, room, metric.field, cells=metric.by_cell)
        if name == CEILING:
            means["w1"] = replace(means["w1"], most=self._most(means["w1"].cases))
        return means

    def _most(self, cases: BoolArray) -> float | None:
        """Return the ceiling's mean distance, were half of the people at either end."""
        if not cases.any():
            return None
        n = self.frame.n_respondents[cases]
        ends = np.tile([0.0, 1.0], (len(n), 1))
        return float(expected_ceiling(np.full_like(ends, 0.5), n, ends).mean())

    def _alignments(self, name: str) -> dict[str, Drawn]:
        w1 = self._w1(name)
        most = self._most(w1.cases) if name == CEILING else None
        return {
            "alignment": Drawn(draws=1 - w1.draws, cases=w1.cases, most=most),
            "worst_group": self._worst_group(name),
        }

    def _gains(self, name: str) -> dict[str, Drawn]:
        """Return what a method gains over the raw prediction and the training mean."""
        gains = {}
        w1, raw, reference = self._w1(name), self.raw, self.reference
        if name not in (RAW, CEILING):
            gains["w1_reduction"] = Drawn(draws=_share(raw - w1.draws, raw), cases=w1.cases)
            gains["alignment_gain"] = Drawn(draws=_share(raw - w1.draws, 1 - raw), cases=w1.cases)
            gains["gap_closed"] = self._gap_closed(name)
        if name not in (REFERENCE, CEILING):
            skill = _share(reference - w1.draws, reference)
            against = None if self.closest == REFERENCE else f"against {self.closest}"
            gains["w1_skill"] = Drawn(draws=skill, cases=w1.cases, detail=against)
        return gains

    def _gap_closed(self, name: str) -> Drawn:
        """Compare with raw and ceiling on the cases that have a ceiling."""
        known = ~np.isnan(self.ceiling)
        w1, of_raw, of_ceiling = (self._w1(of, known) for of in (name, RAW, CEILING))
        share = _share(of_raw.draws - w1.draws, of_raw.draws - of_ceiling.draws)
        return Drawn(draws=share, cases=w1.cases)

    def _worst_group(self, name: str) -> Drawn:
        """Return the alignment of the group of people with the lowest mean alignment."""
        values = self.measures[name].distances.wasserstein
        group, n_groups = self.frame.design.group, len(self.frame.groups)
        valid = self.tested & ~np.isnan(values)
        with np.errstate(invalid="ignore"):
            means = np.bincount(group[valid], values[valid], n_groups) / np.bincount(
                group[valid], minlength=n_groups
            )
        if np.isnan(means).all():
            return self._w1(name, np.zeros_like(valid))
        worst = least(-means)
        w1 = self._w1(name, group == worst)
        return Drawn(draws=1 - w1.draws, cases=w1.cases, detail=self.frame.groups[worst])

    @cached_property
    def expected(self) -> FloatArray | None:
        """How far samples of each of `SIZES` are, (n_cases, n_sizes); None without extras."""
        if self.measures[RAW].shape is None:
            return None
        frame = self.frame
        known = self.tested & np.isfinite(frame.n_respondents)
        expected = np.full((len(known), len(SIZES)), np.nan)
        expected[known] = expected_wasserstein(
            frame.human[known], frame.n_respondents[known], frame.design.ordinals[known], SIZES
        )
        return expected

    def _respondents(self, expected: FloatArray, name: str) -> Drawn:
        """Return the mean distance, and the curve that says of how many people it would be."""
        w1 = self._w1(name, ~np.isnan(expected[:, 0]))
        key = w1.cases.tobytes()
        if key not in self.curves:  # the same for all methods, mostly
            by_size = [self._draws(np.where(w1.cases, at, np.nan)) for at in expected.T]
            self.curves[key] = np.column_stack(by_size)
        return Drawn(draws=w1.draws, cases=w1.cases, curve=self.curves[key])

    def _sizes(
        self, drawn: Drawn, curve: FloatArray, confidence: float
    ) -> tuple[float, float, float]:
        """Return a sample size, and the sizes from which the distance cannot be told.

        The jackknife asks of each size whether its distance from people is the method's: sizes
        have no upper end where the method is at the ceiling, and are far from normal before.
        """
        question = self.question[drawn.cases]
        if isinstance(self.resampling, Bootstrap):
            sizes = equivalent_size(drawn.draws, curve, SIZES)
            return self.resampling.interval(sizes, question, confidence)
        apart = [
            self.resampling.interval(drawn.draws - at, question, confidence) for at in curve.T
        ]
        reach = np.array([value - low for value, low, _ in apart])
        shifted = np.vstack([curve[0], curve[0] - reach, curve[0] + reach])
        found = equivalent_size(np.repeat(drawn.draws[:1], 3), shifted, SIZES)
        value, low, high = (float(n) if np.isfinite(n) else np.nan for n in found)
        return value, low, high

    def _ratio(self, name: str, field: str) -> Drawn:
        above = self._mean(name, "shape", field)
        below = self._mean(name, "shape", f"human_{field}")
        return Drawn(draws=_share(above.draws, below.draws), cases=above.cases)

    def _w1(self, name: str, among: BoolArray | None = None) -> Drawn:
        """Average W1, of some of the cases alone where they are given."""
        return self._mean(name, "distances", "wasserstein", among)

    def _mean(
        self,
        name: str,
        room: str,
        field: str,
        among: BoolArray | None = None,
        *,
        cells: bool = False,
    ) -> Drawn:
        """Average a field over the tested cases that have a value, or over their cells."""
        values = getattr(getattr(self.measures[name], room), field)
        shift = self.shifts.get(name)
        moved = None if shift is None else getattr(getattr(shift, room), field)
        if cells:
            return self._mean_of_cells(values, moved)
        counted = self.tested if among is None else self.tested & among
        tested = np.where(counted, values, np.nan)
        return Drawn(draws=self._draws(tested, moved), cases=~np.isnan(tested))

    def _draws(self, values: FloatArray, shift: FloatArray | None = None) -> FloatArray:
        return self.resampling.mean(values, self.question, shift)

    def _mean_of_cells(self, values: FloatArray, shift: FloatArray | None) -> Drawn:
        """Average over the cells that have a value; their tested cases are behind it."""
        question = np.zeros(len(values), np.int64)
        question[self.frame.cell] = self.question
        of_tested = np.isin(question, self.question[self.tested])
        tested = np.where(of_tested, values, np.nan)
        return Drawn(
            draws=self.resampling.mean(tested, question, shift),
            cases=self.tested & ~np.isnan(tested)[self.frame.cell],
        )


def _share(part: FloatArray, whole: FloatArray) -> FloatArray:
    """Divide; NaN where the whole is 0 or less, but for rounding."""
    return part / np.where(whole > EQUAL, whole, np.nan)
