"""The whole flow, from a survey to a report: read `Experiment.run` from top to bottom."""

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

from distexp.asking.budget import Budget
from distexp.asking.interview import Interview
from distexp.asking.plan import Plan, discount
from distexp.asking.runner import Runner
from distexp.asking.worded import as_worded
from distexp.cache import Cache
from distexp.card.band import DEFAULT_COVERAGE
from distexp.card.card import check_fit
from distexp.card.estimates import check_answered, check_open, check_wanted, of_report
from distexp.card.purpose import Purpose
from distexp.checks import (
    check_bool,
    check_int,
    check_optional,
    check_part,
    check_parts,
    parameter_error,
)
from distexp.dataset.population import Population
from distexp.dataset.questions import with_questions
from distexp.evaluation.evaluation import Evaluation
from distexp.evaluation.layout import answered, answered_survey
from distexp.evaluation.stacking import read_stacks
from distexp.evaluation.transfer import check_transfer, known, transferred
from distexp.prompt.spoken import without_words
from distexp.protocols import Calibrator, Dataset, Elicitation, Model, PromptStyle
from distexp.report.calls import Calls
from distexp.report.report import Report
from distexp.tuning.optuna import OptunaTuning
from distexp.types import Survey
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
        How often an unreadable reply, counted all the same, is asked for again with another draw.
    predictors : sequence of mapping
        Stacks of estimates, each one more study; see `distexp.evaluation.stacking.Stack`.
    transfer : {"model", "elicitation", "dataset"}, optional
        Adds the same calibrators learnt on other studies; see `distexp.evaluation.transfer`.
    tuning : OptunaTuning, optional
        Calibrators that search hold it themselves (`${tuning}`); here it is only checked.
    view : View, optional
        Adds a table and a figure to the run, and to the sweep that it is part of.
    questions : str, optional
        A questionnaire asked besides the dataset, and not scored; see `distexp.dataset.questions`.
    card : str, optional
        File that the one calibrator is written to, fitted to all cases; here it is only checked.
    use_card : str, optional
        Card that `distexp predict` estimates the open cases by, in place of a run.
    out : str, optional
        File of what `Experiment.run` then estimates of the open cases by the one calibrator.
    coverage : float
        Of the bands, one of `distexp.card.band.COVERAGES`.
    topic : {"auto", "same", "new"}
        What the open questions are about; see `distexp.card.applying.calibrated`.
    population : Population, optional
        What groups weigh together, and which of them are put together in place of everyone.
    purpose : Purpose, optional
        A pilot that the estimates are joined with, or how many people can be asked.
    budget : Budget, optional
        What calls may take, in all jobs of a sweep together; once spent, a report is partial.
    calls : {"live", "batch"}
        Whether models are asked call by call, or in batches: half the price, within a day.
    figures : bool, optional
        Whether a run is drawn as SVG where it is written; None draws its view alone.
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
        questions: str | None = None,
        card: str | None = None,
        use_card: str | None = None,
        out: str | None = None,
        coverage: float = DEFAULT_COVERAGE,
        topic: str = "auto",
        population: Population | None = None,
        purpose: Purpose | None = None,
        budget: Budget | None = None,
        calls: str = "live",
        figures: bool | None = None,
        dry_run: bool = False,
        progress: bool = True,
    ) -> None:
        check_part("Experiment", "model", model, Model)
        check_part("Experiment", "dataset", dataset, Dataset)
        check_part("Experiment", "elicitation", elicitation, Elicitation)
        check_part("Experiment", "cache", cache, Cache)
        check_part("Experiment", "evaluation", evaluation, Evaluation)
        prompt, self.worded = without_words(prompt)
        check_parts("Experiment", "prompt", prompt, PromptStyle)
        check_parts("Experiment", "calibrator", calibrator, Calibrator)
        if not prompt:
            raise parameter_error("Experiment", "prompt", "at least one prompt style", prompt)
        check_optional("Experiment", "tuning", tuning, OptunaTuning, "a file of the group tuning")
        check_optional("Experiment", "budget", budget, Budget, "limits on usd, calls, tokens")
        check_optional("Experiment", "population", population, Population, "margins and over")
        check_int("Experiment", "retries", retries, minimum=0)
        files = {"card": card, "use_card": use_card, "out": out, "questions": questions}
        check_wanted("Experiment", files, coverage, topic)
        if figures is not None:
            check_bool("Experiment", "figures", figures)
        check_bool("Experiment", "dry_run", dry_run)
        check_bool("Experiment", "progress", progress)
        self.model, self.dataset, self.elicitation = model, dataset, elicitation
        self.prompt, self.calibrator = prompt, calibrator
        self.cache, self.evaluation, self.retries = cache, evaluation, retries
        self.predictors = read_stacks(predictors)
        self.transfer, self.view = known(transfer), view
        self.questions, self.card, self.use_card, self.out = questions, card, use_card, out
        self.coverage, self.topic = coverage, topic
        self.population = population or Population()
        self.budget, self.purpose = budget or Budget(), purpose or Purpose()
        self.calls = calls
        self.figures, self.dry_run, self.progress = figures, dry_run, progress

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
        interview = self.interview(survey := self.survey())
        if (warned := self.check(survey, interview)) and not self.dry_run:
            logging.getLogger(__name__).warning(warned)
        runner = runner or self.runner()
        with closing(self.cache):
            if self.dry_run:
                said = filter(None, [warned, discount(self.calls, self.model)])
                return replace(interview.plan(runner), note="\n".join(said))
            asked = interview.run(runner)

        singles = survey.studies or asked.studies
        stacks = (of for one in self.predictors for of in one.studies(singles))
        whole = self.evaluation.arranged([*singles, *stacks])
        singles, studies = tuple(map(answered, singles)), list(map(answered, whole))
        learnt = partial(
            transferred,
            calibrators=self.calibrator,
            evaluation=self.evaluation,
            along=self.transfer,
        )
        results = [
            self.evaluation.run(study, {**self.calibrator, **learnt(study, singles)})
            for study in studies
        ]
        report = Report(
            survey=answered_survey(survey),
            studies=studies,
            whole=whole,
            results=results,
            unreadable=asked.unreadable,
            replies=asked.replies,
            calls=Calls.count(asked.answers.values(), n_unreadable=len(asked.unreadable)),
            request_keys=tuple(sorted(asked.answers)),
            models=asked.models,
            evaluation=self.evaluation,
            stopped=runner.stopped,
            notes=asked.notes,
        )
        if self.out is None or not any(result.scores for result in results):
            return report
        found = of_report(report, self.calibrator, self.coverage, self.topic, self.population.over)
        made = self.purpose.of(found)
        return replace(report, estimates=made.text, estimated=made.table)

    def survey(self, of: Callable[[Survey], Survey] | None = None) -> Survey:
        """Load the survey, with the new questions as open cases; `of` chooses whom to ask."""
        loaded = self.dataset.load()
        survey = self.population.applied(loaded if of is None else of(loaded))
        return with_questions(survey, Path(self.questions)) if self.questions else survey

    def interview(self, survey: Survey) -> Interview:
        """Return who asks about the survey, in the words that the prompt is to have."""
        styles, asks, notes = as_worded(self.worded, survey, self.prompt, self.elicitation)
        return Interview(
            survey=survey,
            model=self.model,
            elicitation=asks,
            prompt=styles,
            retries=self.retries,
            notes=notes,
        )

    def runner(self) -> Runner:
        """Return who answers by asking the model for what the cache lacks."""
        shown, budget = self.progress, self.budget
        return Runner(self.model, self.cache, progress=shown, budget=budget, calls=self.calls)

    def check(self, survey: Survey, interview: Interview) -> str | None:
        """Raise `DistexpError` for mistakes found without a call; warn of what is to come."""
        check_answered(survey)
        if self.out is not None:
            check_open(survey, self.calibrator)
            self.purpose.check(survey)
        survey = answered_survey(survey)
        for study in (studies := self.evaluation.arranged(survey.studies)):
            self.evaluation.splits(study.cases)
        cases = studies[0].cases if studies else survey.cases
        warned = self.evaluation.check(cases, self.calibrator)
        expected = survey.studies or tuple(map(answered, interview.expected()))
        check_transfer(expected, self.transfer)
        stacked = [of for one in self.predictors for of in one.studies(expected)]
        if self.card is not None or self.out is not None:
            check_fit(self.calibrator, [*expected, *stacked])
        return warned
