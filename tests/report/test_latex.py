"""Tables for papers are LaTeX in which every text stands as it is."""

import re
import shutil
import subprocess
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distexp.report.latex import table

HOSTILE = st.one_of(
    st.text(max_size=30), st.sampled_from([r"\input{/etc/passwd}", "50 % & $x_1$"])
)
COMMANDS = re.compile(
    r"\\(?:text(?:backslash|asciitilde|asciicircum|less|greater|bar|quotedbl|asciigrave)\{\}"
    r"|[&%$#_{}])"
)
PDFLATEX = shutil.which("pdflatex")


@given(texts=st.lists(HOSTILE, min_size=2, max_size=5))
def test_no_text_becomes_a_command_a_cell_or_a_comment(texts: list[str]) -> None:
    """Each row has as many cells as there are columns, and no commands but those of signs."""
    found = pl.DataFrame({"a": texts, "b": [f"{text}!" for text in texts], "n": range(len(texts))})

    lines = table(found, "A caption.", "x").splitlines()

    body = lines[lines.index(r"\midrule") + 1 : lines.index(r"\bottomrule")]
    assert len(body) == len(texts)
    n_cells = lines[lines.index(r"\toprule") + 1].count(" & ") + 1
    for line in body:
        left = COMMANDS.sub("", line.removesuffix(r" \\"))
        assert "\\" not in left
        assert "%" not in left
        assert left.count("&") == n_cells - 1


def test_intervals_stand_by_their_values_and_what_is_alike_in_the_caption() -> None:
    """Worked out by hand."""
    found = pl.DataFrame(
        {"survey": ["gss"] * 2, "method": ["auto", "a_b"], "w1": [0.15, -0.2]}
        | {"w1_low": [0.1, None], "w1_high": [0.2, None]}
    )

    shown = table(found, "W1.", "my view")

    assert r"\caption{W1. All rows: survey gss.}" in shown
    assert r"\label{tab:my-view}" in shown
    assert r"auto & $0.150$ [$0.100$, $0.200$] \\" in shown
    assert r"a\_b & $-0.200$ \\" in shown


def test_a_text_at_the_start_of_a_row_is_no_argument_of_the_line_before() -> None:
    r"""LaTeX reads `\\` and `[` or `*` on the next line as one command."""
    rows = table(pl.DataFrame({"a": ["[5pt] off", "*"], "n": [1, 2]}), "A.", "x").splitlines()

    assert [row for row in rows if row.startswith(("[", "*"))] == []
    assert r"{[}5pt] off & $1$ \\" in rows


@pytest.mark.skipif(PDFLATEX is None, reason="pdflatex is not installed")
@pytest.mark.parametrize("n_rows", [2, 90])
def test_latex_sets_it_on_as_many_pages_as_it_needs(n_rows: int, tmp_path: Path) -> None:
    """Compiled, with texts that begin like arguments, and ASCII signs of every kind."""
    signs = "".join(map(chr, range(32, 127)))
    found = pl.DataFrame({"a": [f"[{i}] {signs}" for i in range(n_rows)], "n": range(n_rows)})
    packages = r"\usepackage[T1]{fontenc}\usepackage{booktabs,longtable}"
    body = table(found, signs, "x")
    (tmp_path / "a.tex").write_text(
        rf"\documentclass{{article}}{packages}\begin{{document}}{body}\end{{document}}"
    )

    done = subprocess.run(
        [str(PDFLATEX), "-interaction=nonstopmode", "a.tex"],
        cwd=tmp_path, check=False, capture_output=True, text=True,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout[-2000:]
    assert "Float too large" not in done.stdout
    assert ("(1 page" in done.stdout) == (n_rows <= 40)
