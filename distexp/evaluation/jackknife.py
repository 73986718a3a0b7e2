"""Groups of questions left out in turn: intervals that know that fits vary with the questions.

A number made out of sample varies with the questions twice: through those that are tested, and
through those that the calibrators learn from. Redrawing the former alone makes intervals that are
too narrow, however many questions there are. Leaving a group of questions out of both, with the
calibrators fitted again (`distexp.evaluation.refits`), shows both.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np

from distexp.evaluation.splits import Split
from distexp.metrics.names import Scale
from distexp.metrics.special import student_cdf, student_quantile
from distexp.types import BoolArray, FloatArray, IntArray

MOST_GROUPS = 12
"""Left out in turn. More of them cost as many more fits and make intervals narrower by little: the
quantile of t is 2.20 with 12 groups, 2.07 with 24, 1.96 with any number."""
POWER = 0.8
"""Chance with which a difference that is said to be detectable is found."""


def groups_of(
    question: IntArray,
    splits: Sequence[Split],
    cluster: IntArray | None = None,
    most: int = MOST_GROUPS,
) -> tuple[IntArray, IntArray]:
    """Deal the questions into groups, at most `most` of tested and as many of untested ones.

    Questions that are tested together stand next to each other, so that most splits test a group
    as a whole or not at all, and need no fit without it.

    Parameters
    ----------
    question : ndarray of shape (n_cases,)
    splits : sequence of Split
    cluster : ndarray of shape (n_cases,), optional
        What is left out as a whole, a number for each question's cases, e.g. its battery; each
        question by itself where None. Groups are then of equal size as far as clusters are.
    most : int

    Returns
    -------
    questions : ndarray of shape (n_questions,)
        Those that are trained on or tested, ascending.
    group : ndarray of shape (n_questions,)
        Of each, from 0.
    """
    cluster = question if cluster is None else cluster
    tested = np.array([split.test for split in splits])
    used = tested.any(axis=0) | np.any([split.train for split in splits], axis=0)
    first_test = np.where(tested.any(axis=0), tested.argmax(axis=0), len(splits))
    questions, first = np.unique(question[used], return_index=True)
    names, of_question = np.unique(cluster[used][first], return_inverse=True)
    when = np.full(len(names), len(splits))
    np.minimum.at(when, np.searchsorted(names, cluster[used]), first_test[used])
    order = np.argsort(when, kind="stable")
    n_tested = int((when < len(splits)).sum())
    group_of_cluster, n = np.empty(len(names), dtype=np.int64), 0
    sizes = None if cluster is question else np.bincount(of_question)
    for part in (order[:n_tested], order[n_tested:]):
        for chunk in _dealt(part, max(min(len(part), most), 1), sizes):
            group_of_cluster[chunk] = n
            n += bool(len(chunk))
    return questions, group_of_cluster[of_question]


class Jackknife:
    """Means over cases, and those without each group of questions.

    What a group does to the fits that are tested on another is counted with both, so that
    variances come out too large rather than too small where such interactions are much of them:
    for methods that are alike in truth.

    Parameters
    ----------
    questions : ndarray of shape (n_questions,)
        Ascending.
    group : ndarray of shape (n_questions,)
        The group of each, from 0 without a gap; see `groups_of`.
    n_groups : int, optional
        Where the last have none of these questions, and move fits alone.

    References
    ----------
    Efron and Stein 1981, The jackknife estimate of variance, on its being too large; Kott 2001,
    The delete-a-group jackknife; MacKinnon, Nielsen and Webb 2023, on quantiles of t for clusters
    that are few or of different size.
    """

    def __init__(self, questions: IntArray, group: IntArray, n_groups: int | None = None) -> None:
        self.questions, self.group = questions, group
        self.n_groups = int(group.max()) + 1 if n_groups is None else n_groups
        self._sizes: dict[bytes, IntArray] = {}

    def mean(
        self, values: FloatArray, question: IntArray, shift: FloatArray | None = None
    ) -> FloatArray:
        """Return the mean of `values`, and that without each group; NaN are left out.

        Parameters
        ----------
        values : ndarray of shape (n,)
        question : ndarray of shape (n,)
            Which question each value belongs to; those that are in no group stand beside NaN.
        shift : ndarray of shape (n_groups, n), optional
            What each value gains where the calibrator is fitted without a group; the mean of the
            others in the place of NaN.

        Returns
        -------
        ndarray of shape (1 + n_groups,)
            NaN where no value is left.
        """
        valid = np.flatnonzero(~np.isnan(values))
        group = self._group_of(question[valid])
        of_group = np.bincount(group, values[valid], self.n_groups)
        counts = np.bincount(group, minlength=self.n_groups)
        sums = np.concatenate([[of_group.sum()], of_group.sum() - of_group])
        left = np.concatenate([[len(valid)], len(valid) - counts])
        with np.errstate(invalid="ignore"):
            means: FloatArray = np.where(left > 0, sums, np.nan) / left
        for left_out, row in enumerate(() if shift is None else shift):
            gained = row[valid][group != left_out]
            known = gained[~np.isnan(gained)]
            means[1 + left_out] += float(known.mean()) if len(known) else 0.0
        return means

    def interval(
        self,
        draws: FloatArray,
        question: IntArray,
        confidence: float,
        scale: Scale = "plain",
        origin: float | None = None,
    ) -> tuple[float, float, float]:
        """Return the value, which comes first, and its interval by quantiles of t.

        Parameters
        ----------
        draws : ndarray of shape (1 + n_groups,)
        question : ndarray of shape (n,)
            The questions that the number is of.
        confidence : float
            Coverage, in (0, 1).
        scale : {"plain", "log", "log_rest"}
            On which the interval is symmetric; see `distexp.metrics.names.Metric`. Plain where a
            number is not on it.
        origin : float, optional
            What numbers on `log` lie above, by default 0, and on `log_rest` below, by default 1.

        Returns
        -------
        tuple of float
            NaN where undefined: value and ends, or the ends alone, where a group cannot be done
            without.
        """
        value = float(draws[0])
        if not np.isfinite(value):
            return np.nan, np.nan, np.nan
        start = float(scale == "log_rest") if origin is None else origin
        skewed = draws - start if scale == "log" else start - draws
        on_log = scale != "plain" and bool((skewed[np.isfinite(skewed)] > 0).all())
        error, df = self.error(np.log(skewed) if on_log else draws, question)
        reach = error * quantile((1 + confidence) / 2, df)
        if not on_log:
            return value, value - reach, value + reach
        low, high = float(skewed[0] * np.exp(-reach)), float(skewed[0] * np.exp(reach))
        ends = (low + start, high + start) if scale == "log" else (start - high, start - low)
        return value, *ends

    def error(self, draws: FloatArray, question: IntArray) -> tuple[float, float]:
        """Return the standard error of the first draw and its degrees of freedom.

        These are one less than groups of equal size would be that tell as much. Groups without a
        question that the number is of move it through the fits alone: they are a stratum of their
        own, and give no degrees of freedom.

        Returns
        -------
        tuple of float and float
            NaN where a group cannot be done without.
        """
        key = question.tobytes()
        if key not in self._sizes:  # many numbers are of the same questions
            found = self._group_of(np.unique(question))
            self._sizes[key] = np.bincount(found, minlength=self.n_groups)
        sizes = self._sizes[key]
        among = sizes > 0
        if among.sum() < 2:
            return np.nan, 0
        with np.errstate(invalid="ignore"):  # an infinite number without a group
            variance = _spread(draws[1:][among]) + _spread(draws[1:][~among])
        return float(np.sqrt(variance)), effective_number(sizes) - 1

    def without(self, question: IntArray, left_out: int) -> BoolArray:
        """Return which cases are of no question of a group, of shape (n_cases,)."""
        kept: BoolArray = ~np.isin(question, self.questions[self.group == left_out])
        return kept

    def _group_of(self, question: IntArray) -> IntArray:
        groups: IntArray = self.group[np.searchsorted(self.questions, question)]
        return groups


def effective_number(sizes: IntArray) -> float:
    """Return how many clusters of equal size would tell as much as these, at most.

    Examples
    --------
    >>> effective_number(np.array([4, 4, 4])), round(effective_number(np.array([17, 7])), 2)
    (3.0, 1.7)
    """
    return float(sizes.sum() ** 2 / (sizes**2).sum())


@lru_cache(maxsize=1024)
def quantile(share: float, df: float) -> float:
    """Return the quantile of Student's t; NaN without degrees of freedom."""
    return student_quantile(share, df) if df > 0 else np.nan


def two_sided(value: float, error: float, df: float) -> float:
    """Return the chance of a t as far from 0 as ``value / error``: 1 where value is 0."""
    if value == 0:
        return 1.0
    if not error > 0:  # nothing varies, or nothing is known
        return 0.0 if error == 0 else np.nan
    return float(2 * student_cdf(-abs(value) / error, df))


def detectable(error: float, df: float, alpha: float) -> float:
    """Return the least difference that a two-sided test at `alpha` finds in `POWER` of surveys."""
    return error * (quantile(1 - alpha / 2, df) + quantile(POWER, df))


def _dealt(clusters: IntArray, n: int, sizes: IntArray | None) -> Iterator[IntArray]:
    """Yield n groups of clusters: neighbours, or, where their sizes are given, of equal size."""
    if sizes is None:
        yield from np.array_split(clusters, n)
        return
    groups: list[list[int]] = [[] for _ in range(n)]
    filled = np.zeros(n)
    for one in clusters[np.argsort(-sizes[clusters], kind="stable")]:
        least = int(filled.argmin())
        groups[least].append(int(one))
        filled[least] += sizes[one]
    yield from (np.array(of_group, dtype=np.int64) for of_group in groups)


def _spread(draws: FloatArray) -> float:
    """Return the jackknife's variance from the numbers without each group."""
    n = len(draws)
    return 0.0 if n < 2 else float((n - 1) / n * ((draws - draws.mean()) ** 2).sum())
