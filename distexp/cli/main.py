"""The command `distexp`: compose the configuration, run the experiment, say what went wrong."""

import contextlib
import io
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, NoReturn

import yaml
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf.errors import OmegaConfBaseException

from distexp import __version__
from distexp.checks import parameter_error
from distexp.cli.run import _failures, _job
from distexp.command_line import chosen, options_and_settings, readable, refuse_words
from distexp.errors import ConfigError, DistexpError
from distexp.run_folder import claimed, take_away_left_by_killed
from distexp.visible import VisibleStream, one_line, visible


def main() -> None:
    """Run the command line: Hydra's, or one of the commands beside it."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if isinstance(stream, io.TextIOWrapper):
            setattr(sys, name, VisibleStream(stream, escape=name == "stdout"))
        elif stream is None:  # closed, as by `>&-`
            setattr(sys, name, open(os.devnull, "w"))  # noqa: PTH123, SIM115
    # Hydra would print its own trace and end; errors are to reach the lines below instead.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    try:
        code = _command(sys.argv[1:])
        sys.stdout.flush()
        sys.exit(code)
    except (DistexpError, yaml.YAMLError) as exc:
        _end([str(exc)])
    except KeyboardInterrupt:
        sys.stderr.write(
            "\ndistexp: interrupted. What was answered is kept; the same command goes on.\n"
        )
        sys.exit(130)


def _command(arguments: list[str]) -> int | None:
    """Do what the first word says, and return the exit code."""
    command = COMMANDS.get(arguments[0]) if arguments else None
    if command is not None:
        return command(arguments[1:])
    _hydra(arguments)
    return None


def _end(errors: Sequence[str]) -> NoReturn:
    """Say what went wrong, in a line each, but for tables."""
    told = [one if "\n| " in one else one_line(one) for one in errors]
    sys.exit("\n".join(f"distexp: error: {visible(one)}" for one in told))


def _summarize(arguments: list[str]) -> None:
    from distexp.view import summary

    summary.main(arguments)


def _apply(arguments: list[str]) -> None:
    from distexp.card import applying as apply

    apply.main(arguments)


def _cache(arguments: list[str]) -> None:
    from distexp.cli import cache as cache_command

    cache_command.main(arguments)


def _bundle(arguments: list[str]) -> None:
    from distexp.cli import bundle as command

    command.bundle(arguments)


def _reproduce(arguments: list[str]) -> int:
    from distexp.cli import bundle as command

    return command.reproduce(arguments)


def _fit(arguments: list[str]) -> None:
    """Run an experiment that has to write a card."""
    if not any(argument.startswith(("card=", "--help", "--cfg")) for argument in arguments):
        msg = "distexp fit writes a card of the calibrator. Say where: card=calibrator.json"
        raise ConfigError(msg)
    _hydra(arguments)


def _hydra(arguments: list[str]) -> None:
    """Have Hydra run one job or a sweep, which ends in a table of the jobs that failed."""
    from distexp import typos
    from distexp.sweep import launcher

    if "--version" in arguments:
        print(f"distexp {__version__}")
        return
    options, settings, sweep = options_and_settings(arguments)
    groups = _groups()
    refuse_words(arguments, settings, COMMANDS, groups)
    settings = [chosen(readable(setting, sweep=sweep), groups) for setting in settings]
    sys.argv[1:] = [*options, *settings]
    launcher.register()
    try:
        with typos.private_hidden(options):
            _job()
    except (HydraException, OmegaConfBaseException) as exc:
        raise typos.explained_alone(exc, settings, options) from exc
    for reminder in launcher.reminders:
        print(f"\n{reminder}")
    if _failures or launcher.reports:
        _end([*_failures[:1], *launcher.reports])
    if launcher.reminders:
        sys.exit(1)


def _groups() -> list[str]:
    """Return the groups of the configuration."""
    return [entry.name for entry in files("distexp.conf").iterdir() if entry.is_dir()]


COMMANDS: dict[str, Callable[[list[str]], int | None]] = {
    "apply": _apply,
    "bundle": _bundle,
    "cache": _cache,
    "fit": _fit,
    "reproduce": _reproduce,
    "summarize": _summarize,
}
"""What stands beside a run: the first word of the command line."""


@contextlib.contextmanager
def _folder(made: Path, settings: Any) -> Iterator[Path]:
    """Return the folder of a run, which is of no other; those of a sweep's jobs are."""
    if settings.mode is RunMode.MULTIRUN:
        yield made
        return
    is_named = any(
        one.lstrip("+").startswith("hydra.run.dir=") for one in settings.overrides.hydra
    )
    with claimed(made, or_another=not is_named) as folder:
        if not is_named:
            take_away_left_by_killed(folder)
        yield folder


def _check_parts(settings: Mapping[str, object]) -> None:
    """Refuse a part that is no choice of its group, e.g. null.

    Raises
    ------
    ConfigError
        Says which.
    """
    for name in ("model", "dataset", "elicitation", "cache", "evaluation", "budget"):
        part = settings.get(name)
        if not isinstance(part, Mapping) or "_target_" not in part:
            if name == "budget" and part is None:
                continue
            wanted = "null or limits" if name == "budget" else f"a choice of the group {name!r}"
            raise parameter_error("Experiment", name, wanted, part)
    for name in ("prompt", "calibrator"):
        parts = settings.get(name)
        each = parts.values() if isinstance(parts, Mapping) else [None]
        if not all(isinstance(part, Mapping) for part in each):
            raise parameter_error("Experiment", name, f"choices of the group {name!r}", parts)
