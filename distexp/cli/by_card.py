"""What `distexp predict card=FILE` does: open cases asked about, and estimated by a card."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path

from distexp.asking.plan import Plan
from distexp.asking.runner import Runner
from distexp.card.card import Card
from distexp.card.estimates import Estimates, by_card, no_open
from distexp.evaluation.layout import open_survey
from distexp.experiment import Experiment
from distexp.report.calls import Calls


def by_its_card(experiment: Experiment, runner: Runner | None = None) -> Plan | Estimates:
    """Ask about the open cases of an experiment alone, and estimate them by its `use_card`.

    Raises
    ------
    DistexpError
        With what is wrong and what to do.
    """
    card = Card.read(Path(str(experiment.use_card)))
    survey = open_survey(experiment.survey())
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
    found = by_card(card, studies, experiment.coverage, experiment.topic)
    calls = Calls.count(asked.answers.values(), n_unreadable=len(asked.unreadable))
    return replace(found, calls=calls)
