"""`distexp cache verify`: read every entry again and check it."""

import argparse
from dataclasses import asdict

from distexp.cache import ResponseCache
from distexp.cache.audit.verifying import verify
from distexp.cache.disk.aside import Bad
from distexp.cli.cache.places import add_path, path_of, reader_of
from distexp.cli.cache.showing import say, shortened, show, show_json, show_table

HELP = "Read and hash every entry, and list those that are not what was written."


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_path(parser)
    parser.add_argument(
        "--drop",
        action="store_true",
        help="move bad entries to the table Aside, so that their questions are asked again",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(options: argparse.Namespace) -> int:
    """Print the bad entries; 1 if there are any, also where they have been moved aside."""
    path = path_of(options)
    n_rows, bad = verify(reader_of(path))
    n_moved = 0
    if options.drop and bad:
        cache = ResponseCache(path)
        n_moved = cache.set_aside(bad)
        cache.close()
    if options.json:
        found = [asdict(each) for each in bad]
        show_json({"path": str(path), "entries": n_rows, "moved_aside": n_moved, "bad": found})
        return int(bool(bad))
    say(f"{path}: {n_rows:,} entries, {len(bad):,} of them not what was written")
    if bad:
        show()
        show_table(list(map(_row, bad)))
    if options.drop and bad:
        show(f"\n{n_moved:,} moved to the table Aside; nothing is destroyed.")
    elif bad:
        show("\nRestore cache.db from a copy, or move them aside with --drop.")
    return int(bool(bad))


def _row(bad: Bad) -> dict[str, object]:
    return {"row": str(bad.rowid), "entry": shortened(bad.name, 40), "reason": bad.reason}
