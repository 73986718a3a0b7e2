"""A Qualtrics questionnaire becomes the columns of its export; what cannot be asked is said."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distexp.dataset.files.qsf import QsfSurvey, read_qsf
from distexp.errors import DatasetError
from tests.dataset.qsf_files import matrix, multiple_choice, write_qsf

FIXTURES = Path(__file__).parents[3] / "shared" / "data" / "fixtures" / "qsf"
YES_NO = {"1": "Yes", "2": "No"}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["1", "2", "Display", "Type", "ID", "x"]), inner)
    ),
    max_leaves=6,
)


def read(folder: Path, *payloads: dict[str, Any], **more: Any) -> QsfSurvey:
    """Write a questionnaire and read it."""
    return read_qsf(write_qsf(folder / "mine.qsf", *payloads, **more))


def test_codes_are_recodes_and_options_stand_as_they_are_shown(tmp_path: Path) -> None:
    """An export holds the recode of a choice; the order is that of the screen."""
    question = multiple_choice(
        "Q1",
        "Fair?",
        {"8": "Good", "1": "Fair", "4": "Bad"},
        RecodeValues={"1": "0", "8": "5", "4": "-1"},
    )

    [variable] = read(tmp_path, question).variables

    assert dict(variable.labels) == {5.0: "Good", 0.0: "Fair", -1.0: "Bad"}
    assert list(variable.labels.values()) == ["Good", "Fair", "Bad"]


def test_rows_of_a_matrix_are_a_battery_of_columns(tmp_path: Path) -> None:
    """A row's column is its own export tag, or the question's with the number of the row."""
    question = matrix(
        "M",
        "How good is",
        {"1": "the sea", "3": "the sky"},
        ["Bad", "Good"],
        RecodeValues={"1": "10", "2": "20"},
        ChoiceDataExportTags={"3": "SKY"},
    )

    sea, sky = read(tmp_path, question).variables

    assert (sea.name, sea.label, sea.battery) == ("M_1", "How good is the sea", "M")
    assert (sky.name, sky.label, sky.battery) == ("SKY", "How good is the sky", "M")
    assert dict(sky.labels) == {10.0: "Bad", 20.0: "Good"}


def test_a_bipolar_row_has_its_words_at_the_ends(tmp_path: Path) -> None:
    """The row "warm:cold" is a scale from warm to cold."""
    question = matrix("B", "I am", {"1": "warm:cold"}, ["1", "2", "3"], Selector="Bipolar")

    [variable] = read(tmp_path, question).variables

    assert variable.label == "I am warm or cold?"
    assert list(variable.labels.values()) == ["warm", "2", "cold"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<b>Is</b> it<br>so?", "Is it so?"),
        ("Fish &amp; chips&nbsp;?", "Fish & chips ?"),
        ("<style>p {color: red}</style><p>One</p><p>two</p><script>alert(1)</script>", "One two"),
        ("2 < 3, and 4 > 3?", "2 < 3, and 4 > 3?"),
        ("&lt;script&gt; is a tag", "<script> is a tag"),
        (
            "Is ${e://Field/Fee} and ${q://QID1/ChoiceGroup} fair?",
            "Is [Fee] and [ChoiceGroup] fair?",
        ),
    ],
)
def test_a_text_is_what_a_reader_sees(tmp_path: Path, text: str, shown: str) -> None:
    """Marks of HTML, scripts and styles go; what is filled in is a name in brackets, and noted."""
    [variable] = read(tmp_path, multiple_choice("Q", text, YES_NO)).variables

    assert variable.label == shown
    assert any("filled in from" in note for note in variable.notes) == ("${" in text)


def test_logic_and_fields_for_text_are_noted(tmp_path: Path) -> None:
    """What decides who is asked, and what else may be written, is left out and said."""
    question = multiple_choice("Q", "Who?", YES_NO, DisplayLogic={"Type": "BooleanExpression"})
    question["Choices"]["2"]["TextEntry"] = "true"

    [variable] = read(tmp_path, question).variables

    assert len(variable.notes) == 2
    assert "field for text" in variable.notes[0]
    assert "display logic" in variable.notes[1]


def test_what_has_no_one_answer_of_many_is_left_out_with_its_reason(tmp_path: Path) -> None:
    """Free text, numbers, several answers, rankings and piped options cannot be asked."""
    survey = read(
        tmp_path,
        multiple_choice("MA", "All that apply", YES_NO, selector="MAVR"),
        multiple_choice("TE", "Say", {}, QuestionType="TE"),
        multiple_choice("SL", "Slide", YES_NO, QuestionType="Slider"),
        multiple_choice("RO", "Rank", YES_NO, QuestionType="RO"),
        multiple_choice("PI", "Which?", {"1": "${e://Field/a}", "2": "No"}),
        multiple_choice("DB", "Read this", {}, QuestionType="DB"),
        matrix("MM", "All", {"1": "a"}, ["x", "y"], SubSelector="MultipleAnswer"),
        multiple_choice("OK", "Well?", YES_NO),
    )

    assert [variable.name for variable in survey.variables] == ["OK"]
    assert set(survey.left_out) == {"MA", "TE", "SL", "RO", "PI", "MM"}
    assert any("1 texts between" in note for note in survey.notes)


@pytest.mark.parametrize("as_list", [True, False])
def test_questions_come_in_the_order_of_the_flow_without_the_trash(
    tmp_path: Path, as_list: bool
) -> None:
    """Blocks are a list or a mapping; what lies in the trash was never asked."""
    blocks = [
        {"Type": "Standard", "ID": "B1", "BlockElements": [{"QuestionID": "QID-a"}]},
        {"Type": "Standard", "ID": "B2", "BlockElements": [{"QuestionID": "QID-b"}]},
        {"Type": "Trash", "ID": "B3", "BlockElements": [{"QuestionID": "QID-c"}]},
    ]
    flow = {"Flow": [{"Type": "Group", "Flow": [{"ID": "B2"}]}, {"ID": "B1"}]}
    questions = [multiple_choice(tag, f"{tag}?", YES_NO) for tag in "abc"]

    survey = read(
        tmp_path,
        *questions,
        blocks=blocks if as_list else dict(enumerate(blocks)),
        flow=flow,
    )

    assert [variable.name for variable in survey.variables] == ["b", "a"]


@given(st.dictionaries(st.sampled_from([*multiple_choice("Q", "?", YES_NO), "Answers"]), JSON))
def test_whatever_a_payload_holds_is_data(tmp_path_factory: Any, payload: dict[str, Any]) -> None:
    """A question of any shape is read or left out; what is no questionnaire is refused."""
    folder = tmp_path_factory.mktemp("qsf")
    broken = {"QuestionType": "MC", "Selector": "SAVR"} | payload | {"QuestionID": "QID1"}
    for selector in ("MC", "Matrix"):
        survey = read(folder, broken | {"QuestionType": selector, "Selector": "Likert"})
        assert isinstance(survey.variables, tuple)
    for shape in ([payload], {"SurveyElements": payload}, payload):
        (folder / "odd.qsf").write_text(json.dumps(shape))
        with pytest.raises(DatasetError, match="not a Qualtrics questionnaire"):
            read_qsf(folder / "odd.qsf")


@pytest.mark.skipif(not FIXTURES.is_dir(), reason="the questionnaires travel apart")
@pytest.mark.parametrize(
    ("name", "n_questions", "n_left_out"),
    [("qsf_preference_redistribution.qsf", 27, 1), ("qsf_junk_fees.qsf", 65, 7)],
)
def test_questionnaires_of_the_mega_study_are_read(
    name: str, n_questions: int, n_left_out: int
) -> None:
    """Counted in the JSON: 72 closed questions of which 7 have piped options; 27 and a text."""
    survey = read_qsf(FIXTURES / name)

    assert (len(survey.variables), len(survey.left_out)) == (n_questions, n_left_out)
    assert not any("${" in v.label + "".join(v.labels.values()) for v in survey.variables)
    assert not any("<" in v.label for v in survey.variables)
