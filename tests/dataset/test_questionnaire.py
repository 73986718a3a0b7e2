"""A questionnaire becomes questions and groups, with no survey and no human answers."""

import json
from pathlib import Path

import polars as pl
import pytest

from distexp.dataset.files.codebook import parse_codebook
from distexp.dataset.questionnaire import (
    Questionnaire,
    groups_of,
    parse_questionnaire,
    read_questionnaire,
)
from distexp.errors import DatasetError
from tests.dataset.qsf_files import matrix, multiple_choice, write_qsf
from tests.dataset.workbook import write_workbook

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "town_survey.yaml"
YAML = """
name: trams
population: an adult living in Northport
groups:
  sex: {Female: a woman, Male: a man}
questions:
  lines:
    text: Should the town build more tram lines?
    options: [["Yes", 1], ["No", 2]]
  fare:
    text: Is the fare too high, about right or too low?
    kind: ordinal
    options: [Too high, About right, Too low]
    battery: money
  owner:
    text: Who should run the trams?
    options: [[1, The town], [2, A company], [3, Nobody]]
    wording: paraphrased
  speed:
    text: How fast are they?
    kind: ordinal
    column: q9
    options: [[1, Slow, 10], [2, Fair, 20], [3, Fast, 40]]
"""


def read(folder: Path, name: str, content: str) -> Questionnaire:
    """Write a questionnaire and read it."""
    (folder / name).write_text(content, encoding="utf-8")
    return read_questionnaire(folder / name)


def test_yaml_gives_questions_and_groups(tmp_path: Path) -> None:
    """Options are labels, or labels with ordinals, or what stands in a codebook."""
    questionnaire = read(tmp_path, "new.yaml", YAML)

    lines, fare, owner, speed = questionnaire.questions
    assert (lines.options, lines.ordinals, lines.kind) == (("Yes", "No"), (1.0, 2.0), "binary")
    assert (fare.ordinals, fare.battery) == ((1.0, 2.0, 3.0), "money")
    assert (owner.kind, owner.wording) == ("nominal", "paraphrased")
    assert speed.ordinals == (10.0, 20.0, 40.0)
    assert [(g.attribute, g.value, g.phrase) for g in questionnaire.groups] == [
        ("sex", "Female", "a woman"),
        ("sex", "Male", "a man"),
    ]
    assert (questionnaire.name, questionnaire.population) == (
        "trams",
        "an adult living in Northport",
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("kind: ordinal\n    options: [Too", "kind: cardinal\n    options: [Too"), "cardinal"),
        (
            ("[Too high, About right, Too low]", "[Too high, [About right]]"),
            "'options' holds what is not",
        ),
        (("[Too high, About right, Too low]", "[Too high, Too high]"), "two different options"),
        (("battery: money", "batery: money"), "'batery' has no meaning. Did you mean battery?"),
        (("text: How fast are they?", "words: fast"), "'text' is missing"),
        (("text: How fast are they?", 'text: " "'), "'text' is blank"),
        (("[Too high, About right, Too low]", '[Too high, "", Too low]'), "a blank label"),
        (("[2, Fair, 20]", "[2, Fair, [20]]"), "'options' holds what is not"),
        (("[2, Fair, 20]", "[2, Fair, .inf]"), "must hold plain decimal numbers. Got .inf"),
        (("  owner:", "  fare:"), "'fare' comes twice"),
        (("[Too high, About", "[Too high?, About: x"), "line 13, .*stands in quotes"),
    ],
)
def test_a_mistake_in_yaml_is_named(change: tuple[str, str], message: str) -> None:
    """The error says the question, the key and what is wanted."""
    with pytest.raises(DatasetError, match=message):
        parse_questionnaire(YAML.replace(*change), "new.yaml", "new")


def test_a_table_has_a_row_a_question(tmp_path: Path) -> None:
    """Options stand with | between them, or as a JSON list where a label holds one."""
    questionnaire = read(
        tmp_path,
        "new.csv",
        "id,text,options,ordinals,battery,kind\n"
        'a,"One, two?",Yes|No,1|2,b1,\n'
        'b,Which?,"[""x | y"", ""z""]",,,\n'
        "d,Which?,x|y,,,nominal\n"
        "c,How often?,Never|Sometimes|Always,,b1,ordinal\n",
    )

    a, b, d, c = questionnaire.questions
    assert (a.text, a.options, a.kind, a.battery) == ("One, two?", ("Yes", "No"), "binary", "b1")
    assert (b.options, b.kind, b.battery) == (("x | y", "z"), "binary", None)
    assert d.kind == "nominal"
    assert c.ordinals == (1.0, 2.0, 3.0)
    assert (questionnaire.groups, questionnaire.population) == ((), None)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("id,text\na,b\n", "no column 'options'"),
        ("id,text,options,scale\na,b,c|d,1\n", "'scale', which has no meaning"),
        ("id,text,options\na,b,Yes;No\n", r"row 2: 'options' must be two or more texts with '\|'"),
        ("id,text,options\na,,Yes|No\n", "row 2: 'text' is blank"),
        ("id,text,options\na,b,Yes|No\na,b,Yes|No\n", "row 3: id 'a' comes twice"),
        ("id,text,options,ordinals\na,b,Yes|No,one|two\n", "'ordinals' must be numbers"),
        ("id,text,options,ordinals\na,b,Yes|No,1\n", "give one finite number per option"),
        ("id,text,options,kind\na,b,Yes|No|Maybe,binary\n", "are ordinal"),
        ("id,text,options\n", "holds no question"),
    ],
)
def test_a_mistake_in_a_table_is_named_with_its_row(
    tmp_path: Path, content: str, message: str
) -> None:
    """The error says the row, the column and what is wanted."""
    with pytest.raises(DatasetError, match=message):
        read(tmp_path, "new.csv", content)


def test_a_table_may_be_of_any_kind_that_surveys_are(tmp_path: Path) -> None:
    """Semicolons, Excel and parquet hold the same questionnaire as commas do."""
    table = pl.DataFrame({"id": ["a"], "text": ["One?"], "options": ["Yes|No"]})
    table.write_csv(tmp_path / "semicolons.csv", separator=";")
    table.write_parquet(tmp_path / "new.parquet")
    write_workbook(tmp_path / "new.xlsx", {"Sheet1": [table.columns, *map(list, table.rows())]})

    read_from = [
        read_questionnaire(tmp_path / name).questions
        for name in ("semicolons.csv", "new.parquet", "new.xlsx")
    ]

    assert len(set(read_from)) == 1


def test_qualtrics_gives_its_closed_questions(tmp_path: Path) -> None:
    """What is filled in from elsewhere or takes several answers is left out and said."""
    path = write_qsf(
        tmp_path / "new.qsf",
        multiple_choice("Q1", "Do you agree?", {"1": "Agree", "2": "Disagree", "3": "Don't know"}),
        multiple_choice("Q2", "And ${e://Field/who}?", {"1": "Yes", "2": "No"}),
        multiple_choice("Q3", "All that apply", {"1": "a", "2": "b"}, selector="MAVR"),
        matrix("M", "How good is", {"1": "the sea", "2": "the sky"}, ["Bad", "Fair", "Good"]),
    )

    questionnaire = read_questionnaire(path)

    assert [(q.question_id, q.options, q.battery) for q in questionnaire.questions] == [
        ("Q1", ("Agree", "Disagree"), None),
        ("M_1", ("Bad", "Fair", "Good"), "M"),
        ("M_2", ("Bad", "Fair", "Good"), "M"),
    ]
    assert questionnaire.questions[1].text == "How good is the sea"
    assert [note.split(":")[0] for note in questionnaire.notes] == [
        "'Q3' is not asked",
        "'Q2' is not asked",
    ]


def test_groups_are_those_of_a_codebook() -> None:
    """A codebook's levels are groups that new questions can be asked about."""
    codebook = parse_codebook(EXAMPLE.read_text(encoding="utf-8"), "town")

    groups = groups_of(codebook)

    assert [g.value for g in groups if g.attribute == "age"] == ["18-39", "40-64", "65+"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", b"", "must be a .yaml"),
        ("a.yaml", b"\xff", "not UTF-8"),
        ("a.qsf", b"{", "not a Qualtrics questionnaire"),
        ("a.qsf", json.dumps({"SurveyElements": [1]}).encode(), "no SurveyElements"),
    ],
)
def test_a_file_that_is_no_questionnaire_is_refused(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    """The error names the file and what it should be."""
    (tmp_path / name).write_bytes(content)

    with pytest.raises(DatasetError, match=message):
        read_questionnaire(tmp_path / name)
    with pytest.raises(DatasetError, match="cannot be read"):
        read_questionnaire(tmp_path / f"absent-{name}")


def test_an_attribute_without_groups_is_refused() -> None:
    """It would be asked of nobody, and everyone be asked in its place."""
    text = "groups: {sex: {}}\nquestions: {q: {text: 'A?', options: [x, y]}}"

    with pytest.raises(DatasetError, match="'sex' names no group: give a phrase for each"):
        parse_questionnaire(text, "new.yaml", "new")
