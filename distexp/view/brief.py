"""A view's table in a few lines of a terminal; the files have it whole."""

from pathlib import Path
from typing import TYPE_CHECKING

from distexp.terminal.texts import frame, plain, wrapped
from distexp.view.base import View, for_people

if TYPE_CHECKING:
    from rich.console import RenderableType

MOST_ROWS = 8
MOST_CAPTION = 4


def lines(
    view: View, folder: Path, *, columns: int, most: int = MOST_ROWS
) -> "list[RenderableType]":
    """Return the caption and the first rows of a view that was written to a folder.

    Parameters
    ----------
    view : View
    folder : Path
        With `NAME.parquet`.
    columns : int
        Characters of a line.
    most : int
        Rows.
    """
    import polars as pl

    table = pl.read_parquet(folder / f"{view.name}.parquet")
    if not table.height:
        return [f"{view.name}: no row."]
    common, laid = frame(for_people(table), columns=columns, most=most)
    said = wrapped(plain(view.caption(table)), columns)
    if len(said) > MOST_CAPTION:
        said = [*said[: MOST_CAPTION - 1], f"{said[MOST_CAPTION - 1][: columns - 2]} …"]
    if common:
        said += wrapped(f"All rows: {', '.join(common)}.", columns)[:2]
    more = table.height - min(most, table.height)
    tail = f"{more} more rows; " if more else ""
    return ["\n".join(said), "", laid, f"{tail}{view.name}: {folder / view.name}.md"]
