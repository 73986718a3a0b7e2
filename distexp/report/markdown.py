"""Markdown of texts from outside: they are shown as they are, and make no markup.

A table keeps its number of lines and cells whatever its cells hold.
"""

import re
from collections.abc import Collection, Iterable, Sequence

from distexp.visible import one_line

_MARKUP = re.compile(
    r"[`*|]|(?<!^)~"  # code, emphasis, cells, strokes
    r"|\\(?=[!-/:-@\[-`{-~]|$)"  # what would escape something else
    r"|\](?=[(\[:])"  # links
    r"|(?<![^\W_])_+|_+(?![^\W_])"  # emphasis; inside of a word an underscore is none
    r"|<|&(?=#?\w+;)"  # HTML
)
_OPENING = re.compile(r"(?:[-+](?=\s|$)|#{1,6}(?=\s|$)|[-=]+$|>|(\d{1,9})[.)](?=\s|$))")
"""What makes a list, a heading, a rule or a quotation at the beginning of a line."""
_HTML = {"<": "&lt;", "&": "&amp;"}


class Markdown(str):
    """Text that is Markdown already, and is not escaped again."""

    __slots__ = ()


def escaped(text: object) -> Markdown:
    r"""Return the Markdown, in one line, that shows a text as it is.

    Nothing in it becomes a link, HTML, emphasis or a cell. An address stays one: it says where it
    leads.

    Examples
    --------
    >>> escaped("<b>a|b</b> [x](y) snake_case")
    '&lt;b>a\\|b&lt;/b> [x\\](y) snake_case'
    """
    if isinstance(text, Markdown):
        return text
    line = _MARKUP.sub(_marked, one_line(str(text)))
    if found := _OPENING.match(line):
        end = found.end(1) if found[1] else 0
        line = f"{line[:end]}\\{line[end:]}"
    return Markdown(line)


def table(
    header: Sequence[object],
    rows: Iterable[Sequence[object]],
    *,
    right: Collection[int] = (),
    padded: bool = True,
) -> str:
    """Lay out a table.

    Parameters
    ----------
    header : sequence of length n_columns
    rows : iterable of sequences of length n_columns
        A cell that is no `Markdown` is taken for a text from outside, and escaped.
    right : collection of int
        Columns that are laid out to the right.
    padded : bool
        Whether the cells of a column are made equally long.
    """
    lines = [[escaped(cell) for cell in line] for line in (header, *rows)]
    if not padded:
        rule = "|---" * len(header) + "|"
        head, *others = (_line(line) for line in lines)
        return "\n".join([head, rule, *others])
    widths = [
        max(1 + (place in right), *map(len, column))
        for place, column in enumerate(zip(*lines, strict=True))
    ]
    rules = [
        "-" * (width - (at in right)) + ":" * (at in right) for at, width in enumerate(widths)
    ]
    lines.insert(1, list(map(Markdown, rules)))
    return "\n".join(
        _line(
            cell.rjust(width) if at in right else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    )


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _marked(found: re.Match[str]) -> str:
    return _HTML.get(found[0]) or "".join(f"\\{sign}" for sign in found[0])
