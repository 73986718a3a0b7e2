"""`distexp [run]`: one job that Hydra composed, from its configuration to its report."""

import contextlib
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import InstantiationException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from distexp.cli.main import _check_parts, _folder
from distexp.errors import ConfigError, DistexpError
from distexp.run_folder import REPORT
from distexp.sweep.job import current
from distexp.trust import checked

_failures: list[str] = []


@hydra.main(version_base="1.3", config_path="pkg://distexp.conf", config_name="config")
def _job(config: DictConfig) -> None:
    """Run one job of Hydra's."""
    settings = HydraConfig.get()
    made = Path(settings.runtime.output_dir)
    try:
        with _folder(made, settings) as run_dir:
            _run(config, run_dir)
    except DistexpError as exc:
        _fail(exc)
    except (InstantiationException, OmegaConfBaseException) as exc:
        from distexp.typos import explained

        _fail(explained(exc, None, ()))
    finally:
        with contextlib.suppress(OSError):  # Hydra made the folder; without results it goes again
            made.rmdir()


def _fail(exc: DistexpError) -> None:
    """Note why a run failed; Hydra would print its own lines about it. A sweep notes it itself."""
    if HydraConfig.get().mode is RunMode.MULTIRUN:
        raise exc
    _failures.append(str(exc))


def _run(config: DictConfig, run_dir: Path) -> None:
    if config.get("card") is not None and HydraConfig.get().mode is RunMode.MULTIRUN:
        raise ConfigError("Every job of a sweep would write the same card. Fit one run at a time.")
    settings = checked(config)
    _check_parts(settings)
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
        f"{calls.parse_errors} unreadable replies. Report: {_relative(run_dir / REPORT)}"
    )


def _show_plan(plan: Any, budget: Any) -> None:
    """Print what a run would ask; the plans of a sweep's jobs are printed as one."""
    from distexp.report.forecast import Forecast

    in_sweep = current()
    if in_sweep is not None:
        in_sweep.plan = (plan, budget)
    else:
        print(Forecast([plan]).text(budget))


def _write_card(path: Path, calibrators: dict[str, Any], outcome: Any) -> None:
    """Fit the calibrator to all cases of the study, and write it with its scores."""
    from distexp.card.card import Card, chosen

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
