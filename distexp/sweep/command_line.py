"""What was typed after `distexp`, before Hydra reads it.

Hydra takes a setting for a sentence of its grammar, in which `=`, `(`, an apostrophe or a letter
that is not English ends the sentence. What can only be a text is put into quotes here, as one
would have had to; what is neither an option nor a setting is refused.
"""

import argparse
import re
import shlex
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from hydra._internal.utils import get_args_parser
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, Override
from hydra.errors import HydraException

from distexp.checks import nearest
from distexp.errors import ConfigError

MEANT = {
    "ls": "distexp list",
    "help": "distexp --help",
    "version": "distexp --version",
    "run": "distexp",
    "sweep": "distexp -m",
    "export": "distexp cache export",
    "import": "distexp cache import",
    "stats": "distexp cache stats",
    "verify": "distexp cache verify",
}
"""What other programs call their commands."""
NAMED_BY_PEOPLE = ("population.margins",)
"""Mappings that are read as YAML where Hydra cannot read a name in them: `Männer`, `<$30k`."""
OPTIONAL = ("experiment", "view")
"""Groups of which nothing need be chosen."""
_OPENING, _CLOSING = "[{(", "]})"
_FUNCTION = re.compile(
    r"(choice|range|interval|glob|sort|shuffle|tag|int|float|str|bool|json_str|extend_list)\("
)
"""The functions of Hydra's grammar."""


def options_and_settings(
    arguments: Sequence[str], settings_named: Collection[str] = ()
) -> tuple[list[str], list[str], bool]:
    """Return the options of Hydra, the settings, and whether they are of a sweep.

    Parameters
    ----------
    arguments : sequence of str
    settings_named : collection of str
        Names of settings, to tell where one was typed as an option.

    Raises
    ------
    ConfigError
        If there is an option that Hydra does not know.
    """
    parser = get_args_parser()
    parser.exit_on_error = False
    try:
        found, unknown = parser.parse_known_intermixed_args(arguments)
        problem = f"There is no option {unknown[0]!r}." if unknown else ""
    except argparse.ArgumentError as exc:
        unknown = [one for one in arguments if one.startswith("-")]
        problem = f"{exc}."
    if problem:
        known = [name for action in parser._actions for name in action.option_strings]
        strange = next((one for one in unknown if one not in known), "")
        name, _, value = strange.lstrip("-").partition("=")
        name = name.replace("-", "_")
        if name.partition(".")[0] in settings_named:
            typed = shlex.quote(f"{name}={value or 'VALUE'}")
            raise ConfigError(f"{problem} A setting has no dashes before it: type {typed}.")
        meant = nearest(f"-{strange}" if re.match("-[^-]", strange) else strange, known)
        raise ConfigError(f"{problem}{meant} distexp --hydra-help lists them.")
    settings = list(found.overrides)
    options, left = [], list(settings)
    for argument in arguments:
        if argument in left:
            left.remove(argument)
        else:
            options.append(argument)
    return options, settings, found.multirun or "hydra.mode=MULTIRUN" in settings


def refuse_words(
    arguments: Sequence[str],
    settings: Sequence[str],
    commands: Collection[str],
    groups: Collection[str],
) -> None:
    """Refuse what is neither `NAME=VALUE` nor `~NAME`.

    Raises
    ------
    ConfigError
        Says what may have been meant.
    """
    for word in settings:
        if "=" in word or word.startswith("~"):
            continue
        if word in groups:
            raise ConfigError(
                f"{word} needs a choice: type {word}=NAME. distexp --help lists all."
            )
        if word == arguments[0]:
            raise ConfigError(
                f"There is no command {word!r}.{nearest(word, commands, MEANT)} The commands are "
                f"{', '.join(commands)}; settings of a run are given as NAME=VALUE."
            )
        raise ConfigError(
            f"{word!r} is no setting: settings are given as NAME=VALUE."
            f"{nearest(word, [*commands, *groups])} A value with spaces stands in quotes: "
            "'NAME=a value'."
        )


def readable(setting: str, *, sweep: bool) -> str:
    """Return a setting in the words of Hydra's grammar.

    Parameters
    ----------
    setting : str
        As it was typed: `NAME=VALUE`.
    sweep : bool
        Whether the commas of the value part those of several jobs.

    Raises
    ------
    ConfigError
        If it has none; says what to type.

    Examples
    --------
    >>> readable("dataset.path=a (x)=é.csv", sweep=False)
    'dataset.path="a (x)=é.csv"'
    >>> readable("prompt=base,qa", sweep=True)
    'prompt=base,qa'
    """
    name, equals, value = setting.partition("=")
    parsed = _parsed(setting)
    if not equals or (parsed is not None and not _is_one_text(value, parsed, sweep)):
        return setting
    parts = _parts(value) if sweep else [value]
    quoted = f"{name}={','.join(_element(name, part) for part in parts)}"
    if _parsed(quoted) is None:
        if _parsed(f"{name}=x") is None:
            raise ConfigError(f"{name!r} cannot be the name of a setting, in {setting!r}.")
        if name.lstrip("+") in NAMED_BY_PEOPLE and value.startswith("{"):
            return f"{name}={in_quotes(value)}"
        typed = shlex.quote(f"{name}={in_quotes(value)}")
        raise ConfigError(
            f"The value of {setting!r} cannot be read. If it is one text, type {typed}; in a list "
            "or mapping put the texts into quotes."
        )
    return quoted


def chosen(setting: str, groups: Collection[str]) -> str:
    """Return a setting that may choose null only where a group need not be chosen.

    Raises
    ------
    ConfigError
        If it chooses null of another group.
    """
    name, _, value = setting.partition("=")
    group = name.lstrip("+")
    if group not in groups or "null" not in value.lower():
        return setting
    parsed = _parsed(setting)
    found = parsed.value() if parsed is not None else None
    values = found.list if isinstance(found, ChoiceSweep) else [found]
    if None not in values:
        return setting
    if group in OPTIONAL and len(values) == 1:
        return f"~{group}"
    none = ", or leave it out for none" if group in OPTIONAL else ""
    raise ConfigError(
        f"{group} cannot be null: type {group}=NAME{none}. distexp --help lists the choices."
    )


def in_quotes(text: str) -> str:
    """Return a text as Hydra's grammar quotes it."""
    mark = "'" if '"' in text and "'" not in text else '"'
    escaped = re.sub(
        rf"(\\*)({mark}|$)", lambda found: found[1] * 2 + (found[2] and f"\\{mark}"), text
    )
    return f"{mark}{escaped}{mark}"


def _is_one_text(value: str, parsed: Override, sweep: bool) -> bool:
    """Tell whether what Hydra reads as several values, or a call, is the name of a file."""
    return not sweep and parsed.is_sweep_override() and Path(value).exists()


def _parsed(setting: str) -> Override | None:
    try:
        return OverridesParser.create().parse_override(setting)
    except HydraException:
        return None


def _element(name: str, value: str) -> str:
    """Return one value in the words of the grammar, its texts quoted where need be."""
    if value.startswith("~/") or value == "~":
        return in_quotes(str(Path(value).expanduser()))
    if _FUNCTION.match(value):
        return value
    parsed = _parsed(f"{name}={value}")
    if parsed is not None and not parsed.is_sweep_override():
        return value
    if value[:1] == "[" and value[-1:] == "]":
        return f"[{','.join(_element(name, part.strip()) for part in _parts(value[1:-1]))}]"
    if value[:1] == "{" and value[-1:] == "}":
        return f"{{{','.join(_pair(name, part.strip()) for part in _parts(value[1:-1]))}}}"
    return in_quotes(value)


def _pair(name: str, pair: str) -> str:
    key, colon, value = pair.partition(":")
    return f"{key}:{_element(name, value.strip())}" if colon else pair


def _parts(value: str) -> list[str]:
    """Split at the commas that stand in no quotes and no brackets."""
    ends = [place for place, sign in _outer(value) if sign == ","]
    starts = [0, *(end + 1 for end in ends)]
    return [value[a:b] for a, b in zip(starts, [*ends, len(value)], strict=True)]


def _outer(value: str) -> Iterator[tuple[int, str]]:
    """Yield the characters outside of quotes and brackets, with their places."""
    depth, quote, begins = 0, "", True
    for place, sign in enumerate(value):
        before = value[place - 1] if place else ""
        if quote:
            quote = "" if sign == quote and before != "\\" else quote
        elif begins and sign in "'\"" and sign in value[place + 1 :]:
            quote = sign
        elif before == "\\":
            continue
        else:
            depth += (sign in _OPENING) - (sign in _CLOSING and depth > 0)
            if not depth:
                yield place, sign
        begins = sign in ",[{:( " and not quote
