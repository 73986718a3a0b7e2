"""The requests of a run: those whose answers are there, and what is known of those that miss."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hydra.errors import HydraException
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from distexp.cache import ResponseCache
from distexp.cache.audit.explaining import Difference, Near, most_alike, with_same_text
from distexp.cache.disk.reader import Reader
from distexp.cli.cache.places import requests_of
from distexp.cli.cache.showing import say, show, show_field, show_json
from distexp.errors import DistexpError
from distexp.request import Request
from distexp.run_folder import CONFIG, REQUESTS
from distexp.trust import checked

MOST_GROUPS = 6
"""Of missing requests, by the fields that they differ in."""
RETRIED = "they are retries of replies that could not be read"


class WatchedCache(ResponseCache):
    """A cache that keeps in mind which requests it has been asked about."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "replay")
        self.asked: dict[str, Request] = {}

    def known(self, requests: Sequence[Request]) -> set[str]:
        """Return the keys of the requests that are answered, and remember all of them."""
        self.asked |= {request.key: request for request in requests}
        return super().known(requests)


def explain_run(reader: Reader, run: Path, *, as_json: bool) -> int:
    """Tell which answers of a run are in a cache, and why others may not be; 1 if some are not."""
    asked, note = composed(reader, run)
    used = requests_of(run) if (run / REQUESTS).exists() or not asked else ()
    keys = sorted({*used, *asked})
    stored = {key for rows in reader.by_key("key", keys) for (key,) in rows}
    missing = [key for key in keys if key not in stored]
    near = _near(reader, [asked[key] for key in missing if key in asked])
    if as_json:
        found = {"run": str(run), "requests": len(keys), "missing": missing, "note": note}
        show_json(found | {"near": {key: asdict(each) for key, each in near.items()}})
        return int(bool(missing))
    say(f"{run}: {len(keys):,} requests, {len(stored):,} of them answered in {reader.folder}.")
    for line in filter(None, [note, _unlike(used, asked)]):
        say(line)
    if missing:
        _show_missing(missing, near)
    return int(bool(missing))


def composed(reader: Reader, run: Path) -> tuple[dict[str, Request], str]:
    """Return the requests that the configuration of a run makes now, by key, and what is amiss.

    Nothing is asked. Where a first stage of requests is not answered, those of the second cannot
    be known.
    """
    if not (run / CONFIG).exists():
        return {}, f"There is no {CONFIG}, so nothing is known of requests but their keys."
    try:
        plain = checked(DictConfig(OmegaConf.load(run / CONFIG)))
        experiment: Any = instantiate(plain | {"card": None}, _convert_="all")
        cache = experiment.cache = WatchedCache(reader.folder)
        experiment.dry_run = True
        experiment.progress = False
        experiment.run()
    except (DistexpError, HydraException, OmegaConfBaseException) as exc:
        return {}, f"Its configuration cannot be composed again: {exc}"
    return cache.asked, ""


def _unlike(used: Sequence[str], asked: Mapping[str, Request]) -> str:
    """Say how many of the requests of a run its configuration does not make now."""
    n_gone = len(set(used) - set(asked)) if asked else 0
    if not n_gone:
        return ""
    return (
        f"{n_gone:,} of them are not what its configuration asks for now: another version of "
        f"distexp, of a model's weights or of the data has asked them, or {RETRIED}."
    )


def _near(reader: Reader, missing: Sequence[Request]) -> dict[str, Near]:
    """Return, by key, the nearest stored requests to missing ones.

    Those whose text is stored nowhere all get the one that is nearest to the first of them: to
    search for each would take long, and mostly one change has made them all new.
    """
    near = with_same_text(reader, missing) if missing else {}
    unlike = [request for request in missing if request.key not in near]
    if unlike and (alike := most_alike(reader, unlike[0])) is not None:
        near |= {request.key: alike for request in unlike}
    return near


def _show_missing(missing: Sequence[str], near: Mapping[str, Near]) -> None:
    """Show how many requests are missing, by the fields that they differ in from stored ones."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for key in missing:
        fields = tuple(each.field for each in near[key].differences) if key in near else ()
        groups.setdefault(fields, []).append(key)
    show(f"\n{len(missing):,} are missing. The nearest stored requests differ from them in:\n")
    found = sorted(groups.values(), key=len, reverse=True)
    for keys in found[:MOST_GROUPS]:
        _show_group(keys, near.get(keys[0]))
    if len(found) > MOST_GROUPS:
        n_more = sum(map(len, found[MOST_GROUPS:]))
        show(f"({n_more:,} more, which differ in other fields: --json lists all)")


def _show_group(keys: Sequence[str], near: Near | None) -> None:
    """Describe a group of missing requests by its first."""
    first = f"{len(keys):,}, the first {keys[0][:12]}"
    if near is None:
        say(f"{first}: nothing is known of them")
        return
    told = near.differences[-1] if near.other_text else near.differences[0]
    n_more = len(near.differences) - 1
    say(f"{first}: {told.field}{f' and {n_more} more' if n_more else ''}")
    show_difference(told)


def show_difference(told: Difference) -> None:
    """Show what stands in a stored request, and what in the one that is asked."""
    for what, text in zip(("stored", "asked"), told.excerpts(), strict=True):
        show_field(f"  {what}", text, 10)
