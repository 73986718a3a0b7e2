"""What somebody may have meant: the nearest of the words that there are."""

import argparse
import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import NoReturn

from distexp.visible import visible

ALIKE = 0.6
"""From how alike on a word is suggested, of 0 to 1."""
NEAR = 0.05
"""Words that are so much less alike than the best are suggested beside it."""


def nearest(word: str, known: Iterable[str], also: Mapping[str, str] | None = None) -> str:
    """Return a sentence with the words that are most like one, or nothing.

    Parameters
    ----------
    word : str
    known : iterable of str
    also : mapping of str to str, optional
        What is meant by words that are not like it.

    Examples
    --------
    >>> nearest("rigde", ["ridge", "lasso"])
    " Did you mean 'ridge'?"
    >>> nearest("what", ["ridge", "lasso"])
    ''
    """
    if also and word in also:
        return f" Did you mean {also[word]!r}?"
    plain = {name.lower(): name for name in known}
    found = difflib.get_close_matches(word.lower(), plain, n=3, cutoff=ALIKE)
    ends = [name for name in plain if name.rsplit("/")[-1] == word.lower()]
    alike = [difflib.SequenceMatcher(None, word.lower(), name).ratio() for name in found]
    best = [name for name, ratio in zip(found, alike, strict=True) if ratio > alike[0] - NEAR]
    names = [repr(plain[name]) for name in ends or best]
    return f" Did you mean {' or '.join(names)}?" if names else ""


class Parser(argparse.ArgumentParser):
    """Reads the arguments of a command in any order; what is wrong is one line.

    Options may stand between other arguments.
    """

    def __init__(self, *, prog: str, description: str) -> None:
        super().__init__(prog=prog, description=description)

    def read(self, arguments: Sequence[str]) -> argparse.Namespace:
        """Return what the arguments say, or end the process where the command takes no such."""
        options, rest = self.parse_known_intermixed_args(arguments)
        if rest:
            unknown = [one for one in rest if one.startswith("-")] or rest
            known = [name for action in self._actions for name in action.option_strings]
            self.error(f"there is no argument {unknown[0]!r}.{nearest(unknown[0], known)}")
        return options

    def error(self, message: str) -> NoReturn:
        """End the process with status 2, as programs do, and one line."""
        said = message if message.endswith(("?", ".")) else f"{message}."
        line = visible(f"distexp: error: {self.prog}: {said} See {self.prog} --help.")
        self.exit(2, f"{line}\n")
