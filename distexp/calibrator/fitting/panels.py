"""Rows of a regression laid out by what they share: boundaries, groups of people, questions."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from distexp.types import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Panel:
    """Cases with equally many boundaries, sorted by group and question.

    The core features of boundary j are ``variables[:, j] @ core[j]``, those of the case's group
    ``variables[:, j] @ own[j]``; the coordinates of its question count as they are, and its scale
    has a shift of 1 and a tilt of ``tilt[j]``.
    """

    variables: FloatArray
    """Shape (n, n_boundaries, n_variables); the first variable is 1."""
    core: FloatArray
    """Shape (n_boundaries, n_variables, n_core)."""
    own: FloatArray
    """Shape (n_boundaries, n_variables, n_own): n_own features of each group of people."""
    tilt: FloatArray
    """Shape (n_boundaries,)."""
    group: IntArray
    """Shape (n,): ascending, from 0; -1 has no effects."""
    question: IntArray
    """Shape (n,): from 0."""
    rows: IntArray
    """Shape (n, n_boundaries): numbers of the rows in arrays over all of them."""

    def take(self, kept: IntArray) -> "Panel":
        """Return the panel of some of its cases."""
        return replace(
            self,
            variables=self.variables[kept],
            group=self.group[kept],
            question=self.question[kept],
            rows=self.rows[kept],
        )

    @property
    def starts(self) -> IntArray:
        """Where each group begins, and the end of the last; of shape (n_groups_there + 1,)."""
        n = len(self.group)
        ends = np.flatnonzero(np.diff(self.group)) + 1
        return np.concatenate([[0], ends, [n]]) if n else np.zeros(1, np.int64)

    def of_groups(self) -> FloatArray:
        """Return the features of the groups, of shape (n_boundaries, n, n_own)."""
        features: FloatArray = self.variables.swapaxes(0, 1) @ self.own
        return features


@dataclass(frozen=True)
class Questions:
    """What is known of each question, beside its cases."""

    words: FloatArray
    """Shape (n_questions, n_words): coordinates."""
    scale: IntArray
    """Shape (n_questions,): its answer scale, from 0; -1 where it has no features."""
    n_scales: int

    def restricted(self, scales: IntArray) -> "Questions":
        """Leave out the scales but for those at these places; the places stay as they are."""
        return replace(self, scale=np.where(np.isin(self.scale, scales), self.scale, -1))

    def take(self, questions: IntArray) -> "Questions":
        """Return what is known of some questions."""
        return replace(self, words=self.words[questions], scale=self.scale[questions])

    def spread(self, coef: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return what coefficients of shape (n_features, ...) give each question: shift, tilt."""
        shift, tilt = coef[: self.n_scales], coef[self.n_scales : 2 * self.n_scales]
        return (
            self.words @ coef[2 * self.n_scales :] + self._of_scale(shift),
            self._of_scale(tilt),
        )

    def _of_scale(self, values: FloatArray) -> FloatArray:
        nothing = np.zeros((1, *values.shape[1:]))
        return np.concatenate([values, nothing])[self.scale]  # the last for -1

    def summed(self, by_question: FloatArray, by_question_tilted: FloatArray) -> FloatArray:
        """Return the features' sums over questions of shape (n_questions, n), as (n_features, n).

        Those with the tilt take the second argument.
        """
        of_scale = self._indicator
        return np.concatenate(
            [of_scale @ by_question, of_scale @ by_question_tilted, self.words.T @ by_question]
        )

    @cached_property
    def _indicator(self) -> FloatArray:
        """Shape (n_scales, n_questions): 1 where a question has the scale."""
        there: FloatArray = (np.arange(self.n_scales)[:, None] == self.scale).astype(np.float64)
        return there


@dataclass(frozen=True, slots=True)
class Coefficients:
    """Of the core features, of the questions' (scales' shifts, their tilts, words), of groups."""

    core: FloatArray
    questions: FloatArray
    groups: FloatArray
    """Shape (n_groups, n_own)."""


def predict(
    panels: Sequence[Panel],
    questions: Questions,
    coef: Coefficients,
    out: FloatArray,
) -> None:
    """Write what the coefficients predict for the panels' rows to `out`, by their numbers."""
    shift, tilt = questions.spread(coef.questions)
    groups = np.concatenate([coef.groups, np.zeros((1, coef.groups.shape[1]))])  # the last for -1
    for panel in panels:
        starts = panel.starts
        slopes = panel.core @ coef.core + (panel.own @ groups.T).transpose(2, 0, 1)
        slopes = slopes[panel.group[starts[:-1]], ..., None]  # (n_groups_there, ..., n_variables)
        values = _by_group(panel.variables, starts, slopes)
        values += shift[panel.question] + panel.tilt[:, None] * tilt[panel.question]
        out[panel.rows] = values.T


def _by_group(variables: FloatArray, starts: IntArray, slopes: FloatArray) -> FloatArray:
    """Return what slopes of each group make of its variables, of shape (n_boundaries, n)."""
    n, n_boundaries, n_variables = variables.shape
    if n and (np.diff(starts) == starts[1]).all():
        alike = variables.reshape(len(slopes), -1, n_boundaries, n_variables).swapaxes(1, 2)
        return (alike @ slopes)[..., 0].swapaxes(0, 1).reshape(n_boundaries, n)
    by_boundary, values = variables.swapaxes(0, 1), np.empty((n_boundaries, n))
    for of_group, first, last in zip(slopes, starts, starts[1:], strict=False):
        np.matmul(by_boundary[:, first:last], of_group, out=values[:, first:last, None])
    return values
