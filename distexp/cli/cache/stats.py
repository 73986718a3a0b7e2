"""`distexp cache stats`: what a cache holds, by who was asked."""

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from distexp.cache.audit.generations import MOST_SCANNED, Said, who_answered
from distexp.cache.audit.totals import Total, overall, totals
from distexp.cli.cache.places import add_path, path_of, reader_of
from distexp.cli.cache.showing import dollars, say, shortened, show, show_json, show_table

MOST_MODELS = 7
"""Rows of a table."""
LONGEST = 24
"""Characters of a name in a table; models and their versions differ in the end."""
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
    say(f"{path}: {n_answers:,} answers, {n_bytes / 1e6:,.1f} MB")
    show()
    if found:
        of_all = [] if len(found) == 1 else [overall(found)]
        show_table(_telling([*map(_row, [*of_all, *found])]), MOST_MODELS)
    for line in _remarks(found, n_unreadable):
        say(line)
    if said:
        show("\nWho said that it answered:\n")
        order = sorted(said.items(), key=lambda one: -one[1])
        most = len(said) if options.models else MOST_MODELS // 2
        show_table([_short(_said(one)) for one in order], most)
    elif found:
        show("\nWho answered is listed with --models: every entry is read.")
    return 0


def _said(one: tuple[Said, int]) -> dict[str, object]:
    (model, endpoint, said, fingerprint), n_answers = one
    asked: dict[str, object] = {"asked": model, "answered": said, "answers": n_answers}
    return asked | {"fingerprint": fingerprint, "endpoint": endpoint}


def _short(row: dict[str, object]) -> dict[str, object]:
    names = {key: one for key, one in row.items() if isinstance(one, str)}
    return row | {key: shortened(one, LONGEST) for key, one in names.items()}


def size(path: Path) -> int:
    """Return how many bytes the files of a cache take."""
    return sum(file.stat().st_size for file in path.glob("cache.db*"))


def _telling(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    """Return the rows without columns in which there is nothing."""
    kept = [name for name in rows[0] if any(row[name] for row in rows)]
    return [{name: row[name] for name in kept} for row in rows]


def _row(total: Total) -> dict[str, object]:
    return {
        "model": shortened(total.model or "all", LONGEST),
        "answers": total.answers,
        "USD": dollars(total.known_cost_usd, total.unpriced, total.answers),
        "refused": total.refused,
        "empty": total.empty,
        "replaced": total.replaced,
        "prompt tokens": total.prompt_tokens,
        "reply tokens": total.completion_tokens,
        "provider": total.provider if total.model else "",
        "endpoint": total.endpoint,
        "last": total.last[:10],
        "first": total.first[:10],
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
