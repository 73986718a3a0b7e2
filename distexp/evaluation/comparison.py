"""Two methods on the same cases: which is closer, by how much, and could it be chance."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from distexp.evaluation.bootstrap import Bootstrap
from distexp.evaluation.declared import PRIMARY, SECONDARY, families
from distexp.evaluation.jackknife import Jackknife, detectable, two_sided
from distexp.evaluation.measures import Measures
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
    """Two-sided, of the t test that the interval is the other side of, adjusted for nothing; NaN
    where intervals come from the bootstrap."""
    p_flips: float = np.nan
    """Two-sided, of a sign-flip test with fits as they are; adjusted for nothing."""
    p_holm: float = np.nan
    """The larger of both, adjusted for the comparisons of the same family and metric."""
    family: str = SECONDARY
    """`primary` or `secondary`."""
    detectable: float = np.nan
    """The least difference that the adjusted t test finds in four of five such surveys."""
    n_questions: int


def compare(
    per_case: Mapping[str, Measures],
    question: IntArray,
    pairs: Sequence[tuple[str, str]],
    *,
    resampling: Jackknife | Bootstrap,
    shifts: Mapping[str, Measures],
    references: Sequence[str],
    leading: str,
    judged: IntArray,
    n_flips: int,
    seed: int,
    confidence: float,
) -> tuple[Comparison, ...]:
    """Compare the mean distances of pairs of methods.

    The interval and `p` come from leaving out groups of questions with the calibrators fitted
    again, and quantiles of t. `p_flips` is that of a sign-flip test: if two methods, fitted as
    they are, were alike, it would be chance which of them a question favours, so the sign of a
    question's summed difference could as well be the other one; it is the share of all such
    flips, the one observed among them, whose mean difference is at least as large. It asks
    nothing of how differences are distributed, and few questions cannot make it small. What the
    intervals leave out as a whole, as a battery, has one sign. With more than `n_flips` flips so
    many are drawn at random.

    Parameters
    ----------
    per_case : mapping of str to Measures with distances of shape (n_cases,)
        NaN where a case has no distance; it then counts for neither method of a pair.
    question : ndarray of shape (n_cases,)
        Equal numbers mark the same question.
    pairs : sequence of (str, str)
        Of methods in `per_case`; see `families` for which of them Holm adjusts for together.
    resampling : Jackknife or Bootstrap
        Behind the intervals.
    shifts : mapping of str to Measures
        As in `distexp.evaluation.scores.score_methods`.
    references : sequence of str
        What calibrators are compared with, rather than with each other.
    leading : str
        The method whose comparisons with the references are primary.
    judged : ndarray of shape (n_cases,)
        Equal numbers mark what has one sign: a question, or a battery; see
        `distexp.evaluation.units.Units.judged`.
    n_flips : int
        Sign flips behind `p_flips`.
    seed : int
    confidence : float
        Coverage of the intervals, in (0, 1).

    Returns
    -------
    tuple of Comparison
        By metric, in the order of `pairs`.

    References
    ----------
    Holm 1979, A simple sequentially rejective multiple test procedure; Phipson and Smyth 2010,
    Permutation p-values should never be zero.
    """
    rows = ~np.isnan([of.distances.total_variation for of in per_case.values()]).all(axis=0)
    signs = np.unique(judged[rows])
    together = families(pairs, references)
    first = together[_primary(pairs, leading)] if pairs else ()
    compared, sums = [], []
    for metric in DISTANCES:
        for (method, other), family in zip(pairs, together, strict=True):
            apart, shift = _apart(per_case, shifts, method, other, metric.field)
            valid = ~np.isnan(apart)
            draws = resampling.mean(np.where(rows, apart, np.nan), question, shift)
            value, low, high = resampling.interval(draws, question[valid], confidence)
            p, least = _t_test(
                resampling, draws, question[valid], (1 - confidence) / together.count(family)
            )
            compared.append(
                Comparison(
                    method=method,
                    other=other,
                    metric=metric.key,
                    difference=value,
                    low=low,
                    high=high,
                    p=p,
                    family=PRIMARY if family == first else SECONDARY,
                    detectable=least,
                    n_questions=len(np.unique(question[valid])),
                )
            )
            codes = np.searchsorted(signs, judged[valid])
            sums.append(np.bincount(codes, apart[valid], len(signs)))
    flips = sign_flip_test(np.array(sums), n_flips, seed) if sums else np.empty(0)
    flips[[np.isnan(one.difference) for one in compared]] = np.nan
    larger = np.fmax(flips, [one.p for one in compared]) if sums else flips
    adjusted = np.empty(len(larger))
    keys = [
        (one.metric, *family)
        for one, family in zip(compared, together * len(DISTANCES), strict=True)
    ]
    for key in set(keys):
        of_family = [place for place, other in enumerate(keys) if other == key]
        adjusted[of_family] = holm(larger[of_family])
    return tuple(
        replace(one, p_flips=float(of_flips), p_holm=float(holms))
        for one, of_flips, holms in zip(compared, flips, adjusted, strict=True)
    )


def _primary(pairs: Sequence[tuple[str, str]], leading: str) -> int:
    """Return the place of the first pair of the leading method."""
    return next(place for place, (method, _) in enumerate(pairs) if method == leading)


def _apart(
    per_case: Mapping[str, Measures],
    shifts: Mapping[str, Measures],
    method: str,
    other: str,
    field: str,
) -> tuple[FloatArray, FloatArray | None]:
    """Return the difference of each case, and what it gains without each group of questions."""
    values, others = (getattr(per_case[name].distances, field) for name in (method, other))
    moved = [
        getattr(shifts[name].distances, field) * sign
        for name, sign in ((method, 1), (other, -1))
        if name in shifts
    ]
    return values - others, sum(moved[1:], start=moved[0]) if moved else None


def _t_test(
    resampling: Jackknife | Bootstrap, draws: FloatArray, question: IntArray, alpha: float
) -> tuple[float, float]:
    """Return the p-value of a difference, and the least one that a test at `alpha` would find."""
    if isinstance(resampling, Bootstrap) or np.isnan(draws[0]):
        return np.nan, np.nan
    error, df = resampling.error(draws, question)
    return two_sided(float(draws[0]), error, df), detectable(error, df, alpha)


def sign_flip_test(sums: FloatArray, n_flips: int, seed: int) -> FloatArray:
    """Return the chance that sums of random sign are together as large as they are.

    Parameters
    ----------
    sums : ndarray of shape (n_tests, n_signs)
        The summed differences of each question or battery; 0 where there are none.
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
    n_signs = sums.shape[1]
    exact = 2 ** (n_signs - 1) <= n_flips
    n_as_large, n_drawn = np.zeros(len(sums)), 0
    for signs in _all_signs(n_signs) if exact else _drawn_signs(n_signs, n_flips, seed):
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
