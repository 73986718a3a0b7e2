"""`distexp cache batches`: what is in flight in batches; collected or cancelled here."""

import argparse
import asyncio
from collections.abc import Sequence

from distexp.asking.batch.clerk import Clerk
from distexp.asking.storing import Recorder
from distexp.cache import ResponseCache
from distexp.cache.disk.batches import OPEN, Batch
from distexp.cli.cache.places import add_path, path_of
from distexp.cli.cache.showing import show, show_json, table
from distexp.errors import CacheError
from distexp.model.batch.terms import Terms

HELP = "List batches in flight; collect what they have answered; cancel or forget them."


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        "what", nargs="?", default="list", choices=["list", "collect", "cancel", "forget"],
        help="collect stores the answers of those that are over, and waits for none; forget gives "
        "up one that never arrived, so that it is handed over again",
    )  # fmt: skip
    parser.add_argument("labels", nargs="*", help="which batches, by label or name; all if none")
    add_path(parser)
    parser.add_argument("--all", action="store_true", help="list those that are collected too")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(options: argparse.Namespace) -> int:
    """List, collect, cancel or forget; 1 where some are in flight still after collecting."""
    cache = ResponseCache(path_of(options))
    batches = _chosen(cache.batches(), options.labels)
    if options.what == "list":
        shown = [one for one in batches if options.all or one.state in OPEN]
        _list(shown, as_json=options.json)
        return 0
    wanted = [one for one in batches if one.state in OPEN]
    if options.what == "forget" and not options.labels:
        raise CacheError("Say which batch is to be forgotten: 'distexp cache batches' lists them.")
    with Recorder(cache) as recorder:
        found = asyncio.run(_each(cache, recorder, wanted, options.what))
    if options.json:
        show_json({"batches": found})
    elif found:
        show(table(found))
    else:
        show("No batch is in flight.")
    return int(options.what == "collect" and any(one["now"] != "collected" for one in found))


def _chosen(batches: Sequence[Batch], labels: Sequence[str]) -> list[Batch]:
    for label in labels:
        if not any(label in (one.label, one.remote) for one in batches):
            raise CacheError(f"The cache has no batch {label!r}: 'distexp cache batches --all'.")
    return [one for one in batches if not labels or {one.label, one.remote} & {*labels}]


def _list(batches: Sequence[Batch], *, as_json: bool) -> None:
    rows: list[dict[str, object]] = [
        {
            "label": one.label,
            "batch": one.remote,
            "provider": one.about.get("provider"),
            "model": one.about.get("name"),
            "requests": len(one.keys),
            "handed over": one.created[:16].replace("T", " "),
            "state": one.state,
        }
        for one in batches
    ]
    if as_json:
        show_json({"batches": rows})
    else:
        show(table(rows) if rows else "No batch is in flight.")


async def _each(
    cache: ResponseCache, recorder: Recorder, batches: Sequence[Batch], what: str
) -> list[dict[str, object]]:
    """Collect, cancel or forget each, and say what came of it."""
    found: list[dict[str, object]] = []
    for batch in batches:
        clerk = Clerk(Terms.of(batch.about), cache, recorder)
        clerk.terms.prepare()
        row: dict[str, object] = {"label": batch.label, "model": batch.about.get("name")}
        try:
            if what == "forget" and await clerk.forget(batch):
                found.append(row | {"now": "forgotten", "requests": len(batch.keys)})
                continue
            if what == "cancel":
                await clerk.cancel(batch)
            state, collected = await clerk.look(batch)
        finally:
            await clerk.endpoint.close()
        now = state.said if state else "being sent"
        if what == "cancel" and batch.remote is not None:
            now = "cancelling"
        row |= {"now": now if collected is None else "collected", "requests": len(batch.keys)}
        found.append(row | {"answered": "" if collected is None else len(collected.responses)})
    return found
