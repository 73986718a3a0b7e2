"""A codebook's errors are reported all at once, beside what each column holds."""

from pathlib import Path

import polars as pl
import pytest

from distexp.dataset.draft.check import Checked, check_codebook
from distexp.dataset.table import Table
from distexp.errors import DatasetError

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
GOOD = """
name: mine
population: a person
source: here
licence: free
citation: me
weight: w
exclude: {sex: [9]}
attributes:
  sex:
    column: sex
    levels:
      Male: {codes: 1, phrase: a man}
      Female: {codes: 2, phrase: a woman}
questions:
  first:
    column: q1
    text: Once?
    kind: binary
    off_scale: [8]
    options: [[1, Agree, 1], [2, Disagree, 2]]
  second:
    column: q2
    text: Twice?
    kind: nominal
    options: [[a, A], [b, B]]
"""
BAD = """
name: mine
population: 7
colour: blue
weight: w
exclude: {sexx: [9]}
attributes:
  sex:
    column: sex
    levels:
      Male: {codes: 1, phrase: a man}
      Female: {codes: 1, phrase: 2, note: x}
  town: {column: town, levels: {North: {codes: 1, phrase: a northerner}}}
questions:
  first:
    column: q1
    kind: nominal
    batery: b
    options: [[1, Agree, 1], [2, Disagree, 2]]
  second: {column: q2, text: "Twice?", kind: nominal, options: [[a, A], [c, C]]}
  third: {column: q3, text: "Thrice?", kind: nominal, options: [[a, A], [A]]}
  third: {column: q3, text: "Thrice?", kind: nominal, options: [[a, A], [b, B]]}
"""
WANTED = [
    "'third' comes twice",
    "'population' must be a text",
    "'colour' has no meaning",
    "Female: 'phrase' must be a text",
    "Female: 'note' has no meaning",
    "sex: 'levels' gives a code two meanings",
    "first: 'text' is missing",
    "first: 'batery' has no meaning. Did you mean battery?",
    "first: 'kind' says 'nominal', but its options are binary",
    "third: 'options' holds what is not",
    "no column 'sexx', wanted as a filter. Did you mean sex?",
    "no column 'town', wanted as attribute 'town'",
    "'w' of",
    "Column 'sex' of",
    "Column 'q1' of",
    "Column 'q2' of",
]


def checked(folder: Path, codebook: str) -> Checked:
    """Check a codebook against four respondents, one of whom is excluded."""
    path = folder / "survey.csv"
    pl.DataFrame(
        {
            "sex": [1, 2, 2, 9],
            "q1": [1, 8, None, 2],
            "q2": ["a", "b", "d", "a"],
            "w": [1.0, -1.0, 1.0, 1.0] if "colour" in codebook else [1.0, 1.0, 2.0, 1.0],
        }
    ).write_csv(path)
    return check_codebook(path, codebook, "mine.yaml")


def test_all_errors_come_at_once(tmp_path: Path) -> None:
    """Sixteen mistakes of every kind, in the codebook and against the file, in one run."""
    found = checked(tmp_path, BAD)

    unseen = [wanted for wanted in WANTED if not any(wanted in error for error in found.errors)]
    assert not unseen
    assert len(found.errors) == len(WANTED)


def test_what_each_column_holds_stands_beside(tmp_path: Path) -> None:
    """Counts are of those who pass the filters; every code says what the codebook makes of it."""
    found = checked(tmp_path, GOOD.replace("[b, B]", "[x, B]"))

    tables = {
        column.of: [(r.code, r.n, r.meaning) for r in column.rows] for column in found.columns
    }
    assert tables == {
        "attribute 'sex'": [("1", 1, "Male"), ("2", 2, "Female")],
        "question 'first'": [
            ("1", 1, "Agree"),
            ("8", 1, "off the scale"),
            ("(blank)", 1, "not asked"),
        ],
        "question 'second'": [
            ("a", 1, "A"),
            ("b", 1, "not explained"),
            ("d", 1, "not explained"),
        ],
    }
    assert found.n_respondents == 3
    [error] = found.errors
    assert "b (1 times), d (1 times)" in error


def test_what_is_no_error_but_odd_is_a_warning(tmp_path: Path) -> None:
    """Options that nobody chose, small groups, and checks that are still open."""
    found = checked(tmp_path, GOOD.replace("[b, B]", "[b, B], [d, D], [e, E]") + "# check: why\n")

    assert not found.errors
    assert any("nobody chose 'E'" in warning for warning in found.warnings)
    assert any("Group 'Male' of 'sex' has 1 people" in warning for warning in found.warnings)
    assert any("1 lines that begin with '# check:'" in warning for warning in found.warnings)


def test_the_example_has_no_errors() -> None:
    """What the documentation shows is sound."""
    text = (EXAMPLES / "town_survey.yaml").read_text(encoding="utf-8")

    found = check_codebook(EXAMPLES / "town_survey.csv", text, "town_survey.yaml")

    assert not found.errors
    assert len(found.columns) == 6


@pytest.mark.parametrize("line", [*filter(None, BAD.splitlines()), ""])
def test_what_a_run_refuses_the_check_finds(tmp_path: Path, line: str) -> None:
    """Of every codebook that differs from a good one by some lines, both say the same."""
    text = "\n".join(each for each in BAD.splitlines() if each != line)
    found = checked(tmp_path, text)
    codebook = tmp_path / "mine.yaml"
    codebook.write_text(text, encoding="utf-8")

    with pytest.raises(DatasetError) as raised:
        Table(str(tmp_path / "survey.csv"), str(codebook), min_respondents=1).load()

    assert any(error.endswith(str(raised.value)[-40:]) for error in found.errors)


def test_a_file_or_codebook_that_cannot_be_read_is_one_error(tmp_path: Path) -> None:
    """Nothing else can be said then."""
    (tmp_path / "x.csv").write_text("a\n1\n")

    assert len(check_codebook(tmp_path / "absent.csv", GOOD, "mine.yaml").errors) == 1
    assert len(check_codebook(tmp_path / "x.csv", "a: [", "mine.yaml").errors) == 1
    assert len(check_codebook(tmp_path / "x.csv", "[]", "mine.yaml").errors) == 1
