"""Codes of answers: what a cell of a data file says, and which ones a codebook means."""

import math
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from distexp.errors import DatasetError
from distexp.types import FloatArray

if TYPE_CHECKING:
    import polars as pl

Code = float | str | None
"""What stands in a cell: a number, a text, or None for a blank."""

SmallArray = NDArray[np.signedinteger[Any]]
"""Of int8 where that serves: a survey has a number for each respondent and question."""

MOST_DIGITS = 15
"""A whole number of more digits is compared as a text: as a number it might equal another one."""
MOST_SMALL = 100
"""Indices up to which one is an int8, with room for sums."""
MOST_DISTINCT = 2**15
"""Whole numbers below it are counted instead of sorted."""

_NUMBER = r"-?\d+(?:\.\d+)?"
_CELL = re.compile(r"([+-]?)(\d*)(?:\.(\d*))?([eE][+-]?\d+)?")
_BELOW = re.compile(rf"<\s*({_NUMBER})")
_RANGE = re.compile(rf"({_NUMBER})?\.\.({_NUMBER})?")


@dataclass(frozen=True, slots=True)
class Codes:
    """A set of codes, listed or between bounds."""

    listed: frozenset[Code] = frozenset()
    ranges: tuple[tuple[float, float], ...] = ()
    """Lowest and highest number of each range, both included."""
    spelled: frozenset[str] = frozenset()
    """The ranges as they were written: a cell may say just that."""

    @classmethod
    def parse(cls, entries: Sequence[object]) -> Self:
        """Read the entries of a codebook: codes, `<0`, or ranges such as `18..29` and `65..`.

        A cell that holds the text of a range, e.g. "<18", is in it.

        Examples
        --------
        >>> codes = Codes.parse([99, "<0", "65..", "DK"])
        >>> [code in codes for code in (99.0, -2.0, 70.0, "DK", 0.0, None)]
        [True, True, True, True, False, False]
        """
        listed: set[Code] = set()
        spelled: set[str] = set()
        ranges = []
        for entry in entries:
            text = plain(entry) if isinstance(entry, str) else ""
            if below := _BELOW.fullmatch(text):
                ranges.append((-math.inf, math.nextafter(float(below[1]), -math.inf)))
                spelled.add(text)
            elif (span := _RANGE.fullmatch(text)) and text != "..":
                ranges.append((float(span[1] or -math.inf), float(span[2] or math.inf)))
                spelled.add(text)
            else:
                listed.add(parse_code(entry))
        return cls(frozenset(listed), tuple(ranges), frozenset(spelled))

    def __contains__(self, code: Code) -> bool:
        if code in self.listed or code in self.spelled:
            return True
        return isinstance(code, float) and any(low <= code <= high for low, high in self.ranges)

    @property
    def texts(self) -> frozenset[str]:
        """The codes that are texts."""
        return self.spelled.union(code for code in self.listed if isinstance(code, str))

    def meets(self, other: Self) -> bool:
        """Tell whether a code is in both sets.

        Examples
        --------
        >>> Codes.parse(["18..30"]).meets(Codes.parse(["30..49"]))
        True
        """
        return (
            any(code in other for code in self.listed | self.spelled)
            or any(code in self for code in other.listed | other.spelled)
            or any(a <= d and c <= b for a, b in self.ranges for c, d in other.ranges)
        )


def plain(text: str) -> str:
    r"""Return a text as it is compared: in Unicode's composed form, white space made one space.

    Marks that are not seen, such as a byte order mark or a soft hyphen, are left out.

    Examples
    --------
    >>> plain("\ufeffTr\u0065\u0301s\u00a0 bien\n") == "Trés bien"
    True
    """
    if not text.isascii():
        composed = unicodedata.normalize("NFC", text)
        text = "".join(char for char in composed if unicodedata.category(char) != "Cf")
    return " ".join(text.split())


def parse_code(value: object) -> Code:
    """Return the code that a cell, or an entry of a codebook, stands for.

    Texts that are numbers are compared as numbers, `TRUE`, `True` and `true` are one code, and
    "NaN", which is how a reader writes that there is no number, is a blank like the empty text.

    Examples
    --------
    >>> [parse_code(cell) for cell in (1, "1.0", " Yes ", "1_0", "inf", "NaN", "", "TRUE")]
    [1.0, 1.0, 'Yes', '1_0', 'inf', None, None, 'true']
    """
    text = plain(str(value if value is not None else "")).replace("\N{MINUS SIGN}", "-")
    if text in ("TRUE", "True", "FALSE", "False"):
        return text.lower()
    match = _CELL.fullmatch(text)
    if match is None or not (match[2] or match[3]):
        return None if text in ("", "NaN") else text
    number = float(text) + 0.0  # -0 is 0
    whole = len(match[2].lstrip("0")) > MOST_DIGITS and not (match[3] or "").strip("0")
    return text if whole or not math.isfinite(number) else number


def label_of(code: Code) -> str:
    """Write a code as a codebook does: `3`, not `3.0`."""
    return f"{code:.15g}" if isinstance(code, float) else str(code)


def recode(column: "pl.Series", index_of: Callable[[Code], int], where: str) -> SmallArray:
    """Return `index_of` each cell's code, shape (n_rows,); it is called once for each code.

    The column holds texts or numbers. The array is of the smallest type that serves.

    Raises
    ------
    DatasetError
        If two cells are one number but may be two codes, such as `1` and `01`; says `where`.
    """
    cells, place_of, at = _distinct(column)
    codes = [parse_code(cell) for cell in cells]
    _check_spellings(dict(zip(cells, codes, strict=True)), where)
    index = {code: index_of(code) for code in dict.fromkeys(codes)}
    indices = np.array([index[code] for code in codes], dtype=np.int64)
    small = not indices.size or -MOST_SMALL <= indices.min() <= indices.max() <= MOST_SMALL
    kind: type[np.signedinteger[Any]] = np.int8 if small else np.int64
    return indices.astype(kind)[place_of][at]


def _distinct(column: "pl.Series") -> tuple[list[str], SmallArray, SmallArray]:
    """Return the texts of a column's cells in their order, and which one each cell has.

    That is the second array at the places that the third has for the cells.
    """
    import polars as pl

    if column.dtype.is_integer() and column.len() > column.null_count():
        low, high = int(column.min()), int(column.max())  # type: ignore[arg-type]
        if -MOST_DISTINCT < low <= high < MOST_DISTINCT:
            offset = (column.cast(pl.Int64) - (low - 1)).fill_null(0).to_numpy()
            there = np.flatnonzero(np.bincount(offset))
            texts = ["" if one == 0 else str(one + low - 1) for one in there.tolist()]
            order = np.array(sorted(range(len(texts)), key=texts.__getitem__))
            place_of = np.zeros(high - low + 2, np.int32)
            place_of[there[order]] = np.arange(len(order))
            return [texts[one] for one in order], place_of, offset
    if column.dtype == pl.Float64:
        column = column.fill_nan(None)  # which is how a reader writes a blank
    distinct = column.unique()
    named = pl.DataFrame({"value": distinct, "text": distinct.cast(pl.String).fill_null("")})
    named = named.sort("text")
    places = pl.int_range(named.height, dtype=pl.Int32, eager=True)
    placed = column.replace_strict(named["value"], places, return_dtype=pl.Int32)
    at = placed.to_numpy().astype(np.int32, copy=False)
    return named["text"].to_list(), np.arange(named.height, dtype=np.int32), at


def _check_spellings(codes: Mapping[str, Code], where: str) -> None:
    """Raise `DatasetError` if a number is spelled in ways that may be different codes."""
    first: dict[tuple[float, str], str] = {}
    stems: dict[float, str] = {}
    for cell, code in codes.items():
        if not isinstance(code, float):
            continue
        stem = _stem(cell)
        first.setdefault((code, stem), cell)
        if stems.setdefault(code, stem) != stem:
            other = first[code, stems[code]]
            msg = (
                f"{where} holds both {other!r} and {cell!r}, which are one number but may be two "
                "codes. Write them alike, or as texts such as 'c01', in the file."
            )
            raise DatasetError(msg)


def _stem(cell: str) -> str:
    """Return a number without what says nothing: a plus, zeros at the end of its decimals."""
    match = _CELL.fullmatch(plain(cell).replace("\N{MINUS SIGN}", "-"))
    assert match is not None  # only cells that are numbers come here
    decimals = (match[3] or "").rstrip("0")
    sign = match[1] if match[1] == "-" and (match[2] + decimals).strip("0") else ""
    return f"{sign}{match[2] or '0'}.{decimals}{match[4] or ''}"


def numbers(column: "pl.Series") -> FloatArray:
    """Return the cells as numbers, shape (n_rows,); NaN where one is blank or not a number."""
    import polars as pl

    texts = column.dtype == pl.String
    values = (column.str.strip_chars() if texts else column).cast(pl.Float64, strict=False)
    return values.fill_null(math.nan).to_numpy().astype(np.float64)
