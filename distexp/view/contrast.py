"""Two ways of doing one thing, compared case by case over many conditions: one family of tests."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from distexp.evaluation.bootstrap import Bootstrap, interval
from distexp.evaluation.comparison import holm, sign_flip_test
from distexp.metrics.names import METRIC
from distexp.types import FloatArray
from distexp.view.base import CONFIDENCE, N_BOOTSTRAP, SEED

if TYPE_CHECKING:
    import polars as pl

N_FLIPS = 100_000
"""Ten times those of a single run: a table may hold hundreds of comparisons, and the least p-value
that so many flips can show, times their number, must stay below 5 %."""
BETTER, WORSE, EQUAL = "better", "worse", "cannot be told apart"


class Difference(NamedTuple):
    """What a set of pairs comes to; these are columns of the table."""

    mean_first: float
    mean_second: float
    difference: float
    """The first minus the second."""
    low: float
    high: float
    n_questions: int
    n_conditions: int


def contrasted(pairs: "pl.DataFrame", keys: Sequence[str]) -> "pl.DataFrame":
    """Compare first with second values in each of the sets of pairs that `keys` tell apart.

    A mean is over conditions, of the means over their cases. For an interval whole questions are
    redrawn, with all groups of people and all conditions; for a p-value their signs are flipped
    likewise. The p-values of all rows are one family, adjusted by Holm's method. The first is
    better or worse only where its interval leaves 0 out and its adjusted p-value is below 5 %.

    Parameters
    ----------
    pairs : DataFrame
        A row a pair of values: `keys`, `condition`, `question_id`, `value_first` and
        `value_second`. A pair without one of its values counts for nothing.
    keys : sequence of str
        Columns. `dataset` and `metric` must be among them: neither is ever averaged over.

    Returns
    -------
    DataFrame
        A row a set, in the order of `pairs`: `keys`, the fields of `Difference`, `p`, `p_holm`
        and `verdict` on the first.

    See Also
    --------
    distexp.evaluation.comparison.compare : The same for the calibrators of one condition.
    """
    import polars as pl

    values = pl.col("value_first", "value_second").fill_nan(None)
    complete = pairs.with_columns(values).drop_nulls(["value_first", "value_second"])
    found: list[tuple[tuple[object, ...], Difference]] = []
    sums: list[dict[str, float]] = []
    for key, cell in complete.group_by(keys, maintain_order=True):
        difference, by_question = _difference(cell)
        found.append((key, difference))
        sums.append(by_question)
    p = _chances([str(key[list(keys).index("dataset")]) for key, _ in found], sums)
    adjusted = holm(p).tolist()
    metric = list(keys).index("metric")
    rows = [
        (*key, *row, raw, of_family, verdict(row, of_family, str(key[metric])))
        for (key, row), raw, of_family in zip(found, p.tolist(), adjusted, strict=True)
    ]
    numbers = {name: pl.Float64 for name in Difference._fields[:5]}
    counts = {name: pl.Int64 for name in Difference._fields[5:]}
    tests = {"p": pl.Float64, "p_holm": pl.Float64, "verdict": pl.String}
    schema = {name: pairs.schema[name] for name in keys} | numbers | counts | tests
    return pl.DataFrame(rows, schema=schema, orient="row")


def verdict(row: Difference, p: float, metric: str) -> str:
    """Say whether the first is better or worse in `metric`, or cannot be told from the second."""
    if row.low <= 0 <= row.high or p >= 1 - CONFIDENCE:
        return EQUAL
    return BETTER if (row.high < 0) == (METRIC[metric].best == "small") else WORSE


def _difference(cell: "pl.DataFrame") -> tuple[Difference, dict[str, float]]:
    """Compare one set of pairs; return the summed differences of each question too."""
    names, question = np.unique(cell["question_id"].to_numpy(), return_inverse=True)
    first, second = (cell[f"value_{name}"].to_numpy() for name in ("first", "second"))
    conditions = cell["condition"].to_numpy()
    bootstrap = Bootstrap(question, N_BOOTSTRAP, SEED)
    draws, means, sums = [], [], np.zeros(len(names))
    for condition in np.unique(conditions):
        rows = conditions == condition
        apart = first[rows] - second[rows]
        draws.append(bootstrap.mean(apart, question[rows]))
        means.append((first[rows].mean(), second[rows].mean()))
        sums += np.bincount(question[rows], apart, len(names)) / len(apart)
    mean_first, mean_second = np.mean(means, axis=0).tolist()
    value, low, high = interval(_mean_of_known(np.array(draws)), CONFIDENCE)
    counts = {"n_questions": len(names), "n_conditions": len(draws)}
    summed = dict(zip(names.tolist(), sums.tolist(), strict=True))
    return Difference(mean_first, mean_second, value, low, high, **counts), summed


def _chances(datasets: Sequence[str], sums: Sequence[dict[str, float]]) -> FloatArray:
    """Return the p-value of each set of pairs; those of a dataset have the same flips."""
    p = np.empty(len(sums))
    for dataset in set(datasets):
        rows = [row for row, name in enumerate(datasets) if name == dataset]
        questions = sorted({question for row in rows for question in sums[row]})
        matrix = [[sums[row].get(question, 0.0) for question in questions] for row in rows]
        p[rows] = sign_flip_test(np.array(matrix), N_FLIPS, SEED)
    return p


def _mean_of_known(draws: FloatArray) -> FloatArray:
    """Average over conditions; a redraw may miss all questions of one that has few."""
    known = ~np.isnan(draws)
    mean: FloatArray = np.where(known, draws, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    return mean
