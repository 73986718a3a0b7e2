"""The command `distexp`: do what its first word says, and say what went wrong."""

import ctypes
import gc
import io
import os
import signal
import sys
from types import FrameType

from distexp.asking.uncollected import GARBAGE
from distexp.cli.commands import COMMANDS
from distexp.cli.later import stand_in
from distexp.cli.telling import told
from distexp.errors import DistexpError
from distexp.visible import VisibleStream

__all__ = ("COMMANDS", "main")

M_ARENA_MAX = -8
"""As in glibc's `malloc.h`."""
HELP = {"--help", "-h"}

_ended_by: int | None = None
"""The signal that ended the run, where it was not Ctrl-C."""


def main() -> None:
    """Run the command line: a run, or one of the commands beside it."""
    gc.set_threshold(*GARBAGE)
    stand_in()
    _one_heap()
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if isinstance(stream, io.TextIOWrapper):
            setattr(sys, name, VisibleStream(stream, escape=name == "stdout"))
        elif stream is None:  # closed, as by `>&-`
            setattr(sys, name, open(os.devnull, "w"))  # noqa: PTH123, SIM115
    _end_in_order()
    # Hydra would print its own trace and end; errors are to reach the lines below instead.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    try:
        code = _command(sys.argv[1:])
        sys.stdout.flush()
        if code:
            sys.exit(code)
    except _for_people() as exc:
        sys.exit(told([str(exc)]))
    except BrokenPipeError:
        raise
    except OSError as exc:  # of the folder of a run, which Hydra makes
        sys.exit(told([f"{exc}. Set hydra.run.dir to a folder that can be written."]))
    except KeyboardInterrupt:
        sys.stderr.write(
            "\ndistexp: interrupted. What was answered is kept; the same command goes on.\n"
        )
        sys.exit(128 + (_ended_by or signal.SIGINT))


def _one_heap() -> None:
    """Let glibc keep what threads free for all of them, before there are any.

    With a heap each, fits of many cases in two threads take a fifth more memory at most.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(M_ARENA_MAX, 1)


def _for_people() -> tuple[type[Exception], ...]:
    """Return the errors that are told in a line: ours, and Hydra's where it is loaded at all."""
    if "hydra" not in sys.modules:
        return (DistexpError,)
    import yaml
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    return DistexpError, HydraException, OmegaConfBaseException, yaml.YAMLError


def _end_in_order() -> None:
    """Have what ends a process from outside, as Slurm does, keep what Ctrl-C keeps."""

    def end(number: int, frame: FrameType | None) -> None:
        global _ended_by  # noqa: PLW0603 - a signal handler returns nothing
        _ended_by = number
        by_ctrl_c = signal.getsignal(signal.SIGINT)  # asyncio's own, while calls are made
        if callable(by_ctrl_c):
            by_ctrl_c(signal.SIGINT, frame)
        else:
            raise KeyboardInterrupt

    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        if signal.getsignal(number) is signal.SIG_DFL:  # nohup has one ignored
            signal.signal(number, end)


def _command(arguments: list[str]) -> int | None:
    """Do what the first word says, and return the exit code."""
    if arguments and arguments[0] in COMMANDS:
        return COMMANDS[arguments[0]](arguments[1:])
    if HELP & set(arguments):
        from distexp.cli.overview import overview

        sys.stdout.write(overview(arguments))
        return 0
    return COMMANDS["run"](arguments)
