"""GlobalOpinionQA's texts are read as data, and what holds no distribution is counted."""

import csv
import hashlib
import logging
from pathlib import Path
from typing import Any

import pytest
from numpy.testing import assert_allclose

from distexp.dataset.globalopinionqa import GlobalOpinionQA
from distexp.errors import ConfigError, DatasetError

FIXTURE = Path(__file__).parents[3] / "shared" / "data" / "fixtures" / "global_opinions.csv"
Row = tuple[str, str, str, str]
CRIME: Row = (
    "How much of a problem is crime?",
    "defaultdict(<class 'list'>, {'Brazil': [0.3, 0.5, 0.2], 'S. Korea': [0.1, 0.4, 0.5]})",
    "['Big', 'Small', 'DK/Refused']",
    "GAS",
)
LIFE: Row = (
    "How satisfied are you?",
    "defaultdict(<class 'list'>, {'Japan': [0.2, 0.3, 0.5], 'Brazil': [0.0, 0.0, 1.0]})",
    "[1.0, 2.0, 10.0]",
    "WVS",
)


def test_countries_are_groups(tmp_path: Path) -> None:
    """A case for each country, in the order of the file; ids are source and row."""
    survey = GlobalOpinionQA(written(tmp_path, [CRIME, LIFE])).load()

    assert [(case.question.question_id, case.group.value) for case in survey.cases] == [
        ("GAS_0", "Brazil"), ("GAS_0", "S. Korea"), ("WVS_1", "Japan"), ("WVS_1", "Brazil"),
    ]  # fmt: skip
    assert {case.group.attribute for case in survey.cases} == {"country"}
    assert {case.n_respondents for case in survey.cases} == {None}
    assert (survey.n_dropped_cells, survey.gated) == (0, False)


def test_options_that_decline_are_off_the_scale(tmp_path: Path) -> None:
    """Of the Brazilians .2 did not know: the other .8 are scaled to 1."""
    case, *_ = GlobalOpinionQA(written(tmp_path, [CRIME])).load().cases

    assert case.question.options == ("Big", "Small")
    assert_allclose(case.answers.probabilities, [3 / 8, 5 / 8])
    assert case.off_scale == pytest.approx(0.2)


def test_where_no_option_declines_their_share_is_unknown(tmp_path: Path) -> None:
    """The file left them out, which is not to say that there were none."""
    case, *_ = GlobalOpinionQA(written(tmp_path, [LIFE])).load().cases

    assert case.off_scale is None


def test_only_numbers_are_a_scale_unless_the_order_is_to_count(tmp_path: Path) -> None:
    """Numbers stand where they stand; labels are nominal by default."""
    path = written(tmp_path, [CRIME, LIFE])

    by_default = {c.question.question_id: c.question for c in GlobalOpinionQA(path).load().cases}
    in_order = [c.question for c in GlobalOpinionQA(path, ordinals="order").load().cases]

    assert by_default["GAS_0"].kind == "nominal"
    assert by_default["WVS_1"].options == ("1", "2", "10")
    assert by_default["WVS_1"].ordinals == (1, 2, 10)
    assert [question.ordinals for question in in_order[1:3]] == [(1, 2), (1, 2, 10)]


@pytest.mark.parametrize(
    ("label", "phrase"),
    [
        ("Japan", "a person living in Japan"),
        ("United States", "a person living in the United States"),
        ("S. Korea", "a person living in South Korea"),
        ("Germany (Non-national sample)", "a person living in Germany"),
    ],
)
def test_countries_are_called_by_natural_phrases(tmp_path: Path, label: str, phrase: str) -> None:
    """The label stays as it is; the phrase has articles and no remarks."""
    row = (LIFE[0], f"defaultdict(<class 'list'>, {{{label!r}: [0.2, 0.3, 0.5]}})", *LIFE[2:])

    [case] = GlobalOpinionQA(written(tmp_path, [row])).load().cases

    assert (case.group.value, case.group.phrase) == (label, phrase)


def test_what_holds_no_distribution_is_counted_by_reason(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """One line tells of rows and cells left out; cells are in the survey's count, too."""
    odd = (
        "defaultdict(<class 'list'>, {'A': [0.5, 0.5], 'B': [0.0, 0.0, 0.0], "
        "'C': [0.5, -0.5, 1.0], 'D': [0.5, 0.25, 0.25], 'E': [0, 0, 1]})"
    )
    rows = [
        ("", "defaultdict(<class 'list'>, {})", "[]", "GAS"),
        (CRIME[0], odd, CRIME[2], "GAS"),
        (CRIME[0], CRIME[1], "['Big', 'Refused', 'DK']", "GAS"),
    ]

    with caplog.at_level(logging.WARNING):
        survey = GlobalOpinionQA(written(tmp_path, rows)).load()

    assert [case.group.value for case in survey.cases] == ["D"]
    assert survey.n_dropped_cells == 6
    [message] = [record.getMessage() for record in caplog.records]
    assert message.endswith(
        "left out cells with a share that is negative or no number (1), "
        "cells with more or fewer shares than options (1), "
        "cells without an answer on the scale (2), "
        "rows without a question (1), rows without two different options (1)."
    )


def test_a_clean_file_warns_of_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A line that always comes is never read."""
    GlobalOpinionQA(written(tmp_path, [CRIME])).load()

    assert not caplog.records


def test_countries_sources_and_questions_are_chosen(tmp_path: Path) -> None:
    """Countries come in the order asked for."""
    path = written(tmp_path, [CRIME, LIFE])

    countries = GlobalOpinionQA(path, countries=["S. Korea", "Brazil"]).load().cases
    sources = GlobalOpinionQA(path, sources=["WVS"]).load().cases
    questions = GlobalOpinionQA(path, questions=["GAS_0"]).load().cases

    assert [case.group.value for case in countries] == ["S. Korea", "Brazil", "Brazil"]
    assert {case.question.question_id for case in sources} == {"WVS_1"}
    assert {case.question.question_id for case in questions} == {"GAS_0"}


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"countries": ["Brasil"]}, "Did you mean Brazil"),
        ({"sources": ["wvs"]}, "WVS"),
        ({"questions": ["GAS_1"]}, "Did you mean GAS_0"),
        ({"sources": ["GAS"], "countries": ["Japan"]}, "'countries' parameter"),
    ],
)
def test_an_unknown_name_is_refused_with_the_known_ones(
    tmp_path: Path, setting: dict[str, Any], message: str
) -> None:
    """A typing mistake must not shrink a survey in silence."""
    with pytest.raises(ConfigError, match=message):
        GlobalOpinionQA(written(tmp_path, [CRIME, LIFE]), **setting).load()


@pytest.mark.parametrize("place", [1, 2], ids=["selections", "options"])
def test_a_cell_is_never_executed(tmp_path: Path, place: int) -> None:
    """The text looks like Python, and most readers of this file evaluate it."""
    trap = f"{{'A': __import__('pathlib').Path({str(tmp_path / 'trap')!r}).touch()}}"
    row = list(CRIME)
    row[place] = trap

    with pytest.raises(DatasetError, match=r"GAS_0: '.*' is not a plain Python literal"):
        GlobalOpinionQA(written(tmp_path, [(row[0], row[1], row[2], row[3])])).load()

    assert not (tmp_path / "trap").exists()


@pytest.mark.parametrize(
    ("selections", "message"),
    [
        ("defaultdict(<class 'list'>, {1: [1.0]})", "must be a dict of countries"),
        ("defaultdict(<class 'list'>, {'A': 1.0})", "of A must be a list of numbers"),
        ("nothing", "is not a plain Python literal"),
    ],
)
def test_selections_are_lists_of_numbers_by_country(
    tmp_path: Path, selections: str, message: str
) -> None:
    """Anything else is another file."""
    with pytest.raises(DatasetError, match=message):
        GlobalOpinionQA(written(tmp_path, [(CRIME[0], selections, *CRIME[2:])])).load()


def test_a_missing_file_says_where_to_get_it(tmp_path: Path) -> None:
    """The file does not come with the package."""
    with pytest.raises(DatasetError, match="Anthropic/llm_global_opinions"):
        GlobalOpinionQA(str(tmp_path / "global_opinions.csv")).load()


def test_a_file_without_any_distribution_is_an_error(tmp_path: Path) -> None:
    """An empty survey is never returned."""
    row = ("", "defaultdict(<class 'list'>, {})", "[]", "GAS")

    with pytest.raises(DatasetError, match="holds no distribution"):
        GlobalOpinionQA(written(tmp_path, [row])).load()


@pytest.mark.parametrize(
    "setting",
    [{"path": ""}, {"countries": "Japan"}, {"sources": []}, {"questions": [1]}, {"ordinals": 1}],
)
def test_a_bad_setting_is_refused_by_the_constructor(setting: dict[str, Any]) -> None:
    """Types are checked before any file is opened."""
    [name] = setting

    with pytest.raises(ConfigError, match=f"'{name}' parameter of GlobalOpinionQA must be"):
        GlobalOpinionQA(**{"path": "absent", **setting})


def test_the_official_format_is_read() -> None:
    """Three rows in the release's own layout, one of them without a question."""
    if not FIXTURE.exists():
        pytest.skip("the file in GlobalOpinionQA's layout is not beside the project")

    survey = GlobalOpinionQA(str(FIXTURE)).load()

    assert [case.group.value for case in survey.cases] == [
        "Brazil", "Germany (Non-national sample)", "Japan",
    ]  # fmt: skip
    assert survey.cases[0].answers.probabilities == (0.3, 0.5, 0.15, 0.05)
    assert survey.cases[2].question.ordinals == tuple(range(1, 11))
    assert survey.digest == hashlib.sha256(FIXTURE.read_bytes()).hexdigest()


def written(folder: Path, rows: list[Row]) -> str:
    """Write `rows` as the release does, and return the path."""
    path = folder / "global_opinions.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("question", "selections", "options", "source"), *rows])
    return str(path)
