"""What a hosted model takes, by litellm's table: sampling settings, levels of thought."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from distexp.model.prices import table_entry

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
"""How much a model may be asked to think, from least to most, in litellm's words."""
_USUAL = ("low", "medium", "high")
_SILENT = frozenset({"openai", "anthropic", "bedrock"})
"""Providers whose models take no sampling settings, and return no log-probabilities, while they
think."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Abilities:
    """What one model at one provider takes."""

    sampling: bool = True
    """A temperature and nucleus sampling."""
    efforts: tuple[str, ...] | None = None
    """Levels of `reasoning_effort` that arrive as they are; None where nobody knows."""
    budget: bool | None = None
    """A number of tokens to think; None where nobody knows."""
    usual_effort: str = "none"
    """How much it thinks when nothing is said about it, as far as is known."""
    samples_thinking: bool = True
    """Whether it takes sampling settings while it thinks."""


@lru_cache(maxsize=256)
def abilities_of(provider: str, name: str, *, own_server: bool = False) -> Abilities:
    """Return what litellm's table says of a model; of one's own server it says nothing.

    Parameters
    ----------
    provider, name : str
        As litellm calls them.
    own_server : bool
        Whether it is asked at another address than the provider's.
    """
    entry = None if own_server else table_entry(provider, name)
    if entry is None:
        return Abilities()
    family = "anthropic" if "claude" in name else provider
    efforts = _efforts(family, entry)
    return Abilities(
        sampling=entry.get("supports_sampling_params") is not False,
        efforts=efforts,
        budget=_takes_budget(family, name, entry),
        usual_effort=_usual_effort(family, efforts, entry),
        samples_thinking=family not in _SILENT,
    )


def _efforts(family: str, entry: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the levels that litellm passes on, or translates each to one of its own."""
    if levels := entry.get("reasoning_effort_levels"):
        return tuple(levels)
    if not entry.get("supports_reasoning"):
        return ()
    if family == "deepseek":
        return ("none", "high")  # it is told to think or not to
    found = {*_USUAL}
    if family != "anthropic":  # for which litellm makes it `low`
        found |= {"minimal"} if _says(entry, "minimal", family == "gemini") else set()
    found |= {level for level in ("xhigh", "max") if _says(entry, level, False)}
    if family == "anthropic":
        found |= set() if entry.get("thinking_always_on") else {"none"}
    elif _says(entry, "none", family == "together_ai"):
        found |= {"none"}
    return tuple(level for level in EFFORTS if level in found)


def _says(entry: Mapping[str, Any], level: str, otherwise: bool) -> bool:
    said = entry.get(f"supports_{level}_reasoning_effort")
    return otherwise if said is None else bool(said)


def _takes_budget(family: str, name: str, entry: Mapping[str, Any]) -> bool:
    """Tell whether a budget of tokens arrives; litellm makes a level of it for newer models."""
    if not entry.get("supports_reasoning"):
        return False
    if family == "anthropic":
        adaptive = entry.get("supports_adaptive_thinking")
        return not adaptive or bool(entry.get("supports_legacy_thinking"))
    return family == "gemini" and "gemini-2.5" in name


def _usual_effort(family: str, efforts: tuple[str, ...], entry: Mapping[str, Any]) -> str:
    if default := entry.get("default_reasoning_effort"):
        return str(default)
    if family == "anthropic":
        return "high" if entry.get("thinking_always_on") else "none"
    if family == "gemini" and entry.get("supports_sampling_params") is False:
        return "high"
    return "medium" if family == "openai" and efforts else "none"
