"""How close each method comes to every group of people, and how far apart it puts the groups."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from distexp.evaluation.baselines import RAW
from distexp.evaluation.bootstrap import Bootstrap
from distexp.evaluation.jackknife import Jackknife
from distexp.evaluation.layout import Frame
from distexp.evaluation.measures import Measures
from distexp.metrics.ties import EQUAL
from distexp.types import Case, FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupScore:
    """The mean Wasserstein-1 distance of one group of people; NaN where undefined."""

    calibrator: str
    attribute: str
    group: str
    w1: float
    low: float
    high: float
    n_questions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """How far apart the groups of an attribute are: standard deviations of their mean opinions.

    These are in units of the scale, [0, 1], and averaged over questions.
    """

    calibrator: str
    attribute: str
    human_sd: float
    predicted_sd: float
    ratio: float
    """Predicted over human: above 1 differences are exaggerated, below 1 flattened; NaN where
    people of all groups think alike."""
    low: float
    high: float
    n_questions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ByGroup:
    """Draws numbers of groups of people from the same redraws as the scores.

    Parameters
    ----------
    measures : mapping of str to Measures
        By calibrator, `RAW` among them. Cases that were never tested are NaN there, and count
        for no method.
    cases : sequence of Case of n_cases
    frame : Frame of n_cases cases
    resampling : Jackknife or Bootstrap
        Of the questions.
    shifts : mapping of str to Measures
        As in `distexp.evaluation.scores.score_methods`.
    unit : ndarray of shape (n_cases,)
        Equal numbers mark what is redrawn together.
    confidence : float
        Coverage of the intervals, in (0, 1).
    """

    measures: Mapping[str, Measures]
    cases: Sequence[Case]
    frame: Frame
    resampling: Jackknife | Bootstrap
    shifts: Mapping[str, Measures]
    unit: IntArray
    confidence: float

    def scores(self) -> Iterator[GroupScore]:
        """Yield the distance of every method and group."""
        design = self.frame.design
        tested = ~np.isnan(self.measures[RAW].distances.total_variation)
        for number in range(len(self.frame.groups)):
            rows = np.flatnonzero(tested & (design.group == number))
            if not len(rows):
                continue
            group = self.cases[rows[0]].group
            for name, of_one in self.measures.items():
                values = of_one.distances.wasserstein[rows]
                shift = self.shifts.get(name)
                moved = None if shift is None else shift.distances.wasserstein[:, rows]
                draws = self.resampling.mean(values, self.unit[rows], moved)
                known = rows[~np.isnan(values)]
                w1, low, high = self._interval(draws, self.unit[known])
                yield GroupScore(
                    calibrator=name,
                    attribute=group.attribute,
                    group=group.value,
                    w1=w1,
                    low=low,
                    high=min(high, 1.0),
                    n_questions=len(np.unique(design.question[known])),
                )

    def spreads(self) -> Iterator[Spread]:
        """Yield the spread of every method and attribute that has groups to compare."""
        tested = ~np.isnan(self.measures[RAW].distances.total_variation)
        cells, first = np.unique(self.frame.cell[tested], return_index=True)
        case = np.flatnonzero(tested)[first]
        of_cell = [self.cases[row].group.attribute for row in case]
        for attribute in dict.fromkeys(of_cell):
            among = np.array([name == attribute for name in of_cell])
            for name in self.measures:
                found = self._spread(name, attribute, cells[among], self.unit[case[among]])
                if found.n_questions:
                    yield found

    def _spread(self, name: str, attribute: str, cells: IntArray, unit: IntArray) -> Spread:
        tasks, shift = self.measures[name].tasks, self.shifts.get(name)
        if tasks is None:
            raise ValueError("Spreads are of measures with tasks.")
        moved = None if shift is None or shift.tasks is None else shift.tasks.spread[:, cells]
        predicted, human = tasks.spread[cells], tasks.human_spread[cells]
        of_model = self.resampling.mean(predicted, unit, moved)
        of_people = self.resampling.mean(human, unit)
        ratio = of_model / np.where(of_people > EQUAL, of_people, np.nan)
        known = ~np.isnan(predicted)
        value, low, high = self._interval(ratio, unit[known])
        return Spread(
            calibrator=name,
            attribute=attribute,
            human_sd=float(of_people[0]),
            predicted_sd=float(of_model[0]),
            ratio=value,
            low=low,
            high=high,
            n_questions=int(known.sum()),
        )

    def _interval(self, draws: FloatArray, unit: IntArray) -> tuple[float, float, float]:
        value, low, high = self.resampling.interval(draws, unit, self.confidence, "log")
        return value, low if np.isnan(low) else max(low, 0.0), high
