"""The command `distexp`: compose the configuration, run the experiment, say what went wrong."""

import contextlib
import os
import sys
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
from distexp.trust import checked

_failures: list[str] = []
"""What went wrong in which job: one bad job does not keep a sweep from the others."""


def main() -> None:
    """Run the command line: Hydra's, or one of the commands beside it."""
    # Hydra would print its own trace and end; errors are to reach the lines below instead.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    try:
        if sys.argv[1:2] == ["summarize"]:
            from distexp import summary

            summary.main(sys.argv[2:])
        elif sys.argv[1:2] == ["apply"]:
            from distexp import apply

            apply.main(sys.argv[2:])
        elif sys.argv[1:2] == ["fit"]:
            sys.argv[1:] = _with_card(sys.argv[2:])
            _job()
        else:
            _job()
    except DistexpError as exc:
        sys.exit(f"distexp: error: {exc}")
    except (HydraException, OmegaConfBaseException, yaml.YAMLError) as exc:
        sys.exit(f"distexp: error: {_one_line(exc)}")
    except KeyboardInterrupt:
        sys.stderr.write(
            "\ndistexp: interrupted. What was answered is kept; the same command goes on.\n"
        )
        sys.exit(130)
    if _failures:
        sys.exit("\n".join(_failures))


def _with_card(arguments: list[str]) -> list[str]:
    """Return the arguments of `distexp fit`, which is a run that has to write a card."""
    if not any(argument.startswith(("card=", "--help", "--cfg")) for argument in arguments):
        msg = "distexp fit writes a card of the calibrator. Say where: card=calibrator.json"
        raise ConfigError(msg)
    return arguments


@hydra.main(version_base="1.3", config_path="pkg://distexp.conf", config_name="config")
def _job(config: DictConfig) -> None:
    """Run one job of Hydra's and note what the user can mend as one line."""
    run_dir = Path(HydraConfig.get().runtime.output_dir)
    try:
        _run(config, run_dir)
    except DistexpError as exc:
        _failures.append(f"distexp: error: {_which_job()}{exc}")
    except (InstantiationException, OmegaConfBaseException) as exc:
        _failures.append(f"distexp: error: {_which_job()}{_one_line(exc)}")
    finally:
        with contextlib.suppress(OSError):  # Hydra made the folder; without results it goes again
            run_dir.rmdir()


def _run(config: DictConfig, run_dir: Path) -> None:
    if config.get("card") is not None and HydraConfig.get().mode is RunMode.MULTIRUN:
        raise ConfigError("Every job of a sweep would write the same card. Fit one run at a time.")
    experiment: Any = hydra.utils.instantiate(checked(config), _convert_="all")
    outcome = experiment.run()
    if experiment.dry_run:
        print(
            f"{outcome.n_requests} requests: {outcome.n_hits} hits, {outcome.n_misses} misses. "
            "Nothing was asked (dry_run=true)."
        )
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
    if not any(result.scores for result in outcome.results):
        raise DistexpError(outcome.results[0].note)
    if experiment.card is not None:
        _write_card(Path(experiment.card), experiment.calibrator, outcome)


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


def _which_job() -> str:
    """Name the job of a sweep; nothing for a single run."""
    settings = HydraConfig.get()
    if settings.mode is not RunMode.MULTIRUN:
        return ""
    return f"job {settings.job.num} ({settings.job.override_dirname}): "


def _one_line(exc: BaseException) -> str:
    """Say an error of Hydra's in one line, or ours where it is behind it."""
    cause = exc.__cause__
    if isinstance(cause, DistexpError):
        return str(cause)
    lines = [line.strip() for line in str(exc).split("\n\nConfig search path")[0].splitlines()]
    return " ".join(line for line in lines if line and not line.startswith("provider="))


def _relative(path: Path) -> Path:
    """Shorten a path below the caller's folder."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
