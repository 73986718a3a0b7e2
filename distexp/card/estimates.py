"""What is estimated of open cases: calibrated shares with bands, and how far to trust them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from distexp.card.applying import (
    Calibrated,
    Ends,
    calibrated,
    check_format,
    of_everyone,
    unread,
)
from distexp.card.band import COVERAGES, KINDS, TOPICS
from distexp.card.card import Card, chosen, the_one
from distexp.card.everyone import GroupKey, wholes
from distexp.checks import check_text, parameter_error
from distexp.dataset.files.microdata import EVERYONE
from distexp.errors import DatasetError, DistexpError
from distexp.evaluation.layout import answered, answered_survey, design_of, open_survey
from distexp.protocols import Calibrator
from distexp.report.calls import Calls
from distexp.report.report import Report
from distexp.types import Case, FloatArray, Study, Survey

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, slots=True, kw_only=True)
class Everyone:
    """What is estimated of the whole population, from the groups of an attribute."""

    found: Calibrated
    place: int
    """Of a case of the question."""
    attribute: str
    predicted: FloatArray
    """Shape (max_options,), like `shares`."""
    shares: FloatArray
    ends: Mapping[str, Ends]
    """Of all questions; `row` is that of this one."""
    row: int
    coverage: float
    reason: str
    """In what way one of the groups extrapolates."""

    @property
    def group(self) -> str:
        """What stands for the population in tables."""
        return f"all, over {self.attribute}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimates:
    """Of the open cases of some studies."""

    found: tuple[Calibrated, ...]
    """All cases of each study, the answered ones too."""
    cards: tuple[Card, ...]
    """What each was calibrated by."""
    coverage: float
    topic: str
    over: str | None = None
    """The attribute whose groups make up all; None takes the first whose groups are all known."""
    calls: Calls | None = None
    """What became of the requests, where no report says so."""

    def open(self) -> Iterator[tuple[Calibrated, Card, int]]:
        """Yield each open case as its study, its card and its place."""
        for of_study, card in zip(self.found, self.cards, strict=True):
            for place, case in enumerate(of_study.study.cases):
                if case.human is None:
                    yield of_study, card, place

    def everyone(self) -> Iterator[Everyone]:
        """Yield the whole population's answers to each open question that was not asked of it."""
        for one, card in zip(self.found, self.cards, strict=True):
            yield from _everyone(one, card, self)

    def table(self) -> "pl.DataFrame":
        """Return a row an open case and option, and of the whole population; null is unread."""
        import polars as pl

        text, number = pl.String, pl.Float64
        schema = {
            **dict.fromkeys(("dataset", "model", "elicitation", "prompt"), text),
            **dict.fromkeys(("question_id", "question", "attribute", "group"), text),
            "option_index": pl.Int64,
            "option": text,
            **dict.fromkeys(("ordinal", "predicted", "calibrated", "low", "high"), number),
            **dict.fromkeys(("low_joint", "high_joint"), number),
            **dict.fromkeys(("low_question", "high_question", "coverage"), number),
            "extrapolates": pl.Boolean,
            "reason": text,
        }
        rows = [row for one, _, place in self.open() for row in _rows(one, place)]
        rows += [row for whole in self.everyone() for row in _rows_of_everyone(whole)]
        return pl.DataFrame(rows, schema=schema, orient="row")


def of_report(
    report: Report,
    calibrators: Mapping[str, Calibrator],
    coverage: float,
    topic: str,
    over: str | None = None,
) -> Estimates:
    """Estimate the open cases of a run by the calibrator fitted to all of the answered ones.

    Parameters
    ----------
    report : Report
        With its studies as a whole.
    calibrators : mapping of str to Calibrator
        The one of the run.
    coverage, topic
        As for `distexp.card.applying.calibrated`.
    over : str, optional
        The attribute whose groups make up all.

    Raises
    ------
    ConfigError
        If there are several calibrators or conditions, or the calibrator has no JSON form.
    DatasetError
        If no case is open.
    DistexpError
        If too few estimates could be read.
    """
    name, calibrator = the_one(calibrators)
    whole = chosen(report.whole)
    place = list(report.whole).index(whole)
    study, result = report.studies[place], report.results[place]
    if all(case.human is not None for case in whole.cases):
        raise no_open(report.survey.name)
    if not result.scores:
        raise DistexpError(result.note)
    card = Card.fitted(name, calibrator, report.survey, study, result, report.evaluation)
    return Estimates(
        found=tuple(calibrated(card, _inputs(whole), coverage, topic)),
        cards=(card,),
        coverage=coverage,
        topic=topic,
        over=over,
    )


def by_card(
    card: Card,
    studies: Sequence[Study],
    coverage: float,
    topic: str,
    over: str | None = None,
) -> Estimates:
    """Estimate the open cases of studies by a card; raise `DatasetError` if there is none."""
    found = tuple(calibrated(card, studies, coverage, topic))
    estimates = Estimates(
        found=found, cards=(card,) * len(found), coverage=coverage, topic=topic, over=over
    )
    if next(estimates.open(), None) is None:
        raise no_open(studies[0].condition.dataset)
    return estimates


def check_answered(survey: Survey) -> None:
    """Raise `DatasetError` where a survey, or one of its studies, has no human answers at all."""
    if not answered_survey(survey).cases:
        msg = (
            f"None of the {len(survey.cases)} cases of {survey.name} has human answers, so "
            "nothing can be scored. Estimate them by a survey that has some: distexp predict "
            "dataset=SURVEY questions=FILE out=FILE, or distexp predict card=FILE."
        )
        raise DatasetError(msg)
    if without := {s.condition.dataset for s in survey.studies if not answered(s).cases}:
        msg = (
            f"Nobody's answers to {min(without)} are known, so it cannot be scored. Leave it "
            "out (dataset.datasets), and estimate it by distexp predict card=FILE."
        )
        raise DatasetError(msg)


def check_open(survey: Survey, calibrators: Mapping[str, Calibrator]) -> None:
    """Raise unless there is something to estimate, and one calibrator to do it by."""
    the_one(calibrators)
    if not open_survey(survey).cases:
        raise no_open(survey.name)


def check_wanted(owner: str, files: Mapping[str, object], coverage: object, topic: object) -> None:
    """Raise `ConfigError` unless estimates can be made and written like that.

    `files` are the parameters that name one; that of `out` is to be written.
    """
    for parameter, name in files.items():
        if name is not None:
            check_text(owner, parameter, name)
    if (out := files.get("out")) is not None:
        check_format(Path(str(out)))
    for parameter, value, known in (
        ("coverage", coverage, COVERAGES),
        ("topic", topic, TOPICS),
    ):
        if value not in known:
            wanted = f"one of {', '.join(map(str, known))}"
            raise parameter_error(owner, parameter, wanted, value)


def no_open(survey: str) -> DatasetError:
    """Return the error that there is nothing to estimate."""
    return DatasetError(
        f"{survey} has no open case to estimate. Name new questions (questions=FILE), mark some "
        "of the codebook as `asked: false`, or set dataset.small_cells=estimate."
    )


def _inputs(study: Study) -> Sequence[Study]:
    """Return what a card stacks, or the study itself."""
    return study.members or [replace(study, members=())]


def _described(study: Study, place: int) -> Iterator[tuple[object, ...]]:
    """Yield for each option of a case what was asked of whom."""
    question, group = study.cases[place].question, study.cases[place].group
    for index, option in enumerate(question.options):
        yield (
            *asdict(study.condition).values(),
            question.question_id,
            question.text,
            group.attribute,
            group.value,
            index,
            option,
            None if question.ordinals is None else question.ordinals[index],
        )


def _rows(found: Calibrated, place: int) -> Iterator[tuple[object, ...]]:
    estimate = found.study.estimates[place]
    reason, coverage = found.reasons[place], float(found.coverages[place])
    for index, described in enumerate(_described(found.study, place)):
        if estimate.reading is None:
            yield (*described, *[None] * 8, coverage, None, unread(estimate))
            continue
        yield (
            *described,
            estimate.reading.distribution.probabilities[index],
            float(found.shares[place, index]),
            *_numbers(found.ends, place, index),
            coverage,
            bool(reason),
            reason or None,
        )


def _rows_of_everyone(whole: Everyone) -> Iterator[tuple[object, ...]]:
    described = _described(whole.found.study, whole.place)
    for index, (*condition, _, _, option_index, option, ordinal) in enumerate(described):
        yield (
            *condition,
            EVERYONE,
            whole.group,
            option_index,
            option,
            ordinal,
            float(whole.predicted[index]),
            float(whole.shares[index]),
            *_numbers(whole.ends, whole.row, index),
            whole.coverage,
            bool(whole.reason),
            whole.reason or None,
        )


def _numbers(ends: Mapping[str, Ends], row: int, index: int) -> Iterator[float | None]:
    """Yield the ends of each kind of band; None where there is none."""
    for kind in KINDS:
        for end in ends[kind]:
            value = float(end[row, index])
            yield None if np.isnan(value) else value


def _sizes(cases: Sequence[Case], card: Card) -> dict[GroupKey, float]:
    """Return what each group weighs: by the margins of the cases, or else as the card has it."""
    sizes = {(c.group.attribute, c.group.value): c.size for c in cases if c.size is not None}
    given = {attribute for attribute, _ in sizes}
    return {key: n for key, n in card.trained_on.sizes.items() if key[0] not in given} | sizes


def _everyone(one: Calibrated, card: Card, estimates: Estimates) -> Iterator[Everyone]:
    """Yield the whole population's answers to the open questions of a study."""
    cases = one.study.cases
    asked = {c.question.question_id for c in cases if c.group.attribute == EVERYONE}
    X, _, _ = design_of(one.study)
    for whole in wholes(cases, _sizes(cases, card), estimates.over):
        rows = [
            row
            for row, places in enumerate(whole.rows.tolist())
            if one.readable[places].all() and not any(cases[p].human for p in places)
        ]
        rows = [row for row in rows if cases[whole.rows[row, 0]].question.question_id not in asked]
        if not rows:
            continue
        shares = whole.of(one.shares)[rows]
        of_first = [cases[place] for place in whole.rows[rows, 0]]
        ends = of_everyone(
            card, whole.attribute, of_first, shares, estimates.coverage, estimates.topic
        )
        predicted = whole.of(X.predicted)[rows]
        for row, places in enumerate(whole.rows[rows].tolist()):
            reasons = dict.fromkeys(
                part for p in places for part in one.reasons[p].split("; ") if part
            )
            yield Everyone(
                found=one,
                place=places[0],
                attribute=whole.attribute,
                predicted=predicted[row],
                shares=shares[row],
                ends=ends,
                row=row,
                coverage=float(one.coverages[places].min()),
                reason="; ".join(reasons),
            )
        return
