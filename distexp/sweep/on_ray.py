"""How a sweep runs on a Ray cluster: its jobs wherever there is room, each asking for itself."""

import functools
import os
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from socket import create_connection
from typing import Any

from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn, JobStatus, configure_log, setup_globals

from distexp.errors import ConfigError, DistexpError
from distexp.sweep.composed_job import ComposedJob, JobLauncher
from distexp.sweep.display import Display

HOME = "hydra_plugins.distexp"
"""Hydra takes plugins only from below `hydra_plugins`, by their name."""
LOOK_EVERY_S = 1.0
ANSWERS_WITHIN_S = 10.0


class RayLauncher(JobLauncher):
    """Runs the jobs of a sweep on a Ray cluster.

    A job whose node or process dies is begun anew elsewhere, by default up to three times, and
    finds its answers in the cache. What then still fails is told of that job alone.

    Parameters
    ----------
    ray : mapping
        `init`, what `ray.init` is given, and `remote`, what each job needs: the options of
        `ray.remote`, such as `num_cpus`, `memory` in bytes, and `max_retries`.
    """

    __module__ = HOME

    def __init__(self, ray: Mapping[str, Mapping[str, object]]) -> None:
        self._init = dict(ray.get("init") or {})
        wanted = ray.get("remote") or {}
        self._remote = {name: value for name, value in wanted.items() if value is not None}

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        """Run the jobs, and return what became of each.

        Raises
        ------
        ConfigError
            If there is no Ray, or no cluster at the address.
        """
        from distexp.sweep.job import Task

        ray = _ray()
        setup_globals()
        configure_log(self._master.hydra.hydra_logging, self._master.hydra.verbose)
        Path(str(self._master.hydra.sweep.dir)).mkdir(parents=True, exist_ok=True)
        self._connect(ray)
        # Sent once, and read once by each process; in a list, Ray hands on the reference alone.
        shared = [ray.put((self._context, self._function, self._master, Singleton.get_state()))]
        run = ray.remote(**self._remote)(_run) if self._remote else ray.remote(_run)
        tasks = [
            Task(number=initial_job_idx + place, overrides=tuple(overrides))
            for place, overrides in enumerate(job_overrides)
        ]
        running = {run.remote(shared, task): task for task in tasks}
        ended: dict[int, str] = {}
        display = Display(len(tasks), shown=self._master.get("progress") is not False)
        while running:
            over, _ = ray.wait(list(running), timeout=LOOK_EVERY_S)
            ended |= {running.pop(one).number: _outcome(ray, one) for one in over}
            display.tick(len(ended), 0)
        display.clear()
        return [_returned(task.overrides, ended[task.number]) for task in tasks]

    def _connect(self, ray: Any) -> None:
        if ray.is_initialized():
            return
        where = self._init.get("address")
        try:
            if isinstance(where, str) and (port := where.rpartition(":")[2]).isdecimal():
                # Ray itself would wait for minutes.
                create_connection((where.rpartition(":")[0], int(port)), ANSWERS_WITHIN_S).close()
            ray.init(**self._init)
        except (OSError, RuntimeError, ValueError) as exc:
            msg = f"There is no Ray cluster at {where}: {exc}. Start one with `ray start --head`."
            raise ConfigError(msg) from exc


def _ray() -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        return import_module("ray")
    except ModuleNotFoundError as exc:
        msg = "Ray is not installed. Install it from the source: pip install -e '.[ray]'"
        raise ConfigError(msg) from exc


@functools.lru_cache(1)
def _job(ref: Any) -> ComposedJob:
    """Return what runs the jobs of a sweep in this process, which keeps what it composed."""
    context, function, master, state = _ray().get(ref)
    setup_globals()
    Singleton.set_state(state)
    return ComposedJob(context, function, master)


def _run(shared: Sequence[Any], task: Any) -> str:
    """Run a job on its node, and return what went wrong with it, if anything."""
    try:
        _job(shared[0])(task)
    except DistexpError as exc:
        return str(exc)
    return ""


def _outcome(ray: Any, ended: Any) -> str:
    """Return what went wrong with a job, also where that ended its process."""
    try:
        reason: str = ray.get(ended)
    except ray.exceptions.RayTaskError as exc:  # a mistake of the program
        return f"{type(exc.cause).__name__}: {exc.cause}"
    except ray.exceptions.RayError as exc:
        return f"{type(exc).__name__}: {exc}"
    return reason


def _returned(overrides: Sequence[str], reason: str) -> JobReturn:
    returned = JobReturn(overrides=overrides, status=JobStatus.COMPLETED)
    if reason:
        returned.status, returned.return_value = JobStatus.FAILED, DistexpError(reason)
    return returned
