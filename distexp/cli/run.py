"""`distexp [run]`: one job that Hydra composed, from its configuration to its report."""

import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException, InstantiationException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from distexp import __version__
from distexp.cli.commands import COMMANDS
from distexp.cli.elsewhere import DEFAULT, point_out
from distexp.cli.pages import page
from distexp.cli.telling import as_json, manner_of, told
from distexp.errors import ConfigError, DistexpError
from distexp.run_folder import claimed, take_away_left_by_killed
from distexp.sweep import launcher, typos
from distexp.sweep.command_line import chosen, options_and_settings, readable, refuse_words
from distexp.sweep.composed import check_parts
from distexp.terminal.once import said_once
from distexp.terminal.texts import relative, width
from distexp.trust import checked
from distexp.view import summary

ALONE = ("budget", "calls", "card", "dry_run", "figures", "progress", "retries")
"""Settings that stand in no group."""
_failures: list[str] = []
_manner = "brief"
"""How much is shown."""
_typed: list[str] = []
"""The command line before it was read."""


def run(arguments: list[str], name: str = "run") -> None:
    """Have Hydra run one job or a sweep, which ends in a list of the jobs that failed.

    Parameters
    ----------
    arguments : list of str
    name : str
        Of the command, for its help.
    """
    global _manner
    if {"--help", "-h"} & set(arguments):
        sys.stdout.write(page(name))
        return
    if "--version" in arguments:
        print(f"distexp {__version__}")
        return
    _manner, arguments = manner_of(arguments)
    summary.manner = _manner
    if _manner == "quiet" and not any(one.startswith("progress=") for one in arguments):
        arguments.append("progress=false")
    options, settings, sweep = options_and_settings(arguments, [*_groups(), *ALONE])
    groups = _groups()
    refuse_words(arguments, settings, COMMANDS, groups)
    settings = [chosen(readable(setting, sweep=sweep), groups) for setting in settings]
    _typed[:] = sys.argv[1:]
    sys.argv[1:] = [*options, *settings]
    launcher.register()
    of_cache = any(setting.startswith("cache") for setting in settings)
    if sweep and _manner != "quiet" and not of_cache and "DISTEXP_CACHE" not in os.environ:
        point_out(DEFAULT)
    shown = _manner != "quiet"
    try:
        with launcher.composed_once(options, settings), said_once(shown=shown):
            _job()
    except (HydraException, OmegaConfBaseException) as exc:
        raise typos.explained_alone(exc, settings, options) from exc
    if _manner != "quiet":
        for reminder in launcher.reminders:
            sys.stderr.write(f"distexp: {reminder}\n")
    if _failures or launcher.reports:
        sys.exit(told([*_failures[:1], *launcher.reports]))
    if launcher.reminders:
        sys.exit(1)


def fit(arguments: list[str]) -> None:
    """Run an experiment that has to write a card."""
    if not any(argument.startswith(("card=", "--help", "-h", "--cfg")) for argument in arguments):
        msg = "distexp fit writes a card of the calibrator. Say where: card=calibrator.json"
        raise ConfigError(msg)
    given = {argument.partition("=")[0] for argument in arguments}
    whole = given & {"--help", "-h", "--cfg", "experiment"}
    run(arguments if whole else with_one_of_each(arguments), "fit")


ONE = {"prompt": "sociodemographic", "calibrator": "[auto,blind]"}
"""What is chosen where one of each is wanted and the command line does not say; `blind` tells
what of it the model added."""


def with_one_of_each(arguments: Sequence[str]) -> list[str]:
    """Choose one prompt and one calibrator where the command line does not."""
    named = {argument.partition("=")[0].lstrip("+~") for argument in arguments}
    return [*arguments, *(f"{name}={one}" for name, one in ONE.items() if name not in named)]


def _groups() -> list[str]:
    """Return the groups of the configuration."""
    return [entry.name for entry in files("distexp.conf").iterdir() if entry.is_dir()]


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
        from distexp.sweep.typos import explained

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
    if config.get("out") is not None and HydraConfig.get().mode is RunMode.MULTIRUN:
        raise ConfigError(
            "Every job of a sweep would write the same file. Estimate one at a time."
        )
    settings = checked(config)
    check_parts(settings)
    experiment: Any = hydra.utils.instantiate(settings, _convert_="all")
    if experiment.use_card is not None:
        _estimate(experiment)
        return
    from distexp.sweep.job import current

    in_sweep = current()
    if in_sweep is None and _manner != "quiet" and experiment.cache.mode in ("use", "replay"):
        point_out(experiment.cache.path)
    outcome = experiment.run(in_sweep and in_sweep.runner(experiment, settings))
    if experiment.dry_run:
        _show_plan(outcome, experiment.budget)
        return
    _write(experiment, outcome, config, run_dir)
    if outcome.estimated is not None:
        _write_estimates(outcome.estimated, Path(experiment.out))
    if outcome.stopped is not None:
        raise DistexpError(f"The report is partial. {outcome.stopped}")
    if not any(result.scores for result in outcome.results):
        raise DistexpError(outcome.results[0].note)
    if experiment.card is not None:
        _write_card(Path(experiment.card), experiment.calibrator, outcome)


def _estimate(experiment: Any) -> None:
    """Estimate the open cases by a card, and show them."""
    from distexp.cli.by_card import by_its_card

    outcome: Any = by_its_card(experiment)
    if experiment.dry_run:
        _show_plan(outcome, experiment.budget)
        return
    made = experiment.purpose.of(outcome)
    calls = outcome.calls
    if _manner == "brief":
        from distexp.cli.showing import MOST_LINES, show_estimates

        show_estimates(made.text, MOST_LINES - 3)
    elif _manner == "full":
        print(f"{made.text}\n")
    _say(
        f"{calls.total} requests: {calls.hits} hits, {calls.misses} misses, "
        f"{calls.parse_errors} unreadable replies."
    )
    out = Path(experiment.out)
    _write_estimates(made.table, out)
    page = _write_page(experiment, made, calls)
    if _manner == "json":
        document = {"estimates": str(out), "rows": made.table.height, "page": str(page)}
        print(as_json(document | {"calls": asdict(calls)}))


def _write_page(experiment: Any, made: Any, calls: Any) -> Path:
    """Write the page of what a card estimates, or of what that is joined with or planned for."""
    from distexp.page.estimated import head
    from distexp.page.writing import write_estimates

    purpose, dataset = experiment.purpose, experiment.dataset
    files = {"card": experiment.use_card, "questions": getattr(dataset, "path", None)}
    files["pilot"] = purpose.pilot
    title = (
        "What do a few people and a model say together?" if purpose.pilot is not None
        else "Whom to ask what?" if purpose.respondents is not None
        else "What would they answer?"
    )  # fmt: skip
    page = write_estimates(
        Path(experiment.out).with_suffix(".html"),
        head(
            made.table,
            command=_typed,
            files={what: Path(path) for what, path in files.items() if path is not None},
            calls=calls,
        ),
        kind="distexp · estimates by a card",
        title=title,
        answer=made.answer,
    )
    _say(f"Page: {relative(page)}")
    return page


def _write_estimates(table: Any, path: Path) -> None:
    """Write the estimates of the open cases, a row a case and option."""
    from distexp.card.applying import write

    path.parent.mkdir(parents=True, exist_ok=True)
    write(table, path)
    what = "open case and option" if "option" in table.columns else "open case"
    _say(f"Estimates: {relative(path)}, {table.height} rows, one an {what}.")


def _write(experiment: Any, report: Any, config: DictConfig, run_dir: Path) -> None:
    """Write the report and show its tables."""
    settings = HydraConfig.get()
    overrides = OmegaConf.to_yaml(OmegaConf.create(list(settings.overrides.task)))
    report.write(
        run_dir,
        config=OmegaConf.to_yaml(config),
        overrides=overrides,
        figures=experiment.figures is True,
    )
    if experiment.view is not None:
        from distexp.view import base

        draw = experiment.figures
        if draw is None:  # a sweep ends in one figure; hundreds of them take longer than the sums
            draw = settings.mode is not RunMode.MULTIRUN
        base.write(experiment.view, base.Runs.read([run_dir]), run_dir, figure=draw)
    if settings.mode is not RunMode.MULTIRUN:  # the jobs of a sweep have one page together
        from distexp.page.writing import write

        write(run_dir)
    # The jobs of a sweep end in one table.
    if settings.mode is not RunMode.MULTIRUN or _manner != "brief":
        from distexp.cli.showing import show_run

        besides = (report.estimated is not None) + 3 * (experiment.card is not None)
        files = {"estimates": report.estimated is not None and experiment.out}
        files |= {"card": experiment.card}
        also = {what: str(file) for what, file in files.items() if file}
        show_run(report, run_dir, _manner, experiment.view, besides=besides, also=also)


def _say(text: str) -> None:
    """Print what belongs to no table."""
    if _manner in ("brief", "full"):
        print(text)


def _show_plan(plan: Any, budget: Any) -> None:
    """Print what a run would ask; the plans of a sweep's jobs are printed as one."""
    from distexp.report.forecast import Forecast
    from distexp.sweep.job import current
    from distexp.terminal.documents import laid_out

    in_sweep = current()
    if in_sweep is not None:
        in_sweep.plan = (plan, budget)
    elif _manner == "json":
        print(as_json(Forecast([plan]).document()))
    else:
        print("\n".join(laid_out(Forecast([plan]).text(budget), width())))


def _write_card(path: Path, calibrators: dict[str, Any], outcome: Any) -> None:
    """Fit the calibrator to all cases of the study, and write it with its scores."""
    from distexp.card.card import Card, chosen, the_one

    study = chosen(outcome.studies)
    (result,) = (r for s, r in zip(outcome.studies, outcome.results, strict=True) if s is study)
    if not result.scores:
        raise DistexpError(result.note)
    name, calibrator = the_one(calibrators)
    card = Card.fitted(name, calibrator, outcome.survey, study, result, outcome.evaluation)
    card.write(path)
    n = len(card.trained_on.questions)
    _say(f"Card: {path}, {name} of {n} questions. Calibrate other estimates:")
    _say(f"  distexp apply --card {path} --predictions FILE --out FILE")


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
