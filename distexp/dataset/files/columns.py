"""Columns of a survey's data file, whatever its format, as the codes that the file holds.

Every column comes as text: codes are compared, never computed, and nothing in a file is
evaluated.
"""

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from distexp.checks import nearest
from distexp.dataset.files.apart import read_apart
from distexp.dataset.files.delimited import read_text
from distexp.dataset.files.layout import Layout as Layout  # noqa: PLC0414 - to be found here too
from distexp.dataset.files.layout import near as near  # noqa: PLC0414
from distexp.errors import DatasetError

if TYPE_CHECKING:
    import polars as pl


def read_columns(
    path: Path, columns: Iterable[str], layout: Layout, source: str, *, as_text: bool = True
) -> "pl.DataFrame":
    """Read the columns named, each once, as text; blanks are null.

    Without `as_text` numbers of a Parquet file stay numbers, of a tenth the size.

    `.csv`, `.tsv`, `.parquet`, `.sav` (SPSS), `.dta` (Stata) and `.xlsx` files are known by their
    names, in capital or small letters; all but texts are read in a process of its own. Codes that
    SPSS or Stata files declare as missing stay as they are: numbers, or the letters of Stata's
    extended missing values. Value labels are not applied.

    Raises
    ------
    DatasetError
        If the file is missing (then it says `source`), is not what its name says, or lacks a
        column.
    """
    check_exists(path, source)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        msg = f"{path} must be one of {', '.join(SUFFIXES)}: its name ends in {path.suffix!r}."
        raise DatasetError(msg)
    _check_layout(path, suffix, layout)
    wanted = list(dict.fromkeys(columns))
    if suffix in (".csv", ".tsv"):
        try:
            table = read_text(path, wanted, layout)
        except OSError as exc:
            raise DatasetError(f"{path} cannot be read ({exc.strerror}).") from exc
    else:
        table = read_apart(path, wanted, layout, as_text=as_text or layout.decimal == ",")
    return _with_points(path, table) if layout.decimal == "," else table


def _check_layout(path: Path, suffix: str, layout: Layout) -> None:
    """Raise `DatasetError` for what a file of this kind does not have."""
    if layout.encoding is not None:
        try:
            "".encode(layout.encoding)
        except (LookupError, ValueError) as exc:
            msg = f"The codebook names an unknown encoding for {path}: {layout.encoding!r}."
            raise DatasetError(msg) from exc
    if layout.skip_rows and suffix in (".parquet", ".sav", ".dta"):
        msg = f"{path} has no header rows: 'skip_rows' is for text files and workbooks."
        raise DatasetError(msg)


def check_exists(path: Path, source: str) -> None:
    """Raise `DatasetError` saying where to get the file unless it is there."""
    if not path.is_file():
        beside = [one.name for one in path.parent.iterdir()] if path.parent.is_dir() else []
        msg = (
            f"There is no file {path}.{nearest(path.name, beside)} Get it from {source}, or set "
            "'path' to where it lies."
        )
        raise DatasetError(msg)


def sha256(path: Path) -> str:
    """Return the digest of a file of any size, as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_files(
    setting: str | Path, paths: Iterable[Path] | None = None
) -> tuple[tuple[str, str], ...]:
    """Return names and digests of files that were read, as `Survey.files` wants them.

    Parameters
    ----------
    setting : str or Path
        The file or folder that a setting names.
    paths : iterable of Path, optional
        The files read below that folder; None is the file itself.
    """
    root = Path(setting)
    top = Path(os.path.abspath(root)).name  # noqa: PTH100 - a link keeps its own name
    if paths is None:
        return ((top, sha256(root)),)
    return tuple((f"{top}/{path.relative_to(root).as_posix()}", sha256(path)) for path in paths)


def read_sheet(path: Path, name: str | None) -> "pl.DataFrame":
    """Read a sheet of a workbook, or the first, as text; a formula is its stored value.

    Raises
    ------
    DatasetError
        If the package that reads it is not installed, it is no workbook, or has no such sheet.
    """
    return read_apart(path, None, Layout(sheet=name))


def _with_points(path: Path, table: "pl.DataFrame") -> "pl.DataFrame":
    """Return a table with decimal points instead of commas.

    Raises
    ------
    DatasetError
        If a number has a point already.
    """
    import polars as pl

    for column in table.iter_columns():
        with_point = column.filter(column.str.contains(r"^\s*[+-]?\d*\.\d+\s*$").fill_null(False))
        if with_point.len():
            msg = (
                f"Column {column.name!r} of {path} holds {with_point[0]!r}, but the codebook says "
                "that decimals follow a comma: mend one of them."
            )
            raise DatasetError(msg)
    return table.with_columns(pl.all().str.replace(r"^(\s*[+-]?\d*),(\d+\s*)$", "$1.$2"))


SUFFIXES = (".csv", ".tsv", ".parquet", ".sav", ".dta", ".xlsx")
