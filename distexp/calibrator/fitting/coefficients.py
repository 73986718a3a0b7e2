"""Coefficients of boundaries in one row, as a card keeps them, and in their parts again."""

import numpy as np

from distexp.calibrator.fitting.boundaries import Boundaries
from distexp.calibrator.fitting.panels import Coefficients
from distexp.calibrator.fitting.vocabulary import Vocabulary
from distexp.types import FloatArray


def in_one(coef: Coefficients, vocabulary: Vocabulary) -> FloatArray:
    """Put coefficients in one row: core, each group's, each scale's, the words'."""
    n_scales = len(vocabulary.scales)
    of_scales = coef.questions[: 2 * n_scales].reshape(2, n_scales).T
    return np.concatenate(
        [coef.core, coef.groups.ravel(), of_scales.ravel(), coef.questions[2 * n_scales :]]
    )


def in_parts(row: FloatArray, boundaries: Boundaries) -> Coefficients:
    """Undo `in_one`."""
    names = boundaries.vocabulary
    ends = np.cumsum([boundaries.n_core, names.n_own * len(names.groups), 2 * len(names.scales)])
    core, groups, scales, words = np.split(row, ends)
    of_scales = scales.reshape(-1, 2).T.ravel()
    return Coefficients(core, np.concatenate([of_scales, words]), groups.reshape(-1, names.n_own))
