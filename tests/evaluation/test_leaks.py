"""However answers can reach training, those to the questions tested never move a prediction."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from distexp.cache import ResponseCache
from distexp.calibrator.cumulative import CumulativeRegression
from distexp.calibrator.decomposed import Decomposed
from distexp.calibrator.regression import OptionRegression
from distexp.calibrator.shrinkage import Shrinkage
from distexp.dataset.runs import EarlierRuns
from distexp.elicitation.logprobs import Logprobs
from distexp.evaluation.evaluation import Evaluation
from distexp.experiment import Experiment
from distexp.model.mock import MockModel
from distexp.report.report import Report
from distexp.types import (
    Case,
    Condition,
    Distribution,
    Estimate,
    FloatArray,
    Group,
    Question,
    Reading,
    Study,
    Survey,
)
from tests.prompt.test_few_shot import style as few_shot

TOPICS = ("trains", "roads", "schools", "parks")
THINGS = ("the money spent on them", "the people who run them", "the state that they are in")
GROUPS = ("young", "old")
PARTS = {"model": "m", "elicitation": "e", "prompt": "p"}

Answers = Callable[[Question, str], Distribution]
"""What the humans of a group answer."""


def asked(year: int, prefix: str = "") -> list[Question]:
    """Return a battery for each topic, in the words of a year."""
    return [
        Question(
            question_id=f"{prefix}{topic}{number}",
            text=f"How satisfied are you with {thing} in {year}: {topic}?",
            options=("Not at all", "Somewhat", "Very"),
            ordinals=(1.0, 2.0, 3.0),
            battery=topic,
        )
        for topic in TOPICS
        for number, thing in enumerate(THINGS)
    ]


def honest(question: Question, group: str) -> Distribution:
    """Answer by the topic, the group and the question."""
    digits = sum(map(ord, question.question_id.removeprefix("again_") + group))
    return Distribution.normalized([1 + digits % 5, 2 + digits % 3, 1 + digits % 7])


def shuffled(but: set[str]) -> Answers:
    """Turn round what is answered to some questions, whenever they are asked."""

    def answers(question: Question, group: str) -> Distribution:
        shares = honest(question, group).probabilities
        named = question.question_id.removeprefix("again_") in but
        return Distribution(probabilities=(*shares[1:], shares[0]) if named else shares)

    return answers


def cases_of(questions: Sequence[Question], answers: Answers) -> tuple[Case, ...]:
    """Ask every group every question."""
    return tuple(
        Case(
            question=question,
            group=Group(attribute="age", value=group, phrase=f"a person who is {group}"),
            human=answers(question, group),
            n_respondents=100.0,
        )
        for question in questions
        for group in GROUPS
    )


def study(cases: Sequence[Case], dataset: str, **parts: str) -> Study:
    """Return what a model says that knows nothing of the answers."""
    condition = Condition(dataset=dataset, **(PARTS | parts))
    rng = np.random.default_rng(len(str(condition)))
    return Study(
        condition=condition,
        cases=tuple(cases),
        estimates=tuple(
            Estimate(
                reading=Reading(distribution=Distribution.normalized(rng.random(3).tolist())),
                n_replies=1,
                n_unreadable=0,
            )
            for _ in cases
        ),
    )


@dataclass
class Given:
    """A dataset that is there already."""

    survey: Survey

    def load(self) -> Survey:
        """Return it."""
        return self.survey


def survey_of(*studies: Study, cases: Sequence[Case] = ()) -> Survey:
    """Return a survey with estimates, or one to be asked."""
    cases = cases or studies[0].cases
    return Survey(
        name="now", cases=tuple(cases), studies=studies, digest="", licence="", citation=""
    )


def calibrators() -> dict[str, Any]:
    """Return one calibrator of each kind of training."""
    from sklearn.linear_model import Ridge

    return {
        "ridge": OptionRegression(regressor=Ridge(alpha=0.01)),
        "cumulative": CumulativeRegression(penalty=0.3, wording_penalty=1.0, group_axes=2),
        "decomposed": Decomposed(),
        "group_mean": Shrinkage(towards="group_mean", weight=1.0),
    }


def found(
    tmp_path: Path, dataset: Any, evaluation: Evaluation, **settings: Any
) -> dict[str, dict[str, FloatArray]]:
    """Return held-out predictions by condition and calibrator."""
    settings = {"prompt": {"few": few_shot()}} | settings
    report = Experiment(
        model=MockModel(),
        dataset=dataset,
        elicitation=Logprobs(
            task="Which?", option_orders=["natural"], top_logprobs=5, min_mass=0.0
        ),
        calibrator=calibrators(),
        cache=ResponseCache(path=str(tmp_path / "cache")),
        evaluation=evaluation,
        progress=False,
        **settings,
    ).run()
    assert isinstance(report, Report)
    report.write(tmp_path / "run", config="{}", overrides="[]", figures=False)
    return {
        str(one.condition): result.calibrated
        for one, result in zip(report.studies, report.results, strict=True)
    }


def alone(tmp_path: Path, answers: Answers, evaluation: Evaluation) -> Any:
    """One survey in which every question is asked in two years under two ids."""
    cases = cases_of([*asked(2019), *asked(2021, "again_")], answers)
    return found(tmp_path, Given(survey_of(study(cases, "now"))), evaluation)


def transfer(part: str, prefix: str) -> Callable[[Path, Answers, Evaluation], Any]:
    """Calibrators learnt on estimates that differ in one part of the condition."""

    def way(tmp_path: Path, answers: Answers, evaluation: Evaluation) -> Any:
        now, then = cases_of(asked(2019), answers), cases_of(asked(2021, prefix), answers)
        first = study(now, "now")
        other = study(then, "then") if part == "dataset" else study(now, "now", **{part: "other"})
        given = Given(survey_of(first, other))
        return found(tmp_path, given, evaluation, transfer=part)

    return way


def stacked(tmp_path: Path, answers: Answers, evaluation: Evaluation) -> Any:
    """Two models' estimates as inputs of one calibrator."""
    cases = cases_of(asked(2019), answers)
    given = Given(survey_of(study(cases, "now"), study(cases, "now", model="n")))
    return found(tmp_path, given, evaluation, predictors=[{"name": "both"}])


def shown(tmp_path: Path, answers: Answers, evaluation: Evaluation) -> Any:
    """Prompts that show human answers, in a survey that asks all of it a second time."""
    cases = cases_of([*asked(2019), *asked(2021, "again_")], answers)
    style = few_shot(questions=["trains0", "trains1"])
    given = Given(survey_of(cases=cases))
    return found(tmp_path, given, evaluation, prompt={"few": style})


def read_back(tmp_path: Path, answers: Answers, evaluation: Evaluation) -> Any:
    """Read the same from the folder that a run left."""
    shown(tmp_path, answers, replace(evaluation, n_splits=50, hold_out="question"))
    return found(tmp_path, EarlierRuns(str(tmp_path / "run")), evaluation)


WAYS = {
    "one survey": alone,
    "transfer=model": transfer("model", ""),
    "transfer=elicitation": transfer("elicitation", ""),
    "transfer=dataset, same ids": transfer("dataset", ""),
    "transfer=dataset, same wording": transfer("dataset", "again_"),
    "predictors": stacked,
    "few_shot": shown,
    "dataset=runs": read_back,
}
BY = {
    "question": Evaluation(hold_out="question", n_splits=1, test_size=0.3, extras=False),
    "battery": Evaluation(hold_out="battery", extras=False),
}


@pytest.mark.parametrize("by", BY)
@pytest.mark.parametrize("way", WAYS)
def test_answers_to_what_is_tested_move_nothing(tmp_path: Path, way: str, by: str) -> None:
    """With other answers to the questions of a test set, in every survey, its predictions stand.

    Other answers to the rest move them.
    """
    evaluation = replace(BY[by], n_bootstrap=2, n_ceiling_draws=1)
    world = cases_of(asked(2019), honest)
    topics = {case.question.question_id: case.question.battery for case in world}
    truth = WAYS[way](tmp_path / "truth", honest, evaluation)
    some = next(iter(truth.values()))["identity"][:, 0]
    names = [q.question_id for q in asked(2019) for _ in GROUPS]
    names += [f"again_{name}" for name in names] * (len(some) > len(names))
    if by == "question":
        tested = {name for name, value in zip(names, some, strict=True) if not np.isnan(value)}
    else:
        tested = {name for name, topic in topics.items() if topic == "parks"}
    tested = {name.removeprefix("again_") for name in tested}

    other = WAYS[way](tmp_path / "tested", shuffled(tested), evaluation)
    moved = WAYS[way](tmp_path / "trained", shuffled(set(topics) - tested), evaluation)

    assert tested
    for condition, calibrated in truth.items():
        if "then" in condition:
            continue  # what is tested there is another set
        rows = np.isin([name.removeprefix("again_") for name in names], sorted(tested))
        assert not np.isnan(some[rows]).any()
        for name, shares in calibrated.items():
            np.testing.assert_allclose(
                other[condition][name][rows], shares[rows], atol=1e-9, err_msg=f"{name}, {way}"
            )
            apart = np.abs(moved[condition][name][rows] - shares[rows]).max()
            assert (apart > 1e-3) == (name not in {"identity", "uniform"}) or "few" in condition
