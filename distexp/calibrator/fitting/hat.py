"""What an arrow predicts for its rows without those of their question, from one fit."""

from collections.abc import Iterator

import numpy as np

from distexp.calibrator.fitting.arrow import Arrow, Eliminated, Laid, Normal
from distexp.calibrator.fitting.panels import Panel
from distexp.types import BoolArray, FloatArray, IntArray

AT_ONCE = 2**18
"""Numbers held together while questions are left out: more would not fit a processor's cache."""
FEW_ROWS = 40
"""Rows of a question up to which its equations are written out and solved."""
LEAST_FILL = 0.5
"""Share of the groups that were asked a question, on average, from which on all are laid out."""
TOLERANCE = 1e-10
"""Size of what the equations leave over, against the errors, at which they are solved."""
MOST_STEPS = 60


def left_out(
    arrow: Arrow, target: FloatArray, weight: FloatArray, error: FloatArray
) -> FloatArray:
    """Predict each row without the rows of its question.

    The weights stay as they are, so that nothing is fitted again: with H the rows of the hat
    matrix that a question's rows have in common, its errors without it are ``inv(I - H)``
    times those with it. One question of many has little leverage, H is nearly nothing, and the
    equations of questions with many rows take conjugate gradients few steps.

    Parameters
    ----------
    arrow : Arrow
    target, weight, error : ndarray
        By the numbers of the rows; the last is the target less what is predicted.

    Returns
    -------
    ndarray
        Likewise; NaN for other rows than the panels'.

    References
    ----------
    Cook and Weisberg (1982), "Residuals and Influence in Regression", section 3.6; Hestenes and
    Stiefel (1952), "Methods of conjugate gradients for solving linear systems".
    """
    without = np.full_like(target, np.nan)
    hat = _Hat(arrow, *arrow.equations(weight))
    for number, panel in enumerate(arrow.panels):
        rest = np.arange(len(panel.group))
        for table in _tables(panel, arrow.laid[number]):
            cases = table[table >= 0]
            rows, solved, done = panel.rows[table], *hat.iterated(number, table, weight, error)
            kept = (table >= 0) & done[:, None]
            without[rows[kept]] = target[rows[kept]] - solved[kept]
            rest = np.setdiff1d(rest, cases[done[np.nonzero(table >= 0)[0]]], assume_unique=True)
        n_features = arrow.n_own_core + len(arrow.penalties.questions)
        for cases in _alike(panel.question[rest], n_features, panel.variables.shape[1]):
            rows = panel.rows[rest[cases]].reshape(len(cases), -1)
            products = hat.products(number, rest[cases])
            without[rows] = target[rows] - _without(products, weight[rows], error[rows])
    return without


class _Hat:
    """Products of features over the inverse of the normal matrix."""

    def __init__(self, arrow: Arrow, normal: Normal, eliminated: Eliminated) -> None:
        left, of_groups, _ = eliminated
        root = np.linalg.inv(np.linalg.cholesky(left)).T
        n = arrow.n_own_core
        self.arrow = arrow
        self.core = [panel.core @ root[:n] for panel in arrow.panels]
        self.shift, self.tilt = arrow.questions.spread(root[n:])
        n_own = arrow.n_own
        nothing = np.zeros((1, n_own, len(root)))  # the last for the group -1
        self.of_groups = np.concatenate([of_groups @ root, nothing])
        self.blocks = np.concatenate([np.linalg.inv(normal.blocks), np.zeros((1, n_own, n_own))])

    def products(self, number: int, cases: IntArray) -> FloatArray:
        """Return them for questions with equally many cases, numbered by the rows of `cases`."""
        panel = self.arrow.panels[number]
        n_questions, n_cases = cases.shape
        n_boundaries = len(panel.tilt)
        group, question = panel.group[cases], panel.question[cases[:, 0]]
        rows = panel.variables[cases].transpose(2, 0, 1, 3)
        flat = rows.reshape(n_boundaries, -1, rows.shape[3]) @ panel.own
        # Of shape (n_questions, n_cases, n_boundaries, n_own).
        of_own = flat.reshape(*rows.shape[:3], -1).transpose(1, 2, 0, 3)
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

    def iterated(
        self, number: int, table: IntArray, weight: FloatArray, error: FloatArray
    ) -> tuple[FloatArray, BoolArray]:
        """Solve the equations of questions that nearly all groups were asked, all at once.

        Parameters
        ----------
        number : int
            Of the panel.
        table : ndarray of shape (n_questions, n_groups)
            Its cases, -1 where there is none; a column's are of one group.
        weight, error : ndarray
            As in `left_out`.

        Returns
        -------
        ndarray of shape (n_questions, n_groups, n_boundaries)
            Errors of the rows without their question.
        ndarray of bool of shape (n_questions,)
            Where they are found.
        """
        panel, there = self.arrow.panels[number], table >= 0
        rows = panel.rows[table]
        root = np.where(there[..., None], np.sqrt(weight[rows]), 0.0)
        side = (root * np.where(there[..., None], error[rows], 0.0)).swapaxes(1, 2)
        leverage = _Leverage(self, number, table, root)
        # Conjugate gradients of ``I - H``, each question with steps of its own.
        found, left, direction = np.zeros_like(side), side, side
        square = wanted = (side * side).sum(axis=(1, 2))
        for _ in range(MOST_STEPS):
            ahead = direction - leverage.times(direction)
            step = _ratio(square, (direction * ahead).sum(axis=(1, 2)))
            found = found + step * direction
            left = left - step * ahead
            before, square = square, (left * left).sum(axis=(1, 2))
            if (square <= TOLERANCE**2 * wanted).all():
                break
            direction = left + _ratio(square, before) * direction
        found = found.swapaxes(1, 2) / np.where(root > 0, root, 1.0)
        return found, square <= TOLERANCE**2 * wanted


class _Leverage:
    """The hat matrices of some questions, of rows scaled by the roots of their weights.

    A row is a combination of few vectors that its question's rows share, those of the panel's
    core and those of its group: all products are between these, and the questions' own shifts
    and tilts beside them.
    """

    def __init__(self, hat: _Hat, number: int, table: IntArray, root: FloatArray) -> None:
        panel = hat.arrow.panels[number]
        group = panel.group[table.max(axis=0)]
        question = panel.question[table.max(axis=1)]
        scaled = panel.variables[table] * root[..., None]
        # Of shape (n_questions, n_boundaries, n_variables or 3, n_groups).
        self.variables = np.ascontiguousarray(scaled.transpose(0, 2, 3, 1))
        self.own = panel.own.swapaxes(1, 2) @ self.variables
        self.tilt, width = panel.tilt, hat.of_groups.shape[2]
        core = hat.core[number].reshape(-1, width)
        of_groups = -hat.of_groups[group].swapaxes(0, 1).reshape(-1, width)
        shared, self.n_core, n_groups = np.concatenate([core, of_groups]), len(core), len(group)
        self.products = shared @ shared.T
        start = np.arange(n_groups) + self.n_core
        for a in range(hat.arrow.n_own):
            for b in range(hat.arrow.n_own):
                self.products[start + a * n_groups, start + b * n_groups] += hat.blocks[
                    group, a, b
                ]
        both = np.stack([hat.shift[question], hat.tilt[question]], axis=1)
        self.beside = (both.reshape(-1, width) @ shared.T).reshape(*both.shape[:2], -1)
        self.alone = both @ both.swapaxes(1, 2)

    def times(self, rows: FloatArray) -> FloatArray:
        """Multiply, rows of shape (n_questions, n_boundaries, n_groups)."""
        n_questions, n_boundaries, n_groups = rows.shape
        of_core = (self.variables @ rows[..., None])[..., 0]
        of_groups = (self.own * rows[:, :, None]).sum(axis=1)
        sums = np.concatenate(
            [of_core.reshape(n_questions, -1), of_groups.reshape(n_questions, -1)], axis=1
        )
        constant = of_core[:, :, 0]
        shifts = np.stack([constant.sum(axis=1), constant @ self.tilt], axis=1)
        out = (
            sums @ self.products
            + shifts[:, :1] * self.beside[:, 0]
            + shifts[:, 1:] * self.beside[:, 1]
        )
        moved = (self.beside @ sums[..., None] + self.alone @ shifts[..., None])[..., 0]
        coef = out[:, : self.n_core].reshape(n_questions, n_boundaries, 1, -1)
        coef[:, :, 0, 0] += moved[:, :1] + moved[:, 1:] * self.tilt
        own = out[:, self.n_core :].reshape(n_questions, 1, -1, n_groups)
        total: FloatArray = (coef @ self.variables)[:, :, 0] + (self.own * own).sum(axis=2)
        return total


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


def _ratio(above: FloatArray, below: FloatArray) -> FloatArray:
    """Divide each question's numbers, 0 where nothing is left, to multiply its rows."""
    ratio = np.divide(above, below, out=np.zeros_like(above), where=below > 0)
    return ratio[:, None, None]


def _tables(panel: Panel, laid: Laid) -> Iterator[IntArray]:
    """Yield cases by question and group, -1 where there is none; a few questions at once.

    Nothing where questions have few rows, or a group twice, or few of the groups.
    """
    n_groups, n_questions, n_cases = len(laid.groups), len(laid.question), len(panel.group)
    n_boundaries, n_variables = panel.variables.shape[1:]
    n_rows = n_groups * n_boundaries
    if n_rows <= FEW_ROWS or n_cases < LEAST_FILL * n_groups * n_questions:
        return
    if laid.of_case is None:
        table = np.arange(n_cases).reshape(n_groups, n_questions).T
    else:
        column = np.repeat(np.arange(n_groups), np.diff(laid.starts))
        table = np.full((n_questions, n_groups), -1)
        table[laid.of_case, column] = np.arange(n_cases)
        if (table >= 0).sum() < n_cases:
            return
    step = max(1, AT_ONCE // (n_rows * n_variables))
    for start in range(0, n_questions, step):
        some = table[start : start + step]
        yield some[:, (some >= 0).any(axis=0)]


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
