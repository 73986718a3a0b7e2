"""Texts and tables laid out for a terminal, by rich, no wider than asked for."""

import io
import re
import shutil
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distexp.visible import VisibleStream, one_line

if TYPE_CHECKING:
    import polars as pl
    from rich.console import RenderableType

WIDEST, NARROWEST = 100, 40
_MARKS = re.compile(r"\*\*|\\([!-/:-@\[-`{-~])|&(lt|amp);|^[-#]+ ", re.MULTILINE)
_NAMED = re.compile(r"^\*\*(.+?)\*\* ")
_SIGNS = {"lt": "<", "amp": "&"}
_ENDS = ("_low", "_high")


def width() -> int:
    """Return how wide a text may be: as the terminal, and `WIDEST` at the most."""
    columns = shutil.get_terminal_size((WIDEST, 24)).columns
    return min(WIDEST, max(NARROWEST, columns))


def relative(path: Path) -> Path:
    """Shorten a path below the caller's folder."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def plain(markdown: str) -> str:
    r"""Return the words of a sentence in Markdown.

    Examples
    --------
    >>> plain(r"- **auto** is no closer than a\_b &lt;1")
    'auto is no closer than a_b <1'
    """
    return _MARKS.sub(lambda found: found[1] or _SIGNS.get(found[2], ""), markdown)


def wrapped(text: str, columns: int, *, indent: int = 0) -> list[str]:
    """Return the lines of a sentence, those after the first indented.

    Characters that take two places, as Chinese ones do, are counted so.
    """
    from rich.console import Console
    from rich.text import Text

    words = Text(one_line(text))
    console = Console(file=io.StringIO(), width=columns)
    first, *others = words.wrap(console, columns - indent) or [words]
    return [first.plain.rstrip(), *(" " * indent + line.plain.rstrip() for line in others)]


def laid_out(markdown: str, columns: int) -> list[str]:
    r"""Return the lines of Markdown: sentences wrapped, bars and tables as they are.

    Examples
    --------
    >>> laid_out("## Trams\n\n```text\nYes  ██  40%\n```", 40)
    ['Trams', '', 'Yes  ██  40%']
    """
    found: list[str] = []
    in_block = False
    for line in markdown.splitlines():
        if line.startswith("```"):
            in_block = not in_block
        elif in_block or line.startswith("|"):
            found.append(line)
        else:
            found += wrapped(plain(_NAMED.sub(r"\1: ", line)), columns)
    return found


def table(
    header: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    right: Collection[int] = (),
    faint: Collection[int] = (),
) -> "RenderableType":
    """Lay out a table, a line a row; what is wider than where it is shown is cut, with `…`.

    Parameters
    ----------
    header : sequence of length n_columns
    rows : iterable of sequences of length n_columns
    right : collection of int
        Columns that are laid out to the right.
    faint : collection of int
        Rows that stand back.
    """
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    laid = Table(
        box=SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, 1, 0, 0),
        header_style="bold",
    )
    for place, name in enumerate(header):
        laid.add_column(
            Text(one_line(name)),
            justify="right" if place in right else "left",
            no_wrap=True,
            overflow="ellipsis",
        )
    for number, row in enumerate(rows):
        cells = [Text(one_line(str(cell))) for cell in row]
        laid.add_row(*cells, style="dim" if number in faint else None)
    return laid


def rendered(parts: Iterable["RenderableType"], columns: int) -> str:
    """Return what stands on a terminal of so many columns, without colours."""
    from rich.console import Console

    shown = io.StringIO()
    console = Console(file=shown, width=columns, color_system=None, highlight=False, emoji=False)
    for part in parts:
        console.print(part, markup=False, soft_wrap=isinstance(part, str))
    return "".join(f"{line.rstrip()}\n" for line in shown.getvalue().splitlines())


def show(parts: Sequence["RenderableType"], columns: int) -> None:
    """Write to standard output, in colours where it is a terminal that shows them.

    Texts among the parts are to be visible already, as those of `wrapped` and `table` are.
    """
    out = sys.stdout
    if not isinstance(out, VisibleStream) or not out.isatty():
        out.write(rendered(parts, columns))
        return
    from rich.console import Console

    made = io.StringIO()
    console = Console(file=made, width=columns, force_terminal=True, highlight=False, emoji=False)
    for part in parts:
        console.print(part, markup=False, soft_wrap=isinstance(part, str))
    out.write_as_is(made.getvalue())


def frame(
    found: "pl.DataFrame", *, columns: int, most: int, digits: int = 4
) -> tuple[list[str], "RenderableType"]:
    """Lay out the first rows of a table of numbers with intervals.

    Columns `X`, `X_low` and `X_high` become one; what is the same in all rows goes into a
    sentence; columns that do not fit are left out.

    Parameters
    ----------
    found : DataFrame
    columns : int
        Characters of a line.
    most : int
        Rows.
    digits : int
        After the point.

    Returns
    -------
    (list of str, renderable)
        What holds for all rows, and the table.
    """
    from rich.cells import cell_len

    names = [one for one in found.columns if not one.endswith(_ENDS)]
    common = {
        one: found[one][0] for one in names if found.height > 1 and found[one].n_unique() == 1
    }
    rows = found.head(most).rows(named=True)
    cells = {
        name: [_with_interval(row, name, digits) for row in rows]
        for name in names
        if name not in common
    }
    kept: list[str] = []
    left = columns
    for name, texts in cells.items():
        left -= max(map(cell_len, (name, *texts))) + 2
        if left < 0:
            break
        kept.append(name)
    numbers = {at for at, name in enumerate(kept) if found.schema[name].is_numeric()}
    said = [
        f"{name} {_cell(value, digits)}" for name, value in common.items() if value is not None
    ]
    return said, table(kept, zip(*(cells[one] for one in kept), strict=True), right=numbers)


def _with_interval(row: Mapping[str, Any], name: str, digits: int) -> str:
    value, low, high = (row.get(f"{name}{end}") for end in ("", *_ENDS))
    if value is None or low is None or high is None:
        return _cell(value, digits)
    return f"{_cell(value, digits)} [{_cell(low, digits)}, {_cell(high, digits)}]"


def _cell(value: object, digits: int) -> str:
    if value is None:
        return ""
    return f"{value:.{digits}f}" if isinstance(value, float) else one_line(str(value))
