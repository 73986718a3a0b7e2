"""Contrasts in words: what a table of them answers, and how much of it is chance."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from distexp.evaluation import baselines
from distexp.metrics.names import METRIC
from distexp.report.markdown import escaped
from distexp.view.base import for_people
from distexp.view.contrast import BETTER, EQUAL, WORSE
from distexp.visible import within

if TYPE_CHECKING:
    import polars as pl

N_TOLD = 16
"""Comparisons of a dataset that a caption tells one by one; more are counted."""
NOTHING = (
    "There is nothing to compare: these runs hold no two that differ in this alone. Sweep with "
    "-m, or read several at once with dataset=runs or dataset=recorded."
)


def answer(table: "pl.DataFrame", *, by: Sequence[str]) -> str:
    """Say for each dataset what a table of `distexp.view.contrast.contrasted` shows.

    Parameters
    ----------
    table : DataFrame
        Has the columns `dataset`, `first`, `second`, `n_train` and `metric` and those of `by`.
    by : sequence of str
        Columns that rows differ in beside those.

    Returns
    -------
    str
        Markdown: a list for each dataset, an item a pair.
    """
    if table.is_empty():
        return NOTHING
    datasets = table.partition_by("dataset", maintain_order=True)
    colours = "In the figure better is green, worse orange, the rest grey."
    told = [listed(rows, _items(rows, by)) for rows in datasets]
    return "\n\n".join([*told, f"{rules(table)} {colours}"])


def labelled(table: "pl.DataFrame", *, by: Sequence[str]) -> "pl.DataFrame":
    """Add a column `label` that names the pair of each row in a figure."""
    import polars as pl

    several = table.n_unique(["dataset", "n_train"]) > table["dataset"].n_unique()
    parts = ["dataset", *by, *(["n_train"] if several else [])]
    compared = pl.concat_str("first", pl.lit(" − "), "second")
    table = for_people(table)
    return table.with_columns(
        pl.concat_str([*map(pl.col, parts), compared], separator=", ").alias("label")
    )


def listed(rows: "pl.DataFrame", items: Sequence[str]) -> str:
    """List what is said of one dataset under its name and what that rests on."""
    questions, conditions, trained_on = (
        _range(rows[column]) for column in ("n_questions", "n_conditions", "n_train")
    )
    plural = "s" * (conditions != "1")
    extent = f"{questions} questions, {trained_on} trained on, {conditions} condition{plural}"
    return "\n".join(
        [f"**{escaped(rows['dataset'][0])}** ({extent}):\n", *(f"- {one}" for one in items)]
    )


def named(name: str) -> str:
    """Return what sentences call a calibrator, a model, an elicitation or a prompt."""
    return escaped(baselines.named(name))


def signed(value: float) -> str:
    """Write a difference with its sign; 0 has none.

    Examples
    --------
    >>> signed(-0.00001), signed(0.01), signed(-0.01)
    ('0.0000', '+0.0100', '−0.0100')
    """
    text = f"{value:+.4f}".replace("-", "−")
    return text if float(f"{value:.4f}") else text[1:]


def rules(table: "pl.DataFrame") -> str:
    """Tell how differences are made and when one counts."""
    fixed = table.height - int(table["refitted"].sum())
    of = "" if fixed == table.height else f"Those of {fixed} comparisons"
    as_they_are = (
        f"{of or 'They'} redraw questions with fits as they are, because runs kept no refits or "
        "dealt their questions otherwise: of calibrators they are too narrow. "
    )
    return (
        "Differences are the first minus the second, means over conditions of means over cases, "
        "with 95 % intervals that leave groups of questions out of test and fits. "
        f"{as_they_are if fixed else ''}Better or worse takes an interval "
        "without 0 and p < 0.05, by t test and sign flips and after Holm's adjustment for the "
        f"{table.height} comparisons of the table."
    )


def _items(rows: "pl.DataFrame", by: Sequence[str]) -> list[str]:
    pairs = rows.partition_by(*by, "first", "second", "n_train", maintain_order=True)
    if len(pairs) <= N_TOLD:
        return [_told(pair.rows(named=True), by) for pair in pairs]
    alike = [*(["calibrator"] if "calibrator" in by else []), "second", "metric"]
    return [_counted(some, alike) for some in rows.partition_by(alike, maintain_order=True)]


def _told(rows: Sequence[Mapping[str, Any]], by: Sequence[str]) -> str:
    """Tell one pair, metric by metric."""
    first = rows[0]
    where = "".join(f"{named(first[name])}, " for name in by)
    found = "; ".join(f"{row['verdict']} in {_numbers(row)}" for row in rows)
    return f"{where}{named(first['first'])} against {named(first['second'])}: {found}."


def _numbers(row: Mapping[str, Any]) -> str:
    means = (f"{row[name]:.4f}".replace("-", "−") for name in ("mean_first", "mean_second"))
    apart = f"{signed(row['difference'])}{within(row['low'], row['high'], signed)}"
    p = f"p {row['p_holm']:.3f}" if row["p_holm"] >= 0.0005 else "p < 0.001"
    return f"{METRIC[row['metric']].label} ({' against '.join(means)}, {apart}, {p})"


def _counted(rows: "pl.DataFrame", alike: Sequence[str]) -> str:
    """Tell how often the first came out better than one and the same second, by one metric."""
    *others, second, metric = (rows[name][0] for name in alike)
    verdicts, apart = rows["verdict"].to_list(), rows["difference"].to_list()
    better, worse, equal = (verdicts.count(verdict) for verdict in (BETTER, WORSE, EQUAL))
    where = "".join(f"{named(other)}, " for other in others)
    return (
        f"{where}against {named(second)} in {METRIC[metric].label}: better in {better}, worse in "
        f"{worse}, cannot be told apart in {equal} of {rows.height} comparisons (from "
        f"{signed(min(apart))} to {signed(max(apart))})."
    )


def _range(values: "pl.Series") -> str:
    low, high = min(values.to_list()), max(values.to_list())
    return f"{low}" if low == high else f"{low} to {high}"
