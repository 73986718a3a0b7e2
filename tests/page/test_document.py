"""What the file around the data allows, and that nothing in the data gets out of it."""

import base64
import gzip
import hashlib
import json
import math
import re
from html.parser import HTMLParser

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distexp.model.http.secrets import Secrets
from distexp.page.document import PACKED_FROM, document, in_script

TEXT = st.text() | st.text(alphabet="</script>!-[]CDATA&;\u2028\u2029\\\"'")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
    max_leaves=20,
)


class Elements(HTMLParser):
    """Lists the elements of a page with their attributes, and what stands in scripts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep an element."""
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        """Keep a text."""
        self.texts.append(data)


def page(text: str) -> str:
    """Return a page in which a text stands wherever one may."""
    return document(
        kind=text, title=text, answer=[(text, [("strong", text), ("", text)])],
        data={"head": in_script({text.encode(errors="replace").decode(): [text]})},
    )  # fmt: skip


@given(JSON)
def test_data_come_out_as_they_went_in_and_end_no_element(value: object) -> None:
    """Whatever JSON holds, no browser sees a tag in it, and JSON reads it back."""
    text = in_script(value)

    assert not re.search("[<\u2028\u2029]", text)
    expected = json.dumps(value).encode().decode()
    assert json.loads(text) == json.loads(_whole(expected))


def _whole(text: str) -> str:
    """Return JSON in which half a character is U+FFFD, as UTF-8 cannot hold it."""
    value = json.dumps(json.loads(text), ensure_ascii=False)
    return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


@given(TEXT)
def test_no_text_adds_an_element(text: str) -> None:
    """A page with any text has the elements of a page with a plain one."""
    elements = [(tag, sorted(attributes)) for tag, attributes in Elements(page(text)).found]

    assert elements == [(tag, sorted(attributes)) for tag, attributes in Elements(page("a")).found]


def test_only_the_script_and_the_sheet_of_the_package_may_run() -> None:
    """Everything else is forbidden by the page itself, which names both by their digests."""
    made = page("a")
    elements = Elements(made)
    [policy] = [a["content"] for _, a in elements.found if "http-equiv" in a]

    script = made.rpartition("<script>")[2].partition("</script>")[0]
    style = made.partition("<style>")[2].partition("</style>")[0]
    assert policy is not None
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules == {
        "default-src": "'none'",
        "script-src": f"'{_digest(script)}'",
        "style-src": f"'{_digest(style)}'",
        "base-uri": "'none'",
        "form-action": "'none'",
    }


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


@pytest.mark.parametrize(
    "forbidden",
    ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function",
     "fetch(", "XMLHttpRequest", "@import", "url(", "http:", "//cdn"],
)  # fmt: skip
def test_the_page_has_no_way_to_read_markup_or_load_anything(forbidden: str) -> None:
    """Neither the script nor the sheet names one."""
    code = page("a").replace("http://www.w3.org/2000/svg", "")  # a name that is no address

    assert forbidden not in code


def test_long_data_are_packed() -> None:
    """They are gzip as Base64, and shorter."""
    value = ["the same words"] * PACKED_FROM
    text = in_script(value)

    unpacked = gzip.decompress(base64.b64decode(json.loads(text)["packed"]))
    assert json.loads(unpacked) == value
    assert len(text) < PACKED_FROM


@pytest.mark.parametrize("n", [1, PACKED_FROM])
def test_no_secret_of_the_environment_stands_in_a_page(n: int) -> None:
    """As it is or as JSON writes it, in short data and in packed ones."""
    secret = 'k"ey-0123456789'
    text = in_script([f"the key is {secret}"] * n, Secrets([secret]))

    found = json.loads(text)
    if isinstance(found, dict):
        found = json.loads(gzip.decompress(base64.b64decode(found["packed"])))
    assert set(found) == {"the key is [key]"}


@given(
    st.lists(st.integers(-(2**53), 2**53) | st.none(), max_size=9),
    st.lists(st.floats() | st.none(), max_size=9),
    st.integers(0, 1),
)
def test_columns_of_numbers_are_lists_of_them(
    whole: list[int | None], floats: list[float | None], n_large: int
) -> None:
    """As lists are written, null for what is no number; a secret name is struck."""
    column = pl.Series(whole, dtype=pl.Int64)
    long = pl.Series(range(n_large * PACKED_FROM), dtype=pl.Int64)
    numbers = {"x": column, "y": pl.Series(floats, dtype=pl.Float64)}

    text = in_script({"a word in secret": [numbers, {"x": long}]}, Secrets(["a word in secret"]))

    found = json.loads(text)
    assert ("packed" in found) == (n_large > 0)
    if n_large:
        found = json.loads(gzip.decompress(base64.b64decode(found["packed"])))

    known = [one if one is not None and math.isfinite(one) else None for one in floats]
    assert found == {"[key]": [{"x": whole, "y": known}, {"x": long.to_list()}]}
    assert json.loads(in_script({"y": [*floats, {"z": (*floats,)}]})) == {
        "y": [*known, {"z": known}]
    }
