"""How a command beside a run reads its arguments."""

import argparse
from collections.abc import Sequence
from typing import NoReturn

from distexp.checks import nearest
from distexp.visible import visible


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
