"""`distexp summarize`: any runs joined into one table."""

import sys
from collections.abc import Sequence
from pathlib import Path

from distexp.cli.parser import Parser
from distexp.terminal.texts import show, width
from distexp.view.base import Runs
from distexp.view.brief import lines
from distexp.view.summary import load_view, summarize


def main(arguments: Sequence[str]) -> None:
    """Run `distexp summarize FOLDER... [--view NAME] [--out FOLDER]`."""
    parser = Parser(
        prog="distexp summarize",
        description="Join every run below the folders into one table, and write it beside them.",
    )
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("--view", default="leaderboard", help="a file of the group `view`")
    parser.add_argument("--out", type=Path, help="where to write; the first folder if not given")
    parser.add_argument("-v", "--verbose", action="store_true", help="print the whole table")
    options = parser.read(arguments)
    out = options.out or options.folders[0]
    view, runs = load_view(options.view), Runs.read(options.folders)
    out.mkdir(parents=True, exist_ok=True)
    text = summarize(view, runs, out)
    if options.verbose:
        sys.stdout.write(f"{text}\n")
    else:
        columns = width()
        show(lines(view, out, columns=columns), columns)
