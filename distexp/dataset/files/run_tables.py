"""The tables and documents that a finished run left, as cases, estimates and provenance."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from distexp.errors import DatasetError
from distexp.run_folder import CALIBRATED, CONFIG, PREDICTIONS, PROVENANCE, QUESTIONS
from distexp.types import (
    CONDITION,
    Case,
    Condition,
    Distribution,
    Estimate,
    Group,
    Question,
    Reading,
)

if TYPE_CHECKING:
    import polars as pl

CASE = ("question_id", "attribute", "group")
OF_CASE = (
    "wording", "n_respondents", "design_effect", "off_scale", "people", "status", "n_replies",
    "n_unreadable", "mass",
)  # fmt: skip
OF_OPTION = ("option", "ordinal", "human", "predicted")
HELD_OUT = f"{CALIBRATED}identity"
"""Null where a case was never tested; missing where nothing was."""

Row = Mapping[str, Any]


def read_predictions(run: Path) -> "pl.DataFrame":
    """Read a run's table, without its stacks."""
    import polars as pl

    path = run / PREDICTIONS
    try:
        table = pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException) as exc:
        msg = f"{path} cannot be read: {str(exc).splitlines()[0]}"
        raise DatasetError(msg) from exc
    if "people" not in table.columns:  # as in runs of earlier versions
        table = table.with_columns(pl.lit(None, pl.Float64).alias("people"))
    wanted = (*CONDITION, *CASE, *OF_CASE, "option_index", *OF_OPTION)
    if missing := [name for name in wanted if name not in table.columns]:
        msg = f"{path} lacks the columns {', '.join(missing)}: it was not written by this version."
        raise DatasetError(msg)
    stacked = pl.any_horizontal(pl.col(CONDITION).is_in(_stacks(run)))
    return table.filter(~stacked)


def files_of(runs: Sequence[Path]) -> list[Path]:
    """Return the files of runs that are read."""
    paths = (run / name for run in runs for name in (PREDICTIONS, QUESTIONS, PROVENANCE, CONFIG))
    return [path for path in paths if path.exists()]


def _stacks(run: Path) -> list[str]:
    """Return the names of the stacks that a run made of its estimates."""
    path = run / CONFIG
    config = yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else {}
    return [entry["name"] for entry in config.get("predictors") or []]


def read_provenance(run: Path) -> dict[str, str]:
    """Read where the human answers of a run come from, and their language.

    Raises
    ------
    DatasetError
        If the run does not say.
    """
    path = run / PROVENANCE
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        said = {name: str(document[name]) for name in ("data_sha256", "licence", "citation")}
        return said | {"language": str(document.get("language") or "")}
    except (OSError, ValueError, KeyError) as exc:
        msg = f"{path} does not say where the human answers of this run come from ({exc!r})."
        raise DatasetError(msg) from exc


def by_case(table: "pl.DataFrame") -> Iterator[Row]:
    """Yield a row for each condition and case, in which what differs by option is a list."""
    import polars as pl

    return (
        table.group_by([*CONDITION, *CASE], maintain_order=True)
        .agg(pl.col(OF_CASE).first(), pl.col(OF_OPTION).sort_by("option_index"))
        .iter_rows(named=True)
    )


def never_tested(table: "pl.DataFrame") -> Iterator[tuple[Condition, str]]:
    """Yield the questions that could be read but that no split of a scored study held out."""
    import polars as pl

    if HELD_OUT not in table.columns:
        return
    tested = pl.col(HELD_OUT).is_not_null()
    questions = (
        table.filter(pl.col("status") == "ok", tested.any().over(CONDITION))
        .group_by([*CONDITION, "question_id"], maintain_order=True)
        .agg(tested.any().alias("tested"))
        .filter(~pl.col("tested"))
    )
    for *condition, question_id, _ in questions.iter_rows():
        yield Condition(**dict(zip(CONDITION, condition, strict=True))), question_id


def case_of(row: Row, worded: tuple[str, str | None] | None) -> Case:
    """Return the case of a row of `by_case`, in the wording and battery that are known of it.

    Raises
    ------
    ValueError
        If it cannot be true.
    """
    text, battery = worded or (row["question_id"], None)
    ordinals = None if None in row["ordinal"] else tuple(row["ordinal"])
    case = Case(
        question=Question(
            question_id=row["question_id"],
            text=text,
            options=tuple(row["option"]),
            ordinals=ordinals,
            battery=battery,
            wording=row["wording"],
        ),
        group=Group(
            attribute=row["attribute"],
            value=row["group"],
            phrase=f"a person whose {row['attribute']} is {row['group']}",
        ),
        human=Distribution(probabilities=tuple(row["human"])),
        n_respondents=row["n_respondents"],
        design_effect=row["design_effect"],
        off_scale=row["off_scale"],
    )
    return case if row["people"] in (None, case.people) else replace(case, size=row["people"])


def estimate_of(row: Row) -> Estimate:
    """Return the estimate of a row of `by_case`."""
    reading = None
    if row["status"] == "ok":
        shares = Distribution(probabilities=tuple(row["predicted"]))
        reading = Reading(distribution=shares, mass=row["mass"])
    return Estimate(
        reading=reading,
        n_replies=row["n_replies"],
        n_unreadable=row["n_unreadable"],
        n_refused=int(row["status"] == "refused"),
    )
