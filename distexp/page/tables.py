"""The files of one run folder as they are on disk, read once; what a run did not leave is None."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from distexp.errors import DatasetError
from distexp.report.tables import cases_schema, comparisons_schema, predictions_schema
from distexp.run_folder import (
    CASES,
    COMPARISONS,
    CONFIG,
    ESTIMATES,
    OVERRIDES,
    PREDICTIONS,
    PROVENANCE,
    QUESTIONS,
    REPLIES,
    SCORES,
    SENTENCES,
    SUMMARY,
    TRIALS,
    UNREADABLE,
)

if TYPE_CHECKING:
    import polars as pl

_DAY = re.compile(r"\d{4}-\d\d-\d\d")
OWN = (CASES, COMPARISONS, ESTIMATES, PREDICTIONS, QUESTIONS, REPLIES, SCORES, TRIALS, UNREADABLE)
"""Tables that every run may have; others in its folder are of views."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """What a run left."""

    folder: Path
    scores: "pl.DataFrame"
    comparisons: "pl.DataFrame"
    cases: "pl.DataFrame"
    predictions: "pl.DataFrame"
    questions: "pl.DataFrame | None"
    replies: "pl.DataFrame | None"
    unreadable: "pl.DataFrame | None"
    trials: "pl.DataFrame | None"
    estimates: "pl.DataFrame | None"
    summary: dict[str, Any]
    provenance: dict[str, Any]
    sentences: dict[str, Any]
    config: str
    settings: dict[str, Any]
    """The same, read."""
    changed: list[str]
    """What was set other than by default, as on the command line."""

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read the folder of a run, also of earlier versions.

        Raises
        ------
        DatasetError
            If a table is missing or cannot be read.
        """
        config = _text(folder / CONFIG)
        settings, changed = read_yaml(config), read_yaml(_text(folder / OVERRIDES))
        return cls(
            folder=folder,
            scores=_needed(folder / SCORES),
            comparisons=_table(folder / COMPARISONS, comparisons_schema()),
            cases=_table(folder / CASES, cases_schema()),
            predictions=_table(folder / PREDICTIONS, predictions_schema()),
            questions=_optional(folder / QUESTIONS),
            replies=_optional(folder / REPLIES),
            unreadable=_optional(folder / UNREADABLE),
            trials=_optional(folder / TRIALS),
            estimates=_optional(folder / ESTIMATES),
            summary=_json(folder / SUMMARY),
            provenance=_json(folder / PROVENANCE),
            sentences=_json(folder / SENTENCES),
            config=config,
            settings=settings if isinstance(settings, dict) else {},
            changed=list(map(str, changed)) if isinstance(changed, list) else [],
        )

    def views(self) -> "dict[str, tuple[str, pl.DataFrame]]":
        """Return the captions and tables of the views in the folder, by their names."""
        return views(self.folder)


def views(folder: Path) -> "dict[str, tuple[str, pl.DataFrame]]":
    """Return the captions and tables of the views in a folder, by their names."""
    return {
        path.stem: (_caption(path.with_suffix(".md")), _needed(path))
        for path in sorted(folder.glob("*.parquet"))
        if path.name not in OWN
    }


def _caption(path: Path) -> str:
    """Return what a view says between its title and its table."""
    lines = _text(path).split("\n")
    before = lines[: next((at for at, line in enumerate(lines) if line[:1] == "|"), len(lines))]
    return "\n".join(line for line in before if line and not line.startswith(("# ", "![")))


def _table(path: Path, schema: "dict[str, type[pl.DataType]]") -> "pl.DataFrame":
    """Read a table; columns that an earlier version did not have are null."""
    import polars as pl

    table = _needed(path)
    lacking = [name for name in schema if name not in table.columns]
    return table.with_columns(pl.lit(None, schema[name]).alias(name) for name in lacking)


def _optional(path: Path) -> "pl.DataFrame | None":
    return _needed(path) if path.is_file() else None


def _needed(path: Path) -> "pl.DataFrame":
    import polars as pl

    try:
        return pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as exc:
        said = str(exc).splitlines()[0]
        msg = f"{path} cannot be read: {said}. Run the experiment again, which costs nothing."
        raise DatasetError(msg) from exc


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(_text(path) or "{}")
    except (ValueError, RecursionError) as exc:
        msg = f"{path} is no JSON: {exc}. Run the experiment again, which costs nothing."
        raise DatasetError(msg) from exc
    return found if isinstance(found, dict) else {}


def read_yaml(text: str) -> object:
    """Read YAML as plain data, by the fast reader where there is one."""
    import yaml

    try:
        return yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (yaml.YAMLError, RecursionError) as exc:
        msg = f"The settings of a run are no YAML: {exc}. Run it again, which costs nothing."
        raise DatasetError(msg) from exc


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, ValueError) as exc:
        raise DatasetError(f"{path} cannot be read: {exc}.") from exc


def name_of(folder: Path) -> str:
    """Return what a page calls a folder: its name, after that of its day where it lies in one."""
    *_, above, own = ("", *folder.absolute().parts)
    return f"{above}/{own}" if _DAY.fullmatch(above) else own
