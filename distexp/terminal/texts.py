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
_END = re.compile(r"(?<=[.!?;:]) (?=\S)")
_SIGNS = {"lt": "<", "amp": "&"}
_ENDS = ("_low", "_high")
LONGEST = 24
"""Places of a name in a table that would be too wide."""
MOST_OF_CELL = 32
"""Places of a cell beside which there is to be room for others."""


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


def places(text: str) -> int:
    """Return how many places a text takes: Chinese characters take two, some none.

    Examples
    --------
    >>> places("Yes"), places("強い")
    (3, 4)
    """
    from rich.cells import cell_len

    return cell_len(text)


def padded(text: str, columns: int) -> str:
    """Return a text with spaces after it, so that it takes so many places.

    Examples
    --------
    >>> padded("強い", 6)
    '強い  '
    """
    return text + " " * (columns - places(text))


def shortened(text: str, columns: int) -> str:
    """Return the beginning of a text that takes more places than there are, with `…`.

    Examples
    --------
    >>> shortened("Strongly", 5), shortened("強い同意", 5), shortened("Yes", 5)
    ('Stro…', '強い…', 'Yes')
    """
    from rich.cells import set_cell_size

    if places(text) <= columns:
        return text
    return f"{set_cell_size(text, columns - 1).rstrip()}…"


def cut(lines: list[str], most: int, columns: int) -> list[str]:
    """Return the first lines of a text, with `…` at the end where there are more.

    Examples
    --------
    >>> cut(["of the", "people"], 1, 10), cut(["of the", "people"], 2, 10)
    (['of the …'], ['of the', 'people'])
    """
    if len(lines) <= most:
        return lines
    last = shortened(lines[most - 1], columns - 2).removesuffix("…").rstrip()
    return [*lines[: most - 1], f"{last} …"]


def command(title: str, name: str, words: Iterable[str]) -> list[str]:
    """Return the lines of a command to be copied, each word whole.

    Examples
    --------
    >>> command("Try:", "distexp", ["model=mock"])
    ['Try: distexp model=mock']
    """
    lines = [f"{title} {name}"]
    for word in words:
        if places(lines[-1]) + places(word) + 3 > width():
            lines[-1] += " \\"
            lines.append("   ")
        lines[-1] += f" {word}"
    return lines


def sentences(text: str, most: int, columns: int) -> list[str]:
    """Return as many whole sentences as stand in so many lines, with `…` where there are more.

    One may end at a colon or semicolon, and the first is cut where it is too long by itself.

    Examples
    --------
    >>> sentences("It is so. That is not.", 1, 12), sentences("It is so.", 1, 12)
    (['It is so. …'], ['It is so.'])
    """
    lines = wrapped(text, columns)
    if len(lines) <= most:
        return lines
    said = ""
    for sentence in _END.split(one_line(text)):
        more = f"{said} {sentence}".strip()
        if len(wrapped(f"{more} …", columns)) > most:
            break
        said = more
    return wrapped(f"{said} …", columns) if said else cut(lines, most, columns)


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


def fitting(
    header: Sequence[str],
    rows: Sequence[Sequence[object]],
    columns: int,
    *,
    right: Collection[int] = (),
    faint: Collection[int] = (),
) -> "RenderableType":
    """Lay out a table that is no wider than there is room: see `table`.

    Names are shortened where they have to be, and then the last columns are left out.

    Examples
    --------
    >>> rows = [("a question", "an option", "40% [30%, 50%]")]
    >>> print(rendered([fitting(("question", "option", "share"), rows, 24)], 24), end="")
    question    option
    ─────────────────────
    a question  an option
    """
    cells = [[one_line(str(cell)) for cell in row] for row in rows]
    names = [one_line(name) for name in header]
    wide = _widths([names, *cells])
    of_names = [at for at in range(len(wide)) if at not in right]
    while (excess := sum(wide) + 2 * len(wide) - 2 - columns) > 0 and of_names:
        at = max(of_names, key=lambda at: wide[at])
        of_names.remove(at)
        most = max(LONGEST, wide[at] - excess)
        cells = [[*row[:at], shortened(row[at], most), *row[at + 1 :]] for row in cells]
        wide = _widths([names, *cells])
    while len(wide) > 1 and sum(wide) + 2 * len(wide) - 2 > columns:
        wide.pop()
    n = len(wide)
    return table(names[:n], [row[:n] for row in cells], right=right, faint=faint)


def _widths(rows: Sequence[Sequence[str]]) -> list[int]:
    return [max(map(places, column)) for column in zip(*rows, strict=True)]


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
    sentence; columns that do not fit are left out, the first with an interval and texts last.

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
    names = [one for one in found.columns if not one.endswith(_ENDS)]
    common = {
        one: found[one][0] for one in names if found.height > 1 and found[one].n_unique() == 1
    }
    rows = found.head(most).rows(named=True)
    cells = {
        name: [shortened(_with_interval(row, name, digits), MOST_OF_CELL) for row in rows]
        for name in names
        if name not in common
    }
    scored = [name for name in cells if f"{name}_low" in found.columns][:1]
    texts = [name for name in cells if not found.schema[name].is_numeric()]
    fitting: set[str] = set()
    left = columns
    for name in dict.fromkeys([*scored, *texts, *cells]):
        left -= max(map(places, (name, *cells[name]))) + 2
        if left < 0:
            break
        fitting.add(name)
    kept = [name for name in cells if name in fitting]
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
