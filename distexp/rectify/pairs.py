"""Two tables of the same people: what some of them answered, and what is predicted of all."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from distexp.dataset.files.codes import plain
from distexp.errors import DatasetError
from distexp.rectify.rows import BLANK, Rows, listed, option_codes, options_wanted, read_rows
from distexp.types import FloatArray, IntArray, Question

PERSON = "person"
WEIGHT = "weight"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be estimated."""

    questions: tuple[Question, ...]
    """Empty: those of all columns that both tables have, with the answers found as options."""
    by: tuple[str, ...] = ()
    """Columns of the twins' table whose values are groups."""
    strata: str | None = None
    """Column of the twins' table by whose values people were picked."""
    coverage: float = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """What two files say of the same people."""

    people: Rows
    twins: Rows
    person: IntArray
    """Row of the pilot of each twin; `BLANK` for the others."""
    weights: FloatArray
    """Of the twins."""
    wanted: Wanted
    stratum: IntArray


def read_tables(pilot: Path, twins: Path, wanted: Wanted) -> Tables:
    """Read people and twins, and find who is who.

    Raises
    ------
    DatasetError
        If a table cannot be read, or the two do not go together.
    """
    people, others = read_rows(pilot, "pilot"), read_rows(twins, "twins")
    for rows in (people, others):
        if PERSON not in rows.columns:
            msg = (
                f"{rows.path} has no column {PERSON!r}: it must have an id that says which row of "
                f"the other table is of the same person. It has {listed(list(rows.columns))}."
            )
            raise DatasetError(msg)
        _check_ids(rows)
    for name in (*wanted.by, *([wanted.strata] if wanted.strata else [])):
        if plain(name) not in others.columns:
            columns = listed(list(others.columns))
            raise DatasetError(f"{twins} has no column {name!r}. It has {columns}.")
    ids = {str(i): row for row, i in enumerate(others.columns[PERSON])}
    problem = f"there is no such person in {twins}: everybody must be in both tables."
    of_person = people.codes(PERSON, {plain(i): row for i, row in ids.items()}, problem)
    person = np.full(others.n_rows, BLANK)
    person[of_person] = np.arange(people.n_rows)
    if WEIGHT in people.columns and WEIGHT not in others.columns:
        msg = (
            f"{pilot} has a column {WEIGHT!r} and {twins} has none: everybody there must have "
            "one, who was asked or not. Move it there, or rename it."
        )
        raise DatasetError(msg)
    weights = others.weights(WEIGHT if WEIGHT in others.columns else None)
    stratum = np.zeros(others.n_rows, dtype=np.int64)
    if wanted.strata:
        cells = [cell or "" for cell in others.columns[plain(wanted.strata)]]
        stratum = np.unique(cells, return_inverse=True)[1]
    return Tables(
        people=people, twins=others, person=person, weights=weights, wanted=wanted, stratum=stratum
    )


def _check_ids(rows: Rows) -> None:
    seen: set[str] = set()
    for row, cell in enumerate(rows.columns[PERSON]):
        if cell is None or plain(cell) in seen:
            raise rows.error(row, PERSON, "every row must have an id of its own.")
        seen.add(plain(cell))


def questions_of(tables: Tables) -> Iterator[Question]:
    """Yield the questions, which the file names or both tables show."""
    if tables.wanted.questions:
        there = [
            q for q in tables.wanted.questions if plain(q.question_id) in tables.people.columns
        ]
        if not there:
            columns = listed(list(tables.people.columns))
            msg = f"{tables.people.path} has no column of a question named. It has {columns}."
            raise DatasetError(msg)
        yield from there
        return
    used = {PERSON, WEIGHT, *map(plain, tables.wanted.by), plain(tables.wanted.strata or PERSON)}
    both = [
        name for name in tables.people.columns if name in tables.twins.columns and name not in used
    ]
    if not both:
        msg = (
            f"{tables.people.path} and {tables.twins.path} have no column of a question in "
            "common. Name the columns by the questions' ids in both."
        )
        raise DatasetError(msg)
    for name in both:
        cells = {*tables.people.columns[name], *tables.twins.columns[name]} - {None}
        options = sorted({plain(cell) for cell in cells if cell is not None})
        numbers = _numbers(options)
        if numbers is not None:
            options = [text for _, text in sorted(zip(numbers, options, strict=True))]
        if len(options) > 1:
            yield Question(
                question_id=name,
                text="",
                options=tuple(options),
                ordinals=None if numbers is None else tuple(sorted(numbers)),
            )


def _numbers(texts: Sequence[str]) -> list[float] | None:
    try:
        found = [float(text) for text in texts]
    except ValueError:
        return None
    return found if np.isfinite(found).all() and len(set(found)) == len(found) else None


def predicted_of(tables: Tables, question: Question) -> FloatArray:
    """Return the predicted shares of each twin: an answer, or a share an option; NaN for none."""
    name, k = plain(question.question_id), len(question.options)
    if name in tables.twins.columns:
        codes = tables.twins.codes(name, option_codes(question), options_wanted(question))
        return np.where((codes == BLANK)[:, None], np.nan, np.eye(k)[codes])
    columns = [plain(f"{name}={option}") for option in question.options]
    if missing := [column for column in columns if column not in tables.twins.columns]:
        msg = (
            f"{tables.twins.path} has no column {name!r} with an answer a person, nor "
            f"{missing[0]!r} with a share of one."
        )
        raise DatasetError(msg)
    shares = np.array([tables.twins.numbers(column) for column in columns]).T
    total = shares.sum(axis=1)
    for row in np.flatnonzero((total > 0) & (np.abs(total - 1) > 1e-3)).tolist():
        problem = f"the shares of {name!r} must sum to 1, and here they sum to {total[row]:g}."
        raise tables.twins.error(row, columns[0], problem)
    with np.errstate(invalid="ignore"):
        return np.where((total > 0)[:, None], shares / total[:, None], np.nan)
