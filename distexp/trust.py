"""Which classes a configuration may name: it may come from elsewhere, and makes what it names."""

import os
from collections.abc import Iterator
from typing import Any

import hydra
from omegaconf import DictConfig, OmegaConf

from distexp.errors import ConfigError

TRUSTED = frozenset({"distexp", "sklearn", *os.environ.get("DISTEXP_TRUST", "").split(",")})
"""Packages whose classes a configuration may name; read before any configuration is."""

MOVED = {
    "distexp.budget.Budget": "distexp.asking.budget.Budget",
    "distexp.evaluation.evaluation.Evaluation": "distexp.evaluation.Evaluation",
    "distexp.summary.SweepSummary": "distexp.view.summary.SweepSummary",
}
"""Where classes are that configurations of earlier versions name elsewhere."""


def checked(config: DictConfig) -> dict[str, object]:
    """Resolve a configuration, once, and refuse one that would call anything but trusted classes.

    Hydra calls whatever `_target_` names, so a configuration from elsewhere could run any code.
    Its own section, `hydra`, is out of reach of this check.

    Raises
    ------
    ConfigError
        If a target is no class or belongs to a package that is not in `TRUSTED`, or a value would
        be resolved a second time.
    """
    plain: Any = _moved(OmegaConf.to_container(config, resolve=True, throw_on_missing=True))
    for key, value in _leaves(plain):
        if isinstance(value, str) and "${" in value:
            msg = f"The value of {key} still holds an interpolation once resolved: {value!r}."
            raise ConfigError(msg)
        if key == "_target_" and not _is_trusted(value):
            msg = (
                f"The configuration names {value!r} as a _target_, which is no class of distexp "
                "or scikit-learn. If you trust its package, list it in DISTEXP_TRUST."
            )
            raise ConfigError(msg)
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


def _is_trusted(target: object) -> bool:
    """Tell whether it names a class that is defined in a trusted package."""
    if str(target).split(".")[0] not in TRUSTED:
        return False
    try:
        part = hydra.utils.get_object(str(target))
    except (ImportError, ValueError):
        return False
    return isinstance(part, type) and part.__module__.split(".")[0] in TRUSTED


def _leaves(node: object, key: str = "") -> Iterator[tuple[str, object]]:
    if isinstance(node, dict):
        for name, value in node.items():
            yield from _leaves(value, str(name))
    elif isinstance(node, list):
        for value in node:
            yield from _leaves(value, key)
    else:
        yield key, node
