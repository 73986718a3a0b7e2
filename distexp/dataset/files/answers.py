"""What a codebook makes of a file's columns: who counts, in which groups, with which answers."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from distexp.dataset.files.codebook import Attribute, Codebook, Item
from distexp.dataset.files.codes import Code, Codes, label_of, numbers, recode
from distexp.dataset.files.columns import near
from distexp.dataset.files.microdata import NOT_ASKED, OFF_SCALE, check_weights
from distexp.errors import DatasetError
from distexp.types import BoolArray, FloatArray, Group, IntArray

if TYPE_CHECKING:
    import polars as pl


def filtered(codebook: Codebook, table: "pl.DataFrame", path: Path) -> "pl.DataFrame":
    """Return the respondents who pass the codebook's filters.

    Raises
    ------
    DatasetError
        If nobody does, or a filter asks for a code that the file does not hold.
    """
    keep = np.ones(table.height, dtype=np.bool_)
    for column, codes in codebook.filters.items():
        seen: set[Code] = set()

        def is_wanted(code: Code, codes: Codes = codes, seen: set[Code] = seen) -> bool:
            seen.add(code)
            return code in codes

        keep &= recode(table[column], is_wanted) == 1
        if unseen := codes.listed - seen:
            known = sorted(map(label_of, seen))
            wanted = label_of(next(iter(unseen)))
            msg = f"Column {column!r} of {path} never holds {wanted!r}. {near(wanted, known)}"
            raise DatasetError(msg)
    for column, codes in codebook.exclude.items():
        keep &= recode(table[column], codes.__contains__) == 0
    if not keep.any():
        used = ", ".join([*codebook.filters, *codebook.exclude]) or "none"
        msg = (
            f"None of the {table.height} respondents in {path} is left after the filters (on "
            f"columns: {used}). Widen them."
        )
        raise DatasetError(msg)
    return table.filter(keep)


def weights(column: str, table: "pl.DataFrame", path: Path) -> FloatArray:
    """Return the weights, shape (n_respondents,).

    Raises
    ------
    DatasetError
        If one is negative or no number, or all are zero.
    """
    values = numbers(table[column])
    check_weights(f"column {column!r} of {path}", values)
    return values


def answers(item: Item, missing: Codes, table: "pl.DataFrame", path: Path) -> IntArray:
    """Return option indices, `OFF_SCALE` or `NOT_ASKED`, shape (n_respondents,).

    Raises
    ------
    DatasetError
        If the column holds codes that the codebook does not explain.
    """
    unknown: list[Code] = []

    def index_of(code: Code) -> int:
        if code is None:
            return NOT_ASKED
        for index, codes in enumerate(item.codes):
            if code in codes:
                return index
        if code in item.off_scale:
            return OFF_SCALE
        if code not in missing:
            unknown.append(code)
        return NOT_ASKED

    indices = recode(table[item.column], index_of)
    where = f"question {item.question.question_id!r}, off_scale or missing"
    _check_known(unknown, item.column, table, path, where)
    return indices


def members(
    name: str, attribute: Attribute, missing: Codes, table: "pl.DataFrame", path: Path
) -> dict[Group, BoolArray]:
    """Return who belongs to each group of an attribute, in the codebook's order.

    Raises
    ------
    DatasetError
        If the column holds codes that the codebook does not explain.
    """
    levels = [(level.label, level.phrase) for level in attribute.levels]
    unknown: list[Code] = []

    def index_of(code: Code) -> int:
        for index, level in enumerate(attribute.levels):
            if code in level.codes:
                return index
        if code is None or code in missing or code in attribute.left_out:
            return -1
        if attribute.others is None:
            unknown.append(code)
            return -1
        label = label_of(code)
        levels.append((label, attribute.others.replace("{}", label)))
        return len(levels) - 1

    level_of = recode(table[attribute.column], index_of)
    where = f"attribute {name!r}, its left_out or missing"
    _check_known(unknown, attribute.column, table, path, where)
    n_listed = len(attribute.levels)
    order = [*range(n_listed), *sorted(range(n_listed, len(levels)), key=levels.__getitem__)]
    if attribute.others is not None:  # of all the countries there are, those in the file
        order = [index for index in order if (level_of == index).any()]
    return {
        Group(attribute=name, value=levels[index][0], phrase=levels[index][1]): level_of == index
        for index in order
    }


def _check_known(
    unknown: Sequence[Code], column: str, table: "pl.DataFrame", path: Path, where: str
) -> None:
    """Raise `DatasetError` naming the codes that the codebook does not explain."""
    if not unknown:
        return
    counts = Counter(
        {
            code: int(recode(table[column], Codes(frozenset({code})).__contains__).sum())
            for code in unknown
        }
    )
    listed = ", ".join(f"{label_of(code)} ({n} times)" for code, n in counts.most_common(5))
    more = f" and {len(counts) - 5} more" if len(counts) > 5 else ""
    msg = (
        f"Column {column!r} of {path} holds codes that the codebook does not explain: "
        f"{listed}{more}. Add them to {where}."
    )
    raise DatasetError(msg)
