"""JSON documents from elsewhere: fields of the right kind, or one line that says which is not."""

import math
from collections.abc import Mapping
from typing import Any

from distexp.errors import ConfigError
from distexp.request import Json


def take(document: object, where: str, **kinds: type | tuple[type, ...]) -> list[Any]:
    """Return the fields of an object in the order asked for.

    Parameters
    ----------
    document : object
        What was read.
    where : str
        What to call it in messages.
    **kinds : type or tuple of type
        By field, what it must be; a bool is no number.

    Raises
    ------
    ConfigError
        If it is no object, has other fields, or one of another kind.

    Examples
    --------
    >>> take({"a": 1, "b": "x"}, "here", b=str, a=(int, float))
    ['x', 1]
    """
    if not isinstance(document, Mapping) or set(document) != set(kinds):
        found = ", ".join(map(str, document)) if isinstance(document, Mapping) else document
        raise field_error(where, f"an object with the fields {', '.join(kinds)}", found)
    for name, kind in kinds.items():
        value = document[name]
        is_bool = isinstance(value, bool) and kind is not bool
        if is_bool or not isinstance(value, kind):
            named = [kind] if isinstance(kind, type) else kind
            wanted = " or ".join(one.__name__ for one in named)
            raise field_error(f"{where}.{name}", f"of type {wanted}", value)
    return [document[name] for name in kinds]


def older(document: object, **defaults: Json) -> object:
    """Return an object with the fields that earlier versions of the schema were without."""
    return {**defaults, **document} if isinstance(document, Mapping) else document


def numbers(values: object, where: str, *, length: int | None = None) -> tuple[float, ...]:
    """Return a list of finite numbers.

    Raises
    ------
    ConfigError
        If it is none, or not of the `length` given.
    """
    if (
        not isinstance(values, list)
        or (length is not None and len(values) != length)
        or not all(type(value) in (int, float) and math.isfinite(value) for value in values)
    ):
        many = "" if length is None else f"{length} "
        raise field_error(where, f"a list of {many}finite numbers", values)
    return tuple(map(float, values))


def texts(values: object, where: str) -> tuple[str, ...]:
    """Return a list of texts.

    Raises
    ------
    ConfigError
        If it is none.
    """
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise field_error(where, "a list of texts", values)
    return tuple(values)


def size(text: str, where: str) -> int:
    """Return a number of options that was written as the key of an object.

    Raises
    ------
    ConfigError
        If it is no whole number from 2 on.
    """
    if not text.isascii() or not text.isdecimal() or len(text) > 3 or int(text) < 2:
        raise field_error(f"A key of {where}", "a number of options", text)
    return int(text)


def field_error(where: str, wanted: str, value: object) -> ConfigError:
    """Return the error that says which field must be what, and how what it got begins."""
    shown = repr(value)
    cut = "…" * (len(shown) > 120)
    return ConfigError(f"{where} must be {wanted}. Got {shown[:120]}{cut} instead.")
