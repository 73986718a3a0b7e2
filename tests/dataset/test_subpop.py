"""SubPOP's distributions are read as they stand; what the file cannot know stays unknown."""

import csv
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from numpy.testing import assert_allclose

from distexp.dataset.subpop import SubPOP
from distexp.errors import ConfigError, DatasetError

FIXTURE = Path(__file__).parents[3] / "shared" / "data" / "fixtures" / "subpop_train.jsonl"
ROW: dict[str, Any] = {
    "qkey": "LEGAL_W104", "attribute": "POLPARTY", "group": "Democrat",
    "responses": [0.4, 0.2, 0.3, 0.1], "refusal_rate": 0.2, "ordinal": [1.0, 2.0, 3.0, -1.0],
    "question": "Should it be legal?",
    "options": ["Legal", "Depends", "Illegal", "Not sure", "Refused"],
}  # fmt: skip
OTHER = ROW | {"group": "Republican", "responses": [0.2, 0.2, 0.4, 0.2]}
TRAIN = ROW | {
    "qkey": "TRAIN_W61", "attribute": "SEX", "group": "Male", "ordinal": [1.0, 1.0],
    "responses": [0.75, 0.25], "options": ["More", "Less", "Refused"],
}  # fmt: skip
FORMATS = pytest.mark.parametrize("suffix", ["jsonl", "csv"])


@FORMATS
def test_what_is_not_on_the_scale_stands_apart(tmp_path: Path, suffix: str) -> None:
    """A fifth refused; of the rest a tenth is not sure: .2 + .8 × .1 is off the scale."""
    survey = SubPOP(written(tmp_path, [ROW, OTHER], suffix)).load()

    case = survey.cases[0]
    assert case.question.options == ("Legal", "Depends", "Illegal")
    assert case.question.ordinals == (1, 2, 3)
    assert_allclose(case.answers.probabilities, [4 / 9, 2 / 9, 3 / 9])
    assert case.off_scale == pytest.approx(0.28)
    assert case.n_respondents is None
    assert [c.group.phrase for c in survey.cases] == ["a Democrat", "a Republican"]
    assert (survey.gated, survey.n_dropped_cells) == (True, 0)


def test_placeholders_are_no_scale(tmp_path: Path) -> None:
    """The training file holds 1.0 for every option: nominal, unless the order is to count."""
    path = written(tmp_path, [TRAIN, ROW])

    as_in_file = [case.question for case in SubPOP(path).load().cases]
    in_order = [case.question for case in SubPOP(path, ordinals="order").load().cases]

    assert [question.kind for question in as_in_file] == ["nominal", "ordinal"]
    assert [question.ordinals for question in in_order] == [(1, 2), (1, 2, 3)]


def test_positions_that_differ_are_kept_in_either_setting(tmp_path: Path) -> None:
    """`order` is for placeholders only."""
    path = written(tmp_path, [ROW | {"ordinal": [1.0, 2.5, 2.0, -1.0]}])

    [case] = SubPOP(path, ordinals="order").load().cases

    assert case.question.ordinals == (1, 2.5, 2)


def test_attributes_and_questions_are_chosen(tmp_path: Path) -> None:
    """Each narrows; cases keep the order of the file."""
    path = written(tmp_path, [TRAIN, ROW, OTHER])

    by_attribute = SubPOP(path, attributes=["POLPARTY"]).load().cases
    by_question = SubPOP(path, questions=["TRAIN_W61"]).load().cases

    assert [case.group.value for case in by_attribute] == ["Democrat", "Republican"]
    assert [case.group.value for case in by_question] == ["Male"]


def test_filters_that_exclude_each_other_leave_nothing(tmp_path: Path) -> None:
    """An empty survey is an error."""
    path = written(tmp_path, [TRAIN, ROW])

    with pytest.raises(ConfigError, match="'questions' parameter of SubPOP"):
        SubPOP(path, attributes=["SEX"], questions=["LEGAL_W104"]).load()


def test_a_group_without_answers_is_dropped_and_counted(tmp_path: Path) -> None:
    """Nobody answered, or nobody on the scale."""
    nobody = ROW | {"group": "Nobody", "responses": [float("nan")] * 4}
    unsure = ROW | {"group": "Unsure", "responses": [0.0, 0.0, 0.0, 1.0]}

    survey = SubPOP(written(tmp_path, [ROW, nobody, unsure])).load()

    assert [case.group.value for case in survey.cases] == ["Democrat"]
    assert survey.n_dropped_cells == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"responses": [0.4, 0.2, 0.3, 0.2]}, "responses must be shares that sum to 1"),
        ({"responses": [0.6, 0.2, 0.3, -0.1]}, "responses must be shares that sum to 1"),
        ({"refusal_rate": 1.5}, "and refusal_rate a share"),
        ({"responses": [0.5, 0.5]}, "5 options, 2 responses and 4 ordinals do not fit"),
        ({"responses": "[0.5]"}, "'responses' must be a list of numbers"),
        ({"options": [["Legal"]]}, "'options' must be a list of texts"),
        ({"refusal_rate": None}, "'refusal_rate' must be a list of numbers"),
        ({"group": ""}, "'group' must be a text"),
        ({"ordinal": [1.0, -1.0, -1.0, -1.0]}, "needs at least two different options"),
        ({"question": "Another?"}, "question 'LEGAL_W104' has another text"),
        ({"group": "Democrat"}, "a second row for question 'LEGAL_W104', group 'Democrat'"),
    ],
)
def test_a_row_that_cannot_be_true_is_named(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    """One line with the number of the row."""
    path = written(tmp_path, [ROW, OTHER | change])

    with pytest.raises(DatasetError, match=message) as caught:
        SubPOP(path).load()

    assert "row 2" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[1]", "row 1 must be a JSON object"),
        ("{", "row 1 is not JSON"),
        ("[" * 10**6, "row 1 is not JSON"),
        ('{"qkey": "Q"}', "row 1 has no attribute, group, "),
    ],
    ids=["list", "broken", "nested", "field"],
)
def test_a_file_that_is_no_subpop_is_refused(tmp_path: Path, content: str, message: str) -> None:
    """The message says where."""
    path = tmp_path / "subpop_train.jsonl"
    path.write_text(content)

    with pytest.raises(DatasetError, match=message):
        SubPOP(str(path)).load()


def test_a_missing_file_says_where_to_get_it(tmp_path: Path) -> None:
    """The dataset is gated: it does not come with the package."""
    with pytest.raises(DatasetError, match="gated SubPOP dataset"):
        SubPOP(str(tmp_path / "subpop_train.jsonl")).load()


def test_a_csv_cell_is_never_executed(tmp_path: Path) -> None:
    """What is no plain literal is an error."""
    trap = f"[__import__('pathlib').Path({str(tmp_path / 'trap')!r}).touch()]"
    path = written(tmp_path, [ROW | {"responses": trap}], "csv")

    with pytest.raises(DatasetError, match="row 1: 'responses' is not a plain Python literal"):
        SubPOP(path).load()

    assert not (tmp_path / "trap").exists()


@pytest.mark.parametrize(
    "setting", [{"path": 1}, {"attributes": "SEX"}, {"questions": []}, {"ordinals": "none"}]
)
def test_a_bad_setting_is_refused_by_the_constructor(setting: dict[str, Any]) -> None:
    """Types are checked before any file is opened."""
    [name] = setting

    with pytest.raises(ConfigError, match=f"'{name}' parameter of SubPOP must be"):
        SubPOP(**{"path": "absent", **setting})


def test_an_unknown_attribute_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    """A typing mistake must not shrink a survey in silence."""
    with pytest.raises(ConfigError, match="Did you mean POLPARTY"):
        SubPOP(written(tmp_path, [ROW]), attributes=["PARTY", "POLPARTY"]).load()


def test_the_official_format_is_read() -> None:
    """Two invented groups in the release's own layout."""
    if not FIXTURE.exists():
        pytest.skip("the file in SubPOP's layout is not beside the project")

    survey = SubPOP(str(FIXTURE)).load()

    assert [case.answers.probabilities for case in survey.cases] == [
        (0.5, 0.3, 0.2),
        (0.2, 0.3, 0.5),
    ]
    assert {case.off_scale for case in survey.cases} == {0.02}
    assert survey.digest == hashlib.sha256(FIXTURE.read_bytes()).hexdigest()


def written(folder: Path, rows: list[dict[str, Any]], suffix: str = "jsonl") -> str:
    """Write `rows` as the release does, and return the path."""
    path = folder / f"subpop.{suffix}"
    if suffix == "jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    return str(path)
