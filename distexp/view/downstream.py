"""What predictions are used for, before and after calibration."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from distexp.checks import check_names, check_text
from distexp.evaluation.baselines import NOT_CALIBRATED, RAW
from distexp.metrics.names import TASKS
from distexp.metrics.tasks import tasks
from distexp.report import figures
from distexp.run_folder import CALIBRATED
from distexp.types import CONDITION, FloatArray, IntArray
from distexp.view.base import CASE, Runs
from distexp.view.contrast import contrasted
from distexp.view.refitted import BETWEEN
from distexp.view.sentences import answer, labelled

if TYPE_CHECKING:
    import polars as pl


class DownstreamView:
    """The tasks of `distexp.metrics.tasks`, with calibrated predictions and with others.

    A case's prediction is the mean of those that were made while its question was held out, as in
    `predictions.parquet`. (`scores.parquet` has the mean over the splits of each task instead:
    what one fit is good for.) A task of the groups of one attribute takes the cases that were
    tested.

    Parameters
    ----------
    name : str
        Of the files.
    question : str
        What the table answers.
    calibrators : sequence of str, optional
        None takes all but baselines.
    against : sequence of str
        Methods to compare each of them with: `identity` is the uncalibrated model.
    """

    def __init__(
        self,
        *,
        name: str,
        question: str,
        calibrators: Sequence[str] | None = None,
        against: Sequence[str] = (RAW,),
    ) -> None:
        owner = type(self).__name__
        check_text(owner, "name", name)
        check_text(owner, "question", question)
        check_names(owner, "calibrators", calibrators)
        check_names(owner, "against", against)
        self.name = name
        self.question = question
        self.calibrators = calibrators
        self.against = against

    def table(self, runs: Runs) -> "pl.DataFrame":
        """Return a row per dataset, calibrator, number of training questions and task."""
        import polars as pl

        methods = [
            name.removeprefix(CALIBRATED)
            for name in runs.predictions.columns
            if name.startswith(CALIBRATED)
        ]
        learnt = [name for name in methods if name not in NOT_CALIBRATED]
        chosen = learnt if self.calibrators is None else self.calibrators
        readable = runs.predictions.filter(pl.col("status") == "ok")
        pairs = [
            _pairs(tested, name, other)
            for cases in readable.partition_by(*CONDITION, "n_train", maintain_order=True)
            for name in (name for name in chosen if name in methods)
            for other in (other for other in self.against if other in methods and other != name)
            if (tested := cases.drop_nulls([CALIBRATED + name, CALIBRATED + other])).height
        ]
        keys = ["dataset", "first", "second", "n_train", "metric"]
        together = pl.concat(pairs) if pairs else pl.DataFrame(schema=_pairs_schema())
        order = {task.key: place for place, task in enumerate(TASKS)}
        place = pl.col("metric").replace_strict(order, default=0)
        return contrasted(together, keys, runs.refits).sort(
            "dataset", "first", "second", place, maintain_order=True
        )

    def caption(self, table: "pl.DataFrame") -> str:
        """State for each dataset what gets better, and no more than the intervals allow."""
        return f"{self.question}\n\n{answer(table, by=[])}"

    def figure(self, table: "pl.DataFrame", path: Path) -> None:
        """Draw the differences with their intervals, a panel a task."""
        figures.differences(labelled(table, by=[]), path=path)


def _pairs(rows: "pl.DataFrame", name: str, other: str) -> "pl.DataFrame":
    """Return each task's values with the predictions of the one method and of the other."""
    import polars as pl

    rows = rows.sort(*CASE, "option_index", maintain_order=True)
    first, second = (_values(rows, CALIBRATED + of) for of in (name, other))
    dataset, *condition = rows.select(CONDITION).row(0)
    same = {
        "dataset": dataset,
        "condition": BETWEEN.join(condition),
        "first": name,
        "second": other,
    }
    for side in ("first", "second"):
        fits = [dataset, *condition, same[side], str(rows["n_train"][0])]
        same[f"fits_{side}"] = BETWEEN.join(fits)
    return (
        first.rename({"value": "value_first"})
        .with_columns(second["value"].alias("value_second"))
        .with_columns(pl.lit(value, pl.String).alias(column) for column, value in same.items())
        .with_columns(pl.lit(rows["n_train"][0], pl.Int64).alias("n_train"))
        .select(_pairs_schema().keys())
    )


def _pairs_schema() -> "dict[str, type[pl.DataType]]":
    import polars as pl

    texts = (
        "dataset", "condition", "first", "second", "fits_first", "fits_second", "metric",
        "question_id",
    )  # fmt: skip
    numbers = ("value_first", "value_second")
    return {
        **dict.fromkeys(texts, pl.String),
        "n_train": pl.Int64,
        **dict.fromkeys(numbers, pl.Float64),
    }


def _values(rows: "pl.DataFrame", column: str) -> "pl.DataFrame":
    """Return what each task comes to with the predictions of `column`: a row a case or cell."""
    import polars as pl

    cases = rows.group_by(CASE, maintain_order=True).agg(
        pl.len(),
        pl.coalesce("people", pl.col("n_respondents") * pl.col("design_effect")).first(),
    )
    cells = cases.select("question_id", "attribute").unique(maintain_order=True).with_row_index()
    cell = cases.join(cells, on=["question_id", "attribute"], maintain_order="left")["index"]
    n_options = cases["len"].to_numpy()
    served, several = tasks(
        _padded(rows[column], n_options, 0.0),
        _padded(rows["human"], n_options, 0.0),
        _padded(rows.select(_scaled())["ordinal"], n_options, np.nan),
        cell.to_numpy().astype(np.int64),
        cases["people"].cast(pl.Float64).fill_null(np.nan).to_numpy(),
    )
    asked = {False: cases["question_id"], True: cells["question_id"].gather(several)}
    return pl.concat(
        pl.DataFrame(
            {"question_id": asked[task.by_cell], "value": getattr(served, task.field)}
        ).with_columns(pl.lit(task.key).alias("metric"))
        for task in TASKS
    )


def _scaled() -> "pl.Expr":
    """Return positions scaled to [0, 1]; NaN for a nominal question."""
    import polars as pl

    low, high = (getattr(pl.col("ordinal"), end)().over(CASE) for end in ("min", "max"))
    scaled: pl.Expr = (pl.col("ordinal") - low) / (high - low)
    return scaled.fill_null(np.nan).alias("ordinal")


def _padded(values: "pl.Series", n_options: IntArray, nothing: float) -> FloatArray:
    """Lay the values of options out as an array of shape (n_cases, max_options)."""
    mask = np.arange(n_options.max()) < n_options[:, None]
    array = np.full(mask.shape, nothing)
    array[mask] = values.to_numpy()
    return array
