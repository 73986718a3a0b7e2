"""What joint calibrators minimise, with soft targets, case weights and gradients; and how."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np

from distexp.types import BoolArray, FloatArray

LOSSES = ("cross_entropy", "wasserstein", "squared")
SOFTENING = 0.01
"""Differences of cumulative shares well below it count as their squares: the absolute value has
no gradient at 0, where a good fit brings most of them."""
ABSENT = -1e300
"""Score of an option that is not there: its share is 0, and its logarithm finite."""
MAX_STEPS = 500
"""Of a search. With a penalty it takes 10 to 150."""


def log_softmax(scores: FloatArray, mask: BoolArray) -> FloatArray:
    """Return the logarithm of ``exp(scores)`` scaled to sum to 1 in each case.

    Parameters
    ----------
    scores, mask : ndarray of shape (n_cases, max_options)
        Finite scores; those in the padding are ignored.

    Returns
    -------
    ndarray of shape (n_cases, max_options)
        Finite; the exponential of the padding is 0.
    """
    present = np.where(mask, scores, ABSENT)
    present -= present.max(axis=1, keepdims=True)
    log_p: FloatArray = present - np.log(np.exp(present).sum(axis=1, keepdims=True))
    return log_p


def residual_map(ordinals: FloatArray, mask: BoolArray) -> tuple[FloatArray, FloatArray]:
    """Write the distance of two distributions as a weighted sum of absolute values.

    With p the predicted and h the human shares of case i, ``sum_j weight[i, j] * |sum_l
    operator[i, j, l] * (p[l] - h[l])|`` is `distexp.metrics.distance.distance`: Wasserstein-1
    along the scale, total variation where there is none.

    Parameters
    ----------
    ordinals, mask : ndarray of shape (n_cases, max_options)
        As in `distexp.types.Design`.

    Returns
    -------
    ndarray of shape (1 or n_cases, max_options, max_options)
        Sums of 0 and 1 over options; a single one where all cases have the same.
    ndarray of shape (n_cases, max_options)
        Lengths on the scale, or one half for each option of a nominal question.
    """
    nominal = np.isnan(ordinals[:, 0])
    order = np.argsort(ordinals, axis=1, kind="stable")  # NaN, the padding, goes last
    rank = np.argsort(order, axis=1)
    place = np.arange(ordinals.shape[1])[:, None]
    operator = np.where(nominal[:, None, None], rank[:, None] == place, rank[:, None] <= place)
    shared = bool((operator == operator[:1]).all())
    return operator[: 1 if shared else None].astype(np.float64), lengths(ordinals, mask)


def along_scale(shares: FloatArray, ordinals: FloatArray) -> FloatArray:
    """Apply the `operator` of `residual_map` to shares of shape (..., n_cases, max_options)."""
    if not _in_order(ordinals):
        order = np.argsort(ordinals, axis=1, kind="stable")  # NaN, the padding, goes last
        shares = np.take_along_axis(shares, np.broadcast_to(order, shares.shape), axis=-1)
    summed = np.array(shares)
    for before, after in pairwise(np.moveaxis(summed, -1, 0)):  # quicker than along short rows
        np.add(before, after, out=after)
    nominal = np.isnan(ordinals[:, :1])
    return np.where(nominal, shares, summed) if nominal.any() else summed


def lengths(ordinals: FloatArray, mask: BoolArray) -> FloatArray:
    """Return the lengths of `residual_map`, of shape (n_cases, max_options)."""
    nominal = np.isnan(ordinals[:, 0])
    gaps = np.diff(ordinals if _in_order(ordinals) else np.sort(ordinals, axis=1), axis=1)
    weight = np.zeros(ordinals.shape)
    weight[:, :-1] = np.where(np.isnan(gaps), 0.0, gaps)
    weight[nominal] = mask[nominal] / 2
    return weight


def _in_order(ordinals: FloatArray) -> bool:
    """Whether each row ascends, with what is NaN last."""
    before, after = ordinals[:, :-1], ordinals[:, 1:]
    return bool(((before <= after) | np.isnan(after)).all())


class SoftmaxLoss:
    """The summed loss of the distributions that are the softmax of some scores.

    `cross_entropy` is the sum of ``-h * log p``, `squared` that of ``(p - h) ** 2`` (Brier's
    score), and `wasserstein` is `distexp.metrics.distance.distance` with each ``|d|`` softened to
    ``sqrt(d ** 2 + SOFTENING ** 2) - SOFTENING``.

    Parameters
    ----------
    name : {"cross_entropy", "wasserstein", "squared"}
    human, ordinals, mask : ndarray of shape (n_cases, max_options)
    weight : ndarray of shape (n_cases,)
    """

    def __init__(
        self,
        name: str,
        human: FloatArray,
        ordinals: FloatArray,
        mask: BoolArray,
        weight: FloatArray,
    ) -> None:
        self.name = name
        self.human = human
        self.weight = weight[:, None]
        self.mask = mask
        self.operator, lengths = residual_map(ordinals, mask)
        self.lengths = self.weight * lengths

    def __call__(self, scores: FloatArray) -> tuple[float, FloatArray]:
        """Return the loss and its gradient by the scores, of shape (n_cases, max_options)."""
        log_p = log_softmax(scores, self.mask)
        p = np.exp(log_p)
        if self.name == "cross_entropy":
            value = -float((self.weight * self.human * log_p).sum())
            return value, self.weight * (p - self.human)
        value, slope = self._of_shares(p - self.human)
        return value, p * (slope - (p * slope).sum(axis=1, keepdims=True))

    def _of_shares(self, difference: FloatArray) -> tuple[float, FloatArray]:
        """Return the loss and its gradient by the shares."""
        if self.name == "squared":
            weighted = self.weight * difference
            return float((weighted * difference).sum()), 2 * weighted
        if len(self.operator) == 1:  # of a scale in order: cumulative sums
            residual = difference @ self.operator[0].T
        else:
            residual = np.matmul(self.operator, difference[:, :, None])[:, :, 0]
        softened = np.sqrt(residual**2 + SOFTENING**2)
        value = float((self.lengths * (softened - SOFTENING)).sum())
        slope = self.lengths * residual / softened
        if len(self.operator) == 1:
            return value, slope @ self.operator[0]
        return value, np.matmul(slope[:, None], self.operator)[:, 0]


def minimised(
    loss: Callable[[FloatArray], tuple[float, FloatArray]],
    near: FloatArray,
    penalty: FloatArray,
    bounds: list[tuple[float, float]] | None = None,
) -> FloatArray:
    """Return the parameters of least loss plus ``sum(penalty * (parameters - near) ** 2)``.

    Parameters
    ----------
    loss : callable
        Returns a loss and its gradient.
    near, penalty : ndarray of shape (n_parameters,)
        Where the search starts and is pulled to, and how strongly.
    bounds : list of (float, float), optional
        Lowest and highest value of each parameter.

    References
    ----------
    Byrd, Lu, Nocedal and Zhu 1995, "A limited memory algorithm for bound constrained
    optimization" (L-BFGS-B).
    """
    from scipy.optimize import minimize

    def penalised(parameters: FloatArray) -> tuple[float, FloatArray]:
        value, gradient = loss(parameters)
        pulled = penalty * (parameters - near)
        return value + float(pulled @ (parameters - near)), gradient + 2 * pulled

    found: FloatArray = minimize(
        penalised,
        near,
        jac=True,
        method="L-BFGS-B",
        bounds=bounds,
        options={"maxiter": MAX_STEPS},
    ).x
    return found
