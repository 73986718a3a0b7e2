"""OpinionQA is tallied from its respondents as its files say; nothing in them is executed."""

import csv
import hashlib
from pathlib import Path
from typing import Any

import pytest
from numpy.testing import assert_allclose

from distexp.dataset.files.cells import MAX_CHARS, is_refusal, parse_literal
from distexp.dataset.opinionqa import OpinionQA
from distexp.errors import ConfigError, DatasetError
from distexp.types import Case

FIXTURE = Path(__file__).parents[3] / "shared" / "data" / "fixtures" / "opinionqa" / "human_resp"
SAFE = {
    "key": "SAFE_W26",
    "question": "How safe is your community?",
    "references": "['Safe', 'Unsafe', 'Very unsafe', 'Refused']",
    "option_ordinal": "[1.0, 2.0, 3.0]",
}
HELP = {
    "key": "HELP_W26",
    "question": "Helping or hurting?",
    "references": "['Helping', 'Hurting', 'Neither', 'Not sure', 'Refused']",
    "option_ordinal": "[1.0, 2.0, 1.5]",
}
WHO = {
    "key": "WHO_W26",
    "question": "Who is responsible?",
    "references": "['Family', 'State', 'Refused']",
    "option_ordinal": "[1, 1]",
}
METADATA = {"SEX": "['Male', 'Female']", "RELIGATTEND": "['Once a week', 'Never']"}
RESPONSES = [
    # QKEY, SAFE, HELP, WHO, SEX, RELIGATTEND, WEIGHT
    (1, "Safe", "Helping", "Family", "Male", "Once a week", 2.0),
    (2, "Unsafe", "Neither", "", "Male", "Never", 1.0),
    (3, "Refused", "Not sure", "State", "Male", "Refused", 1.0),
    (4, "Safe", "Hurting", "State", "Female", "Never", 0.5),
    (5, "", "Refused", "Family", "Female", "Once a week", 3.5),
    (6, "Very unsafe", "Helping", "State", "Refused", "Never", 1.0),
]


def test_shares_are_weighted_and_refusals_stand_apart(tmp_path: Path) -> None:
    """Men: weights 2 safe, 1 unsafe, 1 refused, so 2/3, 1/3, 0 and a quarter off the scale."""
    case = of(loaded(tmp_path), "SAFE_W26", "Male")

    assert case.question.options == ("Safe", "Unsafe", "Very unsafe")
    assert_allclose(case.answers.probabilities, [2 / 3, 1 / 3, 0])
    assert case.off_scale == pytest.approx(1 / 4)
    assert case.n_respondents == pytest.approx(3**2 / 5)
    assert case.design_effect == pytest.approx(2 / (9 / 5))


def test_unweighted_counts_each_respondent_once(tmp_path: Path) -> None:
    """Men: one safe, one unsafe, one refused."""
    case = of(loaded(tmp_path, weighted=False), "SAFE_W26", "Male")

    assert_allclose(case.answers.probabilities, [1 / 2, 1 / 2, 0])
    assert (case.n_respondents, case.design_effect) == (2, 1)
    assert case.off_scale == pytest.approx(1 / 3)


def test_who_was_not_asked_counts_nowhere(tmp_path: Path) -> None:
    """A blank is no refusal: of the women, one was asked SAFE and nobody refused."""
    case = of(loaded(tmp_path), "SAFE_W26", "Female")

    assert (case.answers.probabilities, case.off_scale) == ((1, 0, 0), 0)


def test_only_groups_of_the_metadata_are_made(tmp_path: Path) -> None:
    """Who refused to name a sex is in no group of that attribute, but is in another's."""
    cases = loaded(tmp_path)

    groups = {(case.group.attribute, case.group.value) for case in cases}
    assert groups == {
        *(("SEX", "Male"), ("SEX", "Female")),
        *(("RELIGATTEND", "Once a week"), ("RELIGATTEND", "Never")),
    }
    never = of(cases, "SAFE_W26", "Never")
    assert_allclose(never.answers.probabilities, [0.5 / 2.5, 1 / 2.5, 1 / 2.5])


def test_groups_are_called_by_natural_phrases(tmp_path: Path) -> None:
    """They complete "Imagine you are ..."."""
    phrases = {case.group.value: case.group.phrase for case in loaded(tmp_path)}

    assert phrases["Male"] == "a man"
    assert phrases["Once a week"] == "a person who attends religious services once a week"


def test_ordinals_stay_as_the_file_has_them(tmp_path: Path) -> None:
    """They need not increase; where all are equal, the question is nominal."""
    questions = {case.question.question_id: case.question for case in loaded(tmp_path)}

    assert questions["HELP_W26"].ordinals == (1, 2, 1.5)
    assert questions["HELP_W26"].kind == "ordinal"
    assert questions["WHO_W26"].kind == "nominal"


def test_everyone_comes_only_when_named(tmp_path: Path) -> None:
    """All six respondents, whatever they said of themselves."""
    cases = loaded(tmp_path, attributes=["everyone"], weighted=False)

    assert {case.group.value for case in cases} == {"everyone"}
    assert of(cases, "WHO_W26", "everyone").answers.probabilities == (2 / 5, 3 / 5)


def test_small_cells_are_dropped_and_counted(tmp_path: Path) -> None:
    """Four groups by three questions; four of the cells have one answer."""
    release(tmp_path)

    survey = OpinionQA(str(tmp_path), min_respondents=2).load()

    kept = {(case.question.question_id, case.group.value) for case in survey.cases}
    assert len(kept) == 8
    assert survey.n_dropped_cells == 4
    assert ("SAFE_W26", "Female") not in kept


def test_waves_are_read_in_order_and_chosen_by_number(tmp_path: Path) -> None:
    """A question's id names its wave, so ids differ."""
    release(tmp_path, 100)
    release(tmp_path, 26)

    both = OpinionQA(str(tmp_path), min_respondents=1).load()
    one = OpinionQA(str(tmp_path), waves=[100], min_respondents=1).load()

    ids = list(dict.fromkeys(case.question.question_id for case in both.cases))
    assert ids == ["SAFE_W26", "HELP_W26", "WHO_W26", "SAFE_W100", "HELP_W100", "WHO_W100"]
    assert {case.question.question_id for case in one.cases} == set(ids[3:])


def test_the_subset_of_the_authors_is_chosen_by_its_name(tmp_path: Path) -> None:
    """The folder of the subset lists its keys; those of absent waves are passed over."""
    release(tmp_path)
    subset = tmp_path / "Pew_American_Trends_Panel_disagreement_500"
    subset.mkdir()
    (subset / "info.csv").write_text(",key,survey\n0,WHO_W26,Pew_W26\n1,OTHER_W92,Pew_W92\n")

    cases = OpinionQA(str(tmp_path), questions="disagreement_500", min_respondents=1).load().cases

    assert {case.question.question_id for case in cases} == {"WHO_W26"}


def test_questions_are_chosen_by_id(tmp_path: Path) -> None:
    """They keep the order of the file."""
    cases = loaded(tmp_path, questions=["WHO_W26", "SAFE_W26"])

    ids = list(dict.fromkeys(case.question.question_id for case in cases))
    assert ids == ["SAFE_W26", "WHO_W26"]


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"waves": [27]}, "'waves' parameter of OpinionQA must be null or a list out of 26 "),
        ({"questions": ["SAFE_W62"]}, "Did you mean SAFE_W26"),
        ({"attributes": ["PARTY"]}, "'attributes' parameter of OpinionQA"),
    ],
)
def test_an_unknown_name_is_refused_with_the_known_ones(
    tmp_path: Path, setting: dict[str, Any], message: str
) -> None:
    """A typing mistake must not shrink a survey in silence."""
    with pytest.raises(ConfigError, match=message):
        loaded(tmp_path, **setting)


@pytest.mark.parametrize(
    "setting",
    [
        {"path": None},
        {"waves": ["26"]},
        {"waves": 26},
        {"questions": "disagreement"},
        {"questions": []},
        {"attributes": "SEX"},
        {"weighted": "yes"},
        {"min_respondents": 0},
    ],
)
def test_a_bad_setting_is_refused_by_the_constructor(setting: dict[str, Any]) -> None:
    """Types are checked before any file is opened."""
    [name] = setting

    with pytest.raises(ConfigError, match=f"'{name}' parameter of OpinionQA must be"):
        OpinionQA(**{"path": "absent", **setting})


def test_an_answer_that_is_no_reference_is_named_and_counted(tmp_path: Path) -> None:
    """Labels of another release would otherwise vanish from the shares."""
    release(tmp_path, responses=[(row[0], "Sort of safe", *row[2:]) for row in RESPONSES])

    with pytest.raises(DatasetError, match=r"6 answers to SAFE_W26 .*: 'Sort of safe' \(6\)"):
        OpinionQA(str(tmp_path), min_respondents=1).load()


def test_a_refusal_that_is_no_reference_is_off_the_scale(tmp_path: Path) -> None:
    """Web surveys know a blank that counts as refusal."""
    release(tmp_path, responses=[(7, "Refused/Web blank", *RESPONSES[0][2:]), *RESPONSES])

    cases = OpinionQA(str(tmp_path), weighted=False, min_respondents=1).load().cases

    assert of(cases, "SAFE_W26", "Male").off_scale == pytest.approx(2 / 4)


@pytest.mark.parametrize("column", ["references", "option_ordinal"])
def test_a_cell_is_never_executed(tmp_path: Path, column: str) -> None:
    """The authors' code evaluates these cells; here what is no plain literal is an error."""
    trap = f"[__import__('pathlib').Path({str(tmp_path / 'trap')!r}).touch()]"
    release(tmp_path, info=[SAFE | {column: trap}])

    with pytest.raises(DatasetError, match=f"{column} of SAFE_W26 is not a plain Python literal"):
        OpinionQA(str(tmp_path)).load()

    assert not (tmp_path / "trap").exists()


@pytest.mark.parametrize(
    "cell",
    ["[" * 50_000, "-" * 50_000 + "1", "9**9**9", "[1]" + " " * MAX_CHARS + ",", "", "\x00"],
    ids=["nested", "signs", "power", "long", "empty", "null-byte"],
)
def test_a_hostile_cell_is_an_error_and_no_crash(cell: str) -> None:
    """Neither the parser's stack nor memory can be exhausted."""
    with pytest.raises(DatasetError, match="cell 1 is not a plain Python literal"):
        parse_literal(cell, "cell 1")


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("Refused", True),
        ("DK/Refused", True),
        ("Don’t know", True),
        ("Don't know/Not sure", True),
        ("No answer; refused", True),
        ("Missing; Unknown", True),
        ("Refused (VOL.)", True),
        ("No", False),
        ("No one", False),
        ("Refused to fight", False),
        ("Neither", False),
        ("Other", False),
    ],
)
def test_a_refusal_is_known_by_its_words(label: str, expected: bool) -> None:
    """A label is one only if each of its parts is."""
    assert is_refusal(label) is expected


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"references": "'Safe'"}, "must be a list of texts"),
        ({"option_ordinal": "['a']"}, "must be a list of numbers"),
        ({"option_ordinal": "[1, 2, 3, 4, 5]"}, "has 4 options but the ordinals"),
    ],
)
def test_a_question_that_cannot_be_true_is_named(
    tmp_path: Path, change: dict[str, str], message: str
) -> None:
    """The message holds its key."""
    release(tmp_path, info=[SAFE | change])

    with pytest.raises(DatasetError, match=message) as caught:
        OpinionQA(str(tmp_path)).load()

    assert "SAFE_W26" in str(caught.value)


def test_a_folder_without_waves_says_which_folder_is_wanted(tmp_path: Path) -> None:
    """The bundle's own folder, not the one around it."""
    with pytest.raises(DatasetError, match="set 'path' to human_resp"):
        OpinionQA(str(tmp_path)).load()
    with pytest.raises(DatasetError, match="cannot be read as a folder"):
        OpinionQA(str(tmp_path / "absent")).load()


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    """A wave whose responses lack a question is of another release than its info."""
    release(tmp_path, info=[SAFE, SAFE | {"key": "GONE_W26"}])

    with pytest.raises(DatasetError, match="no column 'GONE_W26'"):
        OpinionQA(str(tmp_path)).load()


def test_too_high_a_floor_says_so(tmp_path: Path) -> None:
    """An empty survey is an error."""
    release(tmp_path)

    with pytest.raises(DatasetError, match="Lower 'min_respondents'"):
        OpinionQA(str(tmp_path)).load()


def test_the_survey_is_gated_and_identified_by_its_files(tmp_path: Path) -> None:
    """Another answer is another digest."""
    release(tmp_path)
    first = OpinionQA(str(tmp_path), min_respondents=1).load()
    release(tmp_path, responses=RESPONSES[1:])
    second = OpinionQA(str(tmp_path), min_respondents=1).load()

    assert first.gated
    assert first.digest != second.digest
    assert len(first.digest) == hashlib.sha256().digest_size * 2


def test_the_official_format_is_read() -> None:
    """Invented respondents in the release's own layout; shares added up by hand over the CSV."""
    if not FIXTURE.exists():
        pytest.skip("the files in OpinionQA's layout are not beside the project")
    responses = FIXTURE / "American_Trends_Panel_W26" / "responses.csv"
    options = ["Helping a lot", "Helping a little", "Hurting a little", "Hurting a lot"]
    options.append("Neither helping nor hurting")
    sums = dict.fromkeys([*options, "Refused", ""], 0.0)
    with responses.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["SEX"] == "Male":
                sums[row["ECON5_d_W26"]] += float(row["WEIGHT_W26"])

    cases = OpinionQA(str(FIXTURE), attributes=["SEX"], min_respondents=1).load().cases

    case = of(cases, "ECON5_d_W26", "Male")
    total = sum(sums[option] for option in options)
    assert_allclose(case.answers.probabilities, [sums[option] / total for option in options])
    assert case.off_scale == pytest.approx(sums["Refused"] / (total + sums["Refused"]))


def release(
    folder: Path,
    wave: int = 26,
    *,
    info: list[dict[str, str]] | None = None,
    responses: list[tuple[Any, ...]] | None = None,
) -> None:
    """Write a wave in the layout of the release."""
    of_wave = folder / f"American_Trends_Panel_W{wave}"
    of_wave.mkdir(exist_ok=True)
    items = [SAFE, HELP, WHO] if info is None else info
    items = [item | {"key": item["key"].replace("26", str(wave))} for item in items]
    table(
        of_wave / "info.csv",
        ["", "Unnamed: 0", "index", *items[0]],
        [[n, n, n, *item.values()] for n, item in enumerate(items)],
    )
    table(of_wave / "metadata.csv", ["", "key", "options"], [[0, *m] for m in METADATA.items()])
    keys = [f"{key}_W{wave}" for key in ("SAFE", "HELP", "WHO")]
    table(
        of_wave / "responses.csv",
        ["", "QKEY", *keys, "SEX", "RELIGATTEND", f"WEIGHT_W{wave}"],
        [[n, *row] for n, row in enumerate(RESPONSES if responses is None else responses)],
    )


def table(path: Path, header: list[str], rows: list[list[Any]]) -> None:
    """Write a CSV file."""
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])


def loaded(folder: Path, **settings: Any) -> tuple[Case, ...]:
    """Load the wave of this file, keeping every cell."""
    release(folder)
    return OpinionQA(str(folder), **{"min_respondents": 1, **settings}).load().cases


def of(cases: tuple[Case, ...], question_id: str, group: str) -> Case:
    """Return the one case of a question and group."""
    [case] = [c for c in cases if (c.question.question_id, c.group.value) == (question_id, group)]
    return case
