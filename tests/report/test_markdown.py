"""Whatever a text holds, it is shown as it is, and a table keeps its form."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distexp.report.markdown import Markdown, escaped, table

HOSTILE = st.text(st.sampled_from("|\\`*_~<>&[](): \n\r\t\x1b\x00\u202e\u2028#-+=1.a;http"))
TEXTS = st.text() | HOSTILE
CELL_ENDS = re.compile(r"(?<!\\)(?:\\\\)*\|")


@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=5), st.booleans())
def test_table_keeps_its_lines_and_cells(rows: list[tuple[str, str]], padded: bool) -> None:
    """As many lines as rows and two more, each with three bars that end a cell."""
    lines = table(("a", "b"), rows, right={1}, padded=padded).splitlines()

    assert len(lines) == len(rows) + 2
    assert {len(CELL_ENDS.findall(line)) for line in lines} == {3}


@given(TEXTS)
def test_text_makes_no_markup(text: str) -> None:
    """No sign that begins HTML, code, emphasis, a link or a cell stands without its escape."""
    shown = escaped(text)
    bare = re.sub(r"\\[!-/:-@\[-`{-~]", " ", shown)

    assert not re.search(r"[<`*|]|\]\(|\]\[|\]:", bare)
    assert not re.search(r"&(?!lt;|amp;)#?\w+;", bare)
    assert len(shown.splitlines()) <= 1
    assert escaped(shown) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<img src=x onerror=alert(1)>", "&lt;img src=x onerror=alert(1)>"),
        ("[click](javascript:alert(1))", r"[click\](javascript:alert(1))"),
        ("![x](http://host/track.png)", r"![x\](http://host/track.png)"),
        ("a|b", r"a\|b"),
        ("a\\|b", r"a\\\|b"),
        ("*bold* `code` _em_ ~~no~~", r"\*bold\* \`code\` \_em\_ \~\~no\~\~"),
        ("one\ntwo\r\nthree", "one two three"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("&lt;b&gt;", "&amp;lt;b&amp;gt;"),
        ("# heading", r"\# heading"),
        ("1. first", r"1\. first"),
        ("random_forest, R&D, 18-29, $10,000 [Don't read]", None),
        ("https://doi.org/10.1/x", None),
    ],
)
def test_text_is_shown_as_it_is(text: str, shown: str | None) -> None:
    """Markup is escaped; ordinary labels, names and addresses stay as they are."""
    assert escaped(text) == (text if shown is None else shown)


def test_what_is_markdown_already_stays() -> None:
    """Text that was made here is marked, and not escaped again."""
    assert table(["a"], [[Markdown("**b** \\| c")]]).splitlines()[2] == "| **b** \\| c |"
