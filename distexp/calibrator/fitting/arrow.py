"""Ridge regression of many rows on few numbers of each, and on effects of groups and questions.

Written out, the features of a row are hundreds, nearly all 0: three of each group of people, two
of each answer scale, the question's coordinates. Their normal matrix is an arrow, blocks of three
beside a core, and neither the features nor the blocks' zeros are ever written out here.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from distexp.calibrator.fitting.panels import N_OWN, Coefficients, Panel, Questions, predict
from distexp.types import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Normal:
    """The normal equations: a core, blocks of three, and what is between them."""

    core: FloatArray
    """Shape (n_core, n_core), with core and questions' features."""
    moments: FloatArray
    blocks: FloatArray
    """Shape (n_groups, 3, 3)."""
    between: FloatArray
    """Shape (n_groups, 3, n_core)."""
    block_moments: FloatArray

    def eliminated(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return the core without the groups, and the blocks' solutions: matrix and vector."""
        sides = np.concatenate([self.between, self.block_moments[..., None]], axis=2)
        solved = np.linalg.solve(self.blocks, sides)
        n = len(self.core)
        flat, of_groups = self.between.reshape(-1, n), solved[..., :-1]
        left = self.core - flat.T @ of_groups.reshape(-1, n)
        return left, of_groups, solved[..., -1]


@dataclass(frozen=True, slots=True)
class _Runs:
    """Cases of a panel that are of one group, and so stand together."""

    groups: IntArray
    starts: list[int]
    """Of each run, and the end of the last."""
    alike: bool
    """Whether all runs are equally long."""

    @classmethod
    def of(cls, group: IntArray) -> "_Runs":
        groups, starts = np.unique(group, return_index=True)
        ends = [*starts.tolist(), len(group)]
        return cls(groups, ends, len(set(np.diff(ends).tolist())) == 1)

    @property
    def known(self) -> slice:
        """The runs of groups that have effects; only the first may have none."""
        return slice(int(self.groups[0] < 0), None)

    def products(self, left: FloatArray, right: FloatArray) -> FloatArray:
        """Return sums over the cases of each run, (n_runs, n_boundaries, n_left, n_right)."""
        n_runs, (_, n_boundaries, n_left) = len(self.groups), left.shape
        if self.alike:
            by_run = left.reshape(n_runs, -1, *left.shape[1:]).transpose(0, 2, 3, 1)
            both: FloatArray = by_run @ right.reshape(n_runs, -1, *right.shape[1:]).swapaxes(1, 2)
            return both
        summed = np.empty((n_runs, n_boundaries, n_left, right.shape[2]))
        for out, start, end in zip(summed, self.starts, self.starts[1:], strict=False):
            np.matmul(left[start:end].transpose(1, 2, 0), right[start:end].swapaxes(0, 1), out=out)
        return summed


class Arrow:
    """A ridge regression whose features are never written out.

    Parameters
    ----------
    panels : sequence of Panel
        All rows of the training cases.
    questions : Questions
    n_groups : int
    penalties : Coefficients
        > 0, of the coefficients in their places.
    """

    def __init__(
        self,
        panels: Sequence[Panel],
        questions: Questions,
        n_groups: int,
        penalties: Coefficients,
    ) -> None:
        self.panels = [panel for panel in panels if len(panel.group)]
        self.questions, self.n_groups, self.penalties = questions, n_groups, penalties
        self.n_own_core = len(penalties.core)
        self.own = [panel.of_groups() for panel in self.panels]
        """Features of the groups, of shape (n_boundaries, n, 3)."""
        self.runs = [_Runs.of(panel.group) for panel in self.panels]

    def solve(self, target: FloatArray, weight: FloatArray) -> Coefficients:
        """Return the coefficients of least weighted squares with the penalties.

        Parameters
        ----------
        target, weight : ndarray
            By the numbers of the rows; others than the panels' are passed over.
        """
        normal = self.normal(target, weight)
        left, of_groups, alone = normal.eliminated()
        moments = normal.moments - np.einsum("gij,gi->j", normal.between, alone)
        core = np.linalg.solve(left, moments)
        n = self.n_own_core
        return Coefficients(core[:n], core[n:], alone - of_groups @ core)

    def predict(self, coef: Coefficients, out: FloatArray) -> None:
        """Write what the coefficients predict for the panels' rows to `out`."""
        predict(self.panels, self.questions, coef, out, self.own)

    def normal(self, target: FloatArray, weight: FloatArray) -> Normal:
        """Sum up the normal equations."""
        n_core, n_questions = self.n_own_core, len(self.questions.scale)
        n = n_core + len(self.penalties.questions)
        core, moments = np.zeros((n, n)), np.zeros(n)
        blocks, between = (np.zeros((self.n_groups, N_OWN, k)) for k in (N_OWN, n))
        block_moments = np.zeros((self.n_groups, N_OWN))
        by_question = np.zeros((2, n_questions, n_core + 2))  # and their sums of targets, weights
        squares = np.zeros(n_questions)
        of_groups = np.zeros((2, N_OWN, self.n_groups, n_questions))
        for panel, runs in zip(self.panels, self.runs, strict=True):
            of_rows = weight[panel.rows]
            both = np.concatenate([panel.variables, target[panel.rows][..., None]], axis=2)
            weighted = both * of_rows[..., None]
            products = runs.products(panel.variables, weighted)
            total = products.sum(axis=0)
            core[:n_core, :n_core] += (
                panel.core.swapaxes(1, 2) @ total[..., :-1] @ panel.core
            ).sum(axis=0)
            moments[:n_core] += np.einsum("jvc,jv->c", panel.core, total[..., -1])
            if self.n_groups:
                rows = (panel.own.swapaxes(1, 2) @ products)[runs.known].swapaxes(1, 2)
                groups, shape = runs.groups[runs.known], (-1, panel.core[..., 0].size)
                flat = rows[..., :-1].reshape(shape)
                blocks[groups] += (flat @ panel.own.reshape(shape[1], -1)).reshape(-1, 3, 3)
                of_core = flat @ panel.core.reshape(shape[1], -1)
                between[groups, :, :n_core] += of_core.reshape(-1, N_OWN, n_core)
                block_moments[groups] += rows[..., -1].sum(axis=2)
            if n > n_core:
                self._add_questions(panel, weighted, by_question, squares)
                if self.n_groups:
                    _add_groups(panel, weighted, of_groups)
        if n > n_core:
            self._with_questions(core, moments, by_question, squares)
        if n > n_core and self.n_groups:
            by_feature = of_groups.reshape(2, -1, n_questions).swapaxes(1, 2)
            shaped = self.questions.summed(*by_feature).reshape(-1, N_OWN, self.n_groups)
            between[:, :, n_core:] = shaped.transpose(2, 1, 0)
        penalties = self.penalties
        core.flat[:: n + 1] += np.concatenate([penalties.core, penalties.questions])
        blocks += penalties.groups[:, :, None] * np.eye(N_OWN)
        return Normal(core, moments, blocks, between, block_moments)

    def _add_questions(
        self, panel: Panel, weighted: FloatArray, sums: FloatArray, squares: FloatArray
    ) -> None:
        """Add a panel's sums by question, plain and with the tilt."""
        of_question = _by_question(panel.question, weighted, len(squares)).swapaxes(0, 1)
        others = of_question[..., [-1, 0]]  # of the target, and of the weight itself
        features = np.concatenate([of_question[..., :-1] @ panel.core, others], axis=2)
        sums[0] += features.sum(axis=0)
        sums[1] += (panel.tilt @ features.reshape(len(features), -1)).reshape(sums[1].shape)
        squares += panel.tilt**2 @ of_question[..., 0]

    def _with_questions(
        self, core: FloatArray, moments: FloatArray, sums: FloatArray, squares: FloatArray
    ) -> None:
        """Fill in the questions' part of the core."""
        of, n_core = self.questions, self.n_own_core
        n_scales = of.n_scales
        beside = of.summed(sums[0, :, :-1], sums[1, :, :-1])
        core[n_core:, :n_core] = beside[:, :-1]
        core[:n_core, n_core:] = beside[:, :-1].T
        moments[n_core:] = beside[:, -1]
        plain, tilted = sums[0, :, -1:], sums[1, :, -1:]
        with_words = of.summed(plain * of.words, tilted * of.words)
        inner = core[n_core:, n_core:]
        inner[:, 2 * n_scales :] = with_words
        inner[2 * n_scales :] = with_words.T
        known = of.scale >= 0
        shift = np.arange(n_scales)
        for weights, rows, columns in (
            (sums[0, :, -1], shift, shift),
            (sums[1, :, -1], shift, shift + n_scales),
            (sums[1, :, -1], shift + n_scales, shift),
            (squares, shift + n_scales, shift + n_scales),
        ):
            inner[rows, columns] = np.bincount(of.scale[known], weights[known], n_scales)


def _by_question(question: IntArray, values: FloatArray, n_questions: int) -> FloatArray:
    """Return sums over the cases of each question."""
    summed = np.zeros((n_questions, *values.shape[1:]))
    n_alike = _n_alike(question)
    if n_alike > 1:
        summed[question[: len(question) // n_alike]] = values.reshape(
            n_alike, -1, *values.shape[1:]
        ).sum(axis=0)
        return summed
    width = values[0].size
    place = question[:, None] * width + np.arange(width)
    counted = np.bincount(place.ravel(), values.ravel(), n_questions * width)
    summed += counted.reshape(summed.shape)
    return summed


def _n_alike(question: IntArray) -> int:
    """Return how often the same questions, ascending, come one after the other; 1 if not so."""
    n = int((question == question[0]).sum())
    once = question[: len(question) // n]
    alike = len(question) == n * len(once) and bool((np.diff(once) > 0).all())
    return n if alike and (question.reshape(n, -1) == once).all() else 1


def _add_groups(panel: Panel, weighted: FloatArray, sums: FloatArray) -> None:
    """Add a panel's sums by group and question, of shape (2, 3, n_groups, n_questions)."""
    shape = sums.shape[2:]
    n_boundaries, width = weighted.shape[1:]
    own = np.zeros((n_boundaries, width, 2, N_OWN))  # 0 for the target, the last variable
    own[:, :-1] = panel.own[:, :, None]
    own[:, :, 1] *= panel.tilt[:, None, None]
    flat = weighted.reshape(len(weighted), -1) @ own.reshape(n_boundaries * width, -1)
    both = flat.reshape(-1, 2, N_OWN).swapaxes(0, 1)
    groups, n_alike = np.unique(panel.group), _n_alike(panel.question)
    if n_alike == len(groups) and groups[0] >= 0:  # nearly always: every group was asked
        questions = panel.question[: len(panel.question) // n_alike]
        by_group = both.reshape(2, n_alike, -1, N_OWN).transpose(0, 3, 1, 2)
        sums[:, :, groups[:, None], questions] += by_group
        return
    known = panel.group >= 0
    place = panel.group[known] * shape[1] + panel.question[known]
    values = both[:, known].swapaxes(1, 2).reshape(2 * N_OWN, -1)
    n = shape[0] * shape[1]
    places = place + n * np.arange(len(values))[:, None]
    sums += np.bincount(places.ravel(), values.ravel(), n * len(values)).reshape(sums.shape)
