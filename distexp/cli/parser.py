"""How a command beside a run reads its arguments."""

import argparse
from collections.abc import Sequence
from typing import NoReturn

from distexp.checks import nearest
from distexp.errors import ConfigError


class Parser(argparse.ArgumentParser):
    """Reads the arguments of a command in any order; what is wrong is one line.

    Options may stand between other arguments.
    """

    def __init__(self, *, prog: str, description: str) -> None:
        super().__init__(prog=prog, description=description)

    def read(self, arguments: Sequence[str]) -> argparse.Namespace:
        """Return what the arguments say.

        Raises
        ------
        ConfigError
            If they are not what the command takes.
        """
        options, rest = self.parse_known_intermixed_args(arguments)
        if rest:
            unknown = [one for one in rest if one.startswith("-")] or rest
            known = [name for action in self._actions for name in action.option_strings]
            self.error(f"there is no argument {unknown[0]!r}.{nearest(unknown[0], known)}")
        return options

    def error(self, message: str) -> NoReturn:
        """Raise what is wrong."""
        said = message if message.endswith(("?", ".")) else f"{message}."
        raise ConfigError(f"{self.prog}: {said} See {self.prog} --help.")
