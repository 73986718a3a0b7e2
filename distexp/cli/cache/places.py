"""Which cache a command is about."""

import argparse
import os
from importlib.resources import files
from pathlib import Path

from omegaconf import OmegaConf

from distexp.cache.disk.reader import Reader
from distexp.cache.schema import FILE
from distexp.errors import CacheError
from distexp.run_folder import REQUESTS


def add_path(parser: argparse.ArgumentParser) -> None:
    """Add the option that names the folder of the cache."""
    parser.add_argument(
        "--path",
        type=folder,
        metavar="FOLDER",
        help="folder of the cache; where runs keep theirs if not given: outputs/cache, or what "
        "DISTEXP_CACHE says",
    )


def folder(text: str) -> Path:
    """Read the folder of a cache as `cache.path` is read."""
    return Path(os.path.expandvars(text)).expanduser()


def default_path() -> Path:
    """Return the folder that runs use unless told otherwise."""
    config = OmegaConf.create((files("distexp.conf") / "cache" / "disk.yaml").read_text())
    return folder(str(config.path))


def path_of(options: argparse.Namespace) -> Path:
    """Return the folder that was named, or the one that runs use."""
    path: Path | None = options.path
    return path or default_path()


def reader_of(path: Path) -> Reader:
    """Return a reader of a cache that exists.

    Raises
    ------
    CacheError
        If there is none.
    """
    if not (path / FILE).is_file():
        msg = f"There is no response cache in {path}: it has no {FILE}. Name one with --path."
        raise CacheError(msg)
    return Reader(path)


def requests_of(run: Path) -> tuple[str, ...]:
    """Return the keys of the requests that a run rests on, in order.

    Raises
    ------
    CacheError
        If the folder is not that of a run.
    """
    try:
        return tuple(sorted((run / REQUESTS).read_text().split()))
    except OSError as exc:
        msg = f"{run} is the folder of neither a cache, with {FILE}, nor a run, with {REQUESTS}."
        raise CacheError(msg) from exc
