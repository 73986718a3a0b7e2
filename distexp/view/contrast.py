"""Two ways of doing one thing, compared case by case over many conditions: one family of tests."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from distexp.evaluation.bootstrap import Bootstrap
from distexp.evaluation.comparison import holm, sign_flip_test
from distexp.evaluation.jackknife import two_sided
from distexp.metrics.names import METRIC
from distexp.types import FloatArray
from distexp.view.base import CONFIDENCE, N_BOOTSTRAP, SEED
from distexp.view.refitted import Dealt, Refits, jackknife

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
    p: float
    """Of the t test that the interval is the other side of; NaN with fits as they are."""
    n_questions: int
    n_conditions: int
    refitted: bool
    """Whether the interval knows that fits vary with the questions."""


def contrasted(
    pairs: "pl.DataFrame", keys: Sequence[str], refits: "pl.DataFrame | None" = None
) -> "pl.DataFrame":
    """Compare first with second values in each of the sets of pairs that `keys` tell apart.

    A mean is over conditions, of the means over their cases. For an interval groups of questions
    are left out, with all groups of people and all conditions, and the fits made again without
    them, as the runs kept it; where they did not, or dealt their questions otherwise, whole
    questions are redrawn with fits as they are. For `p_flips` signs of questions are flipped, of
    batteries where intervals leave batteries out. The larger p-values of all rows are one family,
    adjusted by Holm's method. The first is better or worse only where its interval leaves 0 out
    and its adjusted p-value is below 5 %.

    Parameters
    ----------
    pairs : DataFrame
        A row a pair of values: `keys`, `condition`, `question_id`, `value_first` and
        `value_second`, and, if there are refits, `fits_first` and `fits_second`; see
        `distexp.view.refitted.fits_of`. A pair without one of its values counts for nothing.
    keys : sequence of str
        Columns. `dataset` and `metric` must be among them: neither is ever averaged over.
    refits : DataFrame, optional
        Of the runs.

    Returns
    -------
    DataFrame
        A row a set, in the order of `pairs`: `keys`, the fields of `Difference`, `p_flips`,
        `p_holm` and `verdict` on the first.

    See Also
    --------
    distexp.evaluation.comparison.compare : The same for the calibrators of one condition.
    """
    import polars as pl

    values = pl.col("value_first", "value_second").fill_nan(None)
    complete = pairs.with_columns(values).drop_nulls(["value_first", "value_second"])
    known = Refits.of(refits)
    found: list[tuple[tuple[object, ...], Difference]] = []
    sums: list[dict[str, float]] = []
    metric = list(keys).index("metric")
    for key, cell in complete.group_by(keys, maintain_order=True):
        difference, by_sign = _difference(cell, known, str(key[metric]))
        found.append((key, difference))
        sums.append(by_sign)
    flips = _chances([str(key[list(keys).index("dataset")]) for key, _ in found], sums)
    adjusted = holm(np.fmax(flips, [row.p for _, row in found])) if found else flips
    rows = [
        (*key, *row, of_flips, of_family, verdict(row, of_family, str(key[metric])))
        for (key, row), of_flips, of_family in zip(
            found, flips.tolist(), adjusted.tolist(), strict=True
        )
    ]
    kinds: dict[str, type[pl.DataType]] = dict.fromkeys(Difference._fields, pl.Float64)
    kinds |= {"n_questions": pl.Int64, "n_conditions": pl.Int64, "refitted": pl.Boolean}
    kinds |= {"p_flips": pl.Float64, "p_holm": pl.Float64, "verdict": pl.String}
    schema = {name: pairs.schema[name] for name in keys} | kinds
    return pl.DataFrame(rows, schema=schema, orient="row").fill_nan(None)


def verdict(row: Difference, p: float, metric: str) -> str:
    """Say whether the first is better or worse in `metric`, or cannot be told from the second."""
    if not (row.high < 0 or row.low > 0) or p >= 1 - CONFIDENCE:
        return EQUAL
    return BETTER if (row.high < 0) == (METRIC[metric].best == "small") else WORSE


def _difference(
    cell: "pl.DataFrame", refits: Refits, metric: str
) -> tuple[Difference, dict[str, float]]:
    """Compare one set of pairs; return the summed differences of each sign too."""
    names, question = np.unique(cell["question_id"].to_numpy(), return_inverse=True)
    first, second = (cell[f"value_{name}"].to_numpy() for name in ("first", "second"))
    dealt = _dealt(cell, refits, metric)
    jack = next((jackknife(one, names) for pair in dealt.values() for one in pair), None)
    resampling = jack or Bootstrap(question, N_BOOTSTRAP, SEED)
    conditions = cell["condition"].to_numpy()
    draws, means, sums = [], [], np.zeros(len(names))
    for condition in np.unique(conditions):
        rows = conditions == condition
        apart = first[rows] - second[rows]
        drawn = resampling.mean(apart, question[rows])
        if jack is not None:
            of_first, of_second = dealt[condition]
            drawn[1:] += of_first.moved[metric] - of_second.moved[metric]
        draws.append(drawn)
        means.append((first[rows].mean(), second[rows].mean()))
        sums += np.bincount(question[rows], apart, len(names)) / len(apart)
    mean_first, mean_second = np.mean(means, axis=0).tolist()
    mean = _mean_of_known(np.array(draws))
    value, low, high = resampling.interval(mean, np.arange(len(names)), CONFIDENCE)
    p = np.nan if jack is None else two_sided(value, *jack.error(mean, np.arange(len(names))))
    signs: dict[str, float] = {}
    for name, of_one in zip(names.tolist(), sums.tolist(), strict=True):
        sign = next(iter(dealt.values()))[0].units[name] if jack else name
        signs[sign] = signs.get(sign, 0.0) + of_one
    found = Difference(
        mean_first, mean_second, value, low, high, p, len(names), len(draws), jack is not None
    )
    return found, signs


def _dealt(cell: "pl.DataFrame", refits: Refits, metric: str) -> dict[str, tuple[Dealt, Dealt]]:
    """Return the refits of both sides of each condition; none unless all are known and alike."""
    sides = ["fits_first", "fits_second"]
    if not set(sides) <= set(cell.columns):
        return {}
    of = cell.select("condition", *sides).unique(maintain_order=True)
    if of.height > of["condition"].n_unique():
        return {}
    found = refits.dealt([*of["fits_first"], *of["fits_second"]], metric)
    if found is None:
        return {}
    pairs = zip(found[: of.height], found[of.height :], strict=True)
    return dict(zip(of["condition"].to_list(), pairs, strict=True))


def _chances(datasets: Sequence[str], sums: Sequence[dict[str, float]]) -> FloatArray:
    """Return the p-value of each set of pairs; those of a dataset have the same flips."""
    p = np.empty(len(sums))
    for dataset in set(datasets):
        rows = [row for row, name in enumerate(datasets) if name == dataset]
        signs = sorted({sign for row in rows for sign in sums[row]})
        matrix = [[sums[row].get(sign, 0.0) for sign in signs] for row in rows]
        p[rows] = sign_flip_test(np.array(matrix), N_FLIPS, SEED)
    return p


def _mean_of_known(draws: FloatArray) -> FloatArray:
    """Average over conditions; a redraw may miss all questions of one that has few."""
    known = ~np.isnan(draws)
    mean: FloatArray = np.where(known, draws, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    return mean
