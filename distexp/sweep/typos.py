"""What Hydra says is wrong, said in one line with what may have been meant."""

import inspect
import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import hydra
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.utils import create_config_search_path, get_args_parser
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException, InstantiationException, MissingConfigException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from distexp.checks import nearest
from distexp.errors import ConfigError, DistexpError
from distexp.sweep.command_line import in_quotes

CONFIG_NAME = "config"
MOST_LISTED = 8
"""Longer lists of choices are left to `distexp list`."""
_ADVICE = re.compile(r"\s*To append to your config use \+\S*")
_KEY = re.compile(
    r"Could not (?:override|delete from config\.|append to config\. Item) '([^']+)'"
    r"|Could not override '([^']+)'"
)
_FILE = re.compile(r"Could not (?:find|load) '([^']+)'")
_MISSING = re.compile(r"Missing mandatory value: .*?full_key: (\S+)", re.DOTALL)
_UNEXPECTED = re.compile(r"target '([^']+)'.*unexpected keyword argument '([^']+)'", re.DOTALL)
_SEVERAL = re.compile(r"Ambiguous value for argument '(\+*[^=']+)=(.*)'\n")


def one_line(exc: BaseException) -> str:
    """Say an error of Hydra's in one line, or ours where it is behind it."""
    cause = exc.__cause__
    if isinstance(cause, DistexpError):
        return str(cause)
    if missing := _MISSING.search(str(exc)):
        return f"{missing[1]} has to be given: {missing[1]}=VALUE."
    lines = [line.strip() for line in str(exc).split("\nConfig search path")[0].splitlines()]
    return " ".join(line for line in lines if line and not line.startswith("provider="))


def explained(exc: BaseException, loader: Any, settings: Sequence[str]) -> ConfigError:
    """Return the error that says what is wrong and what may have been meant.

    Parameters
    ----------
    exc : HydraException or OmegaConfBaseException
    loader : hydra.core.config_loader.ConfigLoader
    settings : sequence of str
        What was to be composed.
    """
    said = _ADVICE.sub("", one_line(exc))
    if isinstance(exc.__cause__, DistexpError):
        return ConfigError(said)
    if isinstance(exc, InstantiationException):
        return ConfigError(said + _parameters(str(exc)))
    text = str(exc)
    if isinstance(exc, MissingConfigException) and (found := _FILE.search(text)):
        return ConfigError(_no_choice(found[1], loader))
    if found := _SEVERAL.search(text):
        name, value = found[1], found[2]
        typed = shlex.quote(f"{name}={in_quotes(value)}")
        return ConfigError(
            f"{name} has several values, {value}. To run each of them add -m; for a list type "
            f"{name}=[{value}]; for one text type {typed}."
        )
    if found := _KEY.search(text):
        return ConfigError(said + suggested(found[1] or found[2], loader, settings))
    return ConfigError(said)


def explained_alone(
    exc: BaseException, settings: Sequence[str], options: Sequence[str]
) -> ConfigError:
    """Return what `explained` does, where Hydra has ended.

    Parameters
    ----------
    options : sequence of str
        Those of Hydra.
    """
    folder = get_args_parser().parse_args(options).config_dir
    path = create_config_search_path("pkg://distexp.conf")
    if folder is not None:
        path.prepend("command-line", f"file://{Path(folder).absolute()}")
    return explained(exc, ConfigLoaderImpl(config_search_path=path), settings)


def choices(loader: Any, group: str) -> list[str]:
    """Return the public choices of a group, those of the groups below it by their paths."""
    names = loader.get_group_options(group, ObjectType.CONFIG)
    below = loader.get_group_options(group, ObjectType.GROUP)
    found = [name for name in names if not name.startswith("_")]
    return found + [f"{one}/{name}" for one in below for name in choices(loader, f"{group}/{one}")]


def _no_choice(path: str, loader: Any) -> str:
    """Say which choice of which group there is not."""
    groups = [name for name in loader.list_groups("") if path.startswith(f"{name}/")]
    group = groups[0] if groups and groups[0] != "hydra" else path.rpartition("/")[0]
    word = path.removeprefix(f"{group}/")
    known = choices(loader, group)
    listed = f" Available: {', '.join(known)}." if len(known) <= MOST_LISTED else ""
    lists = f" 'distexp list {group}s' shows all {len(known)}." if not listed else ""
    return f"Could not find {path!r}.{nearest(word, known)}{listed}{lists}"


def suggested(name: str, loader: Any, settings: Sequence[str]) -> str:
    """Suggest settings that there are, in the configuration that the choices of files make."""
    try:
        config = _of_files(loader, settings)
    except (HydraException, OmegaConfBaseException):
        return ""
    names = [each for each in _names(config) if not each.startswith("hydra.") or "hydra" in name]
    groups = [group for group in loader.list_groups("") if group != "hydra"]
    parent, _, last = name.rpartition(".")
    beside = [each for each in names if each.rpartition(".")[0] == parent]
    if meant := nearest(name, [*beside, *groups] if not parent else beside):
        return meant
    ending = [each for each in names if each.rpartition(".")[2] == last]
    if len(ending) == 1:
        return nearest(ending[0], ending)
    if meant := nearest(name, ending or names):
        return meant
    listed = ", ".join(each.rpartition(".")[2] for each in beside)
    return f" The settings of {parent or 'distexp'} are {listed}." if listed else ""


def _of_files(loader: Any, settings: Sequence[str]) -> DictConfig:
    """Compose what the settings say that choose files, where they choose one each."""
    chosen = [
        one.input_line
        for one in OverridesParser.create().parse_overrides(list(settings))
        if loader.repository.group_exists(one.key_or_group)
        and not one.is_sweep_override()
        and not one.is_delete()
    ]
    config: DictConfig = loader.load_configuration(CONFIG_NAME, chosen, RunMode.RUN)
    return config


def _names(node: object, parent: str = "") -> Iterator[str]:
    """Yield the names of all settings below a node."""
    if not isinstance(node, DictConfig) or OmegaConf.is_missing(node, "") or node._is_none():
        return
    for key in node:
        name = f"{parent}.{key}" if parent else str(key)
        if key != "_target_":
            yield name
            if not OmegaConf.is_missing(node, key) and not OmegaConf.is_interpolation(node, key):
                yield from _names(node[key], name)


def _parameters(text: str) -> str:
    """Suggest the parameters of a class that was given one that it does not have."""
    found = _UNEXPECTED.search(text)
    if found is None:
        return ""
    try:
        known = list(inspect.signature(hydra.utils.get_object(found[1])).parameters)
    except (ImportError, ValueError, TypeError):
        return ""
    return nearest(found[2], known) or f" It takes {', '.join(known)}."
