"""`distexp cache merge`: the entries of several caches in one."""

import argparse
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

from distexp.cache import ResponseCache
from distexp.cache.redis.store import PREFIX, RedisCache
from distexp.cli.cache.places import folder, reader_of
from distexp.cli.cache.showing import MOST_ROWS, say, show, show_json, show_table
from distexp.errors import CacheError

HELP = "Take the entries of other caches into one; what is there already stays as it is."


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        "sources",
        nargs="+",
        type=_place,
        metavar="FROM",
        help="a cache to read: its folder, or redis://HOST:PORT/DB#PREFIX",
    )
    parser.add_argument("into", type=folder, metavar="INTO", help="the cache that takes them in")
    parser.add_argument(
        "--password-env", metavar="NAME", help="environment variable with the password of Redis"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(options: argparse.Namespace) -> int:
    """Merge, and print what became of the entries; 1 if an answer was at odds with another."""
    into: Path = options.into
    sources = [_entries(place, options.password_env) for place in options.sources]
    for place in options.sources:
        if isinstance(place, Path) and place.resolve() == into.resolve():
            raise CacheError(f"The cache {into} cannot be merged into itself.")
    cache = ResponseCache(into)
    try:
        merged = [cache.adopt(entries) for entries in sources]
    finally:
        cache.close()
    conflicts = [name for adopted in merged for name in adopted.conflicts]
    named = list(zip(options.sources, merged, strict=True))
    if options.json:
        show_json({"into": str(into), "from": [{"path": str(p)} | asdict(a) for p, a in named]})
        return int(bool(conflicts))
    show_table(
        [
            {"from": str(path), "added": a.added, "there already": a.present}
            | {"other answer there": len(a.conflicts)}
            for path, a in named
        ]
    )
    show_conflicts(into, conflicts)
    return int(bool(conflicts))


def show_conflicts(into: Path, names: Sequence[str]) -> None:
    """Show which entries have another answer where they were to be taken in."""
    if not names:
        return
    show()
    say(f"These have another answer in {into}, which was kept:")
    for name in names[:MOST_ROWS]:
        show(name)
    if len(names) > MOST_ROWS:
        show(f"({len(names) - MOST_ROWS:,} more: --json lists all)")


def _place(text: str) -> Path | str:
    """Read where a cache is: a folder, or the address of a server."""
    return text if "://" in text else folder(text)


def _entries(place: Path | str, password_env: str | None) -> Iterator[tuple[str, str]]:
    """Return names and JSON texts of a cache that exists, read as they are asked for."""
    if isinstance(place, Path):
        return reader_of(place).texts()
    url, _, prefix = place.partition("#")
    return _entries_of(RedisCache(url, password_env, prefix or PREFIX, "replay"))


def _entries_of(server: RedisCache) -> Iterator[tuple[str, str]]:
    with closing(server):
        yield from server.entries()
