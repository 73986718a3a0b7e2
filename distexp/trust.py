"""Which classes a configuration may name: it may come from elsewhere, and makes what it names."""

import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import hydra
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import InterpolationResolutionError
from omegaconf.resolvers import oc

from distexp.calibrator.fitting.ridge import PlainRidge
from distexp.errors import ConfigError
from distexp.model.http.secrets import SHORTEST, Secrets

TRUSTED = frozenset({"distexp", "sklearn", *os.environ.get("DISTEXP_TRUST", "").split(",")})
"""Packages whose classes a configuration may name; read before any configuration is."""

MOVED = {
    "distexp.budget.Budget": "distexp.asking.budget.Budget",
    "distexp.evaluation.evaluation.Evaluation": "distexp.evaluation.Evaluation",
    "distexp.summary.SweepSummary": "distexp.view.summary.SweepSummary",
}
"""Where classes are that configurations of earlier versions name elsewhere."""

REGRESSION = "distexp.calibrator.regression.OptionRegression"
WHERE = ("path", "paths", "api_base", "card", "weights", "storage")
"""Settings that say where something is: these may come from the environment."""
_LEAST = 3
"""Characters of the shortest value that is looked for: `1` and `no` stand everywhere."""


def checked(config: DictConfig, *, variable: Callable[..., object] = oc.env) -> dict[str, object]:
    """Resolve a configuration, once, and refuse one that would call anything but trusted classes.

    Hydra calls whatever `_target_` names, so a configuration from elsewhere could run any code.
    It could also have an environment variable written into prompts, and so into the cache: these
    say where things are, and nothing else. Its own section, `hydra`, is out of reach of this
    check.

    Parameters
    ----------
    config : DictConfig
    variable : callable
        Returns the value of an environment variable, given its name and perhaps a default.

    Raises
    ------
    ConfigError
        If a target is no class or belongs to a package that is not in `TRUSTED`, a value would
        be resolved a second time, or an environment variable is secret or stands where it would
        be sent or stored.
    """
    found, read = _resolved(config, variable)
    plain = _spared(_moved(found))
    for path, value in _leaves(plain):
        key = path[-1] if path else ""
        if isinstance(value, str) and "${" in value:
            msg = f"The value of {key} still holds an interpolation once resolved: {value!r}."
            raise ConfigError(msg)
        if key == "_target_" and not _is_trusted(value):
            msg = (
                f"The configuration names {value!r} as a _target_, which is no class of distexp "
                "or scikit-learn. If you trust its package, list it in DISTEXP_TRUST."
            )
            raise ConfigError(msg)
        if path[:1] != ("cache",) and key not in WHERE:
            _check_no_variable(".".join(path), value, read)
    return dict(plain)


def _moved(node: Any) -> Any:
    """Name classes by the address that they have now."""
    if isinstance(node, list):
        return [_moved(value) for value in node]
    if not isinstance(node, dict):
        return node
    return {
        key: MOVED.get(value, value)
        if key == "_target_" and isinstance(value, str)
        else _moved(value)
        for key, value in node.items()
    }


def _spared(plain: Any) -> Any:
    """Have the calibrators' plain regressors stand-ins, which import nothing."""
    calibrators = plain.get("calibrator")
    for one in calibrators.values() if isinstance(calibrators, dict) else ():
        if not isinstance(one, dict) or one.get("_target_") != REGRESSION:
            continue
        if PlainRidge.stands_for(one.get("regressor")):
            address = f"{PlainRidge.__module__}.{PlainRidge.__qualname__}"
            one["regressor"] = {**one["regressor"], "_target_": address}
    return plain


def _resolved(
    config: DictConfig, variable: Callable[..., object]
) -> tuple[dict[str, object], dict[str, str]]:
    """Return what a configuration says, and the environment variables that it reads."""
    read: dict[str, str] = {}
    refused: list[ConfigError] = []  # OmegaConf would wrap it into four lines

    def noted(name: str, *default: object) -> object:
        try:
            value = _read_variable(name, variable, *default)
        except ConfigError as exc:
            refused.append(exc)
            raise
        if name in os.environ and not name.startswith("DISTEXP_"):
            read[name] = os.environ[name]
        return value

    OmegaConf.register_new_resolver("oc.env", noted, replace=True)
    try:
        plain: Any = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    except InterpolationResolutionError:
        if refused:
            raise refused[0] from None
        raise
    finally:
        OmegaConf.register_new_resolver("oc.env", oc.env, replace=True)
    return plain, read


def _read_variable(name: str, variable: Callable[..., object], *default: object) -> object:
    if Secrets.named({name: "x" * SHORTEST}):
        msg = (
            f"The configuration reads the environment variable {name}, which is secret by its "
            "name. A key is given by the name of its variable: model.api_key_env=NAME."
        )
        raise ConfigError(msg)
    return variable(name, *default)


def _check_no_variable(key: str, value: object, read: Mapping[str, str]) -> None:
    for name, content in read.items():
        if len(content) >= _LEAST and content in str(value):
            msg = (
                f"The setting {key} holds the value of the environment variable {name}, which "
                f"would be sent and stored. Write the value itself, or name the variable DISTEXP_"
                f"{name}."
            )
            raise ConfigError(msg)


def _is_trusted(target: object) -> bool:
    """Tell whether it names a class that is defined in a trusted package."""
    if str(target).split(".")[0] not in TRUSTED:
        return False
    try:
        part = hydra.utils.get_object(str(target))
    except (ImportError, ValueError):
        return False
    return isinstance(part, type) and part.__module__.split(".")[0] in TRUSTED


def _leaves(node: object, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], object]]:
    if isinstance(node, dict):
        for name, value in node.items():
            yield from _leaves(value, (*path, str(name)))
    elif isinstance(node, list):
        for value in node:
            yield from _leaves(value, path)
    else:
        yield path, node
