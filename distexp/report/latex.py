"""Tables for papers, as LaTeX with booktabs, long ones with longtable: texts stay as they are."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from distexp.visible import one_line

if TYPE_CHECKING:
    import polars as pl

_SIGNS = {
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", '"': r"\textquotedbl{}",
    "`": r"\textasciigrave{}", "-": "-{}", "'": "'{}",
    "[": "{[}", "*": "{*}",  # after a line's end they would be its argument, and its star
}  # fmt: skip
_TWICE = "-'"
"""Signs that are another one where they stand twice."""
_SIGN = re.compile(
    "|".join(f"{re.escape(one)}(?={one})" if one in _TWICE else re.escape(one) for one in _SIGNS)
)
_ENDS = ("_low", "_high")
_ROWS_OF_A_PAGE = 40


def escaped(text: object) -> str:
    r"""Return the LaTeX, in one line, that shows a text as it is.

    Examples
    --------
    >>> escaped(r"50 % of \input{x}_y")
    '50 \\% of \\textbackslash{}input\\{x\\}\\_y'
    """
    return _SIGN.sub(lambda sign: _SIGNS[sign[0]], one_line(str(text)))


def table(found: "pl.DataFrame", caption: str, label: str, *, digits: int = 3) -> str:
    """Lay out a table: columns `X`, `X_low` and `X_high` become one, with its interval.

    What is the same in all rows is said in the caption; more than 40 rows go over several pages.

    Parameters
    ----------
    found : DataFrame
    caption : str
        As plain text.
    label : str
        After `tab:`.
    digits : int
        After the point.
    """
    names = [
        name
        for name in found.columns
        if not any(name.endswith(end) and name.removesuffix(end) in found.columns for end in _ENDS)
    ]
    alike = [name for name in names if found.height > 1 and found[name].n_unique() == 1]
    common = [f"{name} {found[name][0]}" for name in alike if found[name][0] is not None]
    said = f"{caption} All rows: {', '.join(common)}." if common else caption
    kept = [name for name in names if name not in alike]
    places = "".join("r" if found.schema[name].is_numeric() else "l" for name in kept)
    head = [r"\toprule", _row(map(escaped, kept)), r"\midrule"]
    rows = [_row(_cell(row, name, digits) for name in kept) for row in found.iter_rows(named=True)]
    title = (
        rf"\caption{{{escaped(said)}}}",
        rf"\label{{tab:{re.sub('[^A-Za-z0-9-]', '-', label)}}}",
    )
    if found.height > _ROWS_OF_A_PAGE:
        first = [rf"\begin{{longtable}}{{{places}}}", *title[:1], rf"{title[1]} \\"]
        heads = [*head, r"\endfirsthead", *head, r"\endhead", r"\bottomrule", r"\endlastfoot"]
        lines = [*first, *heads, *rows, r"\end{longtable}"]
    else:
        first = [r"\begin{table}", r"\centering", *title, rf"\begin{{tabular}}{{{places}}}"]
        lines = [*first, *head, *rows, r"\bottomrule", r"\end{tabular}", r"\end{table}"]
    return "\n".join(lines) + "\n"


def _row(cells: Any) -> str:
    return f"{' & '.join(cells)} \\\\"


def _cell(row: Mapping[str, Any], name: str, digits: int) -> str:
    value, low, high = (_number(row.get(f"{name}{end}"), digits) for end in ("", *_ENDS))
    return f"{value} [{low}, {high}]" if value and low and high else value


def _number(value: object, digits: int) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"${value:.{digits}f}$"
    return (
        f"${value}$" if isinstance(value, int) and not isinstance(value, bool) else escaped(value)
    )
