"""A survey says which language it is worded in, and its groups live there in that language."""

from dataclasses import replace
from pathlib import Path

import pytest

from distexp.dataset.distributions import DistributionTable
from distexp.dataset.embedded import EmbeddedSurvey
from distexp.dataset.table import Table
from distexp.errors import ConfigError, DatasetError

EXAMPLES = Path(__file__).parents[2] / "docs/examples"
GERMAN = (EXAMPLES / "town_survey_de.yaml").read_text("utf-8")


def survey(tmp_path: Path, codebook: str) -> Table:
    """Return the town survey by a codebook."""
    book = tmp_path / "book.yaml"
    book.write_text(codebook, "utf-8")
    return Table(path=str(EXAMPLES / "town_survey.csv"), codebook=str(book), min_respondents=10)


@pytest.mark.parametrize(
    ("language", "phrase"),
    [
        ("de", "eine Frau, wohnhaft in Northport"),
        ("de-AT", "eine Frau, wohnhaft in Northport"),
        ("en", "eine Frau, living in Northport"),
        ("zh", "eine Frau，居住在Northport"),
        ("sw", "eine Frau: Northport"),
    ],
)
def test_codebook_says_its_language(language: str, phrase: str, tmp_path: Path) -> None:
    """The survey has it, and the place is joined to a group's phrase in it."""
    found = survey(tmp_path, GERMAN.replace("language: de", f"language: {language}")).load()

    assert found.language == language
    assert phrase in {case.group.phrase for case in found.cases}


def test_codebook_without_a_language_is_as_before(tmp_path: Path) -> None:
    """None is said of it, and places are joined in English."""
    found = survey(tmp_path, GERMAN.replace("language: de\n", "")).load()

    assert found.language is None
    assert "eine Frau, living in Northport" in {case.group.phrase for case in found.cases}
    assert replace(found, language="de").language == "de"


@pytest.mark.parametrize("language", ["German", "DE", "de_DE", "''"])
def test_word_that_names_no_language_is_refused(language: str, tmp_path: Path) -> None:
    """With what is wanted."""
    with pytest.raises(DatasetError, match=r"language.*BCP 47"):
        survey(tmp_path, GERMAN.replace("language: de", f"language: {language}")).load()
    with pytest.raises(ConfigError, match=r"language.*BCP 47"):
        DistributionTable("t.csv", "t", language=language)


def test_embedded_surveys_are_in_english() -> None:
    """As their files are."""
    assert EmbeddedSurvey("gss2018").load().language == "en"
