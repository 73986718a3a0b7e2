"""`distexp list`: what there is to choose."""

from collections.abc import Sequence
from pathlib import Path

from distexp.cli.choices import GROUPS, choices, group_of, groups
from distexp.cli.parser import Parser
from distexp.cli.telling import as_json
from distexp.terminal.texts import padded, places, width, wrapped
from distexp.visible import one_line


def main(arguments: Sequence[str]) -> None:
    """Run `distexp list [GROUP] [--config-dir FOLDER] [--json]`.

    Raises
    ------
    ConfigError
        If there is no such group.
    """
    parser = Parser(
        prog="distexp list",
        description="List the choices of a group, a sentence each: models, datasets, "
        "elicitations, prompts, calibrators, views, experiments, metrics; or the groups.",
    )
    parser.add_argument("group", nargs="?", metavar="GROUP")
    parser.add_argument("--config-dir", type=Path, metavar="FOLDER", help="of your own files")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.read(arguments)
    found = _found(options.group, options.config_dir)
    if options.json:
        print(as_json(found, indent=2))
        return
    wide = max((places(one_line(name)) for name in found), default=0)
    for name, said in found.items():
        first, *more = wrapped(said, width() - wide - 2)
        print(f"{padded(one_line(name), wide)}  {first}".rstrip())
        print("".join(f"{'':{wide + 2}}{line}\n" for line in more), end="")


def _found(group: str | None, folder: Path | None) -> dict[str, str]:
    if group is None:
        return {name: GROUPS.get(name, "your own") for name in groups(folder)}
    if group in ("metric", "metrics"):
        from distexp.metrics.names import METRICS

        return {metric.key: metric.label for metric in METRICS}
    return choices(group_of(group, folder), folder)
