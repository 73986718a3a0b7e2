"""`distexp cache export`: answers as one file to pass on."""

import argparse
from pathlib import Path

from distexp.cli.cache.places import add_path, path_of, reader_of, requests_of
from distexp.cli.cache.showing import say, show_json
from distexp.errors import ConfigError
from distexp.run_folder import REQUESTS
from distexp.sharing.archive import export

HELP = "Write the answers that a run or a sweep rests on, or all, to one file to pass on."


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("whose", nargs="?", type=Path, metavar="RUN", help="the folder of it")
    parser.add_argument("out", type=Path, metavar="OUT.zip")
    parser.add_argument("--all", action="store_true", help="all answers of the cache")
    add_path(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(options: argparse.Namespace) -> int:
    """Write the archive, and say what is in it."""
    if options.all == (options.whose is not None):
        raise ConfigError("Say what to export: the folder of a run or a sweep, or --all.")
    path = path_of(options)
    keys = None if options.all else _keys(options.whose)
    n_records = export(reader_of(path).folder, keys, options.out)
    if options.json:
        show_json({"path": str(path), "archive": str(options.out), "records": n_records})
    else:
        say(f"{n_records:,} answers of {path}, replaced ones included, are in {options.out}.")
    return 0


def _keys(folder: Path) -> list[str]:
    """Return the keys of a run, or of all jobs of a sweep."""
    runs = [path.parent for path in sorted(folder.rglob(REQUESTS))] or [folder]
    return sorted({key for one in runs for key in requests_of(one)})
