"""What a data file says of itself: its columns, the codes in them, and labels where it has any."""

import itertools
import math
import re
import struct
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distexp.dataset.files.apart import describe_apart, read_apart
from distexp.dataset.files.codes import Code, parse_code, plain
from distexp.dataset.files.columns import check_exists, read_columns
from distexp.dataset.files.delimited import decoded, records
from distexp.dataset.files.layout import Layout
from distexp.errors import DatasetError

if TYPE_CHECKING:
    import polars as pl

SOMEBODY = "whoever collected it"
MOST_CODES = 400
"""Columns with more different codes are described by their number and range."""
_CELLS_AT_ONCE = 20_000_000
_SPSS_INFINITY = 1e300
_DATES = ("DATE", "TIME", "DTIME", "JDATE", "ADATE", "EDATE", "SDATE", "MOYR", "WKYR", "QYR", "%t")


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """A column of a data file, or of the export that a questionnaire will have."""

    name: str
    label: str = ""
    """The variable label, or the wording of the question."""
    labels: Mapping[Code, str] = field(default_factory=dict)
    """Value labels by code, in the file's order."""
    in_order: bool = False
    """Whether that is the order in which the options are shown."""
    missing: tuple[Code, ...] = ()
    """Codes that the file declares missing."""
    missing_ranges: tuple[tuple[float, float], ...] = ()
    """Ranges that the file declares missing, ends included."""
    measure: str = "unknown"
    """`nominal`, `ordinal` or `scale` where the file says so."""
    is_date: bool = False
    counts: Mapping[Code, int] = field(default_factory=dict)
    """How often each code stands in the file, without blanks; empty beyond `MOST_CODES` codes."""
    n_codes: int = 0
    n_blank: int = 0
    span: tuple[float, float] | None = None
    """Least and greatest number; None where a cell is a text."""
    is_whole: bool = True
    """Whether all numbers are whole."""
    battery: str | None = None
    notes: tuple[str, ...] = ()
    """What a person has to check, a sentence each."""

    @property
    def n_answers(self) -> int:
        """How many cells are not blank, as far as they were counted."""
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFile:
    """A data file with what it says of its columns."""

    path: Path
    layout: Layout
    variables: tuple[Variable, ...]
    n_rows: int
    is_labelled: bool
    """Whether it is of a kind that holds labels: SPSS or Stata."""
    weight: str | None = None
    """The column by which the file says that it is weighted."""
    notes: tuple[str, ...] = ()


def column_names(path: Path, layout: Layout) -> list[str]:
    """Return the names of the columns of a data file.

    Raises
    ------
    DatasetError
        If there is no such file, it is not what its name says, or a name comes twice.
    """
    check_exists(path, SOMEBODY)
    suffix = path.suffix.lower()
    if suffix in (".sav", ".dta", ".parquet"):
        names = list(describe_apart(path, layout)["names"])
    elif suffix == ".xlsx":
        names = read_apart(path, None, layout).columns
    elif suffix in (".csv", ".tsv"):
        separator = layout.separator or ("\t" if suffix == ".tsv" else ",")
        text = decoded(path, path.read_bytes(), layout.encoding)
        names = next(records(path, text, separator, layout.skip_rows), (0, []))[1]
    else:
        read_columns(path, [], layout, SOMEBODY)  # which says what kinds of file there are
        names = []
    if twice := [name for name, n in Counter(map(plain, names)).items() if n > 1 and name]:
        msg = f"{path} has the column {twice[0]!r} more than once. Give each column its own name."
        raise DatasetError(msg)
    return names


def read_file(path: Path, sheet: str | None = None) -> DataFile:
    """Read what a data file says of itself, and count its codes.

    Parameters
    ----------
    path : Path
        A file that `read_columns` can read.
    sheet : str, optional
        Of a workbook; the longest if None.

    Raises
    ------
    DatasetError
        If it cannot be read.
    """
    check_exists(path, SOMEBODY)
    layout, notes = guessed_layout(path, sheet)
    is_labelled = path.suffix.lower() in (".sav", ".dta")
    said = describe_apart(path, layout) if is_labelled else {}
    names = [name for name in said.get("names") or column_names(path, layout) if name.strip()]
    if not names:
        raise DatasetError(f"{path} has no columns with names. Name them in its first line.")
    variables: list[Variable] = []
    n_rows, step = 0, len(names)
    start = 0
    while start < len(names):
        chunk = names[start : start + step]
        table = read_columns(path, chunk, layout, SOMEBODY)
        n_rows = table.height
        variables += [_counted(table[name]) for name in chunk]
        start += len(chunk)
        step = max(1, _CELLS_AT_ONCE // max(n_rows, 1))
    file = DataFile(
        path=path,
        layout=layout,
        variables=tuple(variables),
        n_rows=n_rows,
        is_labelled=is_labelled,
        notes=notes,
    )
    return _labelled(file, said) if is_labelled else _without_header_rows(file)


def guessed_layout(path: Path, sheet: str | None = None) -> tuple[Layout, tuple[str, ...]]:
    """Return how a file is to be read, and what of that is a guess."""
    suffix = path.suffix.lower()
    if suffix == ".xlsx":
        return _longest_sheet(path, sheet)
    if suffix not in (".csv", ".tsv"):
        return Layout(), ()
    content = path.read_bytes()
    encoding, notes = None, []
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    else:
        try:
            content.decode("utf-8-sig")
        except UnicodeDecodeError:
            encoding = "cp1252"
            notes.append("it is not UTF-8; is cp1252 right? Look at letters with accents.")
    try:
        header = content.decode(encoding or "utf-8-sig").split("\n", 1)[0]
    except UnicodeDecodeError:
        encoding = "latin-1"
        header = content.decode(encoding).split("\n", 1)[0]
    usual = "\t" if suffix == ".tsv" else ","
    separator = max([usual, *",;\t|"], key=header.count)
    other = separator if separator != usual and header.count(separator) else None
    layout = Layout(encoding=encoding, separator=other)
    if other == ";" and _has_decimal_commas(path, layout):
        layout = replace(layout, decimal=",")
    return layout, tuple(notes)


def _has_decimal_commas(path: Path, layout: Layout) -> bool:
    """Tell whether a text file parted by semicolons writes 1,5 for one and a half."""
    text = decoded(path, path.read_bytes(), layout.encoding)
    rows = itertools.islice(records(path, text, layout.separator or ","), 1, 200)
    cells = [cell.strip() for _, row in rows for cell in row]
    commas = sum(bool(re.fullmatch(r"-?\d+,\d+", cell)) for cell in cells)
    return commas > 0 and not any(re.fullmatch(r"-?\d+\.\d+", cell) for cell in cells)


def _longest_sheet(path: Path, sheet: str | None) -> tuple[Layout, tuple[str, ...]]:
    """Return the sheet that has the most rows, unless one is named."""
    sheets = describe_apart(path)["sheets"]
    longest = max(sheets, key=lambda each: each[1])[0]
    if sheet is not None or longest == sheets[0][0]:
        return Layout(sheet=sheet), ()
    return Layout(sheet=longest), (
        f"of the {len(sheets)} sheets this has the most rows; is it it?",
    )


def _counted(column: "pl.Series") -> Variable:
    """Count the codes of a column."""
    counted = column.fill_null("").value_counts(sort=True)
    counts: Counter[Code] = Counter()
    for cell, n in counted.iter_rows():
        counts[parse_code(storable(cell))] += n
    n_blank = counts.pop(None, 0)
    numbers = [code for code in counts if isinstance(code, float)]
    is_numeric = bool(numbers) and len(numbers) == len(counts)
    kept = counts if len(counts) <= MOST_CODES else {}
    return Variable(
        name=column.name,
        counts={code: kept[code] for code in sorted(kept, key=code_order)},
        n_codes=len(counts),
        n_blank=n_blank,
        span=(min(numbers), max(numbers)) if is_numeric else None,
        is_whole=all(number.is_integer() for number in numbers),
    )


def code_order(code: Code) -> tuple[bool, float, str]:
    """Return the key that sorts codes: numbers by size, then texts."""
    return (True, 0.0, str(code)) if isinstance(code, str) else (False, code or 0.0, "")


def storable(text: str) -> str:
    """Return a text that a codebook can hold: zero bytes and halves of characters are replaced."""
    return re.sub("[\0\ud800-\udfff]", "\N{REPLACEMENT CHARACTER}", text)


def _without_header_rows(file: DataFile) -> DataFile:
    """Take the two rows under a Qualtrics header, wordings and import ids, for what they are."""
    layout = file.layout
    if file.path.suffix.lower() == ".parquet" or file.n_rows < 2:
        return file
    names = [variable.name for variable in file.variables]
    table = read_columns(file.path, names, layout, SOMEBODY)
    texts, ids = table.row(0), table.row(1)
    if not any(str(cell).startswith('{"ImportId"') for cell in ids):
        return file
    rows = table[2:]
    variables = tuple(
        replace(_counted(rows[name]), label=storable(text or ""))
        for name, text in zip(names, texts, strict=True)
    )
    layout = replace(layout, skip_rows=(2, 3))
    return replace(file, variables=variables, n_rows=rows.height, layout=layout)


def _labelled(file: DataFile, said: Mapping[str, Any]) -> DataFile:
    """Add what an SPSS or Stata file says of its columns."""
    variables = []
    for variable in file.variables:
        name = variable.name
        ranges = said["missing_ranges"].get(name, [])
        single = [span["lo"] for span in ranges if span["lo"] == span["hi"]]
        wide = [(_bound(s["lo"]), _bound(s["hi"])) for s in ranges if s["lo"] != s["hi"]]
        letters = [code for code in variable.counts if isinstance(code, str) and len(code) == 1]
        is_text = said["types"].get(name) == "string"
        declared = [*single, *([] if is_text else letters)]  # Stata's .a to .z
        labels = said["value_labels"].get(name, [])
        variables.append(
            replace(
                variable,
                label=storable(said["labels"].get(name) or "").strip(),
                labels={parse_code(c): storable(str(text)).strip() for c, text in labels},
                missing=tuple(dict.fromkeys(map(parse_code, declared))),
                missing_ranges=tuple(wide),
                measure=said["measures"].get(name) or "unknown",
                is_date=str(said["formats"].get(name) or "").startswith(_DATES),
            )
        )
    weight = _declared_weight(file.path, said) if file.path.suffix.lower() == ".sav" else None
    return replace(file, variables=tuple(variables), weight=weight)


def _bound(value: float) -> float:
    """Return the end of a range; SPSS writes its largest number for "and all beyond"."""
    return math.copysign(math.inf, value) if abs(value) > _SPSS_INFINITY else value


def _declared_weight(path: Path, said: Mapping[str, Any]) -> str | None:
    """Return the column by which an SPSS file is weighted: its header counts units of 8 bytes.

    References
    ----------
    The PSPP developers, "System File Format", section "File Header Record" (`weight_index`).
    """
    with path.open("rb") as file:
        header = file.read(176)
    if len(header) < 176 or header[:4] not in (b"$FL2", b"$FL3"):
        return None
    order = "<" if struct.unpack("<i", header[64:68])[0] in (2, 3) else ">"
    index = struct.unpack(f"{order}i", header[76:80])[0]
    formats = [str(said["formats"].get(name)) for name in said["names"]]
    ends = itertools.accumulate(map(_units, formats))
    starts = [1, *(end + 1 for end in ends)]
    return dict(zip(starts, said["names"], strict=False)).get(index)


def _units(form: str) -> int:
    """Return how many units of 8 bytes a column takes in an SPSS file."""
    if not form.startswith("A") or not form[1:].isdigit():
        return 1
    width = int(form[1:])
    if width <= 255:
        return -(-width // 8)
    whole, rest = divmod(width - 1, 252)  # very long texts are kept in segments of 252
    return whole * 32 + -(-(rest + 1) // 8)
