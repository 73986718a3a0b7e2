"""Codes of answers: what a cell of a data file says, and which ones a codebook means."""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from distexp.types import FloatArray, IntArray

if TYPE_CHECKING:
    import polars as pl

Code = float | str | None
"""What stands in a cell: a number, a text, or None for a blank."""

_NUMBER = r"-?\d+(?:\.\d+)?"
_BELOW = re.compile(rf"<\s*({_NUMBER})")
_RANGE = re.compile(rf"({_NUMBER})?\.\.({_NUMBER})?")


@dataclass(frozen=True, slots=True)
class Codes:
    """A set of codes, listed or between bounds."""

    listed: frozenset[Code] = frozenset()
    ranges: tuple[tuple[float, float], ...] = ()
    """Lowest and highest number of each range, both included."""
    spelled: frozenset[str] = frozenset()
    """The ranges as they were written: a cell of just this text, e.g. "<30", is meant too."""

    @classmethod
    def parse(cls, entries: Sequence[object]) -> Self:
        """Read the entries of a codebook: codes, `<0`, or ranges such as `18..29` and `65..`.

        Examples
        --------
        >>> codes = Codes.parse([99, "<0", "65..", "DK"])
        >>> [code in codes for code in (99.0, -2.0, 70.0, "DK", 0.0, None)]
        [True, True, True, True, False, False]
        >>> "<0" in codes
        True
        """
        listed: set[Code] = set()
        spelled: set[str] = set()
        ranges = []
        for entry in entries:
            text = entry.strip() if isinstance(entry, str) else ""
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
        if isinstance(code, float) and any(low <= code <= high for low, high in self.ranges):
            return True
        return code in self.listed or code in self.spelled

    def meets(self, other: Self) -> bool:
        """Tell whether a code is in both sets.

        Examples
        --------
        >>> Codes.parse(["18..30"]).meets(Codes.parse(["30..49"]))
        True
        """
        return (
            any(code in other for code in self.listed)
            or any(code in self for code in other.listed)
            or any(a <= d and c <= b for a, b in self.ranges for c, d in other.ranges)
        )


def parse_code(value: object) -> Code:
    """Return the code that a cell, or an entry of a codebook, stands for.

    Examples
    --------
    >>> [parse_code(cell) for cell in (1, "1.0", " Yes ", "1_0", "inf", "NaN", "")]
    [1.0, 1.0, 'Yes', '1_0', 'inf', None, None]
    """
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value if value is not None else "").strip()
    try:
        number = math.nan if "_" in text else float(text)
    except ValueError:
        return text or None
    if math.isfinite(number):
        return number
    return None if text == "NaN" else text


def label_of(code: Code) -> str:
    """Write a code as a codebook does: `3`, not `3.0`."""
    return f"{code:.15g}" if isinstance(code, float) else str(code)


def recode(column: "pl.Series", index_of: Callable[[Code], int]) -> IntArray:
    """Return `index_of` each cell's code, shape (n_rows,); it is called once for each code."""
    import polars as pl

    cells = column.fill_null("")
    distinct = cells.unique().sort()
    codes = [parse_code(cell) for cell in distinct]
    index = {code: index_of(code) for code in dict.fromkeys(codes)}
    indices = [index[code] for code in codes]
    return cells.replace_strict(distinct, indices, return_dtype=pl.Int64).to_numpy()


def numbers(column: "pl.Series") -> FloatArray:
    """Return the cells as numbers, shape (n_rows,); NaN where one is blank or not a number."""
    import polars as pl

    values = column.str.strip_chars().cast(pl.Float64, strict=False)
    return values.fill_null(math.nan).to_numpy().astype(np.float64)
