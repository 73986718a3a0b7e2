"""The files of one run folder as they are on disk, read once; what a run did not leave is None."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from distexp.errors import DatasetError
from distexp.report.tables import (
    cases_schema,
    comparisons_schema,
    predictions_schema,
    scanned,
)
from distexp.run_folder import (
    CASES,
    COMPARISONS,
    CONFIG,
    ESTIMATES,
    GROUP_SCORES,
    NEW_TOPICS,
    OVERRIDES,
    PREDICTIONS,
    PROVENANCE,
    QUESTIONS,
    REFITS,
    REPLIES,
    SCORES,
    SENTENCES,
    SPREADS,
    SUMMARY,
    TRIALS,
    UNREADABLE,
    read_yaml,
)

if TYPE_CHECKING:
    import polars as pl

_DAY = re.compile(r"\d{4}-\d\d-\d\d")
OWN = (
    CASES, COMPARISONS, ESTIMATES, GROUP_SCORES, PREDICTIONS, QUESTIONS, REFITS, REPLIES, SCORES,
    SPREADS, TRIALS, UNREADABLE,
)  # fmt: skip
"""Tables that every run may have; others in its folder are of views."""
TOPICS = (
    "The same scores where each battery was held out as a whole: what a new topic would bring."
)


@dataclass(frozen=True, kw_only=True)
class Tables:
    """What a run left. What the page of a sweep does not need is read when it is asked for.

    The replies of hundreds of runs are many times what else there is of them.
    """

    folder: Path
    comparisons: "pl.DataFrame"
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
            comparisons=_table(folder / COMPARISONS, comparisons_schema()),
            summary=_json(folder / SUMMARY),
            provenance=_json(folder / PROVENANCE),
            sentences=_json(folder / SENTENCES),
            config=config,
            settings=settings if isinstance(settings, dict) else {},
            changed=list(map(str, changed)) if isinstance(changed, list) else [],
        )

    @property
    def cases(self) -> "pl.DataFrame":
        """A row a case and calibrator; read anew each time, for it is used once."""
        return _table(self.folder / CASES, cases_schema())

    @property
    def scanned_cases(self) -> "pl.LazyFrame":
        """The same, to be read as far as it is used."""
        with _readable(self.folder / CASES):
            return scanned(self.folder / CASES, cases_schema())

    @cached_property
    def scores(self) -> "pl.DataFrame":
        """A row a calibrator and metric."""
        return _needed(self.folder / SCORES)

    @cached_property
    def predictions(self) -> "pl.DataFrame":
        """A row a case and option."""
        return _table(self.folder / PREDICTIONS, predictions_schema())

    @cached_property
    def questions(self) -> "pl.DataFrame | None":
        """A row a question."""
        return _optional(self.folder / QUESTIONS)

    @cached_property
    def replies(self) -> "pl.DataFrame | None":
        """A row a prompt."""
        return _optional(self.folder / REPLIES)

    @cached_property
    def unreadable(self) -> "pl.DataFrame | None":
        """A row a reply that could not be read."""
        return _optional(self.folder / UNREADABLE)

    @cached_property
    def group_scores(self) -> "pl.DataFrame | None":
        """A row a calibrator and group of people."""
        return _optional(self.folder / GROUP_SCORES)

    @cached_property
    def spreads(self) -> "pl.DataFrame | None":
        """A row a calibrator and attribute."""
        return _optional(self.folder / SPREADS)

    @cached_property
    def trials(self) -> "pl.DataFrame | None":
        """A row a trial of a search."""
        return _optional(self.folder / TRIALS)

    @cached_property
    def estimates(self) -> "pl.DataFrame | None":
        """A row an open case and option."""
        return _optional(self.folder / ESTIMATES)

    def views(self) -> "dict[str, tuple[str, pl.DataFrame]]":
        """Return the captions and tables of the views in the folder, by their names."""
        return views(self.folder)


def views(folder: Path) -> "dict[str, tuple[str, pl.DataFrame]]":
    """Return the captions and tables of the views in a folder, by their names."""
    found = {
        path.stem: (_caption(path.with_suffix(".md")), _needed(path))
        for path in sorted(folder.glob("*.parquet"))
        if path.name not in OWN
    }
    of_topics = found.pop(Path(NEW_TOPICS).stem, None)
    return found if of_topics is None else {**found, "On new topics": (TOPICS, of_topics[1])}


def _caption(path: Path) -> str:
    """Return what a view says between its title and its table."""
    lines = _text(path).split("\n")
    before = lines[: next((at for at, line in enumerate(lines) if line[:1] == "|"), len(lines))]
    return "\n".join(line for line in before if line and not line.startswith(("# ", "![")))


def _table(path: Path, schema: "dict[str, type[pl.DataType]]") -> "pl.DataFrame":
    """Read a table; columns that an earlier version did not have are null."""
    with _readable(path):
        return scanned(path, schema).collect()


def _optional(path: Path) -> "pl.DataFrame | None":
    return _needed(path) if path.is_file() else None


def _needed(path: Path) -> "pl.DataFrame":
    import polars as pl

    with _readable(path):
        return pl.read_parquet(path)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Say of a table that cannot be read what to do."""
    import polars as pl

    try:
        yield
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
