"""A report in a few lines: what was asked, what was found, a row a method."""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from distexp.evaluation.baselines import CEILING, RAW, REFERENCE, UNASKED, UNCALIBRATED
from distexp.evaluation.evaluation import Result
from distexp.evaluation.scores import Score
from distexp.metrics.names import METRIC
from distexp.report.opening import opening
from distexp.report.report import Report
from distexp.terminal.texts import LONGEST, plain, rendered, shortened, table, wrapped
from distexp.types import CONDITION, Study
from distexp.visible import counted, one_line, within

if TYPE_CHECKING:
    from rich.console import RenderableType

SHORT = {RAW: UNCALIBRATED, REFERENCE: "training mean", CEILING: "human ceiling"}
NOTHING = "–"
MOST_SAID, MOST_SAID_BESIDE = 11, 8
"""Lines of sentences, alone and beside a view or estimates."""


@dataclass(frozen=True, slots=True)
class Row:
    """One method: under which conditions it gave these scores, and the scores."""

    conditions: tuple[Mapping[str, str], ...]
    method: str
    scores: Mapping[str, Score]

    def condition(self, name: str) -> str:
        """Return what a column of the condition says: `all` where several gave the same."""
        values = list(dict.fromkeys(one[name] for one in self.conditions))
        return _cut(values[0]) if len(values) == 1 else "all"


def parts(report: Report, *, columns: int, lines: int) -> "list[RenderableType]":
    """Return the sentences and the table of a report.

    Parameters
    ----------
    report : Report
    columns, lines : int
        How much room there is; rows that do not fit are counted, and with 0 lines there is no
        table.
    """
    said = _fitting(sentences(report), columns, MOST_SAID if lines else MOST_SAID_BESIDE)
    outcomes = [one for one in zip(report.studies, report.results, strict=True) if one[1].scores]
    if not outcomes or not lines:
        return ["\n".join(said)]
    rows = _rows(outcomes)
    room = max(1, lines - len(said) - 5)
    shown = shown_rows(rows, room, {result.leading for _, result in outcomes})
    found = ["\n".join(said), "", _table(shown, outcomes, columns)]
    if len(shown) < len(rows):
        n_more = len(rows) - len(shown)
        found.append(f"{n_more} more row{'s are' if n_more > 1 else ' is'} in the report.")
    return found


def _fitting(texts: Iterator[str], columns: int, most: int) -> list[str]:
    """Return the lines of as many sentences as fit, whole ones where that is possible."""
    first, *others = (wrapped(one, columns, indent=2) for one in texts)
    said = first
    for number, lines in enumerate(others, 1):
        more = number < len(others)
        if len(said) + len(lines) + more > most:
            if number == 1:
                said = [*said, *lines[: most - len(said) - 1]]
            return [*said, "  … the report says more."]
        said = [*said, *lines]
    return said


def summary(report: Report, *, columns: int = 80) -> str:
    """Return the report in plain text: sentences, and a table a study.

    Parameters
    ----------
    report : Report
    columns : int
        Characters of a line.
    """
    rule = "=" * columns
    said = [line for one in sentences(report) for line in wrapped(one, columns, indent=2)]
    found: list[RenderableType] = [rule, "\n".join(said)]
    for study, result in zip(report.studies, report.results, strict=True):
        title = ", ".join(getattr(study.condition, name) for name in CONDITION)
        found += ["-" * columns, "\n".join(wrapped(title, columns)), ""]
        if result.scores:
            found.append(_table(_rows([(study, result)]), [(study, result)], columns))
        else:
            found.append("\n".join(wrapped(result.note, columns)))
    return rendered([*found, rule], columns)


def sentences(report: Report) -> Iterator[str]:
    """Yield what was asked of whom, what was found, and what makes it suspect."""
    outcomes = list(zip(report.studies, report.results, strict=True))
    models = dict.fromkeys(study.condition.model for study in report.studies)
    cases = [case for study in report.studies for case in study.cases]
    n_questions = len({case.question.question_id for case in cases})
    n_groups = len({(case.group.attribute, case.group.value) for case in cases})
    estimates = [estimate for study in report.studies for estimate in study.estimates]
    n_lost = sum(estimate.reading is None for estimate in estimates)
    lost = f", {n_lost} of them missing" if n_lost else ""
    who = ", ".join(models) if len(models) < 4 else f"{len(models)} models"
    yield (
        f"{who} on {report.survey.name}: {counted(n_questions, 'question')}, "
        f"{counted(n_groups, 'group')}, {counted(len(estimates), 'estimate')}{lost}."
    )
    about = [report.partial(), report.refused(), report.open()]
    yield from (plain(one) for one in about if one)
    yield from map(plain, opening(outcomes, report.evaluation))
    yield from _warned(outcomes)


def _warned(outcomes: Sequence[tuple[Study, Result]]) -> Iterator[str]:
    """Yield the first warning, of what asks the model if it can be, and the number of others."""
    ordered = sorted(
        (any(line.startswith(f"{name} ") for name in result.ignoring), line)
        for _, result in outcomes
        for line in result.warnings
    )
    warnings = list(dict.fromkeys(line for _, line in ordered))
    if warnings:
        first, *others = warnings
        more = f" And {counted(len(others), 'warning')} more." if others else ""
        yield f"Warning: {first}{more}"


def _rows(outcomes: Sequence[tuple[Study, Result]]) -> list[Row]:
    """Return a row a method and study; methods that score the same in several, once."""
    rows: dict[tuple[object, ...], Row] = {}
    for study, result in outcomes:
        by_method: dict[str, dict[str, Score]] = {}
        for score in result.scores:
            by_method.setdefault(score.calibrator, {})[score.metric] = score
        condition = asdict(study.condition)
        for method, scores in by_method.items():
            ignoring = method in UNASKED or method in result.ignoring
            values = tuple(
                (one.value, one.low, one.high) for key, one in scores.items() if key in COLUMNS
            )
            key = (method, repr(values), ignoring or tuple(condition.values()))
            before = rows[key].conditions if key in rows else ()
            rows[key] = Row((*before, condition), method, scores)
    return sorted(rows.values(), key=lambda row: (row.method in UNASKED, row.method == CEILING))


COLUMNS = ("w1", "tv", "w1_skill", "alignment", "respondents")
"""Scores that a table may show; those at the end are left out where there is no room."""


def shown_rows(rows: Sequence[Row], n: int, leading: Collection[str] = ()) -> list[Row]:
    """Return as many rows as there is room for: those with the least distance, and baselines.

    A third of the others is kept for what is uncalibrated, which all else is compared with, and
    a third for the leading calibrators, of which the sentences above the table speak.
    """
    if len(rows) <= n:
        return list(rows)
    unasked = [row for row in rows if row.method in (REFERENCE, CEILING)][: n // 2]
    room = n - len(unasked)
    nearest = sorted((row for row in rows if row.method not in UNASKED), key=_distance)
    raw = [row for row in nearest if row.method == RAW][: (room + 1) // 3]
    told = [row for row in nearest if row.method in leading and row.method != RAW]
    kept = [*raw, *told[: (room + 1) // 3]]
    others = [row for row in nearest if row not in kept][: room - len(kept)]
    return [*(row for row in nearest if row in kept or row in others), *unasked]


def _distance(row: Row) -> float:
    values = [row.scores[key].value for key in ("w1", "tv") if key in row.scores]
    return next((value for value in values if math.isfinite(value)), math.inf)


def _table(
    rows: Sequence[Row], outcomes: Sequence[tuple[Study, Result]], columns: int
) -> "RenderableType":
    conditions = [study.condition for study, _ in outcomes]
    varying = [name for name in CONDITION if len({getattr(one, name) for one in conditions}) > 1]
    metric = "w1" if any(_is_known(row, "w1") for row in rows) else "tv"
    shown = [metric, "w1_skill", "alignment", "respondents"]
    shown = [key for key in shown if any(_is_known(row, key) for row in rows)]
    header = [*varying, "method", *(_HEADINGS[key] for key in shown)]
    cells = [
        [
            *(row.condition(name) for name in varying),
            _cut(SHORT.get(row.method, row.method)),
            *(_score(row.scores.get(key)) for key in shown),
        ]
        for row in rows
    ]
    while len(header) > len(varying) + 2 and _width(header, cells) > columns:
        header, cells = header[:-1], [line[:-1] for line in cells]
    faint = {place for place, row in enumerate(rows) if row.method in UNASKED}
    right = range(len(varying) + 1, len(header))
    return table(header, cells, right=right, faint=faint)


_HEADINGS = {
    "w1": "W1 [interval]",
    "tv": "TV [interval]",
    "alignment": "alignment",
    "w1_skill": "skill, % [interval]",
    "respondents": "worth people",
}


def _width(header: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
    from rich.cells import cell_len

    return sum(max(map(cell_len, one)) + 2 for one in zip(header, *rows, strict=True)) - 2


def _is_known(row: Row, key: str) -> bool:
    return key in row.scores and not math.isnan(row.scores[key].value)


def _score(score: Score | None) -> str:
    """Show a score in fewer digits than the report does."""
    if score is None or (math.isnan(score.value) and math.isnan(score.low)):
        return NOTHING
    shown = METRIC[score.metric].shown
    if shown.people:
        return _people(score.value)
    if score.metric == "alignment":
        return f"{shown.scale * score.value:.1f}"
    if score.value == score.low == score.high == 0:  # the method that the others are held against
        return NOTHING
    digits = 1 if shown.unit else 3

    def written(number: float) -> str:
        too_low = shown.unit and number < -9.995
        return "<-999" if too_low else f"{shown.scale * number:.{digits}f}"

    return f"{written(score.value)}{within(score.low, score.high, written)}"


def _people(n: float) -> str:
    if math.isnan(n):
        return "∞"
    if n < 1:
        return "<1"
    return f"{n:.1f}" if n < 9.95 else f"{n:,.0f}"


def _cut(name: str) -> str:
    return shortened(one_line(name), LONGEST)
