"""One job of a sweep run as Hydra does, in whichever process and on whichever machine."""

from pathlib import Path
from typing import TYPE_CHECKING

from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn, JobStatus, env_override
from hydra.errors import HydraException
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf, open_dict, read_write
from omegaconf.errors import OmegaConfBaseException

from distexp.sweep.composer import Composer
from distexp.sweep.typos import explained

if TYPE_CHECKING:  # it brings NumPy, which `--help` can do without
    from distexp.sweep.job import Task


class JobLauncher(Launcher):
    """What every launcher of such jobs keeps until there are jobs."""

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        """Take what `launch` needs."""
        self._context = hydra_context
        self._function = task_function
        self._master = config


class ComposedJob:
    """Composes and runs the jobs of one sweep, one after the other.

    Parameters
    ----------
    context : HydraContext
    function : callable
        What Hydra has to run.
    master : DictConfig
        The configuration of the sweep.
    """

    def __init__(self, context: HydraContext, function: TaskFunction, master: DictConfig) -> None:
        self._context = context
        self._function = function
        self._composer = Composer(context.config_loader, master)

    def __call__(self, task: "Task") -> None:
        """Run one job.

        Raises
        ------
        DistexpError
            If it cannot be composed, or does not come to its end.
        """
        try:
            config = self._composed(task)
            HydraConfig.instance().set_config(config)
            with env_override(OmegaConf.to_container(config.hydra.job.env_set)):
                self._context.callbacks.on_job_start(config=config, task_function=self._function)
                with read_write(config), open_dict(config):
                    settings = config.pop("hydra")
                    self._function(config)
                    config.hydra = settings
                ended = JobReturn(overrides=task.overrides, status=JobStatus.COMPLETED)
                self._context.callbacks.on_job_end(config=config, job_return=ended)
        except (HydraException, OmegaConfBaseException) as exc:
            raise explained(exc, self._context.config_loader, task.overrides) from exc

    def _composed(self, task: "Task") -> DictConfig:
        from distexp.sweep.job import NotComposedError

        try:
            config = self._composer.job(task.overrides)
        except (HydraException, OmegaConfBaseException) as exc:
            why = explained(exc, self._context.config_loader, task.overrides)
            raise NotComposedError(str(why)) from exc
        with read_write(config.hydra), open_dict(config.hydra):
            config.hydra.job.id = config.hydra.job.num = task.number
            folder = Path(str(config.hydra.sweep.dir)) / str(config.hydra.sweep.subdir)
            config.hydra.runtime.output_dir = str(folder.absolute())
        folder.mkdir(parents=True, exist_ok=True)
        return config
