"""Choices that do not hang on the last bit: what rounding alone tells apart is a tie.

NumPy and OpenBLAS pick code by processor, and the picks differ in the last bits of sums, products
and logarithms. A number may carry such a difference on: results agree within `EQUAL`. A choice
may not, as it would make a large difference of it; so choices between numbers go by these rules.
"""

from collections.abc import Sequence

import numpy as np

from distexp.types import FloatArray

EQUAL = 1e-9
"""Numbers that differ by no more are equal: far above rounding errors, far below what anybody
reports."""
DIGITS = 10
"""Digits after the point that are left of numbers before trees are grown from them."""


def rounded(values: FloatArray) -> FloatArray:
    """Round to `DIGITS`, so that what was meant to be one number is one; 0 has no sign.

    Examples
    --------
    >>> rounded(np.array([0.1 + 0.2, 0.3, -1e-17])).tolist()
    [0.3, 0.3, 0.0]
    """
    return np.round(values, DIGITS) + 0.0


def least(values: FloatArray | Sequence[float]) -> int:
    """Return the place of the least value; of those within `EQUAL` of it, the first.

    NaN are passed over. The greatest is the least of what has the other sign.

    Parameters
    ----------
    values : sequence of float
        At least one is not NaN.

    Examples
    --------
    >>> least([0.3, 0.2 + 1e-13, 0.2])
    1
    """
    found = np.asarray(values, dtype=np.float64)
    return int(np.argmax(found <= np.nanmin(found) + EQUAL))


def cut(ascending: FloatArray, n: int, least: float) -> int:
    """Return how many of the greatest values to take: `n`, or fewer, so that no tie is cut.

    Parameters
    ----------
    ascending : ndarray of shape (n_values,)
    n : int
        No more are taken.
    least : float
        What differs by no more is a tie.

    Examples
    --------
    >>> cut(np.array([1.0, 1.0, 1.0, 2.0, 3.0]), 3, 1e-6), cut(np.ones(5), 3, 1e-6)
    (2, 0)
    """
    if n >= len(ascending):
        return len(ascending)
    apart = np.diff(ascending)[::-1][:n] > least
    return int(np.max(np.flatnonzero(apart) + 1, initial=0))
