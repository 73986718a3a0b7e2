"""The command `distexp`: compose the configuration, run the experiment, say what went wrong."""

import contextlib
import io
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import hydra
import yaml
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException, InstantiationException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from distexp.errors import ConfigError, DistexpError
from distexp.launcher import one_line
from distexp.sweep.job import current
from distexp.trust import checked

COMMANDS = {
    "summarize": "distexp.summary.main",
    "apply": "distexp.apply.main",
    "cache": "distexp.cache_command.main",
    "bundle": "distexp.bundle.command.bundle",
    "reproduce": "distexp.bundle.command.reproduce",
}
"""What is done by the commands that Hydra has no part in; only the one chosen is imported."""

_failures: list[str] = []


def main() -> None:
    """Run the command line: Hydra's, or one of the commands beside it."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # what a terminal has no character for
    # Hydra would print its own trace and end; errors are to reach the lines below instead.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    try:
        if sys.argv[1:2] and sys.argv[1] in COMMANDS:
            if code := _command(sys.argv[1])(sys.argv[2:]):
                sys.exit(code)
            return
        if sys.argv[1:2] == ["fit"]:
            sys.argv[1:] = _with_card(sys.argv[2:])
        _hydra()
    except DistexpError as exc:
        sys.exit(f"distexp: error: {exc}")
    except (HydraException, OmegaConfBaseException, yaml.YAMLError) as exc:
        sys.exit(f"distexp: error: {one_line(exc)}")
    except KeyboardInterrupt:
        sys.stderr.write(
            "\ndistexp: interrupted. What was answered is kept; the same command goes on.\n"
        )
        sys.exit(130)


def _command(name: str) -> Callable[[Sequence[str]], int | None]:
    """Return what takes the arguments of a command, and returns the exit code if it is not 0."""
    module, _, function = COMMANDS[name].rpartition(".")
    command: Callable[[Sequence[str]], int | None] = getattr(import_module(module), function)
    return command


def _hydra() -> None:
    """Have Hydra run one job or a sweep, which ends in a table of the jobs that failed."""
    from distexp import launcher

    launcher.register()
    _job()
    if _failures:
        sys.exit(f"distexp: error: {_failures[0]}")
    if launcher.reports:
        sys.exit("\n".join(f"distexp: error: {report}" for report in launcher.reports))


def _with_card(arguments: list[str]) -> list[str]:
    """Return the arguments of `distexp fit`, which is a run that has to write a card."""
    if not any(argument.startswith(("card=", "--help", "--cfg")) for argument in arguments):
        msg = "distexp fit writes a card of the calibrator. Say where: card=calibrator.json"
        raise ConfigError(msg)
    return arguments


@hydra.main(version_base="1.3", config_path="pkg://distexp.conf", config_name="config")
def _job(config: DictConfig) -> None:
    """Run one job of Hydra's."""
    run_dir = Path(HydraConfig.get().runtime.output_dir)
    try:
        _run(config, run_dir)
    except DistexpError as exc:
        _fail(exc)
    except (InstantiationException, OmegaConfBaseException) as exc:
        _fail(DistexpError(one_line(exc)))
    finally:
        with contextlib.suppress(OSError):  # Hydra made the folder; without results it goes again
            run_dir.rmdir()


def _fail(exc: DistexpError) -> None:
    """Note why a run failed; Hydra would print its own lines about it. A sweep notes it itself."""
    if HydraConfig.get().mode is RunMode.MULTIRUN:
        raise exc
    _failures.append(str(exc))


def _run(config: DictConfig, run_dir: Path) -> None:
    if config.get("card") is not None and HydraConfig.get().mode is RunMode.MULTIRUN:
        raise ConfigError("Every job of a sweep would write the same card. Fit one run at a time.")
    settings = checked(config)
    experiment: Any = hydra.utils.instantiate(settings, _convert_="all")
    in_sweep = current()
    outcome = experiment.run(in_sweep and in_sweep.runner(experiment, settings))
    if experiment.dry_run:
        _show_plan(outcome, experiment.budget)
        return
    overrides = OmegaConf.create(list(HydraConfig.get().overrides.task))
    outcome.write(
        run_dir, config=OmegaConf.to_yaml(config), overrides=OmegaConf.to_yaml(overrides)
    )
    calls = outcome.calls
    print(outcome.markdown())
    if experiment.view is not None:
        from distexp.view import base

        print(f"\n### {experiment.view.name}\n")
        print(base.write(experiment.view, base.Runs.read([run_dir]), run_dir))
    print(
        f"\n{calls.total} requests: {calls.hits} hits, {calls.misses} misses, "
        f"{calls.parse_errors} unreadable replies. Report: {_relative(run_dir / 'report.md')}"
    )
    if outcome.stopped is not None:
        raise DistexpError(f"The report is partial. {outcome.stopped}")
    if not any(result.scores for result in outcome.results):
        raise DistexpError(outcome.results[0].note)
    if experiment.card is not None:
        _write_card(Path(experiment.card), experiment.calibrator, outcome)


def _show_plan(plan: Any, budget: Any) -> None:
    """Print what a run would ask; the plans of a sweep's jobs are printed as one."""
    from distexp.forecast import Forecast

    in_sweep = current()
    if in_sweep is not None:
        in_sweep.plan = (plan, budget)
    else:
        print(Forecast([plan]).text(budget))


def _write_card(path: Path, calibrators: dict[str, Any], outcome: Any) -> None:
    """Fit the calibrator to all cases of the study, and write it with its scores."""
    from distexp.card import Card, chosen

    study = chosen(outcome.studies)
    (result,) = (r for s, r in zip(outcome.studies, outcome.results, strict=True) if s is study)
    if not result.scores:
        raise DistexpError(result.note)
    ((name, calibrator),) = calibrators.items()
    card = Card.fitted(name, calibrator, outcome.survey, study, result, outcome.evaluation)
    card.write(path)
    print(
        f"Card: {path}, {name} of {len(card.trained_on.questions)} questions. Calibrate other "
        f"estimates: distexp apply --card {path} --predictions FILE --out FILE"
    )


def _relative(path: Path) -> Path:
    """Shorten a path below the caller's folder."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
