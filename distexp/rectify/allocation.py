r"""How many people to ask of what: Neyman's allocation on the variance that estimates leave.

An estimate that is worth w people and joined with n answers leaves the variance
:math:`V w / ((w + 1)(w + n))`, where V is that of one answer as the estimate has it: what a
Dirichlet prior expects. Without an estimate it is V / n.
"""

import numpy as np

from distexp.types import FloatArray, IntArray

ROUNDING = 1e-9
"""By how much an answer has to gain more elsewhere to be moved."""


def left(variance: FloatArray, worth: FloatArray, n: FloatArray | IntArray) -> FloatArray:
    """Return the variance that is left in each cell after n answers.

    Examples
    --------
    >>> left(np.array([0.25]), np.array([4.0]), np.array([6.0]))
    array([0.02])
    """
    variance_left: FloatArray = variance * worth / ((worth + 1) * (worth + n))
    return variance_left


def allocated(
    variance: FloatArray, worth: FloatArray, n: int, importance: FloatArray | None = None
) -> IntArray:
    """Deal n answers to cells so that the sum of the variances left is least.

    Parameters
    ----------
    variance, worth : ndarray of shape (n_cells,)
        As in `left`; not negative, and positive.
    n : int
    importance : ndarray of shape (n_cells,), optional
        Of each variance in the sum; equal where None.

    Returns
    -------
    ndarray of int of shape (n_cells,)
        Summing to n: as many for each cell that one more, taken from any other, would not pay.
        Equal cells share what is left over in their order. Without variance all cells are equal.

    References
    ----------
    Neyman 1934, On the two different aspects of the representative method; with a floor of worth,
    the numbers and it together go with the square root of the variance.

    Examples
    --------
    >>> allocated(np.array([0.25, 0.25, 0.01]), np.array([5.0, 20.0, 5.0]), 25)
    array([19,  6,  0])
    """
    weight = np.ones_like(variance) if importance is None else importance
    scale = np.sqrt(weight * variance * worth / (worth + 1))
    if not scale.any():
        return n // len(scale) + (np.arange(len(scale)) < n % len(scale)).astype(np.int64)
    dealt = np.floor(_shares_of(scale, worth, n)).astype(np.int64)
    missing = n - int(dealt.sum())
    while True:
        own = worth + dealt
        gain = scale**2 / (own * (own + 1))
        if missing == 0:
            with np.errstate(divide="ignore", invalid="ignore"):
                loss = np.where(dealt > 0, scale**2 / (own * (own - 1)), np.inf)
            if gain.max() <= loss.min() * (1 + ROUNDING):
                return dealt
            dealt[loss.argmin()] -= 1
            missing += 1
        dealt[gain.argmax()] += 1
        missing -= 1


def _shares_of(scale: FloatArray, worth: FloatArray, n: int) -> FloatArray:
    """Return the numbers, not whole, that go with `scale` above their floor of `worth`."""
    open_ = scale > 0
    while True:
        level = (n + worth[open_].sum()) / scale[open_].sum()
        number = np.where(open_, level * scale - worth, 0.0)
        if (number[open_] >= 0).all():
            return number
        open_ &= number > 0
