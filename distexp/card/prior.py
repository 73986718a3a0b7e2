"""What the estimates of a card are worth in respondents, and what a pilot adds to them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from distexp.calibrator.baseline import TrainMean
from distexp.card.band import COVERAGES
from distexp.card.fields import field_error, numbers, size, take
from distexp.metrics.ties import EQUAL
from distexp.rectify.simulation import Power, simulated
from distexp.rectify.worth import (
    Found,
    by_question,
    by_size,
    deviations,
    with_interval,
    without_each,
    worth,
)
from distexp.request import Json
from distexp.types import BoolArray, Design, FloatArray, IntArray

GroupKey = tuple[str, str]
"""Attribute and group."""
_ONE = ("n", "error", "error_by_mean", "error_alone")
_BY_COVERAGE = ("covered", "width", "width_by_mean", "width_alone")


@dataclass(frozen=True, slots=True, kw_only=True)
class Prior:
    """What the estimates are worth, from questions predicted without their own answers."""

    n_questions: int
    estimate: Found
    """People that an estimate is worth; see `distexp.rectify.worth`."""
    mean: Found
    """Likewise the mean of the training questions, which never asks the model."""
    added: Found
    """What the model added to the training mean, or to `blind` where that was worth more: the
    difference, paired by question. Cards of earlier versions know of the training mean alone."""
    confidence: float
    """Of the three intervals."""
    by_group: Mapping[GroupKey, float]
    """What an estimate is worth for a group, where it pays to tell groups apart by their size."""
    topic: tuple[float, float] | None
    """What estimate and mean are worth on a new topic: batteries held out as a whole. None where
    there are no two batteries."""
    means: Mapping[int, tuple[float, ...]]
    """Mean human shares by number of options."""
    power: tuple[Power, ...] = field(repr=False)
    """Of pilots by size, simulated on the training questions."""

    @classmethod
    def fitted(
        cls,
        predicted: tuple[FloatArray, FloatArray],
        X: Design,
        human: FloatArray,
        tested: BoolArray,
        *,
        groups: Sequence[GroupKey],
        n_respondents: FloatArray,
        blind: Sequence[FloatArray] = (),
        elsewhere: tuple[FloatArray, FloatArray, IntArray] | None,
        seed: int,
        confidence: float,
    ) -> Self:
        """Learn what estimates are worth.

        Parameters
        ----------
        predicted : tuple of ndarray of shape (n_cases, max_options)
            Calibrated shares, and the training mean, each made without the question.
        X : Design of n_cases cases
        human : ndarray of shape (n_cases, max_options)
        tested : ndarray of bool of shape (n_cases,)
            Cases that were held out.
        groups : sequence of (str, str)
        n_respondents : ndarray of shape (n_cases,)
            NaN where not known.
        blind : sequence of ndarray of shape (n_cases, max_options)
            Further shares that were made without the model, and without the question.
        elsewhere : tuple of ndarray, optional
            As `predicted` but with the battery held out, NaN where it was not, and the number of
            each case's battery.
        seed : int
            Of the simulation.
        confidence : float
            Of the intervals.
        """
        rows = np.flatnonzero(tested)
        y, places, question = human[rows], X.ordinals[rows], X.question[rows]
        cases = [deviations(shares[rows], y, places) for shares in (*predicted, *blind)]
        estimate, mean, *others = (by_question(of, question) for of in cases)
        guess = max((mean, *others), key=worth)
        code = np.unique(question, return_inverse=True)[1]
        by_group, without = by_size(cases[0], question, X.group[rows], n_respondents[rows])
        numbered = dict(zip(X.group.tolist(), groups, strict=True))
        return cls(
            n_questions=len(estimate.error),
            estimate=with_interval(estimate, confidence=confidence),
            mean=with_interval(mean, confidence=confidence),
            added=with_interval(estimate, guess, confidence=confidence),
            confidence=confidence,
            by_group={numbered[group]: value for group, value in by_group.items()},
            topic=None if elsewhere is None else _elsewhere(elsewhere, X, human),
            means={
                k: tuple(mean.tolist())
                for k, mean in TrainMean().fit(X.take(rows), y).means_.items()
            },
            power=simulated(
                predicted[0][rows],
                predicted[1][rows],
                y,
                places,
                X.n_options[rows],
                question,
                (without, without_each(mean)[code]),
                COVERAGES,
                seed,
            ),
        )

    def weights(self, group: GroupKey, *, new_topic: bool) -> tuple[float, float]:
        """Return what the estimate for a group and the training mean are worth, in people.

        On a new topic it is no more than what they were worth on batteries that were held out.
        """
        own, mean = self.by_group.get(group, self.estimate.value), self.mean.value
        if new_topic and self.topic is not None:
            return min(own, self.topic[0]), min(mean, self.topic[1])
        return own, mean

    @property
    def guess(self) -> float:
        """What the better of training mean and `blind` is worth, in people."""
        return max(self.estimate.value - self.added.value, self.mean.value)

    @property
    def by_blind(self) -> bool:
        """Whether `blind` is worth more than the training mean."""
        return self.guess > self.mean.value + EQUAL

    def without_model(self, mean: float) -> float:
        """Return what can be had without the model, where the training mean is worth `mean`.

        Of `blind` it is not known what it is worth on a new topic: as much as on others at most.
        """
        return self.guess if self.by_blind else mean

    def mean_shares(self, n_options: int) -> tuple[float, ...]:
        """Return the training mean for a number of options; even where there was none."""
        return self.means.get(n_options, (1 / n_options,) * n_options)

    def covered(self, n: float, coverage: float) -> float:
        """Return how many shares intervals held in the simulation, between sizes interpolated."""
        place = COVERAGES.index(coverage)
        sizes = [math.log1p(one.n) for one in self.power]
        return float(np.interp(math.log1p(n), sizes, [one.covered[place] for one in self.power]))

    def document(self) -> Json:
        """Return it as JSON."""
        return {
            "n_questions": self.n_questions,
            "estimate": list(self.estimate),
            "mean": list(self.mean),
            "added": list(self.added),
            "confidence": self.confidence,
            "by_group": [[*group, value] for group, value in sorted(self.by_group.items())],
            "topic": self.topic,
            "means": {str(k): list(shares) for k, shares in self.means.items()},
            "power": {
                **{
                    name: [None if math.isnan(v) else v for v in _column(self.power, name)]
                    for name in _ONE
                },
                **{name: [list(v) for v in _column(self.power, name)] for name in _BY_COVERAGE},
            },
        }

    @classmethod
    def read(cls, document: object) -> Self:
        """Read what `document` returns.

        Raises
        ------
        ConfigError
            If it is none.
        """
        n, estimate, mean, added, confidence, by_group, topic, means, power = take(
            document,
            "prior",
            n_questions=int,
            estimate=list,
            mean=list,
            added=list,
            confidence=float,
            by_group=list,
            topic=(list, type(None)),
            means=dict,
            power=dict,
        )
        found = [
            Found(*numbers(values, f"prior.{name}", length=3))
            for name, values in (("estimate", estimate), ("mean", mean), ("added", added))
        ]
        if min(found[0].value, found[1].value) <= 0:
            raise field_error("prior.estimate and prior.mean", "positive", [estimate, mean])
        return cls(
            n_questions=n,
            estimate=found[0],
            mean=found[1],
            added=found[2],
            confidence=confidence,
            by_group=_groups(by_group),
            topic=None if topic is None else _pair(topic),
            means={
                (k := size(key, "prior.means")): _shares(shares, f"prior.means.{key}", k)
                for key, shares in means.items()
            },
            power=_power(power),
        )


def _elsewhere(
    elsewhere: tuple[FloatArray, FloatArray, IntArray], X: Design, human: FloatArray
) -> tuple[float, float] | None:
    """Return what estimate and mean are worth where the battery was held out, each one a unit."""
    *predicted, battery = elsewhere
    rows = np.flatnonzero(~np.isnan(predicted[0][:, 0]))
    if not len(rows):
        return None
    first, second = (
        float(
            worth(by_question(deviations(p[rows], human[rows], X.ordinals[rows]), battery[rows]))
        )
        for p in predicted
    )
    return first, second


def _column(power: Sequence[Power], name: str) -> list[Any]:
    return [getattr(one, name) for one in power]


def _groups(entries: Sequence[object]) -> dict[GroupKey, float]:
    found = {}
    for entry in entries:
        if not isinstance(entry, list) or [type(item) for item in entry[:2]] != [str, str]:
            raise field_error("prior.by_group", "a list of [attribute, group, worth]", entry)
        (value,) = numbers(entry[2:], "prior.by_group", length=1)
        if value <= 0:
            raise field_error("prior.by_group", "positive", value)
        found[entry[0], entry[1]] = value
    return found


def _pair(values: object) -> tuple[float, float]:
    first, second = numbers(values, "prior.topic", length=2)
    if min(first, second) <= 0:
        raise field_error("prior.topic", "positive numbers", values)
    return first, second


def _shares(values: object, where: str, length: int) -> tuple[float, ...]:
    shares = numbers(values, where, length=length)
    if min(shares) < 0 or abs(sum(shares) - 1) > 1e-6:
        raise field_error(where, "shares that sum to 1", values)
    return shares


def _power(document: object) -> tuple[Power, ...]:
    where = "prior.power"
    columns = take(document, where, **dict.fromkeys((*_ONE, *_BY_COVERAGE), list))
    named = dict(zip((*_ONE, *_BY_COVERAGE), columns, strict=True))
    length = len(named["n"])
    for name in _ONE:
        known = [0 if v is None and name == "error_alone" else v for v in named[name]]
        numbers(known, f"{where}.{name}", length=length)
    for name in _BY_COVERAGE:
        if len(named[name]) != length:
            raise field_error(f"{where}.{name}", f"a list of {length} lists", named[name])
        for row in named[name]:
            numbers(row, f"{where}.{name}", length=len(COVERAGES))
    if not length or named["n"] != sorted(set(named["n"])):
        raise field_error(f"{where}.n", "rising", named["n"])
    rows = zip(*(named[field] for field in Power._fields), strict=True)
    return tuple(
        Power._make(tuple(v) if isinstance(v, list) else math.nan if v is None else v for v in row)
        for row in rows
    )
