"""What runs left is read back number for number, and what contradicts itself is named."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from distexp.cache import ResponseCache
from distexp.calibrator.cumulative import CumulativeRegression
from distexp.dataset.embedded import EmbeddedSurvey
from distexp.dataset.runs import EarlierRuns
from distexp.elicitation.logprobs import Logprobs
from distexp.errors import ConfigError, DatasetError
from distexp.evaluation.evaluation import Evaluation
from distexp.experiment import Experiment
from distexp.model.mock import MockModel
from distexp.prompt.template import PromptTemplate
from distexp.report.calls import Calls
from distexp.report.report import Report
from distexp.types import Case, Condition, Distribution, Estimate, Question, Reading, Study, Survey

EVALUATION = Evaluation(n_splits=5, n_bootstrap=20, n_ceiling_draws=2, extras=False)
UNREADABLE = Estimate(reading=None, n_replies=3, n_unreadable=3)


def study(cases: list[Case], **fields: Any) -> Study:
    """Return estimates whose shares have no short decimal form, one of them unreadable."""
    readings = [
        Reading(distribution=Distribution.normalized([1, 2 + n % 3, 4]), mass=1 / (n + 2))
        for n in range(len(cases) - 1)
    ]
    estimates = [Estimate(reading=r, n_replies=3, n_unreadable=1) for r in readings]
    condition = {"dataset": "d", "model": "m", "elicitation": "e", "prompt": "p"} | fields
    shown = condition.pop("shown", frozenset())
    return Study(
        condition=Condition(**condition),
        cases=tuple(cases),
        estimates=(UNREADABLE, *estimates),
        shown=shown,
    )


def run(folder: Path, *studies: Study, config: str = "{}", digest: str = "0" * 64) -> None:
    """Write what is read of a run of these studies."""
    report = Report(
        survey=Survey(
            name="d", cases=studies[0].cases, digest=digest, licence="Free.", citation="Us, 2020."
        ),
        studies=studies,
        results=[EVALUATION.run(one, {}) for one in studies],
        unreadable=[],
        calls=Calls.count([], 0),
        request_keys=(),
        models=(),
        evaluation=EVALUATION,
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text(config)
    (folder / "provenance.json").write_text(json.dumps(report.provenance()))
    report.predictions().write_parquet(folder / "predictions.parquet")


def same_texts(cases: list[Case]) -> list[Case]:
    """Let the questions' ids stand for their wordings, and add a nominal one."""
    named = [
        replace(
            case,
            question=replace(case.question, text=case.question.question_id, wording="pooled"),
            group=replace(
                case.group, phrase=f"a person whose {case.group.attribute} is {case.group.value}"
            ),
            design_effect=1.1,
            off_scale=0.1,
        )
        for case in cases
    ]
    nominal = Question(question_id="N", text="N", options=("A", "B", "C"), ordinals=None)
    return [*named, replace(named[0], question=nominal, n_respondents=None, off_scale=None)]


def test_studies_come_back_as_they_were(tmp_path: Path, cases: list[Case]) -> None:
    """Distributions, masses, counts, groups, positions and respondents, to the last digit."""
    one, other = study(same_texts(cases)), study(same_texts(cases), model="n", prompt="q")
    run(tmp_path / "a" / "0", one)
    run(tmp_path / "b", other)

    survey = EarlierRuns([str(tmp_path / "a"), str(tmp_path / "b")]).load()

    assert survey.studies == (one, other)
    assert survey.cases == one.cases
    assert (survey.name, survey.digest, survey.gated) == ("d", "0" * 64, True)
    assert (survey.licence, survey.citation) == ("Free.", "Us, 2020.")


def test_a_run_read_back_has_the_same_scores(tmp_path: Path) -> None:
    """The mock model's answers need not be given twice: every score is equal, none near."""
    live = experiment(tmp_path, EmbeddedSurvey("gss2018", attributes=["sex"]))
    live.write(tmp_path / "run", config="{}\n", overrides="[]\n")

    again = experiment(tmp_path, EarlierRuns(str(tmp_path / "run")))

    assert again.calls.total == 0
    assert again.scores().equals(live.scores())
    assert again.predictions().equals(live.predictions())


def test_equal_estimates_of_several_runs_are_one_study(tmp_path: Path, cases: list[Case]) -> None:
    """A sweep over calibrators leaves the same estimates again and again; digests are joined."""
    run(tmp_path / "0", study(cases))
    run(tmp_path / "1", study(cases), digest="1" * 64)

    survey = EarlierRuns(str(tmp_path)).load()

    assert len(survey.studies) == 1
    assert len(survey.digest) == 64
    assert survey.digest not in {"0" * 64, "1" * 64}


@pytest.mark.parametrize("what", ["human answers", "question", "estimates by m, e, p"])
def test_runs_that_contradict_each_other_are_named(
    tmp_path: Path, cases: list[Case], what: str
) -> None:
    """Two surveys under one name, or two samples of one model's answers, are not mixed."""
    first = cases[0]
    changed = {
        "human answers": replace(first, human=Distribution.normalized([1, 1, 1])),
        "question": replace(first, question=replace(first.question, ordinals=(1, 2, 9))),
        "estimates by m, e, p": first,
    }[what]
    other = study([changed, *cases[1:]])
    if changed is first:
        other = replace(other, estimates=(other.estimates[1], *other.estimates[1:]))
    run(tmp_path / "0", study(cases))
    run(tmp_path / "1", other)

    with pytest.raises(DatasetError, match=rf"{what} of d, question 'Q0'.*dataset.path"):
        EarlierRuns(str(tmp_path)).load()


def test_questions_that_prompts_showed_stay_untested(tmp_path: Path, cases: list[Case]) -> None:
    """They were never held out in the run that showed them, so they are not held out again."""
    shown = frozenset({"Q3", "Q4"})
    run(tmp_path, study(cases, prompt="few_shot", shown=shown), study(cases))

    few_shot, plain = EarlierRuns(str(tmp_path)).load().studies

    assert (few_shot.shown, plain.shown) == (shown, frozenset())


def test_stacks_are_left_out(tmp_path: Path, cases: list[Case]) -> None:
    """They are named in the run's configuration; their members are read."""
    config = "predictors:\n- {name: all, of: [], by: []}\n"
    run(
        tmp_path, study(cases), study(cases, prompt="q"), study(cases, prompt="all"), config=config
    )

    studies = EarlierRuns(str(tmp_path)).load().studies

    assert [one.condition.prompt for one in studies] == ["p", "q"]


def test_filters_choose_estimates(tmp_path: Path, cases: list[Case]) -> None:
    """By any part of the condition; what is not there is an error that lists what is."""
    run(tmp_path, study(cases), study(cases, model="n"), study(cases, prompt="q"))

    chosen = EarlierRuns(str(tmp_path), models=["m"], prompts=["q"]).load().studies

    assert [one.condition.prompt for one in chosen] == ["q"]
    with pytest.raises(ConfigError, match=r"'models'.*out of m, n"):
        EarlierRuns(str(tmp_path), models=["gpt"]).load()
    with pytest.raises(DatasetError, match="hold nothing"):
        EarlierRuns(str(tmp_path), models=["n"], prompts=["q"]).load()


def test_a_folder_without_runs_is_named(tmp_path: Path) -> None:
    """So is one that is not there."""
    with pytest.raises(DatasetError, match=r"no predictions\.parquet was found"):
        EarlierRuns(str(tmp_path / "nowhere")).load()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ("no provenance", r"provenance\.json does not say"),
        ("no column", "lacks the columns mass"),
        ("no table", r"predictions\.parquet cannot be read"),
        ("no distribution", "question 'Q0'.*sum to 1"),
    ],
)
def test_a_damaged_run_is_named(
    tmp_path: Path, cases: list[Case], damage: str, message: str
) -> None:
    """The file and what is wrong with it."""
    run(tmp_path, study(cases))
    path = tmp_path / "predictions.parquet"
    table = pl.read_parquet(path)
    if damage == "no provenance":
        (tmp_path / "provenance.json").write_text(json.dumps({"dataset": "d"}))
    elif damage == "no column":
        table.drop("mass").write_parquet(path)
    elif damage == "no table":
        path.write_bytes(b"nothing")
    else:
        table.with_columns(pl.col("human") / 2).write_parquet(path)

    with pytest.raises(DatasetError, match=message):
        EarlierRuns(str(tmp_path)).load()


@pytest.mark.parametrize("settings", [{"path": []}, {"path": 3}, {"gated": 1}, {"models": "m"}])
def test_bad_setting_is_refused(settings: dict[str, Any]) -> None:
    """The sentence names the parameter."""
    (parameter,) = settings

    with pytest.raises(ConfigError, match=f"'{parameter}'"):
        EarlierRuns(**{"path": "outputs", **settings})


def experiment(folder: Path, dataset: EmbeddedSurvey | EarlierRuns) -> Report:
    """Run the mock model, or read back what it said."""
    outcome = Experiment(
        model=MockModel(),
        dataset=dataset,
        elicitation=Logprobs(
            task="Which?", option_orders=["natural"], top_logprobs=5, min_mass=0.0
        ),
        prompt={"base": PromptTemplate(layout="{question}\n{options}\n{task}", audience="you")},
        calibrator={"cumulative": CumulativeRegression()},
        cache=ResponseCache(path=str(folder / "cache")),
        evaluation=EVALUATION,
        progress=False,
    ).run()
    assert isinstance(outcome, Report)
    return outcome
