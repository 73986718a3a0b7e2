"""Student's t and logarithms of factorials, as scipy has them, without importing it."""

import math

import numpy as np
from numpy.typing import ArrayLike

from distexp.types import FloatArray

TOLERANCE = 1e-15
"""Relative size of the last step of what is worked out step by step."""
N_STEPS = 500
FARTHEST = 1e150
"""No quantile is farther out: with hardly any degrees of freedom one would be past all numbers."""
_SMALL = np.array([math.lgamma(n + 1.0) for n in range(16)])
"""Logarithms of factorials for which the series is too short."""


def log_factorial(n: ArrayLike) -> FloatArray:
    """Return the logarithm of n! of whole numbers of at least 0, by Stirling's series.

    Examples
    --------
    >>> np.exp(log_factorial(np.array([0.0, 3.0, 20.0]))).round() == [1, 6, math.factorial(20)]
    array([ True,  True,  True])
    """
    n = np.asarray(n, dtype=np.float64)
    large = np.maximum(n, len(_SMALL))
    over = 1 / large**2
    series = (1 / 12 - over * (1 / 360 - over * (1 / 1260 - over / 1680))) / large
    stirling = (large + 0.5) * np.log(large) - large + 0.5 * math.log(2 * math.pi) + series
    few = n < len(_SMALL)
    found: FloatArray = np.where(few, _SMALL[np.where(few, n, 0).astype(np.int64)], stirling)
    return found


def student_cdf(t: float, df: float) -> float:
    """Return the chance of a t below this one with `df` > 0 degrees of freedom.

    Examples
    --------
    >>> student_cdf(0.0, 3.0), round(student_cdf(1.0, 1.0), 12)
    (0.5, 0.75)
    """
    tail = _half_tail(abs(t), df)
    return tail if t < 0 else 1 - tail


def student_quantile(share: float, df: float) -> float:
    """Return the t with this share below it, by Newton's steps kept between two bounds.

    Examples
    --------
    >>> round(student_quantile(0.75, 1.0), 12), round(student_quantile(0.025, 10.0), 3)
    (1.0, -2.228)
    """
    if share == 0.5:
        return 0.0
    wanted, low, high = min(share, 1 - share), 0.0, 1.0
    while _half_tail(high, df) > wanted and high < FARTHEST:
        low, high = high, 2 * high
    half = (df + 1) / 2
    scale = math.lgamma(half) - math.lgamma(df / 2) - 0.5 * math.log(df * math.pi)
    t = (low + high) / 2
    for _ in range(N_STEPS):
        tail = _half_tail(t, df)
        low, high = (t, high) if tail > wanted else (low, t)
        slope = math.exp(scale - half * math.log1p(t * t / df))
        there = t + (tail - wanted) / slope if slope else math.inf
        if not low <= there <= high:
            there = (low + high) / 2
        if abs(there - t) <= TOLERANCE * there:
            break
        t = there
    return -there if share < 0.5 else there


def _half_tail(t: float, df: float) -> float:
    """Return the chance of more than t >= 0: half of the regularized incomplete beta function."""
    if math.isinf(t):
        return 0.0
    x, a, b = df / (df + t * t), df / 2, 0.5
    if x > (a + 1) / (a + b + 2):
        return 0.5 * (1 - _beta(t * t / (df + t * t), b, a))
    return 0.5 * _beta(x, a, b)


def _beta(x: float, a: float, b: float) -> float:
    """Return I_x(a, b) by its continued fraction, which is short for x < (a + 1) / (a + b + 2).

    References
    ----------
    Lentz (1976), for the way the fraction is worked out.
    """
    if x <= 0:
        return 0.0
    ahead = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    ahead += a * math.log(x) + b * math.log1p(-x)
    c, d = 1.0, 1 / (1 - (a + b) * x / (a + 1))
    fraction = d
    for m in range(1, N_STEPS):
        for part in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d, c = 1 / (1 + part * d), 1 + part / c
            fraction *= c * d
        if abs(c * d - 1) < TOLERANCE:
            break
    return math.exp(ahead) / a * fraction
