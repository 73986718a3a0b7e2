"""How the commands show what they found."""

import json
import sys
from collections.abc import Mapping, Sequence

from distexp.report import markdown
from distexp.visible import visible

NOTHING = "–"


def show(text: str = "") -> None:
    """Write a line or several; characters that a terminal would obey, or refuse, are escaped."""
    sys.stdout.write(f"{visible(text)}\n")


def show_json(document: object) -> None:
    """Write a document for programs to read."""
    show(json.dumps(document, indent=2, ensure_ascii=True, allow_nan=False))


def table(rows: Sequence[Mapping[str, object]]) -> str:
    """Lay rows out as a Markdown table, numbers to the right; each row has the same columns."""
    names = list(rows[0])
    cells = [[_cell(row[name]) for name in names] for row in rows]
    is_number = [all(isinstance(row[name], int | float) for row in rows) for name in names]
    return markdown.table(names, cells, right={at for at, right in enumerate(is_number) if right})


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
