"""`distexp codebook check`: all errors of a codebook at once, and what each column holds."""

import argparse
from dataclasses import asdict
from pathlib import Path

from distexp.cli.cache.showing import say, shortened, show, show_json, show_table
from distexp.dataset.draft.check import Checked, check_codebook
from distexp.dataset.draft.held import UNEXPLAINED, Column
from distexp.dataset.table import codebook_text
from distexp.terminal.texts import cut, width, wrapped
from distexp.visible import counted

HELP = "Compare a codebook with its data file: all errors at once, and what each column holds."
MOST_LINES, LEAST_ROWS = 25, 5
"""Without --verbose: of all, and of the table of columns however much is wrong."""
MOST_CODES = 100
"""Longer tables of codes are cut."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("file", type=Path, help="the survey's data file")
    parser.add_argument("codebook", type=Path, help="its codebook, a YAML file")
    parser.add_argument("--json", action="store_true", help="print JSON, with all codes")
    parser.add_argument("--quiet", "-q", action="store_true", help="print what is wrong only")
    parser.add_argument(
        "--verbose", "-v", action="store_true", help="print every warning, and all codes"
    )


def run(options: argparse.Namespace) -> int:
    """Print what was found; 1 if there is an error."""
    checked = check_codebook(options.file, codebook_text(options.codebook), str(options.codebook))
    if options.json:
        show_json(asdict(checked))
        return int(bool(checked.errors))
    whole = options.verbose or options.quiet
    say(_sum(checked))
    wrong = [f"error: {one}" for one in checked.errors]
    wrong += [f"warning: {one}" for one in checked.warnings]
    shown = 0
    for number, one in enumerate(wrong):
        lines = wrapped(one, width(), indent=2)
        if not whole:
            lines = cut(lines, 2, width())
            if shown + len(lines) > MOST_LINES - LEAST_ROWS - 6:
                show(f"{len(wrong) - number:,} more: -v lists all")
                break
        shown += len(lines)
        show("\n".join(lines))
    if options.verbose:
        for column in checked.columns:
            _show_column(column)
    elif checked.columns and not options.quiet:
        show()
        most = MOST_LINES - shown - 6
        show_table([_row(one) for one in checked.columns[:most]])
        more = len(checked.columns) - most
        show(f"{f'{more:,} columns more, and all' if more > 0 else 'All'} codes: -v lists them")
    return int(bool(checked.errors))


def _row(column: Column) -> dict[str, object]:
    """Return what a column holds, in a line."""
    strange = [row for row in column.rows if row.meaning == UNEXPLAINED]
    others = [row for row in column.rows if row.meaning != UNEXPLAINED]
    first = ", ".join(f"{row.code} {row.share:.0%}" for row in (strange or others)[:4])
    return {
        "column": shortened(column.name, 24),
        "taken for": shortened(column.of, 34),
        "codes": len(column.rows),
        UNEXPLAINED: len(strange),
        "such as": first,
    }


def _show_column(column: Column) -> None:
    """Show how often each code of a column stands there, and what it means."""
    show()
    say(f"{column.of}, column {column.name!r}:")
    rows = [
        {
            "code": shortened(row.code, 36),
            "means": shortened(row.meaning, 36),
            "respondents": row.n,
            "share": f"{row.share:.1%}",
        }
        for row in column.rows
    ]
    if rows:
        show_table(rows, MOST_CODES)


def _sum(checked: Checked) -> str:
    n = checked.n_respondents
    people = "The file was not read" if n is None else f"{n:,} respondents"
    errors, warnings = (len(one) for one in (checked.errors, checked.warnings))
    return f"{people}; {counted(errors, 'error')}, {counted(warnings, 'warning')}."
