"""The command `distexp`: compose the configuration, run the experiment, say what went wrong."""

import io
import os
import sys
from collections.abc import Callable

import yaml
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from distexp.cli.run import _failures, _job
from distexp.errors import ConfigError, DistexpError
from distexp.sweep.launcher import one_line


def main() -> None:
    """Run the command line: Hydra's, or one of the commands beside it."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # what a terminal has no character for
    # Hydra would print its own trace and end; errors are to reach the lines below instead.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    try:
        command = COMMANDS.get(sys.argv[1]) if len(sys.argv) > 1 else None
        if command is None:
            _hydra(sys.argv[1:])
        else:
            sys.exit(command(sys.argv[2:]))
    except DistexpError as exc:
        sys.exit(f"distexp: error: {exc}")
    except (HydraException, OmegaConfBaseException, yaml.YAMLError) as exc:
        sys.exit(f"distexp: error: {one_line(exc)}")
    except BrokenPipeError:
        raise
    except OSError as exc:  # of the folder of a run, which Hydra makes
        sys.exit(f"distexp: error: {exc}. Set hydra.run.dir to a folder that can be written.")
    except KeyboardInterrupt:
        sys.stderr.write(
            "\ndistexp: interrupted. What was answered is kept; the same command goes on.\n"
        )
        sys.exit(130)


def _summarize(arguments: list[str]) -> None:
    from distexp.view import summary

    summary.main(arguments)


def _apply(arguments: list[str]) -> None:
    from distexp.card import applying as apply

    apply.main(arguments)


def _cache(arguments: list[str]) -> None:
    from distexp.cli import cache as cache_command

    cache_command.main(arguments)


def _codebook(arguments: list[str]) -> None:
    from distexp import codebook_command

    codebook_command.main(arguments)


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
    from distexp.sweep import launcher

    sys.argv[1:] = arguments
    launcher.register()
    _job()
    if _failures:
        sys.exit(f"distexp: error: {_failures[0]}")
    if launcher.reports:
        sys.exit("\n".join(f"distexp: error: {report}" for report in launcher.reports))


COMMANDS: dict[str, Callable[[list[str]], int | None]] = {
    "apply": _apply,
    "bundle": _bundle,
    "cache": _cache,
    "codebook": _codebook,
    "fit": _fit,
    "reproduce": _reproduce,
    "summarize": _summarize,
}
"""What stands beside a run: the first word of the command line."""
