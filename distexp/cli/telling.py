"""What a command says of errors, and how much a run says."""

from collections.abc import Sequence

from distexp.visible import one_line, visible

MANNERS = {
    "--verbose": "full",
    "-v": "full",
    "--quiet": "quiet",
    "-q": "quiet",
    "--json": "json",
}
"""Options of a run that say how much is shown; without any it is `brief`."""
SEVERAL = "\n  job "
"""Begins the lines of the jobs of a sweep that failed."""


def told(errors: Sequence[str]) -> str:
    """Say what went wrong, in a line each, but for lists of jobs."""
    lines = [one if SEVERAL in one else one_line(one) for one in errors]
    return "\n".join(f"distexp: error: {visible(one)}" for one in lines)


def manner_of(arguments: Sequence[str]) -> tuple[str, list[str]]:
    """Return how much is to be shown, and the arguments that say something else.

    Examples
    --------
    >>> manner_of(["-q", "model=mock"])
    ('quiet', ['model=mock'])
    """
    said = [MANNERS[one] for one in arguments if one in MANNERS]
    return said[-1] if said else "brief", [one for one in arguments if one not in MANNERS]
