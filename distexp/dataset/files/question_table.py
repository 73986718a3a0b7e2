"""A questionnaire in a table with a row a question; and what makes a question of its parts."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from distexp.dataset.files.columns import read_columns
from distexp.dataset.files.layout import Layout
from distexp.dataset.files.variables import column_names, guessed_layout
from distexp.errors import DatasetError
from distexp.types import Question

SEPARATOR = "|"
"""Between options, and between ordinals, in a cell of a table; or a cell is a JSON list."""
_COLUMNS = {
    "id": ("id", "question_id"),
    "text": ("text", "question"),
    "options": ("options",),
    "ordinals": ("ordinals",),
    "kind": ("kind",),
    "battery": ("battery",),
    "wording": ("wording",),
    "alternate_wordings": ("alternate_wordings",),
}
"""What a column of a table may be called."""
_KINDS = ("ordinal", "binary", "nominal")


def questions_of_table(path: Path) -> tuple[Question, ...]:
    """Read a table with a row a question."""
    layout: Layout = guessed_layout(path)[0]
    found = column_names(path, layout)
    known = {other for names in _COLUMNS.values() for other in names}
    named = {key: name for key, names in _COLUMNS.items() for name in names if name in found}
    if missing := [key for key in ("id", "text", "options") if key not in named]:
        msg = (
            f"{path} has no column {missing[0]!r}: a questionnaire has id, text and options, and "
            "may have ordinals, kind, battery, wording and alternate_wordings. It has "
            f"{', '.join(found[:12])}."
        )
        raise DatasetError(msg)
    if unknown := [name for name in found if name.strip() and name not in known]:
        msg = f"{path} has a column {unknown[0]!r}, which has no meaning. Remove it."
        raise DatasetError(msg)
    table = read_columns(path, list(named.values()), layout, "whoever wrote it")
    questions: dict[str, Question] = {}
    for number, row in enumerate(table.iter_rows(named=True), start=2):
        cells = {key: (row[name] or "").strip() for key, name in named.items()}
        if not any(cells.values()):
            continue
        question = _of_row(cells, f"{path}, row {number}")
        if question.question_id in questions:
            msg = f"{path}, row {number}: id {question.question_id!r} comes twice."
            raise DatasetError(msg)
        questions[question.question_id] = question
    if not questions:
        raise DatasetError(f"{path} holds no question. Write one in each row under the header.")
    return tuple(questions.values())


def _of_row(cells: Mapping[str, str], where: str) -> Question:
    """Return the question of a row."""

    def error(key: str, problem: str) -> DatasetError:
        return DatasetError(f"{where}: {key!r} {problem}")

    for key in ("id", "text", "options"):
        if not cells[key]:
            raise error(key, "is blank.")
    labels = _parts(cells["options"])
    if not all(isinstance(label, str) for label in labels) or len(labels) < 2:
        wanted = f"must be two or more texts with {SEPARATOR!r} between them, or a JSON list"
        raise error("options", f"{wanted}. Got {cells['options']!r} instead.")
    try:
        ordinals = [float(part) for part in _parts(cells.get("ordinals", ""))]
    except (TypeError, ValueError) as exc:
        msg = (
            f"must be numbers with {SEPARATOR!r} between them. Got {cells['ordinals']!r} instead."
        )
        raise error("ordinals", msg) from exc
    return question_of(
        where=error,
        question_id=cells["id"],
        text=cells["text"],
        labels=labels,
        ordinals=ordinals,
        kind=cells.get("kind") or None,
        battery=cells.get("battery") or None,
        wording=cells.get("wording") or "exact",
        alternate_wordings=[str(one) for one in _parts(cells.get("alternate_wordings", ""))],
    )


def _parts(cell: str) -> list[Any]:
    """Return the parts of a cell: a JSON list, or texts with the separator between them."""
    if cell.startswith("[") and cell.endswith("]"):
        try:
            parts = json.loads(cell)
        except (ValueError, RecursionError):
            parts = None
        if isinstance(parts, list):
            return [part.strip() if isinstance(part, str) else part for part in parts]
    return [part.strip() for part in cell.split(SEPARATOR)] if cell else []


def question_of(
    *,
    where: Any,
    question_id: str,
    text: str,
    labels: Sequence[str],
    ordinals: Sequence[float | None],
    kind: str | None,
    battery: str | None,
    wording: str,
    alternate_wordings: Sequence[str],
) -> Question:
    """Return a question; without ordinals an ordinal or binary one is numbered 1, 2, 3 ...

    Two options are binary unless `kind` says otherwise.
    """
    if kind not in (None, *_KINDS):
        raise where("kind", f"must be {', '.join(_KINDS)}. Got {kind!r} instead.")
    if not all(label.strip() for label in labels):
        raise where("options", f"holds a blank label. Got {list(labels)!r}.")
    given = [float(ordinal) for ordinal in ordinals if ordinal is not None]
    has_scale = kind in ("ordinal", "binary") or (kind is None and len(labels) == 2)
    if not given and has_scale:
        given = [float(place) for place in range(1, len(labels) + 1)]
    question = Question(
        question_id=question_id,
        text=text,
        options=tuple(labels),
        ordinals=tuple(given) or None,
        battery=battery,
        wording=wording,
        alternate_wordings=tuple(alternate_wordings),
    )
    if kind is not None and question.kind != kind:
        raise where("kind", f"says {kind!r}, but its options are {question.kind}.")
    return question
