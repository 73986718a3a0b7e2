"""Points out that answers lie in a cache elsewhere, before they are paid for a second time."""

import sys
from pathlib import Path

from distexp.visible import one_line

DEFAULT = Path("outputs/cache")
"""Where the cache is, below the folder of the caller, unless it is set."""
DATABASE = "cache.db"
N_ABOVE = 5
"""Folders above this one that are looked into; and those right below it."""


def point_out(path: Path | str) -> None:
    """Say where there is a cache, if one would be begun in the folder where it is by default."""
    if Path(path) != DEFAULT or (DEFAULT / DATABASE).exists():
        return
    here = Path.cwd()
    near = [*list(here.parents)[:N_ABOVE], *sorted(path.parent.parent for path in _below(here))]
    found = [folder / DEFAULT for folder in near if (folder / DEFAULT / DATABASE).is_file()]
    if found:
        path = found[0].relative_to(here) if found[0].is_relative_to(here) else found[0]
        sys.stderr.write(
            f"distexp: note: there is no cache in {DEFAULT} yet, and there is one in "
            f"{one_line(str(path))}. To use its answers: cache.path={one_line(str(path))}\n"
        )


def _below(here: Path) -> list[Path]:
    try:
        return list(here.glob(f"*/{DEFAULT}"))
    except OSError:
        return []
