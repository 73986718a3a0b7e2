"""Nominal questions have no boundaries: their shares are mixed with the uniform distribution."""

import numpy as np

from distexp.calibrator.fitting.base import uniform
from distexp.types import BoolArray, Design, FloatArray


def mixed(X: Design, weight: float | FloatArray) -> FloatArray:
    """Return the predictions mixed with the uniform distribution."""
    return (1 - weight) * X.predicted + weight * uniform(X)


def nominal_weight(X: Design, y: FloatArray, weight: FloatArray, prior: float) -> float:
    """Return the weight of the uniform distribution that fits the nominal cases best.

    The prior counts as much as one case whose shares are half a unit from uniform.
    """
    rows: BoolArray = np.isnan(X.ordinals[:, 0]) & (weight > 0)
    if not rows.any():
        return float(prior)
    towards, moved = (uniform(X) - X.predicted)[rows], (y - X.predicted)[rows]
    squares = weight[rows] @ (towards**2).sum(axis=1)
    products = weight[rows] @ (towards * moved).sum(axis=1)
    return float(np.clip((products + prior / 4) / (squares + 1 / 4), 0, 1))
