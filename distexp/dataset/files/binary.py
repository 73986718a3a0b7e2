"""Files of other programs: SPSS, Stata, Excel, Parquet.

What reads them may crash on a damaged file, so it does so in a process of its own
(`distexp.dataset.files.apart`), and nothing here is called in the process of an experiment.
"""

import codecs
import re
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from distexp.dataset.files.layout import Layout, locate, near
from distexp.errors import DatasetError

if TYPE_CHECKING:
    import polars as pl

AT_ONCE = 4_000_000
"""Cells of a file that are held as Python's numbers, which take ten times their room."""
_ERROR = re.compile(rb"""<(?:\w+:)?c\s(?=[^>]*\bt=["']e["'])[^>]*\br=["']([A-Z]+)(\d+)["']""")
_CHUNK, _OVERLAP = 1 << 20, 1 << 12
_TEXT_IS_BAD = "Unable to convert string"


def read_parquet(path: Path, columns: Sequence[str] | None, layout: Layout) -> "pl.DataFrame":
    """Read the columns named, or all of them as they are if None.

    Of those named, numbers stay what they are and all else becomes text.
    """
    import polars as pl

    try:
        if columns is None:
            return pl.read_parquet(path)
        header = list(pl.read_parquet_schema(path))
        names = [header[place] for place in locate(path, columns, header)]
        table = pl.read_parquet(path, columns=list(dict.fromkeys(names)))
        return table.select(
            pl.col(name)
            .cast(of if of.is_integer() or of == pl.Float64 else pl.String)
            .alias(column)
            for name, column in zip(names, columns, strict=True)
            for of in [table.schema[name]]
        )
    except pl.exceptions.PolarsError as exc:
        msg = f"{path} cannot be read as a {path.suffix} file: {str(exc).splitlines()[0]}"
        raise DatasetError(msg) from exc


def read_statistics(
    path: Path, columns: Sequence[str] | None, layout: Layout, *, at_once: int = AT_ONCE
) -> "pl.DataFrame":
    """Read an SPSS or Stata file, some rows at a time; numbers are of the type of least room."""
    import polars as pl
    import pyreadstat

    read = pyreadstat.read_sav if path.suffix.lower() == ".sav" else pyreadstat.read_dta
    encoding = None if layout.encoding is None else codecs.lookup(layout.encoding).name
    try:
        meta = read(path, metadataonly=True, output_format="dict", encoding=encoding)[1]
        header = meta.column_names
        places = locate(path, header if columns is None else columns, header)
        names = [header[place] for place in places]
        wanted = list(dict.fromkeys(names))
        n_at_once = max(1, at_once // max(1, len(wanted)))
        parts: list[pl.DataFrame] = []
        while not parts or parts[-1].height == n_at_once:
            values, _ = read(
                path,
                usecols=wanted,
                user_missing=True,
                disable_datetime_conversion=True,
                output_format="dict",
                encoding=encoding,
                row_limit=n_at_once,
                row_offset=len(parts) * n_at_once,
            )
            parts.append(pl.DataFrame([_cells(name, values.pop(name)) for name in wanted]))
    except (pyreadstat.ReadstatError, pyreadstat.PyreadstatError) as exc:
        msg = f"{path} cannot be read as a {path.suffix} file: {exc}"
        if _TEXT_IS_BAD in str(exc):
            msg += ". Set 'encoding' in the codebook, e.g. to cp1252 or latin-1."
        raise DatasetError(msg) from exc
    table = pl.concat(parts, how="vertical_relaxed").with_columns(
        pl.selectors.by_dtype(pl.Null).cast(pl.String)
    )
    if meta.number_rows is not None and meta.number_rows not in (-1, table.height):
        msg = (
            f"{path} is cut off or damaged: it says that it holds {meta.number_rows} rows, and "
            f"{table.height} were found."
        )
        raise DatasetError(msg)
    return table.select(
        pl.col(name).alias(column) for name, column in zip(names, columns or header, strict=True)
    )


def _cells(name: str, values: "list[object]") -> "pl.Series":
    """Return cells as numbers, of the least room; as texts where one is a letter."""
    import polars as pl

    kinds = set(map(type, values)) - {type(None)}
    if not kinds:  # a question that none of these was asked; others may have been
        return pl.Series(name, values, dtype=pl.Null)
    if kinds == {int}:
        return pl.Series(name, values, dtype=pl.Int64).shrink_dtype()
    if kinds != {float}:
        return pl.Series(name, values, dtype=pl.String, strict=False)
    cells = pl.Series(name, values, dtype=pl.Float64).fill_nan(None)
    small = cells.cast(pl.Int32, strict=False)
    is_whole = (small == cells).fill_null(cells.is_null())
    return small.shrink_dtype() if is_whole.all() else cells


def read_workbook(path: Path, columns: Sequence[str] | None, layout: Layout) -> "pl.DataFrame":
    """Read a sheet of a workbook; a formula is its stored value."""
    import fastexcel

    try:
        workbook = fastexcel.read_excel(path)
        names = workbook.sheet_names
        if layout.sheet is not None and layout.sheet not in names:
            msg = f"{path} has no sheet {layout.sheet!r}. {near(layout.sheet, names)}"
            raise DatasetError(msg)
        sheet = layout.sheet or names[0]
        table = workbook.load_sheet(
            sheet, header_row=None, skip_rows=0, dtypes="string"
        ).to_polars()
    except (fastexcel.FastExcelError, IndexError) as exc:
        msg = f"{path} cannot be read as a workbook: {str(exc).splitlines()[0]}"
        raise DatasetError(msg) from exc
    return _below_header(path, table, columns, layout, sheet)


def described(path: Path, layout: Layout) -> dict[str, Any]:
    """Return what a file says of itself, as JSON can hold it.

    `names` of the columns of a Parquet, SPSS or Stata file, and of the latter two more that
    `distexp.dataset.files.variables` reads; `sheets` with their numbers of rows of a workbook.
    """
    if path.suffix.lower() == ".xlsx":
        import fastexcel

        try:
            book = fastexcel.read_excel(path)
            heights = [[n, book.load_sheet(n, header_row=None).height] for n in book.sheet_names]
        except fastexcel.FastExcelError as exc:
            msg = f"{path} cannot be read as a workbook: {str(exc).splitlines()[0]}"
            raise DatasetError(msg) from exc
        return {"sheets": heights}
    if path.suffix.lower() == ".parquet":
        import polars as pl

        try:
            return {"names": list(pl.read_parquet_schema(path))}
        except pl.exceptions.PolarsError as exc:
            msg = f"{path} cannot be read as a {path.suffix} file: {str(exc).splitlines()[0]}"
            raise DatasetError(msg) from exc
    return _described_statistics(path, layout)


def _described_statistics(path: Path, layout: Layout) -> dict[str, Any]:
    """Return what an SPSS or Stata file says of its columns."""
    import pyreadstat

    read = pyreadstat.read_sav if path.suffix.lower() == ".sav" else pyreadstat.read_dta
    encoding = None if layout.encoding is None else codecs.lookup(layout.encoding).name
    try:
        meta = read(
            path, metadataonly=True, user_missing=True, output_format="dict", encoding=encoding
        )[1]
    except (pyreadstat.ReadstatError, pyreadstat.PyreadstatError) as exc:
        msg = f"{path} cannot be read as a {path.suffix} file: {exc}"
        raise DatasetError(msg) from exc
    return {
        "names": meta.column_names,
        "labels": meta.column_names_to_labels,
        "value_labels": {n: list(of.items()) for n, of in meta.variable_value_labels.items()},
        "missing_ranges": meta.missing_ranges,
        "measures": meta.variable_measure,
        "formats": meta.original_variable_types,
        "types": meta.readstat_variable_types,
    }


def _below_header(
    path: Path,
    table: "pl.DataFrame",
    columns: Sequence[str] | None,
    layout: Layout,
    sheet: str,
) -> "pl.DataFrame":
    """Return the rows below the first one that has content, without those to be passed over."""
    import polars as pl

    numbered = table.with_row_index("\0row", offset=1)
    if layout.skip_rows and max(layout.skip_rows) > table.height:
        msg = f"{path} has {table.height} rows: there is no row {max(layout.skip_rows)} to skip."
        raise DatasetError(msg)
    filled = pl.any_horizontal(pl.col(table.columns).str.strip_chars().fill_null("") != "")
    kept = numbered.filter(filled, ~pl.col("\0row").is_in(list(layout.skip_rows)))
    if not kept.height:
        raise DatasetError(f"{path} holds no row in sheet {sheet!r}.")
    header = [cell or "" for cell in kept.row(0)[1:]]
    wanted = [name for name in dict.fromkeys(header) if name] if columns is None else columns
    places = locate(path, wanted, header)
    rows = set(kept["\0row"])
    for letters, row in _errors(path, sheet):
        if row in rows and _number(letters) - 1 in places:
            msg = (
                f"{path} holds an error value, such as #N/A, in cell {letters}{row} of sheet "
                f"{sheet!r}. Mend it, or clear the cell if there is no answer."
            )
            raise DatasetError(msg)
    below = kept.slice(1)
    return below.select(
        below.to_series(place + 1).alias(name) for name, place in zip(wanted, places, strict=True)
    )


def _errors(path: Path, sheet: str) -> Iterator[tuple[str, int]]:
    """Yield the column and the row of the cells of a sheet that hold error values."""
    with zipfile.ZipFile(path) as archive:
        member = _member(archive, sheet)
        if member is None:
            return
        with archive.open(member) as file:
            rest = b""
            while chunk := file.read(_CHUNK):
                rest += chunk
                for letters, row in _ERROR.findall(rest):
                    yield letters.decode(), int(row)
                rest = rest[-_OVERLAP:]


def _member(archive: zipfile.ZipFile, sheet: str) -> str | None:
    """Return the name of the file in a workbook that holds a sheet."""
    try:
        book = ElementTree.fromstring(archive.read("xl/workbook.xml"))
        links = ElementTree.fromstring(archive.read("xl/_rels/workbook.xml.rels"))
    except KeyError:
        return None
    targets = {link.get("Id"): link.get("Target", "") for link in links}
    for element in book.iter():
        if element.tag.endswith("}sheet") and element.get("name") == sheet:
            ids = [of for key, of in element.attrib.items() if key.endswith("}id")]
            target = targets.get(ids[0], "") if ids else ""
            name = target[1:] if target.startswith("/") else f"xl/{target}"
            return name if name in archive.namelist() else None
    return None


def _number(letters: str) -> int:
    """Return the number of a column, from 1: A is 1, AA is 27."""
    number = 0
    for letter in letters:
        number = 26 * number + ord(letter) - ord("A") + 1
    return number


READERS: dict[str, Callable[[Path, Sequence[str] | None, Layout], "pl.DataFrame"]] = {
    ".parquet": read_parquet,
    ".sav": read_statistics,
    ".dta": read_statistics,
    ".xlsx": read_workbook,
}
