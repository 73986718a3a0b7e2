"""`distexp cache import`: the answers of an archive or a bundle, each checked."""

import argparse
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

from distexp.cache import ResponseCache
from distexp.cli.cache.merge import show_conflicts
from distexp.cli.cache.places import add_path, path_of
from distexp.cli.cache.showing import show_json, show_table
from distexp.sharing.archive import take_in

HELP = "Take the answers of an archive or bundle into the cache, all or none, each checked."


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("archive", type=Path, metavar="IN.zip")
    add_path(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(options: argparse.Namespace) -> int:
    """Import, and print what became of the answers; 1 if one was at odds with another."""
    path = path_of(options)
    with closing(ResponseCache(path)) as cache:
        adopted = take_in(options.archive, cache)
    if options.json:
        show_json({"path": str(path)} | asdict(adopted))
        return int(bool(adopted.conflicts))
    counts: dict[str, object] = {"added": adopted.added, "there already": adopted.present}
    counts |= {"other answer there": len(adopted.conflicts)}
    show_table([{"into": str(path)} | counts])
    show_conflicts(path, adopted.conflicts)
    return int(bool(adopted.conflicts))
