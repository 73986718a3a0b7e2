"""A view's table in a few lines of a terminal; the files have it whole."""

from pathlib import Path
from typing import TYPE_CHECKING

from distexp.terminal.texts import cut, frame, plain, relative, sentences, wrapped
from distexp.types import CONDITION
from distexp.view.base import View, for_people
from distexp.visible import one_line

if TYPE_CHECKING:
    import polars as pl
    from rich.console import RenderableType

MOST_ROWS = 8
MOST_CAPTION = 5
MOST_COMMON = 2
ALL = "all"


def lines(view: View, folder: Path, *, columns: int, room: int = 20) -> "list[RenderableType]":
    """Return the caption and the first rows of a view that was written to a folder.

    Parameters
    ----------
    view : View
    folder : Path
        With `NAME.parquet`.
    columns : int
        Characters of a line.
    room : int
        Lines.
    """
    import polars as pl

    table = pl.read_parquet(folder / f"{view.name}.parquet")
    said = sentences(plain(view.caption(table)), MOST_CAPTION, columns)
    if not table.height:
        return ["\n".join([f"{view.name}: no row.", *said])]
    table = _once(table)
    most = max(1, min(MOST_ROWS, room - len(said) - 6))
    common, laid = frame(for_people(table), columns=columns, most=most)
    if common:
        said += cut(wrapped(f"All rows: {', '.join(common)}.", columns), MOST_COMMON, columns)
    more = table.height - min(most, table.height)
    tail = f"{more} more rows; " if more else ""
    return [
        "\n".join(said),
        "",
        laid,
        f"{tail}{view.name}: {one_line(str(relative(folder / view.name)))}.md",
    ]


def _once(table: "pl.DataFrame") -> "pl.DataFrame":
    """Return rows that are equal but for who was asked once: `all` of what they differ in.

    So are methods that never ask the model beside each of its conditions. What they take off the
    uncalibrated distance there is another number each time, and left empty.
    """
    import polars as pl

    if "calibrator" not in table.columns:
        return table
    asked = [name for name in CONDITION if name in table.columns and name != "dataset"]
    gained = [name for name in table.columns if name.startswith("w1_reduction")]
    same = [name for name in table.columns if name not in [*asked, *gained]]
    once = [
        pl.when(pl.col(name).n_unique() > 1).then(pl.lit(other)).otherwise(pl.col(name).first())
        for names, other in ((asked, ALL), (gained, None))
        for name in names
    ]
    named = (one.alias(name) for one, name in zip(once, [*asked, *gained], strict=True))
    return table.group_by(same, maintain_order=True).agg(named).select(table.columns)
