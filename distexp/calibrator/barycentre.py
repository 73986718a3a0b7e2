"""Shrinkage that moves answers along the scale instead of mixing them."""

import numpy as np

from distexp.calibrator.shrinkage import Shrinkage
from distexp.types import Design, FloatArray, IntArray


class Barycentre(Shrinkage):
    r"""Moves the prediction along the scale towards a target, by displacement interpolation.

    Where the u-quantile of the prediction is :math:`Q_p(u)` and that of the target
    :math:`Q_t(u)`, that of the calibrated distribution is

    .. math:: (1 - w) Q_p(u) + w Q_t(u)

    in positions on the scale. A position between two options is split between them in proportion
    to its nearness, which keeps the mean; options at one position share in the proportions of
    the mixture ``(1 - w) * p + w * t``. Two peaks so become one peak between them, where
    `distexp.calibrator.shrinkage.Shrinkage` keeps both.

    On a line this is the barycentre of both distributions with weights ``1 - w`` and ``w`` for
    the squared Wasserstein-2 distance, the usual one. The barycentre for Wasserstein-1 itself is
    of no use here: by the triangle inequality it is the prediction where w is below one half, the
    target where it is above, and anything between them at one half. Both this interpolation and
    the mixture lie between them in that sense: w of their Wasserstein-1 distance away from the
    prediction, but for the splitting.

    Nominal questions have no scale: theirs is the mixture. The weight is learnt as in
    `Shrinkage`, from the distances before positions are split; parameters and attributes are
    the same.

    References
    ----------
    Agueh and Carlier (2011), "Barycenters in the Wasserstein space", SIAM J. Math. Anal. 43;
    Bonneel, Rabin, Peyré and Pfister (2015), "Sliced and Radon Wasserstein barycenters of
    measures", for the line; McCann (1997) for displacement interpolation.
    """

    def _between(self, X: Design, target: FloatArray, weight: float) -> FloatArray:
        mixture = super()._between(X, target, weight)
        order = np.argsort(X.ordinals, axis=1, kind="stable")  # NaN, the padding, goes last
        positions = np.take_along_axis(X.ordinals, order, axis=1)
        width, (of_p, of_t) = _quantiles(X, order, X.predicted, target)
        moved = _split((1 - weight) * of_p + weight * of_t, width, positions)
        moved = _share_ties(moved, np.take_along_axis(mixture, order, axis=1), positions)
        shares = np.zeros_like(mixture)
        np.put_along_axis(shares, order, moved, axis=1)
        nominal = np.isnan(X.ordinals[:, :1])
        between: FloatArray = np.where(nominal, mixture, shares)
        return between

    def _line(
        self, X: Design, y: FloatArray, target: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        order = np.argsort(X.ordinals, axis=1, kind="stable")
        width, (of_p, of_t, of_y) = _quantiles(X, order, X.predicted, target, y)
        start, slope, length = super()._line(X, y, target)
        nominal = np.isnan(X.ordinals[:, :1])
        return (
            np.hstack([of_p - of_y, start]),
            np.hstack([of_t - of_p, slope]),
            np.hstack([width, np.where(nominal, length, 0.0)]),
        )


def _quantiles(
    X: Design, order: IntArray, *distributions: FloatArray
) -> tuple[FloatArray, list[FloatArray]]:
    """Cut [0, 1] where any cumulative share lies, so that all quantiles are constant between.

    Returns
    -------
    ndarray of shape (n_cases, n_pieces)
        Length of each piece; they sum to 1.
    list of ndarray of shape (n_cases, n_pieces)
        For each of the distributions, the position of its quantiles there; 0 if nominal.
    """
    cumulative = [
        np.cumsum(np.take_along_axis(shares, order, axis=1), axis=1)[:, :-1]
        for shares in distributions
    ]
    cuts = np.clip(np.sort(np.hstack(cumulative), axis=1), 0, 1)
    cuts = np.pad(cuts, ((0, 0), (1, 1)), constant_values=(0, 1))
    middle = (cuts[:, 1:] + cuts[:, :-1]) / 2
    positions = np.nan_to_num(np.take_along_axis(X.ordinals, order, axis=1))
    last = X.n_options[:, None] - 1
    found = []
    for below in cumulative:
        index = (below[:, None] < middle[:, :, None]).sum(axis=2)
        found.append(np.take_along_axis(positions, np.minimum(index, last), axis=1))
    return np.diff(cuts, axis=1), found


def _split(place: FloatArray, width: FloatArray, positions: FloatArray) -> FloatArray:
    """Put pieces of mass on options at sorted `positions`, each piece on its two neighbours.

    `place` and `width` have shape (n_cases, n_pieces). Of options at one position the first or
    the last gets what belongs to both.
    """
    low, gap = positions[:, None, :-1], np.diff(positions, axis=1)[:, None]
    passed = np.clip((place[:, :, None] - low) / np.where(gap > 0, gap, 1.0), 0, 1)
    passed = np.where(gap > 0, passed, place[:, :, None] > low)
    above = (width[:, :, None] * np.where(np.isnan(gap), 0.0, passed)).sum(axis=1)
    shares: FloatArray = -np.diff(above, axis=1, prepend=1.0, append=0.0)
    return shares


def _share_ties(shares: FloatArray, like: FloatArray, positions: FloatArray) -> FloatArray:
    """Divide what options at one position have together in the proportions of `like`."""
    together = positions[:, :, None] == positions[:, None]
    together |= np.eye(positions.shape[1], dtype=bool)
    total, of_like = (
        np.matmul(together, values[:, :, None])[:, :, 0] for values in (shares, like)
    )
    even = 1 / together.sum(axis=2)
    fraction = np.where(of_like > 0, like / np.where(of_like > 0, of_like, 1.0), even)
    divided: FloatArray = np.maximum(total * fraction, 0)
    return divided
