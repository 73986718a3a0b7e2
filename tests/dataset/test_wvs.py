"""Wave 7 of the World Values Survey is read from its own CSV file."""

from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.testing import assert_allclose

from distexp.dataset.files.codebook import packaged_codebook
from distexp.dataset.wvs import WorldValuesSurvey
from distexp.errors import ConfigError, DatasetError
from distexp.types import Survey

FIXTURE = Path(__file__).parents[3] / "shared/data/fixtures/WVS_Cross-National_Wave_7_csv_v6_0.csv"
ROWS = {
    "B_COUNTRY_ALPHA": ["USA", "USA", "USA", "USA", "DEU", "DEU", "XKX", "USA", "USA"],
    "D_INTERVIEW": [1, 2, 3, 4, 5, 6, 7, 858069901, 858069901],
    "W_WEIGHT": [1.0, 3.0, 2.0, 1.0, 1.0, 1.0, 1.0, 9.0, 9.0],
    "Q260": [1, 1, 2, 2, 1, 2, -5, 1, 2],
    "Q262": [15, 40, 24, 65, -2, 30, 50, 40, 40],
    "H_URBRURAL": [1, 1, 1, 1, 2, 2, 2, 1, 1],
    "Q289": [0, 1, 5, -1, 5, 0, 12, 1, 1],
    "Q57": [1, 2, 1, -1, 2, 2, 1, 1, 1],
    "Q184": [1, 10, 5, -4, 1, -2, 10, 7, 7],
}
QUESTIONS = ["Q57", "Q184"]


def load(folder: Path, **settings: Any) -> Survey:
    """Write `ROWS` as the published file, with its byte order mark, and load it."""
    path = folder / "WVS.csv"
    path.write_text("\ufeff" + pl.DataFrame(ROWS).write_csv(), encoding="utf-8")
    chosen: dict[str, Any] = {"questions": QUESTIONS, "min_respondents": 1}
    return WorldValuesSurvey(str(path), **chosen | settings).load()


def shares(survey: Survey, question_id: str) -> dict[str, tuple[float, ...]]:
    """Return each group's distribution."""
    cases = [case for case in survey.cases if case.question.question_id == question_id]
    return {case.group.value: case.answers.probabilities for case in cases}


def test_one_country_is_weighted_by_its_national_weights(tmp_path: Path) -> None:
    """American men weigh 1 for trust and 3 for care; one woman trusts, one does not know."""
    survey = load(tmp_path, countries=["USA"], attributes=["sex"])

    assert shares(survey, "Q57") == {"Female": (1, 0), "Male": (0.25, 0.75)}
    women = survey.cases[0]
    assert women.off_scale == pytest.approx(1 / 3)


def test_the_id_that_several_share_is_left_out(tmp_path: Path) -> None:
    """Nobody of the sample says 7, whatever the two of weight 9 say."""
    survey = load(tmp_path, countries=["USA"], attributes=["everyone"])

    assert_allclose(shares(survey, "Q184")["everyone"], np.eye(10)[[0, 4, 9]].T @ [1, 2, 3] / 6)


def test_minus_one_and_two_are_off_the_scale_and_the_rest_was_not_asked(tmp_path: Path) -> None:
    """The German woman gave no answer (-2); the American woman was not asked (-4)."""
    survey = load(tmp_path, attributes=["sex"], weighted=False, questions=["Q184"])

    women, men = survey.cases
    assert (women.n_respondents, women.off_scale) == (1.0, 0.5)
    assert (men.n_respondents, men.off_scale) == (3.0, 0.0)


def test_phrases_say_the_country_when_there_is_one(tmp_path: Path) -> None:
    """And say nothing of countries when people of several are together."""
    of_one = load(tmp_path, countries=["USA"], attributes=["sex", "settlement", "everyone"])
    of_two = load(tmp_path, countries=["USA", "DEU"], attributes=["sex"])

    assert {case.group.phrase for case in of_one.cases} == {
        "a woman, living in the United States",
        "a man, living in the United States",
        "a person living in an urban area in the United States",
        "a person living in the United States",
    }
    assert {case.group.phrase for case in of_two.cases} == {"a woman", "a man"}


def test_countries_are_groups_and_an_unknown_one_keeps_its_code(tmp_path: Path) -> None:
    """Of all countries, those in the file."""
    survey = load(tmp_path, attributes=["country"], questions=["Q57"])

    phrases = {case.group.value: case.group.phrase for case in survey.cases}
    assert phrases == {
        "Germany": "a person living in Germany",
        "United States": "a person living in the United States",
        "XKX": "a person living in the country with the ISO code XKX",
    }
    assert survey.n_dropped_cells == 0


def test_age_is_cut_from_years_and_religion_has_a_valid_zero(tmp_path: Path) -> None:
    """15 is under age and 12 no religion of the list: both are in no group."""
    survey = load(tmp_path, attributes=["age", "religion"], questions=["Q57"])

    groups = {case.group.value for case in survey.cases}
    assert groups == {
        *("16-24", "25-34", "35-44", "45-54"),
        *("None", "Roman Catholic", "Muslim"),
    }


@pytest.mark.parametrize(
    ("countries", "message"),
    [(["usa"], "never holds 'usa'. Did you mean USA?"), (["USA", "FRA"], "never holds 'FRA'")],
)
def test_a_country_that_is_not_in_the_file_is_an_error(
    tmp_path: Path, countries: list[str], message: str
) -> None:
    """A typing mistake must not make a survey of nobody, or of fewer countries."""
    with pytest.raises(DatasetError) as raised:
        load(tmp_path, countries=countries, attributes=["everyone"])

    assert message in str(raised.value)


def test_a_file_of_another_wave_is_refused(tmp_path: Path) -> None:
    """Wave 6 is split at semicolons and has other columns."""
    path = tmp_path / "wave6.csv"
    path.write_text("V1;V2;V258\n6;12;1\n")

    with pytest.raises(DatasetError, match="all in one column"):
        WorldValuesSurvey(str(path)).load()


def test_a_missing_file_says_where_to_get_it() -> None:
    """It takes a registration, so nothing is downloaded."""
    with pytest.raises(DatasetError, match=r"no file .*WVS\.csv.*worldvaluessurvey\.org"):
        WorldValuesSurvey("nowhere/WVS.csv").load()


def test_countries_are_a_list() -> None:
    """One country is a list of one."""
    with pytest.raises(ConfigError, match="'countries' parameter of WorldValuesSurvey"):
        WorldValuesSurvey("WVS.csv", countries="USA")


def test_the_codebook_covers_the_values_items() -> None:
    """Each scale begins at 1 and goes up by 1, as the answers are coded."""
    codebook = packaged_codebook("wvs7.yaml")

    ids = [item.question.question_id for item in codebook.items]
    numbers = [46, 48, 49, *range(57, 82), *range(106, 111), 112, *range(158, 165)]
    assert ids == [f"Q{number}" for number in [*numbers, *range(177, 196)]]
    for item in codebook.items:
        n = len(item.question.options)
        assert item.question.ordinals == tuple(range(1, n + 1))
        assert [codes.listed for codes in item.codes] == [{code} for code in range(1, n + 1)]
    assert codebook.gated


def test_packaged_codebooks_are_plain_text() -> None:
    """Neither tags nor control characters."""
    for name in ("wvs7.yaml", "wgm2018.yaml"):
        text = (files("distexp.dataset") / "data" / name).read_text(encoding="utf-8")

        assert "!" not in text
        assert set(filter(lambda c: not c.isprintable(), text)) == {"\n"}


@pytest.mark.skipif(not FIXTURE.exists(), reason="the file in the official format is not here")
def test_the_official_format_loads() -> None:
    """Invented respondents under the real header."""
    survey = WorldValuesSurvey(
        str(FIXTURE),
        attributes=["country", "sex", "age", "education", "income", "religion", "left_right"],
        questions=["Q46", "Q57", "Q106", "Q182", "Q184"],
        min_respondents=1,
    ).load()

    assert {case.group.attribute for case in survey.cases} >= {"country", "income", "left_right"}
    assert survey.gated
