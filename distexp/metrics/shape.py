"""Whether predictions are as decided as people are: entropy, largest share, and which options.

A calibrator that hedges comes close on average and looks like nobody's answers. Arrays over
options are padded with 0, as in `distexp.types.Design`.
"""

from typing import NamedTuple

import numpy as np

from distexp.metrics.options import counted, largest, total
from distexp.types import BoolArray, FloatArray

CONSTANT = 1e-9
"""Distributions whose shares differ by no more are flat: there is nothing to correlate."""


class Shape(NamedTuple):
    """Shape of predictions beside that of the human distributions, each of shape (n_cases,)."""

    entropy: FloatArray
    human_entropy: FloatArray
    """In nats, in [0, log(n_options)]."""
    peak: FloatArray
    human_peak: FloatArray
    """The largest share, in [1 / n_options, 1]."""
    correlation: FloatArray
    """Pearson's, over the options, in [-1, 1]; NaN where either distribution is flat."""


def shape(predicted: FloatArray, human: FloatArray, mask: BoolArray) -> Shape:
    """Describe the shape of `predicted` and of `human`.

    Parameters
    ----------
    predicted, human : ndarray of shape (n_cases, max_options)
        Distributions, padded with 0.
    mask : ndarray of bool of shape (n_cases, max_options)
        True where there is an option.

    Returns
    -------
    Shape
    """
    return Shape(
        entropy=entropy(predicted),
        human_entropy=entropy(human),
        peak=largest(predicted),
        human_peak=largest(human),
        correlation=correlation(predicted, human, mask),
    )


def entropy(shares: FloatArray) -> FloatArray:
    """Return Shannon's entropy of each row in nats; options of share 0 add 0.

    Examples
    --------
    >>> entropy(np.array([[0.5, 0.5, 0.0], [1.0, 0.0, 0.0]])) / np.log(2)
    array([1., 0.])
    """
    logs = np.log(np.where(shares > 0, shares, 1.0))
    nats: FloatArray = np.maximum(-total(shares * logs), 0.0)
    return nats


def correlation(predicted: FloatArray, human: FloatArray, mask: BoolArray) -> FloatArray:
    """Return Pearson's correlation over the options of each row; NaN where either is flat.

    With two options it is 1 or -1: both favour the same option, or not.

    Parameters
    ----------
    predicted, human : ndarray of shape (n_cases, max_options)
    mask : ndarray of bool of shape (n_cases, max_options)

    Examples
    --------
    >>> one, other = np.array([[0.5, 0.3, 0.2]]), np.array([[0.2, 0.3, 0.5]])
    >>> correlation(one, other, np.full((1, 3), True)).round(3)
    array([-0.929])
    """
    x, y = (_centred(shares, mask) for shares in (predicted, human))
    products = np.sqrt(total(x * x) * total(y * y))
    flat = (largest(np.abs(x)) <= CONSTANT) | (largest(np.abs(y)) <= CONSTANT)
    pearson: FloatArray = total(x * y) / np.where(flat, np.nan, products)
    return np.clip(pearson, -1.0, 1.0)


def _centred(shares: FloatArray, mask: BoolArray) -> FloatArray:
    """Return how far each share is from an even one."""
    return np.where(mask, shares - 1 / counted(mask), 0.0)
