"""The settings of a run that are not those of a run of which nothing was said.

The configuration of the package is put together from its files as Hydra would, for the few that
the default run is made of: composing it by Hydra takes longer than writing the page.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from distexp.run_folder import read_yaml

Setting = tuple[str, object, object]
"""Name, value and default; `ABSENT` in the place of one that is not there."""
ABSENT = object()
"""Is in no configuration."""
_TARGET = "_target_"
_PACKAGE = "# @package "


def differing(settings: Mapping[str, Any]) -> list[Setting]:
    """Return in what a configuration differs from the default one, in its own order.

    Of a part that is of another kind, as another dataset's, all settings are its own and stand
    there; those that only the other kind has do not.

    Parameters
    ----------
    settings : mapping
        A configuration as a run writes it, interpolations unresolved.
    """
    return list(_differing("", settings, defaults()))


@cache
def defaults() -> Mapping[str, Any]:
    """Return the configuration of a run of which nothing was said, without Hydra's own part."""
    root = _read("config.yaml")[1]
    chosen = root.pop("defaults")
    root.pop("hydra")
    for entry in chosen:
        if not isinstance(entry, Mapping):
            continue
        ((group, names),) = entry.items()
        if str(group).startswith("override ") or names is None:
            continue
        for name in names if isinstance(names, list) else [names]:
            package, part = _read(f"{group}/{name}.yaml")
            _merge(_at(root, package or str(group)), part)
    return root


def _read(name: str) -> tuple[str, dict[str, Any]]:
    """Return where a file of the package's configuration belongs, and what it says."""
    text = (files("distexp.conf") / name).read_text(encoding="utf-8")
    first = text.partition("\n")[0]
    package = first.removeprefix(_PACKAGE).strip() if first.startswith(_PACKAGE) else ""
    found = read_yaml(text)
    assert isinstance(found, dict)
    return package, found


def _at(root: dict[str, Any], package: str) -> dict[str, Any]:
    """Return the part of a configuration that a package names, made where it is not there."""
    found = root
    for name in package.split(".") if package != "_global_" else ():
        if not isinstance(found.get(name), dict):
            found[name] = {}
        found = found[name]
    return found


def _merge(into: dict[str, Any], part: Mapping[str, Any]) -> None:
    for name, value in part.items():
        if isinstance(value, Mapping) and isinstance(into.get(name), dict):
            _merge(into[name], value)
        else:
            into[name] = value


def _differing(name: str, ours: object, default: object) -> Iterator[Setting]:
    if not isinstance(ours, Mapping):
        if ours != default:
            yield name, ours, default
        return
    theirs = default if isinstance(default, Mapping) else {}
    other = ours.get(_TARGET) != theirs.get(_TARGET)
    for key, value in ours.items():
        below = f"{name}.{key}" if name else str(key)
        yield from _differing(below, value, ABSENT if other else theirs.get(key, ABSENT))
    if not other:
        for key in theirs:
            if key not in ours:
                yield f"{name}.{key}" if name else str(key), ABSENT, theirs[key]
