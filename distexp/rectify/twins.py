"""`distexp rectify twins=FILE`: people's answers and predictions for each of them and for others.

Every row of the twins' table is a person of the population, by an id; the pilot has the answers of
some of them. Who is not in the pilot is one of the others.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from distexp.dataset.files.codes import plain
from distexp.dataset.files.microdata import EVERYONE
from distexp.errors import DatasetError
from distexp.rectify.joining import alone
from distexp.rectify.powered import Powered, Stratum, kish, powered
from distexp.rectify.rows import BLANK, Rows, listed, option_codes, options_wanted, read_rows
from distexp.types import BoolArray, FloatArray, IntArray, Question

if TYPE_CHECKING:
    import polars as pl

PERSON = "person"
WEIGHT = "weight"
LEAST_PEOPLE = 2
"""In a stratum, and others likewise, for a variance."""
CONSTANT = (
    "refused: the predictions are the same for everybody here, so they cannot tell these people "
    "apart; a prediction for a group is joined by distexp rectify card=FILE"
)
MEAN = "mean"
"""Stands among the options for the mean position on the scale."""


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
class _Tables:
    people: Rows
    twins: Rows
    person: IntArray
    """Row of the pilot of each twin; `BLANK` for the others."""
    weights: FloatArray
    """Of the twins."""
    wanted: Wanted
    stratum: IntArray


def by_twins(pilot: Path, twins: Path, wanted: Wanted) -> "pl.DataFrame":
    """Estimate shares, and on a scale the mean, for everyone and for groups.

    Returns
    -------
    DataFrame
        A row a question, group and option.

    Raises
    ------
    DatasetError
        If a table cannot be read, or predictions tell nobody apart in any group.
    """
    import polars as pl

    tables = _read(pilot, twins, wanted)
    rows = [row for q in _questions(tables) for row in _of_question(tables, q)]
    if not rows:
        raise DatasetError(f"Nobody of {pilot} answered a question that {twins} predicts.")
    text, number = pl.String, pl.Float64
    schema = {
        **dict.fromkeys(("question_id", "attribute", "group", "option"), text),
        **dict.fromkeys(("people", "others", "n_effective"), number),
        **dict.fromkeys(("people_alone", "alone_low", "alone_high"), number),
        **dict.fromkeys(("tuning", "estimate", "low", "high", "coverage"), number),
        **dict.fromkeys(("effective_n", "model_worth"), number),
        "model_says": text,
    }
    table = pl.DataFrame(rows, schema=schema, orient="row")
    if table["estimate"].null_count() == table.height:
        said = table["model_says"][0]
        raise DatasetError(f"Nothing can be estimated from {twins}: {said}.")
    return table


def _read(pilot: Path, twins: Path, wanted: Wanted) -> _Tables:
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
    weights = others.weights(WEIGHT if WEIGHT in others.columns else None)
    stratum = np.zeros(others.n_rows, dtype=np.int64)
    if wanted.strata:
        cells = [cell or "" for cell in others.columns[plain(wanted.strata)]]
        stratum = np.unique(cells, return_inverse=True)[1]
    return _Tables(
        people=people, twins=others, person=person, weights=weights, wanted=wanted, stratum=stratum
    )


def _check_ids(rows: Rows) -> None:
    seen: set[str] = set()
    for row, cell in enumerate(rows.columns[PERSON]):
        if cell is None or plain(cell) in seen:
            raise rows.error(row, PERSON, "every row must have an id of its own.")
        seen.add(plain(cell))


def _questions(tables: _Tables) -> Iterator[Question]:
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


def _of_question(tables: _Tables, question: Question) -> Iterator[tuple[object, ...]]:
    """Yield the rows of one question, everyone first."""
    name = plain(question.question_id)
    predicted = _predicted(tables, question)
    codes = tables.people.codes(name, option_codes(question), options_wanted(question))
    answer = np.where(tables.person == BLANK, BLANK, codes[tables.person])
    known = ~np.isnan(predicted[:, 0]) & (tables.weights > 0)
    groups: list[tuple[str, str, BoolArray]] = [(EVERYONE, EVERYONE, known)]
    for attribute in tables.wanted.by:
        cells = np.array([cell or "" for cell in tables.twins.columns[plain(attribute)]])
        groups += [
            (attribute, str(value), known & (cells == value))
            for value in np.unique(cells).tolist()
            if value
        ]
    for attribute, group, rows in groups:
        found = _estimated(tables, question, answer, predicted, rows)
        for option, *numbers in found:
            yield (question.question_id, attribute, group, option, *numbers)


def _predicted(tables: _Tables, question: Question) -> FloatArray:
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


def _estimated(
    tables: _Tables, question: Question, answer: IntArray, predicted: FloatArray, rows: BoolArray
) -> Iterator[tuple[object, ...]]:
    """Yield what is estimated of one group: a row an option, and for a scale the mean."""
    asked, others = rows & (answer != BLANK), rows & (answer == BLANK)
    if not asked.any():
        return
    k, coverage = len(question.options), tables.wanted.coverage
    chosen = np.where(asked[:, None], np.eye(k)[answer], 0.0)
    values, forecast, names = chosen, predicted, list(question.options)
    if question.ordinals is not None:
        scale = np.array(question.ordinals)
        values = np.c_[chosen, chosen @ scale]
        forecast, names = np.c_[predicted, np.nan_to_num(predicted) @ scale], [*names, MEAN]
    n = kish(tables.weights[asked])
    why_not, strata = _strata(tables, asked, others, values, forecast, k)
    for part in (slice(k), slice(k, None))[: 1 + (len(names) > k)]:
        own = [_part(stratum, part) for stratum in strata]
        yield from _rows(names[part], own, why_not, (asked, others), n, coverage)


def _part(stratum: Stratum, part: slice) -> Stratum:
    return Stratum(
        answers=stratum.answers[:, part],
        predicted=stratum.predicted[:, part],
        others=stratum.others[:, part],
        weights=stratum.weights,
        other_weights=stratum.other_weights,
        share=stratum.share,
    )


def _strata(
    tables: _Tables,
    asked: BoolArray,
    others: BoolArray,
    values: FloatArray,
    forecast: FloatArray,
    k: int,
) -> tuple[str, list[Stratum]]:
    """Return why nothing can be estimated, and the strata."""
    rows = asked | others
    total = tables.weights[rows].sum()
    strata = []
    for one in np.unique(tables.stratum[rows]).tolist():
        mine, rest = asked & (tables.stratum == one), others & (tables.stratum == one)
        if mine.sum() < LEAST_PEOPLE or rest.sum() < LEAST_PEOPLE:
            kind = "of a stratum " if tables.wanted.strata else ""
            return (
                f"refused: {kind}{mine.sum()} people and {rest.sum()} others, and each must be "
                f"{LEAST_PEOPLE} at the least"
            ), []
        strata.append(
            Stratum(
                answers=values[mine],
                predicted=forecast[mine],
                others=forecast[rest],
                weights=tables.weights[mine],
                other_weights=tables.weights[rest],
                share=float(tables.weights[mine | rest].sum() / total),
            )
        )
    if not np.ptp(forecast[rows][:, :k], axis=0).any():
        return CONSTANT, strata
    return "", strata


def _rows(
    names: Sequence[str],
    strata: Sequence[Stratum],
    why_not: str,
    who: tuple[BoolArray, BoolArray],
    n: float,
    coverage: float,
) -> Iterator[tuple[object, ...]]:
    """Yield a row an option, or the row of the mean."""
    n_people, n_others = (float(one.sum()) for one in who)
    if not strata:
        for name in names:
            nothing = [None] * 7
            yield (name, n_people, n_others, n, *nothing, coverage, None, None, why_not)
        return
    people = powered(strata, coverage, tuning=0.0)
    found = people if why_not else powered(strata, coverage)
    is_share = names != [MEAN]
    low, high = people.low, people.high
    if is_share:
        low, high = (end[0] for end in alone(people.value.clip(0)[None] * n, coverage))
    for place, name in enumerate(names):
        ours: tuple[object, ...] = (None, None, None, None)
        worth: float | None = None
        if not why_not:
            ours = (found.tuning, *_ends(found, place, (low[place], high[place]), is_share))
            worth = _worth(people, found, place, n)
        yield (
            name,
            n_people,
            n_others,
            n,
            float(people.value[place]),
            float(low[place]),
            float(high[place]),
            *ours,
            coverage,
            None if worth is None else n + worth,
            worth,
            why_not or _says(found, worth or 0.0),
        )


def _ends(
    found: Powered, place: int, alone_: tuple[float, float], is_share: bool
) -> tuple[float, float, float]:
    """Return estimate and interval, of people alone where their answers have no variance."""
    value, low, high = (float(one[place]) for one in found[:3])
    if not is_share:
        return value, low, high
    value = min(max(value, 0.0), 1.0)
    if found.variance[place] <= 0 or found.tuning == 0:
        return value, min(alone_[0], value), max(alone_[1], value)
    return value, min(max(low, 0.0), 1.0), max(min(high, 1.0), 0.0)


def _worth(people: Powered, found: Powered, place: int, n: float) -> float:
    """Return how many more people would have given the same variance."""
    if found.variance[place] <= 0 or people.variance[place] <= 0:
        return 0.0
    return max(n * (float(people.variance[place] / found.variance[place]) - 1), 0.0)


def _says(found: Powered, worth: float) -> str:
    if found.tuning == 0:
        return "nothing: the predictions do not go with the answers"
    return f"worth {worth:.1f} respondents"
