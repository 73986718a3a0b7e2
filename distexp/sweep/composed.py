"""Configurations composed without Hydra's main function, and what they have to hold."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra import version
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.utils import create_config_search_path
from hydra.core.utils import setup_globals
from hydra.errors import HydraException
from hydra.types import RunMode
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf, open_dict, read_write
from omegaconf.errors import OmegaConfBaseException

from distexp.checks import parameter_error
from distexp.errors import ConfigError
from distexp.prompt.spoken import SETTINGS
from distexp.sweep import launcher
from distexp.sweep.typos import CONFIG_NAME, explained, suggested
from distexp.trust import checked


def composed(
    settings: Sequence[str],
    values: Mapping[str, object] | None = None,
    folder: Path | None = None,
) -> DictConfig:
    """Compose a configuration as the command line does.

    Parameters
    ----------
    settings : sequence of str
        As typed, in the words of Hydra's grammar.
    values : mapping of str to object, optional
        Settings by their names, e.g. `evaluation.n_splits`, set as they are after those.
    folder : Path, optional
        Of one's own files, as `--config-dir` names it.

    Raises
    ------
    ConfigError
        If a choice or a setting does not exist; says what may have been meant.
    """
    path = create_config_search_path("pkg://distexp.conf")
    if folder is not None:
        path.prepend("command-line", f"file://{folder.absolute()}")
    setup_globals()
    version.setbase("1.3")  # as on the command line; older ones read `_group_` in a package's name
    launcher.register()
    loader = ConfigLoaderImpl(config_search_path=path)
    try:
        config = loader.load_configuration(CONFIG_NAME, list(settings), RunMode.RUN)
        with read_write(config), open_dict(config):
            config.pop("hydra")
        OmegaConf.set_struct(config, True)
        for name, value in (values or {}).items():
            _set(config, name, value, loader, settings)
    except (HydraException, OmegaConfBaseException) as exc:
        raise explained(exc, loader, settings) from exc
    return config


def _set(
    config: DictConfig, name: str, value: object, loader: Any, settings: Sequence[str]
) -> None:
    """Set what there is to set."""
    parent, _, key = name.rpartition(".")
    node = OmegaConf.select(config, parent) if parent else config
    if not isinstance(node, DictConfig) or key not in list(node):  # `???` is in the list alone
        msg = f"There is no setting {name!r}.{suggested(name, loader, settings)}"
        raise ConfigError(msg)
    OmegaConf.update(config, name, value, merge=False)


def made(config: DictConfig) -> Any:
    """Make the experiment that a configuration describes.

    Raises
    ------
    ConfigError
        If a part of it is missing, of the wrong kind, or not to be trusted.
    """
    try:
        settings = checked(config)
        check_parts(settings)
        return instantiate(settings, _convert_="all")
    except (HydraException, OmegaConfBaseException) as exc:
        raise explained(exc, None, ()) from exc


def check_parts(settings: Mapping[str, object]) -> None:
    """Refuse a part that is no choice of its group, e.g. null.

    Raises
    ------
    ConfigError
        Says which.
    """
    for name in ("model", "dataset", "elicitation", "cache", "evaluation", "budget"):
        part = settings.get(name)
        if not isinstance(part, Mapping) or "_target_" not in part:
            if name == "budget" and part is None:
                continue
            wanted = "null or limits" if name == "budget" else f"a choice of the group {name!r}"
            raise parameter_error("Experiment", name, wanted, part)
    for name in ("prompt", "calibrator"):
        parts = settings.get(name)
        named = parts.items() if isinstance(parts, Mapping) else [("", None)]
        each = [of for which, of in named if name != "prompt" or which not in SETTINGS]
        if not all(isinstance(part, Mapping) for part in each):
            raise parameter_error("Experiment", name, f"choices of the group {name!r}", parts)
