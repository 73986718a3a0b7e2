"""Names and settings of Python put into the configuration that the command line composes."""

from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from distexp.errors import ConfigError
from distexp.sweep.command_line import in_quotes
from distexp.sweep.composed import composed

Names = str | Sequence[str]


def configured(
    choices: Mapping[str, Names], values: Mapping[str, object], folder: str | Path | None = None
) -> DictConfig:
    """Compose a configuration.

    Parameters
    ----------
    choices : mapping of str to str or sequence of str
        A choice of each group, or several of them.
    values : mapping of str to object
        Settings by their names, e.g. `evaluation.n_splits`.
    folder : path, optional
        Of one's own YAML files.

    Raises
    ------
    ConfigError
        If a choice or a setting does not exist.
    """
    overrides = [f"{group}={_chosen(group, name)}" for group, name in choices.items()]
    plain = {name: _plain(value) for name, value in values.items()}
    return composed(overrides, plain, None if folder is None else Path(folder))


def below(group: str, settings: Mapping[str, object]) -> dict[str, object]:
    """Return settings by their whole names.

    Examples
    --------
    >>> below("evaluation", {"n_splits": 3})
    {'evaluation.n_splits': 3}
    """
    return {f"{group}.{name}": value for name, value in settings.items()}


def _chosen(group: str, name: Names) -> str:
    """Return a choice as the command line would have it."""
    if isinstance(name, str):
        return in_quotes(_named(group, name))
    return f"[{','.join(in_quotes(_named(group, one)) for one in name)}]"


def _named(group: str, name: object) -> str:
    if not isinstance(name, str) or not name:
        raise ConfigError(f"A choice of the group {group!r} is given by its name. Got {name!r}.")
    return name


def _plain(value: Any) -> Any:
    """Return a value as YAML has it."""
    if isinstance(value, PathLike):
        return str(Path(value))
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value
