"""`distexp report`: the page of a run, a sweep or a folder of runs, made again from its tables."""

import sys
from collections.abc import Sequence
from pathlib import Path

from distexp.cli.parser import Parser
from distexp.cli.telling import as_json
from distexp.page.writing import write
from distexp.report.drawn import draw


def main(arguments: Sequence[str]) -> None:
    """Run `distexp report FOLDER [--figures] [--open] [--json]`.

    Raises
    ------
    DistexpError
        If there is no finished run, or the page cannot be written.
    """
    parser = Parser(
        prog="distexp report",
        description="Make the page of a run or a sweep (report.html), or the index of a folder of "
        "runs (index.html), from its tables alone. It is one file that needs no network.",
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument(
        "--figures", action="store_true", help="draw a run for a paper too, as SVG and PDF"
    )
    parser.add_argument("--open", action="store_true", help="show it in the browser")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.read(arguments)
    path = write(options.folder)
    figures = [*draw(options.folder)] if options.figures else []
    if options.json:
        print(as_json({"page": str(path), "figures": [str(one) for one in figures]}))
    else:
        sys.stdout.write("".join([f"Page: {path}\n", *(f"Figure: {one}\n" for one in figures)]))
    if options.open:
        import webbrowser

        if not webbrowser.open(path.absolute().as_uri()) and not options.json:
            sys.stdout.write("No browser was found: open that file in one.\n")
