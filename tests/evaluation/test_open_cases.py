"""Open cases: asked and cached like any other, and in no score, mean, split or count."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from polars.testing import assert_frame_equal
from sklearn.linear_model import Ridge

from distexp.cache import ResponseCache
from distexp.calibrator.baseline import TrainMean
from distexp.calibrator.regression import OptionRegression
from distexp.dataset.embedded import EmbeddedSurvey
from distexp.elicitation.logprobs import Logprobs
from distexp.errors import ConfigError, DatasetError
from distexp.evaluation.evaluation import Evaluation
from distexp.evaluation.layout import answered, design_of
from distexp.experiment import Experiment
from distexp.model.mock import MockModel
from distexp.prompt.few_shot import FewShot
from distexp.prompt.template import PromptTemplate
from distexp.report.report import Report
from distexp.types import Case, Group, Question, Survey

NEW = Question(
    question_id="trains",
    text="Should there be more trains?",
    options=("No", "Perhaps", "Yes", "At once"),
    ordinals=(1.0, 2.0, 3.0, 4.0),
)
NOBODY = Group(attribute="sex", value="Other", phrase="a person of another sex")


class Loaded:
    """A dataset that is there."""

    def __init__(self, survey: Survey) -> None:
        self.loaded = survey

    def load(self) -> Survey:
        """Return it."""
        return self.loaded


@pytest.fixture
def survey() -> Survey:
    """Return seven answered questions of both sexes."""
    return EmbeddedSurvey("gss2018", attributes=["sex"]).load()


def with_open(survey: Survey) -> Survey:
    """Return the survey with a new question of more options, a new group and an empty cell."""
    groups = list(dict.fromkeys(case.group for case in survey.cases))
    opened = [Case(question=NEW, group=group) for group in [NOBODY, *groups]]
    known = Case(question=survey.cases[0].question, group=NOBODY)
    return replace(
        survey, cases=(opened[0], *survey.cases[:5], known, *survey.cases[5:], *opened[1:])
    )


def run(survey: Survey, folder: Path, **more: object) -> Report:
    """Ask the mock and evaluate."""
    settings: dict[str, object] = {
        "model": MockModel(),
        "dataset": Loaded(survey),
        "elicitation": Logprobs(task="Answer with a letter."),
        "prompt": {
            "sd": PromptTemplate(layout="{group}: {question}\n{options}\n{task}", audience="you")
        },
        "calibrator": {"mean": TrainMean(scope="partial"), "ridge": OptionRegression(Ridge())},
        "cache": ResponseCache(folder),
        "evaluation": Evaluation(n_splits=5, n_bootstrap=20, n_ceiling_draws=5, n_flips=50),
        "progress": False,
    } | more
    report = Experiment(**settings).run()  # type: ignore[arg-type]
    assert isinstance(report, Report)
    return report


def test_scores_are_those_without_open_cases_to_the_last_bit(
    survey: Survey, tmp_path: Path
) -> None:
    """Every score, comparison and held-out share is the same with open cases in between."""
    alone, beside = run(survey, tmp_path), run(with_open(survey), tmp_path)

    assert_frame_equal(alone.scores(), beside.scores(), check_exact=True)
    assert_frame_equal(alone.comparisons(), beside.comparisons(), check_exact=True)
    assert_frame_equal(alone.predictions(), beside.predictions(), check_exact=True)
    assert_frame_equal(alone.cases(), beside.cases(), check_exact=True)
    assert alone.markdown() in beside.markdown()


def test_open_cases_are_asked_and_kept(survey: Survey, tmp_path: Path) -> None:
    """Each has an estimate, and a second run finds all its answers in the cache."""
    first, again = (run(with_open(survey), tmp_path) for _ in range(2))

    (whole,) = first.whole
    opened = [e for c, e in zip(whole.cases, whole.estimates, strict=True) if c.human is None]
    assert [estimate.status for estimate in opened] == ["ok"] * 4
    assert first.calls.misses > 0
    assert (again.calls.misses, again.calls.hits) == (0, first.calls.total)


def test_an_evaluation_by_itself_leaves_open_cases_out(survey: Survey, tmp_path: Path) -> None:
    """Whoever hands it a study with open cases gets the scores of the others."""
    report = run(with_open(survey), tmp_path)
    (whole,), (expected,) = report.whole, report.results

    found = report.evaluation.run(whole, {"ridge": OptionRegression(Ridge())})

    assert [s for s in found.scores if s.calibrator == "ridge"] == [
        s for s in expected.scores if s.calibrator == "ridge"
    ]
    assert len(found.calibrated["ridge"]) == len(answered(whole).cases)


def test_open_cases_stand_as_not_a_number(survey: Survey, tmp_path: Path) -> None:
    """A mean that took one in would be NaN, and not a little wrong."""
    (whole,) = run(with_open(survey), tmp_path).whole

    _, human, _ = design_of(whole)

    opened = np.array([case.human is None for case in whole.cases])
    assert np.isnan(human[opened]).any(axis=1).all()
    assert not np.isnan(human[~opened]).any()
    with pytest.raises(DatasetError, match=r"Nobody of sex 'Other' answered question 'trains'"):
        _ = whole.cases[0].answers


def test_a_survey_without_any_answers_is_refused_before_a_call(
    survey: Survey, tmp_path: Path
) -> None:
    """There is nothing to score; it says what there is to do instead."""
    nothing = replace(survey, cases=(Case(question=NEW, group=NOBODY),))

    with pytest.raises(DatasetError, match=r"None of the 1 cases .* distexp predict card=FILE"):
        run(nothing, tmp_path)


def test_examples_are_answers_that_people_gave(survey: Survey, tmp_path: Path) -> None:
    """Few-shot prompts show answered questions only, and need some of every group asked."""
    style = FewShot(
        layout="{examples}\n{group}{question}\n{options}\n{task}",
        audience="you",
        example="{question}{options}{percentages}{group}",
        n_examples=2,
    )
    new = Case(question=NEW, group=survey.cases[0].group)

    report = run(replace(survey, cases=(*survey.cases, new)), tmp_path, prompt={"few": style})

    (study,) = report.studies
    assert "trains" not in study.shown
    with pytest.raises(ConfigError, match=r"sex 'Other' answered no question of gss2018"):
        run(with_open(survey), tmp_path, prompt={"few": style})
