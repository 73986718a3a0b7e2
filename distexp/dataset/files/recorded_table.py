"""The rows of a table of recorded estimates, whatever its format."""

import json
import math
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import NamedTuple, cast

import numpy as np

from distexp.dataset.files.apart import read_apart
from distexp.dataset.files.delimited import decoded, records
from distexp.dataset.files.layout import locate
from distexp.errors import DatasetError

MOST = 1e300
"""Larger numbers are none that a survey holds, and some have no float."""
FORMATS = (".parquet", ".csv", ".jsonl")


class Row(NamedTuple):
    """One estimate with the human answers beside it; the fields are the columns of the file."""

    dataset: str
    question_id: str
    question: str
    options: list[str]
    ordinals: list[float] | None
    attribute: str
    group: str
    n_respondents: float | None
    human: list[float] | None
    model: str
    elicitation: str
    prompt: str
    predicted: list[float] | None
    status: str
    battery: str | None = None
    language: str | None = None


Columns = list[list[object]]
"""The cells of each field of `Row`, all equally many."""

_NUMBERS = ("ordinals", "human", "predicted")
_MAY_BE_NULL = ("ordinals", "human", "predicted", "n_respondents", "battery", "language")
_MAY_BE_MISSING = frozenset({"battery", "language"})


def read_rows(path: Path, content: bytes, *, optional: frozenset[str] = frozenset()) -> list[Row]:
    """Read `content`, the bytes of `path`, whose suffix tells the format.

    Columns of `optional` may be missing, and their cells null.

    Raises
    ------
    DatasetError
        If the format is unknown, a column is missing, or a cell is empty or of a wrong type.
    """
    optional |= _MAY_BE_MISSING
    readers: dict[str, Callable[[Path, bytes, frozenset[str]], Columns]] = dict(
        zip(FORMATS, (_parquet, _csv, _jsonl), strict=True)
    )
    if path.suffix not in readers:
        msg = f"{path} must be a {', '.join(FORMATS)} file: its name ends in {path.suffix!r}."
        raise DatasetError(msg)
    try:
        columns = readers[path.suffix](path, content, optional)
        for field, cells in zip(Row._fields, columns, strict=True):
            _check(field, cells, may_be_null=field in optional.union(_MAY_BE_NULL))
    except (ValueError, RecursionError, DatasetError) as exc:
        msg = f"{path} is not a {path.suffix} table of recorded estimates: {exc}"
        raise DatasetError(msg) from exc
    return list(map(Row._make, zip(*columns, strict=True)))


def _parquet(path: Path, content: bytes, optional: frozenset[str]) -> Columns:
    table = read_apart(path, None)
    _check_header(table.columns, optional)
    empty = [None] * table.height
    there = {field: table[field].to_list() for field in table.columns if field in Row._fields}
    return [there.get(field, empty) for field in Row._fields]


def _csv(path: Path, content: bytes, optional: frozenset[str]) -> Columns:
    """Read lists and numbers as JSON; an empty cell is null."""
    numbered = records(path, decoded(path, content))
    header = next(numbered, (0, []))[1]
    _check_header(header, optional)
    rows = [row for _, row in numbered]
    places = {field: locate(path, [field], header)[0] for field in Row._fields if field in header}
    empty = [""] * len(rows)
    cells = {
        field: [row[places[field]] for row in rows] if field in places else empty
        for field in Row._fields
    }
    return [
        _decoded(field, cells[field])
        if field in (*_NUMBERS, "options", "n_respondents")
        else [cell or None for cell in cells[field]]
        for field in Row._fields
    ]


def _decoded(field: str, cells: Sequence[str]) -> list[object]:
    """Read each different text once."""
    values: dict[str, object] = {"": None}
    for number, cell in enumerate(cells, start=1):
        if cell not in values:
            try:
                values[cell] = json.loads(cell)
            except (ValueError, RecursionError) as exc:
                msg = f"row {number}: {field!r} must be JSON, got {cell[:80]!r} ({exc})."
                raise ValueError(msg) from exc
    return [values[cell] for cell in cells]


def _jsonl(path: Path, content: bytes, optional: frozenset[str]) -> Columns:
    records = []
    for number, line in enumerate(content.splitlines(), start=1):
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as exc:
            msg = f"row {number} is not JSON ({exc})."
            raise ValueError(msg) from exc
        if not isinstance(record, dict):
            msg = f"row {number} must be a JSON object, got {line[:80]!r}."
            raise ValueError(msg)
        records.append(record)
    _check_header({field for record in records for field in record}, optional)
    return [[record.get(field) for record in records] for field in Row._fields]


def _check_header(found: Iterable[str], optional: frozenset[str]) -> None:
    if missing := [field for field in Row._fields if field not in optional.union(found)]:
        msg = f"column {', '.join(missing)} is missing. The columns are {', '.join(Row._fields)}."
        raise ValueError(msg)


def _check(field: str, cells: Sequence[object], *, may_be_null: bool) -> None:
    """Raise `ValueError` unless every cell is of the type that `Row` says."""
    if field == "n_respondents":
        wanted, fits = "a number", _is_number
    elif field in _NUMBERS:
        wanted, fits = "a list of numbers", _is_numbers
    elif field == "options":
        wanted, fits = "a list of texts", _is_texts
    else:
        wanted, fits = "a text", _is_text
    if fits is _is_text and set(map(type, cells)) <= {str}:
        return  # the common cases, quickly
    if fits is _is_numbers and _are_numbers(cells):
        return
    for number, cell in enumerate(cells, start=1):
        if not (fits(cell) or (cell is None and may_be_null)):
            null = " or null" * may_be_null
            msg = f"row {number}: {field!r} must be {wanted}{null}. Got {cell!r} instead."
            raise ValueError(msg)


def _is_text(cell: object) -> bool:
    return isinstance(cell, str)


def _is_texts(cell: object) -> bool:
    return isinstance(cell, list) and all(isinstance(item, str) for item in cell)


def _is_number(cell: object) -> bool:
    if not isinstance(cell, int | float) or isinstance(cell, bool):
        return False
    return abs(cell) < MOST and math.isfinite(cell)


def _is_numbers(cell: object) -> bool:
    return isinstance(cell, list) and all(map(_is_number, cell))


def _are_numbers(cells: Sequence[object]) -> bool:
    """Whether all are lists of floats that `_is_numbers` would take; never where one is not."""
    if not set(map(type, cells)) <= {list}:
        return False
    numbers = list(chain.from_iterable(cast("Sequence[list[object]]", cells)))
    if not set(map(type, numbers)) <= {float}:
        return False
    return bool((np.abs(np.array(numbers, dtype=np.float64)) < MOST).all())  # NaN is not
