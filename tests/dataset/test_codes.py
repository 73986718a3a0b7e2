"""What stands in a codebook and in a cell is compared as it stands there, or refused."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distexp.dataset.files.codebook import parse_codebook
from distexp.dataset.files.codes import Code, numbers, recode
from distexp.dataset.table import Table
from distexp.errors import DatasetError

HEAD = """\
name: mine
population: a person living here
source: here
licence: none
citation: none
"""
BOOK = (
    HEAD
    + """\
{extra}
attributes:
  place:
    column: place
    levels: {{here: {{codes: [{here}], phrase: a local}}}}
    others: a person from {{}}
questions:
  q: {{text: "?", kind: nominal, options: [[{one}, One], [{two}, Two]]}}
"""
)


def read(
    folder: Path,
    text: str | bytes,
    *,
    one: str = "1",
    two: str = "2",
    here: str = "x",
    extra: str = "",
    file: str = "data.csv",
    **settings: Any,
) -> dict[str, tuple[float, ...]]:
    """Return the shares of a file by group, or by "everyone" if it has no places."""
    path = folder / file
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    codebook = folder / "codebook.yaml"
    book = BOOK.format(one=one, two=two, here=here, extra=extra)
    codebook.write_text(book, encoding="utf-8")
    table = Table(str(path), str(codebook), attributes=["place"], min_respondents=1, **settings)
    return {case.group.value: case.answers.probabilities for case in table.load().cases}


@pytest.mark.parametrize(
    "word",
    ["NO", "No", "yes", "on", "off", "010", "1_000", "0x1F", "1:30", "2024-01-31", "=", "<<"],
)
def test_a_word_that_yaml_takes_for_something_else_is_that_word(tmp_path: Path, word: str) -> None:
    """Norway is no false, and 1:30 no ninety, as an answer, as a group, and as an exclusion."""
    rows = f"place,q\n{word},{word}\n{word},b\nb,{word}\n"

    found = read(tmp_path, rows, one=word, two="b", here=word)
    left = read(tmp_path, rows, one=word, two="b", extra=f"exclude: {{place: [{word}]}}")

    assert found == {"here": (0.5, 0.5), "b": (1, 0)}
    assert left == {"b": (1, 0)}


@pytest.mark.parametrize("spelled", ["TRUE", "True", "true"])
def test_a_logical_value_is_one_code_however_it_is_spelled(tmp_path: Path, spelled: str) -> None:
    """R writes TRUE, Python True, and Parquet files hold the value itself."""
    rows = f"place,q\nx,{spelled}\nx,false\n"

    assert read(tmp_path, rows, one="TRUE", two="FALSE") == {"here": (0.5, 0.5)}


def test_a_group_that_no_level_names_is_called_0_of_minus_0_too(tmp_path: Path) -> None:
    """They are one code, whichever of them stands first."""
    assert read(tmp_path, "place,q\n-0.0,1\n0,2\n") == {"0": (0.5, 0.5)}


@pytest.mark.parametrize("label", ["Yes", "no", "ON", "true", "FALSE", "y"])
def test_a_label_that_yaml_takes_for_true_or_false_is_that_word(label: str) -> None:
    """`[1, Yes]` needs no quotes; a number or null in place of a label does."""
    text = BOOK.format(one="1", two="2", here="x", extra="")

    book = parse_codebook(text.replace("One", label), "book.yaml")

    assert book.items[0].question.options == (label, "Two")
    for no_label in ("7", "~", "2024-01-31"):
        with pytest.raises(
            DatasetError, match="put a label that is a number, a date or null in q"
        ):
            parse_codebook(text.replace("One", no_label), "book.yaml")


@pytest.mark.parametrize("nothing", ["~", "null", "Null"])
def test_a_null_is_no_code(tmp_path: Path, nothing: str) -> None:
    """It may mean the word or a blank: the error says how to write each."""
    with pytest.raises(DatasetError, match=f"{nothing} as a code: put it in quotes .* a blank is"):
        read(tmp_path, "place,q\nx,1\n", one=nothing)


def test_a_blank_that_is_named_is_a_code(tmp_path: Path) -> None:
    """Not chosen is an answer; a row without any content is nobody."""
    rows = "place,q\nx,1\nx,\nx,\nx,  \n,\n ,\n"

    assert read(tmp_path, rows, one="1", two='""') == {"here": (0.25, 0.75)}
    assert read(tmp_path, rows, one="1", two="2", extra='off_scale: [""]') == {"here": (1, 0)}


@pytest.mark.parametrize(
    "cell", ["1.0", "1.", "+1", " 1 ", "1\u00a0", "\ufeff1", "１", "1.000000000000000000"]
)
def test_a_number_is_one_code_however_it_is_spelled(tmp_path: Path, cell: str) -> None:
    """Programs write whole numbers in many ways."""
    assert read(tmp_path, f"place,q\nx,{cell}\nx,2\n") == {"here": (0.5, 0.5)}


@pytest.mark.parametrize(("one", "other"), [("1", "01"), ("100", "1e2"), ("0", "00")])
def test_one_number_in_two_spellings_may_be_two_codes(
    tmp_path: Path, one: str, other: str
) -> None:
    """In a list of occupations 1 are managers, and 01 is the army: nobody guesses."""
    with pytest.raises(DatasetError, match="one number but may be two codes"):
        read(tmp_path, f"place,q\nx,{one}\nx,{other}\n", one=one)


def test_long_numbers_are_told_apart(tmp_path: Path) -> None:
    """Floats would make one of them."""
    one, two = "9007199254740993", "9007199254740992"

    assert read(tmp_path, f"place,q\nx,{one}\nx,{two}\n", one=one, two=two)["here"] == (0.5, 0.5)


def test_composed_and_decomposed_letters_are_the_same(tmp_path: Path) -> None:
    """As they look the same, nobody could tell why one is not known."""
    rows = "place,q\nA\u030are,1\n\u00c5re,2\n"

    assert read(tmp_path, rows, here="\u00c5re") == {"here": (0.5, 0.5)}


@pytest.mark.parametrize("extra", ["", "exclude: {place: [NO]}", "filters: {place: [NO]}"])
def test_capital_letters_alone_tell_no_codes_apart(tmp_path: Path, extra: str) -> None:
    """A group `no` beside a group `NO`, or `no` that is not left out with `NO`, is refused."""
    with pytest.raises(DatasetError, match="'NO' and 'no' differ in capital letters only"):
        read(tmp_path, "place,q\nNO,1\nno,2\n", extra=extra)


def test_a_cell_may_say_a_range_as_the_codebook_does(tmp_path: Path) -> None:
    """The text "18..29" is in the range, as 20 is."""
    rows = "place,q\n18..29,1\n20,2\n"

    assert read(tmp_path, rows, here="18..29") == {"here": (0.5, 0.5)}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: &a [*a]\n", "has no meaning|is missing"),
        ("[" * 5000, "nested too deeply|not plain YAML"),
        ('name: "\\uD800"\n', "half a character"),
        ("name: 2024-13-45\n", "'name' must be a text"),
        (f"name: {'9' * 5000}\n", "'name' must be a text"),
        ("name: !!binary aGk=\n", "'name' must be a text"),
        ("? [a]\n: 1\n", "not plain YAML"),
        ("name: \x07\n", "not plain YAML"),
        ("gated: yes\n", "is missing|must be true or false"),
        (HEAD + "missing: [[1, 2]]\nattributes: {}\nquestions: {}\n", "must be a list of codes"),
        (HEAD + "gated: maybe\n", "must be a?.*true or false"),
    ],
)
def test_yaml_that_is_no_codebook_is_one_short_line(text: str, message: str) -> None:
    """Whatever stands there: also what refers to itself, or has no form."""
    with pytest.raises(DatasetError, match=message) as raised:
        parse_codebook(text, "book.yaml")

    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 500


@pytest.mark.parametrize("ordinal", ["010", "1_0", "1:30", "0x1F", "yes", '"1"', "~"])
def test_an_ordinal_is_a_plain_number(tmp_path: Path, ordinal: str) -> None:
    """In YAML 010 is eight and 1:30 ninety: nobody means that."""
    question = (
        f"  q: {{text: x, kind: ordinal, options: [[1, A, {ordinal}], [2, B, 2], [3, C, 3]]}}"
    )
    text = f"{HEAD}attributes: {{}}\nquestions:\n{question}\n"

    with pytest.raises(DatasetError, match="must hold plain decimal numbers"):
        parse_codebook(text, "book.yaml")


WEIGHTED = "weight: w"


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ("1;abc", "1 of 2 values in column 'w' .* no numbers or missing; the first is 'abc'"),
        ("1;1,5", r"the first is '1,5'\. Say decimal commas"),
        ("1;", "1 of 2 values in column 'w' .* negative, missing"),
        ("1;-1", "1 of 2 values in column 'w' .* the first is -1"),
        ("1;inf", "infinite"),
        ("0;0", "All 2 values in column 'w' .* are zero"),
    ],
)
def test_what_is_no_weight_is_named(tmp_path: Path, cells: str, message: str) -> None:
    """By its column, how many, and the first of them."""
    one, two = cells.split(";")
    rows = f"place;q;w\nx;1;{one}\nx;2;{two}\n"

    with pytest.raises(DatasetError, match=message):
        read(tmp_path, rows, extra=f"{WEIGHTED}\nfile: {{separator: ';'}}")


def test_decimal_commas_are_read_by_a_setting(tmp_path: Path) -> None:
    """Of weights and of codes alike; a point beside them is refused."""
    extra = f"{WEIGHTED}\nfile: {{separator: ';', decimal: ','}}"
    rows = "place;q;w\nx;1,0;1,5\nx;2,0;4,5\n"

    assert read(tmp_path, rows, extra=extra) == {"here": (0.25, 0.75)}
    with pytest.raises(DatasetError, match="decimals follow a comma"):
        read(tmp_path, rows + "x;1;1.234\n", extra=extra)


@given(
    cells=st.lists(
        st.none()
        | st.integers(-3, 12)
        | st.sampled_from([2.5, -0.0, 1e20, float("nan"), 2**40, 10**16]),
        min_size=1,
    )
)
def test_a_column_of_numbers_is_read_as_its_texts_would_be(cells: list[float | None]) -> None:
    """Whole numbers and others, narrow and wide, with blanks: the codes are those of the texts."""
    whole = all(cell is None or cell % 1 == 0 for cell in cells)
    for dtype in (pl.Int64, pl.Float64) if whole else (pl.Float64,):
        column = pl.Series("q", cells, dtype=dtype, strict=False)
        seen: list[Code] = []

        def place(code: Code, seen: list[Code] = seen) -> int:
            if code not in seen:
                seen.append(code)
            return seen.index(code)

        by_number, by_text = (recode(one, place, "") for one in (column, column.cast(pl.String)))
        np.testing.assert_array_equal(by_number, by_text)
        np.testing.assert_array_equal(numbers(column), numbers(column.cast(pl.String)))
