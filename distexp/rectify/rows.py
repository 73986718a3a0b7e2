"""Tables of answers, as columns of text with the numbers of their rows."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from distexp.checks import nearest
from distexp.dataset.files.codes import plain
from distexp.dataset.files.columns import read_columns
from distexp.dataset.files.variables import column_names, guessed_layout
from distexp.errors import DatasetError
from distexp.types import FloatArray, IntArray, Question

BLANK = -1
"""Code of an empty cell."""
OWNER = "whoever asked the people"
MOST_NAMED = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """What a file holds, as text; empty cells are None."""

    path: Path
    columns: Mapping[str, Sequence[str | None]]
    n_rows: int

    def error(self, row: int, column: str, problem: str) -> DatasetError:
        """Return the error that a cell holds what it must not; rows are numbered from 0."""
        value = self.columns[column][row]
        return DatasetError(
            f"{self.path}, row {row + 1}, column {column!r}: {problem} Got {value!r}."
        )

    def named(self, *names: str) -> str | None:
        """Return the first of some columns that is there."""
        return next((name for name in names if name in self.columns), None)

    def codes(self, column: str, known: Mapping[str, int], problem: str) -> IntArray:
        """Return the number of what each cell holds, `BLANK` for an empty one.

        Raises
        ------
        DatasetError
            If a cell holds nothing known; says `problem` with its row and value.
        """
        cells = self.columns[column]
        of_text = {cell: known.get(plain(cell)) for cell in set(cells) if cell is not None}
        if strange := {cell for cell, code in of_text.items() if code is None}:
            row = next(row for row, cell in enumerate(cells) if cell in strange)
            hint = nearest(str(cells[row]), known)
            raise self.error(row, column, f"{problem}{hint}")
        found: list[int] = [BLANK if c is None else of_text[c] or 0 for c in cells]
        return np.array(found, dtype=np.int64)

    def numbers(self, column: str | None) -> FloatArray:
        """Return numbers that are not negative; ones without the column, 0 for empty cells.

        Raises
        ------
        DatasetError
            If a cell is no such number.
        """
        if column is None:
            return np.ones(self.n_rows)
        found = np.zeros(self.n_rows)
        for row, cell in enumerate(self.columns[column]):
            if cell is None:
                continue
            try:
                found[row] = float(cell)
            except ValueError:
                found[row] = math.nan
            if not 0 <= found[row] < math.inf:
                raise self.error(row, column, "this must be a number that is not negative.")
        return found

    def weights(self, column: str | None) -> FloatArray:
        """Return what each row weighs, 1 at the most: nothing hangs on their scale."""
        found = self.numbers(column)
        return found / max(float(found.max(initial=0.0)), np.finfo(np.float64).tiny)


def read_rows(path: Path, setting: str) -> Rows:
    """Read all columns of a `.csv`, `.tsv`, `.parquet`, `.xlsx`, `.sav` or `.dta` file.

    Raises
    ------
    DatasetError
        If there is no such file, it cannot be read, or it has no rows.
    """
    if not path.is_file():
        raise DatasetError(f"There is no file {path}. Set {setting}=FILE to the table of answers.")
    layout, _ = guessed_layout(path)
    names = [name for name in column_names(path, layout) if name.strip()]
    table = read_columns(path, names, layout, OWNER)
    if not table.height:
        raise DatasetError(f"{path} has no row below its header.")
    columns = {
        plain(name): [cell if cell is not None and cell.strip() else None for cell in table[name]]
        for name in names
    }
    return Rows(path=path, columns=columns, n_rows=table.height)


def option_codes(question: Question) -> dict[str, int]:
    """Return the place of each option by its text, or else by its position on the scale."""
    known = {plain(text): place for place, text in enumerate(question.options)}
    for place, ordinal in enumerate(question.ordinals or ()):
        for text in (f"{ordinal:g}", str(ordinal)):
            known.setdefault(text, place)
    return known


def options_wanted(question: Question) -> str:
    """Say what an answer to a question may be."""
    return (
        f"an answer to {question.question_id!r} must be one of {listed(question.options)}; leave "
        "the cell empty where somebody gave none of them."
    )


def listed(names: Collection[str]) -> str:
    """Return some names, cut where there are many."""
    shown = ", ".join(repr(name) for name in list(names)[:MOST_NAMED])
    return f"{shown} and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else shown
