"""What every view works on, and how its table, figure and caption are written."""

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Self

import numpy as np

from distexp.errors import DatasetError, DistexpError
from distexp.types import FloatArray

if TYPE_CHECKING:
    import polars as pl

CONDITION = ("dataset", "model", "elicitation", "prompt")
BASELINES = ("uniform", "train_mean", "ceiling")
N_BOOTSTRAP = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """The tables of one or many runs, one under the other.

    Cases and predictions have one column more than their files, `n_train`: the questions that a
    run was to train on, or all there were where those are fewer.
    """

    scores: "pl.DataFrame"
    cases: "pl.DataFrame"
    predictions: "pl.DataFrame"

    @classmethod
    def read(cls, folders: Sequence[Path]) -> Self:
        """Read every run below `folders`.

        Raises
        ------
        DatasetError
            If there is none.
        """
        runs = sorted(
            {path.parent for folder in folders for path in folder.rglob("scores.parquet")}
        )
        if not runs:
            where = ", ".join(map(str, folders))
            msg = f"There is no finished run below {where}: no scores.parquet was found."
            raise DatasetError(msg)
        scores = _joined(runs, "scores").drop("most")
        return cls(
            scores=scores.unique(maintain_order=True),
            cases=_counted(_joined(runs, "cases"), scores),
            predictions=_counted(_joined(runs, "predictions"), scores),
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
    from polars.exceptions import ComputeError  # what a full disk is to Polars

    table = view.table(runs)
    try:
        return _write(view, table, folder, figure=figure)
    except (OSError, ComputeError) as exc:
        msg = f"The table {view.name} cannot be written to {folder}: {exc}. Choose another folder."
        raise DistexpError(msg) from exc


def _write(view: View, table: "pl.DataFrame", folder: Path, *, figure: bool) -> str:
    text = f"{view.caption(table)}\n\n{markdown_table(table)}\n"
    with tempfile.TemporaryDirectory(dir=folder, prefix=".writing-") as name:
        made = Path(name)
        table.write_parquet(made / f"{view.name}.parquet")
        shown = ""
        if figure:
            view.figure(table, made / f"{view.name}.svg")
            shown = f"\n![{view.name}]({view.name}.svg)\n"
        page = f"# {view.name}\n\n{text}{shown}"
        (made / f"{view.name}.md").write_text(page, encoding="utf-8")
        for path in sorted(made.iterdir()):
            os.replace(path, folder / path.name)  # noqa: PTH105 - replaces, unlike rename
    return text


def markdown_table(table: "pl.DataFrame") -> str:
    """Lay a table out as Markdown: numbers with four digits, empty cells for what is undefined."""
    cells = [list(table.columns), *([_cell(value) for value in row] for row in table.iter_rows())]
    widths = [max(len(row[column]) for row in cells) for column in range(table.width)]
    lines = [[c.ljust(w) for c, w in zip(row, widths, strict=True)] for row in cells]
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def bootstrap(values: FloatArray, seed: int = 0) -> FloatArray:
    """Return `N_BOOTSTRAP` redraws of the mean over the first axis, which is questions."""
    rng = np.random.default_rng(seed)
    n = len(values)
    times = rng.multinomial(n, np.full(n, 1 / n), size=N_BOOTSTRAP)
    redrawn: FloatArray = times @ values / n
    return redrawn


def interval(draws: FloatArray) -> tuple[float, float]:
    """Return the 95 % percentile interval of the finite `draws`; NaN if there are none."""
    finite = draws[np.isfinite(draws)]
    if not finite.size:
        return np.nan, np.nan
    low, high = np.quantile(finite, [0.025, 0.975])
    return float(low), float(high)


def _joined(runs: Sequence[Path], name: str) -> "pl.DataFrame":
    """Read one table of all runs; `most` is how many questions each was to train on at most."""
    import polars as pl
    from omegaconf import OmegaConf

    frames = []
    for run in runs:
        config = run / "config.yaml"
        settings = OmegaConf.load(config) if config.exists() else OmegaConf.create()
        most = OmegaConf.select(settings, "evaluation.n_train")
        frames.append(
            pl.read_parquet(run / f"{name}.parquet").with_columns(
                pl.lit(most, pl.Int64).alias("most")
            )
        )
    return pl.concat(frames, how="diagonal")


def _counted(table: "pl.DataFrame", scores: "pl.DataFrame") -> "pl.DataFrame":
    """Add `n_train`, and leave out what stands there twice.

    It is the same for all runs on a dataset that were to train on all questions, though some of
    them may have lost one to unreadable replies.
    """
    import polars as pl

    there_are = scores.group_by("dataset").agg(pl.col("n_train").max())
    return (
        table.join(there_are, on="dataset", how="left", maintain_order="left")
        .with_columns(pl.min_horizontal("n_train", "most").alias("n_train"))
        .drop("most")
        .unique(maintain_order=True)
    )


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.4f}" if isinstance(value, float) else str(value)
