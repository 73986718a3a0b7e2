"""The groups of the configuration and their choices, read without Hydra, which is slow to load."""

import re
from collections.abc import Iterator, Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from distexp.checks import nearest
from distexp.errors import ConfigError

GROUPS = {
    "model": "who is asked",
    "dataset": "questions, groups, human answers",
    "elicitation": "how a distribution is got out of the model",
    "prompt": "for whom the model is asked to speak; one or a list",
    "calibrator": "how the estimate is corrected; one or a list",
    "tuning": "whether settings of calibrators are searched",
    "cache": "where answers are kept",
    "evaluation": "splits, seed, intervals",
    "experiment": "tables of the paper, open questions: settings put together",
    "view": "tables and figures over any runs",
}
"""What each is, in the order in which they are listed."""
MEANT = {"surveys": "dataset", "survey": "dataset", "presets": "experiment", "models": "model"}
_SENTENCE = re.compile(r"(?<=[.?])\s|;\s")


def groups(folder: Path | None = None) -> list[str]:
    """Return the groups, those of a folder of one's own too."""
    there = {
        entry.name for place in _places(folder) for entry in place.iterdir() if entry.is_dir()
    }
    there -= {"hydra", "__pycache__"}
    return [*GROUPS, *sorted(there - set(GROUPS))]


def group_of(word: str, folder: Path | None = None) -> str:
    """Return the group that is meant by its name or its plural.

    Raises
    ------
    ConfigError
        If there is none.
    """
    known = groups(folder)
    for meant in (word, word.removesuffix("s"), MEANT.get(word, "")):
        if meant in known:
            return meant
    plurals = [f"{name}s" for name in known]
    msg = f"There is no group {word!r}.{nearest(word, [*known, *plurals])}"
    raise ConfigError(f"{msg} The groups are {', '.join(known)}.")


def choices(group: str, folder: Path | None = None) -> dict[str, str]:
    """Return the choices of a group by name, each with the sentence that its file begins with.

    What is only there for others to build on is left out.

    Examples
    --------
    >>> choices("cache")["redis"]
    'In a Redis server, which many machines share.'
    """
    found: dict[str, str] = {}
    for place in _places(folder):
        for name, file in _files(place / group):
            found.setdefault(name, _first_sentence(file.read_text(encoding="utf-8")))
    return dict(sorted(found.items(), key=lambda one: ("/" in one[0], one[0])))


def folder_of(arguments: Sequence[str]) -> Path | None:
    """Return the folder of one's own files, as `--config-dir` names it."""
    for place, one in enumerate(arguments):
        name, equals, value = one.partition("=")
        if name in ("--config-dir", "-cd"):
            following = arguments[place + 1 : place + 2]
            return Path(value if equals else following[0]) if equals or following else None
    return None


def _places(folder: Path | None) -> list[Traversable]:
    return [*([folder] if folder is not None and folder.is_dir() else []), files("distexp.conf")]


def _files(folder: Traversable, above: str = "") -> Iterator[tuple[str, Traversable]]:
    if not folder.is_dir():
        return
    for entry in folder.iterdir():
        if entry.name.startswith("_"):
            continue
        if entry.is_dir():
            yield from _files(entry, f"{above}{entry.name}/")
        elif entry.name.endswith(".yaml"):
            yield above + entry.name.removesuffix(".yaml"), entry


def _first_sentence(text: str) -> str:
    """Return the first sentence of the comment that a file begins with."""
    lines = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        if not line.startswith("# @package"):
            lines.append(line.lstrip("# "))
    return _SENTENCE.split(" ".join(lines), maxsplit=1)[0]
