"""Answers of a few people joined with an estimate: a Dirichlet prior and its posterior.

Arrays over options are padded as in `distexp.types.Design`; counts are numbers of answers, Kish's
effective ones where they are weighted.
"""

import numpy as np

from distexp.types import BoolArray, FloatArray

SMOOTHING = 0.02
"""Share of an even guess in the prior of intervals: an estimate of 0 means "less than that"."""
JEFFREYS = 0.5
"""Answers to an option, and to all others, that an interval begins with at the least: a prior of
little weight says next to nothing of a small share, and not that it is 0."""

TWO_OPTIONS = 0.8
"""What a prior's weight is multiplied by in intervals for two options, where few people give few
outcomes and a weight that was learnt as too large tells most; `benchmarks/rectify.py`."""


def joined(prior: FloatArray, counts: FloatArray, weight: FloatArray) -> FloatArray:
    """Return the posterior mean: the prior counts as so many people who answered like it.

    Parameters
    ----------
    prior, counts : ndarray of shape (n_cases, max_options)
    weight : ndarray of shape (n_cases,)
        Of the prior, in people; positive.

    Examples
    --------
    >>> joined(np.array([[0.8, 0.2]]), np.array([[1.0, 4.0]]), np.array([5.0]))
    array([[0.5, 0.5]])
    """
    total = weight + counts.sum(axis=1)
    mean: FloatArray = (weight[:, None] * prior + counts) / total[:, None]
    return mean


def credible(
    prior: FloatArray,
    counts: FloatArray,
    weight: FloatArray,
    n_options: FloatArray,
    coverage: float,
) -> tuple[FloatArray, FloatArray]:
    """Return the ends of credible intervals, each for the share of one option.

    The tails are equal, but for an option that nobody of the pilot chose, where the pilot weighs
    more than the prior or the density falls from 0 on: its interval begins at 0. Likewise for one
    that everybody chose.

    Parameters
    ----------
    prior, counts, weight
        As in `joined`.
    n_options : ndarray of shape (n_cases,)
    coverage : float
        In (0, 1).

    Returns
    -------
    tuple of ndarray of shape (n_cases, max_options)
        Low and high, 0 in the padding.
    """
    from scipy.special import betaincinv

    a, b, none, everyone = _posterior(prior, counts, weight, n_options)
    tail = (1 - coverage) / 2
    low = betaincinv(a, b, np.where(everyone, 2 * tail, tail))
    high = betaincinv(a, b, np.where(none, 1 - 2 * tail, 1 - tail))
    is_option = _is_option(prior, n_options)
    mean = joined(prior, counts, weight)
    return (
        np.where(is_option, np.minimum(np.where(none, 0.0, low), mean), 0.0),
        np.where(is_option, np.maximum(np.where(everyone, 1.0, high), mean), 0.0),
    )


def covered(
    shares: FloatArray,
    prior: FloatArray,
    counts: FloatArray,
    weight: FloatArray,
    n_options: FloatArray,
    coverages: tuple[float, ...],
) -> tuple[BoolArray, ...]:
    """Tell which shares lie in the intervals of `credible`, which need not be found for it."""
    from scipy.special import betainc

    a, b, none, everyone = _posterior(prior, counts, weight, n_options)
    below = betainc(a, b, shares.clip(0, 1))
    tails = [(1 - coverage) / 2 for coverage in coverages]
    return tuple(
        (below >= np.where(none, 0.0, np.where(everyone, 2 * tail, tail)))
        & (below <= np.where(everyone, 1.0, np.where(none, 1 - 2 * tail, 1 - tail)))
        for tail in tails
    )


def alone(counts: FloatArray, coverage: float) -> tuple[FloatArray, FloatArray]:
    """Return the ends of Jeffreys' intervals for shares of the answers by themselves.

    Parameters
    ----------
    counts : ndarray of shape (n_cases, max_options)
    coverage : float

    Returns
    -------
    tuple of ndarray of shape (n_cases, max_options)
        From 0 where nobody chose an option, to 1 where everybody did, all of [0, 1] where nobody
        was asked.

    References
    ----------
    Brown, Cai and DasGupta 2001, Interval estimation for a binomial proportion.
    """
    from scipy.special import betaincinv

    total = np.broadcast_to(counts.sum(axis=1)[:, None], counts.shape)
    pairs, place = np.unique(
        np.stack([counts.ravel(), total.ravel()]), axis=1, return_inverse=True
    )
    chose, n = pairs
    tail = (1 - coverage) / 2
    a, b = chose + JEFFREYS, n - chose + JEFFREYS
    low = np.where(chose > 0, betaincinv(a, b, tail), 0.0)
    high = np.where(chose < n, betaincinv(a, b, 1 - tail), 1.0)
    low, high = np.where(n > 0, low, 0.0), np.where(n > 0, high, 1.0)
    place = place.reshape(-1)
    return low[place].reshape(counts.shape), high[place].reshape(counts.shape)


def _posterior(
    prior: FloatArray, counts: FloatArray, weight: FloatArray, n_options: FloatArray
) -> tuple[FloatArray, FloatArray, BoolArray, BoolArray]:
    """Return the marginal Beta posteriors, and which options none or all of the people chose."""
    is_option = _is_option(prior, n_options)
    smooth = (1 - SMOOTHING) * prior + SMOOTHING / n_options[:, None]
    n = counts.sum(axis=1)[:, None]
    people = (weight * np.where(n_options == 2, TWO_OPTIONS, 1.0))[:, None]
    own, rest = people * smooth, people * (1 - smooth)
    a = np.where(is_option, np.maximum(own, JEFFREYS) + counts, 1.0)
    b = np.where(is_option, np.maximum(rest, JEFFREYS) + n - counts, 1.0)
    outweighs = n >= weight[:, None]
    none = (n > 0) & (counts <= 0) & (outweighs | (own < 1))
    everyone = (n > 0) & (counts >= n) & (outweighs | (rest < 1))
    return a, b, none, everyone


def _is_option(prior: FloatArray, n_options: FloatArray) -> BoolArray:
    is_option: BoolArray = np.arange(prior.shape[1]) < n_options[:, None]
    return is_option
