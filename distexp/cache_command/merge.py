"""`distexp cache merge`: the entries of several caches in one."""

import argparse
from dataclasses import asdict
from pathlib import Path

from distexp.cache import ResponseCache
from distexp.cache_command.places import folder, reader_of
from distexp.cache_command.showing import show, show_json, table
from distexp.errors import CacheError

HELP = "Take the entries of other caches into one; what is there already stays as it is."


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("sources", nargs="+", type=folder, metavar="FROM", help="a cache to read")
    parser.add_argument("into", type=folder, metavar="INTO", help="the cache that takes them in")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(options: argparse.Namespace) -> int:
    """Merge, and print what became of the entries; 1 if an answer was at odds with another."""
    into: Path = options.into
    readers = [reader_of(path) for path in options.sources]
    for path in options.sources:
        if path.resolve() == into.resolve():
            raise CacheError(f"The cache {into} cannot be merged into itself.")
    cache = ResponseCache(into)
    try:
        merged = [cache.adopt(reader.texts()) for reader in readers]
    finally:
        cache.close()
    conflicts = [name for adopted in merged for name in adopted.conflicts]
    named = list(zip(options.sources, merged, strict=True))
    if options.json:
        show_json({"into": str(into), "from": [{"path": str(p)} | asdict(a) for p, a in named]})
        return int(bool(conflicts))
    show(
        table(
            [
                {"from": str(path), "added": a.added, "there already": a.present}
                | {"other answer there": len(a.conflicts)}
                for path, a in named
            ]
        )
    )
    if conflicts:
        show(f"\nThese have another answer in {into}, which was kept:")
        show("\n".join(conflicts))
    return int(bool(conflicts))
