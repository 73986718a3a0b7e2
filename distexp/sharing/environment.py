"""Which software a run rests on: what is installed, and where two environments differ."""

import re
from collections.abc import Iterator, Mapping
from importlib.metadata import Distribution, PackageNotFoundError, distribution, metadata

from distexp.report.software import software

_REQUIREMENT = re.compile(r"([\w.-]+)\s*(?:\[([\w\s,.-]*)\])?")
_EXTRA = re.compile(r"extra\s*==\s*['\"]([\w.-]+)['\"]")


def lock() -> str:
    """Return distexp and all that it depends on here as `NAME==VERSION`, one a line.

    Extras are in it where they are installed, tools of development are not.
    """
    found: dict[tuple[str, frozenset[str]], str] = {}
    extras = metadata("distexp").get_all("Provides-Extra") or []
    waiting = [("distexp", frozenset(extras) - {"dev"})]
    while waiting:
        wanted = waiting.pop()
        if wanted not in found and (installed := _installed(wanted[0])) is not None:
            found[wanted] = installed.version
            waiting += _required(installed, wanted[1])
    versions = {name: version for (name, _), version in found.items()}
    return "".join(sorted(f"{name}=={version}\n" for name, version in versions.items()))


def _installed(name: str) -> Distribution | None:
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None  # of an extra, or for another system


def _required(
    installed: Distribution, extras: frozenset[str]
) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield name and extras of each package that one asks for."""
    for requirement in installed.requires or []:
        extra = _EXTRA.search(requirement)
        named = _REQUIREMENT.match(requirement)
        if named is not None and (extra is None or extra[1] in extras):
            name = re.sub(r"[-_.]+", "-", named[1]).lower()
            yield name, frozenset(re.findall(r"[\w.-]+", named[2] or ""))


def differences(versions: Mapping[str, object]) -> list[str]:
    """Return, for each software that differs here from `versions`, a text that says so."""
    here = software()
    return [
        f"{name} {versions.get(name, 'none')!s:.40} there and {here.get(name, 'none')} here"
        for name in sorted(here.keys() | versions.keys())
        if here.get(name) != versions.get(name)
    ]
