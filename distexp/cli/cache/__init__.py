"""`distexp cache`: commands that look at a response cache and set it right.

A command is a module with `HELP`, `arguments(parser)` and `run(options)`, which returns the exit
code. Adding one takes a module and its line in `COMMANDS`.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from typing import Protocol

from distexp.checks import nearest
from distexp.cli.cache import batches, diff, explain, exporting, importing, merge, stats, verify
from distexp.cli.parser import Parser
from distexp.errors import ConfigError


class Command(Protocol):
    """What the module of a command holds."""

    HELP: str
    """What it does, in one line."""

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the arguments that it takes."""

    def run(self, options: argparse.Namespace) -> int:
        """Do it, and return the exit code of the process."""


COMMANDS: Mapping[str, Command] = {
    "stats": stats,
    "batches": batches,
    "verify": verify,
    "explain": explain,
    "diff": diff,
    "merge": merge,
    "export": exporting,
    "import": importing,
}
MEANT = {"list": "stats", "show": "explain", "check": "verify", "ls": "stats"}
"""What other programs call them."""


def main(arguments: Sequence[str]) -> None:
    """Run `distexp cache COMMAND ...`.

    Raises
    ------
    ConfigError
        If there is no such command.
    """
    name = arguments[0] if arguments else ""
    if name in ("-h", "--help"):
        sys.stdout.write(_help())
        return
    if name not in COMMANDS:
        said = f"There is no command {f'cache {name}'.strip()!r}.{nearest(name, COMMANDS, MEANT)}"
        raise ConfigError(f"{said} The commands are {', '.join(COMMANDS)}.")
    command = COMMANDS[name]
    parser = Parser(prog=f"distexp cache {name}", description=command.HELP)
    command.arguments(parser)
    if code := command.run(parser.read(arguments[1:])):
        sys.exit(code)


def _help() -> str:
    lines = (f"    {name:10} {command.HELP}" for name, command in COMMANDS.items())
    return "\n".join(
        [
            "usage: distexp cache COMMAND ...",
            "",
            "Look at the cache of paid answers and set it right.",
            "",
            *lines,
            "",
        ]
    )
