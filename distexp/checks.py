"""Checks of parameters, so that every constructor refuses a bad value in the same words."""

import difflib
import math
from collections.abc import Iterable, Mapping

from distexp.errors import ConfigError

ALIKE = 0.6
"""From how alike on a word is suggested, of 0 to 1."""
NEAR = 0.05
"""Words that are so much less alike than the best are suggested beside it."""


def check_int(
    owner: str, parameter: str, value: object, *, minimum: int, maximum: int | None = None
) -> None:
    """Raise `ConfigError` unless `value` is an int from `minimum` to `maximum`, both included."""
    if isinstance(value, bool) or not isinstance(value, int) or value < minimum:
        raise parameter_error(owner, parameter, f"an int >= {minimum}", value)
    if maximum is not None and value > maximum:
        raise parameter_error(owner, parameter, f"an int from {minimum} to {maximum}", value)


def check_number(
    owner: str,
    parameter: str,
    value: object,
    *,
    low: float,
    high: float = math.inf,
    low_open: bool = False,
    high_open: bool = False,
) -> None:
    """Raise `ConfigError` unless `value` is a finite number between `low` and `high`."""
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or not math.isfinite(value)
        or (value <= low if low_open else value < low)
        or (value >= high if high_open else value > high)
    ):
        if high == math.inf:
            wanted = f"a number {'>' if low_open else '>='} {low:g}"
        else:
            wanted = f"a number in {'(['[not low_open]}{low:g}, {high:g}{')]'[not high_open]}"
        raise parameter_error(owner, parameter, wanted, value)


def check_text(owner: str, parameter: str, value: object) -> None:
    """Raise `ConfigError` unless `value` is a non-empty str."""
    if not isinstance(value, str) or not value:
        raise parameter_error(owner, parameter, "a non-empty str", value)


def check_mapping(owner: str, parameter: str, value: object) -> None:
    """Raise `ConfigError` unless `value` is a mapping."""
    if not isinstance(value, Mapping):
        raise parameter_error(owner, parameter, "a mapping", value)


def check_names(owner: str, parameter: str, names: object) -> None:
    """Raise `ConfigError` unless `names` is None or a non-empty list of str."""
    if names is not None and (
        not isinstance(names, list | tuple)
        or not names
        or not all(isinstance(name, str) for name in names)
    ):
        raise parameter_error(owner, parameter, "null or a non-empty list of str", names)


def check_bool(owner: str, parameter: str, value: object) -> None:
    """Raise `ConfigError` unless `value` is true or false."""
    if not isinstance(value, bool):
        raise parameter_error(owner, parameter, "true or false", value)


def check_part(owner: str, group: str, part: object, kind: type) -> None:
    """Raise `ConfigError` unless a part is of the kind that its group holds."""
    if not isinstance(part, kind):
        raise parameter_error(owner, group, f"a file of the group {group}", part)


def check_optional(owner: str, parameter: str, part: object, kind: type, wanted: str) -> None:
    """Raise `ConfigError` unless a part is None or of a kind; `wanted` says what it must be."""
    if part is not None and not isinstance(part, kind):
        raise parameter_error(owner, parameter, wanted, part)


def check_parts(owner: str, group: str, parts: object, kind: type) -> None:
    """Raise `ConfigError` unless it is a mapping of names to parts of a kind."""
    if not isinstance(parts, Mapping) or not all(isinstance(p, kind) for p in parts.values()):
        wanted = f"one or several files of the group {group}, each under its name"
        raise parameter_error(owner, group, wanted, parts)


def parameter_error(owner: str, parameter: str, wanted: str, value: object) -> ConfigError:
    """Return the error that says which parameter of what must be what, and what it got."""
    return ConfigError(
        f"The {parameter!r} parameter of {owner} must be {wanted}. Got {value!r} instead."
    )


def nearest(word: str, known: Iterable[str], also: Mapping[str, str] | None = None) -> str:
    """Return a sentence with the words that are most like one, or nothing.

    Parameters
    ----------
    word : str
    known : iterable of str
    also : mapping of str to str, optional
        What is meant by words that are not like it.

    Examples
    --------
    >>> nearest("rigde", ["ridge", "lasso"])
    " Did you mean 'ridge'?"
    >>> nearest("what", ["ridge", "lasso"])
    ''
    """
    if also and word in also:
        return f" Did you mean {also[word]!r}?"
    plain = {name.lower(): name for name in known}
    found = difflib.get_close_matches(word.lower(), plain, n=3, cutoff=ALIKE)
    ends = [name for name in plain if name.rsplit("/")[-1] == word.lower()]
    alike = [difflib.SequenceMatcher(None, word.lower(), name).ratio() for name in found]
    best = [name for name, ratio in zip(found, alike, strict=True) if ratio > alike[0] - NEAR]
    names = [repr(plain[name]) for name in ends or best]
    return f" Did you mean {' or '.join(names)}?" if names else ""
