"""How far off a calibrated share is: a conformal band from questions that were held out.

The questions are exchangeable, their cases are not: groups of people answer a question alike. So
each question counts once, however many cases it has, and a new question counts as one more.
"""

import math
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from distexp.card.fields import field_error, numbers, older, size, take
from distexp.request import Json
from distexp.types import BoolArray, FloatArray, IntArray

COVERAGES = (0.5, 0.8, 0.9, 0.95)
"""For which half-widths are kept."""
DEFAULT_COVERAGE = 0.9
MIN_QUESTIONS = 20
"""Held-out questions that a number of options needs for half-widths of its own. With fewer than 19
the band for 95 % would be all of [0, 1]."""
TARGET = 0.1
"""The half-width that most surveys would find useful: how many questions one needs is said."""
TOPICS = ("auto", "same", "new")
"""What a new question may be said to be about."""
ROUNDING = 1e-9
"""Sums of weights that miss the coverage by no more reach it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Widths:
    """Half-widths of the band."""

    n_questions: int
    """Held-out questions that they rest on; for new topics, held-out batteries."""
    half_widths: tuple[float, ...]
    """One for each of `COVERAGES`, in [0, 1]; 1 where there are too few questions to say less."""
    joint: tuple[float, ...] = ()
    """Likewise for all options of a case at once; empty in cards of earlier versions."""
    within: float = math.nan
    """Share of the residuals, each question weighing the same, that are no larger than `TARGET`;
    NaN in cards of earlier versions."""

    @property
    def highest_coverage(self) -> float:
        """The highest coverage for which so many questions can vouch at all: n / (n + 1)."""
        return self.n_questions / (self.n_questions + 1)

    def questions_needed(self, coverage: float) -> int | None:
        """Return how many questions a band of `TARGET` would need if residuals stay as they are.

        With n questions the residuals within the target have the weight ``within * n / (n + 1)``,
        which has to reach the coverage.

        Returns
        -------
        int or None
            None where no number suffices: too many residuals are larger. Or they are not known.

        Examples
        --------
        >>> Widths(n_questions=8, half_widths=(), within=0.96).questions_needed(0.9)
        15
        """
        if not self.within > coverage:
            return None
        return math.ceil(coverage / (self.within - coverage) - ROUNDING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """A half-width for the share of an option, by coverage and number of options."""

    pooled: Widths
    """From the questions of all numbers of options."""
    by_size: dict[int, Widths]
    """For numbers of options with `MIN_QUESTIONS` held-out questions."""
    topic: Widths | None = None
    """From batteries that were held out as a whole, for a question of a new topic: each battery
    weighs the same, and where a coverage is higher than `highest_coverage` they are for that one.
    None where there are no two batteries."""

    @classmethod
    def fitted(
        cls,
        residuals: FloatArray,
        n_options: IntArray,
        question: IntArray,
        tested: BoolArray,
        elsewhere: tuple[FloatArray, IntArray] | None = None,
    ) -> Self:
        """Find the half-widths that cover the held-out shares.

        Parameters
        ----------
        residuals : ndarray of shape (n_cases, max_options)
            Absolute differences of human shares and calibrated ones that were predicted with the
            question held out; ignored in the padding.
        n_options, question : ndarray of shape (n_cases,)
        tested : ndarray of bool of shape (n_cases,)
            Cases that were held out.
        elsewhere : (ndarray (n_cases, max_options), ndarray (n_cases,)), optional
            As `residuals`, but with the whole battery held out, NaN where it was not; and equal
            numbers for questions of the same battery.
        """
        sizes, counts = np.unique(
            np.unique(np.c_[n_options, question][tested], axis=0)[:, 0], return_counts=True
        )
        rows = {k: tested & (n_options == k) for k in sizes[counts >= MIN_QUESTIONS].tolist()}
        is_option = np.arange(residuals.shape[1]) < n_options[:, None]

        def widths(
            cases: BoolArray, residuals: FloatArray, unit: IntArray, *, capped: bool = False
        ) -> Widths:
            cells = is_option & cases[:, None]
            of_cells = np.broadcast_to(unit[:, None], cells.shape)[cells]
            worst = np.where(cells, residuals, 0.0).max(axis=1)[cases]
            n = len(np.unique(unit[cases]))
            coverages = [min(c, n / (n + 1)) if capped else c for c in COVERAGES]
            return Widths(
                n_questions=n,
                half_widths=tuple(half_width(residuals[cells], of_cells, c) for c in coverages),
                joint=tuple(half_width(worst, unit[cases], c) for c in coverages),
                within=_within(residuals[cells], of_cells),
            )

        topic = None
        if elsewhere is not None:
            apart = ~np.isnan(elsewhere[0][:, 0])
            topic = widths(apart, *elsewhere, capped=True) if apart.any() else None
        return cls(
            pooled=widths(tested, residuals, question),
            by_size={k: widths(cases, residuals, question) for k, cases in rows.items()},
            topic=topic,
        )

    def widths(self, n_options: int, *, new_topic: bool = False) -> Widths:
        """Return what is known of a question of so many options, or of a new topic."""
        if new_topic and self.topic is not None:
            return self.topic
        return self.by_size.get(n_options, self.pooled)

    def supported(self, coverage: float, *, new_topic: bool) -> float:
        """Return for how much of that coverage the band of a question can vouch."""
        if not new_topic or self.topic is None:
            return coverage
        return min(coverage, self.topic.highest_coverage)

    def half_width(
        self,
        n_options: int,
        coverage: float = DEFAULT_COVERAGE,
        *,
        joint: bool = False,
        topic: str = "same",
    ) -> float:
        """Return the half-width for a question.

        Parameters
        ----------
        n_options : int
        coverage : float
            One of `COVERAGES`.
        joint : bool
            Whether all options of a case are to lie inside; NaN where the card does not say.
        topic : {"same", "new", "auto"}
            Whether the question is like those trained on, of another topic, or may be either:
            then it is the wider of both.
        """
        place = COVERAGES.index(coverage)

        def of(widths: Widths) -> float:
            if not joint:
                return widths.half_widths[place]
            return widths.joint[place] if widths.joint else math.nan

        same, new = (of(self.widths(n_options, new_topic=is_new)) for is_new in (False, True))
        return {"same": same, "new": new, "auto": max(same, new)}[topic]

    def document(self) -> Json:
        """Return the band as JSON."""
        return {
            "coverages": COVERAGES,
            "pooled": _document(self.pooled),
            "by_n_options": {str(k): _document(widths) for k, widths in self.by_size.items()},
            "topic": None if self.topic is None else _document(self.topic),
        }

    @classmethod
    def read(cls, document: object) -> Self:
        """Read what `document` returns.

        Raises
        ------
        ConfigError
            If it is none.
        """
        coverages, pooled, by_size, topic = take(
            older(document, topic=None),
            "band",
            coverages=list,
            pooled=dict,
            by_n_options=dict,
            topic=(dict, type(None)),
        )
        if tuple(coverages) != COVERAGES:
            raise field_error("band.coverages", f"{list(COVERAGES)}", coverages)
        return cls(
            pooled=_read(pooled, "band.pooled"),
            by_size={
                size(k, "band.by_n_options"): _read(widths, f"band.by_n_options.{k}")
                for k, widths in by_size.items()
            },
            topic=None if topic is None else _read(topic, "band.topic"),
        )


def half_width(residuals: FloatArray, question: IntArray, coverage: float) -> float:
    r"""Return the half-width that covers a share of a new question with this probability.

    It is the `coverage` quantile of the distribution in which each of the n questions has the
    weight ``1 / (n + 1)``, evenly over its residuals, and the largest possible residual, 1, has
    that of the new question. With one residual a question that is the
    :math:`\lceil (n + 1) c \rceil`-th smallest. If the new question and the n are exchangeable, a
    share of it that is drawn at random lies in the band with probability `coverage` at the least.

    Parameters
    ----------
    residuals : ndarray of shape (n_shares,)
        Absolute, in [0, 1].
    question : ndarray of shape (n_shares,)
        Equal numbers mark shares of the same question.
    coverage : float
        In (0, 1).

    References
    ----------
    Vovk, Gammerman and Shafer (2005), "Algorithmic learning in a random world"; arXiv 2107.07511
    for an introduction; arXiv 2306.06342, section 2, for the weights of hierarchical data.

    Examples
    --------
    >>> half_width(np.array([0.1, 0.2, 0.3, 0.4]), np.array([0, 1, 2, 3]), 0.6)
    0.3
    >>> half_width(np.array([0.1, 0.2, 0.3, 0.4]), np.array([0, 1, 2, 3]), 0.9)
    1.0
    """
    codes, counts = np.unique(question, return_inverse=True, return_counts=True)[1:]
    order = np.argsort(residuals)
    weights = 1 / (counts[codes] * (len(counts) + 1))
    enough = np.cumsum(weights[order]) >= coverage - ROUNDING
    return float(residuals[order][np.argmax(enough)]) if enough.any() else 1.0


def _within(residuals: FloatArray, question: IntArray) -> float:
    """Return the share of the residuals, each question weighing the same, within `TARGET`."""
    codes, counts = np.unique(question, return_inverse=True, return_counts=True)[1:]
    if not len(counts):
        return math.nan
    return min(float((residuals <= TARGET + ROUNDING) @ (1 / counts[codes]) / len(counts)), 1.0)


def _document(widths: Widths) -> Json:
    return {
        "n_questions": widths.n_questions,
        "half_widths": widths.half_widths,
        "joint": widths.joint,
        "within": None if math.isnan(widths.within) else widths.within,
    }


def _read(document: object, where: str) -> Widths:
    n_questions, half_widths, joint, within = take(
        older(document, joint=[], within=None),
        where,
        n_questions=int,
        half_widths=list,
        joint=list,
        within=(float, int, type(None)),
    )
    return Widths(
        n_questions=n_questions,
        half_widths=_shares(half_widths, f"{where}.half_widths"),
        joint=_shares(joint, f"{where}.joint") if joint else (),
        within=math.nan if within is None else _shares([within], f"{where}.within", 1)[0],
    )


def _shares(values: Any, where: str, length: int = len(COVERAGES)) -> tuple[float, ...]:
    found = numbers(values, where, length=length)
    if min(found) < 0 or max(found) > 1:
        raise field_error(where, "numbers in [0, 1]", values)
    return found
