"""Tables of groups of people, and of what leaving questions out does: one schema each."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from distexp.evaluation.result import Result
from distexp.metrics.names import DISTANCES, TASKS
from distexp.run_folder import GROUP_SCORES, REFITS, SPREADS
from distexp.types import CONDITION, Study

if TYPE_CHECKING:
    import polars as pl


def kept(outcomes: Sequence[tuple[Study, Result]]) -> "dict[str, pl.DataFrame]":
    """Return the tables that there are, by the names of their files."""
    made = {
        GROUP_SCORES: _table(
            outcomes, lambda of: map(asdict, of.group_scores), group_scores_schema()
        ),
        SPREADS: _table(outcomes, lambda of: map(asdict, of.spreads), spreads_schema()),
        REFITS: _table(outcomes, _refits, refits_schema()),
    }
    return {name: table for name, table in made.items() if table.height}


def group_scores_schema() -> "dict[str, type[pl.DataType] | pl.DataType]":
    """Return the columns of `group_scores.parquet`: a row a calibrator and group of people."""
    import polars as pl

    return {
        **dict.fromkeys(CONDITION, pl.String),
        "calibrator": pl.String,
        "attribute": pl.String,
        "group": pl.String,
        "w1": pl.Float64,
        "low": pl.Float64,
        "high": pl.Float64,
        "n_questions": pl.Int64,
    }


def spreads_schema() -> "dict[str, type[pl.DataType] | pl.DataType]":
    """Return the columns of `spreads.parquet`: a row a calibrator and attribute."""
    import polars as pl

    return {
        **dict.fromkeys(CONDITION, pl.String),
        "calibrator": pl.String,
        "attribute": pl.String,
        "human_sd": pl.Float64,
        "predicted_sd": pl.Float64,
        "ratio": pl.Float64,
        "low": pl.Float64,
        "high": pl.Float64,
        "n_questions": pl.Int64,
    }


def refits_schema() -> "dict[str, type[pl.DataType] | pl.DataType]":
    """Return the columns of `refits.parquet`: a row a calibrator and group that was left out."""
    import polars as pl

    return {
        **dict.fromkeys(CONDITION, pl.String),
        "calibrator": pl.String,
        "left_out": pl.Int64,
        "questions": pl.List(pl.String),
        "units": pl.List(pl.Int64),
        **{f"moved_{metric.key}": pl.Float64 for metric in (*DISTANCES, *TASKS)},
    }


def _refits(result: Result) -> Iterable[dict[str, Any]]:
    for row in result.refits:
        moved = {f"moved_{key}": value for key, value in row.moved.items()}
        yield {key: value for key, value in asdict(row).items() if key != "moved"} | moved


def _table(
    outcomes: Sequence[tuple[Study, Result]],
    rows_of: Callable[[Result], Iterable[dict[str, Any]]],
    schema: "dict[str, type[pl.DataType] | pl.DataType]",
) -> "pl.DataFrame":
    import polars as pl

    rows = [asdict(study.condition) | row for study, result in outcomes for row in rows_of(result)]
    return pl.DataFrame(rows, schema=schema).fill_nan(None)
