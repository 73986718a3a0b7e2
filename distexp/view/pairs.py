"""Contrasts of what differs in one column: calibrators, elicitations, models."""

import re
from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

from distexp.checks import check_names, check_text, parameter_error
from distexp.evaluation.baselines import CEILING, NOT_CALIBRATED, UNIFORM
from distexp.metrics.names import DISTANCES, keys
from distexp.report import figures
from distexp.types import CONDITION
from distexp.view.base import CASE, Runs
from distexp.view.contrast import contrasted
from distexp.view.refitted import fits_of
from distexp.view.sentences import answer, labelled

if TYPE_CHECKING:
    import polars as pl

COLUMNS = (*CONDITION[1:], "calibrator")
"""In which a pair may differ."""
USUAL = ("w1", "tv", "kl")
"""What is compared where a view does not say. The p-values of a table are adjusted together, so
another distance is compared where it is asked for, and moves no p-value elsewhere."""
OWN = ("value", "fits")
"""Columns that each value of a pair has for itself."""
NO_METHODS = (CEILING, UNIFORM)
"""What a ``*`` does not stand for: they learn nothing and ask no model."""


class ContrastView:
    """Distances under two values of one column, all else equal, case by case.

    Datasets are never averaged over, nor calibrators, nor numbers of training questions; the
    other parts of a condition are, unless `by` names them.

    Parameters
    ----------
    name : str
        Of the files.
    question : str
        What the table answers.
    column : {"model", "elicitation", "prompt", "calibrator"}
        In which the two differ.
    pairs : sequence of (str, str), optional
        Of values of `column`. A ``*`` in the first stands for any text, one in the second for
        that same text. None compares every two values, baselines left out.
    metrics : sequence of str
        Distances: the keys of `distexp.metrics.names.DISTANCES`. The first is told in numbers.
    by : sequence of str
        Columns that the rows tell apart.
    calibrators : sequence of str, optional
        Under which models, elicitations or prompts are compared; None takes all.
    """

    def __init__(
        self,
        *,
        name: str,
        question: str,
        column: str,
        pairs: Sequence[Sequence[str]] | None = None,
        metrics: Sequence[str] = USUAL,
        by: Sequence[str] = (),
        calibrators: Sequence[str] | None = None,
    ) -> None:
        owner = type(self).__name__
        check_text(owner, "name", name)
        check_text(owner, "question", question)
        if column not in COLUMNS:
            raise parameter_error(owner, "column", f"one of {', '.join(COLUMNS)}", column)
        if pairs is not None and not all(map(_is_pair, pairs)):
            wanted = "null or a list of two texts each, with at most one * in either"
            raise parameter_error(owner, "pairs", wanted, pairs)
        check_distances(owner, metrics)
        others = [name for name in (*CONDITION, "calibrator") if name != column]
        if not set(by) <= set(others):
            raise parameter_error(owner, "by", f"a list out of {', '.join(others)}", by)
        check_names(owner, "calibrators", calibrators)
        self.name = name
        self.question = question
        self.column = column
        self.pairs = pairs
        self.metrics = metrics
        kept = {*by, "calibrator"} - {column}
        self.by = [name for name in COLUMNS if name in kept]
        self.calibrators = calibrators

    def table(self, runs: Runs) -> "pl.DataFrame":
        """Return a row per dataset, set of `by`, pair, number of training questions and metric."""
        import polars as pl

        values = case_values(runs.cases, self.metrics)
        if self.calibrators is not None and self.column != "calibrator":
            values = values.filter(pl.col("calibrator").is_in(list(self.calibrators)))
        averaged = [n for n in COLUMNS if n not in (*self.by, self.column, "calibrator")]
        keys = ["dataset", *self.by, "first", "second", "n_train", "metric"]
        having = {
            str(key[0]): rows.drop(self.column)
            for key, rows in values.group_by(self.column, maintain_order=True)
        }
        pairs = [
            paired(having[first], having[second], (first, second))
            for first, second in self._pairs(list(having))
        ]
        nothing = paired(values.clear(), values.clear(), ("", ""))
        together = pl.concat([nothing, *pairs], how="diagonal").with_columns(
            pl.concat_str([pl.lit(""), *averaged], separator="\n").alias("condition")
        )
        order = {metric: place for place, metric in enumerate(self.metrics)}
        return contrasted(together, keys, runs.refits).sort(
            "dataset", pl.col("metric").replace_strict(order, default=0), maintain_order=True
        )

    def caption(self, table: "pl.DataFrame") -> str:
        """State the answer for each dataset, and no more than the intervals allow."""
        return f"{self.question}\n\n{answer(table, by=self.by)}"

    def figure(self, table: "pl.DataFrame", path: Path) -> None:
        """Draw the differences with their intervals, a panel a metric."""
        figures.differences(labelled(table, by=self.by), path=path)

    def _pairs(self, values: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Yield the pairs of `values` to compare."""
        if self.pairs is None:
            yield from combinations([v for v in values if v not in NOT_CALIBRATED], 2)
            return
        for first, second in self.pairs:
            pattern = re.escape(first).replace(r"\*", "(.*)")
            passed_over = NO_METHODS if "*" in first else ()
            for value in (value for value in values if value not in passed_over):
                if matched := re.fullmatch(pattern, value):
                    other = second.replace("*", "".join(matched.groups()))
                    if other in values and other != value:
                        yield value, other


def check_distances(owner: str, metrics: Sequence[str]) -> None:
    """Raise `ConfigError` unless `metrics` is a non-empty list of distances."""
    if isinstance(metrics, str) or not metrics or not set(metrics) <= set(keys(DISTANCES)):
        wanted = f"a list out of {', '.join(keys(DISTANCES))}"
        raise parameter_error(owner, "metrics", wanted, metrics)


def case_values(cases: "pl.DataFrame", metrics: Sequence[str]) -> "pl.DataFrame":
    """Return a row per condition, case, calibrator, number of training questions and metric.

    The column `fits` says whose refits belong to it. Runs that repeat each other are averaged;
    what tables of earlier versions lack is left out.
    """
    import polars as pl

    keys = [*CONDITION, "calibrator", "n_train", *CASE]
    lacking = [metric for metric in metrics if metric not in cases.columns]
    return (
        cases.with_columns(pl.lit(None, pl.Float64).alias(metric) for metric in lacking)
        .unpivot(list(metrics), index=keys, variable_name="metric")
        .drop_nulls("value")
        .group_by([*keys, "metric"], maintain_order=True)
        .agg(pl.col("value").mean())
        .with_columns(fits_of())
    )


def paired(
    first: "pl.DataFrame", second: "pl.DataFrame", names: tuple[str, str]
) -> "pl.DataFrame":
    """Put the values of equal cases and all else that both have side by side."""
    import polars as pl

    on = [name for name in first.columns if name in second.columns and name not in OWN]
    left, right = (
        one.rename({name: f"{name}_{side}" for name in OWN})
        for one, side in ((first, "first"), (second, "second"))
    )
    return left.join(right, on=on, maintain_order="left").with_columns(
        pl.lit(names[0], pl.String).alias("first"), pl.lit(names[1], pl.String).alias("second")
    )


def _is_pair(pair: object) -> bool:
    return (
        isinstance(pair, Sequence)
        and len(pair) == 2
        and all(isinstance(text, str) and text.count("*") <= 1 for text in pair)
    )
