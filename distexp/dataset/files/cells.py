"""What the cells of published survey files hold: lists written as Python text, and refusals."""

import ast
import re

from distexp.errors import DatasetError

MAX_CHARS = 100_000
"""Longest cell that is read as a literal: the longest real ones have a third of it."""

_REFUSALS = frozenset(
    {
        *("refused", "refuse", "ref", "rf", "refusal", "web blank", "no answer", "not answered"),
        *("don't know", "dont know", "do not know", "dk", "not sure", "unsure", "can't say"),
        *("no opinion", "missing", "unknown", "na", "nr", "no response"),
    }
)


def parse_literal(cell: str, where: str) -> object:
    """Read a Python literal (numbers, texts, lists, dicts of them); nothing is ever executed.

    `where` says which cell it is, for the error.

    Raises
    ------
    DatasetError
        If the cell is too long or is no literal.
    """
    try:
        if len(cell) > MAX_CHARS:
            msg = f"it has {len(cell)} characters, more than {MAX_CHARS}"
            raise ValueError(msg)
        return ast.literal_eval(cell.strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as exc:
        msg = f"{where} is not a plain Python literal ({exc}): {cell[:80]!r}"
        raise DatasetError(msg) from exc


def parse_texts(cell: str, where: str) -> list[str]:
    """Read a list of labels; labels that are numbers become their texts.

    Raises
    ------
    DatasetError
        If the cell holds anything else.

    Examples
    --------
    >>> parse_texts("['Yes', 2.0]", "cell 1")
    ['Yes', '2']
    """
    return texts(parse_literal(cell, where), where)


def parse_numbers(cell: str, where: str) -> list[float]:
    """Read a list of numbers.

    Raises
    ------
    DatasetError
        If the cell holds anything else.
    """
    return numbers(parse_literal(cell, where), where)


def texts(value: object, where: str) -> list[str]:
    """Return `value` as a list of labels, or raise `DatasetError`."""
    if not isinstance(value, list) or not all(
        isinstance(item, str | int | float) and not isinstance(item, bool) for item in value
    ):
        msg = f"{where} must be a list of texts. Got {str(value)[:80]!r} instead."
        raise DatasetError(msg)
    return [item if isinstance(item, str) else f"{item:g}" for item in value]


def numbers(value: object, where: str) -> list[float]:
    """Return `value` as a list of floats, or raise `DatasetError`."""
    if not isinstance(value, list) or not all(
        isinstance(item, int | float) and not isinstance(item, bool) for item in value
    ):
        msg = f"{where} must be a list of numbers. Got {str(value)[:80]!r} instead."
        raise DatasetError(msg)
    return [float(item) for item in value]


def is_refusal(label: str) -> bool:
    """Tell whether a label says that no answer was given.

    Examples
    --------
    >>> [is_refusal(label) for label in ("DK/Refused", "Don’t know", "No", "Neither")]
    [True, True, False, False]
    """
    plain = re.sub(r"\(vol[^)]*\)|[.]", "", label.casefold().replace("’", "'").replace("´", "'"))
    parts = [part.strip() for part in re.split(r"[/;,]|\bor\b", plain)]
    return all(part in _REFUSALS for part in parts)
