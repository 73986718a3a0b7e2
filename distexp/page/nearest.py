"""From how many other rows of a sweep the nearest one can be told."""

from collections.abc import Sequence

import numpy as np

from distexp.evaluation.comparison import holm
from distexp.evaluation.jackknife import two_sided

ALPHA = 0.05


def untold(
    counts: Sequence[int], nearest: Sequence[float], others: Sequence[Sequence[float]]
) -> int:
    """Return how many rows the nearest cannot be told from, beyond chance.

    Distances over the same cases are compared pair by pair, by a jackknife over questions with
    fits as they are, and p-values are adjusted after Holm for all pairs.

    Parameters
    ----------
    counts : sequence of int
        Cases of each question.
    nearest, others : sequence of float, sequence of such
        Distances of a row summed over the cases of each question.

    Examples
    --------
    >>> row = [0.1, 0.2, 0.1, 0.2, 0.1, 0.2]
    >>> untold([1] * 6, row, [row, [5 * x for x in row], [0.2, 0.1, 0.2, 0.2, 0.1, 0.2]])
    2
    """
    n = len(counts)
    if n < 2 or not others:
        return len(others)
    cases, apart = np.array(counts, dtype=float), np.array(others) - np.array(nearest)
    mean = apart.sum(axis=1) / cases.sum()
    without = (apart.sum(axis=1, keepdims=True) - apart) / (cases.sum() - cases)
    error = np.sqrt((n - 1) * without.var(axis=1))
    p = [two_sided(float(d), float(e), n - 1) for d, e in zip(mean, error, strict=True)]
    return int((holm(np.array(p)) >= ALPHA).sum())
