"""`distexp codebook check`: all errors of a codebook at once, and what each column holds."""

import argparse
from dataclasses import asdict
from pathlib import Path

from distexp.cli.cache.showing import shortened, show, show_json, table
from distexp.dataset.draft.check import Checked, check_codebook
from distexp.dataset.draft.held import Column
from distexp.dataset.table import codebook_text
from distexp.visible import counted

HELP = "Compare a codebook with its data file: all errors at once, and what each column holds."
MOST_ROWS = 25
"""Longer tables of codes are cut."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("file", type=Path, help="the survey's data file")
    parser.add_argument("codebook", type=Path, help="its codebook, a YAML file")
    parser.add_argument("--json", action="store_true", help="print JSON, with all codes")
    parser.add_argument("--quiet", action="store_true", help="print errors and warnings only")


def run(options: argparse.Namespace) -> int:
    """Print what was found; 1 if there is an error."""
    checked = check_codebook(options.file, codebook_text(options.codebook), str(options.codebook))
    if options.json:
        show_json(asdict(checked))
        return int(bool(checked.errors))
    if not options.quiet:
        for column in checked.columns:
            _show_column(column)
    _show_list("warning", checked.warnings)
    _show_list("error", checked.errors)
    show(_sum(checked))
    return int(bool(checked.errors))


def _show_column(column: Column) -> None:
    """Show how often each code of a column stands there, and what it means."""
    show(f"{column.of}, column {column.name!r}:\n")
    rows = [
        {
            "code": shortened(row.code, 40),
            "means": shortened(row.meaning, 50),
            "respondents": row.n,
            "share": f"{row.share:.1%}",
        }
        for row in column.rows[:MOST_ROWS]
    ]
    if rows:
        show(table(rows))
    if len(column.rows) > MOST_ROWS:
        show(f"({len(column.rows) - MOST_ROWS:,} codes more: --json lists all)")
    show()


def _show_list(kind: str, messages: tuple[str, ...]) -> None:
    for message in messages:
        show(f"{kind}: {' '.join(message.split())}")


def _sum(checked: Checked) -> str:
    n = checked.n_respondents
    people = "The file was not read" if n is None else f"{n:,} respondents"
    errors, warnings = (len(one) for one in (checked.errors, checked.warnings))
    return f"{people}; {counted(errors, 'error')}, {counted(warnings, 'warning')}."
