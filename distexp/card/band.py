"""How far off a calibrated share is: a conformal band from questions that were held out.

The questions are exchangeable, their cases are not: groups of people answer a question alike. So
each question counts once, however many cases it has, and a new question counts as one more.
"""

import math
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from distexp.card.conformal import ANGLE, ROUNDING, SCALES, SHARE, angle, half_width, within
from distexp.card.fields import field_error, numbers, older, size, take
from distexp.request import Json
from distexp.types import BoolArray, FloatArray, IntArray

COVERAGES = (0.5, 0.8, 0.9, 0.95)
"""For which half-widths are kept."""
DEFAULT_COVERAGE = 0.9
MIN_QUESTIONS = 20
"""Held-out questions that a number of options needs for half-widths of its own. With fewer than 19
the band for 95 % would be all of [0, 1]."""
TOPICS = ("auto", "same", "new")
"""What a new question may be said to be about."""
KINDS = ("share", "joint", "question")
"""What a band is to hold: one share, all options of a case, all options and groups of a
question."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Widths:
    """Half-widths of the band, on its scale."""

    n_questions: int
    """Held-out questions that they rest on; for new topics, held-out batteries."""
    half_widths: tuple[float, ...]
    """One for each of `COVERAGES`; the largest of the scale where there are too few questions to
    say less."""
    joint: tuple[float, ...] = ()
    """Likewise for all options of a case at once; empty in cards of earlier versions."""
    question: tuple[float, ...] = ()
    """Likewise for all options and groups of a question at once."""
    within: float = math.nan
    """Share of the residuals, each question weighing the same, that are no larger than the
    half-width that is `TARGET` around one half; NaN in cards of earlier versions."""

    def half_width(self, coverage: float, of: str) -> float:
        """Return the half-width for one of `COVERAGES` and `KINDS`; NaN where it is not known."""
        kinds = (self.half_widths, self.joint, self.question)
        half_widths = kinds[KINDS.index(of)]
        return half_widths[COVERAGES.index(coverage)] if half_widths else math.nan

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
    scale: str = ANGLE
    """One of `SCALES`."""
    topic_shares: Widths | None = None
    """As `topic` on the scale of shares as they are; None in cards of earlier versions. Sampling
    errors are alike as angles, but how far off a new topic is need not be."""

    @classmethod
    def fitted(
        cls,
        residuals: FloatArray,
        n_options: IntArray,
        question: IntArray,
        tested: BoolArray,
        elsewhere: tuple[FloatArray, IntArray] | None = None,
        elsewhere_shares: FloatArray | None = None,
    ) -> Self:
        """Find the half-widths that cover the held-out shares.

        Parameters
        ----------
        residuals : ndarray of shape (n_cases, max_options)
            Absolute differences of the angles of human shares and of calibrated ones that were
            predicted with the question held out; ignored in the padding.
        n_options, question : ndarray of shape (n_cases,)
        tested : ndarray of bool of shape (n_cases,)
            Cases that were held out.
        elsewhere : (ndarray (n_cases, max_options), ndarray (n_cases,)), optional
            As `residuals`, but with the whole battery held out, NaN where it was not; and equal
            numbers for questions of the same battery.
        elsewhere_shares : ndarray of shape (n_cases, max_options), optional
            The same residuals as absolute differences of shares.
        """
        sizes, counts = np.unique(
            np.unique(np.c_[n_options, question][tested], axis=0)[:, 0], return_counts=True
        )
        rows = {k: tested & (n_options == k) for k in sizes[counts >= MIN_QUESTIONS].tolist()}
        is_option = np.arange(residuals.shape[1]) < n_options[:, None]

        def widths(
            cases: BoolArray,
            residuals: FloatArray,
            unit: IntArray,
            *,
            capped: bool = False,
            scale: str = ANGLE,
        ) -> Widths:
            cells = is_option & cases[:, None]
            of_cells = np.broadcast_to(unit[:, None], cells.shape)[cells]
            worst = np.where(cells, residuals, 0.0).max(axis=1)[cases]
            asked, of_case = np.unique(question[cases], return_inverse=True)
            worst_of_question, unit_of_question = np.zeros(len(asked)), np.zeros_like(asked)
            np.maximum.at(worst_of_question, of_case, worst)
            unit_of_question[of_case] = unit[cases]
            n = len(np.unique(unit[cases]))
            coverages = [min(c, n / (n + 1)) if capped else c for c in COVERAGES]

            def found(residuals: FloatArray, unit: IntArray) -> tuple[float, ...]:
                return tuple(half_width(residuals, unit, c, SCALES[scale]) for c in coverages)

            return Widths(
                n_questions=n,
                half_widths=found(residuals[cells], of_cells),
                joint=found(worst, unit[cases]),
                question=found(worst_of_question, unit_of_question),
                within=within(residuals[cells], of_cells),
            )

        topic = topic_shares = None
        if elsewhere is not None and (apart := ~np.isnan(elsewhere[0][:, 0])).any():
            topic = widths(apart, *elsewhere, capped=True)
            if elsewhere_shares is not None:
                topic_shares = widths(
                    apart, elsewhere_shares, elsewhere[1], capped=True, scale=SHARE
                )
        return cls(
            pooled=widths(tested, residuals, question),
            by_size={k: widths(cases, residuals, question) for k, cases in rows.items()},
            topic=topic,
            topic_shares=topic_shares,
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
        of: str = "share",
        topic: str = "same",
    ) -> float:
        """Return the half-width for a question, on the scale of the band.

        Parameters
        ----------
        n_options : int
        coverage : float
            One of `COVERAGES`.
        of : {"share", "joint", "question"}
            What is to lie inside, one of `KINDS`; NaN where the card does not say.
        topic : {"same", "new", "auto"}
            Whether the question is like those trained on, of another topic, or may be either:
            then it is the wider of both.
        """
        same, new = (
            self.widths(n_options, new_topic=is_new).half_width(coverage, of)
            for is_new in (False, True)
        )
        return {"same": same, "new": new, "auto": max(same, new)}[topic]

    def least_reach(self, coverage: float, *, of: str = "share", topic: str = "same") -> float:
        """Return how far a band has to reach to both sides at the least, in shares.

        It is 0 but on a new topic, where the band is to be the wider of those of both scales.
        """
        if topic == "same" or self.topic_shares is None:
            return 0.0
        return self.topic_shares.half_width(coverage, of)

    def ends(
        self,
        shares: FloatArray,
        half_width: FloatArray | float,
        least_reach: FloatArray | float = 0.0,
    ) -> tuple[FloatArray, FloatArray]:
        """Return the ends of the bands of some shares, in [0, 1]; NaN where a width is."""
        low, high = self._ends(shares, half_width)
        return (
            np.minimum(low, np.maximum(shares - least_reach, 0.0)),
            np.maximum(high, np.minimum(shares + least_reach, 1.0)),
        )

    def _ends(
        self, shares: FloatArray, half_width: FloatArray | float
    ) -> tuple[FloatArray, FloatArray]:
        if self.scale == SHARE:
            return np.maximum(shares - half_width, 0.0), np.minimum(shares + half_width, 1.0)
        middle = angle(shares)
        low = np.sin(np.maximum(middle - half_width, 0.0)) ** 2
        high = np.sin(np.minimum(middle + half_width, SCALES[ANGLE])) ** 2
        return np.minimum(low, shares), np.maximum(high, shares)

    def around(
        self, share: float, half_width: float, least_reach: float = 0.0
    ) -> tuple[float, float]:
        """Return the ends of the band of one share."""
        low, high = self.ends(np.array(share), half_width, least_reach)
        return float(low), float(high)

    def document(self) -> Json:
        """Return the band as JSON."""
        return {
            "scale": self.scale,
            "coverages": COVERAGES,
            "pooled": _document(self.pooled),
            "by_n_options": {str(k): _document(widths) for k, widths in self.by_size.items()},
            "topic": None if self.topic is None else _document(self.topic),
            "topic_shares": None if self.topic_shares is None else _document(self.topic_shares),
        }

    @classmethod
    def read(cls, document: object) -> Self:
        """Read what `document` returns.

        Raises
        ------
        ConfigError
            If it is none.
        """
        scale, coverages, pooled, by_size, topic, topic_shares = take(
            older(document, topic=None, topic_shares=None, scale=SHARE),
            "band",
            scale=str,
            coverages=list,
            pooled=dict,
            by_n_options=dict,
            topic=(dict, type(None)),
            topic_shares=(dict, type(None)),
        )
        if tuple(coverages) != COVERAGES:
            raise field_error("band.coverages", f"{list(COVERAGES)}", coverages)
        if scale not in SCALES:
            raise field_error("band.scale", f"one of {', '.join(SCALES)}", scale)
        most = SCALES[scale]
        return cls(
            pooled=_read(pooled, "band.pooled", most),
            by_size={
                size(k, "band.by_n_options"): _read(widths, f"band.by_n_options.{k}", most)
                for k, widths in by_size.items()
            },
            topic=None if topic is None else _read(topic, "band.topic", most),
            scale=scale,
            topic_shares=(
                None
                if topic_shares is None
                else _read(topic_shares, "band.topic_shares", SCALES[SHARE])
            ),
        )


def _document(widths: Widths) -> Json:
    return {
        "n_questions": widths.n_questions,
        "half_widths": widths.half_widths,
        "joint": widths.joint,
        "question": widths.question,
        "within": None if math.isnan(widths.within) else widths.within,
    }


def _read(document: object, where: str, most: float) -> Widths:
    n_questions, half_widths, joint, question, within = take(
        older(document, joint=[], question=[], within=None),
        where,
        n_questions=int,
        half_widths=list,
        joint=list,
        question=list,
        within=(float, int, type(None)),
    )
    return Widths(
        n_questions=n_questions,
        half_widths=_numbers(half_widths, f"{where}.half_widths", most),
        joint=_numbers(joint, f"{where}.joint", most) if joint else (),
        question=_numbers(question, f"{where}.question", most) if question else (),
        within=math.nan if within is None else _numbers([within], f"{where}.within", 1.0, 1)[0],
    )


def _numbers(
    values: Any, where: str, most: float, length: int = len(COVERAGES)
) -> tuple[float, ...]:
    found = numbers(values, where, length=length)
    if min(found) < 0 or max(found) > most:
        raise field_error(where, f"numbers in [0, {most:.6g}]", values)
    return found
