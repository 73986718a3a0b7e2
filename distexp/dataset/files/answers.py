"""What a codebook makes of a file's columns: who counts, in which groups, with which answers."""

import re
from collections import Counter
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from distexp.dataset.files.codebook import Attribute, Codebook, Item
from distexp.dataset.files.codes import (
    Code,
    Codes,
    SmallArray,
    label_of,
    numbers,
    parse_code,
    recode,
)
from distexp.dataset.files.columns import near
from distexp.dataset.files.microdata import NOT_ASKED, OFF_SCALE, check_weights
from distexp.errors import DatasetError
from distexp.types import BoolArray, FloatArray, Group

if TYPE_CHECKING:
    import polars as pl

_COMMA = re.compile(r"\d,\d")


def filtered(codebook: Codebook, table: "pl.DataFrame", path: Path) -> "pl.DataFrame":
    """Return the respondents who pass the codebook's filters.

    Raises
    ------
    DatasetError
        If nobody does, or a filter asks for a code that the file does not hold.
    """
    import polars as pl

    keep = np.ones(table.height, dtype=np.bool_)
    for column, codes in codebook.filters.items():
        seen, has_one = _found(codes, table[column], path)
        keep &= has_one
        if unseen := codes.listed - seen:
            known = sorted(map(label_of, seen))
            wanted = label_of(next(iter(unseen)))
            msg = f"Column {column!r} of {path} never holds {wanted!r}. {near(wanted, known)}"
            raise DatasetError(msg)
        _check_alike(codes, seen, column, path)
    for column, codes in codebook.exclude.items():
        seen, has_one = _found(codes, table[column], path)
        _check_alike(codes, seen, column, path)
        keep &= ~has_one
    if not keep.any():
        used = ", ".join([*codebook.filters, *codebook.exclude]) or "none"
        msg = (
            f"None of the {table.height} respondents in {path} is left after the filters (on "
            f"columns: {used}). Widen them."
        )
        raise DatasetError(msg)
    left = table if keep.all() else table.filter(keep)
    for cells in left.iter_columns():
        if cells.dtype == pl.String and cells.str.starts_with('{"ImportId"').any():
            msg = (
                f"{path} has more rows of headers: column {cells.name!r} holds an ImportId of "
                "Qualtrics. Pass them over by `file: {skip_rows: [2, 3]}` in the codebook."
            )
            raise DatasetError(msg)
    return left


def weights(column: str, table: "pl.DataFrame", path: Path) -> FloatArray:
    """Return the weights, shape (n_respondents,).

    Raises
    ------
    DatasetError
        If one is negative or no number, or all are zero.
    """
    import polars as pl

    values = numbers(table[column])
    unknown = table[column].filter(np.isnan(values)).cast(pl.String)
    odd = [cell for cell in unknown if parse_code(cell) is not None]
    if odd:
        comma = 'Say decimal commas by `file: {decimal: ","}`. ' if _COMMA.search(odd[0]) else ""
        n_odd = np.count_nonzero(np.isnan(values))
        msg = (
            f"{n_odd} of {table.height} values in column {column!r} of {path} are no numbers or "
            f"missing; the first is {odd[0]!r:.80}. {comma}Name another weight, filter these "
            "respondents out, or ask for unweighted counts."
        )
        raise DatasetError(msg)
    check_weights(f"column {column!r} of {path}", values)
    return values


def answers(item: Item, missing: Codes, table: "pl.DataFrame", path: Path) -> SmallArray:
    """Return option indices, `OFF_SCALE` or `NOT_ASKED`, shape (n_respondents,).

    A blank was not asked, unless the codebook names it as a code.

    Raises
    ------
    DatasetError
        If the column holds codes that the codebook does not explain.
    """
    unknown: list[Code] = []

    def index_of(code: Code) -> int:
        for index, codes in enumerate(item.codes):
            if code in codes:
                return index
        if code in item.off_scale:
            return OFF_SCALE
        if code is not None and code not in missing:
            unknown.append(code)
        return NOT_ASKED

    indices = recode(table[item.column], index_of, _place(item.column, path))
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
    levels = [(level.label, level.phrase, level.phrases) for level in attribute.levels]
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
        levels.append((label, attribute.others.replace("{}", label), ()))
        return len(levels) - 1

    level_of = recode(table[attribute.column], index_of, _place(attribute.column, path))
    where = f"attribute {name!r}, its left_out or missing"
    _check_known(unknown, attribute.column, table, path, where)
    n_listed = len(attribute.levels)
    others = {label for label, _, _ in levels[n_listed:]}
    named = others.union(*(each.codes.texts for each in attribute.levels))
    _check_case(others, named | attribute.left_out.texts | missing.texts, attribute.column, path)
    order = [*range(n_listed), *sorted(range(n_listed, len(levels)), key=levels.__getitem__)]
    if attribute.others is not None:  # of all the countries there are, those in the file
        order = [index for index in order if (level_of == index).any()]
    groups = {}
    for index in order:
        label, phrase, phrases = levels[index]
        group = Group(attribute=name, value=label, phrase=phrase, phrases=phrases)
        groups[group] = level_of == index
    return groups


def _found(codes: Codes, column: "pl.Series", path: Path) -> tuple[set[Code], BoolArray]:
    """Return the codes of a column, and which respondents have one that is wanted."""
    seen: set[Code] = set()

    def is_wanted(code: Code) -> bool:
        seen.add(code)
        return code in codes

    mask = recode(column, is_wanted, _place(column.name, path)) == 1
    return seen, mask


def _check_alike(codes: Codes, seen: AbstractSet[Code], column: str, path: Path) -> None:
    others = {code for code in seen if isinstance(code, str) and code not in codes}
    _check_case(others, codes.texts, column, path)


def _check_case(found: AbstractSet[str], named: AbstractSet[str], column: str, path: Path) -> None:
    """Raise `DatasetError` if a code is another one in other letters, e.g. `no` and `NO`."""
    first: dict[str, str] = {}
    for code in sorted(found | named):
        other = first.setdefault(code.casefold(), code)
        if other != code and {other, code} & found:
            msg = (
                f"{_place(column, path)} holds {min(found & {other, code})!r}: {other!r} and "
                f"{code!r} differ in capital letters only. Name both in the codebook, each where "
                "it belongs."
            )
            raise DatasetError(msg)


def _place(column: str, path: Path) -> str:
    return f"Column {column!r} of {path}"


def _check_known(
    unknown: Sequence[Code], column: str, table: "pl.DataFrame", path: Path, where: str
) -> None:
    """Raise `DatasetError` naming the codes that the codebook does not explain."""
    if not unknown:
        return
    counts = Counter(
        {
            code: int(recode(table[column], Codes(frozenset({code})).__contains__, "").sum())
            for code in unknown
        }
    )
    listed = ", ".join(f"{label_of(code)} ({n} times)" for code, n in counts.most_common(5))
    more = f" and {len(counts) - 5} more" if len(counts) > 5 else ""
    first = parse_code(table[column][0])
    hint = ' Numbers with a decimal comma need `file: {decimal: ","}`.' * any(
        isinstance(code, str) and _COMMA.search(code) for code in unknown
    )
    if first in unknown and counts[first] == 1:
        hint += " If the first rows are headers, pass them over: `file: {skip_rows: [2]}`."
    msg = (
        f"Column {column!r} of {path} holds codes that the codebook does not explain: "
        f"{listed}{more}. Add them to {where}.{hint}"
    )
    raise DatasetError(msg)
