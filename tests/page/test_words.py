"""Sentences in Markdown come out as the words that went in."""

from hypothesis import given
from hypothesis import strategies as st

from distexp.page.words import pieces, words
from distexp.report.markdown import escaped
from distexp.visible import one_line

TEXT = st.text() | st.text(alphabet="*_`\\|<>&;[]()!~#+-=.1 a\n")


@given(TEXT)
def test_what_was_escaped_comes_out_as_it_was(text: str) -> None:
    """Whatever a name holds, none of its signs is lost, doubled or taken for markup."""
    assert words(escaped(text)) == one_line(text)


@given(TEXT.filter(one_line))
def test_a_name_in_bold_is_one_piece(text: str) -> None:
    """Stars in the name do not end the bold."""
    found = pieces(f"**{escaped(text)}** is closer")

    assert found == [("strong", one_line(text)), ("", " is closer")]


def test_code_is_taken_as_it_stands() -> None:
    """Between backticks a backslash escapes nothing."""
    assert pieces(r"said `a\_b`.") == [("", "said "), ("code", r"a\_b"), ("", ".")]
