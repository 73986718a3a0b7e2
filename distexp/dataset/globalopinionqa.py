"""GlobalOpinionQA: answers of countries to Pew's Global Attitudes and the World Values Survey."""

import logging
import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import NamedTuple

from distexp.checks import check_names, check_text, parameter_error
from distexp.dataset.files.cells import is_refusal, numbers, parse_literal, parse_texts
from distexp.dataset.files.columns import Layout, near, read_columns, read_files
from distexp.dataset.files.refusals import said_of
from distexp.errors import DatasetError
from distexp.types import Case, Distribution, Group, Question, Survey

SOURCE = "the dataset Anthropic/llm_global_opinions on Hugging Face"
LICENCE = "CC BY-NC-SA 4.0: non-commercial, with attribution, share alike."
CITATION = (
    "Durmus et al. (2023), Towards Measuring the Representation of Subjective Global Opinions in "
    "Language Models, arXiv 2306.16388; survey answers: Pew Research Center, Global Attitudes "
    "Survey (GAS), and World Values Survey (WVS)."
)
ORDINALS = ("none", "order")

_logger = logging.getLogger(__name__)

_IN_FULL = {
    "S. Korea": "South Korea",
    "S. Africa": "South Africa",
    "Britain": "Great Britain",
    "Czech Rep.": "the Czech Republic",
    "Slovak Rep.": "the Slovak Republic",
    "Palest. ter.": "the Palestinian territories",
    "Macau SAR": "Macau",
    "Hong Kong SAR": "Hong Kong",
    "Taiwan ROC": "Taiwan",
} | {
    name: f"the {name}"
    for name in (
        *("United States", "United Kingdom", "Netherlands", "Philippines", "Maldives"),
        *("Czech Republic", "Dominican Republic", "Palestinian territories"),
    )
}


class Row(NamedTuple):
    """A question with the answers of the countries that were asked it."""

    question_id: str
    source: str
    text: str
    options: list[str]
    shares: dict[str, list[float]]
    """By country; what should be one share per option."""


class GlobalOpinionQA:
    """The file of GlobalOpinionQA, or the part of it that is asked for.

    A question's id is its source and the number of its row, from 0: `GAS_17`. Options that
    decline to answer are not on the scale: their share is each case's `off_scale`. How many
    people answered is not known. Rows and countries that hold no distribution are counted by
    reason in a warning.

    Parameters
    ----------
    path : str
        `global_opinions.csv`.
    countries : sequence of str, optional
        Labels of countries as the file has them, e.g. Germany; all if None.
    sources : sequence of {"GAS", "WVS"}, optional
        Global Attitudes Survey, World Values Survey; both if None.
    questions : sequence of str, optional
        Ids; all if None.
    ordinals : {"none", "order"}, default="none"
        The file names no scale. Options that are all numbers stand at their numbers. Of the
        others, `none` takes them for nominal; `order` for equally spaced in the order of the
        file, which is true of many of them, not of all ("More", "Less", "About the same").
    on_scale : sequence of str, optional
        Labels that are answers here, although they read as refusals.

    Raises
    ------
    ConfigError
        If a parameter has the wrong type.

    References
    ----------
    Durmus et al. (2023), arXiv 2306.16388.
    """

    def __init__(
        self,
        path: str,
        *,
        countries: Sequence[str] | None = None,
        sources: Sequence[str] | None = None,
        questions: Sequence[str] | None = None,
        ordinals: str = "none",
        on_scale: Sequence[str] | None = None,
    ) -> None:
        owner = type(self).__name__
        check_text(owner, "path", path)
        check_names(owner, "countries", countries)
        check_names(owner, "sources", sources)
        check_names(owner, "questions", questions)
        check_names(owner, "on_scale", on_scale)
        if ordinals not in ORDINALS:
            raise parameter_error(owner, "ordinals", f"one of {', '.join(ORDINALS)}", ordinals)
        self.path = path
        self.countries = countries
        self.sources = sources
        self.questions = questions
        self.ordinals = ordinals
        self.on_scale = on_scale

    def load(self) -> Survey:
        """Read the file.

        Raises
        ------
        ConfigError
            If the file has no such country, source or question.
        DatasetError
            If the file cannot be read, or a cell is no plain literal.
        """
        path = Path(self.path)
        rows = list(_rows(path))
        self._check_known("sources", self.sources, {row.source for row in rows})
        self._check_known("questions", self.questions, {row.question_id for row in rows})
        rows = [
            row
            for row in rows
            if (self.sources is None or row.source in self.sources)
            and (self.questions is None or row.question_id in self.questions)
        ]
        countries = {country for row in rows for country in row.shares}
        self._check_known("countries", self.countries, countries)
        left_out: Counter[str] = Counter()
        cases = [case for row in rows for case in self._cases(row, left_out)]
        if left_out:
            reasons = ", ".join(f"{reason} ({n})" for reason, n in sorted(left_out.items()))
            _logger.warning("%s: left out %s.", path, reasons)
        if not cases:
            msg = f"{path} holds no distribution for what was chosen. Choose more of it."
            raise DatasetError(msg)
        refusals = (label for row in rows for label in row.options if self._is_refusal(label))
        if note := said_of(refusals, path):
            _logger.info("%s", note)
        files = read_files(path)
        return Survey(
            name="globalopinionqa",
            cases=tuple(cases),
            digest=files[0][1],
            files=files,
            licence=LICENCE,
            citation=CITATION,
            language="en",
            n_dropped_cells=sum(len(self._shares(row)) for row in rows) - len(cases),
            notes=(note,) if note else (),
        )

    def _check_known(
        self, parameter: str, names: Sequence[str] | None, known: AbstractSet[str]
    ) -> None:
        for name in names or ():
            if name not in known:
                hint = near(name, sorted(known)).rstrip(".")
                wanted = f"null or a list of what {self.path} holds ({hint})"
                raise parameter_error(type(self).__name__, parameter, wanted, name)

    def _shares(self, row: Row) -> dict[str, list[float]]:
        """Return the shares of the chosen countries."""
        if self.countries is None:
            return row.shares
        return {name: row.shares[name] for name in self.countries if name in row.shares}

    def _cases(self, row: Row, left_out: Counter[str]) -> Iterator[Case]:
        """Yield a case for each country, and count what gives none, by reason."""
        on_scale = [i for i, label in enumerate(row.options) if not self._is_refusal(label)]
        options = tuple(row.options[i] for i in on_scale)
        if not row.text:
            left_out["rows without a question"] += 1
            return
        if len(set(options)) < max(len(options), 2):
            left_out["rows without two different options"] += 1
            return
        question = Question(
            question_id=row.question_id,
            text=row.text,
            options=options,
            ordinals=self._positions(options),
        )
        for country, shares in self._shares(row).items():
            if len(shares) != len(row.options):
                left_out["cells with more or fewer shares than options"] += 1
            elif not all(0 <= share < math.inf for share in shares):
                left_out["cells with a share that is negative or no number"] += 1
            elif not any(shares[i] for i in on_scale):
                left_out["cells without an answer on the scale"] += 1
            else:
                substantive = [shares[i] for i in on_scale]
                all_substantive = len(substantive) == len(shares)
                yield Case(
                    question=question,
                    group=_country(country),
                    human=Distribution.normalized(substantive),
                    n_respondents=None,
                    off_scale=None if all_substantive else 1 - sum(substantive) / sum(shares),
                )

    def _is_refusal(self, label: str) -> bool:
        return label not in (self.on_scale or ()) and is_refusal(label)

    def _positions(self, options: Sequence[str]) -> tuple[float, ...] | None:
        if all(re.fullmatch(r"-?\d+(\.\d+)?", option) for option in options):
            return tuple(map(float, options))
        return tuple(map(float, range(1, len(options) + 1))) if self.ordinals == "order" else None


def _rows(path: Path) -> Iterator[Row]:
    fields = ["question", "selections", "options", "source"]
    table = read_columns(path, fields, Layout(), SOURCE).fill_null("")
    for number, (text, selections, options, source) in enumerate(table.iter_rows()):
        question_id = f"{source}_{number}"
        yield Row(
            question_id=question_id,
            source=source,
            text=text.strip(),
            options=parse_texts(options, f"{path}, {question_id}: 'options'"),
            shares=_selections(selections, f"{path}, {question_id}: 'selections'"),
        )


def _country(label: str) -> Group:
    """Return the group; a remark such as "(Non-national sample)" stays out of its phrase."""
    name = re.sub(r"\s*\([^)]*\)", "", label).strip() or label
    phrase = f"a person living in {_IN_FULL.get(name, name)}"
    return Group(attribute="country", value=label, phrase=phrase)


def _selections(cell: str, where: str) -> dict[str, list[float]]:
    """Read the dict inside the text of a defaultdict."""
    shares = parse_literal(cell[cell.find("{") : cell.rfind("}") + 1], where)
    if not isinstance(shares, dict) or not all(isinstance(name, str) for name in shares):
        msg = f"{where} must be a dict of countries. Got {cell[:80]!r} instead."
        raise DatasetError(msg)
    return {name: numbers(values, f"{where} of {name}") for name, values in shares.items()}
