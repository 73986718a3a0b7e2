"""A table of groups' answer distributions that somebody else has made out of a survey."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from distexp.checks import check_bool, check_int, check_names, check_text, parameter_error
from distexp.dataset.files.apart import read_apart
from distexp.dataset.files.columns import read_files
from distexp.dataset.files.delimited import decoded, records
from distexp.dataset.files.language import WANTED, is_language
from distexp.dataset.files.layout import locate
from distexp.errors import DatasetError
from distexp.types import Case, Distribution, Group, Question, Survey

COLUMNS = (
    "question_id", "question", "options", "ordinals", "attribute", "group", "human",
    "n_respondents",
)  # fmt: skip
FORMATS = (".csv", ".jsonl", ".parquet")
MOST_RESPONDENTS = 1e12
ROUNDING = 1e-3
"""How far from 1 the sum of published shares may be: they were rounded for writing."""

Record = Mapping[str, object]
Item = TypeVar("Item", str, float)
_NAMES = {str: "texts", float: "numbers"}


class DistributionTable:
    """A file with a row for each question and group: the group's distribution, ready made.

    `docs/surveys/table.md` describes its columns.

    Parameters
    ----------
    path : str
        A `.csv`, `.jsonl` or `.parquet` file; in CSV the lists are JSON texts.
    name : str
        What tables call the survey.
    attributes, questions : sequence of str, optional
        What to keep; all if None.
    min_respondents : int, default=50
        Rows with fewer respondents are dropped and counted; where the file does not say how many
        there were, rows are kept.
    licence, citation : str, optional
        What to say about the survey.
    gated : bool, default=True
        Whether the human answers may not be passed on. The file does not say.
    language : str, optional
        Of its questions and groups, as in BCP 47, e.g. "de".

    Raises
    ------
    ConfigError
        If a parameter has the wrong type or range. The file is opened by `load` only.
    """

    def __init__(
        self,
        path: str,
        name: str,
        *,
        attributes: Sequence[str] | None = None,
        questions: Sequence[str] | None = None,
        min_respondents: int = 50,
        licence: str | None = None,
        citation: str | None = None,
        gated: bool = True,
        language: str | None = None,
    ) -> None:
        owner = type(self).__name__
        check_text(owner, "path", path)
        check_text(owner, "name", name)
        check_names(owner, "attributes", attributes)
        check_names(owner, "questions", questions)
        check_int(owner, "min_respondents", min_respondents, minimum=1)
        check_bool(owner, "gated", gated)
        if language is not None and not is_language(language):
            raise parameter_error(owner, "language", f"{WANTED}, or null", language)
        self.path = path
        self.name = name
        self.attributes = attributes
        self.questions = questions
        self.min_respondents = min_respondents
        self.licence = licence
        self.citation = citation
        self.gated = gated
        self.language = language

    def load(self) -> Survey:
        """Read the file.

        Raises
        ------
        ConfigError
            If `attributes` or `questions` names what the file does not hold.
        DatasetError
            If the file cannot be read, or a row of it cannot be true.
        """
        path = Path(self.path)
        try:
            content = path.read_bytes()
        except OSError as exc:
            msg = f"{path} cannot be read ({exc.strerror}). Set 'path' to the table."
            raise DatasetError(msg) from exc
        cases = _cases(path, _records(path, content))
        self._check_chosen("attributes", self.attributes, [c.group.attribute for c in cases])
        self._check_chosen("questions", self.questions, [c.question.question_id for c in cases])
        wanted = [
            case
            for case in cases
            if (self.attributes is None or case.group.attribute in self.attributes)
            and (self.questions is None or case.question.question_id in self.questions)
        ]
        kept = [
            case
            for case in wanted
            if case.n_respondents is None or case.n_respondents >= self.min_respondents
        ]
        if not kept:
            largest = max((case.n_respondents or 0 for case in wanted), default=0)
            msg = (
                f"None of the {len(wanted)} rows chosen from {path} has {self.min_respondents} "
                f"respondents; the largest has {largest:g}. "
                "Lower 'min_respondents'."
            )
            raise DatasetError(msg)
        return Survey(
            name=self.name,
            cases=tuple(kept),
            digest=hashlib.sha256(content).hexdigest(),
            files=read_files(path),
            licence=self.licence or f"that of its source; {path.name} names none",
            citation=self.citation or f"Answers recorded in {path.name}.",
            n_dropped_cells=len(wanted) - len(kept),
            gated=self.gated,
            language=self.language,
        )

    def _check_chosen(self, parameter: str, names: Sequence[str] | None, known: list[str]) -> None:
        if names is not None and not set(names) <= set(known):
            wanted = f"null or a list out of {', '.join(dict.fromkeys(known))} ({self.path})"
            raise parameter_error(type(self).__name__, parameter, wanted, names)


def _cases(path: Path, records: Sequence[Record]) -> list[Case]:
    """Return the case of each row; a group comes once for each question."""
    questions: dict[str, Question] = {}
    cases: dict[tuple[str, str, str], Case] = {}
    for number, record in enumerate(records, start=1):
        try:
            case = _case(record)
            known = questions.setdefault(case.question.question_id, case.question)
            key = (case.question.question_id, case.group.attribute, case.group.value)
            if known != case.question:
                msg = f"question {key[0]!r} has another text, options or ordinals than above."
                raise ValueError(msg)
            if key in cases:
                msg = f"question {key[0]!r} has {key[1]} {key[2]!r} a second time."
                raise ValueError(msg)
        except (ValueError, DatasetError) as exc:
            msg = f"{path}, row {number}: {exc}"
            raise DatasetError(msg) from exc
        cases[key] = case
    return list(cases.values())


def _case(record: Record) -> Case:
    """Return the case of a row, or raise `ValueError` saying what cannot be true."""
    question_id, text, attribute, value = (
        _text(record, column) for column in ("question_id", "question", "attribute", "group")
    )
    options, human = _list(record, "options", str), _list(record, "human", float)
    ordinals = None if record.get("ordinals") is None else _list(record, "ordinals", float)
    if len(human) != len(options):
        msg = f"'human' has {len(human)} shares for {len(options)} options."
        raise ValueError(msg)
    if not (min(human) >= 0 and max(human) <= 1 + ROUNDING and abs(sum(human) - 1) <= ROUNDING):
        msg = f"'human' must be non-negative and sum to 1. Got {human!r} instead."
        raise ValueError(msg)
    n = record.get("n_respondents")
    if n is not None and (
        not isinstance(n, int | float) or isinstance(n, bool) or not 0 < n <= MOST_RESPONDENTS
    ):
        msg = f"'n_respondents' must be a number > 0, or null if unknown. Got {n!r} instead."
        raise ValueError(msg)
    phrase = record.get("phrase") or f"a person whose {attribute} is {value}"
    return Case(
        question=Question(
            question_id=question_id,
            text=text,
            options=tuple(options),
            ordinals=None if ordinals is None else tuple(map(float, ordinals)),
        ),
        group=Group(attribute=attribute, value=value, phrase=str(phrase)),
        human=Distribution.normalized(human),
        n_respondents=None if n is None else float(n),
    )


def _text(record: Record, column: str) -> str:
    text = record[column]
    if not isinstance(text, str) or not text:
        msg = f"{column!r} must be a text. Got {text!r} instead."
        raise ValueError(msg)
    return text


def _list(record: Record, column: str, kind: type[Item]) -> list[Item]:
    items = record[column]
    allowed = (int, float) if kind is float else kind
    if (
        not isinstance(items, list)
        or not items
        or not all(isinstance(item, allowed) and not isinstance(item, bool) for item in items)
    ):
        msg = f"{column!r} must be a list of {_NAMES[kind]}. Got {items!r} instead."
        raise ValueError(msg)
    return items


def _records(path: Path, content: bytes) -> list[Record]:
    """Return the rows of the file, whose suffix tells the format."""
    if path.suffix not in FORMATS:
        msg = f"{path} must be a {', '.join(FORMATS)} file: its name ends in {path.suffix!r}."
        raise DatasetError(msg)
    try:
        if path.suffix == ".parquet":
            found: list[Record] = list(read_apart(path, None).to_dicts())
        elif path.suffix == ".jsonl":
            lines = decoded(path, content).split("\n")
            found = [json.loads(line) for line in lines if line.strip()]
        else:
            found = list(_csv(path, decoded(path, content)))
    except (ValueError, RecursionError) as exc:
        msg = f"{path} is not a {path.suffix} table of distributions: {str(exc).splitlines()[0]}"
        raise DatasetError(msg) from exc
    for number, record in enumerate(found, start=1):
        for column in COLUMNS:
            if not isinstance(record, dict) or column not in record:
                msg = f"{path}, row {number} has no {column!r}. It takes {', '.join(COLUMNS)}."
                raise DatasetError(msg)
    return list(found)


def _csv(path: Path, text: str) -> Iterator[Record]:
    numbered = records(path, text)
    header = next(numbered, (0, []))[1]
    names = [name for name in (*COLUMNS, "phrase") if name in header]
    places = locate(path, names, header)
    for _, row in numbered:
        yield {name: _decoded(name, row[at]) for name, at in zip(names, places, strict=True)}


def _decoded(column: str, cell: str | None) -> object:
    """Return what a CSV cell says: lists and numbers are JSON texts, an empty cell is null."""
    if not cell:
        return None
    return (
        json.loads(cell) if column in ("options", "human", "ordinals", "n_respondents") else cell
    )
