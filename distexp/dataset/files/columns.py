"""Columns of a survey's data file, whatever its format, as the codes that the file holds.

Every column comes as text: codes are compared, never computed, and nothing in a file is
evaluated.
"""

import hashlib
import io
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from distexp.errors import DatasetError

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What cannot be seen from the name of a file."""

    encoding: str = "utf-8"
    """Of a text file."""
    separator: str | None = None
    """Between the columns of a text file; None is a tab in `.tsv`, else a comma."""
    sheet: str | None = None
    """Of a workbook; None is the first."""


def read_columns(
    path: Path, columns: Iterable[str], layout: Layout, source: str
) -> "pl.DataFrame":
    """Read the columns named, each once, as text; blanks are null.

    `.csv`, `.tsv`, `.parquet`, `.sav` (SPSS), `.dta` (Stata) and `.xlsx` files are known by their
    names. Codes that SPSS or Stata files declare as missing stay as they are: numbers, or the
    letters of Stata's extended missing values. Value labels are not applied.

    Raises
    ------
    DatasetError
        If the file is missing (then it says `source`), is not what its name says, or lacks a
        column.
    """
    import polars as pl

    check_exists(path, source)
    if path.suffix not in _READERS:
        msg = f"{path} must be one of {', '.join(_READERS)}: its name ends in {path.suffix!r}."
        raise DatasetError(msg)
    try:
        table = _READERS[path.suffix](path, list(dict.fromkeys(columns)), layout)
    except (pl.exceptions.PolarsError, OSError) as exc:
        msg = f"{path} cannot be read as a {path.suffix} file: {str(exc).splitlines()[0]}"
        raise DatasetError(msg) from exc
    return table


def check_exists(path: Path, source: str) -> None:
    """Raise `DatasetError` saying where to get the file unless it is there."""
    if not path.is_file():
        msg = f"There is no file {path}. Get it from {source} and set 'path' to where it lies."
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


def near(name: str, known: Iterable[str]) -> str:
    """Return the hint that ends a message about an unknown name."""
    known = list(known)
    matches = get_close_matches(name, known, n=3) or [
        other for other in known if other.lower() == name.lower()
    ]
    if matches:
        return f"Did you mean {' or '.join(matches)}?"
    return f"There are {', '.join(known[:12])}{' ...' if len(known) > 12 else ''}."


def _check_columns(path: Path, columns: Sequence[str], found: Sequence[str]) -> None:
    for column in columns:
        if column not in found:
            msg = f"{path} has no column {column!r}. {near(column, found)}"
            raise DatasetError(msg)


def _read_text(path: Path, columns: Sequence[str], layout: Layout) -> "pl.DataFrame":
    import polars as pl

    content = path.read_bytes()
    try:
        text = content.decode(layout.encoding)
    except UnicodeDecodeError as exc:
        line = content.count(b"\n", 0, exc.start) + 1
        msg = (
            f"{path}, line {line}: byte 0x{content[exc.start]:02x} is not {layout.encoding}. Set "
            "'encoding' in the codebook, e.g. to cp1252."
        )
        raise DatasetError(msg) from exc
    except LookupError as exc:
        msg = f"The codebook names an unknown encoding for {path}: {layout.encoding!r}."
        raise DatasetError(msg) from exc
    separator = layout.separator or ("\t" if path.suffix == ".tsv" else ",")
    header = text[:1_000_000].split("\n", 1)[0]
    if separator not in header and len(columns) > 1:
        others = [other for other in ",;\t|" if other in header]
        hint = f"Its first line holds {others[0]!r}: s" if others else "S"
        msg = (
            f"{path} is all in one column when split at {separator!r}. {hint}et 'separator' in "
            "the codebook."
        )
        raise DatasetError(msg)
    raw = text.encode()
    found = pl.read_csv(io.BytesIO(raw), separator=separator, n_rows=0).columns
    _check_columns(path, columns, found)
    return pl.read_csv(
        io.BytesIO(raw), separator=separator, columns=list(columns), infer_schema=False
    ).select(columns)


def _read_parquet(path: Path, columns: Sequence[str], layout: Layout) -> "pl.DataFrame":
    import polars as pl

    _check_columns(path, columns, list(pl.read_parquet_schema(path)))
    return pl.read_parquet(path, columns=list(columns)).select(pl.col(columns).cast(pl.String))


def _read_statistics(path: Path, columns: Sequence[str], layout: Layout) -> "pl.DataFrame":
    """Read an SPSS or Stata file."""
    import polars as pl

    try:
        import pyreadstat
    except ImportError as exc:
        raise _extra_error(path, "pyreadstat") from exc
    read = pyreadstat.read_sav if path.suffix == ".sav" else pyreadstat.read_dta
    try:
        found = read(path, metadataonly=True, output_format="dict")[1].column_names
        _check_columns(path, columns, found)
        values, _ = read(
            path,
            usecols=list(columns),
            user_missing=True,
            disable_datetime_conversion=True,
            output_format="dict",
        )
    except (pyreadstat.ReadstatError, pyreadstat.PyreadstatError) as exc:
        msg = f"{path} cannot be read as a {path.suffix} file: {exc}"
        raise DatasetError(msg) from exc
    # A column that mixes numbers and letters has no type of its own.
    texts = [pl.Series(name, values[name], dtype=pl.String, strict=False) for name in columns]
    return pl.DataFrame(texts)


def _read_workbook(path: Path, columns: Sequence[str], layout: Layout) -> "pl.DataFrame":
    sheet = read_sheet(path, layout.sheet)
    _check_columns(path, columns, sheet.columns)
    return sheet.select(columns)


def read_sheet(path: Path, name: str | None) -> "pl.DataFrame":
    """Read a sheet of a workbook, or the first, as text; a formula is its stored value.

    Raises
    ------
    DatasetError
        If the package that reads it is not installed, it is no workbook, or has no such sheet.
    """
    try:
        import fastexcel
    except ImportError as exc:
        raise _extra_error(path, "fastexcel") from exc
    try:
        workbook = fastexcel.read_excel(path)
        if name is not None and name not in workbook.sheet_names:
            msg = f"{path} has no sheet {name!r}. {near(name, workbook.sheet_names)}"
            raise DatasetError(msg)
        return workbook.load_sheet(0 if name is None else name, dtypes="string").to_polars()
    except fastexcel.FastExcelError as exc:
        msg = f"{path} cannot be read as a workbook: {str(exc).splitlines()[0]}"
        raise DatasetError(msg) from exc


def _extra_error(path: Path, package: str) -> DatasetError:
    return DatasetError(
        f"Reading {path} takes the package {package}: pip install 'distexp[surveys]'"
    )


_READERS: dict[str, Callable[[Path, Sequence[str], Layout], "pl.DataFrame"]] = {
    ".csv": _read_text,
    ".tsv": _read_text,
    ".parquet": _read_parquet,
    ".sav": _read_statistics,
    ".dta": _read_statistics,
    ".xlsx": _read_workbook,
}
