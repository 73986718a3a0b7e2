"""`distexp list`: what there is to choose."""

from collections.abc import Sequence
from pathlib import Path

from distexp.cli.choices import GROUPS, choices, group_of, groups
from distexp.cli.parser import Parser
from distexp.visible import one_line

WIDTH = 100


def main(arguments: Sequence[str]) -> None:
    """Run `distexp list [GROUP] [--config-dir FOLDER] [--json]`.

    Raises
    ------
    ConfigError
        If there is no such group.
    """
    parser = Parser(
        prog="distexp list",
        description="List the choices of a group, a line each: models, datasets, elicitations, "
        "prompts, calibrators, views, experiments, metrics; without a group, the groups.",
    )
    parser.add_argument("group", nargs="?", metavar="GROUP")
    parser.add_argument("--config-dir", type=Path, metavar="FOLDER", help="of your own files")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.read(arguments)
    found = _found(options.group, options.config_dir)
    if options.json:
        import json

        print(json.dumps(found, indent=2, ensure_ascii=False))
        return
    wide = max(map(len, found), default=0)
    for name, said in found.items():
        print(_cut(f"{one_line(name):<{wide}}  {one_line(said)}".rstrip()))


def _found(group: str | None, folder: Path | None) -> dict[str, str]:
    if group is None:
        return {name: GROUPS.get(name, "your own") for name in groups(folder)}
    if group in ("metric", "metrics"):
        from distexp.metrics.names import METRICS

        return {metric.key: metric.label for metric in METRICS}
    return choices(group_of(group, folder), folder)


def _cut(line: str) -> str:
    return line if len(line) <= WIDTH else f"{line[: WIDTH - 1]}…"
