"""What is estimated of open cases: calibrated shares with bands, and how far to trust them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from distexp.card.applying import UNREADABLE, Calibrated, calibrated, check_format
from distexp.card.band import COVERAGES, TOPICS
from distexp.card.card import Card, chosen
from distexp.checks import check_text, parameter_error
from distexp.errors import ConfigError, DatasetError, DistexpError
from distexp.evaluation.layout import answered, answered_survey, open_survey
from distexp.protocols import Calibrator
from distexp.report.calls import Calls
from distexp.report.report import Report
from distexp.types import Study, Survey

if TYPE_CHECKING:
    import polars as pl

GroupKey = tuple[str, str]
"""Attribute and group."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimates:
    """Of the open cases of some studies."""

    found: tuple[Calibrated, ...]
    """All cases of each study, the answered ones too."""
    cards: tuple[Card, ...]
    """What each was calibrated by."""
    coverage: float
    topic: str
    people: Mapping[GroupKey, float]
    """How many of a group answered a question, on average; empty where no survey was read."""
    calls: Calls | None = None
    """What became of the requests, where no report says so."""

    def open(self) -> Iterator[tuple[Calibrated, Card, int]]:
        """Yield each open case as its study, its card and its place."""
        for of_study, card in zip(self.found, self.cards, strict=True):
            for place, case in enumerate(of_study.study.cases):
                if case.human is None:
                    yield of_study, card, place

    def table(self) -> "pl.DataFrame":
        """Return a row an open case and option; what could not be read has null shares."""
        import polars as pl

        text, number = pl.String, pl.Float64
        schema = {
            **dict.fromkeys(("dataset", "model", "elicitation", "prompt"), text),
            **dict.fromkeys(("question_id", "question", "attribute", "group"), text),
            "option_index": pl.Int64,
            "option": text,
            **dict.fromkeys(("ordinal", "predicted", "calibrated", "low", "high"), number),
            **dict.fromkeys(("low_joint", "high_joint", "coverage"), number),
            "extrapolates": pl.Boolean,
            "reason": text,
        }
        rows = [row for one, _, place in self.open() for row in _rows(one, place)]
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
    check_one(calibrators)
    whole = chosen(report.whole)
    place = list(report.whole).index(whole)
    study, result = report.studies[place], report.results[place]
    if all(case.human is not None for case in whole.cases):
        raise no_open(report.survey.name)
    if not result.scores:
        raise DistexpError(result.note)
    ((name, calibrator),) = calibrators.items()
    card = Card.fitted(name, calibrator, report.survey, study, result, report.evaluation)
    return Estimates(
        found=tuple(calibrated(card, _inputs(whole), coverage, topic)),
        cards=(card,),
        coverage=coverage,
        topic=topic,
        people={key: n for key, n in people(study).items() if over in (None, key[0])},
    )


def by_card(card: Card, studies: Sequence[Study], coverage: float, topic: str) -> Estimates:
    """Estimate the open cases of studies by a card; raise `DatasetError` if there is none."""
    found = tuple(calibrated(card, studies, coverage, topic))
    estimates = Estimates(
        found=found, cards=(card,) * len(found), coverage=coverage, topic=topic, people={}
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


def check_one(calibrators: Mapping[str, Calibrator]) -> None:
    """Raise `ConfigError` unless there is one calibrator."""
    if len(calibrators) != 1:
        names = ", ".join(calibrators) or "none"
        msg = f"Estimates are made by one calibrator. Got {names}: choose with calibrator=[NAME]."
        raise ConfigError(msg)


def check_open(survey: Survey, calibrators: Mapping[str, Calibrator]) -> None:
    """Raise unless there is something to estimate, and one calibrator to do it by."""
    check_one(calibrators)
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


def people(study: Study) -> dict[GroupKey, float]:
    """Return what each group weighs in its population, on average over questions; where known."""
    counts: dict[GroupKey, list[float]] = {}
    for case in study.cases:
        if case.human is not None and case.people is not None:
            key = case.group.attribute, case.group.value
            counts.setdefault(key, []).append(case.people)
    return {key: float(np.mean(of_group)) for key, of_group in counts.items()}


def _inputs(study: Study) -> Sequence[Study]:
    """Return what a card stacks, or the study itself."""
    return study.members or [replace(study, members=())]


def _rows(found: Calibrated, place: int) -> Iterator[tuple[object, ...]]:
    case, estimate = found.study.cases[place], found.study.estimates[place]
    question, group = case.question, case.group
    width, joint = float(found.half_widths[place]), float(found.joint[place])
    reason, coverage = found.reasons[place], float(found.coverages[place])
    for index, option in enumerate(question.options):
        described = (
            *asdict(found.study.condition).values(),
            question.question_id,
            question.text,
            group.attribute,
            group.value,
            index,
            option,
            None if question.ordinals is None else question.ordinals[index],
        )
        if estimate.reading is None:
            yield (*described, *[None] * 6, coverage, None, UNREADABLE)
            continue
        share = float(found.shares[place, index])
        yield (
            *described,
            estimate.reading.distribution.probabilities[index],
            share,
            *band(share, width),
            *((None, None) if np.isnan(joint) else band(share, joint)),
            coverage,
            bool(reason),
            reason or None,
        )


def band(share: float, width: float) -> tuple[float, float]:
    """Return the ends of a band, cut to [0, 1]."""
    return max(share - width, 0.0), min(share + width, 1.0)
