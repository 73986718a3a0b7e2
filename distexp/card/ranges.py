"""The predictions that a calibrator was trained on, by number of options."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from distexp.card.fields import field_error, numbers, take
from distexp.types import Design, FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """The predictions trained on for one number of options."""

    n_questions: int
    low: FloatArray
    """Shape (n_inputs, n_options): the least share of each option, by stacked input."""
    high: FloatArray
    """Likewise the greatest."""


def ranges_of(X: Design) -> Iterator[tuple[int, Range]]:
    """Yield each number of options with the range of its predictions."""
    for k in np.unique(X.n_options).tolist():
        rows = X.n_options == k
        shares = X.stacked[rows, :, :k]
        yield (
            k,
            Range(
                n_questions=len(np.unique(X.question[rows])),
                low=shares.min(axis=0),
                high=shares.max(axis=0),
            ),
        )


def read_range(document: object, where: str, n_inputs: int, k: int) -> Range:
    """Read what a card says of a number of options, or raise `ConfigError`."""
    where = f"{where}.n_options.{k}"
    n_questions, low, high = take(document, where, n_questions=int, low=list, high=list)
    bounds = {}
    for name, rows in (("low", low), ("high", high)):
        if len(rows) != n_inputs:
            raise field_error(f"{where}.{name}", f"a list of {n_inputs} lists", rows)
        bounds[name] = np.array([numbers(row, f"{where}.{name}", length=k) for row in rows])
    return Range(n_questions=n_questions, low=bounds["low"], high=bounds["high"])
