"""Whatever texts a data file holds, a draft with comments reads back as what was written."""

import string
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from distexp.dataset.draft.emitting import annotated

STORABLE = st.characters(exclude_categories=["Cs"])
NASTY = st.sampled_from(
    [
        "# check: not a comment",
        "!!python/object/apply:os.system [ls]",
        "&a *a",
        "key: value",
        "- item",
        "yes",
        "NO",
        "1:30",
        "0o17",
        "1e3",
        "2024-01-01",
        "null",
        "~",
        "",
        " padded ",
        "two\nlines",
        "two\r\nlines\n\n",
        "tab\there",
        "\x00\x07\x1b[31m",
        "\x85\u2028\u2029\ufeff",
        "{a: [b",
        "'\"\\",
        "%YAML 1.1",
        "---",
        "...",
        "? x",
        "| x",
        "> y",
        "@x `y`",
        "<<",
        "=",
        "x" * 200,
        "word " * 60,
    ]
)
TEXTS = NASTY | st.text(STORABLE) | st.text(string.punctuation + " \nab1")
LEAVES = TEXTS | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
DOCUMENTS = st.dictionaries(
    TEXTS,
    st.recursive(
        LEAVES,
        lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
        max_leaves=8,
    ),
    max_size=4,
)


def paths(document: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Return the paths of all keys."""
    if not isinstance(document, dict):
        return []
    return [p for key in document for p in ((*path, key), *paths(document[key], (*path, key)))]


@given(DOCUMENTS, TEXTS)
def test_every_document_reads_back_with_a_comment_on_every_entry(
    document: dict[str, Any], comment: str
) -> None:
    """Neither a text nor a comment can end what it stands in."""
    comments = {path: [comment, "check"] for path in paths(document)}

    written = annotated(document, comments, head=[comment], tail=[comment])

    assert yaml.safe_load(written) == document
    assert yaml.safe_load(written.encode()) == document


def test_a_comment_stands_above_its_entry_and_as_deep() -> None:
    """An entry inside a line is commented above the line."""
    document = {"q": {"options": [[1, "a"], [2, "b"]], "level": {"x": {"codes": 1}}}}
    comments = {("q", "options"): ["check: ordinal?"], ("q", "level", "x", "codes"): ["check: 1?"]}

    assert annotated(document, comments) == (
        "q:\n"
        "  # check: ordinal?\n"
        "  options:\n"
        "  - [1, a]\n"
        "  - [2, b]\n"
        "  level:\n"
        "    # check: 1?\n"
        "    x: {codes: 1}\n"
    )


@pytest.mark.parametrize("entry", ["questions", "q: 1", "two\nlines", "x" * 300])
def test_a_key_of_any_spelling_can_be_commented(entry: str) -> None:
    """Long keys and keys of several lines are written in YAML's long form."""
    written = annotated({entry: {entry: "v"}}, {(entry, entry): ["why"], (entry,): ["top"]})

    assert yaml.safe_load(written) == {entry: {entry: "v"}}
    assert written.count("# why") == written.count("# top") == 1
