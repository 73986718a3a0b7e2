"""The regression of `arrow` with its features written out: many fits of a small design at once.

With few rows an arrow is mostly Python between small arrays; written out, a step of many fits is
one product of matrices.
"""

from collections.abc import Sequence

import numpy as np

from distexp.calibrator.fitting.boundaries import Boundaries
from distexp.calibrator.fitting.panels import Panel
from distexp.calibrator.fitting.reweighted import Known, reweighting
from distexp.types import FloatArray, IntArray

MOST = 2**23
"""Rows times squared features up to which writing them out is the quicker way."""
AT_ONCE = 2**18
"""Numbers of the features of all fits that are held together: they fit a processor's cache."""


def n_at_once(n_rows: int, n_features: int) -> int:
    """Return how many fits are made at once; 0 where the design is too large to be written out."""
    if n_rows * n_features**2 > MOST:
        return 0
    return max(1, AT_ONCE // max(1, n_rows * n_features))


def written_out(
    boundaries: Boundaries,
    known: Sequence[Known],
    target: FloatArray,
    weights: FloatArray,
    n_reweightings: int,
    unit: IntArray | None,
) -> tuple[FloatArray, FloatArray | None]:
    """Do what `distexp.calibrator.fitting.reweighted.one_by_one` does, for all fits at once."""
    features = features_of(boundaries, known)
    most = max((penalties for _, penalties, _ in known), key=lambda of_fit: len(of_fit.questions))
    penalties = np.concatenate([most.core, most.groups.ravel(), most.questions])
    fits = WrittenOut(features, target, penalties)
    base = weights[:, boundaries.case] * boundaries.width
    weight, moved = base, fits.solve(base)
    for _ in range(n_reweightings):
        weight = base * reweighting(target - moved)
        moved = fits.solve(weight)
    if unit is None:
        return moved, None
    without = fits.left_out(weight, moved, boundaries.question[boundaries.case])
    trained = ~np.isnan(without)
    for one in np.unique(unit[(unit >= 0) & trained.any(axis=0)]):
        rest = fits.solve(np.where(unit == one, 0.0, weight))
        without = np.where((unit == one) & trained, rest, without)
    return moved, without


def features_of(boundaries: Boundaries, known: Sequence[Known]) -> FloatArray:
    """Return the features of every boundary in each fit, of shape (n_fits, n_rows, n_features).

    They are those of the core, of the groups, shifts and tilts of the scales, and words. Fits with
    fewer words than others have zeros in the place of the rest.
    """
    names, n_core, n_rows = boundaries.vocabulary, boundaries.n_core, len(boundaries.case)
    n_scales = len(names.scales)
    n_before = n_core + names.n_own * len(names.groups)
    n_words = max(questions.words.shape[1] for questions, _, _ in known)
    features = np.zeros((len(known), n_rows, n_before + 2 * n_scales + n_words))
    tilt = np.zeros(n_rows)
    for number, panel in enumerate(boundaries.panels):
        features[:, panel.rows, :n_core] = np.einsum("njv,jvc->njc", panel.variables, panel.core)
        for out, (_, _, panels) in zip(features, known, strict=True):
            _write_groups(out[:, n_core:], panels[number], names.n_own)
        tilt[panel.rows] = panel.tilt
    question = boundaries.question[boundaries.case]
    for out, (of_fit, _, _) in zip(features, known, strict=True):
        scale = of_fit.scale[question, None] == np.arange(n_scales)
        out[:, n_before : n_before + n_scales] = scale
        out[:, n_before + n_scales : n_before + 2 * n_scales] = scale * tilt[:, None]
        words = of_fit.words[question]
        first = n_before + 2 * n_scales
        out[:, first : first + words.shape[1]] = words
    return features


def _write_groups(out: FloatArray, panel: Panel, n_own: int) -> None:
    """Write the features of a panel's groups to its rows of `out`."""
    known = panel.group >= 0
    own = n_own * panel.group[known, None] + np.arange(n_own)
    out[panel.rows[known][..., None], own[:, None]] = panel.of_groups().swapaxes(0, 1)[known]


class WrittenOut:
    """Ridge regressions of one target on features that differ between fits.

    Parameters
    ----------
    features : ndarray of shape (n_fits, n_rows, n_features)
    target : ndarray of shape (n_rows,)
    penalties : ndarray of shape (n_features,)
        > 0.
    """

    def __init__(self, features: FloatArray, target: FloatArray, penalties: FloatArray) -> None:
        self.features, self.target, self.penalties = features, target, penalties

    def solve(self, weight: FloatArray) -> FloatArray:
        """Return what each fit predicts for every row, of shape (n_fits, n_rows).

        Parameters
        ----------
        weight : ndarray of shape (n_fits, n_rows)
            0 keeps a row out.
        """
        self.gram, moments = self._normal(weight)
        coef = np.linalg.solve(self.gram, moments[..., None])
        predicted: FloatArray = (self.features @ coef)[..., 0]
        return predicted

    def left_out(
        self, weight: FloatArray, predicted: FloatArray, question: IntArray
    ) -> FloatArray:
        """Predict each row without the rows of its question; see `hat.left_out`.

        Parameters
        ----------
        weight, predicted : ndarray of shape (n_fits, n_rows)
            What `solve` was last given, and returned.
        question : ndarray of shape (n_rows,)
            Equal numbers mark the rows of one question.

        Returns
        -------
        ndarray of shape (n_fits, n_rows)
            NaN where a row has no weight.
        """
        over = np.linalg.inv(self.gram) @ self.features.swapaxes(1, 2)
        root, error = np.sqrt(weight), self.target - predicted
        without = np.full_like(error, np.nan)
        sizes = np.unique(question, return_counts=True)[1]
        order = np.argsort(question, kind="stable")
        starts = np.cumsum(sizes) - sizes
        for size in np.unique(sizes).tolist():
            rows = order[starts[sizes == size, None] + np.arange(size)]  # (n_questions, size)
            hat = self.features[:, rows] @ over[:, :, rows].swapaxes(1, 2)
            of_rows = root[:, rows]
            matrix = np.eye(size) - of_rows[..., None] * hat * of_rows[..., None, :]
            side = of_rows * error[:, rows]
            solved = np.linalg.solve(matrix, side[..., None])[..., 0]
            with np.errstate(invalid="ignore"):
                without[:, rows] = self.target[rows] - solved / of_rows
        return without

    def _normal(self, weight: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the normal equations of each fit."""
        rows = self.features * np.sqrt(weight)[..., None]
        gram = rows.swapaxes(1, 2) @ rows  # of one array, which takes half the time
        diagonal = np.arange(len(self.penalties))
        gram[:, diagonal, diagonal] += self.penalties
        return gram, ((weight * self.target)[:, None] @ self.features)[:, 0]
