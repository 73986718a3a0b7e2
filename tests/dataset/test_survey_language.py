"""A survey says which language it is worded in, and its groups live there in that language."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from distexp.dataset.distributions import DistributionTable
from distexp.dataset.embedded import SURVEYS, EmbeddedSurvey
from distexp.dataset.files.codebook import packaged_codebook
from distexp.dataset.questions import NewQuestions
from distexp.dataset.recorded import Recorded
from distexp.dataset.runs import EarlierRuns
from distexp.dataset.table import Table
from distexp.errors import ConfigError, DatasetError
from distexp.prompt.spoken import LANGUAGES
from distexp.types import Case
from tests.dataset.test_recorded import FORMATS, OTHER, ROW, written
from tests.dataset.test_runs import run, same_texts, study

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


@pytest.mark.parametrize("language", ["German", "DE", "de_DE", "d"])
def test_word_that_names_no_language_is_refused(language: str, tmp_path: Path) -> None:
    """With what is wanted."""
    with pytest.raises(DatasetError, match=r"language.*BCP 47"):
        survey(tmp_path, GERMAN.replace("language: de", f"language: {language}")).load()
    with pytest.raises(ConfigError, match=r"language.*BCP 47"):
        DistributionTable("t.csv", "t", language=language)


def test_embedded_surveys_are_in_english() -> None:
    """As their files are."""
    assert EmbeddedSurvey("gss2018").load().language == "en"


TWO = "{de: eine Frau, en: a woman}"


@pytest.mark.parametrize(
    ("phrase", "language", "own", "others"),
    [
        (TWO, "de", "eine Frau, wohnhaft in Northport", {"en": "a woman, living in Northport"}),
        (TWO, "en", "a woman, living in Northport", {"de": "eine Frau, wohnhaft in Northport"}),
        ("{de-AT: eine Frau}", "de-AT", "eine Frau, wohnhaft in Northport", {}),
        ("eine Frau", "de", "eine Frau, wohnhaft in Northport", {}),
    ],
)
def test_codebook_gives_phrases_in_several_languages(
    phrase: str, language: str, own: str, others: dict[str, str], tmp_path: Path
) -> None:
    """That of its own language is the group's, the place is joined in each."""
    text = GERMAN.replace("phrase: eine Frau", f"phrase: {phrase}")

    found = survey(tmp_path, text.replace("language: de", f"language: {language}")).load()

    women = next(case.group for case in found.cases if case.group.value == "Frauen")
    assert women.phrase == own
    assert dict(women.phrases) == others
    assert {women.phrase_in(of) for of in others} == set(others.values())
    assert (women.phrase_in("fr"), women.phrase_in(None)) == (own, own)


def test_language_itself_goes_before_its_regions(tmp_path: Path) -> None:
    """Whatever stands first in the file."""
    text = GERMAN.replace("phrase: eine Frau", "phrase: {de: x, en-GB: a lady, en: a woman}")

    phrases = {case.group.phrase_in("en") for case in survey(tmp_path, text).load().cases}

    assert any(phrase.startswith("a woman") for phrase in phrases)
    assert not any("lady" in phrase for phrase in phrases)


@pytest.mark.parametrize(
    ("phrase", "problem"),
    [
        ("{en: a woman}", "no phrase in 'de'"),
        ("{de: eine Frau, German: x}", "BCP 47"),
        ("{de: [x]}", "must be a text"),
        ("{}", "no phrase in 'de'"),
        ("3", "must be a text"),
    ],
)
def test_phrase_that_is_in_no_language_is_refused(
    phrase: str, problem: str, tmp_path: Path
) -> None:
    """With the place in the codebook."""
    with pytest.raises(DatasetError, match=rf"Frauen.*{problem}"):
        survey(tmp_path, GERMAN.replace("phrase: eine Frau", f"phrase: {phrase}")).load()


def test_groups_are_crossed_in_the_language_of_the_survey(tmp_path: Path) -> None:
    """Not by an English word, and in each language that both have."""
    text = GERMAN.replace("phrase: eine Frau", f"phrase: {TWO}").replace(
        "questions:",
        "  wave:\n    column: wave\n    levels:\n"
        "      zwei: {codes: 2, phrase: {de: ein Mensch, en: a person}}\nquestions:",
    )
    table = survey(tmp_path, text)
    table.selection = replace(table.selection, attributes=["sex × wave"])

    phrases = {case.group.value: case.group for case in table.load().cases}

    both = phrases["Frauen × zwei"]
    assert both.phrase == "eine Frau und ein Mensch, wohnhaft in Northport"
    assert both.phrase_in("en") == "a woman and a person, living in Northport"
    assert phrases["Männer × zwei"].phrases == ()


@pytest.mark.parametrize("name", SURVEYS)
def test_every_packaged_group_has_a_phrase_in_every_language(name: str) -> None:
    """So that nothing English stands in a prompt beside question and options."""
    survey = EmbeddedSurvey(name).load()

    for group in {case.group for case in survey.cases}:
        assert [of for of, _ in group.phrases] == [of for of in LANGUAGES if of != "en"]
        assert len({group.phrase, *dict(group.phrases).values()}) == len(LANGUAGES)


@pytest.mark.parametrize(
    ("languages", "found"),
    [(("de", "de"), "de"), (("de", "fr"), None), ((None, None), None), (("de", None), None)],
)
@FORMATS
def test_recorded_estimates_say_their_language_where_all_do(
    languages: tuple[str | None, str | None], found: str | None, suffix: str, tmp_path: Path
) -> None:
    """In a column that may be missing; several languages are none."""
    rows = [row | {"language": of} for row, of in zip([ROW, OTHER], languages, strict=True)]

    assert Recorded(written(tmp_path, rows, suffix)).load().language == found
    assert Recorded(written(tmp_path, [ROW, OTHER], suffix)).load().language is None


def test_recorded_language_that_is_none_is_named_with_its_row(tmp_path: Path) -> None:
    """A tag is wanted, not a word."""
    rows = [ROW, OTHER | {"language": "German"}]

    with pytest.raises(DatasetError, match="row 2: 'language' must be a language"):
        Recorded(written(tmp_path, rows, "jsonl")).load()


@pytest.mark.parametrize(
    ("languages", "found"), [(["en", "en"], "en"), (["en", "de"], None), (["en", None], None)]
)
def test_earlier_runs_have_the_language_of_their_surveys(
    languages: list[str | None], found: str | None, cases: list[Case], tmp_path: Path
) -> None:
    """Where all say the same; runs of before said nothing."""
    for number, language in enumerate(languages):
        run(tmp_path / str(number), study(same_texts(cases), model=str(number)))
        path = tmp_path / str(number) / "provenance.json"
        said = json.loads(path.read_text()) | {"language": language}
        if language is None:
            del said["language"]
        path.write_text(json.dumps(said))

    assert EarlierRuns([str(tmp_path)]).load().language == found


@pytest.mark.parametrize("name", ["wgm2018.yaml", "wvs7.yaml"])
def test_packaged_codebooks_are_in_english(name: str) -> None:
    """As the questionnaires that they were made from."""
    assert packaged_codebook(name).language == "en"


@pytest.mark.parametrize(("said", "found"), [("language: de\n", "de"), ("", None)])
def test_questionnaire_says_its_language(said: str, found: str | None, tmp_path: Path) -> None:
    """And may give phrases in several, as a codebook does."""
    path = tmp_path / "new.yaml"
    path.write_text(
        f"{said}groups:\n  sex:\n    Frau: {{{found or 'en'}: eine Frau, fr: une femme}}\n"
        "questions: {q: {text: Gut, options: [Ja, Nein]}}\n",
        "utf-8",
    )

    (case,) = (loaded := NewQuestions(str(path)).load()).cases

    assert loaded.language == found
    assert (case.group.phrase, case.group.phrase_in("fr")) == ("eine Frau", "une femme")
