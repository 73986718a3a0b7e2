"""What can be said of an option from the predicted distributions, for independent regressors."""

import numpy as np

from distexp.calibrator.fitting.numbered import numbered
from distexp.types import Design, FloatArray, IntArray

FEATURES = (
    "share", "below", "up_to", "share_before", "share_after", "position", "per_option",
    "mean", "spread", "entropy", "level", "deviation",
)  # fmt: skip
"""In the order of the columns; the shares of stacked inputs follow."""


def option_features(X: Design) -> FloatArray:
    """Describe each option of each case.

    `share`, what the model predicts for the option; `below` and `up_to`, its cumulative shares
    along the scale without and with the option; `share_before` and `share_after`, the shares of
    its neighbours, 0 beyond the ends; `position` on the scale; `per_option`, one over the number
    of options; `mean`, `spread` (standard deviation) along the scale and `entropy` (over that of
    the uniform distribution) of the whole prediction; `level`, the mean share over the groups of
    the question in the design, and `deviation`, the share's difference from it. Where several
    inputs are stacked, the share by each of them.

    Options are taken in the order of their positions. Where a nominal question has no such
    order, the mean over all orders stands in: neighbours are the mean of the other options,
    half of what is not the option lies below it, and it stands in the middle.

    Returns
    -------
    ndarray of shape (n_cases, max_options, n_features)
        0 in the padding; n_features is 12, plus the number of inputs where they are stacked.
    """
    per_option = np.broadcast_to(1 / X.n_options[:, None], X.predicted.shape)
    level = question_means(X.predicted, X.question)
    columns = [
        X.predicted,
        *_along_scale(X),
        per_option,
        *(np.broadcast_to(of_case[:, None], X.predicted.shape) for of_case in _shape(X)),
        level,
        X.predicted - level,
        *([] if X.inputs is None else np.swapaxes(X.inputs, 0, 1)),
    ]
    return np.where(X.mask[:, :, None], np.stack(columns, axis=2), 0.0)


def question_means(values: FloatArray, question: IntArray) -> FloatArray:
    """Return the mean over the cases of each case's question.

    Parameters
    ----------
    values : ndarray of shape (n_cases, n_columns)
    question : ndarray of shape (n_cases,)

    Returns
    -------
    ndarray of shape (n_cases, n_columns)

    Examples
    --------
    >>> question_means(np.array([[0.1], [0.3], [0.7]]), np.array([5, 5, 2]))[:, 0]
    array([0.2, 0.2, 0.7])
    """
    codes = numbered(question)
    sums = np.array([np.bincount(codes, column) for column in values.T]).T
    means: FloatArray = (sums / np.bincount(codes)[:, None])[codes]
    return means


def _along_scale(X: Design) -> list[FloatArray]:
    """Return below, up_to, share_before, share_after and position, each as `X.predicted`."""
    order = np.argsort(X.ordinals, axis=1, kind="stable")  # NaN, the padding, goes last
    back = np.argsort(order, axis=1)
    shares = np.take_along_axis(X.predicted, order, axis=1)
    up_to = np.cumsum(shares, axis=1)
    none = np.zeros((len(shares), 1))
    in_order = [
        up_to - shares,
        up_to,
        np.hstack([none, shares[:, :-1]]),
        np.hstack([shares[:, 1:], none]),
    ]
    along = [np.take_along_axis(values, back, axis=1) for values in in_order]
    left = 1 - X.predicted
    other = left / np.maximum(X.n_options - 1, 1)[:, None]
    nominal = np.isnan(X.ordinals[:, :1])
    unordered = [left / 2, X.predicted + left / 2, other, other, np.full_like(left, 0.5)]
    pairs = zip(unordered, [*along, np.nan_to_num(X.ordinals)], strict=True)
    return [np.where(nominal, without, scaled) for without, scaled in pairs]


def _shape(X: Design) -> list[FloatArray]:
    """Return mean, spread and entropy of each case's prediction, of shape (n_cases,)."""
    position = np.where(np.isnan(X.ordinals[:, :1]), 0.5, np.nan_to_num(X.ordinals))
    mean = (X.predicted * position).sum(axis=1)
    variance = (X.predicted * (position - mean[:, None]) ** 2).sum(axis=1)
    logarithm = np.log(np.where(X.predicted > 0, X.predicted, 1.0))
    entropy = -(X.predicted * logarithm).sum(axis=1) / np.log(np.maximum(X.n_options, 2))
    return [mean, np.sqrt(variance), entropy]
