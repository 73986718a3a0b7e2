"""Recorded estimates become studies as they stand in the file, and a false row is named."""

import csv
import hashlib
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from numpy.testing import assert_allclose
from sklearn.linear_model import Ridge

from distexp.calibrator.regression import OptionRegression
from distexp.dataset.recorded import Recorded
from distexp.errors import ConfigError, DatasetError
from distexp.evaluation.evaluation import Evaluation
from distexp.types import Condition

REFERENCE = Path(__file__).parents[3] / "shared" / "data"
ROW: dict[str, Any] = {
    "dataset": "poll", "question_id": "Q1", "question": "More, the same or less?",
    "options": ["More", "The same", "Less"], "ordinals": [1.0, 2.0, 4.0],
    "attribute": "party", "group": "Red", "n_respondents": 20.0, "human": [0.5, 0.25, 0.25],
    "model": "m1", "elicitation": "verbalized", "prompt": "base", "predicted": [0.2, 0.3, 0.5],
    "status": "ok",
}  # fmt: skip
OTHER = ROW | {
    "question_id": "Q2", "question": "Who?", "options": ["A", "B"], "ordinals": None,
    "n_respondents": None, "human": [1.0, 0.0], "predicted": None, "status": "parse_error",
}  # fmt: skip
ROWS = [OTHER, ROW, ROW | {"group": "Blue"}, ROW | {"model": "m0"}, ROW | {"prompt": "persona"}]
FORMATS = pytest.mark.parametrize("suffix", ["parquet", "csv", "jsonl"])


@FORMATS
def test_each_combination_of_the_file_is_a_study(tmp_path: Path, suffix: str) -> None:
    """Conditions come straight from the columns, sorted; cases keep the order of the file."""
    survey = Recorded(written(tmp_path, ROWS, suffix)).load()

    assert [study.condition for study in survey.studies] == [
        Condition(dataset="poll", model=model, elicitation="verbalized", prompt=prompt)
        for model, prompt in [("m0", "base"), ("m1", "base"), ("m1", "persona")]
    ]
    cases = [(case.question.question_id, case.group.value) for case in survey.studies[1].cases]
    assert cases == [("Q2", "Red"), ("Q1", "Red"), ("Q1", "Blue")]
    assert survey.cases == survey.studies[1].cases
    assert [len(study.cases) for study in survey.studies] == [1, 3, 1]


@FORMATS
def test_a_case_holds_what_its_row_says(tmp_path: Path, suffix: str) -> None:
    """Nothing is lost between the file and the records; the phrase names attribute and group."""
    survey = Recorded(written(tmp_path, [ROW], suffix)).load()

    [case], [study] = survey.cases, survey.studies
    assert case.question.options == ("More", "The same", "Less")
    assert case.question.ordinals == (1, 2, 4)
    assert case.group.phrase == "a person whose party is Red"
    assert (case.n_respondents, case.answers.probabilities) == (20, (0.5, 0.25, 0.25))
    [estimate] = study.estimates
    assert estimate.reading is not None
    assert estimate.reading.distribution.probabilities == (0.2, 0.3, 0.5)
    assert (survey.name, survey.gated) == ("poll", True)


@FORMATS
def test_nulls_mean_nominal_unknown_and_unreadable(tmp_path: Path, suffix: str) -> None:
    """No ordinals: no scale. No respondents: no ceiling. No prediction: counted, not guessed."""
    survey = Recorded(written(tmp_path, [OTHER], suffix)).load()

    [case], [study] = survey.cases, survey.studies
    assert case.question.kind == "nominal"
    assert case.n_respondents is None
    [estimate] = study.estimates
    assert (estimate.reading, estimate.n_unreadable) == (None, 1)


def test_a_parse_error_is_unreadable_whatever_was_predicted(tmp_path: Path) -> None:
    """Some tools write an even guess into rows that they could not parse."""
    rows = [ROW | {"status": "parse_error", "predicted": [1 / 3] * 3}]

    [study] = Recorded(written(tmp_path, rows)).load().studies

    assert study.estimates[0].reading is None


def test_filters_keep_what_they_name(tmp_path: Path) -> None:
    """Each filter is a list of names of one column; together they narrow."""
    survey = Recorded(written(tmp_path, ROWS), models=["m1"], prompts=["persona"]).load()

    [study] = survey.studies
    assert (study.condition.model, study.condition.prompt) == ("m1", "persona")
    assert len(survey.cases) == 1


def test_an_unknown_name_is_refused_with_the_names_that_there_are(tmp_path: Path) -> None:
    """A typing mistake must not shrink a table in silence."""
    with pytest.raises(ConfigError, match=r"'models' parameter .* out of m0, m1 ") as caught:
        Recorded(written(tmp_path, ROWS), models=["m1", "m2"]).load()

    assert "Got ['m1', 'm2'] instead" in str(caught.value)


def test_filters_that_exclude_each_other_list_the_combinations(tmp_path: Path) -> None:
    """Both names are in the file, but in no row together."""
    recorded = Recorded(written(tmp_path, ROWS), models=["m0"], prompts=["persona"])

    with pytest.raises(DatasetError, match="poll/m0/verbalized/base, poll/m1/verbalized/base"):
        recorded.load()


def test_rounded_shares_are_scaled_to_one(tmp_path: Path) -> None:
    """Three thirds written with four digits sum to 0.9999: a rounding error, not a false row."""
    rows = [ROW | {"predicted": [0.3333, 0.3333, 0.3333]}]

    [study] = Recorded(written(tmp_path, rows)).load().studies

    assert study.estimates[0].reading is not None
    assert_allclose(study.estimates[0].reading.distribution.probabilities, [1 / 3] * 3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"predicted": [0.2, 0.3, 0.4]}, "'predicted' must be non-negative and sum to 1"),
        ({"human": [0.5, 0.6, -0.1]}, "'human' must be non-negative and sum to 1"),
        ({"predicted": [0.5, 0.5]}, "'predicted' has 2 shares for 3 options"),
        ({"human": [0.5, 0.5]}, "'human' has 2 shares for 3 options"),
        ({"ordinals": [1.0, 2.0]}, "has 3 options but the ordinals"),
        ({"options": ["Same", "Same", "Less"]}, "needs at least two different options"),
        ({"status": "OK"}, "'status' must be ok or parse_error or refused. Got 'OK' instead"),
        ({"n_respondents": 0.0}, "'n_respondents' must be > 0, or null"),
    ],
)
def test_a_row_that_cannot_be_true_is_named(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    """The message holds the question, and the row where one can be told."""
    path = written(tmp_path, [OTHER, ROW | change])

    with pytest.raises(DatasetError, match=message) as caught:
        Recorded(path).load()

    assert "'Q1'" in str(caught.value)
    assert "row 2" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_second_row_for_the_same_estimate_is_refused(tmp_path: Path) -> None:
    """Two predictions for one case and condition: which one counts is not for us to guess."""
    path = written(tmp_path, [*ROWS, ROW | {"predicted": [1.0, 0.0, 0.0]}])

    with pytest.raises(DatasetError, match="row 6, question 'Q1': a second row for group 'Red'"):
        Recorded(path).load()


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"model": "m2", "human": [0.2, 0.3, 0.5]}, "its 'human' differs from that of row 1"),
        ({"group": "Blue", "ordinals": [1.0, 2.0, 3.0]}, "ordinals differ between groups"),
    ],
)
def test_rows_about_the_same_thing_must_agree(
    tmp_path: Path, other: dict[str, Any], message: str
) -> None:
    """One case has one human distribution, one question has one scale."""
    with pytest.raises(DatasetError, match=f"row 2, question 'Q1': .*{message}"):
        Recorded(written(tmp_path, [ROW, ROW | other])).load()


@FORMATS
def test_a_missing_column_is_named_with_the_wanted_ones(tmp_path: Path, suffix: str) -> None:
    """The message is the schema in short."""
    rows = [{name: value for name, value in ROW.items() if name != "human"}]

    with pytest.raises(DatasetError, match=r"column human is missing\. The columns are dataset, "):
        Recorded(written(tmp_path, rows, suffix)).load()


@FORMATS
def test_an_empty_cell_is_refused_where_there_must_be_one(tmp_path: Path, suffix: str) -> None:
    """A row without a model belongs to no study."""
    path = written(tmp_path, [OTHER, ROW | {"model": None}], suffix)

    with pytest.raises(DatasetError, match=r"row 2: 'model' must be a text\. Got None instead"):
        Recorded(path).load()


@pytest.mark.parametrize("value", ["[0.2, 0.3, null]", '"much"', "[0.2, NaN, 0.8]", "[true]"])
def test_a_cell_of_a_wrong_type_is_refused(tmp_path: Path, value: str) -> None:
    """Numbers are numbers: no text, no null among them, no NaN, no truth values."""
    path = tmp_path / "table.jsonl"
    path.write_text(
        json.dumps(ROW | {"predicted": 0}).replace('"predicted": 0', f'"predicted": {value}')
    )

    with pytest.raises(DatasetError, match="row 1: 'predicted' must be a list of numbers or null"):
        Recorded(str(path)).load()


def test_csv_cells_are_never_evaluated(tmp_path: Path) -> None:
    """What is not JSON is an error, whatever Python would make of it."""
    path = tmp_path / "table.csv"
    trap = f"[__import__('pathlib').Path({str(tmp_path / 'trap')!r}).touch()]"
    path.write_text(
        Path(written(tmp_path, [ROW], "csv")).read_text().replace('"[0.2, 0.3, 0.5]"', f'"{trap}"')
    )

    with pytest.raises(DatasetError, match="row 1: 'predicted' must be JSON, got"):
        Recorded(str(path)).load()

    assert not (tmp_path / "trap").exists()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("absent.parquet", None, "cannot be read .* Set dataset.path"),
        ("table.xlsx", b"", "must be a .parquet, .csv, .jsonl file"),
        ("table.parquet", b"no parquet", "is not a .parquet table of recorded estimates"),
        ("table.csv", b"", "column dataset, .* is missing"),
        ("table.csv", b"\xff\xfe", "is not a .csv table"),
        ("table.csv", b"a,b\n1\n", "missing"),
        ("table.jsonl", b"{}\n{", "row 2 is not JSON"),
        ("table.jsonl", b"[1]", "row 1 must be a JSON object"),
        ("table.jsonl", b"[" * 10**6, "is not a .jsonl table"),
    ],
)
def test_a_file_that_is_no_such_table_is_refused(
    tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    """One line names the file and what is wrong with it."""
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(DatasetError, match=message) as caught:
        Recorded(str(path)).load()

    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "setting", [{"path": 3}, {"models": "m1"}, {"prompts": []}, {"datasets": [1]}, {"gated": "no"}]
)
def test_a_bad_setting_is_refused_by_the_constructor(setting: dict[str, Any]) -> None:
    """Types are checked before any file is opened."""
    [name] = setting

    with pytest.raises(ConfigError, match=f"The '{name}' parameter of Recorded must be"):
        Recorded(**{"path": "absent.parquet", **setting})


def test_the_digest_is_that_of_the_file(tmp_path: Path) -> None:
    """It identifies the data, whichever part of them is chosen."""
    path = written(tmp_path, ROWS)

    part = Recorded(path, models=["m0"]).load()

    assert part.digest == hashlib.sha256(Path(path).read_bytes()).hexdigest()


def test_scores_agree_with_an_independent_computation() -> None:
    """Raw and ridge alignment of every cell lie within half a point of the reference."""
    path = REFERENCE / "recorded_visible.parquet"
    if not path.exists():
        pytest.skip("the recorded answers of arXiv 2411.05403 are not beside the project")
    reference = pl.read_csv(REFERENCE / "reference_alignment.csv")
    evaluation = Evaluation(
        intervals="bootstrap", n_bootstrap=1, n_ceiling_draws=1, unreadable="uniform"
    )

    survey = Recorded(str(path), prompts=["base", "persona"]).load()

    assert len(survey.studies) == 36
    for study in survey.studies:
        result = evaluation.run(study, {"ridge": OptionRegression(Ridge(alpha=1.0))})
        condition = study.condition
        theirs = reference.filter(
            dataset=condition.dataset, model=condition.model,
            elicitation=condition.elicitation, prompt=condition.prompt,
        )  # fmt: skip
        for calibrator, method in [("identity", "uncal"), ("ridge", "ridge_pool")]:
            [ours] = [
                score.value
                for score in result.scores
                if (score.calibrator, score.metric) == (calibrator, "alignment")
            ]
            assert ours == pytest.approx(theirs.filter(method=method)["A"].item(), abs=0.005)


def written(folder: Path, rows: list[dict[str, Any]], suffix: str = "parquet") -> str:
    """Write `rows` in the format that `suffix` names, and return the path."""
    path = folder / f"table.{suffix}"
    if suffix == "parquet":
        lists = dict.fromkeys(("ordinals", "human", "predicted"), pl.List(pl.Float64))
        overrides = {name: kind for name, kind in lists.items() if name in rows[0]}
        pl.DataFrame(rows, schema_overrides=overrides, infer_schema_length=None).write_parquet(
            path
        )
    elif suffix == "jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(rows[0])
            for row in rows:
                writer.writerow(
                    json.dumps(cell) if isinstance(cell, list) else "" if cell is None else cell
                    for cell in row.values()
                )
    return str(path)
