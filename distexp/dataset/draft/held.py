"""What each column of a survey's file holds, and what the codebook takes it for."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from distexp.dataset.files.codebook import Attribute, Codebook, Item
from distexp.dataset.files.codes import Code, label_of, parse_code
from distexp.dataset.files.variables import code_order

if TYPE_CHECKING:
    import polars as pl

UNEXPLAINED = "not explained"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One code of a column."""

    code: str
    n: int
    share: float
    """Of all respondents who pass the filters."""
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """What a column holds, and what the codebook takes it for."""

    of: str
    """E.g. `question 'buses'`."""
    name: str
    rows: tuple[Row, ...]


def held(of: str, cells: "pl.Series", meaning: Callable[[Code], str]) -> Column:
    """Count the codes of a column, beside their meanings."""
    counts: Counter[Code] = Counter()
    for cell, n in cells.fill_null("").value_counts().iter_rows():
        counts[parse_code(cell)] += n
    order = sorted(counts, key=lambda code: (code is None, *code_order(code)))
    total = max(counts.total(), 1)
    rows = [
        Row(
            code="(blank)" if code is None else label_of(code),
            n=counts[code],
            share=counts[code] / total,
            meaning=meaning(code),
        )
        for code in order
    ]
    return Column(of=of, name=cells.name, rows=tuple(rows))


def meaning_of(item: Item, codebook: Codebook) -> Callable[[Code], str]:
    """Return what a code is to a question."""

    def meaning(code: Code) -> str:
        for option, codes in zip(item.question.options, item.codes, strict=True):
            if code in codes:
                return option
        return "off the scale" if code in item.off_scale else _else(code, codebook)

    return meaning


def meaning_for(attribute: Attribute, codebook: Codebook) -> Callable[[Code], str]:
    """Return which group a code is."""

    def meaning(code: Code) -> str:
        for level in attribute.levels:
            if code in level.codes:
                return level.label
        if code in attribute.left_out:
            return "left out"
        other = _else(code, codebook)
        return label_of(code) if attribute.others and other == UNEXPLAINED else other

    return meaning


def _else(code: Code, codebook: Codebook) -> str:
    return "not asked" if code is None or code in codebook.missing else UNEXPLAINED
