"""Where open cases come from: new questions, planned ones, small cells, recorded nulls."""

import json
from pathlib import Path

import polars as pl
import pytest

from distexp.dataset.embedded import EmbeddedSurvey
from distexp.dataset.questions import NewQuestions, with_questions
from distexp.dataset.recorded import Recorded
from distexp.dataset.table import Table
from distexp.errors import ConfigError, DatasetError
from distexp.types import Case

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs/examples"
QUESTIONS = EXAMPLES / "new_questions.yaml"


def town(folder: Path, codebook: str | None = None, **more: object) -> tuple[Case, ...]:
    """Read the invented survey with another codebook."""
    path = folder / "book.yaml"
    path.write_text(codebook or (EXAMPLES / "town_survey.yaml").read_text())
    settings = {"min_respondents": 10, "attributes": ["sex", "age"]} | more
    return Table(str(EXAMPLES / "town_survey.csv"), str(path), **settings).load().cases  # type: ignore[arg-type]


def opened(cases: tuple[Case, ...]) -> list[tuple[str, str]]:
    """Return question and group of the open cases."""
    return [(c.question.question_id, c.group.value) for c in cases if c.human is None]


def test_new_questions_are_asked_of_the_groups_of_the_survey() -> None:
    """Every question of the file for every group, behind the answered cases, which stay."""
    survey = EmbeddedSurvey("gss2018", attributes=["sex"]).load()

    both = with_questions(survey, QUESTIONS)

    assert both.cases[: len(survey.cases)] == survey.cases
    assert opened(both.cases) == [
        (question, group) for question in ("trams", "benches") for group in ("Female", "Male")
    ]
    assert both.digest != survey.digest
    assert [name for name, _ in both.files] == ["new_questions.yaml"]


def test_groups_that_the_questionnaire_names_come_first(tmp_path: Path) -> None:
    """A file with groups is about these."""
    path = tmp_path / "new.yaml"
    path.write_text(QUESTIONS.read_text() + "groups: {trade: {Baker: a baker}}\n")

    both = with_questions(EmbeddedSurvey("gss2018", attributes=["sex"]).load(), path)

    assert opened(both.cases) == [("trams", "Baker"), ("benches", "Baker")]


def test_a_new_question_has_an_id_of_its_own(tmp_path: Path) -> None:
    """Two questions under one id would be taken for one."""
    path = tmp_path / "new.csv"
    path.write_text("id,text,options\nabany,Should it?,Yes|No\n")

    with pytest.raises(DatasetError, match=r"new.csv: question 'abany' is one of gss2018 already"):
        with_questions(EmbeddedSurvey("gss2018").load(), path)


@pytest.mark.parametrize(
    ("survey", "attributes", "name", "groups"),
    [
        (None, None, "town2025", ["everyone"]),
        ("gss2018", ["sex"], "gss2018", ["Female", "Male"]),
        (str(EXAMPLES / "town_survey.yaml"), ["sex"], "town2024", ["Female", "Male"]),
    ],
)
def test_a_questionnaire_by_itself_is_a_survey_of_open_cases(
    survey: str | None, attributes: list[str] | None, name: str, groups: list[str]
) -> None:
    """Its groups are those of the survey named, or everyone."""
    found = NewQuestions(str(QUESTIONS), survey=survey, attributes=attributes).load()

    assert found.name == name
    assert opened(found.cases) == [(q, g) for q in ("trams", "benches") for g in groups]
    assert len(found.cases) == 2 * len(groups)


@pytest.mark.parametrize(
    "options",
    [
        "[[1, 'Yes', 1], [2, 'No', 2]]",
        "[['Yes', 1], ['No', 2]]",
        "[['Y', 'Yes', 1], ['N', 'No', 2]]",
    ],
)
def test_a_planned_question_needs_no_column_and_no_codes(tmp_path: Path, options: str) -> None:
    """`asked: false`: a survey and its planned extension are one file."""
    book = (EXAMPLES / "town_survey.yaml").read_text()
    book += (
        "  trams:\n    text: Should there be a tram?\n    kind: binary\n    asked: false\n"
        f"    options: {options}\n"
    )

    cases = town(tmp_path, book)

    groups = ["Female", "Male", "18-39", "40-64", "65+"]
    assert opened(cases) == [("trams", group) for group in groups]
    assert cases[-1].question.options == ("Yes", "No")
    assert cases[-1].question.ordinals == (1.0, 2.0)
    assert [case for case in cases if case.human is not None] == list(town(tmp_path))


def test_small_cells_are_dropped_or_estimated(tmp_path: Path) -> None:
    """What is dropped by default is open with `estimate`; the other cases are the same."""
    dropped = town(tmp_path, min_respondents=60)
    estimated = town(tmp_path, min_respondents=60, small_cells="estimate")

    assert [case for case in estimated if case.human is not None] == list(dropped)
    assert len(estimated) == len(town(tmp_path, min_respondents=1))
    assert len(opened(estimated)) == len(estimated) - len(dropped) > 0
    with pytest.raises(ConfigError, match=r"'small_cells' parameter of Table must be one of drop"):
        town(tmp_path, small_cells="keep")


def test_small_cells_of_a_packaged_survey() -> None:
    """What `min_respondents` drops there is open with `estimate`."""
    dropped = EmbeddedSurvey("gss2018", min_respondents=200).load()
    estimated = EmbeddedSurvey("gss2018", min_respondents=200, small_cells="estimate").load()

    assert len(opened(estimated.cases)) == dropped.n_dropped_cells > 0
    assert estimated.n_dropped_cells == 0
    assert tuple(c for c in estimated.cases if c.human is not None) == dropped.cases


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".jsonl"])
def test_recorded_estimates_without_human_answers_are_open(tmp_path: Path, suffix: str) -> None:
    """Null as `human` is nobody's answer, whatever `n_respondents` says; the battery is read."""
    rows = [
        {
            "dataset": "d", "question_id": f"q{i}", "question": "Q?", "battery": f"b{i}",
            "options": ["Yes", "No"], "ordinals": [1.0, 2.0], "attribute": "sex",
            "group": "Male", "n_respondents": 80.0, "human": None if i else [0.25, 0.75],
            "model": "m", "elicitation": "e", "prompt": "p", "predicted": [0.5, 0.5],
            "status": "ok",
        }
        for i in range(3)
    ]  # fmt: skip
    path = tmp_path / f"recorded{suffix}"
    if suffix == ".jsonl":
        path.write_text("\n".join(map(json.dumps, rows)))
    elif suffix == ".csv":
        cells = [
            {k: json.dumps(v) if isinstance(v, list) else v for k, v in row.items()}
            for row in rows
        ]
        pl.DataFrame(cells).write_csv(path)
    else:
        pl.DataFrame(rows).write_parquet(path)

    ((study,), cases) = (found := Recorded(str(path)).load()).studies, found.cases

    assert opened(cases) == [("q1", "Male"), ("q2", "Male")]
    assert [case.n_respondents for case in cases] == [80.0, None, None]
    assert [case.question.battery for case in cases] == ["b0", "b1", "b2"]
    assert study.cases == cases
