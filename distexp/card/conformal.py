"""Residuals of shares, and the quantile of them that covers a new question.

Shares are compared as angles, arcsin √p: the sampling error of a share, p (1 − p) / n, is the same
everywhere on that scale, so a band is wide around one half, narrow near the ends, and never
outside of [0, 1].
"""

import math

import numpy as np

from distexp.types import FloatArray, IntArray

TARGET = 0.1
"""The half-width that most surveys would find useful: how many questions one needs is said."""
ANGLE, SHARE = "angle", "share"
SCALES = {ANGLE: math.pi / 2, SHARE: 1.0}
"""Of half-widths, and the largest on each. Cards of earlier versions have shares as they are."""
ROUNDING = 1e-9
"""Sums of weights that miss the coverage by no more reach it."""


def angle(shares: FloatArray) -> FloatArray:
    """Return arcsin √p of shares, in [0, π / 2].

    References
    ----------
    Anscombe (1948), "The transformation of Poisson, binomial and negative-binomial data".
    """
    angles: FloatArray = np.arcsin(np.sqrt(np.clip(shares, 0.0, 1.0)))
    return angles


def apart(shares: FloatArray, others: FloatArray) -> FloatArray:
    """Return the residuals that bands are fitted to: absolute differences of angles."""
    return np.abs(angle(shares) - angle(others))


def half_width(
    residuals: FloatArray, question: IntArray, coverage: float, most: float = 1.0
) -> float:
    r"""Return the half-width that covers a share of a new question with this probability.

    It is the `coverage` quantile of the distribution in which each of the n questions has the
    weight ``1 / (n + 1)``, evenly over its residuals, and the largest possible residual has that
    of the new question. With one residual a question that is the
    :math:`\lceil (n + 1) c \rceil`-th smallest. If the new question and the n are exchangeable, a
    share of it that is drawn at random lies in the band with probability `coverage` at the least.

    Parameters
    ----------
    residuals : ndarray of shape (n_shares,)
        Absolute, in [0, most].
    question : ndarray of shape (n_shares,)
        Equal numbers mark shares of the same question.
    coverage : float
        In (0, 1).
    most : float
        The largest that a residual can be.

    References
    ----------
    Vovk, Gammerman and Shafer (2005), "Algorithmic learning in a random world"; arXiv 2107.07511
    for an introduction; arXiv 2306.06342, section 2, for the weights of hierarchical data.

    Examples
    --------
    >>> half_width(np.array([0.1, 0.2, 0.3, 0.4]), np.array([0, 1, 2, 3]), 0.6)
    0.3
    >>> half_width(np.array([0.1, 0.2, 0.3, 0.4]), np.array([0, 1, 2, 3]), 0.9)
    1.0
    """
    codes, counts = np.unique(question, return_inverse=True, return_counts=True)[1:]
    order = np.argsort(residuals)
    weights = 1 / (counts[codes] * (len(counts) + 1))
    enough = np.cumsum(weights[order]) >= coverage - ROUNDING
    return float(residuals[order][np.argmax(enough)]) if enough.any() else most


def within(residuals: FloatArray, question: IntArray) -> float:
    """Return the share of residuals, questions weighing the same, that `TARGET` would hold."""
    codes, counts = np.unique(question, return_inverse=True, return_counts=True)[1:]
    if not len(counts):
        return math.nan
    target = math.asin(2 * TARGET) / 2  # the angle that is so much around one half
    return min(float((residuals <= target + ROUNDING) @ (1 / counts[codes]) / len(counts)), 1.0)
