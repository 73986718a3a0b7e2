"""`distexp --help`: the commands, and the groups with their choices."""

import textwrap
from collections.abc import Sequence
from pathlib import Path

from distexp.cli.choices import GROUPS, choices, folder_of, groups
from distexp.cli.commands import COMMANDS

WIDTH = 100
EXIT_CODES = """\
exit codes:
  0    done
  1    an error, told in one line on standard error; or a job of a sweep failed
  2    the arguments of a command could not be read
  130  interrupted, 143 ended from outside: what was answered is kept, the same command goes on
"""


def overview(arguments: Sequence[str] = ()) -> str:
    """Return the help of `distexp`; with the choices of `--config-dir`, where one is named."""
    folder = folder_of(arguments)
    commands = [f"  {name:<11} {command.help}" for name, command in COMMANDS.items()]
    return "\n".join(
        [
            "distexp - how close does a language model come to the answers of human groups?",
            "",
            "usage: distexp [run] [SETTING ...] [-m] [-v | --quiet | --json]",
            "       distexp COMMAND ...         distexp COMMAND --help says more",
            "",
            "commands:",
            *commands,
            "",
            "groups and their choices, given as GROUP=CHOICE; distexp list GROUP describes each:",
            *(line for group in groups(folder) for line in _group(group, folder)),
            "",
            "examples:",
            "  distexp model=gpt-4o elicitation=verbalized dry_run=true",
            "  distexp -m elicitation=logprobs,verbalized dataset=gss2018,cces2016",
            "  distexp --cfg job    every setting, each with its unit",
            "",
            EXIT_CODES,
        ]
    )


def _group(name: str, folder: Path | None) -> list[str]:
    names = ", ".join(choices(name, folder))
    return [
        f"  {name}: {GROUPS.get(name, 'your own')}",
        *textwrap.wrap(
            names,
            WIDTH,
            initial_indent=" " * 6,
            subsequent_indent=" " * 6,
            break_on_hyphens=False,
        ),
    ]
