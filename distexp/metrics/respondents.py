"""How many respondents a prediction is worth: the sample that would come as close."""

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from distexp.metrics.special import log_factorial
from distexp.types import FloatArray, IntArray

SIZES: IntArray = np.unique(np.rint(np.geomspace(1, 100_000, 60))).astype(np.int64)
"""Sample sizes that a prediction is held against; in between is interpolated."""
MOST_UNBIASED = 150
"""Respondents up to which a bias is taken out; with more it is below 2 % but for shares of which
nobody's answer is expected."""
MOST_EXACT, MOST_EXACT_FRESH = 40, 200
"""Sizes of an observed and of a fresh sample below which all their outcomes are summed."""
N_AT_ONCE = 5000
"""Cases held in memory together for all sizes."""
N_STEPS = 8
"""Times that it is. With 20 respondents, at shares of 5, 10 and 30 % below a boundary, the mean
deviation is 22, 11 and 3 % too small without, and within 1.3 % with."""


def expected_wasserstein(
    human: FloatArray, n_respondents: FloatArray, ordinals: FloatArray, sizes: IntArray
) -> FloatArray:
    """Return how far a fresh sample of people would be from the observed one, on average.

    Both are drawn from one population. At a boundary between two options the mean absolute
    deviation of n answers from the share F below it is de Moivre's, exactly; those of the fresh
    and of the observed sample are added as squares, as if both were normal. That is exact where
    either sample is large; against fewer than `MOST_EXACT` respondents all outcomes are summed.
    Observed shares, which stand for F, are more concentrated than a population's;
    `unbiased` takes that back for up to `MOST_UNBIASED` respondents.

    Parameters
    ----------
    human, ordinals : ndarray of shape (n_cases, max_options)
        As in `distexp.metrics.distance.wasserstein`.
    n_respondents : ndarray of shape (n_cases,)
        Behind `human`; rounded to whole people, at least 1.
    sizes : ndarray of shape (n_sizes,)
        Of the fresh sample.

    Returns
    -------
    ndarray of shape (n_cases, n_sizes)
        Falling with size, towards the sampling error of the observed shares; NaN for nominal
        questions.

    References
    ----------
    Diaconis and Zabell 1991, Closed form summation for classical distributions (de Moivre's mean
    absolute deviation).
    """

    def deviation(below: FloatArray, observed: FloatArray) -> FloatArray:
        own = mean_absolute_deviation(below, observed)
        fresh = (mean_absolute_deviation(below, np.full((), float(size))) for size in sizes)
        apart = np.stack([np.hypot(one, own) for one in fresh], axis=-1)
        if below.ndim == 1 and len(below) <= MOST_EXACT:
            for place in np.flatnonzero(sizes <= MOST_EXACT_FRESH):
                apart[:, place] = mean_difference(below, int(sizes[place]), len(below) - 1)
        return apart

    parts = [slice(start, start + N_AT_ONCE) for start in range(0, len(human), N_AT_ONCE)]
    tables: dict[int, FloatArray] = {}
    each = [
        _along_scale(human[p], n_respondents[p], ordinals[p], deviation, tables) for p in parts
    ]
    return np.concatenate(each) if each else np.empty((0, len(sizes)))


def expected_ceiling(
    human: FloatArray, n_respondents: FloatArray, ordinals: FloatArray
) -> FloatArray:
    """Return how far a sample of people is from its population, on average.

    That is what a prediction that knew the population would score in Wasserstein-1 distance.

    Parameters
    ----------
    human, n_respondents, ordinals
        As in `expected_wasserstein`.

    Returns
    -------
    ndarray of shape (n_cases,)
        NaN for nominal questions.
    """

    def deviation(below: FloatArray, observed: FloatArray) -> FloatArray:
        return mean_absolute_deviation(below, observed)[..., None]

    return _along_scale(human, n_respondents, ordinals, deviation, {})[:, 0]


def _along_scale(
    human: FloatArray,
    n_respondents: FloatArray,
    ordinals: FloatArray,
    deviation: Callable[[FloatArray, FloatArray], FloatArray],
    tables: dict[int, FloatArray],
) -> FloatArray:
    """Sum deviations at the boundaries between options, each without its bias.

    `deviation` makes of shares below a boundary and numbers of respondents, which broadcast, an
    array with one dimension more, the last. `tables` keeps what it makes of the shares that few
    respondents can have, by their number.
    """
    order = np.argsort(ordinals, axis=1)  # NaN, the padding, goes last
    gaps = np.nan_to_num(np.diff(np.take_along_axis(ordinals, order, axis=1), axis=1))
    below = np.cumsum(np.take_along_axis(human, order, axis=1), axis=1)[:, :-1].clip(0, 1)
    observed = np.maximum(np.rint(n_respondents), 1)
    few = observed <= MOST_UNBIASED
    of_many = deviation(below[~few], observed[~few, None])
    at = np.empty((*below.shape, of_many.shape[-1]))
    at[~few] = of_many
    for n in np.unique(observed[few]).astype(np.int64).tolist():
        rows = observed == n
        table = tables.get(n)
        if table is None:
            shares = np.arange(n + 1.0) / n
            table = tables[n] = unbiased(n) @ deviation(shares, np.full(n + 1, float(n)))
        place = below[rows] * n
        left = np.minimum(np.floor(place).astype(np.int64), n - 1)
        part = (place - left)[..., None]  # weighted answers are not whole
        at[rows] = (1 - part) * table[left] + part * table[left + 1]
    distance: FloatArray = (gaps[..., None] * at).sum(axis=1)
    distance[np.isnan(ordinals[:, 0])] = np.nan
    return distance


def mean_difference(share: FloatArray, n: int, n_other: int) -> FloatArray:
    """Return the mean of ``abs(X / n - Y / n_other)`` where both are binomial, independent.

    Parameters
    ----------
    share : ndarray of shape (n_shares,)
        Chance of a yes.
    n, n_other : int
        At least 1.

    Examples
    --------
    >>> mean_difference(np.array([0.5]), 1, 1)
    array([0.5])
    """
    apart = np.abs(np.arange(n + 1)[:, None] / n - np.arange(n_other + 1) / n_other)
    mean: FloatArray = np.einsum(
        "fx,xy,fy->f", binomial(share, n), apart, binomial(share, n_other), optimize=True
    )
    return mean


def binomial(share: FloatArray, n: int) -> FloatArray:
    """Return the chances of 0, 1, ... n yeses, of shape (n_shares, n + 1)."""
    k = np.arange(n + 1.0)
    log_choose = log_factorial(n) - log_factorial(k) - log_factorial(n - k)
    p = share[:, None]
    chances: FloatArray = np.exp(log_choose + _log_powers(p, k, n - k))
    return chances


@lru_cache(maxsize=MOST_UNBIASED)
def unbiased(n: int) -> FloatArray:
    """Return the matrix that takes the bias out of what is worked out from a sample of n.

    Of a function of a share the observed share gives a biased value, and the mean of that over
    samples of samples shows by how much. The bias is taken off `N_STEPS` times, each time that of
    what is left: the Neumann series of the matrix of binomial chances.

    Parameters
    ----------
    n : int
        Respondents.

    Returns
    -------
    ndarray of shape (n + 1, n + 1)
        Multiplied with values at the shares 0, 1/n, ... 1 it gives those to be used for them.

    References
    ----------
    Hall and Martin 1988, On bootstrap resampling and iteration.

    Examples
    --------
    >>> share = np.arange(21) / 20
    >>> variance = unbiased(20) @ (share * (1 - share))
    >>> bool(abs(variance[10] - 0.25 * 20 / 19) < 1e-6)  # the unbiased one
    True
    """
    left = np.eye(n + 1) - binomial(np.arange(n + 1.0) / n, n)
    series, power = np.eye(n + 1), np.eye(n + 1)
    for _ in range(N_STEPS):
        power = power @ left
        series += power
    series.flags.writeable = False
    return series


def mean_absolute_deviation(share: FloatArray, n: FloatArray) -> FloatArray:
    """Return the mean of ``abs(X / n - share)`` where X is binomial: n answers, each yes or no.

    Parameters
    ----------
    share : ndarray
        Chance of a yes, in [0, 1].
    n : ndarray
        Whole numbers of at least 1; the two broadcast.

    Examples
    --------
    >>> mean_absolute_deviation(np.array([0.5, 0.1]), np.array([1.0, 1.0]))
    array([0.5 , 0.18])
    """
    k = np.floor(n * share) + 1
    k = np.minimum(k, n)  # at a share of 1 nothing deviates, whatever k
    log_choose = log_factorial(n) - log_factorial(k) - log_factorial(n - k)
    chance = np.exp(log_choose + _log_powers(share, k, n - k + 1))
    deviation: FloatArray = 2 * k * chance / n
    return deviation


def _log_powers(share: FloatArray, yes: FloatArray, no: FloatArray) -> FloatArray:
    """Return the logarithm of ``share**yes * (1 - share)**no``, where ``0**0`` is 1."""
    with np.errstate(divide="ignore", invalid="ignore"):
        of_yes = np.where(yes == 0, 0.0, yes * np.log(share))
        return of_yes + np.where(no == 0, 0.0, no * np.log1p(-share))


def equivalent_size(distance: FloatArray, expected: FloatArray, sizes: IntArray) -> FloatArray:
    """Return the size of the sample whose expected distance is `distance`.

    Parameters
    ----------
    distance : ndarray of shape (n,)
    expected : ndarray of shape (n, n_sizes)
        Falling along the sizes.
    sizes : ndarray of shape (n_sizes,)
        Ascending.

    Returns
    -------
    ndarray of shape (n,)
        The smallest that comes as close, interpolated in the logarithm of the size; 0 where even
        the first would be closer, infinite where not even the last would be as close, NaN where
        either is NaN.

    Examples
    --------
    >>> equivalent_size(np.array([0.2]), np.array([[0.4, 0.2, 0.1]]), np.array([1, 4, 16]))
    array([4.])
    """
    n_further = (expected > distance[:, None]).sum(axis=1)
    right = np.clip(n_further, 1, len(sizes) - 1)
    rows = np.arange(len(distance))
    far, near = expected[rows, right - 1], expected[rows, right]
    with np.errstate(divide="ignore", invalid="ignore"):
        part = np.clip((far - distance) / (far - near), 0, 1)
    logs = np.log(sizes)
    size = np.exp(logs[right - 1] + part * (logs[right] - logs[right - 1]))
    size = np.where(distance > expected[:, 0], 0.0, size)
    size = np.where(n_further == len(sizes), np.inf, size)
    undefined = np.isnan(distance) | np.isnan(expected).any(axis=1)
    return np.where(undefined, np.nan, size)
