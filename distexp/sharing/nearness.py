"""Which numbers in tables and texts are the same but for the last digits.

Processors compute the last bits otherwise, and what hangs on no choice differs by no more.
"""

import re
from itertools import zip_longest
from typing import TYPE_CHECKING

from distexp.metrics.ties import EQUAL

if TYPE_CHECKING:
    import polars as pl

TOLERANCE = EQUAL
"""Most that two numbers may differ by; of numbers above 1 that share of the larger one."""
SHOWN = 60
"""Characters of a text that are shown of each side."""
_SLACK = 1 + 1e-6
"""What is 1 in the last digit is so but for rounding."""
_NUMBER = re.compile(r"(?<![\w.])([-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d{1,3})?(?: ?%)?)(?![\w.])")
_PART = re.compile(rb"(?<!\w)[a-z][0-9a-f]{10}(?!\w)")
_WIDTH = re.compile(r" +|-{2,}")
"""What only fills a column of a text to its width."""


def unequal(old: "pl.DataFrame", new: "pl.DataFrame") -> "pl.DataFrame":
    """Tell which values of two tables of one schema and height differ by more."""
    import polars as pl

    found = []
    for column in old:
        other = new[column.name]
        parted = column.ne_missing(other)
        if column.dtype.is_float():
            larger = pl.max_horizontal(column.abs(), other.abs(), pl.lit(1.0))
            most = pl.select(larger.alias(column.name)).to_series() * TOLERANCE
            parted &= ~((column - other).abs() <= most).fill_null(value=False)
        elif column.dtype == pl.String:
            pairs = zip(column, other, parted, strict=True)
            parted = pl.Series(
                column.name, [far and not _near(a, b, printed=False) for a, b, far in pairs]
            )
        found.append(parted)
    return pl.DataFrame(found)


def furthest(old: "pl.DataFrame", new: "pl.DataFrame") -> float:
    """Return by how much the numbers of two tables differ at most."""
    gaps = [(column - new[column.name]).abs().max() for column in old if column.dtype.is_float()]
    return max((float(gap) for gap in gaps if isinstance(gap, float)), default=0.0)


def first_line(there: bytes, here: bytes, *, exact: bool, printed: bool) -> str | None:
    """Say in which line two texts part; None where they do not.

    Parameters
    ----------
    there, here : bytes
    exact : bool
        Whether they part wherever they are not equal.
    printed : bool
        Whether numbers are printed to few digits: they may differ by 1 in the last one, as
        numbers that are equal within the tolerance may round to either.
    """
    if there == here:
        return None
    lines = [side.decode(errors="replace").split("\n") for side in (there, here)]
    for number, (old, new) in enumerate(zip_longest(*lines, fillvalue=""), start=1):
        if old != new and (exact or not _near(old, new, printed=printed)):
            return f"line {number} is {_around(old, new)!r} there, {_around(new, old)!r} here"
    # Bytes that are no text, or an end that the other side lacks.
    same = not exact and len(lines[0]) == len(lines[1]) and _is_text(there) and _is_text(here)
    return None if same else "the bytes are others"


def renamed(svg: bytes) -> bytes:
    """Return a drawing with numbered parts: matplotlib names them after digests of all digits."""
    names: dict[bytes, int] = {}
    return _PART.sub(lambda name: b"part%d" % names.setdefault(name[0], len(names)), svg)


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _near(old: str | None, new: str | None, *, printed: bool) -> bool:
    """Whether two texts are the same but for the last digits of numbers."""
    if old is None or new is None:
        return old is new
    # Between the numbers, which stand at the odd places, is text.
    sides = [_NUMBER.split(_WIDTH.sub(_narrow, text)) for text in (old, new)]
    if len(sides[0]) != len(sides[1]) or sides[0][::2] != sides[1][::2]:
        return False
    pairs = zip(sides[0][1::2], sides[1][1::2], strict=True)
    return all(_close(*pair, printed=printed) for pair in pairs)


def _narrow(fill: re.Match[str]) -> str:
    return fill[0][0] if fill[0][0] == " " else "--"


def _close(old: str, new: str, *, printed: bool) -> bool:
    """Whether two numbers are the same but for the last digits; whole ones have to be equal."""
    if old == new:
        return True
    if not any(mark in text for text in (old, new) for mark in ".eE%"):
        return False
    values = [float(text.rstrip(" %")) for text in (old, new)]
    larger = max(1.0, *map(abs, values))
    unit = min(_unit(old), _unit(new)) if printed else 0.0
    return abs(values[0] - values[1]) <= max(TOLERANCE * larger, unit)


def _unit(number: str) -> float:
    """Return what 1 in the last digit of a printed number is."""
    mantissa, _, exponent = number.rstrip(" %").lower().partition("e")
    return _SLACK * float(f"1e{int(exponent or 0) - len(mantissa.partition('.')[2])}")


def _around(text: str, other: str) -> str:
    """Cut a text to what surrounds the place where it parts from another."""
    place = next((at for at, (a, b) in enumerate(zip(text, other, strict=False)) if a != b), 0)
    start = max(0, place - SHOWN // 2)
    return ("…" if start else "") + text[start : start + SHOWN]
