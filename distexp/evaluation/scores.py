"""From measures per case to scores: values with their intervals and what they rest on."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from distexp.evaluation.baselines import CEILING, RAW, REFERENCE
from distexp.evaluation.bootstrap import Bootstrap, interval
from distexp.evaluation.layout import Frame
from distexp.evaluation.measures import Measures
from distexp.metrics import names
from distexp.metrics.respondents import SIZES, equivalent_size, expected_wasserstein
from distexp.metrics.ties import EQUAL, least
from distexp.types import BoolArray, FloatArray, IntArray

__all__ = (
    "CEILING", "METRICS", "RAW", "REFERENCE", "SMALLER_IS_BETTER", "Score", "score_methods",
)  # fmt: skip

METRICS = names.keys()
"""In the order of the tables; `docs/methods.md` defines them."""
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
    *,
    n_bootstrap: int,
    seed: int,
    confidence: float,
    unit: IntArray | None = None,
    blind: Collection[str] = (),
) -> Iterator[Score]:
    """Average the measures of each method over cases, and compare the methods.

    Parameters
    ----------
    measures : mapping of str to Measures
        By calibrator; `RAW`, `REFERENCE` and `CEILING` among them. Cases that were never tested
        are NaN in `RAW`, and count for no method.
    frame : Frame of n_cases cases
    n_bootstrap : int
        Resamples of the questions; the same ones for every method and metric.
    seed : int
        Of the resamples.
    confidence : float
        Coverage of the percentile intervals, in (0, 1).
    unit : ndarray of shape (n_cases,), optional
        Equal numbers mark what is redrawn together; the questions where None.
    blind : collection of str
        Methods that never ask the model: skill is against the closest of them and `REFERENCE`.
    """
    draws = Draws(measures, frame, n_bootstrap, seed, unit=unit, blind=blind)
    counted: dict[bytes, tuple[int, int, float]] = {}
    for name in measures:
        drawn = draws.of(name)
        for metric in (m for m in METRICS if m in drawn):
            cases = drawn[metric].cases
            key = cases.tobytes()
            if key not in counted:  # most numbers rest on the same cases
                counted[key] = _counts(frame, cases)
            n_questions, n_groups, n_respondents = counted[key]
            value, low, high = interval(drawn[metric].draws, confidence)
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


class Draws:
    """Draws of every metric of every method, from one set of redrawn questions.

    Parameters
    ----------
    measures : mapping of str to Measures
        By calibrator; `RAW`, `REFERENCE` and `CEILING` among them. Cases that were never tested
        are NaN in `RAW`, and count for no method.
    frame : Frame of n_cases cases
    n_bootstrap : int
    seed : int
    unit, blind
        As in `score_methods`.
    """

    def __init__(
        self,
        measures: Mapping[str, Measures],
        frame: Frame,
        n_bootstrap: int,
        seed: int,
        *,
        unit: IntArray | None = None,
        blind: Collection[str] = (),
    ) -> None:
        self.measures, self.frame = measures, frame
        self.question = frame.design.question if unit is None else unit
        self.tested = ~np.isnan(measures[RAW].distances.total_variation)
        self.bootstrap = Bootstrap(self.question[self.tested], n_bootstrap, seed)
        self.ceiling = measures[CEILING].distances.wasserstein
        rivals = (REFERENCE, *(name for name in measures if name in blind))
        means = [self._mean(measures[name].distances.wasserstein).draws for name in rivals]
        values = [float(draws[0]) for draws in means]
        self.closest = rivals[least(values)] if np.isfinite(values).any() else REFERENCE
        self.reference = means[rivals.index(self.closest)]
        self.raw = self._mean(measures[RAW].distances.wasserstein).draws
        self.expected = self._expected() if measures[RAW].shape is not None else None
        self.curves: dict[bytes, FloatArray] = {}

    def of(self, name: str) -> dict[str, Drawn]:
        """Return every metric of a method by its name."""
        measures = self.measures[name]
        metrics = self._means(measures) | self._alignments(measures) | self._gains(name)
        if measures.shape is not None:
            of_shape = measures.shape
            metrics |= {
                "entropy_ratio": self._ratio(of_shape.entropy, of_shape.human_entropy),
                "peak_ratio": self._ratio(of_shape.peak, of_shape.human_peak),
            }
        if self.expected is not None and name != CEILING:
            metrics["respondents"] = self._respondents(self.expected, measures)
        return metrics

    def _means(self, measures: Measures) -> dict[str, Drawn]:
        """Return the metrics that are means of what was measured."""
        means = {}
        for room in measures._fields:
            of_room = getattr(measures, room)
            for metric in (m for m in names.METRICS if of_room is not None and m.is_of(room)):
                mean = self._mean_of_cells if metric.by_cell else self._mean
                means[metric.key] = mean(getattr(of_room, metric.field))
        return means

    def _alignments(self, measures: Measures) -> dict[str, Drawn]:
        w1 = self._mean(measures.distances.wasserstein)
        return {
            "alignment": Drawn(draws=1 - w1.draws, cases=w1.cases),
            "worst_group": self._worst_group(measures.distances.wasserstein),
        }

    def _gains(self, name: str) -> dict[str, Drawn]:
        """Return what a method gains over the raw prediction and the training mean."""
        gains = {}
        values = self.measures[name].distances.wasserstein
        w1, raw, reference = self._mean(values), self.raw, self.reference
        if name not in (RAW, CEILING):
            gains["w1_reduction"] = Drawn(draws=_share(raw - w1.draws, raw), cases=w1.cases)
            gains["alignment_gain"] = Drawn(draws=_share(raw - w1.draws, 1 - raw), cases=w1.cases)
            gains["gap_closed"] = self._gap_closed(values)
        if name not in (REFERENCE, CEILING):
            skill = _share(reference - w1.draws, reference)
            against = None if self.closest == REFERENCE else f"against {self.closest}"
            gains["w1_skill"] = Drawn(draws=skill, cases=w1.cases, detail=against)
        return gains

    def _gap_closed(self, values: FloatArray) -> Drawn:
        """Compare with raw and ceiling on the cases that have a ceiling."""
        known = ~np.isnan(self.ceiling)
        raw = self.measures[RAW].distances.wasserstein
        w1, of_raw, of_ceiling = (
            self._mean(np.where(known, of_cases, np.nan))
            for of_cases in (values, raw, self.ceiling)
        )
        share = _share(of_raw.draws - w1.draws, of_raw.draws - of_ceiling.draws)
        return Drawn(draws=share, cases=w1.cases)

    def _worst_group(self, values: FloatArray) -> Drawn:
        """Return the alignment of the group of people with the lowest mean alignment."""
        group, n_groups = self.frame.design.group, len(self.frame.groups)
        valid = self.tested & ~np.isnan(values)
        with np.errstate(invalid="ignore"):
            means = np.bincount(group[valid], values[valid], n_groups) / np.bincount(
                group[valid], minlength=n_groups
            )
        if np.isnan(means).all():
            return self._mean(np.full(len(values), np.nan))
        worst = least(-means)
        w1 = self._mean(np.where(group == worst, values, np.nan))
        return Drawn(draws=1 - w1.draws, cases=w1.cases, detail=self.frame.groups[worst])

    def _expected(self) -> FloatArray:
        """Return how far samples of each of `SIZES` would be, shape (n_cases, n_sizes)."""
        frame = self.frame
        known = self.tested & np.isfinite(frame.n_respondents)
        expected = np.full((len(known), len(SIZES)), np.nan)
        expected[known] = expected_wasserstein(
            frame.human[known], frame.n_respondents[known], frame.design.ordinals[known], SIZES
        )
        return expected

    def _respondents(self, expected: FloatArray, measures: Measures) -> Drawn:
        """Return the sample size whose mean distance would be the method's."""
        known = ~np.isnan(expected[:, 0])
        w1 = self._mean(np.where(known, measures.distances.wasserstein, np.nan))
        key = w1.cases.tobytes()
        if key not in self.curves:  # the same for all methods, mostly
            by_size = [self._mean(np.where(w1.cases, at, np.nan)).draws for at in expected.T]
            self.curves[key] = np.column_stack(by_size)
        sizes = equivalent_size(w1.draws, self.curves[key], SIZES)
        return Drawn(draws=sizes, cases=w1.cases)

    def _ratio(self, values: FloatArray, others: FloatArray) -> Drawn:
        above, below = self._mean(values), self._mean(others)
        return Drawn(draws=_share(above.draws, below.draws), cases=above.cases)

    def _mean(self, values: FloatArray) -> Drawn:
        """Average over the tested cases that have a value."""
        tested = np.where(self.tested, values, np.nan)
        return Drawn(draws=self.bootstrap.mean(tested, self.question), cases=~np.isnan(tested))

    def _mean_of_cells(self, values: FloatArray) -> Drawn:
        """Average over the cells that have a value; their tested cases are behind it."""
        question = np.zeros(len(values), np.int64)
        question[self.frame.cell] = self.question
        tested = np.where(np.isin(question, self.bootstrap.questions), values, np.nan)
        return Drawn(
            draws=self.bootstrap.mean(tested, question),
            cases=self.tested & ~np.isnan(tested)[self.frame.cell],
        )


def _share(part: FloatArray, whole: FloatArray) -> FloatArray:
    """Divide; NaN where the whole is 0 or less, but for rounding."""
    return part / np.where(whole > EQUAL, whole, np.nan)
