"""A terminal gets no character that it would obey, and a spreadsheet no formula."""

import io
import os
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distexp.errors import DistexpError
from distexp.visible import VisibleStream, in_spreadsheet, one_line, visible

BIDI = {"BN", "LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
KEPT = {"\t", "\n", "\u00ad", "\u200c", "\u200d"}
"""White space, the soft hyphen and what joins letters: they belong to texts."""


@given(st.text(st.characters(blacklist_categories=[])))
def test_no_character_is_left_that_a_terminal_obeys(text: str) -> None:
    """No control, no mark of direction, no half of a character; everything else is as it was."""
    shown = visible(text)

    left = set(shown) - KEPT
    assert not {sign for sign in left if unicodedata.category(sign) in ("Cc", "Cs", "Zl", "Zp")}
    assert not {
        sign
        for sign in left
        if unicodedata.category(sign) == "Cf" and unicodedata.bidirectional(sign) in BIDI
    }
    assert visible(shown) == shown
    shown.encode()


@given(st.text(st.characters(blacklist_categories=[])))
def test_one_line_is_one(text: str) -> None:
    """However a text breaks its lines."""
    assert len(one_line(text).splitlines()) <= 1


@given(st.text())
def test_no_text_is_a_formula(text: str) -> None:
    """What a spreadsheet would compute begins with an apostrophe, and is whole behind it."""
    cell = in_spreadsheet(text)

    assert cell in (text, f"'{text}")
    if cell.lstrip()[:1] in tuple("=+-@"):
        assert not cell.lstrip() or cell.strip().lstrip("+-").replace(".", "").replace(",", "")


@pytest.mark.parametrize(
    "text", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", " =1", "=HYPERLINK(1)", "-"]
)
def test_formula_is_text(text: str) -> None:
    """The forms that OWASP lists."""
    assert in_spreadsheet(text) == f"'{text}"


@pytest.mark.parametrize("text", ["-5", "+3.5", "-1,000.5", "-10 %", "1e-5", "-1e5", "a=b", ""])
def test_number_stays_one(text: str) -> None:
    """A minus sign alone makes no formula."""
    assert in_spreadsheet(text) == text


def test_stream_shows_and_goes_on_when_nobody_reads() -> None:
    """After the reader has gone, as `head` does, writing goes nowhere and is no error."""
    read, write = os.pipe()
    with io.TextIOWrapper(os.fdopen(write, "wb"), encoding="utf-8") as plain:
        stream = VisibleStream(plain)
        stream.write("\x1b[2Jé\n")
        stream.flush()
        assert os.read(read, 100).decode() == "\\x1b[2Jé\n"

        os.close(read)
        stream.write("more\n" * 100_000)
        stream.flush()


def test_full_disk_is_said() -> None:
    """What cannot be written for another reason is an error."""
    with io.TextIOWrapper(open("/dev/full", "wb"), encoding="utf-8") as plain:  # noqa: PTH123
        stream = VisibleStream(plain)

        stream.write("x")
        with pytest.raises(DistexpError, match="No space left"):
            stream.flush()
