"""Ridge regression of many rows on few numbers of each, and on effects of groups and questions.

Written out, the features of a row are hundreds, nearly all 0: three of each group of people, two
of each answer scale, the question's coordinates. Their normal matrix is an arrow, blocks of three
beside a core, and neither the features nor the blocks' zeros are ever written out here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from distexp.calibrator.fitting.panels import N_OWN, Coefficients, Panel, Questions, predict
from distexp.types import FloatArray, IntArray

AT_ONCE = 2**18
"""Numbers held together while questions are left out: more would not fit a processor's cache."""


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
        self.own = [panel.variables.swapaxes(0, 1) @ panel.own for panel in self.panels]
        """Features of the groups, of shape (n_boundaries, n, 3)."""

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
        predict(self.panels, self.questions, coef, out)

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
        for panel, own in zip(self.panels, self.own, strict=True):
            of_rows = weight[panel.rows]
            both = np.concatenate([panel.variables, target[panel.rows][..., None]], axis=2)
            weighted = both * of_rows[..., None]
            total = _products(panel.variables, weighted)
            core[:n_core, :n_core] += (
                panel.core.swapaxes(1, 2) @ total[..., :-1] @ panel.core
            ).sum(axis=0)
            moments[:n_core] += np.einsum("jvc,jv->c", panel.core, total[..., -1])
            for group, cases in panel.of_groups() if self.n_groups else ():
                products = _products(panel.variables[cases], weighted[cases])
                rows = panel.own.swapaxes(1, 2) @ products
                blocks[group] += (rows[..., :-1] @ panel.own).sum(axis=0)
                between[group, :, :n_core] += (rows[..., :-1] @ panel.core).sum(axis=0)
                block_moments[group] += rows[..., -1].sum(axis=0)
            if n > n_core:
                self._add_questions(panel, weighted, by_question, squares)
                if self.n_groups:
                    _add_groups(panel, own, of_rows, of_groups)
        if n > n_core:
            self._with_questions(core, moments, by_question, squares)
        if n > n_core and self.n_groups:
            flat = of_groups.reshape(2, -1, n_questions).swapaxes(1, 2)
            shaped = self.questions.summed(*flat).reshape(-1, N_OWN, self.n_groups)
            between[:, :, n_core:] = shaped.transpose(2, 1, 0)
        penalties = self.penalties
        core.flat[:: n + 1] += np.concatenate([penalties.core, penalties.questions])
        blocks += penalties.groups[:, :, None] * np.eye(N_OWN)
        return Normal(core, moments, blocks, between, block_moments)

    def _add_questions(
        self, panel: Panel, weighted: FloatArray, sums: FloatArray, squares: FloatArray
    ) -> None:
        """Add a panel's sums by question, plain and with the tilt."""
        n_questions, width = len(squares), weighted[0].size
        place = panel.question[:, None] * width + np.arange(width)
        counted = np.bincount(place.ravel(), weighted.ravel(), n_questions * width)
        of_question = counted.reshape(n_questions, *weighted.shape[1:]).swapaxes(0, 1)
        others = of_question[..., [-1, 0]]  # of the target, and of the weight itself
        features = np.concatenate([of_question[..., :-1] @ panel.core, others], axis=2)
        sums[0] += features.sum(axis=0)
        sums[1] += np.tensordot(panel.tilt, features, axes=1)
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

    def left_out(self, target: FloatArray, weight: FloatArray, error: FloatArray) -> FloatArray:
        """Predict each row without the rows of its question.

        The weights stay as they are, so that nothing is fitted again: with H the rows of the hat
        matrix that a question's rows have in common, its errors without it are ``inv(I - H)``
        times those with it.

        Parameters
        ----------
        target, weight, error : ndarray
            By the numbers of the rows; the last is the target less what is predicted.

        Returns
        -------
        ndarray
            Likewise; NaN for other rows than the panels'.

        References
        ----------
        Cook and Weisberg (1982), "Residuals and Influence in Regression", section 3.6.
        """
        without = np.full_like(target, np.nan)
        hat = _Hat(self, self.normal(target, weight))
        for number, panel in enumerate(self.panels):
            for cases in _alike(
                panel.question,
                self.n_own_core + len(self.penalties.questions),
                panel.variables.shape[1],
            ):
                rows = panel.rows[cases].reshape(len(cases), -1)
                without[rows] = target[rows] - _without(
                    hat.products(number, cases), weight[rows], error[rows]
                )
        return without


class _Hat:
    """Products of features over the inverse of the normal matrix."""

    def __init__(self, arrow: Arrow, normal: Normal) -> None:
        left, of_groups, _ = normal.eliminated()
        root = np.linalg.inv(np.linalg.cholesky(left)).T
        n = arrow.n_own_core
        self.arrow = arrow
        self.core = [panel.core @ root[:n] for panel in arrow.panels]
        self.shift, self.tilt = arrow.questions.spread(root[n:])
        nothing = np.zeros((1, N_OWN, len(root)))  # the last for the group -1
        self.of_groups = np.concatenate([of_groups @ root, nothing])
        self.blocks = np.concatenate([np.linalg.inv(normal.blocks), np.zeros((1, N_OWN, N_OWN))])

    def products(self, number: int, cases: IntArray) -> FloatArray:
        """Return them for questions with equally many cases, numbered by the rows of `cases`."""
        panel, own = self.arrow.panels[number], self.arrow.own[number]
        n_questions, n_cases = cases.shape
        n_boundaries = len(panel.tilt)
        group, question = panel.group[cases], panel.question[cases[:, 0]]
        of_own = own[:, cases].transpose(1, 2, 0, 3)  # (n_questions, n_cases, n_boundaries, 3)
        rows = panel.variables[cases].transpose(2, 0, 1, 3)
        features = np.empty((*of_own.shape[:3], self.core[number].shape[2]))
        if (group == group[0]).all():  # nearly always: every group was asked
            group = group[:1]
        np.matmul(of_own, -self.of_groups[group], out=features)
        for j in range(n_boundaries):
            constant = self.shift[question] + panel.tilt[j] * self.tilt[question]
            features[:, :, j] += rows[j] @ self.core[number][j] + constant[:, None]
        flat = features.reshape(n_questions, n_cases * n_boundaries, -1)
        products = flat @ flat.swapaxes(1, 2)
        inside = products.reshape(n_questions, n_cases, n_boundaries, n_cases, n_boundaries)
        one = np.arange(n_cases)
        inside[:, one, :, one] += (of_own @ self.blocks[group] @ of_own.swapaxes(2, 3)).swapaxes(
            0, 1
        )
        return products


def _without(hat: FloatArray, weight: FloatArray, error: FloatArray) -> FloatArray:
    """Return ``inv(I - hat * weight) @ error`` of each question; `hat` is written over."""
    from scipy.linalg.lapack import dposv

    root = np.sqrt(weight)
    hat *= -root[:, :, None]
    hat *= root[:, None]
    places = np.arange(weight.shape[1])
    hat[:, places, places] += 1
    solved = np.empty_like(error)
    for matrix, side, out in zip(hat, root * error, solved, strict=True):
        # The transpose of what is symmetric is itself, in the order that LAPACK wants.
        _, out[:], failed = dposv(matrix.T, side, overwrite_a=True)
        if failed:
            out[:] = np.linalg.solve(matrix, side)
    return solved / root


def _products(left: FloatArray, right: FloatArray) -> FloatArray:
    """Return the sums over cases of products, of shape (n_boundaries, n_left, n_right)."""
    summed: FloatArray = left.transpose(1, 2, 0) @ right.swapaxes(0, 1)
    return summed


def _add_groups(panel: Panel, own: FloatArray, weight: FloatArray, sums: FloatArray) -> None:
    """Add a panel's sums by group and question, of shape (2, 3, n_groups, n_questions)."""
    shape = sums.shape[2:]
    known = panel.group >= 0
    place = panel.group[known] * shape[1] + panel.question[known]
    weighted = own * weight.T[..., None]
    for tilted, of_rows in enumerate((weighted, weighted * panel.tilt[:, None, None])):
        for feature, values in enumerate(of_rows.sum(axis=0)[known].T):
            counted = np.bincount(place, values, shape[0] * shape[1])
            sums[tilted, feature] += counted.reshape(shape)


def _alike(question: IntArray, n_features: int, n_boundaries: int) -> Iterator[IntArray]:
    """Yield questions with equally many cases, a row of cases for each; a few at once."""
    order = np.argsort(question, kind="stable")
    starts = np.flatnonzero(np.diff(question[order], prepend=-1))
    sizes = np.diff([*starts, len(order)])
    for size in np.unique(sizes):
        of_size = starts[sizes == size]
        n_rows = int(size) * n_boundaries
        step = max(1, AT_ONCE // (n_rows * max(n_rows, n_features)))
        for first in range(0, len(of_size), step):
            yield order[of_size[first : first + step, None] + np.arange(size)]
