"""Which questions stand together: those with one stem, or one root of the name, and one scale."""

import re
from collections.abc import Mapping
from dataclasses import replace

from distexp.dataset.draft.options import Options
from distexp.dataset.files.variables import Variable

_NUMBERED = re.compile(r"(.*\w)[_.\-](?:\d+|[a-zA-Z]|[rR]\d+)$|(.*\d)[a-zA-Z]$")
_STEM = re.compile(r"(.{10,}?[\w?.…)])\s*(?:\s[-–—]\s|:\s|\?\s|\.\.\.\s|…\s?)")

Described = Mapping[str, tuple[Variable, Options]]


def with_batteries(questions: Described) -> dict[str, tuple[Variable, Options]]:
    """Name the batteries of questions that have none, with a check for a person.

    Neighbours with the same options are one battery if their labels begin with the same stem, or
    their names are numbered or lettered from one root, as `Q5_1` and `Q5_2` are.
    """
    named = dict(questions)
    columns = list(questions)
    start = 0
    while start < len(columns):
        end = start + 1
        while end < len(columns) and _root(questions, columns[start]) == _root(
            questions, columns[end]
        ):
            end += 1
        root = _root(questions, columns[start])
        if end - start > 1 and root is not None:
            taken = {variable.battery for variable, _ in named.values()}
            name = root[0] if root[0] not in taken else f"{root[0]} {start + 1}"
            for column in columns[start:end]:
                variable, options = named[column]
                note = "are these one battery, of one stem?" if column == columns[start] else ""
                notes = (
                    (*variable.notes, f"{note} {end - start} of them.") if note else variable.notes
                )
                named[column] = (replace(variable, battery=name, notes=notes), options)
        start = end
    return named


def _root(questions: Described, column: str) -> tuple[str, tuple[str, ...]] | None:
    """Return what a question has in common with its battery; None if it has one or cannot."""
    variable, options = questions[column]
    if variable.battery is not None:
        return None
    if stem := _STEM.match(variable.label):
        return stem[1].strip(), options.labels
    if match := _NUMBERED.match(column):
        return match[1] or match[2], options.labels
    return None
