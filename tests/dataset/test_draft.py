"""A drafted codebook runs as it is, gives the shares of the file, and asks what it cannot know."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from distexp.dataset.draft.draft import Draft, draft_codebook
from distexp.dataset.draft.options import Options, on_a_scale, options_of
from distexp.dataset.draft.words import scale_positions
from distexp.dataset.files.codebook import parse_codebook
from distexp.dataset.files.variables import Variable
from distexp.dataset.table import Table
from distexp.errors import DatasetError
from distexp.types import Question, Survey
from tests.dataset.qsf_files import matrix, multiple_choice, write_qsf

pyreadstat = pytest.importorskip("pyreadstat", reason="needs the extra `surveys`")

FIXTURES = Path(__file__).parents[3] / "shared" / "data" / "fixtures"
SEX = [1, 2, 1, 2, 2, 1, 2, 1]
TRUST = [1, 2, 3, 98, 2, -1, 1, 4]
WEIGHT = [0.5, 1.5, 1.0, 2.0, 0.25, 1.0, 0.75, 1.0]
AGE = [18, 29, 30, 49, 50, 64, 65, 90]
LABELS = {
    "gender": {1: "Male", 2: "Female"},
    "trust": {1: "Never", 2: "Sometimes", 3: "Often", 4: "Always", 98: "Don't know"},
}


def people(copies: int = 1, **columns: Sequence[Any]) -> pl.DataFrame:
    """Return eight respondents, each as often as wanted, with more columns."""
    base = {"gender": SEX, "trust": TRUST, "weight": WEIGHT, "age": AGE} | columns
    return pl.concat([pl.DataFrame(base, strict=False)] * copies)


def labelled(folder: Path, suffix: str, table: pl.DataFrame, **settings: Any) -> Path:
    """Write an SPSS or Stata file with value labels."""
    path = folder / f"survey.{suffix}"
    write = pyreadstat.write_sav if suffix == "sav" else pyreadstat.write_dta
    settings = {"variable_value_labels": LABELS} | settings
    write(table, str(path), **settings)
    return path


def drafted(path: Path) -> tuple[Draft, Survey]:
    """Draft a codebook of a file and load the file by it, unedited."""
    draft = draft_codebook(path)
    codebook = path.with_suffix(".yaml")
    codebook.write_text(draft.text(path.name), encoding="utf-8")
    return draft, Table(str(path), str(codebook), min_respondents=1).load()


def shares(survey: Survey) -> dict[tuple[str, str], tuple[float, ...]]:
    """Return the distributions by question and group."""
    cases = survey.cases
    return {(c.question.question_id, c.group.value): c.answers.probabilities for c in cases}


@pytest.mark.parametrize("suffix", ["sav", "dta"])
def test_a_labelled_file_runs_unedited(tmp_path: Path, suffix: str) -> None:
    """Weights, groups, options and what is off the scale come from names and labels.

    Men answer 1, 3, -1, 4 with weights .5, 1, 1, 1; -1 has no label and stands apart.
    """
    draft, survey = drafted(labelled(tmp_path, suffix, people()))

    [trust] = {case.question for case in survey.cases}
    assert (trust.options, trust.kind) == (("Never", "Sometimes", "Often", "Always"), "ordinal")
    assert_allclose(shares(survey)["trust", "Male"], [0.2, 0, 0.4, 0.4])
    assert_allclose(shares(survey)["trust", "Female"], [0.3, 0.7, 0, 0], atol=1e-15)
    men = next(case for case in survey.cases if case.group.value == "Male")
    assert men.group.phrase == "a man"
    assert men.off_scale == pytest.approx(1 / 3.5)
    assert draft.document["weight"] == "weight"
    assert [g.value for g in dict.fromkeys(c.group for c in survey.cases)][2:] == [
        "18-29",
        "30-49",
        "50-64",
        "65+",
    ]


def test_a_csv_of_the_same_people_has_the_same_shares(tmp_path: Path) -> None:
    """Without labels the codes are the options, and a person is asked what they mean."""
    people().write_csv(tmp_path / "survey.csv")

    draft, survey = drafted(tmp_path / "survey.csv")

    assert_allclose(shares(survey)["trust", "1"], [0.2, 0, 0.4, 0.4])
    checks = draft.comments["questions", "trust", "off_scale"]
    assert checks[0].startswith('check: are -1, 98 "don\'t know"')
    assert any(
        "what do the codes mean" in c for c in draft.comments["questions", "trust", "options"]
    )


def test_what_the_file_declares_missing_is_no_option(tmp_path: Path) -> None:
    """A label says whether somebody refused or was not asked; without one a person is asked."""
    table = people(q=[1, 2, 7, 8, 9, 1, 2, 3], trust=TRUST)
    labels = {"q": {1: "Yes", 2: "No", 3: "Maybe", 7: "Inapplicable", 8: "Refused"}}
    path = labelled(
        tmp_path,
        "sav",
        table,
        variable_value_labels=LABELS | labels,
        missing_ranges={"q": [{"lo": 7, "hi": 9}]},
        variable_measure={"q": "ordinal"},
    )

    draft, survey = drafted(path)

    assert draft.document["missing"] == [7, 9]
    assert draft.document["questions"]["q"]["off_scale"] == [8]
    assert any("code 9" in check for check in draft.comments["questions", "q", "options"])
    q = next(case.question for case in survey.cases if case.question.question_id == "q")
    assert (q.options, q.kind) == (("Yes", "No", "Maybe"), "ordinal")


def test_letters_of_stata_are_read_as_their_labels_say() -> None:
    """`.d` is "don't know"; `.i` without a label was not asked, and a person is asked."""
    variable = Variable(
        name="q",
        labels={1.0: "Yes", 2.0: "No", "d": "don't know"},
        missing=("d", "i"),
        counts={1.0: 4, 2.0: 2, "d": 1, "i": 1},
        n_codes=4,
    )

    options = options_of(variable)

    assert isinstance(options, Options)
    assert (options.labels, options.off_scale, options.not_asked) == (
        ("Yes", "No"),
        ("d",),
        ("i",),
    )
    assert len(options.checks) == 1


def test_ages_are_cut_into_groups_and_what_is_no_age_is_left_out(tmp_path: Path) -> None:
    """Minors, declared codes and letters are in no age group, and every cell is explained."""
    table = people(age=[17, 18, 40, 64, 65, 97, 999, -1])

    draft, survey = drafted(labelled(tmp_path, "sav", table))

    age = draft.document["attributes"]["age"]
    assert age["left_out"] == ["..17", -1, 999]
    assert {c.group.value for c in survey.cases if c.group.attribute == "age"} <= set(
        age["levels"]
    )


@pytest.mark.parametrize(
    ("measure", "labels", "kind"),
    [
        ("ordinal", ["Red", "Green", "Blue"], "ordinal"),
        ("nominal", ["Red", "Green", "Blue"], "nominal"),
        ("unknown", ["Red", "Green", "Blue"], "nominal"),
        ("unknown", ["Agree", "Neither", "Disagree"], "ordinal"),
        ("unknown", ["Red", "Green"], "binary"),
    ],
)
def test_the_scale_is_the_measurement_level_or_what_labels_say(
    measure: str, labels: Sequence[str], kind: str
) -> None:
    """What neither the file nor a label decides is nominal, with a check."""
    codes = [float(code) for code in range(1, len(labels) + 1)]
    variable = Variable(
        name="q",
        labels=dict(zip(codes, labels, strict=True)),
        measure=measure,
        counts=dict.fromkeys(codes, 5),
        n_codes=len(codes),
    )
    found = options_of(variable)
    assert isinstance(found, Options)

    options = on_a_scale(found, variable)

    question = Question(
        question_id="q", text="?", options=options.labels, ordinals=options.ordinals
    )
    assert question.kind == kind
    assert bool(options.checks) == (kind == "nominal")


def test_options_stand_in_the_order_of_the_scale(tmp_path: Path) -> None:
    """Texts of a CSV come in the order of the alphabet, which is no scale."""
    answers = ["Too much", "About right", "Too little", "About right"] * 2
    people(q=answers).write_csv(tmp_path / "survey.csv")

    _, survey = drafted(tmp_path / "survey.csv")

    q = next(case.question for case in survey.cases if case.question.question_id == "q")
    assert q.options == ("Too little", "About right", "Too much")
    assert q.kind == "ordinal"


@pytest.mark.parametrize(
    "scale",
    [
        "Never|Less often|Monthly|Weekly|Several times a week|Daily",
        "Not worried at all|Not too worried|Somewhat worried|Very worried|Extremely worried",
        "Definitely not|Probably not|Probably yes|Definitely yes",
        "überhaupt nicht wichtig|weniger wichtig|ziemlich wichtig|sehr wichtig",
        "nie|seltener|einmal im Monat|mehrmals die Woche|täglich",
        "まったくそう思わない|あまりそう思わない|どちらともいえない|ややそう思う|とてもそう思う",
        "非常不同意|不同意|一般|同意|非常同意",
    ],
)
def test_the_words_of_common_scales_are_known(scale: str) -> None:
    """In whatever order the file has them."""
    labels = scale.split("|")

    positions = scale_positions(sorted(labels))

    assert None not in positions
    assert [one for _, one in sorted(zip(positions, sorted(labels), strict=True))] == labels


def test_neighbours_with_one_stem_and_scale_are_a_battery(tmp_path: Path) -> None:
    """`q5_1` and `q5_2` are answered on the same options; `other` is not."""
    scale = {1: "Good", 2: "Fair", 3: "Bad"}
    values = [1, 2, 3, 1, 2, 3, 1, 2]
    path = labelled(
        tmp_path,
        "sav",
        people(q5_1=values, q5_2=values, other=values),
        variable_value_labels=LABELS | dict.fromkeys(("q5_1", "q5_2", "other"), scale),
    )

    draft, survey = drafted(path)

    batteries = {c.question.question_id: c.question.battery for c in survey.cases}
    assert batteries == {"trust": None, "q5_1": "q5", "q5_2": "q5", "other": None}
    assert any("one battery" in check for check in draft.comments["questions", "q5_1"])


def test_what_is_no_closed_question_is_left_out_with_its_reason(tmp_path: Path) -> None:
    """Ids, free text, amounts, constants and blanks are listed, so that nothing is lost."""
    n = 64
    table = people(n // 8).with_columns(
        uid=pl.Series(range(n)),
        said=pl.Series([f"word {i % 40}" for i in range(n)]),
        euros=pl.Series([1000 + 37 * (i % 9) for i in range(n)]),
        wave=pl.Series([2] * n),
        empty=pl.Series([None] * n, dtype=pl.Int64),
    )
    table.write_csv(tmp_path / "survey.csv")

    draft = draft_codebook(tmp_path / "survey.csv")

    assert draft.left_out == {
        "uid": "it tells people apart",
        "said": "it holds 40 different values without labels",
        "euros": "it holds years, amounts or measurements",
        "wave": "it holds one answer only",
        "empty": "it is blank",
    }
    assert "# left out: 'said'" in draft.text("survey.csv")


def test_an_spss_file_says_by_which_column_it_is_weighted(tmp_path: Path) -> None:
    """The header of the file counts units of eight bytes, texts among them."""
    table = people(name=["a long text of 20 byt"] * 8).rename({"weight": "factor_x"})
    table = table.select("gender", "name", "trust", "factor_x", "age")
    path = labelled(tmp_path, "sav", table)
    content = bytearray(path.read_bytes())
    content[76:80] = (1 + 1 + 3 + 1).to_bytes(4, "little")  # gender, 3 of the text, trust
    path.write_bytes(content)

    draft = draft_codebook(path)

    assert draft.document["weight"] == "factor_x"
    assert ("weight",) not in draft.comments


def test_a_weight_that_cannot_be_one_is_said_and_not_used(tmp_path: Path) -> None:
    """A blank in the weights would stop every run."""
    people(weight=[1.5, None, 1, 1, 1, 1, 1, 1]).write_csv(tmp_path / "survey.csv")

    draft, _ = drafted(tmp_path / "survey.csv")

    assert "weight" not in draft.document
    assert any("1 blanks" in check for check in draft.comments["population",])


def test_the_header_rows_of_an_export_are_its_wordings(tmp_path: Path) -> None:
    """Qualtrics writes wordings and import ids under the names: they are no respondents."""
    rows = [
        ["Q0", "Q1"],
        ["What is your gender?", "Do you agree, or not?"],
        ['{"ImportId":"QID1"}', '{"ImportId":"QID2"}'],
        *([["1", "2"], ["2", "1"], ["1", "1"]] * 3),
    ]
    with (tmp_path / "survey.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)

    draft, survey = drafted(tmp_path / "survey.csv")

    assert draft.document["attributes"]["sex"]["column"] == "Q0"
    assert draft.document["questions"]["Q1"]["text"] == "Do you agree, or not?"
    assert_allclose(shares(survey)["Q1", "1"], [0.5, 0.5])
    assert_allclose(shares(survey)["Q1", "2"], [1, 0])


@pytest.mark.parametrize(
    ("encoding", "separator"), [("utf-8", ","), ("utf-8-sig", ";"), ("cp1252", "\t")]
)
def test_encoding_and_separator_are_found(tmp_path: Path, encoding: str, separator: str) -> None:
    """What is a guess is marked as one."""
    people(q=["Café", "Thé", "Café", "Thé"] * 2).write_csv(
        tmp_path / "utf8.csv", separator=separator
    )
    text = (tmp_path / "utf8.csv").read_text(encoding="utf-8")
    (tmp_path / "survey.csv").write_text(text, encoding=encoding)

    draft, survey = drafted(tmp_path / "survey.csv")

    assert_allclose(shares(survey)["q", "1"], [1.5 / 3.5, 2 / 3.5])  # weights of four men
    assert any("UTF-8" in c for c in draft.comments.get(("file",), [])) == (encoding == "cp1252")


TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20) | (
    st.sampled_from(["# check: x", "a: b", "- x", "!!python/object:os.x {}", "yes", "<30", "1..5"])
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(TEXTS, min_size=2, max_size=5), st.lists(TEXTS, min_size=1, max_size=3))
def test_whatever_a_file_calls_its_answers_the_draft_is_data(
    tmp_path: Path, answers: list[str], columns: list[str]
) -> None:
    """Any names and texts give a codebook that reads the same file to the same shares."""
    path = tmp_path / "survey.csv"
    names = list(dict.fromkeys(["gender", *columns]))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(names)
        writer.writerows([answer] * len(names) for answer in answers)
    try:
        draft = draft_codebook(path)
    except DatasetError as exc:
        assert "\n" not in str(exc)  # noqa: PT017 - some files hold no closed question
        return

    codebook = parse_codebook(draft.text(path.name), "draft")

    assert len(codebook.items) == len(draft.document["questions"])
    for item in codebook.items:
        assert item.column in names


def test_a_questionnaire_of_qualtrics_is_drafted_before_there_are_answers(tmp_path: Path) -> None:
    """Its codebook fits the export that will come."""
    path = write_qsf(
        tmp_path / "mine.qsf",
        multiple_choice("gender", "Your gender?", {"1": "Man", "2": "Woman"}),
        multiple_choice("Q1", "Sure?", {"2": "Yes", "1": "No", "3": "Don't know"}),
        matrix("M", "How good is", {"1": "the sea", "2": "the sky"}, ["Bad", "Fair", "Good"]),
    )
    export = tmp_path / "export.csv"
    pl.DataFrame(
        {"gender": [1, 2, 1], "Q1": [1, 2, 3], "M_1": [1, 2, 3], "M_2": [3, 3, 3]}
    ).write_csv(export)

    codebook = tmp_path / "mine.yaml"
    codebook.write_text(draft_codebook(path).text("mine.qsf"), encoding="utf-8")
    survey = Table(str(export), str(codebook), min_respondents=1).load()

    assert shares(survey)["Q1", "Man"] == (0.0, 1.0)  # shown in the order Yes, No
    assert shares(survey)["M_2", "Woman"] == (0.0, 0.0, 1.0)


@pytest.mark.skipif(not FIXTURES.is_dir(), reason="the fixtures travel apart")
@pytest.mark.parametrize(
    ("name", "question", "weight", "labels"),
    [
        ("ATP_W78.sav", "ECON1_W78", "WEIGHT_W78", ["Excellent", "Good", "Only fair", "Poor"]),
        ("GSS2022.dta", "natspac", "wtssnrps", ["too little", "about right", "too much"]),
    ],
)
def test_fixtures_have_the_shares_that_polars_computes(
    tmp_path: Path, name: str, question: str, weight: str, labels: list[str]
) -> None:
    """Weighted sums over codes 1, 2, 3 ... without refusals, by hand."""
    path = FIXTURES / name
    read = pyreadstat.read_sav if path.suffix == ".sav" else pyreadstat.read_dta
    values, _ = read(str(path), output_format="dict")
    codes, weights = values[question], values[weight]
    sums = [
        sum(w for code, w in zip(codes, weights, strict=True) if code == option)
        for option in range(1, len(labels) + 1)
    ]

    codebook = tmp_path / "draft.yaml"
    codebook.write_text(draft_codebook(path).text(name), encoding="utf-8")
    survey = Table(
        str(path), str(codebook), attributes=["everyone"], questions=[question], min_respondents=1
    ).load()

    [case] = survey.cases
    assert list(case.question.options) == labels
    assert_allclose(case.answers.probabilities, [s / sum(sums) for s in sums], atol=1e-12)
