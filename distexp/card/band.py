"""How far off a calibrated share is: a conformal band from questions that were held out.

The questions are exchangeable, their cases are not: groups of people answer a question alike. So
each question counts once, however many cases it has, and a new question counts as one more.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from distexp.card.fields import field_error, numbers, size, take
from distexp.request import Json
from distexp.types import BoolArray, FloatArray, IntArray

COVERAGES = (0.5, 0.8, 0.9, 0.95)
"""For which half-widths are kept."""
DEFAULT_COVERAGE = 0.9
MIN_QUESTIONS = 20
"""Held-out questions that a number of options needs for half-widths of its own. With fewer than 19
the band for 95 % would be all of [0, 1]."""
ROUNDING = 1e-9
"""Sums of weights that miss the coverage by no more reach it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Widths:
    """Half-widths of the band."""

    n_questions: int
    """Held-out questions that they rest on."""
    half_widths: tuple[float, ...]
    """One for each of `COVERAGES`, in [0, 1]; 1 where there are too few questions to say less."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """A half-width for the share of an option, by coverage and number of options."""

    pooled: Widths
    """From the questions of all numbers of options."""
    by_size: dict[int, Widths]
    """For numbers of options with `MIN_QUESTIONS` held-out questions."""

    @classmethod
    def fitted(
        cls, residuals: FloatArray, n_options: IntArray, question: IntArray, tested: BoolArray
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
        """
        sizes, counts = np.unique(
            np.unique(np.c_[n_options, question][tested], axis=0)[:, 0], return_counts=True
        )
        rows = {k: tested & (n_options == k) for k in sizes[counts >= MIN_QUESTIONS].tolist()}
        is_option = np.arange(residuals.shape[1]) < n_options[:, None]

        def widths(cases: BoolArray) -> Widths:
            cells = is_option & cases[:, None]
            of_cells = np.broadcast_to(question[:, None], cells.shape)[cells]
            return Widths(
                n_questions=len(np.unique(question[cases])),
                half_widths=tuple(half_width(residuals[cells], of_cells, c) for c in COVERAGES),
            )

        return cls(pooled=widths(tested), by_size={k: widths(cases) for k, cases in rows.items()})

    def half_width(self, n_options: int, coverage: float = DEFAULT_COVERAGE) -> float:
        """Return the half-width for a question; `coverage` is one of `COVERAGES`."""
        widths = self.by_size.get(n_options, self.pooled)
        return widths.half_widths[COVERAGES.index(coverage)]

    def document(self) -> Json:
        """Return the band as JSON."""
        return {
            "coverages": COVERAGES,
            "pooled": _document(self.pooled),
            "by_n_options": {str(k): _document(widths) for k, widths in self.by_size.items()},
        }

    @classmethod
    def read(cls, document: object) -> Self:
        """Read what `document` returns.

        Raises
        ------
        ConfigError
            If it is none.
        """
        coverages, pooled, by_size = take(
            document, "band", coverages=list, pooled=dict, by_n_options=dict
        )
        if tuple(coverages) != COVERAGES:
            raise field_error("band.coverages", f"{list(COVERAGES)}", coverages)
        return cls(
            pooled=_read(pooled, "band.pooled"),
            by_size={
                size(k, "band.by_n_options"): _read(widths, f"band.by_n_options.{k}")
                for k, widths in by_size.items()
            },
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


def _document(widths: Widths) -> Json:
    return {"n_questions": widths.n_questions, "half_widths": widths.half_widths}


def _read(document: object, where: str) -> Widths:
    n_questions, half_widths = take(document, where, n_questions=int, half_widths=list)
    found = numbers(half_widths, f"{where}.half_widths", length=len(COVERAGES))
    if min(found) < 0 or max(found) > 1:
        raise field_error(f"{where}.half_widths", "numbers in [0, 1]", half_widths)
    return Widths(n_questions=n_questions, half_widths=found)
