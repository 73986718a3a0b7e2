"""The Wellcome Global Monitor 2018 is read from its workbook, once."""

from pathlib import Path
from typing import Any

import pytest
from numpy.testing import assert_allclose

from distexp.dataset.files.codebook import packaged_codebook
from distexp.dataset.wgm import WellcomeGlobalMonitor
from distexp.errors import DatasetError
from distexp.types import Survey
from tests.dataset.workbook import write_workbook

pytest.importorskip("fastexcel")

FIXTURE = (
    Path(__file__).parents[3] / "shared/data/fixtures/wgm2018-dataset-crosstabs-all-countries.xlsx"
)
HEADER: list[object] = [
    "WP5",
    "wgt",
    "PROJWT",
    "Q12",
    "Q19",
    "Gender",
    "Household_Income",
    "Regions_Report",
]
ROWS: list[list[object]] = [
    [1, 1.0, 100.0, 1, 1, 1, 1, 7],
    [1, 3.0, 350.0, 2, 2, 2, 5, 7],
    [1, 2.0, 200.0, 98, 3, 1, 1, 7],
    [14, 1.0, 50.0, 4, 99, 2, None, 17],
    [14, 1.0, 50.0, 4, 3, 1, 3, 17],
    [77, 1.0, 10.0, 3, 3, 1, 3, 0],
]
DICTIONARY: list[list[object]] = [
    ["Variable Name", "Variable Label / Survey Question", "Variable Type & Codes*", "Notes"],
    ["wgt", "National weight", "Numeric", None],
    ["WP5", "Country", "1=United States, 14=Germany, 16=Korea, South,", None],
]


def load(folder: Path, **settings: Any) -> Survey:
    """Load the workbook in the folder, written first if it is not there."""
    path = folder / "wgm2018.xlsx"
    if not path.exists():
        sheets: dict[str, list[list[object]]] = {
            "Crosstabs all countries": [["Country", "Question"]],
            "Full dataset": [HEADER, *ROWS],
            "Data dictionary": DICTIONARY,
        }
        write_workbook(path, sheets)
    chosen: dict[str, Any] = {"questions": ["Q12"], "min_respondents": 1}
    converted = str(folder / "converted")
    return WellcomeGlobalMonitor(str(path), converted=converted, **chosen | settings).load()


def shares(survey: Survey) -> dict[str, tuple[float, ...]]:
    """Return each group's distribution."""
    return {case.group.value: case.answers.probabilities for case in survey.cases}


def test_one_country_is_weighted_by_its_national_weights(tmp_path: Path) -> None:
    """Americans weigh 1 for "a lot", 3 for "some" and 2 for don't know."""
    survey = load(tmp_path, countries=["United States"], attributes=["everyone"])

    [case] = survey.cases
    assert_allclose(case.answers.probabilities, [1 / 4, 3 / 4, 0, 0])
    assert case.off_scale == pytest.approx(2 / 6)
    assert case.group.phrase == "a person living in the United States"


def test_countries_together_are_weighted_by_their_people(tmp_path: Path) -> None:
    """100 and 350 Americans, 100 Germans and 10 of an unnamed country."""
    survey = load(tmp_path, attributes=["everyone"])

    assert_allclose(shares(survey)["everyone"], [100 / 560, 350 / 560, 10 / 560, 100 / 560])


def test_countries_have_the_names_of_the_data_dictionary(tmp_path: Path) -> None:
    """Who lives where the dictionary names nothing is in no country's group."""
    survey = load(tmp_path, attributes=["country"])

    assert shares(survey) == {"United States": (2 / 9, 7 / 9, 0, 0), "Germany": (0, 0, 0, 1)}
    assert [case.group.phrase for case in survey.cases] == [
        "a person living in the United States",
        "a person living in Germany",
    ]


def test_a_blank_or_zero_is_in_no_group(tmp_path: Path) -> None:
    """Of household income and of region."""
    survey = load(tmp_path, attributes=["income", "region"])

    assert set(shares(survey)) == {
        *("Poorest fifth", "Middle fifth", "Richest fifth"),
        *("Northern America", "Western Europe"),
    }


def test_the_middle_answer_comes_in_the_middle(tmp_path: Path) -> None:
    """Science will increase (1), not change (3) or decrease (2) jobs: 100, 260 and 350 people."""
    survey = load(tmp_path, questions=["Q19"], attributes=["everyone"])

    [case] = survey.cases
    assert case.question.options == ("Increase", "Neither or no effect", "Decrease")
    assert_allclose(case.answers.probabilities, [100 / 710, 260 / 710, 350 / 710])


def test_the_sheet_is_read_once_and_kept(tmp_path: Path) -> None:
    """What is kept is found by the digest of the workbook, and says the same."""
    first = load(tmp_path, attributes=["sex"])
    [kept] = (tmp_path / "converted").iterdir()
    written = kept.stat().st_mtime_ns

    second = load(tmp_path, attributes=["sex"])

    assert second == first
    assert [kept] == list((tmp_path / "converted").iterdir())
    assert kept.stat().st_mtime_ns == written


def test_another_workbook_is_read_anew(tmp_path: Path) -> None:
    """Its digest differs."""
    load(tmp_path, attributes=["everyone"])
    write_workbook(
        tmp_path / "wgm2018.xlsx",
        {"Full dataset": [HEADER, ROWS[0], ROWS[0]], "Data dictionary": DICTIONARY},
    )

    survey = load(tmp_path, attributes=["everyone"])

    assert shares(survey)["everyone"] == (1, 0, 0, 0)
    assert len(list((tmp_path / "converted").iterdir())) == 2


def test_a_failed_conversion_leaves_nothing(tmp_path: Path) -> None:
    """A workbook without the sheet of respondents is named, and no file is kept for it."""
    write_workbook(tmp_path / "wgm2018.xlsx", {"Data dictionary": DICTIONARY})

    with pytest.raises(DatasetError, match="no sheet 'Full dataset'"):
        load(tmp_path)

    assert not (tmp_path / "converted").exists()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """A file stands in its place."""
    (tmp_path / "converted").write_text("")

    with pytest.raises(DatasetError, match="Set 'converted' to another folder"):
        load(tmp_path)


def test_a_country_that_is_not_in_the_file_is_an_error(tmp_path: Path) -> None:
    """The known ones nearby are named."""
    with pytest.raises(DatasetError, match="Did you mean United States"):
        load(tmp_path, countries=["Unitd States"], attributes=["everyone"])


def test_a_missing_file_says_where_to_get_it() -> None:
    """Nothing is downloaded."""
    with pytest.raises(DatasetError, match=r"no file nowhere\.xlsx.*wellcome\.org"):
        WellcomeGlobalMonitor("nowhere.xlsx").load()


def test_the_codebook_covers_the_items_on_science_and_health() -> None:
    """33 questions, all on a scale but that on the most trusted adviser."""
    codebook = packaged_codebook("wgm2018.yaml")

    questions = {item.question.question_id: item.question for item in codebook.items}
    assert len(questions) == 33
    assert [key for key, q in questions.items() if q.kind == "nominal"] == ["Q20"]
    assert questions["Q12"].options == ("A lot", "Some", "Not much", "Not at all")
    assert {code for code in (97.0, 98.0, 99.0) if code in codebook.items[0].off_scale} == {
        *(97, 98, 99)
    }


@pytest.mark.skipif(not FIXTURE.exists(), reason="the file in the official format is not here")
def test_the_official_format_loads(tmp_path: Path) -> None:
    """Invented respondents under the real header and sheets."""
    survey = WellcomeGlobalMonitor(
        str(FIXTURE),
        converted=str(tmp_path),
        attributes=["country", "region", "sex", "age", "education", "income", "employment"],
        questions=["Q1", "Q11C", "Q12", "Q13", "Q18", "Q24"],
        min_respondents=1,
    ).load()

    groups = {case.group.value for case in survey.cases}
    assert groups >= {"United States", "Germany", "Northern America", "Western Europe", "Female"}
