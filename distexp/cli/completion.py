"""`distexp completion`: what makes a shell complete commands, groups, choices and settings."""

import sys
from collections.abc import Iterator, Sequence

from distexp.cli.choices import choices, folder_of, groups
from distexp.cli.commands import COMMANDS
from distexp.cli.parser import Parser
from distexp.cli.telling import MANNERS

SHELLS = {
    "bash": """\
_distexp() {
  local IFS=$'\\n' word="${COMP_LINE:0:COMP_POINT}"
  word="${word##* }"
  COMPREPLY=($(distexp completion --of "${COMP_LINE:0:COMP_POINT}" 2>/dev/null))
  if [[ "$word" == *=* && "$COMP_WORDBREAKS" == *=* ]]; then
    COMPREPLY=("${COMPREPLY[@]#"${word%"${word##*=}"}"}")
  fi
  [[ "${COMPREPLY[0]}" == *= ]] && compopt -o nospace
}
complete -o default -F _distexp distexp
""",
    "zsh": """\
#compdef distexp
_distexp() {
  local -a found
  found=("${(@f)$(distexp completion --of "${BUFFER[1,CURSOR]}" 2>/dev/null)}")
  compadd -S '' -- $found || _files
}
compdef _distexp distexp
""",
    "fish": """\
complete -c distexp -f -a '(distexp completion --of (commandline -cp))'
complete -c distexp -F -n 'string match -q "*path=*" -- (commandline -ct)'
""",
}
HOW = {
    "bash": 'eval "$(distexp completion bash)"    # in ~/.bashrc',
    "zsh": 'eval "$(distexp completion zsh)"    # in ~/.zshrc, after compinit',
    "fish": "distexp completion fish | source    # in ~/.config/fish/config.fish",
}
OPTIONS = ("--multirun", "--cfg", "--config-dir", "--help", "--version", *MANNERS)
OF_COMMANDS = {
    "apply": ("--card", "--predictions", "--out", "--coverage"),
    "summarize": ("--view", "--out"),
    "list": ("--json", "--config-dir"),
    "doctor": ("--json", "--path"),
}
BELOW = {
    "cache": ("stats", "verify", "explain", "diff", "merge", "export", "import"),
    "codebook": ("draft", "check"),
    "completion": tuple(SHELLS),
}
SETTINGS = ("run", "fit", "predict", "show")
"""Commands that take settings."""
LISTS = ("prompt", "calibrator")
"""Groups of which a list may be chosen."""


def main(arguments: Sequence[str]) -> None:
    """Run `distexp completion SHELL`."""
    parser = Parser(
        prog="distexp completion",
        description="Print what makes a shell complete the words of distexp: "
        + "; ".join(HOW.values()).replace("    #", " "),
    )
    parser.add_argument("shell", nargs="?", choices=tuple(SHELLS), metavar="bash|zsh|fish")
    parser.add_argument("--of", metavar="LINE", help="print what may stand at the end of a line")
    options = parser.read(arguments)
    if options.of is not None:
        sys.stdout.write("".join(f"{one}\n" for one in completed(options.of)))
    elif options.shell is None:
        sys.stdout.write("".join(f"{line}\n" for line in HOW.values()))
    else:
        sys.stdout.write(SHELLS[options.shell])


def completed(line: str) -> list[str]:
    """Return the words that may end a command line that begins so.

    Examples
    --------
    >>> completed("distexp pre")
    ['predict']
    >>> completed("distexp cache=")
    ['cache=disk', 'cache=redis']
    """
    words = line.split(" ")
    word, before = words[-1], [one for one in words[1:-1] if one]
    return [one for one in dict.fromkeys(_possible(word, before)) if one.startswith(word)]


def _possible(word: str, before: Sequence[str]) -> Iterator[str]:
    command = before[0] if before and before[0] in COMMANDS else "run"
    if not before:
        yield from COMMANDS
    if command in BELOW and len(before) == 1:
        yield from BELOW[command]
    if command == "list" and len(before) == 1:
        yield from (f"{name}s" for name in groups(folder_of(before)))
    if command in OF_COMMANDS:
        yield from OF_COMMANDS[command]
    if command == "show" and len(before) == 1:
        yield "prompt"
    if command in SETTINGS:
        yield from _settings(word, before)


def _settings(word: str, before: Sequence[str]) -> Iterator[str]:
    """Yield options, groups with their choices, and the settings of the choices made."""
    yield from OPTIONS
    folder = folder_of(before)
    group, equals, value = word.partition("=")
    known = groups(folder)
    if not equals:
        yield from (f"{name}=" for name in [*known, *ALONE])
        if "." in group:
            yield from _below(group, before)
        return
    if group in known:
        begun = value[: max(value.rfind(","), value.rfind("[")) + 1]
        yield from (f"{group}={begun}{name}" for name in choices(group, folder))
    elif group in ("dry_run", "figures", "progress"):
        yield from (f"{group}={name}" for name in ("true", "false"))


ALONE = ("dry_run", "figures", "progress", "retries", "card", "questions", "out")
"""Settings that stand in no group."""


def _below(name: str, before: Sequence[str]) -> Iterator[str]:
    """Yield the settings beside a name, in the configuration that the words before it make."""
    from omegaconf import DictConfig

    from distexp.errors import DistexpError
    from distexp.sweep.composed import composed

    parent = name.rpartition(".")[0]
    chosen = [one for one in before if one.partition("=")[0] in groups() and "," not in one]
    try:
        node: object = composed(chosen, folder=folder_of(before))
    except DistexpError:
        return
    for key in parent.split("."):
        if not isinstance(node, DictConfig) or node._get_node(key) is None:
            return
        node = node[key]
    if isinstance(node, DictConfig):
        for key in node:
            ends = "." if isinstance(node._get_node(key), DictConfig) else "="
            yield f"{parent}.{key}{ends}"
