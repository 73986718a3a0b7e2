"""How the commands show what they found."""

import json
import sys
from collections.abc import Mapping, Sequence

from distexp.terminal.texts import fitting, rendered, width, wrapped
from distexp.visible import visible

NOTHING = "–"
MOST_ROWS = 15
"""Of a table; `--json` has all."""


def show(text: str = "") -> None:
    """Write a line or several; characters that a terminal would obey, or refuse, are escaped."""
    sys.stdout.write(f"{visible(text)}\n")


def show_json(document: object) -> None:
    """Write a document for programs to read."""
    show(json.dumps(document, indent=2, ensure_ascii=True, allow_nan=False))


def say(text: str, *, indent: int = 2) -> None:
    """Write a sentence, in lines that are no wider than there is room."""
    for line in wrapped(text, width(), indent=indent):
        show(line)


def show_field(name: str, text: str, wide: int) -> None:
    """Write a text beside its name, which takes so many columns."""
    first, *others = wrapped(text, width() - wide)
    show("\n".join([f"{name:<{wide}}{first}", *(f"{'':{wide}}{line}" for line in others)]))


def show_table(rows: Sequence[Mapping[str, object]], most: int = MOST_ROWS) -> None:
    """Write rows as a table, numbers to the right; each row has the same columns.

    The last columns are left out where there is no room for them, and rows beyond `most`.
    """
    names = list(rows[0])
    is_number = [
        all(isinstance(row[name], int | float) or row[name] is None for row in rows)
        for name in names
    ]
    cells = [[_cell(row[name]) for name in names] for row in rows[:most]]
    right = {at for at, one in enumerate(is_number) if one}
    sys.stdout.write(rendered([fitting(names, cells, width(), right=right)], width()))
    if len(rows) > most:
        show(f"({len(rows) - most:,} more: --json lists all)")


def shortened(text: str, length: int = 60) -> str:
    """Write a text on one line, its middle left out where it is long."""
    line = json.dumps(text, ensure_ascii=False)[1:-1]
    half = length // 2
    return line if len(line) <= length else f"{line[:half]} … {line[-half:]}"


def dollars(known_usd: float, unpriced: int, answers: int) -> str:
    """Write what answers cost; what is not known is said to be, and never counts as 0."""
    if not unpriced:
        return f"{known_usd:,.4f}"
    return "unknown" if unpriced == answers else f"{known_usd:,.4f} + unknown"


def _cell(value: object) -> str:
    if value is None or value == "":
        return NOTHING
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return str(value)
