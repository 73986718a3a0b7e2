"""A file of respondents and its codebook make a survey; a mistake in either is named."""

import csv
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from numpy.testing import assert_allclose

from distexp.dataset.distributions import DistributionTable
from distexp.dataset.table import Table
from distexp.errors import ConfigError, DatasetError
from distexp.report.explained import described
from distexp.types import Survey
from tests.dataset.workbook import write_workbook

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
ROWS: dict[str, list[Any]] = {
    "sex": [1, 2, 1, 2, 2, 9],
    "age": [17, 30, 64, 65, 90, 40],
    "w": [1.0, 2.0, 1.0, 1.0, 3.0, 1.0],
    "q1": [1, 2, 1, 8, 2, 1],
    "q2": ["yes, often", "no", "no", "no", "", "yes, often"],
}
CODEBOOK: dict[str, Any] = {
    "name": "mine",
    "population": "a person living here",
    "source": "the archive",
    "licence": "free",
    "citation": "Somebody, 2024.",
    "gated": False,
    "weight": "w",
    "off_scale": [8],
    "attributes": {
        "sex": {
            "column": "sex",
            "left_out": [9],
            "levels": {
                "Male": {"codes": 1, "phrase": "a man"},
                "Female": {"codes": [2], "phrase": "a woman"},
            },
        },
        "age": {
            "column": "age",
            "left_out": ["<18"],
            "levels": {
                "18-64": {"codes": "18..64", "phrase": "a person aged 18 to 64"},
                "65+": {"codes": "65..", "phrase": "a person aged 65 or older"},
            },
        },
    },
    "questions": {
        "first": {
            "column": "q1",
            "text": "Once?",
            "kind": "binary",
            "options": [[1, "Agree", 1], [2, "Disagree", 2]],
        },
        "q2": {
            "text": "Twice?",
            "kind": "nominal",
            "options": [["yes, often", "Yes, often"], ["no", "No"]],
        },
    },
}


def survey(
    folder: Path, changes: dict[str, Any] | None = None, file: str = "data.csv", **settings: Any
) -> Survey:
    """Load the file of the folder, written first if it is not there, by a changed codebook."""
    path = folder / file
    if not path.exists():
        pl.DataFrame(ROWS).write_csv(path)
    codebook = folder / "codebook.yaml"
    codebook.write_text(
        yaml.safe_dump(CODEBOOK | (changes or {}), sort_keys=False), encoding="utf-8"
    )
    table = Table(str(path), str(codebook), **{"min_respondents": 1} | settings)
    return table.load()


def shares(survey: Survey) -> dict[tuple[str, str], tuple[float, ...]]:
    """Return the distributions by question and group."""
    cases = survey.cases
    return {(c.question.question_id, c.group.value): c.answers.probabilities for c in cases}


def test_the_codebook_turns_codes_into_cases(tmp_path: Path) -> None:
    """Women weigh 2 and 3 for Disagree, and 1 off the scale; the blank was not asked."""
    loaded = survey(tmp_path, attributes=["sex"])

    assert shares(loaded) == {
        ("first", "Male"): (1.0, 0.0),
        ("first", "Female"): (0.0, 1.0),
        ("q2", "Male"): (0.5, 0.5),
        ("q2", "Female"): (0.0, 1.0),
    }
    women = loaded.cases[1]
    assert women.n_respondents == pytest.approx(25 / 13)  # (2 + 3)² / (4 + 9)
    assert women.off_scale == pytest.approx(1 / 6)
    assert loaded.cases[3].off_scale == 0
    assert (loaded.name, loaded.gated, loaded.n_dropped_cells) == ("mine", False, 0)


def test_numeric_ranges_sort_people_by_age(tmp_path: Path) -> None:
    """Of 30, 64 and 40 with weights 2, 1, 1 two agree; 17 is left out; of 65 and 90 one is off."""
    loaded = survey(tmp_path, attributes=["age"], questions=["first"])

    assert shares(loaded) == {("first", "18-64"): (0.5, 0.5), ("first", "65+"): (0.0, 1.0)}


def test_unweighted_counts_come_on_request(tmp_path: Path) -> None:
    """Of six respondents three agree, two disagree, one is off the scale."""
    loaded = survey(tmp_path, attributes=["everyone"], questions=["first"], weighted=False)

    [case] = loaded.cases
    assert_allclose(case.answers.probabilities, [3 / 5, 2 / 5])
    assert (case.n_respondents, case.design_effect) == (5.0, 1.0)
    assert case.off_scale == pytest.approx(1 / 6)
    assert case.group.phrase == "a person living here"


def test_one_code_may_be_written_in_several_ways(tmp_path: Path) -> None:
    """`7`, `7.0` and ` 7` are one district, named after its code where the codebook lists none."""
    (tmp_path / "data.csv").write_text("w,q1,d\n1,1,7\n1,2,7.0\n1,2, 7\n1,1,\n")
    district = {"column": "d", "others": "a person living in district {}"}
    first = {"first": CODEBOOK["questions"]["first"]}

    loaded = survey(tmp_path, {"attributes": {"district": district}, "questions": first})

    [case] = loaded.cases
    assert (case.group.value, case.group.phrase) == ("7", "a person living in district 7")
    assert case.answers.probabilities == pytest.approx((1 / 3, 2 / 3))


def test_filters_choose_the_respondents(tmp_path: Path) -> None:
    """Only those with a listed code count, and those with an excluded one do not."""
    changes = {"filters": {"sex": [1, 2]}, "exclude": {"age": [17]}}

    loaded = survey(tmp_path, changes, attributes=["everyone"], questions=["first"])

    assert shares(loaded)["first", "everyone"] == pytest.approx((1 / 6, 5 / 6))


def test_crossings_are_asked_for_by_name(tmp_path: Path) -> None:
    """The one man of 18 to 64 agrees."""
    loaded = survey(tmp_path, attributes=["sex x age"], questions=["first"])

    assert shares(loaded) == {
        ("first", "Male × 18-64"): (1.0, 0.0),
        ("first", "Female × 18-64"): (0.0, 1.0),
        ("first", "Female × 65+"): (0.0, 1.0),
    }
    assert loaded.n_dropped_cells == 1


def test_a_place_is_added_to_each_phrase(tmp_path: Path) -> None:
    """Groups of people say where they live; the population says so itself."""
    loaded = survey(tmp_path, {"place": "Northport"}, attributes=["sex", "everyone"])

    assert {case.group.phrase for case in loaded.cases} == {
        "a man, living in Northport",
        "a woman, living in Northport",
        "a person living here",
    }


def test_codes_may_be_merged_and_put_in_order(tmp_path: Path) -> None:
    """Several codes make one option, and options come in the codebook's order."""
    merged = CODEBOOK["questions"]["first"] | {"options": [[2, "No", 1], [[1, 8], "Yes", 2]]}

    loaded = survey(tmp_path, {"questions": {"first": merged}}, attributes=["sex"])

    assert shares(loaded) == {("first", "Male"): (0, 1), ("first", "Female"): (5 / 6, 1 / 6)}


@pytest.mark.parametrize("file", ["data.parquet", "data.tsv", "data.xlsx"])
def test_every_format_says_the_same(tmp_path: Path, file: str) -> None:
    """Codes are codes, whether the file holds numbers or texts."""
    expected = survey(tmp_path)
    path = tmp_path / file
    if path.suffix == ".xlsx":
        pytest.importorskip("fastexcel")
        rows = [list(ROWS), *zip(*ROWS.values(), strict=True)]
        write_workbook(path, {"About": [["Nothing"]], "Answers": rows})
    elif path.suffix == ".tsv":
        pl.DataFrame(ROWS).write_csv(path, separator="\t")
    else:
        pl.DataFrame(ROWS).write_parquet(path)

    loaded = survey(tmp_path, {"file": {"sheet": "Answers"}}, file=file)

    assert loaded.cases == expected.cases


def test_spss_codes_stay_codes(tmp_path: Path) -> None:
    """A code that is declared missing is off the scale as the codebook says, not a blank."""
    pyreadstat = pytest.importorskip("pyreadstat")
    rows = ROWS | {"q2": [1, 2, 2, 2, None, 1]}
    pyreadstat.write_sav(
        pl.DataFrame(rows),
        tmp_path / "data.sav",
        variable_value_labels={"q1": {1: "Yes", 2: "No", 8: "Refused"}},
        missing_ranges={"q1": [8]},
    )
    first = {"first": CODEBOOK["questions"]["first"]}

    loaded = survey(tmp_path, {"questions": first}, file="data.sav")

    assert loaded.cases == survey(tmp_path, {"questions": first}).cases


def test_stata_letters_are_codes(tmp_path: Path) -> None:
    """An extended missing value .d is the letter d in the codebook."""
    pyreadstat = pytest.importorskip("pyreadstat")
    rows = ROWS | {"q1": [1, 2, 1, "d", 2, 1], "q2": [1, 2, 2, 2, 2, 1]}
    table = pl.DataFrame(
        [pl.Series(name, cells, dtype=pl.Object if name == "q1" else None)
         for name, cells in rows.items()]
    )  # fmt: skip
    pyreadstat.write_dta(table, tmp_path / "data.dta", missing_user_values={"q1": ["d"]})
    first = {"first": CODEBOOK["questions"]["first"]}

    loaded = survey(tmp_path, {"questions": first, "off_scale": ["d"]}, file="data.dta")

    assert loaded.cases == survey(tmp_path, {"questions": first}).cases


def test_a_formula_in_a_cell_stays_text(tmp_path: Path) -> None:
    """Nothing in a file is evaluated: it is an option like any other."""
    formula = "=cmd|' /C calc'!A0"
    with (tmp_path / "data.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["sex", "w", "q"], [1, 1, formula], [1, 1, "no"]])
    options = [[formula, "Formula"], ["no", "No"]]
    questions = {"q": {"text": "?", "kind": "nominal", "options": options}}

    loaded = survey(tmp_path, {"questions": questions}, attributes=["sex"])

    assert shares(loaded)["q", "Male"] == (0.5, 0.5)


def test_a_codebook_cannot_run_anything(tmp_path: Path) -> None:
    """A tag that would make a Python object is refused, and nothing happens."""
    target = tmp_path / "proof"
    tag = f"!!python/object/apply:os.system ['touch {target}']"
    (tmp_path / "codebook.yaml").write_text(f"name: {tag}\n", encoding="utf-8")

    with pytest.raises(DatasetError, match=r"not plain YAML: .*os\.system"):
        Table("data.csv", str(tmp_path / "codebook.yaml")).load()

    assert not target.exists()


def changed(question: str = "first", **changes: Any) -> dict[str, Any]:
    """Change a question of the codebook."""
    questions = CODEBOOK["questions"]
    return {"questions": {**questions, question: questions[question] | changes}}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param({"weight": "weigth"}, "no column 'weigth'. There are sex", id="weight"),
        pytest.param(changed(column="Q1"), "no column 'Q1'. Did you mean q1", id="column"),
        pytest.param(
            changed(options=[[1, "A", 1], [3, "B", 2]]),
            r"Column 'q1' .* does not explain: 2 \(2 times\). Add them to question 'first'",
            id="unknown-answer",
        ),
        pytest.param(
            {"attributes": {"sex": CODEBOOK["attributes"]["sex"] | {"left_out": []}}},
            r"Column 'sex' .* does not explain: 9 \(1 times\). Add them to attribute 'sex'",
            id="unknown-group",
        ),
        pytest.param({"filters": {"sex": 3}}, "Column 'sex' .* never holds '3'", id="filter"),
        pytest.param(
            {"exclude": {"age": "0.."}}, "None of the 6 respondents .* columns: age", id="nobody"
        ),
        pytest.param({"weight": "q2"}, "6 of 6 values in column 'q2'.*missing", id="no-weights"),
        pytest.param(changed(options=[[1, "A", 1]]), "at least two different", id="one-option"),
        pytest.param(
            changed(options=[[1, "A", 1], [2, "B"]]), "one finite number per option", id="ordinals"
        ),
        pytest.param(changed(kind="ordinal"), "'ordinal', but its options are binary", id="kind"),
        pytest.param(changed(options=[[1, None, 1], [2, "B", 2]]), r"in quotes", id="no-label"),
        pytest.param(
            changed(options=[["1..2", "A", 1], [2, "B", 2]]),
            "'options' gives a code two meanings: those of numbers 1 and 2",
            id="overlap",
        ),
        pytest.param(changed(txet="?"), "'txet' has no meaning. Did you mean text", id="key"),
        pytest.param(changed(text=3), "'text' must be a text .* Got 3", id="type"),
        pytest.param({"name": None}, "'name' must be a text", id="null"),
    ],
)
def test_a_mistake_in_the_codebook_is_named(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    """One line says which column, key or code, and what to do."""
    with pytest.raises(DatasetError, match=message) as raised:
        survey(tmp_path, changes)

    assert "\n" not in str(raised.value)


def test_a_key_that_stands_twice_is_refused(tmp_path: Path) -> None:
    """YAML would silently keep the second question of one id."""
    text = "questions:\n  q1: {}\n  q2: {}\n  q1: {}\n"
    (tmp_path / "codebook.yaml").write_text(text, encoding="utf-8")

    with pytest.raises(DatasetError, match="line 4: 'q1' comes twice"):
        Table("data.csv", str(tmp_path / "codebook.yaml")).load()


@pytest.mark.parametrize(
    ("content", "layout", "message"),
    [
        pytest.param(b"sex;age;w;q1;q2\n1;2;3;4;5\n", {}, "holds ';': set 'separator'", id="sep"),
        pytest.param(b"sex,age\n1,caf\xe9\n", {}, "line 2: byte 0xe9 is not utf-8", id="bytes"),
        pytest.param(b"sex\n1\n", {"encoding": "utf-99"}, "unknown encoding", id="encoding"),
        pytest.param(b"", {}, "all in one column", id="empty"),
        pytest.param(b"sex,age,w,q1,q2\n1,2,3,4,5,6\n", {}, "cannot be read as", id="ragged"),
    ],
)
def test_a_text_file_of_another_layout_is_refused(
    tmp_path: Path, content: bytes, layout: dict[str, str], message: str
) -> None:
    """The error says which line or byte, or what to set."""
    (tmp_path / "data.csv").write_bytes(content)

    with pytest.raises(DatasetError, match=message):
        survey(tmp_path, {"file": layout})


def test_encoding_and_separator_are_set_in_the_codebook(tmp_path: Path) -> None:
    """A label of the Windows code page is read as it was written."""
    content = "sex;w;q\n1;1;café\n2;1;thé, chaud\n".encode("cp1252")
    (tmp_path / "data.csv").write_bytes(content)
    options = [["café", "Café"], ["thé, chaud", "Thé"]]
    changes = {
        "file": {"encoding": "cp1252", "separator": ";"},
        "questions": {"q": {"text": "?", "kind": "nominal", "options": options}},
    }

    loaded = survey(tmp_path, changes, attributes=["sex"])

    assert shares(loaded) == {("q", "Male"): (1, 0), ("q", "Female"): (0, 1)}


@pytest.mark.parametrize("file", ["data.sav", "data.dta", "data.xlsx", "data.parquet"])
def test_a_file_that_is_not_what_its_name_says_is_refused(tmp_path: Path, file: str) -> None:
    """A text under another name is no such file."""
    pytest.importorskip("pyreadstat")
    pytest.importorskip("fastexcel")
    (tmp_path / file).write_text("sex,age\n")

    with pytest.raises(DatasetError, match=f"{file} cannot be read as"):
        survey(tmp_path, file=file)


@pytest.mark.parametrize("file", ["data.sav", "data.xlsx"])
def test_a_missing_package_is_named_with_its_extra(
    tmp_path: Path, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Readers of other programs' files are an extra."""
    for package in ("pyreadstat", "fastexcel"):
        monkeypatch.setitem(sys.modules, package, None)
    (tmp_path / file).write_text("")

    with pytest.raises(DatasetError, match=r"pip install -e '.\[surveys\]'"):
        survey(tmp_path, file=file)


def test_a_missing_file_says_where_to_get_it(tmp_path: Path) -> None:
    """The codebook knows."""
    survey(tmp_path)
    (tmp_path / "data.csv").unlink()

    with pytest.raises(DatasetError, match=r"no file .*data\.csv\. Get it from the archive"):
        Table(str(tmp_path / "data.csv"), str(tmp_path / "codebook.yaml")).load()


def test_files_are_opened_by_load_only() -> None:
    """A configuration is valid wherever it is composed."""
    table = Table("nowhere.csv", "nowhere.yaml")

    with pytest.raises(DatasetError, match=r"nowhere\.yaml cannot be read"):
        table.load()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"attributes": ["sexx"]}, "list out of everyone, sex, age"),
        ({"questions": ["third"]}, "list out of first, q2"),
        ({"attributes": "sex"}, "null or a non-empty list of str"),
        ({"weighted": 1}, "true or false"),
        ({"min_respondents": 0}, "an int >= 1"),
    ],
)
def test_a_bad_setting_is_refused(tmp_path: Path, settings: dict[str, Any], message: str) -> None:
    """The error names the parameter and says what it must be."""
    with pytest.raises(ConfigError, match=message) as raised:
        survey(tmp_path, **settings)

    assert f"'{next(iter(settings))}' parameter of Table" in str(raised.value)


def test_a_floor_above_every_cell_is_an_error(tmp_path: Path) -> None:
    """A survey has cases."""
    with pytest.raises(DatasetError, match=r"None of the 8 cells .* Lower 'min_respondents'"):
        survey(tmp_path, min_respondents=50)


def test_the_digest_is_of_the_data_and_of_the_codebook(tmp_path: Path) -> None:
    """Whichever changes, the human answers may have."""
    first = survey(tmp_path).digest
    other_codebook = survey(tmp_path, {"licence": "none"}).digest
    part = survey(tmp_path, attributes=["sex"]).digest
    (tmp_path / "data.csv").write_text((tmp_path / "data.csv").read_text() + "1,20,1,1,no\n")
    other_data = survey(tmp_path).digest

    assert part == first
    assert len({first, other_codebook, other_data}) == 3


def test_the_example_of_the_documentation_loads() -> None:
    """160 of its 200 invented people are of the second wave, by three attributes."""
    table = Table(
        str(EXAMPLES / "town_survey.csv"), str(EXAMPLES / "town_survey.yaml"), min_respondents=20
    )

    loaded = table.load()

    assert loaded.name == "town2024"
    assert len(loaded.cases) == 3 * 7
    assert [case.question.kind for case in loaded.cases[::7]] == ["ordinal", "ordinal", "nominal"]
    assert all(case.design_effect > 1 for case in loaded.cases)


HUMAN: dict[str, list[Any]] = {
    "question_id": ["q", "q", "n"],
    "question": ["How, if at all?"] * 2 + ["Which?"],
    "options": [["Much, very", "Little"]] * 2 + [["a", "b", "c"]],
    "ordinals": [[1.0, 2.0], [1.0, 2.0], None],
    "attribute": ["sex", "sex", "party"],
    "group": ["Male", "Female", "Green"],
    "human": [[0.2505, 0.75], [1.0, 0.0], [0.5, 0.25, 0.25]],
    "n_respondents": [80.5, 49.0, None],
    "phrase": ["a man", "a woman", None],
}


def write_distributions(path: Path, rows: dict[str, list[Any]]) -> Path:
    """Write a table of distributions in the format of its name."""
    table = pl.DataFrame(rows)
    if path.suffix == ".parquet":
        table.write_parquet(path)
    elif path.suffix == ".jsonl":
        table.write_ndjson(path)
    else:
        lists = [pl.col(name).map_elements(lambda x: str(x.to_list()).replace("'", '"'), pl.String)
                 for name in ("options", "ordinals", "human")]  # fmt: skip
        table.with_columns(lists).write_csv(path)
    return path


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_ready_made_distributions_load_from_every_format(tmp_path: Path, suffix: str) -> None:
    """Rounded shares are scaled to 1, small groups dropped, those of unknown size kept."""
    path = write_distributions(tmp_path / f"human{suffix}", HUMAN)

    loaded = DistributionTable(str(path), "mine").load()

    men, greens = loaded.cases
    assert_allclose(men.answers.probabilities, [0.2505 / 1.0005, 0.75 / 1.0005])
    assert (men.group.phrase, men.n_respondents) == ("a man", 80.5)
    assert men.question.options == ("Much, very", "Little")
    assert (greens.question.kind, greens.n_respondents) == ("nominal", None)
    assert greens.group.phrase == "a person whose party is Green"
    assert (loaded.n_dropped_cells, loaded.gated) == (1, True)


@pytest.mark.parametrize(
    ("column", "cells", "message"),
    [
        ("human", [[0.5, 0.6], [1.0, 0.0], [1.0, 0.0, 0.0]], "row 1: 'human' .* sum to 1"),
        ("human", [[1.0], [1.0, 0.0], [1.0, 0.0, 0.0]], "1 shares for 2 options"),
        ("group", ["Male", "Male", "Green"], "row 2: question 'q' has sex 'Male' a second time"),
        ("question", ["A?", "B?", "C?"], "row 2: question 'q' has another text"),
        ("n_respondents", [-1.0, 1.0, 1.0], "row 1: 'n_respondents' must be a number > 0"),
        ("attribute", ["sex", "", "party"], "row 2: 'attribute' must be a text"),
        ("ordinals", [[1.0], [1.0], None], "row 1: .* one finite number per option"),
    ],
)
def test_a_row_that_cannot_be_true_is_named(
    tmp_path: Path, column: str, cells: list[Any], message: str
) -> None:
    """By its number in the file."""
    path = write_distributions(tmp_path / "human.parquet", HUMAN | {column: cells})

    with pytest.raises(DatasetError, match=message):
        DistributionTable(str(path), "mine").load()


def test_a_table_of_distributions_needs_its_columns(tmp_path: Path) -> None:
    """The error names the missing one and all that there must be."""
    rows = {name: cells for name, cells in HUMAN.items() if name != "human"}
    path = tmp_path / "human.jsonl"
    pl.DataFrame(rows).write_ndjson(path)

    with pytest.raises(DatasetError, match=r"row 1 has no 'human'\. It takes question_id"):
        DistributionTable(str(path), "mine").load()


def test_only_what_is_asked_for_is_kept(tmp_path: Path) -> None:
    """And what is not there is refused."""
    path = str(write_distributions(tmp_path / "human.parquet", HUMAN))

    [case] = DistributionTable(path, "mine", attributes=["party"]).load().cases

    assert case.group.value == "Green"
    with pytest.raises(ConfigError, match="list out of sex, party"):
        DistributionTable(path, "mine", attributes=["region"]).load()


def test_a_codebook_that_names_no_source_is_read_and_the_report_warns(tmp_path: Path) -> None:
    """Source, licence and citation may be left out; the report says which of them are missing."""
    silent = {key: CODEBOOK[key] for key in CODEBOOK if key not in ("source", "citation")}
    path = tmp_path / "data.csv"
    pl.DataFrame(ROWS).write_csv(path)
    codebook = tmp_path / "codebook.yaml"
    codebook.write_text(yaml.safe_dump(silent, sort_keys=False))

    loaded = Table(str(path), str(codebook), min_respondents=1).load()

    assert (loaded.licence, loaded.citation) == ("free", "not stated in the codebook")
    [note] = [line for line in described(loaded) if "does not state" in line]
    assert "source and citation" in note


def test_a_cell_that_is_spelled_like_a_range_is_the_code_it_spells(tmp_path: Path) -> None:
    """A file may hold "<30" as a text; the codebook's "<30" means it as well as numbers below."""
    pl.DataFrame({"age": ["<30", "30..49", "29"], "q": ["a", "b", "a"]}).write_csv(
        tmp_path / "data.csv"
    )
    levels = {
        "young": {"codes": "<30", "phrase": "a young person"},
        "older": {"codes": "30..49", "phrase": "a person aged 30 to 49"},
    }
    changes = {
        "attributes": {"age": {"column": "age", "levels": levels}},
        "questions": {"q": {"text": "?", "kind": "nominal", "options": [["a", "A"], ["b", "B"]]}},
    }

    loaded = survey(tmp_path, changes, weighted=False)

    assert shares(loaded) == {("q", "young"): (1.0, 0.0), ("q", "older"): (0.0, 1.0)}


def test_a_survey_without_attributes_is_about_everyone(tmp_path: Path) -> None:
    """Where the codebook names no attribute, all respondents are the one group."""
    loaded = survey(tmp_path, {"attributes": {}}, questions=["first"], weighted=False)

    assert shares(loaded) == {("first", "everyone"): (3 / 5, 2 / 5)}
