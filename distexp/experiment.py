"""The whole flow, from a survey to a report: read `Experiment.run` from top to bottom."""

from collections.abc import Mapping, Sequence
from contextlib import closing

from distexp.asking.budget import Budget
from distexp.asking.interview import Interview
from distexp.asking.plan import Plan
from distexp.asking.runner import Runner
from distexp.cache import Cache
from distexp.card.card import check_fit
from distexp.checks import check_bool, check_int, check_text, parameter_error
from distexp.evaluation.evaluation import Evaluation
from distexp.evaluation.stacking import Stack
from distexp.evaluation.transfer import TRANSFERS, check_transfer, transferred
from distexp.protocols import Calibrator, Dataset, Elicitation, Model, PromptStyle
from distexp.report.calls import Calls
from distexp.report.report import Report
from distexp.tuning.optuna import OptunaTuning
from distexp.types import (
    Study,
    Survey,
)
from distexp.view.base import View


class Experiment:
    """One model, one elicitation, one survey; one or several prompt styles and calibrators.

    Parameters
    ----------
    model : Model
    dataset : Dataset
    elicitation : Elicitation
    prompt : mapping of str to PromptStyle
        Each style is asked, calibrated and scored by itself, on the same splits.
    calibrator : mapping of str to Calibrator
        Scored on the same splits, so that their differences are paired; may be empty.
    cache : Cache
    evaluation : Evaluation
    retries : int
        How often an unreadable reply is asked for again, with another draw. What is unreadable is
        counted all the same. More than 0 favours the answers that are easy to read.
    predictors : sequence of mapping
        Stacks of estimates, each with the keys of `distexp.evaluation.stacking.Stack`. A stack is
        one more study: its uncalibrated estimate is the plain mean of its members, and
        calibrators see each of them.
    transfer : {"model", "elicitation", "dataset"}, optional
        Adds, to the calibrators of each study, the same calibrators learnt on every other study
        that differs from it in this alone; see `distexp.evaluation.transfer`.
    tuning : OptunaTuning, optional
        How settings are searched. Calibrators that search hold it themselves (`${tuning}` in
        their files); here it is only checked.
    view : View, optional
        Adds a table and a figure to the run, and to the sweep that it is part of.
    card : str, optional
        File that the calibrator, of which there must be one, is written to after it is fitted to
        all cases; see `distexp.card.card`. `Experiment.run` only checks that it can be.
    budget : Budget, optional
        What calls may take, over all jobs of a sweep together. Where it is spent, what was
        answered is scored, and the report says that it is partial.
    figures : bool, optional
        Whether the run is to be drawn, where it is written; None draws a single run, and of a
        sweep the whole. `Experiment.run` only checks it.
    dry_run : bool
        Whether to stop at the plan.
    progress : bool
        Whether to show progress on standard error.
    """

    def __init__(
        self,
        *,
        model: Model,
        dataset: Dataset,
        elicitation: Elicitation,
        prompt: Mapping[str, PromptStyle],
        calibrator: Mapping[str, Calibrator],
        cache: Cache,
        evaluation: Evaluation,
        retries: int = 0,
        predictors: Sequence[object] = (),
        transfer: str | None = None,
        tuning: OptunaTuning | None = None,
        view: View | None = None,
        card: str | None = None,
        budget: Budget | None = None,
        figures: bool | None = None,
        dry_run: bool = False,
        progress: bool = True,
    ) -> None:
        _check_kinds(model, dataset, elicitation, cache, evaluation)
        _check_named("prompt", prompt, PromptStyle)
        _check_named("calibrator", calibrator, Calibrator)
        if not prompt:
            raise parameter_error("Experiment", "prompt", "at least one prompt style", prompt)
        if tuning is not None and not isinstance(tuning, OptunaTuning):
            raise parameter_error("Experiment", "tuning", "a file of the group tuning", tuning)
        check_int("Experiment", "retries", retries, minimum=0)
        if card is not None:
            check_text("Experiment", "card", card)
        if budget is not None and not isinstance(budget, Budget):
            raise parameter_error("Experiment", "budget", "limits on usd, calls, tokens", budget)
        if figures is not None:
            check_bool("Experiment", "figures", figures)
        check_bool("Experiment", "dry_run", dry_run)
        check_bool("Experiment", "progress", progress)
        self.model = model
        self.dataset = dataset
        self.elicitation = elicitation
        self.prompt = prompt
        self.calibrator = calibrator
        self.cache = cache
        self.evaluation = evaluation
        self.retries = retries
        if isinstance(predictors, str) or not isinstance(predictors, Sequence):
            raise parameter_error("Experiment", "predictors", "a list of stacks", predictors)
        self.predictors = [Stack.read(entry) for entry in predictors]
        if transfer not in (None, *TRANSFERS):
            wanted = f"null or one of {', '.join(TRANSFERS)}"
            raise parameter_error("Experiment", "transfer", wanted, transfer)
        self.transfer = transfer
        self.view = view
        self.card = card
        self.budget = budget or Budget()
        self.figures = figures
        self.dry_run = dry_run
        self.progress = progress

    def run(self, runner: Runner | None = None) -> Plan | Report:
        """Ask, read, calibrate and score.

        Parameters
        ----------
        runner : Runner, optional
            Who answers; by default one that asks the model for what the cache lacks.

        Returns
        -------
        Plan or Report
            The plan where `dry_run` is set.

        Raises
        ------
        DistexpError
            With what is wrong and what to do. What was paid for is in the cache by then.
        """
        survey = self.dataset.load()
        interview = Interview(
            survey=survey,
            model=self.model,
            elicitation=self.elicitation,
            prompt=self.prompt,
            retries=self.retries,
        )
        self._check(survey, interview)
        runner = runner or Runner(
            self.model, self.cache, progress=self.progress, budget=self.budget
        )
        with closing(self.cache):
            if self.dry_run:
                return interview.plan(runner)
            asked = interview.run(runner)

        singles = survey.studies or asked.studies
        studies = [*singles, *(of for one in self.predictors for of in one.studies(singles))]
        results = [self.evaluation.run(s, self._methods(s, singles)) for s in studies]

        return Report(
            survey=survey,
            studies=studies,
            results=results,
            unreadable=asked.unreadable,
            calls=Calls.count(asked.answers.values(), n_unreadable=len(asked.unreadable)),
            request_keys=tuple(sorted(asked.answers)),
            models=asked.models,
            evaluation=self.evaluation,
            stopped=runner.stopped,
        )

    def _check(self, survey: Survey, interview: Interview) -> None:
        """Raise `DistexpError` for every mistake that can be found without a call."""
        for study in survey.studies:
            self.evaluation.splits(study.cases)
        cases = survey.studies[0].cases if survey.studies else survey.cases
        self.evaluation.check(cases, self.calibrator)
        expected = survey.studies or interview.expected()
        check_transfer(expected, self.transfer)
        stacked = [of for one in self.predictors for of in one.studies(expected)]
        if self.card is not None:
            check_fit(self.calibrator, [*expected, *stacked])

    def _methods(self, study: Study, singles: Sequence[Study]) -> dict[str, Calibrator]:
        """Return the calibrators and, if `transfer` is set, those learnt on other studies."""
        elsewhere = transferred(
            study, singles, self.calibrator, self.evaluation, along=self.transfer
        )
        return {**self.calibrator, **elsewhere}


def _check_kinds(
    model: object, dataset: object, elicitation: object, cache: object, evaluation: object
) -> None:
    """Raise `ConfigError` where a part is of another kind than its group."""
    for group, part, kind in (
        ("model", model, Model),
        ("dataset", dataset, Dataset),
        ("elicitation", elicitation, Elicitation),
        ("cache", cache, Cache),
        ("evaluation", evaluation, Evaluation),
    ):
        if not isinstance(part, kind):
            raise parameter_error("Experiment", group, f"a file of the group {group}", part)


def _check_named(group: str, parts: object, kind: type) -> None:
    """Raise `ConfigError` unless it is a mapping of names to parts of a kind."""
    if not isinstance(parts, Mapping) or not all(isinstance(p, kind) for p in parts.values()):
        wanted = f"one or several files of the group {group}, each under its name"
        raise parameter_error("Experiment", group, wanted, parts)
