"""What a pilot would have shown on the questions learnt from: errors, coverage, widths, by size.

For each size answers are drawn from a group's human shares, which are taken for the truth, and
joined with the estimate that was made without the question, with the worth of the other questions.
"""

from typing import NamedTuple

import numpy as np

from distexp.metrics.distance import distance
from distexp.rectify.joining import alone, covered, credible, joined
from distexp.types import BoolArray, FloatArray, IntArray

SIZES = (0, 5, 10, 20, 50, 100, 200, 500, 1000)
"""Of the pilots."""
N_DRAWN = 2000
"""Cases drawn for errors and coverage, each question as likely."""
N_WIDTHS = 100
"""Of them, those whose intervals are measured."""


class Power(NamedTuple):
    """Of pilots of one size; lists have an entry a coverage."""

    n: int
    error: float
    """Mean distance of the joined estimate: W1, or total variation without an order of options."""
    error_by_mean: float
    """Likewise of the training mean joined with the pilot."""
    error_alone: float
    """Likewise of the pilot by itself; NaN for a pilot of nobody."""
    covered: tuple[float, ...]
    """How many of the shares the intervals hold."""
    width: tuple[float, ...]
    """Mean width of the intervals."""
    width_by_mean: tuple[float, ...]
    width_alone: tuple[float, ...]


def simulated(
    prior: FloatArray,
    mean: FloatArray,
    human: FloatArray,
    ordinals: FloatArray,
    n_options: IntArray,
    question: IntArray,
    weights: tuple[FloatArray, FloatArray],
    coverages: tuple[float, ...],
    seed: int = 0,
) -> tuple[Power, ...]:
    """Draw pilots and join them.

    Parameters
    ----------
    prior, mean, human, ordinals : ndarray of shape (n_cases, max_options)
        Estimate and training mean, each made without the question; the truth; positions.
    n_options, question : ndarray of shape (n_cases,)
    weights : tuple of ndarray of shape (n_cases,)
        Of the estimate and of the training mean.
    coverages : tuple of float
    seed : int

    Returns
    -------
    tuple of Power
        One for each of `SIZES`.
    """
    rng = np.random.default_rng([seed, 11])
    counts = np.unique(question, return_inverse=True, return_counts=True)
    chance = 1 / counts[2][counts[1]]
    rows = rng.choice(len(human), size=N_DRAWN, p=chance / chance.sum())
    truth, places, sizes = human[rows], ordinals[rows], n_options[rows].astype(np.float64)
    kinds = ((prior[rows], weights[0][rows]), (mean[rows], weights[1][rows]))
    is_option = np.arange(human.shape[1]) < sizes[:, None]
    some = slice(N_WIDTHS)
    found = []
    for n in SIZES:
        drawn = rng.multinomial(n, truth / truth.sum(axis=1, keepdims=True)).astype(np.float64)
        errors = [float(distance(joined(m, drawn, w), truth, places).mean()) for m, w in kinds]
        widths = [
            tuple(
                _width(*credible(m[some], drawn[some], w[some], sizes[some], c), is_option[some])
                for c in coverages
            )
            for m, w in kinds
        ]
        m, w = kinds[0]
        found.append(
            Power(
                n=n,
                error=errors[0],
                error_by_mean=errors[1],
                error_alone=float(distance(drawn / n, truth, places).mean()) if n else np.nan,
                covered=tuple(
                    float(inside[is_option].mean())
                    for inside in covered(truth, m, drawn, w, sizes, coverages)
                ),
                width=widths[0],
                width_by_mean=widths[1],
                width_alone=tuple(
                    _width(*alone(drawn[some], c), is_option[some]) for c in coverages
                ),
            )
        )
    return tuple(found)


def _width(low: FloatArray, high: FloatArray, is_option: BoolArray) -> float:
    return float((high - low)[is_option].mean())
