"""The whole flow, from a survey to a report: read `Experiment.run` from top to bottom."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

from distexp.asking.budget import Budget
from distexp.asking.plan import Plan
from distexp.asking.runner import Runner
from distexp.cache import Cache
from distexp.card.card import check_fit
from distexp.checks import check_bool, check_int, check_text, parameter_error
from distexp.collector import garbage_collector_paused
from distexp.errors import ParseError
from distexp.evaluation.evaluation import Evaluation
from distexp.evaluation.stacking import Stack
from distexp.evaluation.transfer import TRANSFERS, check_transfer, transferred
from distexp.protocols import Calibrator, Dataset, Elicitation, Model, PromptStyle
from distexp.report.report import Calls, Report
from distexp.report.tables import REFUSAL
from distexp.request import Request, whole_text
from distexp.tuning.optuna import OptunaTuning
from distexp.types import (
    Answer,
    Case,
    Condition,
    Estimate,
    Prompt,
    Question,
    Reading,
    Response,
    Study,
    Survey,
    Unreadable,
)
from distexp.view.base import View

NOT_ASKED = Estimate(reading=None, n_replies=0, n_unreadable=0, asked=False)
RETRY_DRAWS = 1_000_000
"""Draws of the first retry begin here, of the second at twice that: above all ordinary draws."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The prompts about one case in one prompt style, with the requests they become."""

    style: str
    case: Case
    prompts: tuple[Prompt, ...]
    requests: tuple[Request, ...]
    unprepared: Unreadable | None = None
    """The reply to a preparation that was too little to make prompts from."""
    replaced: tuple[Unreadable, ...] = ()
    """Unreadable replies that were asked for again, with another draw."""
    asked: bool = True
    """False where the preparation was not answered: the budget was spent before."""


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
        Stacks of estimates, each with the keys of `distexp.evaluation.stacking.Stack`. A stack is one more
        study: its uncalibrated estimate is the plain mean of its members, and calibrators see
        each of them.
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
        for group, part, kind in (
            ("model", model, Model),
            ("dataset", dataset, Dataset),
            ("elicitation", elicitation, Elicitation),
            ("cache", cache, Cache),
            ("evaluation", evaluation, Evaluation),
        ):
            if not isinstance(part, kind):
                raise parameter_error("Experiment", group, f"a file of the group {group}", part)
        for group, parts, of_kind in (
            ("prompt", prompt, PromptStyle),
            ("calibrator", calibrator, Calibrator),
        ):
            if not isinstance(parts, Mapping) or not all(
                isinstance(part, of_kind) for part in parts.values()
            ):
                wanted = f"one or several files of the group {group}, each under its name"
                raise parameter_error("Experiment", group, wanted, parts)
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
        self._check(survey)
        asked_in = {} if survey.studies else self.prompt  # estimates that are there need no call
        styles = {name: style.bind(survey) for name, style in asked_in.items()}

        runner = runner or Runner(
            self.model, self.cache, progress=self.progress, budget=self.budget
        )
        with closing(self.cache):
            first = self._first_requests(survey)
            preparations = [request for of_question in first.values() for request in of_question]
            cells = [self._condition(survey, name) for name in styles]
            if self.dry_run and (plan := runner.plan(preparations, cells)).n_misses:
                return replace(plan, more_follows=True)
            answers = runner.run(preparations)

            asked = self._ask(survey, styles, first, answers)
            requests = [request for one in asked for request in one.requests]
            if self.dry_run:
                return runner.plan([*preparations, *requests], cells)
            answers |= runner.run(requests)
            for attempt in range(1, self.retries + 1):
                asked = [self._asked_again(one, answers, attempt) for one in asked]
                requests = [request for one in asked for request in one.requests]
                answers |= runner.run(requests)

        elicited, unreadable = self._read(survey, styles, asked, answers)
        singles = survey.studies or elicited
        studies = [*singles, *(of for one in self.predictors for of in one.studies(singles))]
        results = [self.evaluation.run(s, self._methods(s, singles)) for s in studies]

        return Report(
            survey=survey,
            studies=studies,
            results=results,
            unreadable=unreadable,
            calls=Calls.count(answers.values(), n_unreadable=len(unreadable)),
            request_keys=tuple(sorted(answers)),
            models=tuple(sorted({request.model for request in [*preparations, *requests]})),
            evaluation=self.evaluation,
            stopped=runner.stopped,
        )

    def _check(self, survey: Survey) -> None:
        """Fail on whatever is known to be wrong before the first call."""
        for study in survey.studies:
            self.evaluation.splits(study.cases)
        cases = survey.studies[0].cases if survey.studies else survey.cases
        self.evaluation.check(cases, self.calibrator)
        nothing = (NOT_ASKED,) * len(survey.cases)
        expected = survey.studies or [
            Study(condition=self._condition(survey, style), cases=cases, estimates=nothing)
            for style in self.prompt
        ]
        check_transfer(expected, self.transfer)
        stacked = [of for one in self.predictors for of in one.studies(expected)]
        if self.card is not None:
            check_fit(self.calibrator, [*expected, *stacked])

    def _methods(self, study: Study, singles: Sequence[Study]) -> dict[str, Calibrator]:
        """Return the calibrators, and those learnt on other studies where that is asked for."""
        elsewhere = transferred(
            study, singles, self.calibrator, self.evaluation, along=self.transfer
        )
        return {**self.calibrator, **elsewhere}

    def _first_requests(self, survey: Survey) -> dict[Question, list[Request]]:
        """Return what the elicitation has to ask about each question before all else."""
        if survey.studies:
            return {}
        questions = dict.fromkeys(case.question for case in survey.cases)
        return {
            question: [self.model.request(p) for p in self.elicitation.preparations(question)]
            for question in questions
        }

    @garbage_collector_paused()
    def _ask(
        self,
        survey: Survey,
        styles: Mapping[str, PromptStyle],
        first: Mapping[Question, Sequence[Request]],
        answers: Mapping[str, Answer],
    ) -> list[Asked]:
        """Turn every case into requests, in each prompt style; none where estimates are given."""
        asked = []
        for name, style in styles.items():
            for case in survey.cases:
                if not _answered(first[case.question], answers):
                    asked.append(
                        Asked(style=name, case=case, prompts=(), requests=(), asked=False)
                    )
                    continue
                prepared = [answers[request.key].response for request in first[case.question]]
                try:
                    for response in prepared:
                        _check_answered(response)
                    prompts = self.elicitation.prompts(case.question, case.group, style, prepared)
                except ParseError as exc:
                    asked.append(self._unprepared(name, case, first[case.question], exc))
                    continue
                requests = tuple(self.model.request(prompt) for prompt in prompts)
                asked.append(Asked(style=name, case=case, prompts=prompts, requests=requests))
        return asked

    def _asked_again(self, one: Asked, answers: Mapping[str, Answer], attempt: int) -> Asked:
        """Replace the prompts whose reply cannot be read by the same prompts with other draws."""
        if not _answered(one.requests, answers):
            return one
        prompts, requests, replaced = list(one.prompts), list(one.requests), list(one.replaced)
        for place, (prompt, request) in enumerate(zip(prompts, requests, strict=True)):
            response = answers[request.key].response
            if response.is_refusal:
                continue  # another draw is the same prompt
            try:
                self.elicitation.read(one.case.question, prompt, response)
            except ParseError as exc:
                replaced.append(_unreadable(one, prompt, request, exc))
                draw = prompt.draw % RETRY_DRAWS + attempt * RETRY_DRAWS
                prompts[place] = replace(prompt, draw=draw)
                requests[place] = self.model.request(prompts[place])
        return replace(
            one, prompts=tuple(prompts), requests=tuple(requests), replaced=tuple(replaced)
        )

    def _unprepared(
        self, style: str, case: Case, requests: Sequence[Request], exc: ParseError
    ) -> Asked:
        """Ask nothing about a case whose preparation says too little; keep what it says."""
        one = Asked(style=style, case=case, prompts=(), requests=())
        (preparation, *_) = self.elicitation.preparations(case.question)
        return replace(one, unprepared=_unreadable(one, preparation, requests[0], exc))

    @garbage_collector_paused()
    def _read(
        self,
        survey: Survey,
        styles: Mapping[str, PromptStyle],
        asked: Sequence[Asked],
        answers: Mapping[str, Answer],
    ) -> tuple[tuple[Study, ...], list[Unreadable]]:
        """Read every reply and combine the readings of each case; keep what cannot be read."""
        estimates: dict[str, list[Estimate]] = {style: [] for style in styles}
        unreadable: dict[str, Unreadable] = {}
        for one in asked:
            if not one.asked or not _answered(one.requests, answers):
                estimates[one.style].append(NOT_ASKED)
                continue
            readings: list[Reading | None] = []
            n_refused = int(one.unprepared is not None and one.unprepared.is_refusal)
            for reply in (*one.replaced, *filter(None, [one.unprepared])):
                unreadable.setdefault(reply.key, reply)
            for prompt, request in zip(one.prompts, one.requests, strict=True):
                response = answers[request.key].response
                n_refused += response.is_refusal
                try:
                    _check_answered(response)
                    readings.append(self.elicitation.read(one.case.question, prompt, response))
                except ParseError as exc:
                    readings.append(None)
                    unreadable.setdefault(request.key, _unreadable(one, prompt, request, exc))
            estimates[one.style].append(
                Estimate(
                    reading=self.elicitation.combine(readings),
                    n_replies=len(readings) + len(one.replaced),
                    n_unreadable=readings.count(None) + len(one.replaced),
                    n_refused=n_refused,
                )
            )
        studies = tuple(
            Study(
                condition=self._condition(survey, style),
                cases=survey.cases,
                estimates=tuple(of_style),
                shown=styles[style].shown,
            )
            for style, of_style in estimates.items()
        )
        return studies, list(unreadable.values())

    def _condition(self, survey: Survey, style: str) -> Condition:
        return Condition(
            dataset=survey.name,
            model=self.model.name,
            elicitation=self.elicitation.name,
            prompt=style,
        )


def _answered(requests: Sequence[Request], answers: Mapping[str, Answer]) -> bool:
    """Tell whether all are; only where the budget is spent may some not be."""
    return all(request.key in answers for request in requests)


def _check_answered(response: Response) -> None:
    """Raise `ParseError` for what stands in place of an answer: no elicitation reads it."""
    if response.is_refusal:
        raise ParseError(f"{REFUSAL}{response.text}", text=response.text)


def _unreadable(one: Asked, prompt: Prompt, request: Request, exc: ParseError) -> Unreadable:
    return Unreadable(
        prompt=one.style,
        question_id=one.case.question.question_id,
        attribute=one.case.group.attribute,
        group=one.case.group.value,
        draw=prompt.draw,
        option_order=" ".join(map(str, prompt.option_order)),
        reason=whole_text(str(exc)),
        text=whole_text(exc.text),
        key=request.key,
    )
