"""SubPOP: answer distributions of 22 groups to questions of Pew's panel and of the GSS."""

import json
import logging
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from distexp.checks import check_names, check_text, parameter_error
from distexp.dataset.files.cells import (
    is_refusal,
    numbers,
    parse_literal,
    parse_numbers,
    parse_texts,
    texts,
)
from distexp.dataset.files.columns import Layout, check_exists, near, read_columns, read_files
from distexp.dataset.files.pew import pew_group
from distexp.dataset.files.refusals import said_of
from distexp.errors import DatasetError
from distexp.types import Case, Distribution, Question, Survey

_logger = logging.getLogger(__name__)

SOURCE = "the gated SubPOP dataset on Hugging Face (jjssuh/subpop)"
LICENCE = "CC BY-NC-SA 4.0, gated: non-commercial, attribution, share alike, not to be passed on."
CITATION = (
    "Suh, Jahanparast, Moon, Kang, Chang (2025), Language Model Fine-Tuning on Scaled Survey Data "
    "for Predicting Distributions of Public Opinions, ACL, arXiv 2502.16761."
)
ORDINALS = ("file", "order")
NOT_ON_SCALE = -1.0
"""The ordinal of an option such as "Not sure", which is taken for no substantive answer."""
ROUNDING = 1e-3
"""How far from 1 the sum of the responses may be."""


class Row(NamedTuple):
    """What the file says of one question and group; the fields are its keys."""

    qkey: str
    attribute: str
    group: str
    question: str
    options: list[str]
    """The last one is the refusal."""
    responses: list[float]
    """Shares of all options but the last; NaN where nobody of the group answered."""
    refusal_rate: float
    ordinal: list[float]


class SubPOP:
    """A file of SubPOP, or the part of it that is asked for.

    The refusal, which is the last option, and options that the file places at -1 are not on the
    scale: their share is each case's `off_scale`. The file does not say how many people answered.

    Parameters
    ----------
    path : str
        `subpop_train.jsonl`, `subpop_eval.jsonl`, or the CSV of the authors' scripts.
    attributes : sequence of str, optional
        Attributes whose groups are wanted, e.g. POLPARTY; all of the file if None.
    questions : sequence of str, optional
        Keys of the questions wanted; all of the file if None.
    ordinals : {"file", "order"}, default="file"
        `file` takes positions as they stand. The training file holds 1.0 for every option, a
        placeholder, which makes its questions nominal. `order` takes the options of such
        questions as equally spaced in the order of the file, which is true of many of them, not
        of all; positions that differ are kept.

    Raises
    ------
    ConfigError
        If a parameter has the wrong type.

    References
    ----------
    Suh et al. (2025), arXiv 2502.16761.
    """

    def __init__(
        self,
        path: str,
        *,
        attributes: Sequence[str] | None = None,
        questions: Sequence[str] | None = None,
        ordinals: str = "file",
    ) -> None:
        owner = type(self).__name__
        check_text(owner, "path", path)
        check_names(owner, "attributes", attributes)
        check_names(owner, "questions", questions)
        if ordinals not in ORDINALS:
            raise parameter_error(owner, "ordinals", f"one of {', '.join(ORDINALS)}", ordinals)
        self.path = path
        self.attributes = attributes
        self.questions = questions
        self.ordinals = ordinals

    def load(self) -> Survey:
        """Read the file.

        Raises
        ------
        ConfigError
            If the file has no such attribute or question.
        DatasetError
            If the file cannot be read, or a row of it cannot be true.
        """
        path = Path(self.path)
        check_exists(path, SOURCE)
        read = _csv if path.suffix == ".csv" else _jsonl
        rows = [(f"{path}, row {n}", row) for n, row in enumerate(read(path), start=1)]
        for parameter, names, field in [
            ("attributes", self.attributes, "attribute"),
            ("questions", self.questions, "qkey"),
        ]:
            known = dict.fromkeys(str(getattr(row, field)) for _, row in rows)
            for name in names or ():
                if name not in known:
                    hint = near(name, known).rstrip(".")
                    wanted = f"null or a list of what {path} holds ({hint})"
                    raise parameter_error(type(self).__name__, parameter, wanted, name)
            if names is not None:
                rows = [(place, row) for place, row in rows if getattr(row, field) in names]
        cases = self._cases(rows)
        if not cases:
            msg = f"{path} holds no case for the attributes and questions chosen: choose others."
            raise DatasetError(msg)
        note = said_of((label for _, row in rows for label in _unplaced_refusals(row)), path)
        odd = sorted({row.options[-1] for _, row in rows if not is_refusal(row.options[-1])})
        shown = ", ".join(map(repr, odd[:5]))
        last = f"Left out as the refusal, for it stands last: {shown}." if odd else None
        for said in filter(None, (note, last)):
            _logger.info("%s", said)
        files = read_files(path)
        return Survey(
            name="subpop",
            cases=tuple(cases),
            digest=files[0][1],
            files=files,
            licence=LICENCE,
            citation=CITATION,
            language="en",
            n_dropped_cells=len(rows) - len(cases),
            notes=tuple(filter(None, (note, last))),
            gated=True,
        )

    def _cases(self, rows: Sequence[tuple[str, Row]]) -> list[Case]:
        """Return the cases of the rows that hold an answer on the scale."""
        cases: dict[tuple[str, str, str], Case | None] = {}
        questions: dict[str, Question] = {}
        for place, row in rows:
            key = row.qkey, row.attribute, row.group
            if key in cases:
                msg = f"{place}: a second row for question {row.qkey!r}, group {row.group!r}."
                raise DatasetError(msg)
            case = cases[key] = self._case(place, row)
            if case and questions.setdefault(row.qkey, case.question) != case.question:
                msg = (
                    f"{place}: question {row.qkey!r} has another text, options or ordinals than "
                    "in the rows before."
                )
                raise DatasetError(msg)
        return [case for case in cases.values() if case]

    def _case(self, place: str, row: Row) -> Case | None:
        """Return the case of a row, or None if nobody gave an answer on the scale."""
        _check(place, row)
        refusals = _unplaced_refusals(row)
        on_scale = [
            i
            for i, (label, ordinal) in enumerate(zip(row.options, row.ordinal, strict=False))
            if ordinal != NOT_ON_SCALE and label not in refusals
        ]
        shares = [row.responses[i] for i in on_scale]
        if math.isnan(sum(row.responses)) or sum(shares) == 0:
            return None
        ordinals = [row.ordinal[i] for i in on_scale]
        if self.ordinals == "order" and len(set(ordinals)) == 1:
            ordinals = [float(position) for position in range(1, len(ordinals) + 1)]
        off_scale = 1 - sum(shares) / sum(row.responses) if len(shares) < len(row.responses) else 0
        try:
            question = Question(
                question_id=row.qkey,
                text=row.question,
                options=tuple(row.options[i] for i in on_scale),
                ordinals=tuple(ordinals),
            )
        except DatasetError as exc:
            msg = f"{place}: {exc}"
            raise DatasetError(msg) from exc
        return Case(
            question=question,
            group=pew_group(row.attribute, row.group),
            human=Distribution.normalized(shares),
            n_respondents=None,
            off_scale=row.refusal_rate + (1 - row.refusal_rate) * off_scale,
        )


def _unplaced_refusals(row: Row) -> list[str]:
    """Return the options that read as refusals, if the file places no option anywhere."""
    if len(set(row.ordinal) - {NOT_ON_SCALE}) > 1:
        return []
    return [label for label in row.options[:-1] if is_refusal(label)]


def _check(place: str, row: Row) -> None:
    """Raise `DatasetError` unless the lists fit together and the shares are shares."""
    n = len(row.responses)
    if len(row.ordinal) != n or len(row.options) != n + 1:
        msg = (
            f"{place}: {len(row.options)} options, {n} responses and {len(row.ordinal)} ordinals "
            "do not fit: options have one more, the refusal."
        )
        raise DatasetError(msg)
    if math.isnan(sum(row.responses)):
        return
    shares = [*row.responses, row.refusal_rate]
    odd = [share for share in shares if not 0 <= share <= 1 + ROUNDING]  # NaN is odd, too
    if odd or abs(sum(row.responses) - 1) > ROUNDING:
        msg = (
            f"{place}: responses must be shares that sum to 1, and refusal_rate a share. "
            f"Got {row.responses!r} and {row.refusal_rate!r} instead."
        )
        raise DatasetError(msg)


def _jsonl(path: Path) -> Iterator[Row]:
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        place = f"{path}, row {number}"
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as exc:
            msg = f"{place} is not JSON ({exc})."
            raise DatasetError(msg) from exc
        if not isinstance(record, dict):
            msg = f"{place} must be a JSON object, got {record!r:.80}."
            raise DatasetError(msg)
        yield _row(place, record, texts, numbers)


def _csv(path: Path) -> Iterator[Row]:
    table = read_columns(path, Row._fields, Layout(), SOURCE).fill_null("")
    for number, record in enumerate(table.iter_rows(named=True), start=1):
        place = f"{path}, row {number}"
        rate = parse_literal(record["refusal_rate"], f"{place}: 'refusal_rate'")
        yield _row(place, record | {"refusal_rate": rate}, parse_texts, parse_numbers)


def _row(
    place: str,
    record: Mapping[str, object],
    to_texts: Callable[[Any, str], list[str]],
    to_numbers: Callable[[Any, str], list[float]],
) -> Row:
    """Give the cells of a record their types."""
    if missing := [field for field in Row._fields if field not in record]:
        msg = f"{place} has no {', '.join(missing)}. SubPOP has {', '.join(Row._fields)}."
        raise DatasetError(msg)
    for field in ("qkey", "attribute", "group", "question"):
        if not isinstance(record[field], str) or not record[field]:
            msg = f"{place}: {field!r} must be a text. Got {record[field]!r} instead."
            raise DatasetError(msg)
    [refusal_rate] = numbers([record["refusal_rate"]], f"{place}: 'refusal_rate'")
    return Row(
        qkey=str(record["qkey"]),
        attribute=str(record["attribute"]),
        group=str(record["group"]),
        question=str(record["question"]),
        options=to_texts(record["options"], f"{place}: 'options'"),
        responses=to_numbers(record["responses"], f"{place}: 'responses'"),
        refusal_rate=refusal_rate,
        ordinal=to_numbers(record["ordinal"], f"{place}: 'ordinal'"),
    )
