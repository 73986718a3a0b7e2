"""Asking a model about a survey, and what can be done with its answers."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distexp.api.cards import Fitted
from distexp.api.evaluated import Evaluated
from distexp.api.parts import Names, below, configured
from distexp.api.surveys import Survey
from distexp.asking.answers import Answer
from distexp.asking.interview import Interviewed
from distexp.asking.plan import Plan
from distexp.asking.runner import Runner
from distexp.card.card import Card, chosen, the_one
from distexp.checks import nearest
from distexp.errors import ConfigError, DistexpError
from distexp.prompt.spoken import plain_name
from distexp.report.calls import Calls
from distexp.report.forecast import Forecast
from distexp.request import Request
from distexp.sweep.composed import made
from distexp.terminal.documents import laid_out
from distexp.types import Study

PROMPTS = ("base", "sociodemographic")
PREFERRED = "sociodemographic"
"""The prompt that a card is of where several were asked, as of `distexp predict`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """What is asked how: a survey, and choices and settings of the other groups."""

    survey: Survey
    choices: Mapping[str, Names]
    settings: Mapping[str, object]
    folder: str | Path | None

    def experiment(
        self,
        calibrators: Names = (),
        settings: Mapping[str, object] | None = None,
        **choices: Names,
    ) -> Any:
        """Make the experiment that the command line would make, and its configuration."""
        calibrators = _names(calibrators)
        choices = {
            "dataset": self.survey.name,
            **self.choices,
            "calibrator": calibrators,
            **choices,
        }
        values = {**self.survey.settings, **self.settings, **(settings or {})}
        config = configured(choices, values, self.folder)
        return config, made(config)


class Given(Runner):
    """Answers from what was asked before, and asks for the rest as any runner does."""

    def __init__(self, runner: Runner, given: Mapping[str, Answer], stopped: str | None) -> None:
        super().__init__(runner.model, runner.cache, processes=1)  # most is given
        self.stopped = stopped
        self._given = given

    def _known(self, requests: Sequence[Request]) -> dict[str, Answer]:
        given = {one.key: self._given[one.key] for one in requests if one.key in self._given}
        return given | super()._known([one for one in requests if one.key not in given])


class Run:
    """A model's answers to the questions of a survey; made by `distexp.ask`."""

    def __init__(self, asking: Asking, asked: Interviewed, stopped: str | None) -> None:
        self._asking = asking
        self._asked = asked
        self._stopped = stopped

    @property
    def studies(self) -> tuple[Study, ...]:
        """The estimates, one study for each prompt; or those that came with the survey."""
        return self._asking.survey.load().studies or self._asked.studies

    @property
    def calls(self) -> Calls:
        """How many requests there were, and what became of them."""
        unreadable = len(self._asked.unreadable)
        return Calls.count(self._asked.answers.values(), n_unreadable=unreadable)

    def evaluate(
        self,
        calibrators: Names = ("auto", "ridge", "blind"),
        *,
        settings: Mapping[str, object] | None = None,
        **evaluation: object,
    ) -> Evaluated:
        """Score the answers, as they are and calibrated, beside the baselines.

        Parameters
        ----------
        calibrators : str or sequence of str
            Choices of the group `calibrator`.
        settings : mapping of str to object, optional
            By their names, e.g. `{"calibrator.ridge.regressor.alpha": 3}`.
        **evaluation
            Settings of the group `evaluation`, e.g. `n_splits=20`.

        Raises
        ------
        DistexpError
            As `distexp run`.
        """
        values = {**below("evaluation", evaluation), **(settings or {})}
        config, experiment = self._asking.experiment(calibrators, values)
        return self._evaluated(config, experiment)

    def fit(
        self,
        calibrator: str = "auto",
        *,
        prompt: str | None = None,
        settings: Mapping[str, object] | None = None,
        **evaluation: object,
    ) -> Fitted:
        """Fit a calibrator to all answers, with its scores on held-out questions.

        Parameters
        ----------
        calibrator : str
        prompt : str, optional
            Whose answers, where several prompts were asked: `sociodemographic` if not given.
        settings, **evaluation
            As of `evaluate`.

        Raises
        ------
        ConfigError
            If it cannot be told which prompt is meant, or the calibrator cannot be written.
        DistexpError
            As `distexp fit`.
        """
        if not isinstance(calibrator, str):
            raise ConfigError(f"One calibrator is fitted, as 'auto'. Got {calibrator!r}.")
        values = {**below("evaluation", evaluation), **(settings or {})}
        recorded = bool(self._asking.survey.load().studies)
        choices: dict[str, Names] = {} if recorded else {"prompt": [self._prompt(prompt)]}
        names = list(dict.fromkeys([calibrator, "blind"]))  # tells what the model adds
        config, experiment = self._asking.experiment(names, values, **choices)
        report = self._evaluated(config, experiment).report
        study = chosen(report.studies)
        (result,) = (r for s, r in zip(report.studies, report.results, strict=True) if s is study)
        if not result.scores:
            raise DistexpError(result.note)
        name, fitted = the_one(experiment.calibrator)
        card = Card.fitted(name, fitted, report.survey, study, result, report.evaluation)

        def asking(path: Path) -> Any:
            _, made_anew = self._asking.experiment(settings={"questions": str(path)}, **choices)
            return made_anew

        return Fitted(card, None if recorded else asking)

    def _evaluated(self, config: Any, experiment: Any) -> Evaluated:
        experiment.dataset = self._asking.survey
        runner = Given(experiment.runner(), self._asked.answers, self._stopped)
        return Evaluated(experiment.run(runner), config)

    def _prompt(self, name: str | None) -> str:
        """Return the choice of the group `prompt`: tables add language and wording in brackets."""
        there = {
            study.condition.prompt: plain_name(study.condition.prompt) for study in self.studies
        }
        if name is None:
            if len(there) == 1 or PREFERRED in there.values():
                return PREFERRED if PREFERRED in there.values() else next(iter(there.values()))
            msg = f"A card is of one prompt, and here are {', '.join(there)}: prompt=NAME."
            raise ConfigError(msg)
        if name not in (*there, *there.values()):
            msg = (
                f"Prompt {name!r} was not asked.{nearest(name, there)} Asked: {', '.join(there)}."
            )
            raise ConfigError(msg)
        return there.get(name, name)

    def __repr__(self) -> str:
        calls = self.calls
        estimates = [one for study in self.studies for one in study.estimates]
        n_lost = sum(one.reading is None for one in estimates)
        named = "; ".join(
            f"{one.condition.model}, {one.condition.elicitation}, prompt {one.condition.prompt}"
            for one in self.studies[:3]
        )
        return (
            f"{self._asking.survey!r}\nasked of {named}\n{len(estimates)} estimates, {n_lost} "
            f"missing; {calls.total} requests: {calls.hits} hits, {calls.misses} misses"
        )


def ask(
    survey: Survey,
    *,
    model: str = "smollm2",
    elicitation: str = "logprobs",
    prompt: Names = PROMPTS,
    cache: str | Path | None = None,
    progress: bool = True,
    settings: Mapping[str, object] | None = None,
    config_dir: str | Path | None = None,
) -> Run:
    """Ask a model about a survey; what the cache has is not asked again.

    Parameters
    ----------
    survey : distexp.api.surveys.Survey
        Of `distexp.survey`.
    model, elicitation : str
        Choices of these groups.
    prompt : str or sequence of str
        Choices of the group `prompt`.
    cache : path, optional
        Folder of the cache; that of the command line if not given.
    progress : bool
        Whether to show progress on standard error.
    settings : mapping of str to object, optional
        Any other by its name, e.g. `{"model.api_base": "http://127.0.0.1:8000/v1",
        "budget.usd": 5, "cache.mode": "replay"}`.
    config_dir : path, optional
        Folder of one's own YAML files.

    Raises
    ------
    DistexpError
        As the command line. What was paid for is in the cache by then.
    """
    asking = _asking(survey, model, elicitation, prompt, cache, progress, settings, config_dir)
    _, experiment = asking.experiment()
    record = survey.load()
    interview = experiment.interview(record)
    experiment.check(record, interview)
    runner = experiment.runner()
    with closing(experiment.cache):
        asked = interview.run(runner)
    return Run(asking, asked, runner.stopped)


NOTEBOOK = 80
"""Characters of a line in a notebook."""


class Planned:
    """What would be asked; made by `distexp.forecast`."""

    def __init__(self, plan: Plan, budget: Any) -> None:
        self.n_requests, self.n_hits, self.n_misses = (
            plan.n_requests, plan.n_hits, plan.n_misses,
        )  # fmt: skip
        self._text = "\n".join(laid_out(Forecast([plan]).text(budget), NOTEBOOK))

    def __repr__(self) -> str:
        return self._text


def forecast(
    survey: Survey,
    *,
    model: str = "smollm2",
    elicitation: str = "logprobs",
    prompt: Names = PROMPTS,
    cache: str | Path | None = None,
    settings: Mapping[str, object] | None = None,
    config_dir: str | Path | None = None,
) -> Planned:
    """Say what `ask` would ask and what it would cost, without a call; arguments as there.

    Raises
    ------
    DistexpError
        As the command line.
    """
    asking = _asking(survey, model, elicitation, prompt, cache, False, settings, config_dir)
    _, experiment = asking.experiment()
    interview = experiment.interview(survey.load())
    with closing(experiment.cache):
        return Planned(interview.plan(experiment.runner()), experiment.budget)


def _asking(
    survey: Survey,
    model: str,
    elicitation: str,
    prompt: Names,
    cache: str | Path | None,
    progress: bool,
    settings: Mapping[str, object] | None,
    config_dir: str | Path | None,
) -> Asking:
    if not isinstance(survey, Survey):
        msg = f"A survey is asked about, as distexp.survey(NAME) makes one. Got {survey!r}."
        raise ConfigError(msg)
    prompts = _names(prompt)
    values = {"progress": progress, **(settings or {})}
    if cache is not None:
        values["cache.path"] = cache
    return Asking(
        survey=survey,
        choices={"model": model, "elicitation": elicitation, "prompt": prompts},
        settings=values,
        folder=config_dir or survey.folder,
    )


def _names(given: object) -> list[Any]:
    """Return the names of a list, or the one that is given."""
    if isinstance(given, str) or not isinstance(given, Iterable):
        return [given]  # what is no name is told by whoever looks for its file
    return list(given)
