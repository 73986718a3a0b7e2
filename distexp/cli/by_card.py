"""What `distexp predict card=FILE` does: open cases asked about, and estimated by a card."""

from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

from distexp.asking.plan import Plan
from distexp.asking.runner import Runner
from distexp.card.card import Card
from distexp.card.estimates import Estimates, by_card, no_open
from distexp.dataset.questions import PEOPLE, NewQuestions
from distexp.evaluation.layout import open_survey
from distexp.experiment import Experiment
from distexp.report.calls import Calls
from distexp.types import Group, Survey


def by_its_card(experiment: Experiment, runner: Runner | None = None) -> Plan | Estimates:
    """Ask about the open cases of an experiment alone, and estimate them by its `use_card`.

    Raises
    ------
    DistexpError
        With what is wrong and what to do.
    """
    card = Card.read(Path(str(experiment.use_card)))
    survey = open_survey(experiment.survey(partial(_of_groups, experiment, card)))
    if not survey.cases:
        raise no_open(survey.name)
    experiment.purpose.check(survey, card)
    interview = experiment.interview(survey)
    runner = runner or experiment.runner()
    with closing(experiment.cache):
        if experiment.dry_run:
            return interview.plan(runner)
        asked = interview.run(runner)
    studies = survey.studies or asked.studies
    found = by_card(
        card, studies, experiment.coverage, experiment.topic, experiment.population.over
    )
    calls = Calls.count(asked.answers.values(), n_unreadable=len(asked.unreadable))
    return replace(found, calls=calls)


def _of_groups(experiment: Experiment, card: Card, survey: Survey) -> Survey:
    """Return the survey; of a questionnaire that names no people, about the card's groups."""
    trained_on, dataset = card.trained_on, experiment.dataset
    nobody = isinstance(dataset, NewQuestions) and dataset.survey is None
    if not (nobody and trained_on.people and {c.group.phrase for c in survey.cases} == {PEOPLE}):
        return survey
    groups = [
        Group(attribute=attribute, value=value, phrase=phrase)
        for attribute, value, phrase, _ in trained_on.people
    ]
    cases = [replace(case, group=group) for case in survey.cases for group in groups]
    return replace(survey, name=trained_on.condition.dataset, cases=tuple(cases))
