"""Two methods on the same cases: which is closer, by how much, and could it be chance."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from distexp.evaluation.bootstrap import Bootstrap, interval
from distexp.metrics.distance import Scores
from distexp.metrics.names import DISTANCES
from distexp.metrics.ties import EQUAL
from distexp.types import FloatArray, IntArray

N_AT_ONCE = 1000
"""Sign flips held in memory together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How much closer `other` is than `method`; NaN where the metric is not defined."""

    method: str
    other: str
    metric: str
    difference: float
    """Mean distance of `method` minus that of `other`: below 0, `method` is closer."""
    low: float
    high: float
    p: float
    """Two-sided."""
    p_holm: float = np.nan
    """Adjusted for all comparisons of the same metric."""
    n_questions: int


def pairs(calibrators: Sequence[str], references: Sequence[str]) -> list[tuple[str, str]]:
    """Return what is worth comparing: calibrators with the references, and all with each other.

    Examples
    --------
    >>> pairs(["ridge"], ["identity", "train_mean"])
    [('ridge', 'identity'), ('ridge', 'train_mean'), ('identity', 'train_mean')]
    """
    with_references = [(name, other) for name in calibrators for other in references]
    return [*with_references, *combinations(calibrators, 2), *combinations(references, 2)]


def compare(
    per_case: Mapping[str, Scores],
    question: IntArray,
    pairs: Sequence[tuple[str, str]],
    *,
    n_bootstrap: int,
    n_flips: int,
    seed: int,
    confidence: float,
) -> tuple[Comparison, ...]:
    """Compare the mean distances of pairs of methods, as one family.

    The p-value is that of a sign-flip test by question. If two methods were alike, it would be
    chance which of them a question favours, so the sign of a question's summed difference could
    as well be the other one; p is the share of all such flips, the one observed among them, whose
    mean difference is at least as large. Unlike a p-value from the bootstrap it is exact for few
    questions and never 0. With more than `n_flips` flips so many are drawn at random. The
    interval is the bootstrap's, which redraws questions; neither refits the calibrators.

    Parameters
    ----------
    per_case : mapping of str to Scores of shape (n_cases,)
        NaN where a case has no distance; it then counts for neither method of a pair.
    question : ndarray of shape (n_cases,)
        Equal numbers mark the same question.
    pairs : sequence of (str, str)
        Of methods in `per_case`. Together they are the family that Holm adjusts for.
    n_bootstrap : int
        Resamples of the questions behind the intervals.
    n_flips : int
        Sign flips behind the p-values.
    seed : int
    confidence : float
        Coverage of the percentile intervals, in (0, 1).

    Returns
    -------
    tuple of Comparison
        By metric, in the order of `pairs`.

    References
    ----------
    Holm 1979, A simple sequentially rejective multiple test procedure; Phipson and Smyth 2010,
    Permutation p-values should never be zero.
    """
    rows = ~np.isnan([scores.total_variation for scores in per_case.values()]).all(axis=0)
    bootstrap = Bootstrap(question[rows], n_bootstrap, seed)
    compared, sums = [], []
    for metric in DISTANCES:
        for method, other in pairs:
            values, others = (getattr(per_case[name], metric.field) for name in (method, other))
            apart = values - others
            valid = ~np.isnan(apart)
            value, low, high = interval(bootstrap.mean(apart, question), confidence)
            compared.append(
                Comparison(
                    method=method,
                    other=other,
                    metric=metric.key,
                    difference=value,
                    low=low,
                    high=high,
                    p=np.nan,
                    n_questions=len(np.unique(question[valid])),
                )
            )
            codes = np.searchsorted(bootstrap.questions, question[valid])
            sums.append(np.bincount(codes, apart[valid], len(bootstrap.questions)))
    p = sign_flip_test(np.array(sums), n_flips, seed) if sums else np.empty(0)
    p[[np.isnan(one.difference) for one in compared]] = np.nan
    adjusted = [holm(of_metric) for of_metric in np.split(p, len(DISTANCES))]
    return tuple(
        replace(one, p=float(raw), p_holm=float(holms))
        for one, raw, holms in zip(compared, p, np.concatenate(adjusted), strict=True)
    )


def sign_flip_test(sums: FloatArray, n_flips: int, seed: int) -> FloatArray:
    """Return the chance that sums of random sign are together as large as they are.

    Parameters
    ----------
    sums : ndarray of shape (n_tests, n_questions)
        The summed differences of each question; 0 where there are none.
    n_flips : int
        Flips to draw; where there are no more than so many, each is counted once.
    seed : int
        Of the flips, which are the same for all tests.

    Returns
    -------
    ndarray of shape (n_tests,)
        Two-sided p-values, in (0, 1].

    Examples
    --------
    >>> sign_flip_test(np.array([[1.0, 2.0, 3.0]]), n_flips=100, seed=0)
    array([0.25])
    """
    # What rounding alone makes of equal sums is a tie, and a tie is as large.
    least = np.abs(sums.sum(axis=1)) - EQUAL
    n_questions = sums.shape[1]
    exact = 2 ** (n_questions - 1) <= n_flips
    n_as_large, n_drawn = np.zeros(len(sums)), 0
    for signs in _all_signs(n_questions) if exact else _drawn_signs(n_questions, n_flips, seed):
        n_as_large += (np.abs(signs @ sums.T) >= least).sum(axis=0)
        n_drawn += len(signs)
    seen = 0 if exact else 1  # the flip observed is among all of them, but hardly among the drawn
    p: FloatArray = (n_as_large + seen) / (n_drawn + seen)
    return p


def holm(p: FloatArray) -> FloatArray:
    """Adjust p-values for their number, so that the chance of any false one stays below theirs.

    Parameters
    ----------
    p : ndarray of shape (n,)
        NaN stays NaN and does not count.

    Returns
    -------
    ndarray of shape (n,)
        Not below `p`, at most 1.

    References
    ----------
    Holm 1979, A simple sequentially rejective multiple test procedure.

    Examples
    --------
    >>> holm(np.array([0.01, 0.04, 0.03, 0.005]))
    array([0.03, 0.06, 0.06, 0.02])
    """
    order = np.argsort(p)  # NaN goes last
    n = int(np.isfinite(p).sum())
    adjusted = np.full(len(p), np.nan)
    steps = (n - np.arange(n)) * p[order[:n]]
    adjusted[order[:n]] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted


def _all_signs(n: int) -> Iterator[FloatArray]:
    """Yield every flip but for its mirror image, which is as large."""
    for start in range(0, 2 ** (n - 1), N_AT_ONCE):
        numbers = np.arange(start, min(start + N_AT_ONCE, 2 ** (n - 1)))
        flipped = numbers[:, None] >> np.arange(n) & 1
        yield 1.0 - 2.0 * flipped.astype(np.float64)


def _drawn_signs(n: int, n_flips: int, seed: int) -> Iterator[FloatArray]:
    rng = np.random.default_rng([seed, 3])
    for start in range(0, n_flips, N_AT_ONCE):
        flipped = rng.integers(0, 2, (min(N_AT_ONCE, n_flips - start), n), dtype=np.int8)
        yield 1.0 - 2.0 * flipped.astype(np.float64)
