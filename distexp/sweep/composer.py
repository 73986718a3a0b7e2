"""The configurations of a sweep's jobs, composed as Hydra does and in a fraction of its time.

Hydra reads every file and builds every node anew for each job. Here a file is read once, and jobs
that choose the same files share what Hydra composes of them: their own settings are then applied
to copies, by Hydra's own code.
"""

import copy
from collections.abc import Sequence
from typing import Any

from hydra._internal.config_loader_impl import ConfigLoaderImpl, get_overrides_dirname
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

MOST_REMEMBERED = 64
"""Composed configurations kept, 0.3 MB each."""


class Composer:
    """Composes the jobs of one sweep.

    Parameters
    ----------
    loader : hydra.core.config_loader.ConfigLoader with a `repository`
        It is made to read each file once.
    master : DictConfig
        The configuration of the sweep.
    """

    def __init__(self, loader: Any, master: DictConfig) -> None:
        self._loader = loader
        self._master = master
        self._parser = OverridesParser.create()
        self._bases: dict[tuple[str, ...], DictConfig] = {}
        if not isinstance(self._loader.repository, _Remembering):
            self._loader.repository = _Remembering(self._loader.repository)

    def job(self, overrides: Sequence[str]) -> DictConfig:
        """Return what `ConfigLoader.load_sweep_config` returns for these overrides.

        Raises
        ------
        HydraException, OmegaConfBaseException
            As that does.
        """
        parsed = self._parser.parse_overrides(list(overrides))
        values = [one for one in parsed if not self._chooses_files(one)]
        base = self._base(tuple(str(one.input_line) for one in parsed if one not in values))
        config = copy.deepcopy(base)
        ConfigLoaderImpl._apply_overrides_to_config(values, config)
        self._note(config, overrides, parsed)
        OmegaConf.copy_cache(from_config=self._master, to_config=config)
        return config

    def _chooses_files(self, override: Override) -> bool:
        """Tell as Hydra does: a value that is no mapping, for a group of the configuration."""
        is_group = self._loader.repository.group_exists(override.key_or_group)
        return is_group and not isinstance(override.value(), dict)

    def _base(self, choices: tuple[str, ...]) -> DictConfig:
        if choices not in self._bases:
            of_hydra = OmegaConf.to_container(self._master.hydra.overrides.hydra)
            assert isinstance(of_hydra, list)
            if len(self._bases) == MOST_REMEMBERED:
                self._bases.pop(next(iter(self._bases)))
            self._bases[choices] = self._loader.load_configuration(
                config_name=self._master.hydra.job.config_name,
                overrides=[*of_hydra, *choices],
                run_mode=RunMode.RUN,
            )
        return self._bases[choices]

    @staticmethod
    def _note(config: DictConfig, overrides: Sequence[str], parsed: Sequence[Override]) -> None:
        """Write down what Hydra does of the overrides."""
        job = config.hydra.job
        with read_write(config.hydra), open_dict(config.hydra):
            config.hydra.overrides.task = list(overrides)
            job.override_dirname = get_overrides_dirname(
                overrides=list(parsed),
                kv_sep=job.config.override_dirname.kv_sep,
                item_sep=job.config.override_dirname.item_sep,
                exclude_keys=job.config.override_dirname.exclude_keys,
            )


class _Remembering:
    """A repository of configuration files that reads each of them once."""

    def __init__(self, repository: Any) -> None:
        self._repository = repository
        self._read: dict[str, Any] = {}

    def __deepcopy__(self, memo: object) -> "_Remembering":
        return self  # Hydra copies it for each job

    def __getattr__(self, name: str) -> Any:
        return getattr(self._repository, name)

    def load_config(self, config_path: str) -> Any:
        """Return a copy: Hydra writes into what it gets."""
        if config_path not in self._read:
            self._read[config_path] = self._repository.load_config(config_path)
        return copy.deepcopy(self._read[config_path])
