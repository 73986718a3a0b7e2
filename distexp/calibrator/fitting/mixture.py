"""The mixture of given distributions that is nearest to human ones: weights on the simplex."""

import numpy as np

from distexp.calibrator.fitting.loss import SOFTENING, residual_map
from distexp.types import Design, FloatArray

MIXTURE_LOSSES = ("squared", "wasserstein")
EXACT = 1e-7
"""Weights that move by no more in a step have arrived."""
CLOSE = 1e-4
"""Likewise for a round of reweighting: the loss is then within a few millionths of its least."""
MAX_ROUNDS = 50
MAX_STEPS = 2000


def nearest_mixture(
    parts: FloatArray,
    X: Design,
    y: FloatArray,
    weight: FloatArray,
    near: FloatArray,
    penalty: float,
    loss: str,
) -> FloatArray:
    """Return the weights of `parts`, in rows on the simplex, with which their sum is nearest to y.

    Minimised is the sum of the cases' losses and of ``penalty * (weights - near) ** 2``. For
    `squared` it is one least-squares problem. For `wasserstein`, softened as in
    `distexp.calibrator.fitting.loss.SoftmaxLoss`, it is a sequence of them, each the quadratic
    bound that touches the loss at the weights found before: the loss is convex and never rises.

    Parameters
    ----------
    parts : ndarray of shape (n_cases, near.size, max_options)
        What is weighted and added up; 0 in the padding.
    X : Design of n_cases cases
        Its ordinals and sizes are used.
    y : ndarray of shape (n_cases, max_options)
    weight : ndarray of shape (n_cases,)
        Of the cases.
    near : ndarray of shape (n_rows, n_columns)
        Rows on the simplex, where the search starts as well.
    penalty : float
    loss : {"squared", "wasserstein"}

    Returns
    -------
    ndarray of the shape of `near`

    References
    ----------
    Hunter and Lange 2004, "A tutorial on MM algorithms" (quadratic bounds of absolute values).
    """
    if loss == "squared":
        terms = np.swapaxes(parts, 1, 2).reshape(-1, near.size)
        return least_squares(terms, y.ravel(), np.repeat(weight, y.shape[1]), near, near, penalty)
    operator, lengths = residual_map(X.ordinals, X.mask)
    terms = np.matmul(operator, np.swapaxes(parts, 1, 2)).reshape(-1, near.size)
    target = np.matmul(operator, y[:, :, None]).ravel()
    lengths = (lengths * weight[:, None]).ravel()
    found = near
    for _ in range(MAX_ROUNDS):
        residual = terms @ found.ravel() - target
        bound = lengths / (2 * np.sqrt(residual**2 + SOFTENING**2))
        before = found
        found = least_squares(terms, target, bound, near, before, penalty, CLOSE / 10)
        if np.abs(found - before).max() <= CLOSE:
            break
    return found


def least_squares(
    terms: FloatArray,
    target: FloatArray,
    weight: FloatArray,
    near: FloatArray,
    start: FloatArray,
    penalty: float,
    tolerance: float = EXACT,
) -> FloatArray:
    """Minimise weighted squares over rows on the simplex, by accelerated projected gradient.

    Minimised is ``sum(weight * (terms @ x - target) ** 2) + penalty * sum((x - near) ** 2)``.

    Parameters
    ----------
    terms : ndarray of shape (n_terms, near.size)
    target, weight : ndarray of shape (n_terms,)
    near, start : ndarray of shape (n_rows, n_columns)
    penalty : float
    tolerance : float
        The search ends with a step that moves no weight by more.

    Returns
    -------
    ndarray of the shape of `near`

    References
    ----------
    Beck and Teboulle 2009, "A fast iterative shrinkage-thresholding algorithm for linear inverse
    problems"; O'Donoghue and Candès 2015, arXiv 1204.3982 (restarts of the momentum).
    """
    hessian = (terms * weight[:, None]).T @ terms + penalty * np.eye(near.size)
    towards = terms.T @ (weight * target) + penalty * near.ravel()
    steepest = float(np.linalg.eigvalsh(hessian)[-1])
    found, ahead, momentum = start, start, 1.0
    for _ in range(MAX_STEPS if steepest > 0 else 0):
        slope = (hessian @ ahead.ravel() - towards).reshape(near.shape)
        before, found = found, project(ahead - slope / steepest)
        step = found - before
        if ((ahead - found) * step).sum() > 0:  # the momentum leads uphill
            momentum = 1.0
        faster = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        ahead, momentum = found + (momentum - 1) / faster * step, faster
        if np.abs(step).max() <= tolerance:
            break
    return found


def project(rows: FloatArray) -> FloatArray:
    """Return the nearest point of the simplex to each row, in Euclidean distance.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_columns)

    Returns
    -------
    ndarray of shape (n_rows, n_columns)
        Non-negative, rows sum to 1.

    References
    ----------
    Duchi, Shalev-Shwartz, Singer and Chandra 2008, "Efficient projections onto the l1-ball for
    learning in high dimensions".

    Examples
    --------
    >>> project(np.array([[0.5, 0.5], [1.0, 0.5], [0.0, 3.0]]))
    array([[0.5 , 0.5 ],
           [0.75, 0.25],
           [0.  , 1.  ]])
    """
    descending = -np.sort(-rows, axis=1)
    excess = np.cumsum(descending, axis=1) - 1
    n_kept = (descending * np.arange(1, rows.shape[1] + 1) > excess).sum(axis=1, keepdims=True)
    level = np.take_along_axis(excess, n_kept - 1, axis=1) / n_kept
    projected: FloatArray = np.maximum(rows - level, 0.0)
    return projected
