"""Questions drawn again with replacement, fits as they are: intervals of the views.

Where fits vary with the questions they are too narrow; see `distexp.evaluation.jackknife`.
"""

from functools import lru_cache

import numpy as np

from distexp.metrics.names import Scale
from distexp.types import FloatArray, IntArray


class Bootstrap:
    """Means over cases, with whole questions drawn again: the same draws each time.

    Parameters
    ----------
    question : ndarray of shape (n_cases,)
        The questions to draw from; equal numbers mark the same one.
    n_draws : int
    seed : int
    cluster : ndarray of the shape of `question`, optional
        What is drawn as a whole, e.g. the battery of each question; each by itself where None.

    References
    ----------
    Cameron, Gelbach and Miller 2008, on resampling whole clusters.
    """

    def __init__(
        self, question: IntArray, n_draws: int, seed: int, cluster: IntArray | None = None
    ) -> None:
        self.questions, first = np.unique(question, return_index=True)
        units = self.questions if cluster is None else cluster[first]
        names, self._unit = np.unique(units, return_inverse=True)
        times = _times(len(names), n_draws, seed)
        self.times = times if cluster is None else times[:, self._unit]

    def mean(
        self, values: FloatArray, question: IntArray, shift: FloatArray | None = None
    ) -> FloatArray:
        """Return the mean of `values`, and that of every redraw; NaN are left out.

        Parameters
        ----------
        values : ndarray of shape (n,)
        question : ndarray of shape (n,)
            Which question each value belongs to; those that are not drawn from only stand beside
            NaN.
        shift
            For `distexp.evaluation.jackknife.Jackknife`; not looked at.

        Returns
        -------
        ndarray of shape (1 + n_draws,)
            NaN where no value was drawn.
        """
        valid = ~np.isnan(values)
        codes = np.searchsorted(self.questions, question[valid])
        n = len(self.questions)
        by_question = [np.bincount(codes, values[valid], n), np.bincount(codes, minlength=n)]
        sums, counts = (self.times @ np.column_stack(by_question)).T
        with np.errstate(invalid="ignore"):
            means: FloatArray = sums / counts
        return means

    def interval(
        self,
        draws: FloatArray,
        question: IntArray,
        confidence: float,
        scale: Scale = "plain",
        origin: float | None = None,
    ) -> tuple[float, float, float]:
        """Return the value and its percentiles, the same on every scale; see `interval`.

        The ends are NaN where the number is of one unit alone: all redraws are the same.
        """
        value, low, high = interval(draws, confidence)
        units = np.unique(self._unit[np.searchsorted(self.questions, question)])
        return (value, low, high) if len(units) > 1 else (value, np.nan, np.nan)


def interval(draws: FloatArray, confidence: float) -> tuple[float, float, float]:
    """Return the value, which comes first, and its percentile interval.

    Redraws in which the number is not defined are left out, infinite ones are not.

    Parameters
    ----------
    draws : ndarray of shape (1 + n_draws,)
    confidence : float
        Coverage, in (0, 1).

    Returns
    -------
    tuple of float
        NaN for what is undefined or infinite; all three are NaN where the value is undefined.
    """
    redrawn = draws[1:][~np.isnan(draws[1:])]
    if np.isnan(draws[0]) or not redrawn.size:
        return np.nan, np.nan, np.nan
    tail = (1 - confidence) / 2
    with np.errstate(invalid="ignore"):  # between two infinite redraws
        low, high = np.quantile(redrawn, [tail, 1 - tail])
    value, low, high = (float(x) if np.isfinite(x) else np.nan for x in (draws[0], low, high))
    return value, low, high


@lru_cache(maxsize=4)  # studies of one survey have equally many questions
def _times(n_questions: int, n_draws: int, seed: int) -> FloatArray:
    """Return how often each question is drawn, (1 + n_draws, n_questions); once at first."""
    chances = np.full(n_questions, 1 / n_questions)
    drawn = np.random.default_rng([seed, 0]).multinomial(n_questions, chances, size=n_draws)
    times = np.vstack([np.ones(n_questions), drawn])  # floats multiply faster
    times.flags.writeable = False
    return times
