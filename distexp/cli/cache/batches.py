"""`distexp cache batches`: what is in flight in batches; collected or cancelled here."""

import argparse
import asyncio
from collections.abc import Sequence

from distexp.asking.batch.clerk import Clerk
from distexp.asking.storing import Recorder
from distexp.cache import ResponseCache
from distexp.cache.disk.batches import OPEN, Batch
from distexp.cli.cache.places import add_path, path_of
from distexp.cli.cache.showing import say, show, show_json, show_table
from distexp.errors import CacheError, ModelError
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
        found = asyncio.run(_all(cache, recorder, wanted, options.what))
    failed = [one for one in found if "error" in one]
    if options.json:
        show_json({"batches": found})
    elif found:
        show_table([{k: v for k, v in one.items() if k != "error"} for one in found])
        for one in failed:
            show()
            say(f"{one['label']}: {one['error']}")
    else:
        show("No batch is in flight.")
    waits = options.what == "collect" and any(one["now"] != "collected" for one in found)
    return int(waits or bool(failed))


def _chosen(batches: Sequence[Batch], labels: Sequence[str]) -> list[Batch]:
    for label in labels:
        if not any(label in (one.label, one.remote) for one in batches):
            raise CacheError(f"The cache has no batch {label!r}: 'distexp cache batches --all'.")
    return [one for one in batches if not labels or {one.label, one.remote} & {*labels}]


def _list(batches: Sequence[Batch], *, as_json: bool) -> None:
    rows: list[dict[str, object]] = [
        {
            "label": one.label,
            "state": one.state,
            "model": one.about.get("name"),
            "requests": len(one.keys),
            "handed over": one.created[:16].replace("T", " "),
            "provider": one.about.get("provider"),
            "batch": one.remote,
        }
        for one in batches
    ]
    if as_json:
        show_json({"batches": rows})
    elif rows:
        show_table(rows)
    else:
        show("No batch is in flight.")


async def _all(
    cache: ResponseCache, recorder: Recorder, batches: Sequence[Batch], what: str
) -> list[dict[str, object]]:
    """Collect, cancel or forget each, and say what came of it; one that fails ends no other."""
    found = []
    for batch in batches:
        row: dict[str, object] = {"label": batch.label, "model": batch.about.get("name")}
        row |= {"now": "failed", "requests": len(batch.keys), "answered": ""}
        try:
            row |= await _one(cache, recorder, batch, what)
        except ModelError as exc:
            row["error"] = str(exc)
        found.append(row)
    return found


async def _one(
    cache: ResponseCache, recorder: Recorder, batch: Batch, what: str
) -> dict[str, object]:
    """Collect, cancel or forget one batch, and return what is to be said of it."""
    clerk = Clerk(Terms.of(batch.about), cache, recorder)
    clerk.terms.prepare()
    refused = None
    try:
        if what == "forget" and await clerk.forget(batch):
            return {"now": "forgotten"}
        if what == "cancel":
            try:
                await clerk.cancel(batch)
            except ModelError as exc:  # it may be over
                refused = exc
        state, collected = await clerk.look(batch)
    finally:
        await clerk.endpoint.close()
    if collected is not None:
        return {"now": "collected", "answered": len(collected.responses)}
    if refused is not None:
        raise refused
    if batch.label in clerk.lost:
        return {"now": "not found"}
    if what == "cancel" and batch.remote is not None:
        return {"now": "cancelling"}
    if state is None:
        return {"now": "being sent" if batch.remote is None else "another process is at it"}
    return {"now": state.said}
