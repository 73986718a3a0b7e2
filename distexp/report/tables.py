"""The tables that a run leaves: one schema each, rows in a fixed order."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from distexp.asking.answers import Unreadable
from distexp.asking.uncollected import uncollected
from distexp.metrics.distance import Scores
from distexp.metrics.names import DISTANCES, METRICS, keys
from distexp.request import whole_text
from distexp.run_folder import CALIBRATED
from distexp.types import CONDITION, Condition, FloatArray, Study

if TYPE_CHECKING:
    import polars as pl


NEW_COLUMNS = {"people": 3, "p_flips": 3, "family": 3, "detectable": 3}
"""Columns of no metric that are new, with the schema that they came in."""
SCHEMA = max(*NEW_COLUMNS.values(), *(metric.since for metric in METRICS))
"""Of the tables; `summary.json` states it, and runs that state none have 1. A higher one has
columns or metrics more, and moves no number of the others, but for `REMADE`."""
REMADE = {3: ("low", "high", "p", "p_holm")}
"""Columns whose numbers are made otherwise from a schema on: since 3 intervals and p-values know
that fits vary with the questions."""


def cut(table: "pl.DataFrame", schema: int) -> "pl.DataFrame":
    """Return a table as a run of an earlier schema has it: without what came since.

    What is left is to be compared with the table of that run: columns of metrics and, where the
    column `metric` names them, rows.
    """
    import polars as pl

    new = [metric.key for metric in METRICS if metric.since > schema]
    if "metric" in table.columns:
        table = table.filter(~pl.col("metric").is_in(new))
    columns = [name for name, since in NEW_COLUMNS.items() if since > schema]
    return table.drop([*new, *columns], strict=False)


def predictions_schema() -> "dict[str, type[pl.DataType]]":
    """Return the columns of `predictions.parquet` that every run has: a row a case and option.

    A column `calibrated_NAME` follows for each calibrator.
    """
    import polars as pl

    return {
        **dict.fromkeys(CONDITION, pl.String),
        "question_id": pl.String,
        "wording": pl.String,
        "kind": pl.String,
        "attribute": pl.String,
        "group": pl.String,
        "n_respondents": pl.Float64,
        "design_effect": pl.Float64,
        "off_scale": pl.Float64,
        "people": pl.Float64,
        "status": pl.String,
        "n_replies": pl.Int64,
        "n_unreadable": pl.Int64,
        "mass": pl.Float64,
        "option_index": pl.Int64,
        "option": pl.String,
        "ordinal": pl.Float64,
        "human": pl.Float64,
        "predicted": pl.Float64,
    }


def scores_schema() -> "dict[str, type[pl.DataType]]":
    """Return the columns of `scores.parquet`: a row a calibrator and metric."""
    import polars as pl

    return {
        **dict.fromkeys(CONDITION, pl.String),
        "calibrator": pl.String,
        "scope": pl.String,
        "metric": pl.String,
        "detail": pl.String,
        "value": pl.Float64,
        "low": pl.Float64,
        "high": pl.Float64,
        "n_questions": pl.Int64,
        "n_groups": pl.Int64,
        "n_respondents": pl.Float64,
        "n_splits": pl.Int64,
        "n_train": pl.Int64,
    }


def comparisons_schema() -> "dict[str, type[pl.DataType]]":
    """Return the columns of `comparisons.parquet`: a row a pair of methods and metric."""
    import polars as pl

    return {
        **dict.fromkeys(CONDITION, pl.String),
        "method": pl.String,
        "other": pl.String,
        "metric": pl.String,
        "difference": pl.Float64,
        "low": pl.Float64,
        "high": pl.Float64,
        "p": pl.Float64,
        "p_flips": pl.Float64,
        "p_holm": pl.Float64,
        "family": pl.String,
        "detectable": pl.Float64,
        "n_questions": pl.Int64,
    }


def cases_schema() -> "dict[str, type[pl.DataType]]":
    """Return the columns of `cases.parquet`: a row a case and calibrator."""
    import polars as pl

    return {
        **dict.fromkeys(CONDITION, pl.String),
        "question_id": pl.String,
        "attribute": pl.String,
        "group": pl.String,
        "n_respondents": pl.Float64,
        "calibrator": pl.String,
        **dict.fromkeys(keys(DISTANCES), pl.Float64),
    }


@uncollected()
def predictions(study: Study, calibrated: Mapping[str, FloatArray]) -> "pl.DataFrame":
    """Lay out one study's estimates, a row a case and option.

    Parameters
    ----------
    study : Study
    calibrated : mapping of str to ndarray of shape (n_cases, max_options)
        NaN becomes null.
    """
    import polars as pl

    by_case = _described(study).with_columns(
        pl.Series("wording", [case.question.wording for case in study.cases]),
        pl.Series("kind", [case.question.kind for case in study.cases]),
        pl.Series("design_effect", [case.design_effect for case in study.cases]),
        pl.Series("off_scale", [case.off_scale for case in study.cases], pl.Float64),
        pl.Series("people", [case.people for case in study.cases], pl.Float64),
        pl.Series("status", [estimate.status for estimate in study.estimates]),
        pl.Series("n_replies", [estimate.n_replies for estimate in study.estimates]),
        pl.Series("n_unreadable", [estimate.n_unreadable for estimate in study.estimates]),
        pl.Series("mass", [e.reading and e.reading.mass for e in study.estimates], pl.Float64),
    )
    n_options = np.array([len(case.question.options) for case in study.cases])
    by_option = by_case[np.repeat(np.arange(len(n_options)), n_options)].with_columns(
        pl.Series(name, list(chain.from_iterable(per_case)), dtype)
        for name, dtype, per_case in _option_columns(study)
    )
    mask = np.arange(n_options.max()) < n_options[:, None]
    schema = predictions_schema() | {f"{CALIBRATED}{name}": pl.Float64 for name in calibrated}
    return by_option.with_columns(
        pl.Series(f"{CALIBRATED}{name}", values[mask]).fill_nan(None)
        for name, values in calibrated.items()
    ).select(pl.col(name).cast(dtype) for name, dtype in schema.items())


def cases(study: Study, per_case: Mapping[str, Scores]) -> "pl.DataFrame":
    """Lay out the distances of one study, a row a case and calibrator; NaN becomes null."""
    import polars as pl

    if not per_case:
        return pl.DataFrame(schema=cases_schema())
    described = _described(study)
    return pl.concat(
        described.with_columns(
            pl.lit(name).alias("calibrator"),
            *(pl.Series(metric.key, getattr(scores, metric.field)) for metric in DISTANCES),
        )
        for name, scores in per_case.items()
    ).fill_nan(None)


def _described(study: Study) -> "pl.DataFrame":
    """Lay out which cases a study is about, a row a case."""
    import polars as pl

    schema = dict(list(cases_schema().items())[:8])
    cases = study.cases
    described = pl.DataFrame(
        {
            "question_id": [case.question.question_id for case in cases],
            "attribute": [case.group.attribute for case in cases],
            "group": [case.group.value for case in cases],
            "n_respondents": [case.n_respondents for case in cases],
        },
        schema=dict(list(schema.items())[4:]),
        strict=False,
    )
    same = asdict(study.condition).items()
    return described.select(
        *(pl.lit(value, pl.String).alias(name) for name, value in same), pl.all()
    )


def _option_columns(
    study: Study,
) -> "list[tuple[str, type[pl.DataType], list[Sequence[object]]]]":
    """Return name, type and, for each case, the values of the columns that differ by option."""
    import polars as pl

    questions = [case.question for case in study.cases]
    nothing = [[None] * len(question.options) for question in questions]
    return [
        ("option_index", pl.Int64, [range(len(question.options)) for question in questions]),
        ("option", pl.String, [question.options for question in questions]),
        (
            "ordinal",
            pl.Float64,
            [q.ordinals or n for q, n in zip(questions, nothing, strict=True)],
        ),
        ("human", pl.Float64, [case.answers.probabilities for case in study.cases]),
        (
            "predicted",
            pl.Float64,
            [
                n if estimate.reading is None else estimate.reading.distribution.probabilities
                for estimate, n in zip(study.estimates, nothing, strict=True)
            ],
        ),
    ]


def unreadable(replies: Sequence[Unreadable]) -> "pl.DataFrame":
    """Lay out the replies that could not be read, with their texts."""
    import polars as pl

    fields = Unreadable.__dataclass_fields__
    schema = {name: pl.Int64 if name == "draw" else pl.String for name in fields}
    rows = [asdict(reply) | {"text": whole_text(reply.text)} for reply in replies]
    return pl.DataFrame(rows, schema=schema)


def trials_schema() -> "dict[str, type[pl.DataType]]":
    """Return the columns of `trials.parquet`: a row a trial of a split."""
    import polars as pl

    return {
        **dict.fromkeys(CONDITION, pl.String),
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


def scanned(path: Path, schema: "Mapping[str, pl.DataType | type[pl.DataType]]") -> "pl.LazyFrame":
    """Return a table of a run, to be read as far as it is used; columns that it lacks are null."""
    import polars as pl

    there = pl.read_parquet_schema(path)
    if not there:  # nothing was scored
        return pl.LazyFrame(schema=schema)
    lacking = (pl.lit(None, schema[name]).alias(name) for name in schema if name not in there)
    return pl.scan_parquet(path).with_columns(*lacking)
