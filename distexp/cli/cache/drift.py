"""`distexp cache drift`: whether a model answers as it did, by the generations of its answers."""

import argparse
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from hydra.errors import HydraException
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from distexp.asking.drift import Drift, drift
from distexp.asking.snapshots import snapshots
from distexp.cache.audit.generations import generations
from distexp.cache.record import Record
from distexp.cli.cache.places import add_path, path_of, reader_of
from distexp.cli.cache.showing import say, show, show_json, show_table
from distexp.errors import CacheError, DistexpError
from distexp.run_folder import CONFIG
from distexp.trust import checked
from distexp.visible import counted

HELP = "Compare the generations of a run's answers, which cache.mode=refresh makes."
MOST_STUDIES, MOST_QUESTIONS = 5, 5
"""Rows of a table; `--json` has all."""
TO_WATCH = "To watch a model, ask with prompt.wording=null or alternate."


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("run", help="folder of a run: it says how to read replies")
    add_path(parser)
    parser.add_argument("--json", action="store_true", help="print JSON, with every question")


def run(options: argparse.Namespace) -> int:
    """Print how far generations are apart; 1 where a study has drifted."""
    interview = _interview(Path(options.run))
    reader = reader_of(path_of(options))
    seen = snapshots(interview, partial(generations, reader))
    found = seen.generations
    if not seen.earlier:
        msg = (
            f"The answers of {options.run} have one generation. Ask anew with cache.mode=refresh, "
            "which keeps the old answers, then compare."
        )
        raise CacheError(msg)
    newest = max(found)
    rows: list[Drift] = []
    for generation, earlier in seen.earlier.items():
        rows += drift(interview, earlier, seen.newest)
        rows = [one.between(generation, newest) for one in rows]
    _check_comparable(options.run, rows)
    if options.json:
        show_json(
            {"generations": {g: _when(of) for g, of in found.items()}, "drift": _plain(rows)}
        )
    else:
        _show(rows, found)
    return int(any(one.question is None and one.has_drifted for one in rows))


def _check_comparable(run: str, rows: Sequence[Drift]) -> None:
    """Refuse generations that have no question in the same words."""
    studies = [one for one in rows if one.question is None]
    if any(one.n_cases or one.only_first or one.only_second for one in studies):
        return
    if any(one.reworded for one in studies):
        msg = (
            f"The generations of {run} have no question in the same words: the model reworded "
            f"each anew. {TO_WATCH}"
        )
        raise CacheError(msg)


def _interview(run: Path) -> Any:
    """Make the interview of a run from its configuration."""
    if not run.is_dir():
        raise CacheError(f"There is no folder {run}: give the folder of a run.")
    if not (run / CONFIG).exists():
        raise CacheError(f"{run} has no {CONFIG}: give the folder of a run.")
    try:
        plain = checked(DictConfig(OmegaConf.load(run / CONFIG)))
        experiment: Any = instantiate(plain | {"card": None}, _convert_="all")
        return experiment.interview(experiment.survey())
    except (HydraException, OmegaConfBaseException) as exc:
        msg = f"The configuration of {run} cannot be composed again: {exc}"
        raise DistexpError(msg) from exc


def _when(records: Mapping[str, Record]) -> dict[str, object]:
    dates = sorted(record.created for record in records.values())
    said = sorted({one.response.provider_model or "" for one in records.values()} - {""})
    return {
        "answers": len(records),
        "first": dates[0],
        "last": dates[-1],
        "answered": ", ".join(said),
    }


def _plain(rows: Sequence[Drift]) -> list[dict[str, object]]:
    return [{k: _known(v) for k, v in asdict(one).items()} for one in rows]


def _known(value: object) -> object:
    return None if isinstance(value, float) and math.isnan(value) else value


def _show(rows: Sequence[Drift], found: Mapping[int, Mapping[str, Record]]) -> None:
    studies = [one for one in rows if one.question is None]
    n_drifted = sum(one.has_drifted for one in studies)
    show(f"{n_drifted} of {counted(len(studies), 'comparison')} of two generations drifted.\n")
    whole = sorted(studies, key=lambda one: (not one.has_drifted, -one.first))
    show_table([_row(one) for one in whole], MOST_STUDIES)
    if n_reworded := sum(one.reworded for one in rows):
        say(f"{n_reworded:,} cases are left out: their questions were reworded anew. {TO_WATCH}")
    newest = max((one.first for one in rows), default=0)
    apart = sorted(
        (one for one in rows if one.question is not None and one.first == newest and _moved(one)),
        key=lambda one: (-one.only_first - one.only_second, -one.w1 if one.n_cases else 1.0),
    )
    show("\nQuestions that moved most since the generation before:\n")
    if apart:
        show_table([{"question": one.question} | _row(one) for one in apart], MOST_QUESTIONS)
    else:
        show("none")
    show()
    show_table([{"generation": g, **_when(of)} for g, of in [*found.items()][:-4:-1]])


def _moved(one: Drift) -> bool:
    return one.w1 > 0 or bool(one.only_first or one.only_second)


def _row(one: Drift) -> dict[str, object]:
    def number(value: float) -> str:
        return "" if math.isnan(value) else f"{value:.4f}"

    interval = "" if math.isnan(one.low) else f" [{number(one.low)}, {number(one.high)}]"
    return {
        "prompt": one.prompt,
        "verdict": "drifted" if one.has_drifted else "",
        "between": f"{one.first}, {one.second}",
        "W1 between": number(one.w1) + interval,
        "by chance": number(one.noise),
        "p": number(one.p),
        "cases": one.n_cases,
        "lost": one.only_first,
        "gained": one.only_second,
    }
