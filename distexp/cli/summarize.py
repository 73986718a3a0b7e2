"""`distexp summarize`: any runs joined into one table."""

import sys
from collections.abc import Sequence
from pathlib import Path

from distexp.cli.parser import Parser
from distexp.cli.telling import as_json
from distexp.terminal.texts import show, width
from distexp.view.base import Runs, View, write_for_paper
from distexp.view.brief import lines
from distexp.view.summary import load_view, summarize


def main(arguments: Sequence[str]) -> None:
    """Run `distexp summarize FOLDER... [--view NAME] [--out FOLDER] [--paper] [--json]`."""
    parser = Parser(
        prog="distexp summarize",
        description="Join every run below the folders into one table, and write it beside them.",
    )
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("--view", default="leaderboard", help="a file of the group `view`")
    parser.add_argument("--out", type=Path, help="where to write; the first folder if not given")
    parser.add_argument("-v", "--verbose", action="store_true", help="print the whole table")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--paper", action="store_true", help="write NAME.tex (LaTeX) and NAME.pdf too"
    )
    options = parser.read(arguments)
    out = options.out or options.folders[0]
    view = load_view(options.view)
    runs = Runs.read(options.folders, cases=getattr(view, "reads_cases", True))
    out.mkdir(parents=True, exist_ok=True)
    text = summarize(view, runs, out)
    if options.paper:
        write_for_paper(view, runs, out)
    if options.json:
        print(as_json(table_of(view, out)))
    elif options.verbose:
        sys.stdout.write(f"{text}\n")
    else:
        columns = width()
        show(lines(view, out, columns=columns), columns)


def table_of(view: View, folder: Path) -> dict[str, object]:
    """Return a view as it was written to a folder, for programs: a row a mapping."""
    import polars as pl

    path = folder / f"{view.name}.parquet"
    table = pl.read_parquet(path)
    numbers = pl.col(pl.Float32, pl.Float64)
    known = table.with_columns(pl.when(numbers.is_finite()).then(numbers))
    return {"table": str(path), "rows": known.to_dicts()}
