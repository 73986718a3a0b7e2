"""The table of all settings tried."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from distexp.types import Condition

if TYPE_CHECKING:
    import polars as pl


def trials_schema() -> "dict[str, type[pl.DataType]]":
    """Return the columns of `trials.parquet`: a row a trial of a split."""
    import polars as pl

    return {
        "dataset": pl.String,
        "model": pl.String,
        "elicitation": pl.String,
        "prompt": pl.String,
        "calibrator": pl.String,
        "split": pl.Int64,
        "trial": pl.Int64,
        "candidate": pl.String,
        "state": pl.String,
        "value": pl.Float64,
        "chosen": pl.Boolean,
        "params": pl.String,
    }


def trials(
    condition: Condition, tried: Mapping[str, Sequence[Mapping[str, object]]]
) -> "pl.DataFrame":
    """Lay out what the calibrators of one study tried.

    Parameters
    ----------
    condition : Condition
    tried : mapping of str to sequence of mapping
        By calibrator, `distexp.calibrator.tuned.Tuned.trials_`.

    Returns
    -------
    polars.DataFrame
        With the columns of `trials_schema`; in the order tried, so that equal searches give equal
        files.
    """
    import polars as pl

    rows = [
        {**asdict(condition), "calibrator": name, **trial}
        for name, of_one in tried.items()
        for trial in of_one
    ]
    return pl.DataFrame(rows, schema=trials_schema())
