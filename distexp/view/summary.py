"""Runs joined into one leaderboard: at the end of a sweep, and by `distexp summarize`."""

import json
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from distexp.checks import nearest
from distexp.errors import ConfigError, DistexpError
from distexp.run_folder import SUMMARY
from distexp.terminal.texts import relative, show, width, wrapped
from distexp.view.base import Runs, View, write
from distexp.view.brief import lines

N_SHOWN = 30
MOST_SAID = 6
"""Lines of what was found, before the table."""
manner = "brief"
"""How much a sweep shows of its tables: `brief`, `full`, or nothing."""


class SweepSummary(Callback):
    """Writes the leaderboard of a multirun, and its view where it has one, when all jobs ended."""

    def on_multirun_end(self, config: DictConfig, **_: Any) -> None:
        """Write into the folder of the sweep, if any of its jobs left results."""
        folder = Path(config.hydra.sweep.dir)
        views = [load_view("leaderboard")]
        if config.get("view") is not None:
            views.append(instantiate(config.view, _convert_="all"))
        try:
            needs = any(getattr(view, "reads_cases", True) for view in views)
            runs = Runs.read([folder], cases=needs)
        except DistexpError:
            return  # a dry run, or every job failed and said so
        from distexp.page.writing import write_runs

        drawn = config.get("figures") is not False
        texts = [summarize(view, runs, folder, figure=drawn) for view in views]
        del runs  # before as much is read for the page
        page, found = write_runs(folder)
        if manner == "brief":
            columns = width()
            said = [line for one in found for line in wrapped(one, columns)][:MOST_SAID]
            sys.stdout.write("".join(f"{line}\n" for line in ("", *said)))
            *others, view = views
            room = 20 - len(said) - len(others)
            show(["", *lines(view, folder, columns=columns, room=room)], columns)
            for one in others:
                sys.stdout.write(f"{one.name}: {relative(folder / one.name)}.md\n")
            sys.stdout.write(f"{_calls(folder)}\n")
        if manner == "full":
            sys.stdout.write("".join(f"\n{text}\n" for text in texts))
        if manner in ("brief", "full"):
            sys.stdout.write(f"Report: {relative(page)}\n")


def _calls(folder: Path) -> str:
    """Say what became of the requests of all jobs of a sweep."""
    found = [json.loads(path.read_text("utf-8"))["calls"] for path in folder.rglob(SUMMARY)]
    total, hits, misses, unreadable = (
        sum(calls[name] for calls in found) for name in ("total", "hits", "misses", "parse_errors")
    )
    return (
        f"{len(found)} jobs, {total:,} requests: {hits:,} hits, {misses:,} misses, "
        f"{unreadable:,} unreadable replies."
    )


def summarize(view: View, runs: Runs, folder: Path, *, figure: bool = True) -> str:
    """Write the view, with its figure or without, and return what to show of it."""
    text = write(view, runs, folder, figure=figure)
    shown, *rest = text.splitlines(keepends=True), f"{folder / view.name}.md"
    lines = shown[: N_SHOWN + 4]
    more = [f"({len(shown) - len(lines)} more rows)\n"] if len(shown) > len(lines) else []
    return "".join([*lines, *more, "\nWritten to ", *rest])


def load_view(name: str) -> View:
    """Make a view of the group `view`.

    Raises
    ------
    ConfigError
        If there is none of that name; lists those that there are.
    """
    folder = files("distexp.conf") / "view"
    known = sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir())
    if name not in known:
        msg = f"There is no view {name!r}.{nearest(name, known)} Choose one of {', '.join(known)}."
        raise ConfigError(msg)
    text = (folder / f"{name}.yaml").read_text()
    view: View = instantiate(OmegaConf.create(text), _convert_="all")
    return view
