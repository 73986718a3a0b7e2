"""Ridge regression of many rows on few numbers of each, and on effects of groups and questions.

Written out, the features of a row are hundreds, nearly all 0: a few of each group of people, two
of each answer scale, the question's coordinates. Their normal matrix is an arrow, small blocks
beside a core, and neither the features nor the blocks' zeros are ever written out here.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from distexp.calibrator.fitting.panels import Coefficients, Panel, Questions, predict
from distexp.types import FloatArray, IntArray

Eliminated = tuple[FloatArray, FloatArray, FloatArray]
"""The core without the groups, and the blocks' solutions: matrix and vector."""


@dataclass(frozen=True, slots=True)
class Normal:
    """The normal equations: a core, a block of each group, and what is between them."""

    core: FloatArray
    """Shape (n_core, n_core), with core and questions' features."""
    moments: FloatArray
    blocks: FloatArray
    """Shape (n_groups, n_own, n_own)."""
    between: FloatArray
    """Shape (n_groups, n_own, n_core)."""
    block_moments: FloatArray

    def eliminated(self) -> Eliminated:
        """Return the core without the groups, and the blocks' solutions: matrix and vector."""
        sides = np.concatenate([self.between, self.block_moments[..., None]], axis=2)
        solved = np.linalg.solve(self.blocks, sides)
        n = len(self.core)
        flat, of_groups = self.between.reshape(-1, n), solved[..., :-1]
        left = self.core - flat.T @ of_groups.reshape(-1, n)
        return left, of_groups, solved[..., -1]


class Laid:
    """A panel's rows as they are summed, laid out once for all weights."""

    def __init__(self, panel: Panel, questions: Questions, target: FloatArray) -> None:
        self.both = np.concatenate([panel.variables, target[panel.rows][..., None]], axis=2)
        """Variables and target, of shape (n, n_boundaries, n_variables + 1)."""
        self.groups, starts = np.unique(panel.group, return_index=True)
        self.starts = [*starts.tolist(), len(panel.group)]
        """Cases of one group stand together: where each begins, and the end of the last."""
        self.alike = len(set(np.diff(self.starts).tolist())) == 1
        """Whether there are equally many of each group."""
        self.known = slice(int(self.groups[0] < 0), None)
        """The groups that have effects; only the first may have none."""
        n_alike = _n_alike(panel.question)
        self.question, self.of_case = panel.question[: len(panel.question) // n_alike], None
        """The panel's questions, and of each case its place among them; None where every group was
        asked the same questions in the same order, as nearly always."""
        if n_alike != len(self.groups) or n_alike == 1:
            self.question, self.of_case = np.unique(panel.question, return_inverse=True)
        self.questions = questions.take(self.question)
        self.group = np.searchsorted(self.groups[self.known], panel.group)
        self.has_group = panel.group >= 0
        tilt = panel.tilt[:, None, None]
        n_boundaries, n_variables, n_core = panel.core.shape
        plain = np.zeros((n_boundaries, n_variables + 1, n_core + 2))
        plain[:, :-1, :-2] = panel.core
        plain[:, -1, -2] = plain[:, 0, -1] = 1  # the target, and of the weight itself
        squares = plain[..., -1:] * tilt**2
        self._of_question = np.concatenate([plain, plain * tilt, squares], axis=2)
        self.n_own = panel.own.shape[2]
        own = np.zeros((n_boundaries, n_variables + 1, self.n_own))  # 0 for the target
        own[:, :-1] = panel.own
        self._of_group = np.concatenate([own, own * tilt], axis=2)

    def products(self, weighted: FloatArray) -> FloatArray:
        """Return sums over the cases of each group, (n_groups, n_boundaries, n_left, n_right)."""
        left = self.both[..., :-1]
        n_groups, (_, n_boundaries, n_left) = len(self.groups), left.shape
        if self.alike:
            by_group = left.reshape(n_groups, -1, n_boundaries, n_left).transpose(0, 2, 3, 1)
            right = weighted.reshape(n_groups, -1, *weighted.shape[1:]).swapaxes(1, 2)
            both: FloatArray = by_group @ right
            return both
        summed = np.empty((n_groups, n_boundaries, n_left, weighted.shape[2]))
        for out, start, end in zip(summed, self.starts, self.starts[1:], strict=False):
            one = left[start:end].transpose(1, 2, 0)
            np.matmul(one, weighted[start:end].swapaxes(0, 1), out=out)
        return summed

    def by_question(self, weighted: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return sums over each question's rows: plain, with the tilt, and with its square.

        The first two of the core features, the target and 1, the last of 1 alone; each of shape
        (n_questions, n_columns).
        """
        n, width = len(self.question), weighted[0].size
        if self.of_case is None:
            summed = weighted.reshape(-1, n, width).sum(axis=0)
        else:
            place = self.of_case[:, None] * width + np.arange(width)
            summed = np.bincount(place.ravel(), weighted.ravel(), n * width).reshape(n, width)
        every = summed @ self._of_question.reshape(width, -1)
        n_plain = every.shape[1] // 2
        return every[:, :n_plain], every[:, n_plain:-1], every[:, -1:]

    def by_group_and_question(self, weighted: FloatArray) -> FloatArray:
        """Return sums of the groups' features, plain and with the tilt.

        Of shape (2, n_questions, n_own, n_groups), of the groups that have effects.
        """
        flat = weighted.reshape(len(weighted), -1)
        flat = flat @ self._of_group.reshape(flat.shape[1], -1)
        n, n_groups, n_own = len(self.question), len(self.groups[self.known]), self.n_own
        if self.of_case is None and self.has_group.all():
            by_group = flat.reshape(n_groups, n, 2, n_own).transpose(2, 1, 3, 0)
            return np.ascontiguousarray(by_group)
        of_case = np.tile(np.arange(n), len(self.groups)) if self.of_case is None else self.of_case
        kept = self.has_group
        place = of_case[kept, None] * n_own + np.arange(n_own)
        place = place * n_groups + self.group[kept, None]
        values = flat[kept].reshape(-1, 2, n_own).swapaxes(0, 1)
        size = n * n_own * n_groups
        summed = [np.bincount(place.ravel(), one.ravel(), size) for one in values]
        return np.reshape(summed, (2, n, n_own, n_groups))


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
    target : ndarray
        By the numbers of the rows; others than the panels' are passed over, here and below.
    """

    def __init__(
        self,
        panels: Sequence[Panel],
        questions: Questions,
        n_groups: int,
        penalties: Coefficients,
        target: FloatArray,
    ) -> None:
        self.panels = [panel for panel in panels if len(panel.group)]
        self.questions, self.n_groups, self.penalties = questions, n_groups, penalties
        self.n_own_core = len(penalties.core)
        self.n_own = penalties.groups.shape[1]
        self.laid = [Laid(panel, questions, target) for panel in self.panels]
        self._last: tuple[FloatArray, Normal, Eliminated] | None = None

    def solve(self, weight: FloatArray) -> Coefficients:
        """Return the coefficients of least weighted squares with the penalties.

        Parameters
        ----------
        weight : ndarray
            By the numbers of the rows.
        """
        normal, (left, of_groups, alone) = self.equations(weight)
        moments = normal.moments - np.einsum("gij,gi->j", normal.between, alone)
        core = np.linalg.solve(left, moments)
        n = self.n_own_core
        return Coefficients(core[:n], core[n:], alone - of_groups @ core)

    def predict(self, coef: Coefficients, out: FloatArray) -> None:
        """Write what the coefficients predict for the panels' rows to `out`."""
        predict(self.panels, self.questions, coef, out)

    def equations(self, weight: FloatArray) -> tuple[Normal, Eliminated]:
        """Return the normal equations, also without the groups; those of the last weights once."""
        if self._last is None or self._last[0] is not weight:
            normal = self.normal(weight)
            self._last = weight, normal, normal.eliminated()
        return self._last[1:]

    def normal(self, weight: FloatArray) -> Normal:
        """Sum up the normal equations."""
        n_core, n_questions = self.n_own_core, len(self.penalties.questions)
        n, n_own = n_core + n_questions, self.n_own
        core, moments = np.zeros((n, n)), np.zeros(n)
        blocks, between = (np.zeros((self.n_groups, n_own, k)) for k in (n_own, n))
        block_moments = np.zeros((self.n_groups, n_own))
        for panel, laid in zip(self.panels, self.laid, strict=True):
            weighted = laid.both * weight[panel.rows][..., None]
            products = laid.products(weighted)
            total = products.sum(axis=0)
            core[:n_core, :n_core] += (
                panel.core.swapaxes(1, 2) @ total[..., :-1] @ panel.core
            ).sum(axis=0)
            moments[:n_core] += np.einsum("jvc,jv->c", panel.core, total[..., -1])
            if self.n_groups:
                rows = (panel.own.swapaxes(1, 2) @ products)[laid.known].swapaxes(1, 2)
                groups, shape = laid.groups[laid.known], (-1, panel.core[..., 0].size)
                flat = rows[..., :-1].reshape(shape)
                of_own = flat @ panel.own.reshape(shape[1], -1)
                blocks[groups] += of_own.reshape(-1, n_own, n_own)
                of_core = flat @ panel.core.reshape(shape[1], -1)
                between[groups, :, :n_core] += of_core.reshape(-1, n_own, n_core)
                block_moments[groups] += rows[..., -1].sum(axis=2)
            if n_questions:
                _add_questions(core, moments, laid, weighted, n_core)
                if self.n_groups:
                    by_group = laid.by_group_and_question(weighted)
                    shaped = laid.questions.summed(*by_group.reshape(*by_group.shape[:2], -1))
                    shaped = shaped.reshape(n_questions, n_own, -1).transpose(2, 1, 0)
                    between[groups, :, n_core:] += shaped
        core[:n_core, n_core:] = core[n_core:, :n_core].T
        penalties = self.penalties
        core.flat[:: n + 1] += np.concatenate([penalties.core, penalties.questions])
        blocks += penalties.groups[:, :, None] * np.eye(n_own)
        return Normal(core, moments, blocks, between, block_moments)


def _add_questions(
    core: FloatArray, moments: FloatArray, laid: Laid, weighted: FloatArray, n_core: int
) -> None:
    """Add a panel's part of what is between questions, and of them with the core."""
    of = laid.questions
    *both, squares = laid.by_question(weighted)
    plain, tilted = both
    beside = of.summed(plain[:, :-1], tilted[:, :-1])
    core[n_core:, :n_core] += beside[:, :-1]
    moments[n_core:] += beside[:, -1]
    inner, n_scales = core[n_core:, n_core:], of.n_scales
    with_words = of.summed(plain[:, -1:] * of.words, tilted[:, -1:] * of.words)
    inner[:, 2 * n_scales :] += with_words
    inner[2 * n_scales :, : 2 * n_scales] += with_words[: 2 * n_scales].T
    known = of.scale >= 0
    shift = np.arange(n_scales)
    for weights, rows, columns in (
        (plain[:, -1], shift, shift),
        (tilted[:, -1], shift, shift + n_scales),
        (tilted[:, -1], shift + n_scales, shift),
        (squares[:, 0], shift + n_scales, shift + n_scales),
    ):
        inner[rows, columns] += np.bincount(of.scale[known], weights[known], n_scales)


def _n_alike(question: IntArray) -> int:
    """Return how often the same questions, ascending, come one after the other; 1 if not so."""
    n = int((question == question[0]).sum())
    once = question[: len(question) // n]
    alike = len(question) == n * len(once) and bool((np.diff(once) > 0).all())
    return n if alike and (question.reshape(n, -1) == once).all() else 1
