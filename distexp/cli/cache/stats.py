"""`distexp cache stats`: what a cache holds, by who was asked."""

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from distexp.cache.audit.generations import MOST_SCANNED, Said, who_answered
from distexp.cache.audit.totals import Total, overall, totals
from distexp.cli.cache.places import add_path, path_of, reader_of
from distexp.cli.cache.showing import dollars, show, show_json, table

HELP = "Count answers, tokens, costs and refusals by model."


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_path(parser)
    parser.add_argument(
        "--models",
        action="store_true",
        help="list who said that it answered, in a cache of any size: every entry is read",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(options: argparse.Namespace) -> int:
    """Print the counts of every model."""
    path = path_of(options)
    found, n_unreadable = totals(reader_of(path))
    n_bytes = size(path)
    n_all = sum(total.answers for total in found)
    said = who_answered(reader_of(path)) if options.models or n_all <= MOST_SCANNED else {}
    if options.json:
        rows = [asdict(total) | {"cost_usd": total.cost_usd} for total in found]
        show_json(
            {"path": str(path), "bytes": n_bytes, "unreadable": n_unreadable, "of": rows}
            | {"answered_by": list(map(_said, said.items()))}
        )
        return 0
    n_answers = sum(total.answers for total in found)
    show(f"{path}: {n_answers:,} answers, {n_bytes / 1e6:,.1f} MB\n")
    if found:
        show(table(_telling([*map(_row, found if len(found) == 1 else [*found, overall(found)])])))
    for line in _remarks(found, n_unreadable):
        show(line)
    if said:
        show("\nWho said that it answered:\n")
        show(table(list(map(_said, said.items()))))
    elif found:
        show("\nWho answered is listed with --models: every entry is read.")
    return 0


def _said(one: tuple[Said, int]) -> dict[str, object]:
    (model, endpoint, said, fingerprint), n_answers = one
    asked: dict[str, object] = {"asked": model, "endpoint": endpoint}
    return asked | {"answered": said, "fingerprint": fingerprint, "answers": n_answers}


def size(path: Path) -> int:
    """Return how many bytes the files of a cache take."""
    return sum(file.stat().st_size for file in path.glob("cache.db*"))


def _telling(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    """Return the rows without columns in which there is nothing."""
    kept = [name for name in rows[0] if any(row[name] for row in rows)]
    return [{name: row[name] for name in kept} for row in rows]


def _row(total: Total) -> dict[str, object]:
    return {
        "provider": total.provider,
        "model": total.model,
        "endpoint": total.endpoint,
        "answers": total.answers,
        "replaced": total.replaced,
        "prompt tokens": total.prompt_tokens,
        "reply tokens": total.completion_tokens,
        "USD": dollars(total.known_cost_usd, total.unpriced, total.answers),
        "refused": total.refused,
        "empty": total.empty,
        "first": total.first[:10],
        "last": total.last[:10],
    }


def _remarks(found: Sequence[Total], n_unreadable: int) -> list[str]:
    """Say what the table leaves out."""
    unpriced = sum(total.unpriced for total in found)
    uncounted = sum(total.uncounted for total in found)
    lines = []
    if unpriced:
        lines.append(f"The price of {unpriced:,} answers is unknown; it is in no sum.")
    if uncounted:
        lines.append(f"The tokens of {uncounted:,} answers were not counted by their servers.")
    if n_unreadable:
        lines.append(f"{n_unreadable:,} entries cannot be read: see 'distexp cache verify'.")
    return ["", *lines] if lines else []
