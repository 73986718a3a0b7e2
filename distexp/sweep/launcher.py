"""How Hydra runs a sweep of distexp: its launcher and its sweeper.

Hydra's own launcher runs one job after the other, each by itself, and composes each twice. Here
all of them share one schedule of calls (`distexp.sweep`), and each is composed once, in a worker.
"""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from hydra._internal.hydra import Hydra
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn, JobStatus, configure_log, setup_globals
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, open_dict, read_write

from distexp import atomic
from distexp.checks import check_int
from distexp.errors import DistexpError
from distexp.report import markdown
from distexp.run_folder import FAILURES, claimed, take_away_left_by_killed
from distexp.sweep.command_line import in_quotes
from distexp.sweep.composed_job import ComposedJob, JobLauncher
from distexp.sweep.on_ray import HOME, RayLauncher
from distexp.visible import one_line, visible

if TYPE_CHECKING:  # they bring NumPy, which `--help` can do without
    from distexp.sweep.job import Task
    from distexp.sweep.sweep import Failure

N_SHOWN = 20
reports: list[str] = []
"""What went wrong in the sweeps of this process."""
reminders: list[str] = []
"""Likewise, where it was told before anything was asked."""


class OneScheduleLauncher(JobLauncher):
    """Runs the jobs of a sweep in worker processes, with one schedule for all their calls.

    Parameters
    ----------
    n_jobs : int, optional
        Jobs to analyse side by side; None is one for each core.
    """

    __module__ = HOME

    def __init__(self, n_jobs: int | None = None) -> None:
        if n_jobs is not None:
            check_int("hydra.launcher", "n_jobs", n_jobs, minimum=1)
        self._n_jobs = n_jobs or os.cpu_count() or 1

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        """Run the jobs; those that fail are in `failures`, and in `failures.md` of the sweep."""
        from distexp.sweep.sweep import Sweep
        from distexp.view import summary

        setup_globals()
        configure_log(self._master.hydra.hydra_logging, self._master.hydra.verbose)
        folder = Path(str(self._master.hydra.sweep.dir))
        folder.mkdir(parents=True, exist_ok=True)
        tasks = _tasks(job_overrides, initial_job_idx)

        def tell(failures: "Sequence[Failure]") -> None:
            said = _report(failures, tasks, "The others are asked for now.", folder)
            sys.stderr.write(f"distexp: error: {visible(said)}\n")

        shown = self._master.get("progress") is not False
        is_json = summary.manner == "json"
        job = ComposedJob(self._context, self._function, self._master)
        sweep = Sweep(job, self._n_jobs, tell, progress=shown, as_json=is_json)
        sweep.run(tasks)
        return _ended(sweep.failures, tasks, folder, asked=not sweep.refused, n_told=sweep.n_told)


class OneScheduleSweeper(Sweeper):
    """Hydra's own sweeper, but for composing every job in advance only to see whether it can be.

    The launcher composes each job before anything is asked, and tells which cannot be.

    Parameters
    ----------
    max_batch_size : int, optional
        Jobs that share one schedule of calls; None is all of them.
    params : mapping of str to str, optional
        What to sweep over besides the command line.
    """

    __module__ = HOME

    def __init__(self, max_batch_size: int | None, params: Mapping[str, str] | None) -> None:
        # Not before: Hydra, when it starts, makes another class of the same name.
        from hydra._internal.core_plugins.basic_sweeper import BasicSweeper

        class Unchecked(BasicSweeper):
            def validate_batch_is_legal(self, batch: object) -> None:
                pass

        self._claims = ExitStack()
        self._basic = Unchecked(max_batch_size, None if params is None else dict(params))

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        """Take what `sweep` needs."""
        ours = config.hydra.launcher.get("_target_") == f"{HOME}.{OneScheduleLauncher.__name__}"
        wanted = Path(str(config.hydra.sweep.dir))
        is_named = any(
            str(one).lstrip("+").startswith("hydra.sweep.dir=")
            for one in config.hydra.overrides.hydra
        )
        folder = self._claims.enter_context(claimed(wanted, or_another=not is_named))
        if not is_named:
            take_away_left_by_killed(folder)
        if not ours or folder != wanted:
            _fix_sweep_folder(config, folder if ours else folder.absolute())
        self._basic.setup(hydra_context=hydra_context, task_function=task_function, config=config)
        if not ours:
            assert self._basic.launcher is not None
            self._basic.launcher = _Reporting(self._basic.launcher, Path(config.hydra.sweep.dir))

    def sweep(self, arguments: list[str]) -> object:
        """Launch the jobs that the arguments are the product of."""
        with self._claims:
            return self._basic.sweep(arguments)


class _Reporting(Launcher):
    """Another's launcher, e.g. of Ray; what fails is told as by ours, and ends no sweep."""

    def __init__(self, launcher: Launcher, folder: Path) -> None:
        self._launcher = launcher
        self._folder = folder

    def setup(self, **_: object) -> None:
        """Do nothing: the other has been set up."""

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        """Have the other run the jobs, and note which of them failed."""
        from distexp.sweep.sweep import Failure

        returns = self._launcher.launch(job_overrides, initial_job_idx=initial_job_idx)
        tasks = _tasks(job_overrides, initial_job_idx)
        failures = [
            Failure(task=task, reason=_reason(ended._return_value))
            for task, ended in zip(tasks, returns, strict=True)
            if ended.status is JobStatus.FAILED
        ]
        return _ended(failures, tasks, self._folder)


def _fix_sweep_folder(config: DictConfig, folder: Path) -> None:
    """Give all jobs the folder of a sweep: absolute where they may be started elsewhere."""
    with read_write(config.hydra), open_dict(config.hydra):
        config.hydra.sweep.dir = str(folder)
        of_jobs = config.hydra.overrides.hydra
        of_jobs.append(f"hydra.sweep.dir={in_quotes(str(folder))}")


def _tasks(job_overrides: Sequence[Sequence[str]], first: int) -> "list[Task]":
    from distexp.sweep.job import Task

    return [
        Task(number=first + place, overrides=tuple(overrides))
        for place, overrides in enumerate(job_overrides)
    ]


def _reason(exc: BaseException) -> str:
    return str(exc) if isinstance(exc, DistexpError) else f"{type(exc).__name__}: {exc}"


def _ended(
    failures: "Sequence[Failure]",
    tasks: "Sequence[Task]",
    folder: Path,
    *,
    asked: bool = True,
    n_told: int = 0,
) -> list[JobReturn]:
    """Tell which jobs failed, in `reports` and in the folder of the sweep, and end all of them."""
    if not failures:
        (folder / FAILURES).unlink(missing_ok=True)  # of the same command before
    else:
        with atomic.file(folder / FAILURES) as made:
            text = "\n".join([*failure_table(failures, tasks), ""])
            made.write_text(text, encoding="utf-8")
        done = "The others are" if len(failures) < len(tasks) else "None is"
        others = (
            f"{done} complete. The same command goes on from there."
            if asked
            else "Nothing was asked for any of them. Mend these, or leave them out."
        )
        if len(failures) > n_told:
            reports.append(_report(failures, tasks, others, folder))
        else:
            reminders.append(
                f"{len(failures)} of {len(tasks)} jobs failed, see {folder / FAILURES}. The same "
                "command goes on from there."
            )
    return [JobReturn(overrides=task.overrides, status=JobStatus.COMPLETED) for task in tasks]


def _report(
    failures: "Sequence[Failure]", tasks: "Sequence[Task]", others: str, folder: Path
) -> str:
    """Say which jobs failed, in a line each, and last what that means for the others."""
    shown = failures[:N_SHOWN]
    said, first = [], dict[str, int]()
    for number, own, reason in _failed(shown, tasks):
        alike = first.setdefault(_without(own, reason), number)
        why = one_line(reason) if alike == number else f"as job {alike}."
        said.append(f"  job {number}, {one_line(own)}: {why}")
    if len({failure.reason for failure in failures}) == 1 < len(failures) == len(tasks):
        shown, said = failures, [f"  every job: {one_line(failures[0].reason)}"]
    more = len(failures) - len(shown)
    lines = [
        f"{len(failures)} of {len(tasks)} jobs failed:",
        *said,
        *([f"  and {more} more, in {folder / FAILURES}"] if more > 0 else []),
        others,
    ]
    return "\n".join(lines)


@contextmanager
def composed_once(options: Sequence[str], settings: Sequence[str]) -> Iterator[None]:
    """Have Hydra take the mode from the command line.

    It composes the whole configuration once more only to read `hydra.mode` from it, which no
    file of distexp sets.
    """
    own = any("config" in option for option in options)
    if own or any(setting.lstrip("+~").startswith("hydra.mode") for setting in settings):
        yield
        return
    composing = Hydra.get_mode
    setattr(Hydra, "get_mode", lambda *_, **__: None)  # noqa: B010 - mypy knows it as a method
    try:
        yield
    finally:
        setattr(Hydra, "get_mode", composing)  # noqa: B010


def register() -> None:
    """Make launcher and sweeper known to Hydra."""
    for plugin in (OneScheduleLauncher, OneScheduleSweeper, RayLauncher):
        Plugins.instance().register(plugin)


def _without(own: str, reason: str) -> str:
    """Return what went wrong without the values of a job's own settings."""
    for setting in own.split():
        name, _, value = setting.lstrip("+~").partition("=")
        reason = reason.replace(f"{name}={value}", name)
    return reason


def failure_table(failed: "Sequence[Failure]", tasks: "Sequence[Task]") -> list[str]:
    """Lay out which jobs failed, and why, as lines of Markdown.

    Parameters
    ----------
    failed : sequence of Failure
    tasks : sequence of Task
        All jobs of the sweep: what they have in common is left out.
    """
    rows = _failed(failed, tasks)
    return markdown.table(("job", "settings", "what went wrong"), rows, padded=False).splitlines()


def _failed(failed: "Sequence[Failure]", tasks: "Sequence[Task]") -> list[tuple[int, str, str]]:
    """Return the number of each job, the settings that not all jobs have, and what went wrong."""
    common = (
        set.intersection(*(set(task.overrides) for task in tasks)) if len(tasks) > 1 else set()
    )
    rows = []
    for one in failed:
        own = " ".join(setting for setting in one.task.overrides if setting not in common)
        own = own.replace("\\:", ":")  # Hydra escapes what need not be
        rows.append((one.task.number, own, one.reason))
    return rows
