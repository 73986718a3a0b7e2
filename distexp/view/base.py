"""What every view works on, and how its table, figure and caption are written."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Self

from distexp import atomic
from distexp.errors import DatasetError, DistexpError
from distexp.evaluation.baselines import RAW, UNCALIBRATED
from distexp.report import latex, markdown
from distexp.report.kept_tables import group_scores_schema, refits_schema, spreads_schema
from distexp.report.markdown import escaped
from distexp.report.tables import (
    SCHEMA,
    cases_schema,
    predictions_schema,
    scanned,
    scores_schema,
)
from distexp.run_folder import CONFIG, SCORES, SUMMARY, read_yaml
from distexp.terminal.texts import plain
from distexp.types import CONDITION

if TYPE_CHECKING:
    import polars as pl

CASE = ("question_id", "attribute", "group")
"""Columns that name a case."""
N_BOOTSTRAP = 2000
CONFIDENCE = 0.95
METHODS = ("calibrator", "first", "second")
"""Columns that name methods."""
NOT_ALWAYS = {
    "group_scores": group_scores_schema,
    "spreads": spreads_schema,
    "refits": refits_schema,
}
"""Tables that not all runs have, with their columns."""
MOST_LISTED = 3
SEED = 0
"""Of what views redraw and flip."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """The tables of one or many runs, one under the other.

    Cases and predictions have one column more than their files, `n_train`: the questions that a
    run was to train on, or all there were where those are fewer.
    """

    scores: "pl.DataFrame"
    cases: "pl.DataFrame"
    predictions: "pl.DataFrame"
    by_run: "pl.DataFrame | None" = None
    """The scores with the number of the run that each is of, as column `run`."""
    folders: tuple[Path, ...] = ()
    """Of the runs, in the order of their numbers: what is large is read of one at a time."""
    missing: "pl.DataFrame | None" = None
    """By run and condition: `n_missing` estimates, and `n_refused` of them by the server."""
    group_scores: "pl.DataFrame | None" = None
    """The distance of each group of people, of the runs that have it; so are the next."""
    spreads: "pl.DataFrame | None" = None
    refits: "pl.DataFrame | None" = None
    """What leaving groups of questions out of the fits does; see `distexp.view.refitted`."""
    lacking: str = ""
    """What tables of earlier versions do not have, in a sentence; empty where they have all."""

    def pooled(self, how: str) -> str:
        """Say which conditions were run more than once and differ, and how they are put together.

        Empty where there are none.
        """
        import polars as pl

        if self.by_run is None:
            return ""
        same = [*CONDITION, "calibrator", "n_train"]
        several = (
            self.by_run.filter(pl.col("metric") == "alignment")
            .group_by(same)
            .agg(pl.col("value").n_unique())
            .filter(pl.col("value") > 1)
        )
        conditions = several.select(CONDITION).unique().sort(CONDITION).rows()
        if not conditions:
            return ""
        listed = "; ".join(", ".join(map(escaped, one)) for one in conditions[:MOST_LISTED])
        more = f" and {len(conditions) - MOST_LISTED} more" * (len(conditions) > MOST_LISTED)
        return (
            f"**Runs that differ in a seed, a version or a setting are put together** for "
            f"{listed}{more}: {how}. Name the folders of one run each to keep them apart."
        )

    @classmethod
    def read(cls, folders: Sequence[Path], *, cases: bool = True) -> Self:
        """Read every run below `folders`; what tables of earlier versions lack is null.

        Parameters
        ----------
        folders : sequence of Path
        cases : bool
            Whether with all tables, of which those of hundreds of runs may not fit into memory;
            else with their scores alone, and the others are empty.

        Raises
        ------
        DatasetError
            If there is none.
        """
        import polars as pl

        runs = sorted({path.parent for folder in folders for path in folder.rglob(SCORES)})
        if not runs:
            where = ", ".join(map(str, folders))
            msg = f"There is no finished run below {where}: no {SCORES} was found."
            raise DatasetError(msg)
        known = {run: _most(run / CONFIG) for run in runs}
        by_run = _joined(known, "scores", scores_schema()).drop("most")
        scores = by_run.drop("run")
        schemas: dict[str, Mapping[str, pl.DataType | type[pl.DataType]]]
        schemas = {"cases": cases_schema(), "predictions": predictions_schema()}
        schemas |= {name: schema() for name, schema in NOT_ALWAYS.items()}
        return cls(
            scores=scores.unique(maintain_order=True),
            by_run=by_run,
            folders=tuple(runs),
            missing=_missing(runs),
            **{
                name: _counted(_joined(known, name, schema), scores)
                if cases
                else pl.DataFrame(schema={**schema, "n_train": pl.Int64})
                for name, schema in schemas.items()
            },
            lacking=_lacking(runs),
        )


class View(Protocol):
    """Answers one question with one table and one figure."""

    name: str

    def table(self, runs: Runs) -> "pl.DataFrame":
        """Return the table, in the order to show it."""
        ...

    def caption(self, table: "pl.DataFrame") -> str:
        """Say what the table shows, and no more."""
        ...

    def figure(self, table: "pl.DataFrame", path: Path) -> None:
        """Draw the table as an SVG file."""
        ...


def write(view: View, runs: Runs, folder: Path, *, figure: bool = True) -> str:
    """Write `NAME.parquet`, `NAME.md` and `NAME.svg`, and return the Markdown text.

    `figure=False` leaves the last one out, which takes most of the time.

    Raises
    ------
    DistexpError
        If the folder cannot be written.
    """
    table = view.table(runs)
    with _written(view, folder):
        return _write(view, table, runs, folder, figure=figure)


def write_for_paper(view: View, runs: Runs, folder: Path) -> None:
    """Write `NAME.tex`, a table of LaTeX, and `NAME.pdf`.

    Raises
    ------
    DistexpError
        If the folder cannot be written.
    """
    table = view.table(runs)
    with _written(view, folder), atomic.files(folder) as made:
        text = latex.table(for_people(table), plain(view.caption(table)), view.name)
        (made / f"{view.name}.tex").write_text(text, encoding="utf-8")
        view.figure(table, made / f"{view.name}.pdf")


@contextmanager
def _written(view: View, folder: Path) -> Iterator[None]:
    """Say what a view that cannot be written needs."""
    from polars.exceptions import ComputeError  # what a full disk is to Polars

    try:
        yield
    except (OSError, ComputeError) as exc:
        msg = f"The table {view.name} cannot be written to {folder}: {exc}. Choose another folder."
        raise DistexpError(msg) from exc


def _write(view: View, table: "pl.DataFrame", runs: Runs, folder: Path, *, figure: bool) -> str:
    how = getattr(view, "pools", "")
    pooled = runs.pooled(how) if how else ""
    said = [view.caption(table), *filter(None, [runs.lacking, pooled])]
    text = "\n\n".join([*said, f"{markdown_table(for_people(table))}\n"])
    with atomic.files(folder) as made:
        table.write_parquet(made / f"{view.name}.parquet")
        shown = ""
        if figure:
            view.figure(table, made / f"{view.name}.svg")
            shown = f"\n![{view.name}]({view.name}.svg)\n"
        page = f"# {view.name}\n\n{text}{shown}"
        (made / f"{view.name}.md").write_text(page, encoding="utf-8")
    return text


def for_people(table: "pl.DataFrame") -> "pl.DataFrame":
    """Return a table in which methods have the names that people read."""
    import polars as pl

    methods = [name for name in METHODS if name in table.columns]
    return table.with_columns(pl.col(methods).replace({RAW: UNCALIBRATED}))


def markdown_table(table: "pl.DataFrame") -> str:
    """Lay a table out as Markdown: numbers with four digits, empty cells for what is undefined."""
    return markdown.table(
        table.columns, [[_cell(value) for value in row] for row in table.iter_rows()]
    )


def _joined(
    runs: "Mapping[Path, int | None]",
    name: str,
    schema: "Mapping[str, pl.DataType | type[pl.DataType]]",
) -> "pl.DataFrame":
    """Read one table of runs, with how many questions each was to train on at most as `most`.

    Runs without the table are passed over.
    """
    import polars as pl

    frames = []
    for number, (run, most) in enumerate(runs.items()):
        file = run / f"{name}.parquet"
        if name in NOT_ALWAYS and not file.exists():
            continue
        more = pl.lit(most, pl.Int64).alias("most"), pl.lit(number).alias("run")
        frames.append(scanned(file, schema).with_columns(*more).collect())
    if not frames:
        return pl.DataFrame(schema={**schema, "most": pl.Int64, "run": pl.Int32})
    return pl.concat(frames, how="diagonal")


def _most(config: Path) -> int | None:
    """Return how many questions a run was to train on at most."""
    from omegaconf import OmegaConf

    settings = read_yaml(config.read_text(encoding="utf-8")) if config.exists() else None
    evaluation = settings.get("evaluation") if isinstance(settings, dict) else None
    most: int | str | None = evaluation.get("n_train") if isinstance(evaluation, dict) else None
    if isinstance(most, str):  # by a setting elsewhere
        most = OmegaConf.select(OmegaConf.create(settings), "evaluation.n_train")
    return most if most is None else int(most)


def _missing(runs: Sequence[Path]) -> "pl.DataFrame":
    """Count the estimates of each run and condition that are missing."""
    import polars as pl

    status, columns = pl.col("status"), (*CONDITION, "option_index", "status")
    schema = {name: kind for name, kind in predictions_schema().items() if name in columns}
    return pl.concat(
        scanned(run / "predictions.parquet", schema)
        .select(columns)
        .filter(pl.col("option_index") == 0)
        .group_by(pl.lit(number).alias("run"), *CONDITION, maintain_order=True)
        .agg(
            (status != "ok").sum().cast(pl.Int64).alias("n_missing"),
            (status == "refused").sum().cast(pl.Int64).alias("n_refused"),
        )
        .collect()
        for number, run in enumerate(runs)
    )


def _lacking(runs: Sequence[Path]) -> str:
    """Say which columns of today's tables those of runs of earlier versions do not have."""
    import polars as pl

    schemas = {"cases": cases_schema(), "predictions": predictions_schema()}
    columns: dict[str, None] = {}
    older = []
    for run in runs:
        lacks = [
            column
            for name, schema in schemas.items()
            for column in schema.keys() - pl.read_parquet_schema(run / f"{name}.parquet").keys()
        ]
        if lacks:
            columns |= dict.fromkeys(sorted(lacks))
            older.append(_schema_of(run))
    if not older:
        return ""
    numbers = " and ".join(map(str, sorted(set(older))))
    return (
        f"{len(older)} of {len(runs)} runs have tables of schema {numbers}, before today's "
        f"{SCHEMA}, and lack {', '.join(columns)}: what is said of these is said without them. "
        "Run them again with cache.mode=replay to have it all."
    )


def _schema_of(run: Path) -> int:
    """Return the schema of the tables of a run; 1 where it states none."""
    path = run / SUMMARY
    try:
        stated = json.loads(path.read_text(encoding="utf-8")).get("schema", 1)
    except (OSError, ValueError, AttributeError):
        return 1
    return stated if isinstance(stated, int) else 1


def _counted(table: "pl.DataFrame", scores: "pl.DataFrame") -> "pl.DataFrame":
    """Add `n_train`, and leave out what stands there twice.

    It is the same for all runs on a dataset that were to train on all questions, though some of
    them may have lost one to unreadable replies.
    """
    import polars as pl

    there_are = dict(scores.group_by("dataset").agg(pl.col("n_train").max()).iter_rows())
    of_dataset = pl.col("dataset").replace_strict(there_are, default=None, return_dtype=pl.Int64)
    several = table.select("run", *CONDITION).unique().select(CONDITION).is_duplicated().any()
    counted = table.with_columns(
        pl.min_horizontal(of_dataset, "most").alias("n_train"),
    ).drop("most", "run")
    return counted.unique(maintain_order=True) if several else counted


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.4f}" if isinstance(value, float) else str(value)
