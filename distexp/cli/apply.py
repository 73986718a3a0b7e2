"""`distexp apply`: estimates calibrated by a card."""

import sys
from collections.abc import Sequence
from pathlib import Path

from distexp.card.applying import FORMATS, calibrated, summary, table, warnings, write
from distexp.card.band import COVERAGES, DEFAULT_COVERAGE
from distexp.card.card import Card
from distexp.cli.parser import Parser
from distexp.cli.telling import as_json
from distexp.dataset.files.estimates import read_studies
from distexp.errors import ConfigError
from distexp.terminal.texts import width, wrapped


def main(arguments: Sequence[str]) -> None:
    """Run `distexp apply --card FILE --predictions FILE --out FILE [--coverage N] [--json]`."""
    parser = Parser(
        prog="distexp apply",
        description="Calibrate estimates with the calibrator of a card; human answers play no "
        "part. The estimates: a table as in docs/surveys/recorded.md or a run's "
        "predictions.parquet.",
    )
    parser.add_argument("--card", required=True, type=Path, metavar="FILE.json")
    parser.add_argument("--predictions", required=True, type=Path, metavar="FILE")
    parser.add_argument("--out", required=True, type=Path, metavar="FILE")
    parser.add_argument(
        "--coverage",
        type=float,
        choices=COVERAGES,
        default=DEFAULT_COVERAGE,
        help="how often the band holds a share",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.read(arguments)
    if options.out.suffix not in FORMATS:
        msg = f"--out must be a {', '.join(FORMATS)} file. Got {str(options.out)!r} instead."
        raise ConfigError(msg)
    card = Card.read(options.card)
    found = list(calibrated(card, read_studies(options.predictions), options.coverage))
    written = table(found)
    write(written, options.out)
    for warning in warnings(card, found):
        lines = wrapped(f"distexp: warning: {warning}", width(), indent=2)
        sys.stderr.write("".join(f"{line}\n" for line in lines))
    if options.json:
        document = {"estimates": str(options.out), "rows": written.height}
        print(as_json(document | {"coverage": options.coverage}))
        return
    said = wrapped(summary(card, found, options.coverage), width())
    sys.stdout.write("".join(f"{line}\n" for line in said) + f"Written to {options.out}\n")
