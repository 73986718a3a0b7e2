"""A configuration from a bundle, held to what is in the bundle: it comes from elsewhere."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import yaml
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from distexp.dataset.embedded import SURVEYS
from distexp.errors import ConfigError
from distexp.sharing.contents import PATHS
from distexp.trust import checked

EXPERIMENT = "distexp.experiment.Experiment"
PARTS = tuple(
    f"distexp.{part}."
    for part in (
        *("experiment", "model", "dataset", "elicitation", "prompt", "calibrator", "evaluation"),
        *("protocols", "tuning", "view", "asking"),
    )
)
"""Where the classes of distexp are that a run is made of."""

PURPOSE = "distexp.card.purpose.Purpose"

NOWHERE = ("storage", "memory")
"""Settings that name a file which results of other runs are read from or kept in."""

_WEIGHTS = "@sha256:"


def confined(
    text: str, *, cache: Path, data: Path, scratch: Path, models: list[str]
) -> dict[str, Any]:
    """Return a configuration that runs from a cache, and reads and writes nowhere else.

    Parameters
    ----------
    text : str
        The configuration as the run left it.
    cache, data, scratch : Path
        Folders of the answers, of the data, and for what may be left behind.
    models : list of str
        Full identities of the models: those of local files say their SHA-256.

    Raises
    ------
    ConfigError
        If it is no configuration of an experiment, names a class that is not trusted, or reads
        the environment.
    """
    config = _parsed(text)
    config.cache = {"_target_": "distexp.cache.ResponseCache", "path": "", "mode": "replay"}
    plain = _resolved(config)
    if plain.get("_target_") != EXPERIMENT:
        msg = f"The configuration is of {plain.get('_target_')!r:.80}, not of {EXPERIMENT}."
        raise ConfigError(msg)
    for target in _targets({**plain, "cache": None, "purpose": None}):
        if target.startswith("distexp.") and not target.startswith(PARTS):
            raise ConfigError(
                f"The configuration names {target!r:.200}, which is no part of a run."
            )
    held: dict[str, Any] = _held(plain, data, scratch)
    held |= {"dry_run": False, "progress": False, "card": None, "budget": None}
    held["purpose"] = _purpose(held.get("purpose"))
    held |= _of_open_cases(held, data)
    held["cache"] |= {"path": str(cache)}
    if isinstance(held.get("model"), dict):
        _without_weights(held["model"], models)
    return held


def _resolved(config: DictConfig) -> dict[str, Any]:
    try:
        return checked(config, variable=_no_variable)
    except OmegaConfBaseException as exc:
        first, *_ = str(exc).splitlines()
        raise ConfigError(f"The configuration cannot be resolved: {first}") from exc


def _parsed(text: str) -> DictConfig:
    try:
        events = list(yaml.parse(text, yaml.SafeLoader))
        if any(isinstance(event, yaml.AliasEvent) for event in events):
            raise ConfigError("The configuration has YAML aliases, which distexp never writes.")
        config = OmegaConf.create(text)
    except (yaml.YAMLError, OmegaConfBaseException, RecursionError) as exc:
        reason = " ".join(str(exc).split())[:200]
        raise ConfigError(f"The configuration is no plain YAML: {reason}") from exc
    if not isinstance(config, DictConfig):
        raise ConfigError("The configuration is no mapping.")
    return config


def _no_variable(name: str, *_: object) -> NoReturn:
    """Let no value come from an environment variable: it would be another one here."""
    msg = (
        f"The configuration reads the environment variable {name}, so the run cannot be made "
        "again elsewhere. Run it once more with the value itself."
    )
    raise ConfigError(msg)


def _targets(node: Any) -> Iterator[str]:
    values = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    if isinstance(node, dict) and "_target_" in node:
        yield str(node["_target_"])
    for value in values:
        yield from _targets(value)


def _held(node: Any, data: Path, scratch: Path) -> Any:
    """Return a part of the configuration with its paths led to the folders given."""
    if isinstance(node, list):
        return [_held(value, data, scratch) for value in node]
    if not isinstance(node, dict):
        return node
    held = {name: _held(value, data, scratch) for name, value in node.items()}
    held |= {name: None for name in NOWHERE if name in held}
    held |= {name: _below(data, held[name]) for name in PATHS if name in held}
    return held | ({"converted": str(scratch)} if "converted" in held else {})


def _of_open_cases(held: dict[str, Any], data: Path) -> dict[str, Any]:
    """Return the settings of new questions, led to the folder of the data; none is written."""
    found: dict[str, Any] = {"use_card": None}
    if "questions" in held:
        found["questions"] = _below(data, held["questions"])
    if isinstance(held.get("out"), str):
        found["out"] = f"estimates{Path(held['out']).suffix}"  # only says that there are some
    dataset = held.get("dataset")
    if isinstance(dataset, dict) and dataset.get("survey") not in (None, *SURVEYS):
        found["dataset"] = dataset | {"survey": _below(data, dataset["survey"])}
    return found


def _purpose(purpose: Any) -> dict[str, Any] | None:
    """Return what a plan is made for; a figure is not drawn again."""
    given = purpose if isinstance(purpose, dict) else {}
    if given.get("pilot") is not None:
        msg = (
            "The run joined its estimates with the answers of a few people, and no bundle holds "
            "such answers. Bundle the run of distexp predict without pilot=FILE."
        )
        raise ConfigError(msg)
    if given.get("respondents") is None:
        return None
    return {"_target_": PURPOSE, "respondents": given["respondents"]}


def _below(folder: Path, value: Any) -> Any:
    """Return the path, or list of paths, with another folder in the place of its own."""
    if isinstance(value, list):
        return [_below(folder, one) for one in value]
    return str(folder / Path(value).absolute().name) if isinstance(value, str) else value


def _without_weights(model: dict[str, Any], models: list[str]) -> None:
    """Have a model of local weights go by their SHA-256: the file itself is not needed."""
    if "path" in model:
        model["path"] = None
    if "sha256" in model and model["sha256"] is None and len(models) == 1:
        _, _, digest = models[0].partition(_WEIGHTS)
        model["sha256"] = digest[:64]
