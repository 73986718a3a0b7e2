"""Numbers as models write them. `1.200` is one thing in English and another in German."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

NUMBER = r"(?:\d(?:[.,'_\u00a0\u2007\u2009\u202f]?\d)*|(?<!\d)\.\d+)"
"""Digits with single signs between them that may part thousands or mark decimals."""
_ONE = re.compile(NUMBER)
_GROUPED = r"\d{{1,3}}(?:[{seps}]\d{{3}})+|\d{{1,2}}(?:[{seps}]\d{{2}})+[{seps}]\d{{3}}"
_SPACES = r"'_\u00a0\u2007\u2009\u202f"
_POINT, _COMMA = (
    re.compile(rf"(?:(?:{_GROUPED.format(seps=thousands + _SPACES)})|\d*)(?:{decimal}\d+)?")
    for thousands, decimal in ((",", r"\."), (".", ","))
)
LARGEST = 1e12
_LONGEST = 24


@dataclass(frozen=True, slots=True)
class Value:
    """What a number says where a point marks decimals, and where a comma does."""

    written: str
    by_point: float | None
    by_comma: float | None
    unit: str = "plain"
    """`percent`, `fraction` or `plain`."""

    def says_nothing(self) -> bool:
        """Whether it is a number in neither."""
        return self.by_point is None and self.by_comma is None


def exactly(number: float) -> Value | None:
    """Return the value of a number that needs no reading, as in JSON; None if out of range."""
    if not abs(number) <= LARGEST:  # also NaN, and integers that no float can hold
        return None
    return Value(str(number), float(number), float(number))


def read_number(written: str, *, percent: bool = False, whole: str | None = None) -> Value:
    """Read digits with separators, and the whole that they are a fraction of.

    Examples
    --------
    >>> read_number("1,200").by_point, read_number("1,200").by_comma
    (1200.0, 1.2)
    >>> read_number("20,5").by_point is None
    True
    """
    unit = "percent" if percent else "fraction" if whole is not None else "plain"
    by_point, by_comma = _by(_POINT, written, "."), _by(_COMMA, written, ",")
    if whole is not None:
        n = float(whole[:_LONGEST])
        by_point, by_comma = (_over(part, n) for part in (by_point, by_comma))
    return Value(written, by_point, by_comma, unit)


def _over(part: float | None, whole: float) -> float | None:
    if part is None:
        return None
    return part / whole if whole else math.nan


def _by(convention: re.Pattern[str], written: str, decimal: str) -> float | None:
    if len(written) > _LONGEST or not convention.fullmatch(written):
        return None
    head, mark, tail = written.partition(decimal)
    digits = re.sub(rf"[.,{_SPACES}]", "", head)
    value = float(f"{digits or '0'}.{tail or '0'}" if mark else digits)
    return value if value <= LARGEST else None


def is_number(text: str) -> bool:
    """Tell whether a text is one number and nothing else."""
    return _ONE.fullmatch(text.strip()) is not None


def in_one_convention(values: Sequence[Value]) -> list[float] | Value:
    """Return the numbers of a reply, read as one that writes all of its numbers alike.

    Returns
    -------
    list of float or Value
        The first number that makes two distributions of one reply, or none, where the two
        conventions do not agree; numbers that are proportional agree.
    """
    readings = []
    for of in ("by_point", "by_comma"):
        numbers = [getattr(value, of) for value in values]
        if None not in numbers:
            readings.append(numbers)
    if not readings:
        return next((value for value in values if value.by_point is None), values[0])
    if len(readings) == 2 and not _alike(*readings):
        return next(value for value in values if value.by_point != value.by_comma)
    return list(readings[0])


def _alike(one: Sequence[float], other: Sequence[float]) -> bool:
    totals = math.fsum(one), math.fsum(other)
    return list(one) == list(other) or all(
        math.isclose(a * totals[1], b * totals[0], rel_tol=1e-9)
        for a, b in zip(one, other, strict=True)
    )
