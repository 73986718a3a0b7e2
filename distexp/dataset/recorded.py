"""Distributions elicited elsewhere, read from one table together with the human ones."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from distexp.checks import check_bool, check_names, check_text, parameter_error
from distexp.dataset.files.columns import read_files
from distexp.dataset.files.language import WANTED, is_language
from distexp.dataset.files.recorded_table import Row, read_rows
from distexp.errors import DatasetError
from distexp.types import (
    Case,
    Condition,
    Distribution,
    Estimate,
    Group,
    Question,
    Reading,
    Study,
    Survey,
)

NumberedRow = tuple[int, Row]
NumberedRows = Sequence[NumberedRow]
"""Rows with their numbers in the file, from 1, headers not counted."""

STATUSES = ("ok", "parse_error", "refused")
_OF_QUESTION = ("question", "options", "ordinals", "battery")
ROUNDING = 1e-3
"""How far from 1 the sum of recorded shares may be: they may have been rounded for writing."""

UNREADABLE = Estimate(reading=None, n_replies=1, n_unreadable=1)
"""The file tells of one reply an estimate, whatever it was made from."""


class Recorded:
    """Estimates that a file brings with it: no model is asked about them.

    Each combination of dataset, model, elicitation and prompt is a `Study`. Studies are sorted,
    cases keep the order of the file. `docs/surveys/recorded.md` describes the columns.

    Parameters
    ----------
    path : str
        A `.parquet`, `.csv` or `.jsonl` file; in CSV the lists are JSON texts.
    datasets, models, elicitations, prompts : sequence of str, optional
        Which studies to keep; all of them if None.
    gated : bool, default=True
        Whether the human answers may not be passed on, which the file does not say.

    Raises
    ------
    ConfigError
        If a parameter has the wrong type.
    """

    def __init__(
        self,
        path: str,
        *,
        datasets: Sequence[str] | None = None,
        models: Sequence[str] | None = None,
        elicitations: Sequence[str] | None = None,
        prompts: Sequence[str] | None = None,
        gated: bool = True,
    ) -> None:
        owner = type(self).__name__
        check_text(owner, "path", path)
        check_bool(owner, "gated", gated)
        self.path = path
        self.gated = gated
        self.filters = {
            "datasets": datasets,
            "models": models,
            "elicitations": elicitations,
            "prompts": prompts,
        }
        for parameter, names in self.filters.items():
            check_names(owner, parameter, names)

    def load(self) -> Survey:
        """Read the file.

        Raises
        ------
        ConfigError
            If a filter names what the file does not hold.
        DatasetError
            If the file cannot be read, or a row of it cannot be true.
        """
        path = Path(self.path)
        try:
            content = path.read_bytes()
        except OSError as exc:
            msg = f"{path} cannot be read ({exc.strerror}). Set dataset.path to the table."
            raise DatasetError(msg) from exc
        rows = self._chosen(read_rows(path, content))
        cases = _cases(path, rows)
        return Survey(
            name="+".join(sorted({row.dataset for _, row in rows})),
            cases=tuple(cases.values()),
            digest=hashlib.sha256(content).hexdigest(),
            files=read_files(path),
            licence=f"that of its sources; {path.name} names none.",
            citation=f"Answers and estimates recorded in {path.name}.",
            gated=self.gated,
            language=_language(path, rows),
            studies=_studies(path, rows, cases),
        )

    def _chosen(self, rows: Sequence[Row]) -> list[NumberedRow]:
        """Return the rows that pass the filters, with their numbers in the file."""
        chosen = list(enumerate(rows, start=1))
        for parameter, names in self.filters.items():
            if names is None:
                continue
            column = [str(getattr(row, parameter.removesuffix("s"))) for row in rows]
            if not set(names) <= set(column):
                wanted = f"null or a list out of {', '.join(sorted(set(column)))} ({self.path})"
                raise parameter_error(type(self).__name__, parameter, wanted, names)
            chosen = [(number, row) for number, row in chosen if column[number - 1] in names]
        if not chosen:
            there = sorted({f"{r.dataset}/{r.model}/{r.elicitation}/{r.prompt}" for r in rows})
            msg = (
                f"{self.path} has no row for the datasets, models, elicitations and prompts "
                f"chosen. Choose out of: {', '.join(there) or 'nothing, for it has no row'}."
            )
            raise DatasetError(msg)
        return chosen


def _cases(path: Path, rows: NumberedRows) -> dict[tuple[str, ...], Case]:
    """Return the distinct cases by dataset, question, attribute and group."""
    first: dict[tuple[str, ...], NumberedRow] = {}
    questions: dict[tuple[str, str], tuple[Row, Question]] = {}
    groups: dict[tuple[str, str], Group] = {}
    cases: dict[tuple[str, ...], Case] = {}
    for number, row in rows:
        key = _case_key(row)
        if key in first:
            _check_same_answers(path, first[key], (number, row))
            continue
        first[key] = number, row
        of_row = row.dataset, row.question_id
        if of_row not in questions:
            questions[of_row] = row, _question(path, number, row)
        asked, question = questions[of_row]
        if any(getattr(asked, field) != getattr(row, field) for field in _OF_QUESTION):
            place = _place(path, number, row)
            msg = f"{place}: its text, options or ordinals differ between groups."
            raise DatasetError(msg)
        of_people = row.attribute, row.group
        if of_people not in groups:
            phrase = f"a person whose {row.attribute} is {row.group}"
            groups[of_people] = Group(attribute=row.attribute, value=row.group, phrase=phrase)
        cases[key] = _case(path, number, row, question, groups[of_people])
    return cases


def _check_same_answers(path: Path, first: NumberedRow, other: NumberedRow) -> None:
    for field in ("question", "options", "ordinals", "human", "n_respondents"):
        if getattr(first[1], field) != getattr(other[1], field):
            place = _place(path, *other)
            msg = f"{place}: its {field!r} differs from that of row {first[0]}, the same case."
            raise DatasetError(msg)


def _question(path: Path, number: int, row: Row) -> Question:
    try:
        return Question(
            question_id=row.question_id,
            text=row.question,
            options=tuple(row.options),
            ordinals=None if row.ordinals is None else tuple(map(float, row.ordinals)),
            battery=row.battery,
        )
    except DatasetError as exc:
        msg = f"{path}, row {number}: {exc}"
        raise DatasetError(msg) from exc


def _case(path: Path, number: int, row: Row, question: Question, group: Group) -> Case:
    if row.n_respondents is not None and row.n_respondents <= 0:
        msg = f"{_place(path, number, row)}: 'n_respondents' must be > 0, or null if unknown."
        raise DatasetError(msg)
    return Case(
        question=question,
        group=group,
        human=None if row.human is None else _distribution(path, number, row, "human"),
        n_respondents=None if row.human is None else row.n_respondents,
    )


def _language(path: Path, rows: NumberedRows) -> str | None:
    """Return the language of all rows; None where they have different ones, or name none.

    Raises
    ------
    DatasetError
        If a row names what is no language.
    """
    named = {row.language for _, row in rows}
    for number, row in rows:
        if row.language is not None and not is_language(row.language):
            msg = f"{path}, row {number}: 'language' must be {WANTED}. Got {row.language!r}."
            raise DatasetError(msg)
    return next(iter(named)) if len(named) == 1 else None


def _studies(
    path: Path, rows: NumberedRows, cases: Mapping[tuple[str, ...], Case]
) -> tuple[Study, ...]:
    """Return a study for each dataset, model, elicitation and prompt, sorted."""
    estimates: dict[tuple[str, str, str, str], dict[tuple[str, ...], Estimate]] = {}
    for number, row in rows:
        condition = row.dataset, row.model, row.elicitation, row.prompt
        of_condition, key = estimates.setdefault(condition, {}), _case_key(row)
        if key in of_condition:
            msg = (
                f"{_place(path, number, row)}: a second row for group {row.group!r} by "
                f"{row.model}, {row.elicitation}, prompt {row.prompt}. Keep one of them."
            )
            raise DatasetError(msg)
        of_condition[key] = _estimate(path, number, row)
    return tuple(
        Study(
            condition=Condition(
                dataset=dataset, model=model, elicitation=elicitation, prompt=prompt
            ),
            cases=tuple(cases[key] for key in of_condition),
            estimates=tuple(of_condition.values()),
        )
        for (dataset, model, elicitation, prompt), of_condition in sorted(estimates.items())
    )


def _estimate(path: Path, number: int, row: Row) -> Estimate:
    if row.status not in STATUSES:
        wanted = " or ".join(STATUSES)
        msg = (
            f"{_place(path, number, row)}: 'status' must be {wanted}. Got {row.status!r} instead."
        )
        raise DatasetError(msg)
    if row.predicted is None or row.status != "ok":
        return replace(UNREADABLE, n_refused=int(row.status == "refused"))
    reading = Reading(distribution=_distribution(path, number, row, "predicted"))
    return Estimate(reading=reading, n_replies=1, n_unreadable=0)


def _distribution(path: Path, number: int, row: Row, field: str) -> Distribution:
    """Return the shares of `field`, one per option, freed from the error of their rounding."""
    shares: list[float] = getattr(row, field)
    if len(shares) != len(row.options):
        msg = (
            f"{_place(path, number, row)}: {field!r} has {len(shares)} shares for "
            f"{len(row.options)} options."
        )
        raise DatasetError(msg)
    if min(shares) < 0 or abs(sum(shares) - 1) > ROUNDING:
        msg = (
            f"{_place(path, number, row)}: {field!r} must be non-negative and sum to 1. "
            f"Got {shares!r} instead, which sums to {sum(shares):g}."
        )
        raise DatasetError(msg)
    return Distribution.normalized(shares)


def _case_key(row: Row) -> tuple[str, ...]:
    return row.dataset, row.question_id, row.attribute, row.group


def _place(path: Path, number: int, row: Row) -> str:
    return f"{path}, row {number}, question {row.question_id!r}"
