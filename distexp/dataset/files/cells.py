"""What the cells of published survey files hold: lists written as Python text."""

import ast
import io
import math
import re
import tokenize
import warnings
from itertools import pairwise
from typing import TypeGuard

from distexp.dataset.files.codes import label_of
from distexp.dataset.refusals import is_refusal as is_refusal  # noqa: PLC0414 - to be found here
from distexp.errors import DatasetError

MAX_CHARS = 100_000
"""Longest cell that is read as a literal: the longest real ones have a third of it."""

_ADJACENT = re.compile(r"""['"]\s*['"]""")
_WRAPPERS = frozenset(("array", "list", "tuple", "Series"))
"""What may stand around a list, as in `array(['a', 'b'], dtype=object)`."""
_NAMES = {
    **{"nan": math.nan, "NaN": math.nan, "inf": math.inf},
    **{"None": None, "null": None, "true": True, "false": False},
}


def parse_literal(cell: str, where: str) -> object:
    """Read a Python literal (numbers, texts, lists, dicts of them); nothing is ever executed.

    Lists may stand there as JSON, Python, pandas or NumPy write them: `["a", null]`,
    `['a', nan]`, `['a' 'b']`, `array([1., 2.])`, `[np.float64(0.5)]`. `where` says which cell it
    is, for the error.

    Raises
    ------
    DatasetError
        If the cell is too long, is cut off by "...", or is no literal.

    Examples
    --------
    >>> parse_literal("['a b' 'c']", "cell 1"), parse_literal("array([1., np.int64(2)])", "cell 2")
    (['a b', 'c'], [1.0, 2])
    """
    try:
        if len(cell) > MAX_CHARS:
            msg = f"it has {len(cell)} characters, more than {MAX_CHARS}"
            raise ValueError(msg)
        text = cell.strip()
        if _ADJACENT.search(text) or re.fullmatch(r"\[[^\['\",]*\]", text):
            text = _with_commas(text)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)  # of a backslash in a label
            warnings.simplefilter("ignore", DeprecationWarning)
            return _value(ast.parse(text, mode="eval").body)
    except (
        *(ValueError, SyntaxError, TypeError, MemoryError, RecursionError, OverflowError),
        tokenize.TokenError,
    ) as exc:
        msg = f"{where} is not a plain Python literal ({exc}): {cell[:80]!r}"
        raise DatasetError(msg) from exc


def _with_commas(text: str) -> str:
    """Put commas between the items of a list that NumPy wrote without any.

    Python would join the texts of `['a' 'b']` to one.
    """
    skipped = (tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)
    lines = io.StringIO(text).readline
    tokens = [token for token in tokenize.generate_tokens(lines) if token.type not in skipped]
    words: list[str] = []
    n_added = 0
    for before, token in pairwise([tokens[0], *tokens]):
        item = (tokenize.STRING, tokenize.NUMBER, tokenize.NAME)
        if words and before.type in item and (token.type in item or token.string in "+-"):
            words.append(",")
            n_added += 1
        words.append(token.string)
    if n_added and words.count(",") != n_added:
        msg = "some of its items have no comma between them"
        raise ValueError(msg)
    return " ".join(words)


def _value(node: ast.expr) -> object:  # noqa: PLR0911 - a line a kind
    """Return what a part of a literal says, or raise `ValueError`."""
    match node:
        case ast.Constant(value=str() | int() | float() | None as value):
            return value
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return [_value(item) for item in items]
        case ast.Dict(keys=keys, values=values) if None not in keys:
            pairs = [(_value(k), _value(v)) for k, v in zip(keys, values, strict=True) if k]
            if len({key for key, _ in pairs}) < len(pairs):
                msg = "a key comes twice"
                raise ValueError(msg)
            return dict(pairs)
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() as sign, operand=operand):
            number = _value(operand)
            if isinstance(number, int | float) and not isinstance(number, bool):
                return -number if isinstance(sign, ast.USub) else number
        case ast.Name(id=name) if name in _NAMES:
            return _NAMES[name]
        case ast.Call(func=ast.Name(id=name), args=[item, *_]) if name in _WRAPPERS:
            return _value(item)
        case ast.Call(func=ast.Attribute(value=ast.Name(id="np" | "numpy")), args=[item, *_]):
            return _value(item)
    msg = f"{ast.unparse(node)[:40]!r} is no number, text, list or dict of them"
    raise ValueError(msg)


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
        isinstance(item, str) or (_is_number(item) and math.isfinite(item)) for item in value
    ):
        msg = f"{where} must be a list of texts. Got {str(value)[:80]!r} instead."
        raise DatasetError(msg)
    return [item if isinstance(item, str) else label_of(float(item)) for item in value]


def numbers(value: object, where: str) -> list[float]:
    """Return `value` as a list of floats, or raise `DatasetError`."""
    if not isinstance(value, list) or not all(map(_is_number, value)):
        msg = f"{where} must be a list of numbers. Got {str(value)[:80]!r} instead."
        raise DatasetError(msg)
    try:
        return [float(item) for item in value]
    except OverflowError as exc:
        raise DatasetError(f"{where} holds a number that is too large.") from exc


def _is_number(item: object) -> TypeGuard[int | float]:
    return isinstance(item, int | float) and not isinstance(item, bool)
