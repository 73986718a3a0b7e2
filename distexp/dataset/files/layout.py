"""How a data file is laid out, and which of its columns are meant by their names."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from distexp.checks import most_alike
from distexp.dataset.files.codes import plain
from distexp.errors import DatasetError


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What cannot be seen from the name of a file."""

    encoding: str | None = None
    """Of its texts; None is UTF-8, and for SPSS and Stata what the file says."""
    separator: str | None = None
    """Between the columns of a text file; None is a tab in `.tsv`, else a comma."""
    decimal: str = "."
    """What stands before the decimals of the numbers in a text file or workbook: "." or ","."""
    skip_rows: tuple[int, ...] = ()
    """Numbers of the rows of a text file or workbook, from 1, that are passed over."""
    sheet: str | None = None
    """Of a workbook; None is the first."""


def locate(path: Path, columns: Iterable[str], header: Sequence[str | None]) -> list[int]:
    """Return where the columns named stand in the header of a file.

    Names are compared as codes are: white space and line breaks in them are one space.

    Raises
    ------
    DatasetError
        If there is none of a name, or several.
    """
    places: dict[str, list[int]] = {}
    for place, name in enumerate(header):
        places.setdefault(plain(name or ""), []).append(place)
    located = []
    for column in columns:
        found = places.get(plain(column), [])
        if len(found) > 1:
            numbers = " and ".join(str(place + 1) for place in found)
            msg = (
                f"{path} has {len(found)} columns called {column!r} (numbers {numbers}). Rename "
                "all but one in the file."
            )
            raise DatasetError(msg)
        if not found:
            known = [name for name in places if name]
            raise DatasetError(f"{path} has no column {column!r}. {near(column, known)}")
        located += found
    return located


def near(name: str, known: Iterable[str]) -> str:
    """Return the hint that ends a message about an unknown name."""
    known = list(known)
    if meant := most_alike(name, known):
        return f"Did you mean {' or '.join(meant)}?"
    return f"There are {', '.join(known[:12])}{' ...' if len(known) > 12 else ''}."
