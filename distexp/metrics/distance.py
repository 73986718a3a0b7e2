"""Distances between answer distributions, for many cases at once, and what sampling error allows.

Arrays over options are padded as in `distexp.types.Design`: 0 where there is no option. Leading
dimensions (splits, bootstrap draws) broadcast: predictions of shape (n_splits, n_cases, n_options)
are scored against human distributions of shape (n_cases, n_options). A prediction of NaN scores
NaN. Alignment is 1 minus `wasserstein`.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np

from distexp.metrics.options import counted, running, total
from distexp.metrics.threads import in_order, n_free
from distexp.types import BoolArray, FloatArray

KL_SMOOTHING = 0.01
"""Share of the uniform distribution mixed into a prediction before Kullback-Leibler divergence.
One point of a hundred: where models state whole percentages, 0 only means "less than one"."""
AT_ONCE = 2**13
"""Cases of draws that are scored together: more would not fit a processor's cache."""


class Scores(NamedTuple):
    """Distances of predictions from human distributions, each of shape (..., n_cases)."""

    wasserstein: FloatArray
    """In [0, 1]; NaN for nominal questions."""
    total_variation: FloatArray
    """In [0, 1]."""
    kl_divergence: FloatArray
    """In nats, smoothed by `KL_SMOOTHING`."""
    hellinger: FloatArray
    """In [0, 1]."""
    jensen_shannon: FloatArray
    """In [0, 1]: the square root of the divergence to base 2."""


def score(
    predicted: FloatArray, human: FloatArray, ordinals: FloatArray, mask: BoolArray
) -> Scores:
    """Compute every distance; see each one for its arguments."""
    return Scores(**{name: of(predicted, human, ordinals, mask) for name, of in BY_NAME.items()})


def wasserstein(predicted: FloatArray, human: FloatArray, ordinals: FloatArray) -> FloatArray:
    """Return the Wasserstein-1 distance along the scale: the area between the two CDFs.

    Parameters
    ----------
    predicted, human : ndarray of shape (..., n_cases, max_options)
        Distributions, padded with 0.
    ordinals : ndarray of shape (..., n_cases, max_options)
        Positions scaled to [0, 1], in any order and possibly tied; NaN in the padding and in the
        whole row of a nominal question.

    Returns
    -------
    ndarray of shape (..., n_cases)
        In [0, 1], the distance in units of the scale's range; NaN for nominal questions.

    References
    ----------
    arXiv 1509.02237 (in one dimension the distance is the area between the CDFs).

    Examples
    --------
    >>> wasserstein(np.array([[0.5, 0.5, 0]]), np.array([[0, 0.5, 0.5]]), np.array([[0, 0.5, 1]]))
    array([0.5])
    """
    difference = predicted - human
    positions = ordinals
    if np.any(positions[..., 1:] < positions[..., :-1]):
        order = np.argsort(positions, axis=-1)  # NaN, the padding, goes last
        positions = np.take_along_axis(positions, order, axis=-1)
        extra = difference.ndim - order.ndim
        difference = np.take_along_axis(difference, order[(None,) * extra], axis=-1)
    gaps = positions[..., 1:] - positions[..., :-1]
    area = np.abs(running(difference)[..., :-1]) * np.where(np.isnan(gaps), 0.0, gaps)
    nominal = np.isnan(positions[..., 0])  # the first option is never padding
    distance: FloatArray = np.where(nominal, np.nan, total(area))
    return distance


def total_variation(predicted: FloatArray, human: FloatArray) -> FloatArray:
    """Return half the sum of absolute differences, in [0, 1]; options need no order.

    Parameters
    ----------
    predicted, human : ndarray of shape (..., n_cases, max_options)
        Distributions, padded with 0.

    Returns
    -------
    ndarray of shape (..., n_cases)

    Examples
    --------
    >>> total_variation(np.array([[0.5, 0.5, 0]]), np.array([[0, 0.5, 0.5]]))
    array([0.5])
    """
    distance: FloatArray = total(np.abs(predicted - human)) / 2
    return distance


def distance(predicted: FloatArray, human: FloatArray, ordinals: FloatArray) -> FloatArray:
    """Return `wasserstein`, and `total_variation` in its place for nominal questions.

    What calibrators choose their settings by, so that a survey of either kind has a criterion.

    Returns
    -------
    ndarray of shape (..., n_cases)
    """
    along_scale = wasserstein(predicted, human, ordinals)
    return np.where(np.isnan(along_scale), total_variation(predicted, human), along_scale)


def kl_divergence(
    human: FloatArray,
    predicted: FloatArray,
    mask: BoolArray,
    smoothing: float = KL_SMOOTHING,
) -> FloatArray:
    """Return the Kullback-Leibler divergence of the smoothed prediction from `human`, in nats.

    It is the sum of ``human * log(human / q)`` with ``q = (1 - smoothing) * predicted +
    smoothing / n_options``; options that no human chose add 0.

    Parameters
    ----------
    human, predicted : ndarray of shape (..., n_cases, max_options)
        Distributions, padded with 0. The divergence is not symmetric.
    mask : ndarray of bool of shape (..., n_cases, max_options)
        True where there is an option.
    smoothing : float, default=KL_SMOOTHING
        In (0, 1]: without it one option predicted as 0 makes the divergence infinite.

    Returns
    -------
    ndarray of shape (..., n_cases)

    Examples
    --------
    >>> human, predicted = np.array([[1.0, 0.0]]), np.array([[0.5, 0.5]])
    >>> kl_divergence(human, predicted, mask=np.array([[True, True]])) / np.log(2)
    array([1.])
    """
    smoothed = (1 - smoothing) * predicted + smoothing / counted(mask)
    chosen = human > 0
    ratio = np.where(chosen, human, 1.0) / np.where(chosen, smoothed, 1.0)
    divergence: FloatArray = total(human * np.log(ratio))
    return divergence


def hellinger(predicted: FloatArray, human: FloatArray) -> FloatArray:
    """Return the Hellinger distance, in [0, 1]; options need no order.

    It is the Euclidean distance of the square roots of the shares over the square root of 2: rare
    options weigh more than in `total_variation`, and a share of 0 costs no infinity.

    Parameters
    ----------
    predicted, human : ndarray of shape (..., n_cases, max_options)
        Distributions, padded with 0.

    Returns
    -------
    ndarray of shape (..., n_cases)

    Examples
    --------
    >>> hellinger(np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])).round(6)
    array([1.])
    """
    roots = np.sqrt(np.maximum(predicted, 0)) - np.sqrt(np.maximum(human, 0))  # -1e-17 is 0
    distance: FloatArray = np.sqrt(total(roots * roots) / 2)
    return distance


def jensen_shannon(predicted: FloatArray, human: FloatArray) -> FloatArray:
    """Return the Jensen-Shannon distance to base 2, in [0, 1]; options need no order.

    It is the square root of the mean Kullback-Leibler divergence, in bits, of the two from their
    mean. The square root is a metric in the mathematical sense; the divergence itself is none.

    Parameters
    ----------
    predicted, human : ndarray of shape (..., n_cases, max_options)
        Distributions, padded with 0.

    Returns
    -------
    ndarray of shape (..., n_cases)

    References
    ----------
    Endres and Schindelin 2003, A new metric for probability distributions.

    Examples
    --------
    >>> jensen_shannon(np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]]))
    array([1.])
    """
    mean = (predicted + human) / 2
    bits = sum(
        total(np.maximum(p, 0) * np.log2(np.where(p > 0, p, 1) / np.where(p > 0, mean, 1)))
        for p in (predicted, human)
    )
    distance: FloatArray = np.sqrt(np.maximum(bits / 2, 0))  # rounding may leave -1e-17
    return distance


def sampling_ceiling(
    human: FloatArray,
    n_respondents: FloatArray,
    ordinals: FloatArray,
    mask: BoolArray,
    n_draws: int,
    rng: np.random.Generator,
) -> Scores:
    """Estimate the distances that even a perfect predictor has from a sample of respondents.

    What a predictor is scored against is a sample, and the sample misses its population by chance.
    For each case take `human` for the population, draw `n_respondents` answers from it, and
    measure `human`, as the prediction, against the drawn shares: the mean over `n_draws` is the
    score that knowing the population would get. Each entry compares with the same entry of
    `score(predicted, human, ...)`. The observed shares are more concentrated than the population's
    (an option that nobody chose is never drawn), so the distances come out low: by a few per cent
    at 20 respondents, less with more.

    Parameters
    ----------
    human, ordinals, mask : ndarray of shape (n_cases, max_options)
        As in `wasserstein` and `kl_divergence`.
    n_respondents : ndarray of shape (n_cases,)
        Rounded to whole people, at least 1.
    n_draws : int
        Samples drawn per case.
    rng : numpy.random.Generator
        The only source of randomness.

    Returns
    -------
    Scores
        Expected distances, each of shape (n_cases,).
    """
    totals = np.zeros((len(Scores._fields), len(human)))
    # Few cases are scored for many draws at once, many cases one part after the other.
    n_drawn = max(1, AT_ONCE // max(1, len(human)))
    parts = [slice(start, start + AT_ONCE) for start in range(0, len(human), AT_ONCE)]
    samples = human_samples(human, n_respondents, n_draws, rng)

    def scored(drawn: tuple[slice, FloatArray]) -> tuple[slice, Scores]:
        part, shares = drawn
        return part, score(human[part], shares, ordinals[part], mask[part])

    drawn = (
        (part, np.array([one[part] for one in some]))
        for some in iter(lambda: list(islice(samples, n_drawn)), [])
        for part in parts
    )
    for part, found in in_order(scored, drawn, n_free() if len(parts) > 1 else 1):
        for of_draw in zip(*found, strict=True):
            totals[:, part] += of_draw
    return Scores(*(totals / n_draws))


def human_samples(
    human: FloatArray, n_respondents: FloatArray, n_draws: int, rng: np.random.Generator
) -> Iterator[FloatArray]:
    """Draw as many respondents again from each observed distribution, `n_draws` times.

    Parameters
    ----------
    human : ndarray of shape (n_cases, max_options)
    n_respondents : ndarray of shape (n_cases,)
        Rounded to whole people, at least 1.
    n_draws : int
    rng : numpy.random.Generator

    Yields
    ------
    ndarray of shape (n_cases, max_options)
        The shares of one draw: all draws at once would be so many copies of the data.
    """
    n = np.maximum(np.rint(n_respondents), 1).astype(np.int64)
    population = human / human.sum(axis=-1, keepdims=True)  # multinomial refuses rounding errors
    for _ in range(n_draws):
        yield rng.multinomial(n, population) / n[:, None]


BY_NAME: dict[str, Callable[[FloatArray, FloatArray, FloatArray, BoolArray], FloatArray]] = {
    "wasserstein": lambda predicted, human, ordinals, _: wasserstein(predicted, human, ordinals),
    "total_variation": lambda predicted, human, *_: total_variation(predicted, human),
    "kl_divergence": lambda predicted, human, _, mask: kl_divergence(human, predicted, mask),
    "hellinger": lambda predicted, human, *_: hellinger(predicted, human),
    "jensen_shannon": lambda predicted, human, *_: jensen_shannon(predicted, human),
}
"""Every field of `Scores` as a function of predicted and human shares, ordinals and mask."""


def scaled_ordinals(ordinals: Sequence[float] | None) -> tuple[float, ...] | None:
    """Scale positions to [0, 1]; None for a nominal question, and where all positions are equal.

    Examples
    --------
    >>> scaled_ordinals((1, 2, 3, 5, 2))
    (0.0, 0.25, 0.5, 1.0, 0.25)
    """
    if ordinals is None or min(ordinals) == max(ordinals):
        return None
    low, high = min(ordinals), max(ordinals)
    return tuple((position - low) / (high - low) for position in ordinals)
