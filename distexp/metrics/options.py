"""Sums and largest values over the few options of many cases, to the bit those of NumPy.

Along so short an axis NumPy spends ten times as long on the loop as on the numbers.
"""

import numpy as np

from distexp.types import BoolArray, FloatArray

SHORT = 8
"""From so many numbers on NumPy adds them in another order than one after the other."""


def total(values: FloatArray) -> FloatArray:
    """Return ``values.sum(axis=-1)``."""
    n = values.shape[-1]
    if not 2 <= n < SHORT:
        return np.asarray(values.sum(axis=-1), dtype=np.float64)
    summed: FloatArray = values[..., 0] + values[..., 1]
    for option in range(2, n):
        summed += values[..., option]
    return summed


def running(values: FloatArray) -> FloatArray:
    """Return ``np.cumsum(values, axis=-1)``."""
    summed = values.astype(np.float64, copy=True)
    for option in range(1, values.shape[-1]):
        summed[..., option] += summed[..., option - 1]
    return summed


def largest(values: FloatArray) -> FloatArray:
    """Return ``values.max(axis=-1)``."""
    most: FloatArray = values[..., 0].copy()
    for option in range(1, values.shape[-1]):
        np.maximum(most, values[..., option], out=most)
    return most


def counted(mask: BoolArray) -> FloatArray:
    """Return ``mask.sum(axis=-1, keepdims=True)``, as floats."""
    n = np.zeros((*mask.shape[:-1], 1))
    for option in range(mask.shape[-1]):
        n[..., 0] += mask[..., option]
    return n
