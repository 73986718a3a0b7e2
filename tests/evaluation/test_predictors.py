"""Stacks: which estimates a configuration puts together, and what becomes of them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hydra.utils import instantiate
from numpy.testing import assert_allclose

from distexp.errors import ConfigError
from distexp.evaluation.evaluation import design_of
from distexp.evaluation.stacking import Stack
from distexp.report.report import Report
from distexp.types import Case, Condition, Distribution, Estimate, Reading, Study
from tests.test_conf import composed

MOCK = ("model=mock", "progress=false", "calibrator=[ridge]", "evaluation.n_splits=5")


def studies(cases: Sequence[Case]) -> list[Study]:
    """Return estimates of two models in two prompts; the n-th puts n/10 on the first option."""
    made = []
    for number, (model, prompt) in enumerate([(m, p) for m in "ab" for p in ("base", "persona")]):
        shares = Distribution.normalized([number / 10, 0.2, 0.8 - number / 10])
        estimate = Estimate(reading=Reading(distribution=shares), n_replies=1, n_unreadable=0)
        condition = Condition(dataset="d", model=model, elicitation="verbalized", prompt=prompt)
        made.append(
            Study(condition=condition, cases=tuple(cases), estimates=(estimate,) * len(cases))
        )
    return made


def first_shares(study: Study) -> float:
    """Return what the first estimate gives the first option."""
    reading = study.estimates[0].reading
    assert reading is not None
    return reading.distribution.probabilities[0]


def test_a_stack_takes_the_estimates_that_fit_a_pattern(cases: list[Case]) -> None:
    """The two personas, .1 and .3, average to .2, and both are inputs."""
    (made,) = Stack.read({"name": "all", "of": [{"prompt": "pers*"}]}).studies(studies(cases))

    design, _, _ = design_of(made)
    assert first_shares(made) == pytest.approx(0.2)
    assert_allclose(design.stacked[0, :, 0], [0.1, 0.3])
    assert made.condition == Condition(
        dataset="d", model="all", elicitation="verbalized", prompt="persona"
    )


def test_there_is_a_stack_for_each_value_of_by(cases: list[Case]) -> None:
    """By model: 0 and .1 of the first, .2 and .3 of the second."""
    made = Stack.read({"name": "all", "by": ["model"]}).studies(studies(cases))

    assert [study.condition.model for study in made] == ["a", "b"]
    assert [first_shares(study) for study in made] == pytest.approx([0.05, 0.25])


def test_datasets_are_never_stacked(cases: list[Case]) -> None:
    """Estimates of another survey make a stack of their own."""
    here = studies(cases)
    there = [replace(s, condition=replace(s.condition, dataset="e")) for s in here[:2]]

    made = Stack.read({"name": "all"}).studies([*here, *there])

    assert [(s.condition.dataset, len(s.members)) for s in made] == [("d", 4), ("e", 2)]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("all", "'predictors' parameter of Experiment must be a list of mappings"),
        ({"of": []}, "'name' parameter of predictors must be a non-empty str"),
        ({"name": "x", "models": []}, "'predictors' parameter of Experiment"),
        ({"name": "x", "of": [{"modle": "a"}]}, "'of' parameter of predictors must be a list"),
        ({"name": "x", "by": ["dataset"]}, "'by' parameter of predictors must be a list out of"),
    ],
)
def test_bad_entry_is_refused(entry: object, message: str) -> None:
    """The sentence names the key."""
    with pytest.raises(ConfigError, match=message):
        Stack.read(entry)


def test_stack_that_nothing_fits_names_what_there_is(cases: list[Case]) -> None:
    """A typing error is answered with the conditions of the run."""
    with pytest.raises(ConfigError, match="These are there: d/a/verbalized/base, d/a/verb"):
        Stack.read({"name": "x", "of": [{"model": "gpt"}]}).studies(studies(cases))


def run(**settings: Any) -> Report:
    """Run on the mock model and the embedded survey."""
    config = composed(*MOCK, "cache.mode=off")
    for key, value in settings.items():
        config[key] = value
    report = instantiate(config, _convert_="all").run()
    assert isinstance(report, Report)
    return report


def test_an_experiment_scores_its_stacks_beside_the_single_estimates() -> None:
    """Base and sociodemographic prompt, and both together: three studies, the last a mean."""
    report = run(predictors=[{"name": "both", "of": [], "by": []}])

    assert [study.condition.prompt for study in report.studies] == [
        "base",
        "sociodemographic",
        "both",
    ]
    base, persona, both = (design_of(study)[0].predicted for study in report.studies)
    assert_allclose(both, np.mean([base, persona], axis=0))
    assert set(report.scores()["prompt"]) == {"base", "sociodemographic", "both"}


def test_a_stack_that_cannot_be_made_fails_before_the_first_call() -> None:
    """Nothing is asked for a stack of estimates that the run will not have."""
    with pytest.raises(ConfigError, match="The stack 'x' of predictors needs two estimates"):
        run(predictors=[{"name": "x", "of": [{"model": "gpt-4o"}], "by": []}], dry_run=True)
