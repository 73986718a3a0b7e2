"""`distexp cache`: commands that look at a response cache and set it right.

A command is a module with `HELP`, `arguments(parser)` and `run(options)`, which returns the exit
code. Adding one takes a module and its line in `COMMANDS`.
"""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Protocol

from distexp.cli.cache import diff, explain, exporting, importing, merge, stats, verify


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
    "verify": verify,
    "explain": explain,
    "diff": diff,
    "merge": merge,
    "export": exporting,
    "import": importing,
}


def main(arguments: Sequence[str]) -> None:
    """Run `distexp cache COMMAND ...`."""
    parser = argparse.ArgumentParser(
        prog="distexp cache", description="Look at the cache of paid answers and set it right."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        of_command = commands.add_parser(name, help=command.HELP, description=command.HELP)
        command.arguments(of_command)
        of_command.set_defaults(run=command.run)
    options = parser.parse_args(arguments)
    try:
        code = options.run(options)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever reads has seen enough, as in `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    if code:
        sys.exit(code)
