"""Text files of rows and columns: every row has the cells of its header, or its line is named."""

import codecs
import csv
import io
from collections.abc import Iterator, Sequence
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING

from distexp.dataset.columns import Layout, locate
from distexp.errors import DatasetError

if TYPE_CHECKING:
    import polars as pl

_MARKS = {
    b"\xef\xbb\xbf": "utf-8",
    b"\xff\xfe\0\0": "utf-32",
    b"\0\0\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}
"""What a file of an encoding may begin with; the longer ones first."""


def read_text(path: Path, columns: Sequence[str], layout: Layout) -> "pl.DataFrame":
    """Read the columns named as text; empty cells are null, and rows without any content no rows.

    Raises
    ------
    DatasetError
        If it is not of the encoding, a row has more or fewer cells than the header, a quotation
        mark has no other, or a column is not there once.
    """
    import polars as pl

    text = decoded(path, path.read_bytes(), layout.encoding)
    separator = layout.separator or ("\t" if path.suffix.lower() == ".tsv" else ",")
    if len(separator) != 1 or separator in '"\r\n':
        msg = f"The separator of {path} must be one character, e.g. ';'. Got {separator!r}."
        raise DatasetError(msg)
    rows = records(path, text, separator, layout.skip_rows)
    header = next(rows, (0, []))[1]
    if len(header) < 2 and len(columns) > 1:
        others = [other for other in ",;\t|" if other in "".join(header)]
        hint = f"Its first line holds {others[0]!r}: s" if others else "S"
        msg = (
            f"{path} is all in one column when split at {separator!r}. {hint}et 'separator' in "
            "the codebook."
        )
        raise DatasetError(msg)
    places = locate(path, columns, header)
    table = None if layout.skip_rows else _plain_table(text, separator, len(header), places)
    if table is None:
        pick = itemgetter(*places, places[0]) if places else (lambda cells: ())
        cells = list(zip(*(pick(row) for _, row in rows), strict=True)) or [()] * len(places)
        texts = zip(columns, cells, strict=False)
        table = pl.DataFrame([pl.Series(name, of, dtype=pl.String) for name, of in texts])
    else:
        table.columns = list(columns)
    return table.with_columns(pl.all().replace("", None))


def decoded(path: Path, content: bytes, encoding: str | None = None) -> str:
    """Return the text of a file without its byte order mark.

    Raises
    ------
    DatasetError
        If it is not of the encoding (UTF-8 if None), or begins with the mark of another one.
    """
    wanted = encoding or "utf-8"
    mark = next((of for begin, of in _MARKS.items() if content.startswith(begin)), None)
    begins = f"It begins as {mark} does. " if mark else ""
    to_do = "Save it as UTF-8, or set 'encoding' in the codebook of respondents, e.g. to"
    try:
        text = content.decode(wanted)
    except UnicodeDecodeError as exc:
        line = content.count(b"\n", 0, exc.start) + 1
        byte = f"byte 0x{content[exc.start]:02x}"
        msg = f"{path}, line {line}: {byte} is not {wanted}. {begins}{to_do} {mark or 'cp1252'}."
        raise DatasetError(msg) from exc
    except (LookupError, ValueError) as exc:
        msg = f"The codebook names an unknown encoding for {path}: {wanted!r}."
        raise DatasetError(msg) from exc
    if mark and not codecs.lookup(wanted).name.startswith(mark):
        raise DatasetError(f"{path} is no text in {wanted}. {begins}{to_do} {mark}.")
    if "\0" in text:
        msg = f"{path} is no text in {wanted}: it holds zero bytes. {to_do} utf-16."
        raise DatasetError(msg)
    return text.removeprefix("\ufeff")


def records(
    path: Path, text: str, separator: str = ",", skip_rows: Sequence[int] = ()
) -> Iterator[tuple[int, list[str]]]:
    """Yield the header and the rows of a text, each with the number of the line it begins in.

    Rows without any content, and those whose numbers (from 1) are to be skipped, are passed over.

    Raises
    ------
    DatasetError
        If a row has more or fewer cells than the header, or a quotation mark has no other.
    """
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    skipped = set(skip_rows)
    width, line, number = None, 1, 0
    try:
        for number, row in enumerate(reader, start=1):
            if number not in skipped and any(row) and any(cell.strip() for cell in row):
                width = width or len(row)
                if len(row) != width:
                    msg = (
                        f"{path} cannot be read as a {path.suffix} file: line {line} has "
                        f"{len(row)} cells under {width} headers. Mend the line, put cells that "
                        f"hold {separator!r} in quotation marks, or set another 'separator'."
                    )
                    raise DatasetError(msg)
                yield line, row
            line = reader.line_num + 1
    except csv.Error as exc:
        msg = (
            f"{path} cannot be read as a {path.suffix} file: the row that begins in line {line} "
            f"has a quotation mark without another, or out of place ({exc})."
        )
        raise DatasetError(msg) from exc
    if missing := skipped - set(range(1, number + 1)):
        msg = f"{path} has {number} rows: there is no row {min(missing)} to skip."
        raise DatasetError(msg)


def _plain_table(
    text: str, separator: str, width: int, places: Sequence[int]
) -> "pl.DataFrame | None":
    """Read a text whose every line is a full row without quotation marks; None if it is not.

    That is how large files mostly are, and Polars reads them several times faster.
    """
    import polars as pl

    lines = text.removesuffix("\n").split("\n")
    if '"' in text or "\r" in text or len(lines) < 2 or any(c in text for c in "\x0b\x0c"):
        return None
    if any(
        line.count(separator) != width - 1 or not line.strip(f"{separator} \t") for line in lines
    ):
        return None
    table = pl.read_csv(
        io.BytesIO(text.encode()),
        separator=separator,
        has_header=False,
        skip_rows=1,
        quote_char=None,
        infer_schema=False,
    )
    return table.select(pl.nth(place).alias(str(n)) for n, place in enumerate(places))
