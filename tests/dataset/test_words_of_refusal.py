"""Labels that say that no answer was given are known by their words, whatever surrounds them."""

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distexp.dataset.files.cells import parse_literal, parse_numbers, parse_texts
from distexp.dataset.files.refusals import is_refusal
from distexp.dataset.globalopinionqa import GlobalOpinionQA
from distexp.errors import DatasetError

SAID = st.sampled_from(
    [
        *("Don't know", "Refused", "No answer", "DK", "Weiß nicht", "Keine Angabe", "Ne sait pas"),
        *("Sans réponse", "No sabe", "No contesta", "Não sabe", "Non sa", "Weet niet", "Vet ej"),
        *("Ved ikke", "En osaa sanoa", "Trudno powiedzieć", "Не знаю", "Bilmiyor", "Δεν ξέρω"),
        *(
            "不知道",
            "拒绝回答",
            "わからない",
            "無回答",
            "모르겠다",
            "لا أعرف",
            "पता नहीं",
            "Không biết",
        ),
    ]
)
SUBSTANTIVE = (
    *("No", "No one", "Neither", "Other", "None", "Depends", "Know", "Not at all", "Refuse all"),
    *("Trifft nicht zu", "Both (VOL.)", "Other (DO NOT READ)", "Don't know him", "Never heard of"),
    *(
        "Non",
        "Nein",
        "Ni",
        "Nada",
        "不同意",
        "Нет",
        "5",
        "98",
        "5 or more",
        "Yes/No",
        "Do not read",
    ),
)


@given(
    first=SAID,
    second=st.none() | SAID,
    joint=st.sampled_from(["/", " / ", "; ", ", ", " or ", " - ", " (", "/ "]),
    remark=st.sampled_from(
        ["", " (DO NOT READ)", " [do not read out]", " (VOL.)", " – nicht vorlesen", " (NO LEER)"]
    ),
    number=st.sampled_from(["", "99 ", "(98) ", "-1. ", "9=", "[8] "]),
    change=st.sampled_from([str, str.upper, str.lower, str.title]),
)
def test_refusals_are_known_in_all_their_spellings(
    first: str, second: str | None, joint: str, remark: str, number: str, change: type[str]
) -> None:
    """Joined, numbered, with remarks for the interviewer, in small or capital letters."""
    both = first if second is None else f"{first}{joint}{second}" + ")" * (joint == " (")

    assert is_refusal(f"{number}{change(both)}{remark}")


@pytest.mark.parametrize("label", SUBSTANTIVE)
def test_answers_are_no_refusals(label: str) -> None:
    """Also those with words of a refusal in them, or with a remark for the interviewer."""
    assert not is_refusal(label)


def test_what_was_taken_for_a_refusal_is_said_and_may_be_kept(tmp_path: Path) -> None:
    """The report names the labels; a setting makes one of them an answer."""
    path = tmp_path / "global_opinions.csv"
    options = repr(["Yes", "No", "Not sure", "Refused (DO NOT READ)"])
    shares = "defaultdict(<class 'list'>, {'Japan': [0.3, 0.3, 0.2, 0.2]})"
    with path.open("w", newline="") as file:
        rows = [["question", "selections", "options", "source"], ["?", shares, options, "GAS"]]
        csv.writer(file).writerows(rows)

    survey = GlobalOpinionQA(str(path)).load()
    kept = GlobalOpinionQA(str(path), on_scale=["Not sure"]).load()

    assert survey.notes == (
        "Taken for refusals, so off the scale, in global_opinions.csv: 'Not sure', "
        "'Refused (DO NOT READ)'.",
    )
    assert survey.cases[0].answers.probabilities == (0.5, 0.5)
    assert kept.cases[0].question.options == ("Yes", "No", "Not sure")


@pytest.mark.parametrize(
    "cell",
    [
        "['a b', \"it's\", 'c']",
        "['a b' \"it's\" 'c']",
        "['a b'\n \"it's\"\n 'c']",
        "array(['a b', \"it's\", 'c'], dtype=object)",
        "[np.str_('a b'), np.str_(\"it's\"), np.str_('c')]",
        '["a b", "it\'s", "c"]',
        "('a b', \"it's\", 'c')",
    ],
)
def test_lists_of_texts_are_read_as_programs_write_them(cell: str) -> None:
    """Python, NumPy in one line or several, a NumPy array in a cell of pandas, NumPy 2, JSON."""
    assert parse_texts(cell, "here") == ["a b", "it's", "c"]


@pytest.mark.parametrize(
    "cell",
    ["[0.5, 1, -2.0]", "[ 0.5  1.  -2. ]", "array([0.5, 1, -2])", "[np.float64(0.5), 1, -2]"],
)
def test_lists_of_numbers_are_read_as_programs_write_them(cell: str) -> None:
    """The dots of NumPy's whole numbers, and its signs."""
    assert parse_numbers(cell, "here") == [0.5, 1.0, -2.0]


@pytest.mark.parametrize(
    "cell",
    [
        "['a' 'b', 'c']",
        "['a' 'b' ... 'z']",
        "[1. 2. ... 9.]",
        "{'a', 'b'}",
        "[open('/etc/passwd')]",
        "[().__class__]",
        "[x for x in 'ab']",
        "{'a': 1, 'a': 2}",
        "['a'] * 9",
        "[f'{1}']",
        "[" * 3000,
        "-" * 50_000 + "1",
        "",
    ],
)
def test_what_is_no_list_is_refused(cell: str) -> None:
    """Joined or cut texts, sets, which have no order, and whatever would have to be run."""
    with pytest.raises(DatasetError, match=r"no plain|not a plain"):
        parse_literal(cell, "here")
