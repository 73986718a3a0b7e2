"""`distexp codebook`: commands that make a codebook of a data file and compare the two.

A command is a module with `HELP`, `arguments(parser)` and `run(options)`, which returns the exit
code. Adding one takes a module and its line in `COMMANDS`.
"""

import argparse
import os
import sys
from collections.abc import Sequence

from distexp.cli.codebook import check, draft

COMMANDS = {"draft": draft, "check": check}


def main(arguments: Sequence[str]) -> None:
    """Run `distexp codebook COMMAND ...`."""
    parser = argparse.ArgumentParser(
        prog="distexp codebook", description="Make a codebook of a survey's file, and check it."
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
