"""The whole population, put together from the groups of an attribute: poststratified."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from distexp.card.band import Band
from distexp.card.conformal import apart
from distexp.dataset.files.microdata import EVERYONE
from distexp.types import BoolArray, Case, Design, FloatArray, IntArray, Study

GroupKey = tuple[str, str]
"""Attribute and group."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """The questions of which all groups of an attribute are there."""

    attribute: str
    rows: IntArray
    """Shape (n_questions, n_groups): the places of their cases."""
    weights: FloatArray
    """Shape (n_groups,): what each group weighs; sums to 1."""

    def of(self, values: FloatArray) -> FloatArray:
        """Return the weighted means, of shape (n_questions, max_options), of values of cases."""
        means: FloatArray = np.einsum("g,qgk->qk", self.weights, values[self.rows])
        return means


def people(study: Study) -> dict[GroupKey, float]:
    """Return what each group weighs in its population, on average over questions; where known."""
    counts: dict[GroupKey, list[float]] = {}
    for case in study.cases:
        if case.human is not None and case.people is not None:
            key = case.group.attribute, case.group.value
            counts.setdefault(key, []).append(case.people)
    return {key: float(np.mean(of_group)) for key, of_group in counts.items()}


def wholes(
    cases: Sequence[Case], sizes: Mapping[GroupKey, float], over: str | None = None
) -> Iterator[Whole]:
    """Yield what each attribute makes up, in their order.

    Parameters
    ----------
    cases : sequence of Case
    sizes : mapping of (str, str) to float
        Of all groups that make up the population, by attribute.
    over : str, optional
        The only attribute wanted.
    """
    places: dict[str, dict[str, dict[str, int]]] = {}
    for place, case in enumerate(cases):
        of_attribute = places.setdefault(case.group.attribute, {})
        of_attribute.setdefault(case.question.question_id, {})[case.group.value] = place
    for attribute, questions in places.items():
        known = {group: n for (of, group), n in sizes.items() if of == attribute}
        rows = [[at[g] for g in known] for at in questions.values() if at.keys() == known.keys()]
        if attribute == EVERYONE or over not in (None, attribute) or len(known) < 2:
            continue
        if rows and any(known.values()):
            weights = np.array(list(known.values()))
            yield Whole(attribute=attribute, rows=np.array(rows), weights=weights / weights.sum())


def bands(
    study: Study,
    X: Design,
    y: FloatArray,
    calibrated: FloatArray,
    elsewhere: tuple[FloatArray, IntArray] | None,
) -> dict[str, Band]:
    """Return the band of the whole population, by the attribute that it is put together from.

    Parameters
    ----------
    study : Study of n_cases answered cases
    X : Design of n_cases cases
    y, calibrated : ndarray of shape (n_cases, max_options)
        Human shares, and those predicted with the question held out; NaN where they were not.
    elsewhere : (ndarray of shape (n_cases, max_options), ndarray of shape (n_cases,)), optional
        Those predicted with the battery held out, and a number for each battery.
    """
    found = {}
    for whole in wholes(study.cases, people(study)):
        first = whole.rows[:, 0]
        human = whole.of(y)
        residuals = apart(whole.of(calibrated), human)
        tested: BoolArray = ~np.isnan(residuals[:, 0])
        if tested.any():
            found[whole.attribute] = Band.fitted(
                residuals,
                X.n_options[first],
                X.question[first],
                tested,
                None
                if elsewhere is None
                else (apart(whole.of(elsewhere[0]), human), elsewhere[1][first]),
                None if elsewhere is None else abs(whole.of(elsewhere[0]) - human),
            )
    return found
