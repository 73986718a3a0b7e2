"""JSON within a reply: found in one pass, bounded in depth, doubled keys and all."""

import json
import re
from collections.abc import Iterator
from typing import TypeAlias

from distexp.errors import ParseError

Value: TypeAlias = "Object | list[Value] | str | int | float | bool | None"
DEEPEST = 20
_COMMENTS = re.compile(r'("(?:[^"\\\n]|\\.)*")|//[^\n]*|/\*.*?\*/|#[^\n]*', re.DOTALL)
_TRAILING = re.compile(r",(\s*[\]}])")


class Object:
    """A JSON object as the pairs that it was written with."""

    __slots__ = ("pairs",)

    def __init__(self, pairs: "list[tuple[str, Value]]") -> None:
        self.pairs = pairs


def blocks(reply: str, text: str) -> "Iterator[tuple[int, int, Object | list[Value]]]":
    """Yield each outermost JSON object or list of a reply, with where it begins and ends.

    Parameters
    ----------
    reply : str
        Where to look.
    text : str
        The whole reply, for the error.

    Raises
    ------
    ParseError
        If brackets are nested deeper than `DEEPEST`.
    """
    for start, end in _brackets(reply, text):
        value = _loaded(reply[start:end])
        if isinstance(value, Object | list):
            yield start, end, value


def ends_within(reply: str) -> bool:
    """Tell a reply that may end within a number, as the JSON around it is not closed: `{"A": 4`.

    Examples
    --------
    >>> ends_within('{"A": 10, "B": 9'), ends_within('{"A": 10, "B": 90}'), ends_within("B: 9")
    (True, False, False)
    """
    if not (reply[-1:].isdecimal() or reply[-1:] == "."):
        return False
    opened: list[str] = []
    for at, step in _steps(reply):
        if step > 0:
            opened.append(reply[at])
        else:
            opened.pop()
    return "{" in opened  # shares in [0, 100) are not within anything


def _brackets(reply: str, text: str) -> Iterator[tuple[int, int]]:
    """Yield where brackets open and close, strings aside; those that never close are none."""
    opened: list[int] = []
    for at, step in _steps(reply):
        if step > 0:
            opened.append(at)
            if len(opened) > DEEPEST:
                msg = f"The reply nests brackets deeper than {DEEPEST}."
                raise ParseError(msg, text=text)
        else:
            start = opened.pop()
            if not opened:
                yield start, at + 1


def _steps(reply: str) -> Iterator[tuple[int, int]]:
    """Yield where a bracket opens (1) or closes one (-1), strings aside."""
    depth = 0
    quoted = escaped = False
    for at, sign in enumerate(reply):
        if quoted:
            quoted = escaped or sign != '"'
            escaped = sign == "\\" and not escaped
        elif sign in "{[":
            depth += 1
            yield at, 1
        elif sign in "}]" and depth:
            depth -= 1
            yield at, -1
        elif sign == '"' and depth:
            quoted = True


def _loaded(block: str) -> Value:
    """Return what a block says, comments and trailing commas aside; None where it is no JSON."""
    bare = (
        _COMMENTS.sub(lambda match: match[1] or "", block)
        if "/" in block or "#" in block
        else block
    )
    try:
        value: Value = json.loads(_TRAILING.sub(r"\1", bare), object_pairs_hook=Object)
    except (ValueError, RecursionError):
        return None
    return value
