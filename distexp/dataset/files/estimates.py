"""Estimates to be calibrated: recorded ones or a run's own, with or without human answers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from distexp.dataset.files.apart import read_apart
from distexp.dataset.files.recorded_table import Row, read_rows
from distexp.errors import DatasetError
from distexp.types import (
    Case,
    Condition,
    Distribution,
    Estimate,
    Group,
    Question,
    Reading,
    Study,
)

OPTIONAL = frozenset({"question", "n_respondents", "human", "status"})
"""Columns of a recorded table that calibration does not need."""
ROUNDING = 1e-3
"""How far from 1 the sum of recorded shares may be, as in `distexp.dataset.recorded`."""
EXACT = 1e-12
"""A sum that is nearer to 1 is left as it is: a run writes its shares to the last digit."""
OF_A_CASE = ("dataset", "model", "elicitation", "prompt", "question_id", "attribute", "group")
LONGEST_HEAD = 4096
"""Bytes of the first line of a table that are looked at."""
OF_AN_OPTION = ("option_index", "option", "ordinal", "predicted")
"""Columns of a run's `predictions.parquet` that are read."""


def read_studies(path: Path) -> tuple[Study, ...]:
    """Read a table of estimates, of either layout.

    Parameters
    ----------
    path : Path
        A `.parquet`, `.csv` or `.jsonl` table of recorded estimates (`docs/surveys/recorded.md`),
        or the `predictions.parquet` of a run.

    Returns
    -------
    tuple of Study
        One for each dataset, model, elicitation and prompt; cases keep the order of the file. No
        human answers are read: uniform distributions stand in their place.

    Raises
    ------
    DatasetError
        If the file cannot be read, or a row of it cannot be true.
    """
    try:
        content = path.read_bytes()
    except OSError as exc:
        msg = f"{path} cannot be read ({exc.strerror}). Give --predictions a table of estimates."
        raise DatasetError(msg) from exc
    head = content[:LONGEST_HEAD].split(b"\n", 1)[0]
    if path.suffix != ".parquet" and b"option_index" in head and b"calibrated" in head:
        msg = (
            f"{path} is what distexp predict or distexp apply wrote: its shares are calibrated "
            "already. Calibrate the predictions.parquet of a run, or a table as in "
            "docs/surveys/recorded.md."
        )
        raise DatasetError(msg)
    rows = _rows_of_run(path) if path.suffix == ".parquet" else None
    if rows is None:
        rows = read_rows(path, content, optional=OPTIONAL)
    if not rows:
        raise DatasetError(f"{path} holds no row.")
    return _studies(path, rows)


def _rows_of_run(path: Path) -> list[Row] | None:
    """Read a table with a row a case and option; None if it has one row a case."""
    import polars as pl

    try:
        table = read_apart(path, None)
        if "option_index" not in table.columns:
            return None
        by_case = (
            table.select(*OF_A_CASE, *OF_AN_OPTION)
            .cast({"option_index": pl.Int64, "ordinal": pl.Float64, "predicted": pl.Float64})
            .cast(dict.fromkeys((*OF_A_CASE, "option"), pl.String))
            .group_by(OF_A_CASE, maintain_order=True)
            .agg(OF_AN_OPTION)
        )
    except pl.exceptions.PolarsError as exc:
        reason = str(exc).splitlines()[0]
        raise DatasetError(f"{path} is no table of a run's predictions: {reason}") from exc
    return [_row_of_run(path, case) for case in by_case.iter_rows(named=True)]


def _row_of_run(path: Path, case: dict[str, Any]) -> Row:
    named = {name: case[name] for name in OF_A_CASE}
    index, options, ordinals, predicted = (list(case[name]) for name in OF_AN_OPTION)
    row = Row(
        **named, question="", options=options, n_respondents=None, human=None, status="ok",
        ordinals=None if None in ordinals else ordinals,
        predicted=None if None in predicted else predicted,
    )  # fmt: skip
    mixed = any(0 < cells.count(None) < len(cells) for cells in (ordinals, predicted))
    if index != list(range(len(index))) or None in (*named.values(), *options) or mixed:
        msg = (
            f"{_place(path, row)}: its options must stand in their order with option_index 0, 1, "
            f"..., and no cell be null, but for whole ordinals and predictions. Got {index!r}."
        )
        raise DatasetError(msg)
    return row


def _studies(path: Path, rows: Sequence[Row]) -> tuple[Study, ...]:
    studies: dict[Condition, dict[Case, Estimate]] = {}
    questions: dict[tuple[str, str], Question] = {}
    for row in rows:
        case = _case(path, row)
        first = questions.setdefault((row.dataset, row.question_id), case.question)
        if first != case.question:
            msg = f"{_place(path, row)}: its options or ordinals are not those of other rows."
            raise DatasetError(msg)
        condition = Condition(
            dataset=row.dataset, model=row.model, elicitation=row.elicitation, prompt=row.prompt
        )
        of_condition = studies.setdefault(condition, {})
        if case in of_condition:
            raise DatasetError(f"{_place(path, row)}: there is a second row. Keep one of them.")
        of_condition[case] = _estimate(path, row)
    return tuple(
        Study(
            condition=condition,
            cases=tuple(of_condition),
            estimates=tuple(of_condition.values()),
        )
        for condition, of_condition in studies.items()
    )


def _case(path: Path, row: Row) -> Case:
    try:
        question = Question(
            question_id=row.question_id,
            text="",
            options=tuple(row.options),
            ordinals=None if row.ordinals is None else tuple(map(float, row.ordinals)),
        )
    except DatasetError as exc:
        raise DatasetError(f"{path}: {exc}") from exc
    return Case(
        question=question,
        group=Group(attribute=row.attribute, value=row.group, phrase=""),
    )


def _estimate(path: Path, row: Row) -> Estimate:
    shares = row.predicted
    if shares is None or row.status not in ("ok", None):
        return Estimate(reading=None, n_replies=1, n_unreadable=1)
    if len(shares) != len(row.options) or min(shares) < 0 or abs(sum(shares) - 1) > ROUNDING:
        msg = (
            f"{_place(path, row)}: 'predicted' must be {len(row.options)} shares, non-negative "
            f"and summing to 1. Got {shares!r} instead."
        )
        raise DatasetError(msg)
    reading = Reading(distribution=_freed_from_rounding(shares))
    return Estimate(reading=reading, n_replies=1, n_unreadable=0)


def _freed_from_rounding(shares: list[float]) -> Distribution:
    if abs(sum(shares) - 1) <= EXACT:
        return Distribution(probabilities=tuple(shares))
    return Distribution.normalized(shares)


def _place(path: Path, row: Row) -> str:
    return (
        f"{path}, question {row.question_id!r}, group {row.group!r}, {row.model}, "
        f"{row.elicitation}, prompt {row.prompt}"
    )
