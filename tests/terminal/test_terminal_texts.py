"""Texts and tables keep within their width, and move no terminal, whatever they hold."""

import re

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from distexp.report.markdown import escaped
from distexp.terminal.texts import frame, plain, rendered, sentences, table, wrapped
from distexp.visible import one_line

OBEYED = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f]")
ANY = st.text(
    st.characters() | st.sampled_from("\x1b[31m\x07\u202e\r\n\t[]/*`<&\\|调查é🙂=+-@"), max_size=40
)
WIDTHS = st.integers(40, 100)


@given(ANY, WIDTHS, st.integers(0, 4))
def test_sentences_keep_within_their_width(text: str, columns: int, indent: int) -> None:
    """Wide characters are counted as two, and no word is lost."""
    lines = wrapped(text, columns, indent=indent)

    assert all(cell_len(line) <= columns for line in lines)
    assert not OBEYED.search("".join(lines))
    assert "".join("".join(lines).split()) == "".join(one_line(text).split())


@settings(max_examples=50)
@given(st.lists(st.lists(ANY, min_size=3, max_size=3), max_size=4), WIDTHS)
def test_tables_keep_within_their_width_and_have_a_line_a_row(
    rows: list[list[str]], columns: int
) -> None:
    """Whatever the cells hold; the header has a rule below it."""
    text = rendered([table(("method", "W1", "worst"), rows, right={1})], columns)

    lines = text.splitlines()
    assert len(lines) == 2 + len(rows)
    assert all(cell_len(line) <= columns for line in lines)
    assert not OBEYED.search(text.replace("\n", ""))


@given(ANY)
def test_markdown_becomes_the_words_it_shows(text: str) -> None:
    """What was escaped for Markdown is on a terminal as it was."""
    shown = plain(f"- **{escaped(text)}** is closer.")

    assert shown.removesuffix(" is closer.").strip("*") == one_line(text).strip("*")


def test_frames_join_intervals_and_say_once_what_all_rows_share() -> None:
    """What does not fit is left out, the first columns first."""
    found = pl.DataFrame(
        {
            "model": ["m"] * 3, "prompt": ["a", "b", None], "w1": [0.5, 0.25, None],
            "w1_low": [0.4, 0.2, None], "w1_high": [0.6, 0.3, None], "note": ["x" * 90, "y", "z"],
        }
    )  # fmt: skip

    common, laid = frame(found, columns=60, most=2)

    assert common == ["model m"]
    assert rendered([laid], 60).splitlines() == [
        "prompt                       w1",
        "───────────────────────────────",
        "a       0.5000 [0.4000, 0.6000]",
        "b       0.2500 [0.2000, 0.3000]",
    ]


@pytest.mark.parametrize("columns", [40, 100])
def test_nothing_of_rich_is_obeyed(columns: int) -> None:
    """Square brackets and emoji names in a text are text."""
    text = "[red]x[/red] :smile: [link=http://x]y[/link]"

    assert text in rendered([table(("a",), [[text]])], 100)
    assert " ".join(wrapped(text, columns)) == text


def test_a_table_without_room_keeps_names_and_the_first_score() -> None:
    """Counts go before what the table is about."""
    found = pl.DataFrame(
        {
            "prompt": ["a", "b"], "n_questions": [24, 17], "n_train": [19, 13],
            "w1": [0.5, 0.25], "w1_low": [0.4, 0.2], "w1_high": [0.6, 0.3],
        }
    )  # fmt: skip

    _, laid = frame(found, columns=40, most=1)

    assert rendered([laid], 40).splitlines()[0].split() == ["prompt", "w1"]


def test_long_sentence_ends_at_a_semicolon() -> None:
    """What a table answers is more than one line, and its beginning is worth more than nothing."""
    text = "Is it so? Here: it is better; there it cannot be told; elsewhere it is far worse."

    assert sentences(text, 2, 40) == [
        "Is it so? Here: it is better; there it",
        "cannot be told; …",
    ]
    assert sentences(text, 1, 32) == ["Is it so? Here: it is better; …"]
