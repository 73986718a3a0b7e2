"""List prices: those of litellm's table, read without litellm, which takes seconds to import."""

import json
import logging
import os
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

logger = logging.getLogger(__name__)

TABLE = "model_prices_and_context_window_backup.json"
SERVED = {
    **dict.fromkeys(("flex", "on_demand_flex"), "_flex"),
    **dict.fromkeys(("priority", "on_demand_priority"), "_priority"),
}
"""By what a reply calls the service tier that served it: which price it has. All else is usual."""
PRICE_FIELDS = ("input_cost_per_token", "output_cost_per_token")


@cache
def price_table() -> Mapping[str, Mapping[str, Any]]:
    """Return litellm's table: for the name of a model its prices, provider and abilities.

    It is the file that litellm itself reads where it may not fetch a newer one. Should a release
    keep it elsewhere, litellm is imported and asked.
    """
    spec = find_spec("litellm")
    for folder in (spec and spec.submodule_search_locations) or ():
        try:
            table: dict[str, dict[str, Any]] = json.loads((Path(folder) / TABLE).read_text())
        except OSError:
            continue
        return table

    model_cost: Mapping[str, Mapping[str, Any]] = import_litellm().model_cost
    return model_cost


def list_price(provider: str, name: str, tier: str = "") -> tuple[float, float] | None:
    """Return what a token of a prompt and of a reply cost, in USD; None where it is not known.

    Parameters
    ----------
    provider, name : str
    tier : {"", "_flex", "_priority", "_batches"}
        Which price: the usual one, that of calls that may wait, or of calls in batches.
    """
    entry = table_entry(provider, name) or {}
    per_prompt, per_reply = (entry.get(f"{field}{tier}") for field in PRICE_FIELDS)
    if per_prompt is not None and per_reply is not None:
        return float(per_prompt), float(per_reply)
    _warn_of_unknown_price(name, tier)
    return None


def price_served(
    provider: str, name: str, asked: tuple[float, float] | None, tier: object
) -> tuple[float, float] | None:
    """Return what a token costs of a call that a provider says was served by a tier.

    Parameters
    ----------
    provider, name : str
    asked : tuple of float, optional
        The price of the tier asked for, which a reply that names none is taken to be served by.
    tier : object
        What the reply says.
    """
    if not isinstance(tier, str) or not tier:
        return asked
    return list_price(provider, name, SERVED.get(tier.casefold(), ""))


def table_entry(provider: str, name: str) -> Mapping[str, Any] | None:
    """Return what litellm's table says of a model at a provider; None where it says nothing."""
    table = price_table()
    for entry_name in (f"{provider}/{name}", name):
        entry = table.get(entry_name)
        # The same name at another provider has another price.
        if entry and str(entry.get("litellm_provider")).startswith(provider):
            return entry
    return None


@cache
def _warn_of_unknown_price(name: str, tier: str) -> None:
    """Say it once for each model, not for each call."""
    which = f"price ({tier[1:]})" if tier else "price"
    logger.warning("The %s of %s is unknown: its costs stay empty.", which, name)


def import_litellm() -> Any:
    """Import litellm quietly: it takes seconds, and would fetch a price list over the network."""
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    os.environ.setdefault("LITELLM_LOG", "ERROR")
    import litellm

    litellm.suppress_debug_info = True
    litellm.telemetry = False
    litellm.drop_params = False
    return litellm
