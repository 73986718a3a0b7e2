"""What the people of a pilot answered: a row a person, or a row an answer or count."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from distexp.dataset.files.codes import plain
from distexp.dataset.files.microdata import EVERYONE
from distexp.errors import DatasetError
from distexp.rectify.rows import (
    BLANK,
    Rows,
    listed,
    option_codes,
    options_wanted,
    read_rows,
)
from distexp.types import FloatArray, IntArray, Question

Cell = tuple[str, str, str]
"""Id of a question, attribute and group."""
QUESTION = ("question_id", "question")
OPTION = ("option", "answer")
COUNT = ("count", "n")
WEIGHT = ("weight",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How a group answered a question."""

    counts: FloatArray
    """Shape (n_options,): weighted shares times Kish's effective number of answers."""
    n_people: float
    """Who answered, with a weight above 0."""

    @property
    def n_effective(self) -> float:
        """Kish's effective number of answers: that of people where all weigh the same."""
        return float(self.counts.sum())


@dataclass(frozen=True, slots=True, kw_only=True)
class Pilot:
    """What a file says of the cells that are estimated."""

    tallies: Mapping[Cell, Tally]
    """Of the cells that somebody answered."""
    notes: tuple[str, ...] = ()
    """What of the file was not used, a sentence each."""


@dataclass(slots=True)
class _Sums:
    """Of the weights of a cell's answers."""

    by_option: FloatArray
    squares: float = 0.0
    n_people: float = 0.0

    def tally(self) -> Tally:
        total = self.by_option.sum()
        return Tally(counts=self.by_option * (total / self.squares), n_people=self.n_people)


@dataclass(slots=True)
class _Asked:
    """The cells that are estimated."""

    questions: dict[str, Question]
    groups: dict[str, list[str]] = field(default_factory=dict)
    """By attribute."""


def read_pilot(path: Path, cells: Mapping[Cell, Question]) -> Pilot:
    """Read a pilot.

    Parameters
    ----------
    path : Path
        A table with the columns `question_id`, `option` and `count`, or without a count a row an
        answer, and `attribute` and `group`, or a column of each attribute; or a table with a row
        a person: a column of each question, of each attribute. Both may have a `weight`.
    cells : mapping of (str, str, str) to Question
        What is estimated: id, attribute and group.

    Raises
    ------
    DatasetError
        If the file cannot be read, or a cell holds what is not estimated; names row and value.
    """
    rows = read_rows(path, "pilot")
    asked = _Asked({plain(cell[0]): question for cell, question in cells.items()})
    for _, attribute, group in cells:
        asked.groups.setdefault(attribute, [])
        if group not in asked.groups[attribute]:
            asked.groups[attribute].append(group)
    column = rows.named(*QUESTION)
    sums, used = (
        _long(rows, column, asked)
        if column is not None and rows.named(*OPTION)
        else _wide(rows, asked)
    )
    tallies = {
        cell: found.tally() for cell, found in sums.items() if cell in cells and found.squares > 0
    }
    return Pilot(tallies=tallies, notes=tuple(_notes(rows, asked, used, tallies, cells)))


def _notes(
    rows: Rows,
    asked: _Asked,
    used: set[str],
    tallies: Mapping[Cell, Tally],
    cells: Mapping[Cell, Question],
) -> list[str]:
    notes = []
    if unused := [name for name in rows.columns if name not in used]:
        notes.append(f"Columns of {rows.path.name} that were not used: {listed(unused)}.")
    if n := len(cells) - len(tallies):
        notes.append(f"Nobody of the pilot is in {n} of the {len(cells)} cells.")
    return notes


def _groups_of_rows(rows: Rows, asked: _Asked) -> tuple[list[tuple[str, IntArray]], set[str]]:
    """Return for each attribute the group of each row, and the columns that say so."""
    found, used = [], set()
    for attribute, groups in asked.groups.items():
        known = {plain(group): place for place, group in enumerate(groups)}
        column = plain(attribute)
        if attribute == EVERYONE and column not in rows.columns:
            found.append((attribute, np.zeros(rows.n_rows, dtype=np.int64)))
        elif column in rows.columns:
            problem = (
                f"the groups of {attribute!r} that are estimated are {listed(groups)}; leave the "
                "cell empty for people of no such group."
            )
            found.append((attribute, rows.codes(column, known, problem)))
            used.add(column)
    if found:
        return found, used
    if sum(map(len, asked.groups.values())) == 1:
        ((attribute, _),) = asked.groups.items()
        return [(attribute, np.zeros(rows.n_rows, dtype=np.int64))], used
    msg = (
        f"{rows.path} does not say of what group people are. Give it a column for an attribute: "
        f"{listed(list(asked.groups))}; its cells are the groups, such as "
        f"{listed(next(iter(asked.groups.values())))}."
    )
    raise DatasetError(msg)


def _wide(rows: Rows, asked: _Asked) -> tuple[dict[Cell, _Sums], set[str]]:
    """Add up a table with a row a person."""
    there = [name for name in rows.columns if name in asked.questions]
    if not there:
        msg = (
            f"{rows.path} has no column of a question that is estimated: "
            f"{listed(list(asked.questions))}. It must have some of them, with a row a person; "
            "or the columns question_id and option, with a row an answer. It has "
            f"{listed(list(rows.columns))}."
        )
        raise DatasetError(msg)
    by_attribute, used = _groups_of_rows(rows, asked)
    weight_column = rows.named(*WEIGHT)
    weights = rows.weights(weight_column)
    sums: dict[Cell, _Sums] = {}
    for name in there:
        question = asked.questions[name]
        answers = rows.codes(name, option_codes(question), options_wanted(question))
        for attribute, of_row in by_attribute:
            _add(sums, (question, attribute, asked.groups[attribute]), answers, of_row, weights)
    return sums, used | set(there) | ({weight_column} if weight_column else set())


def _add(
    sums: dict[Cell, _Sums],
    where: tuple[Question, str, Sequence[str]],
    answers: IntArray,
    groups: IntArray,
    weights: FloatArray,
    people: FloatArray | None = None,
) -> None:
    """Add the answers to one question, by the groups of one attribute."""
    question, attribute, names = where
    k = len(question.options)
    rows = (answers != BLANK) & (groups != BLANK) & (weights > 0)
    people = np.ones(len(answers)) if people is None else people
    of_group, w, n = groups[rows], weights[rows], people[rows]
    shape = len(names) * k
    by_option = np.bincount(of_group * k + answers[rows], w * n, shape).reshape(-1, k)
    squares = np.bincount(of_group, w**2 * n, len(names))
    counts = np.bincount(of_group, n, len(names))
    for place, name in enumerate(names):
        cell = sums.setdefault((question.question_id, attribute, name), _Sums(np.zeros(k)))
        cell.by_option += by_option[place]
        cell.squares += float(squares[place])
        cell.n_people += float(counts[place])


def _long(rows: Rows, column: str, asked: _Asked) -> tuple[dict[Cell, _Sums], set[str]]:
    """Add up a table with a row an answer, or a row an option with its count."""
    option = str(rows.named(*OPTION))
    count, weight = rows.named(*COUNT), rows.named(*WEIGHT)
    ids = list(asked.questions)
    problem = f"this must be the id of a question that is estimated: {listed(ids)}."
    of_row = rows.codes(column, {name: place for place, name in enumerate(ids)}, problem)
    if blank := np.flatnonzero(of_row == BLANK).tolist():
        raise rows.error(blank[0], column, problem)
    people, weights = rows.numbers(count), rows.weights(weight)
    by_attribute, used = _named_groups(rows, asked)
    sums: dict[Cell, _Sums] = {}
    for place, name in enumerate(ids):
        question, mine = asked.questions[name], of_row == place
        if not mine.any():
            continue
        answers = np.full(rows.n_rows, BLANK)
        answers[mine] = _of(rows, option, mine, question)
        for attribute, groups in by_attribute:
            where = (question, attribute, asked.groups[attribute])
            _add(sums, where, np.where(mine, answers, BLANK), groups, weights, people)
    used |= {column, option} | ({count} if count else set()) | ({weight} if weight else set())
    return sums, used


def _of(rows: Rows, option: str, mine: IntArray, question: Question) -> IntArray:
    """Return the options that the rows of one question name."""
    cells = [
        cell if chosen else None for cell, chosen in zip(rows.columns[option], mine, strict=True)
    ]
    part = Rows(path=rows.path, columns={option: cells}, n_rows=rows.n_rows)
    return part.codes(option, option_codes(question), options_wanted(question))[mine]


def _named_groups(rows: Rows, asked: _Asked) -> tuple[list[tuple[str, IntArray]], set[str]]:
    """Return the groups of rows that name attribute and group, or have columns of attributes."""
    if "attribute" not in rows.columns or "group" not in rows.columns:
        return _groups_of_rows(rows, asked)
    attributes = {plain(name): place for place, name in enumerate(asked.groups)}
    problem = f"the attributes that are estimated are {listed(list(asked.groups))}."
    of_row = rows.codes("attribute", attributes, problem)
    found = []
    for place, (attribute, groups) in enumerate(asked.groups.items()):
        mine = of_row == place
        cells = [c if m else None for c, m in zip(rows.columns["group"], mine, strict=True)]
        part = Rows(path=rows.path, columns={"group": cells}, n_rows=rows.n_rows)
        known = {plain(group): code for code, group in enumerate(groups)}
        problem = f"the groups of {attribute!r} that are estimated are {listed(groups)}."
        found.append((attribute, part.codes("group", known, problem)))
    return found, {"attribute", "group"}
