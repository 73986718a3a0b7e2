"""The command `distexp`: compose the configuration, run the experiment, say what went wrong."""

import contextlib
import io
import os
import sys
from collections.abc import Callable
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

_failures: list[str] = []


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
    except KeyboardInterrupt:
        sys.stderr.write(
            "\ndistexp: interrupted. What was answered is kept; the same command goes on.\n"
        )
        sys.exit(130)


def _summarize(arguments: list[str]) -> None:
    from distexp import summary

    summary.main(arguments)


def _apply(arguments: list[str]) -> None:
    from distexp import apply

    apply.main(arguments)


def _cache(arguments: list[str]) -> None:
    from distexp import cache_command

    cache_command.main(arguments)


def _bundle(arguments: list[str]) -> None:
    from distexp.bundle import command

    command.bundle(arguments)


def _reproduce(arguments: list[str]) -> int:
    from distexp.bundle import command

    return command.reproduce(arguments)


def _fit(arguments: list[str]) -> None:
    """Run an experiment that has to write a card."""
    if not any(argument.startswith(("card=", "--help", "--cfg")) for argument in arguments):
        msg = "distexp fit writes a card of the calibrator. Say where: card=calibrator.json"
        raise ConfigError(msg)
    _hydra(arguments)


def _hydra(arguments: list[str]) -> None:
    """Have Hydra run one job or a sweep, which ends in a table of the jobs that failed."""
    from distexp import launcher

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
    "fit": _fit,
    "reproduce": _reproduce,
    "summarize": _summarize,
}
"""What stands beside a run: the first word of the command line."""


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
    _write(experiment, outcome, config, run_dir)
    if outcome.stopped is not None:
        raise DistexpError(f"The report is partial. {outcome.stopped}")
    if not any(result.scores for result in outcome.results):
        raise DistexpError(outcome.results[0].note)
    if experiment.card is not None:
        _write_card(Path(experiment.card), experiment.calibrator, outcome)


def _write(experiment: Any, report: Any, config: DictConfig, run_dir: Path) -> None:
    """Write the report and show its tables."""
    settings = HydraConfig.get()
    draw = experiment.figures
    if draw is None:  # a sweep ends in one figure; hundreds of them take longer than the sums
        draw = settings.mode is not RunMode.MULTIRUN
    overrides = OmegaConf.to_yaml(OmegaConf.create(list(settings.overrides.task)))
    report.write(run_dir, config=OmegaConf.to_yaml(config), overrides=overrides, figures=draw)
    print(report.markdown())
    if experiment.view is not None:
        from distexp.view import base

        print(f"\n### {experiment.view.name}\n")
        print(base.write(experiment.view, base.Runs.read([run_dir]), run_dir, figure=draw))
    calls = report.calls
    print(
        f"\n{calls.total} requests: {calls.hits} hits, {calls.misses} misses, "
        f"{calls.parse_errors} unreadable replies. Report: {_relative(run_dir / 'report.md')}"
    )


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
