"""What a report found, in a sentence a finding: studies that say the same say it together."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from distexp.evaluation.baselines import RAW
from distexp.evaluation.evaluation import Evaluation, Result
from distexp.evaluation.scores import Score
from distexp.report.markdown import escaped
from distexp.report.verdicts import Short, in_short, missing
from distexp.types import CONDITION, Study

MOST_NAMED = 4
"""Studies that a sentence names; of more it gives the number."""
MOST_SENTENCES = 3
"""On one finding."""


@dataclass(frozen=True, slots=True)
class _Finding:
    """A study's part in the sentences."""

    name: str
    result: Result
    short: Short

    def score(self, metric: str, *, new_topic: bool = False) -> float:
        """Return a score of the leading calibrator, in percent; NaN where there is none."""
        topics = self.result.new_topics
        scores: Sequence[Score] = self.result.scores
        if new_topic:
            scores = topics.scores if topics is not None and not topics.note else ()
        key = (self.result.leading, metric)
        found = (100 * one.value for one in scores if (one.calibrator, one.metric) == key)
        return next(found, math.nan)


def opening(outcomes: Iterable[tuple[Study, Result]], evaluation: Evaluation) -> Iterator[str]:
    """Yield what was found of the model and of calibration, in Markdown.

    Studies are named by what tells them apart, the prompt mostly. Studies without scores say why.
    """
    outcomes = list(outcomes)
    alpha, margin = 1 - evaluation.confidence, evaluation.equivalence
    findings, notes = [], []
    for name, (_, result) in zip(_names([study for study, _ in outcomes]), outcomes, strict=True):
        short = in_short(result, alpha, margin) if result.scores else None
        if short is not None:
            findings.append(_Finding(name, result, short))
        elif result.note:
            notes.append((name, result.note))
    n = len(outcomes)
    calibrated = [one for one in findings if one.result.leading != RAW]
    calibrated = [one for one in calibrated if not math.isnan(one.score("w1_reduction"))]
    before = ""
    for subject, sentence in (
        *_together(findings, n, lambda one: one.short.model, _model),
        *_together(calibrated, n, _about_calibration, _calibration),
    ):
        yield sentence if subject == before else f"{subject}{sentence}"
        before = subject
    for note in dict.fromkeys(note for _, note in notes):
        yield _subject([name for name, one in notes if one == note], n) + str(escaped(note))


def _names(studies: Sequence[Study]) -> list[str]:
    conditions = [study.condition for study in studies]
    varying = [name for name in CONDITION if len({getattr(one, name) for one in conditions}) > 1]
    return [" ".join(escaped(getattr(one, name)) for name in varying) for one in conditions]


def _together(
    findings: Sequence[_Finding],
    n_studies: int,
    words: Callable[[_Finding], object],
    sentence: Callable[[Sequence[_Finding]], str],
) -> Iterator[tuple[str, str]]:
    """Yield a sentence for all findings of the same words, and before it whose they are."""
    alike: dict[object, list[_Finding]] = {}
    for one in findings:
        alike.setdefault(words(one), []).append(one)
    groups = list(alike.values())
    for group in groups[:MOST_SENTENCES]:
        yield _subject([one.name for one in group], n_studies), sentence(group)
    if left := sum(map(len, groups[MOST_SENTENCES:])):
        yield "", f"What was found of {left} more studies is in the report."


def _subject(names: Sequence[str], n_studies: int) -> str:
    if n_studies == 1:
        return ""
    if len(names) <= MOST_NAMED:
        return f"{_and(names)}: "
    return f"{len(names)} of {n_studies} studies: "


def _model(group: Sequence[_Finding]) -> str:
    shorts = [one.short for one in group]
    skills = [one.skill for one in shorts if one.skill]
    begun = {one.partition("%")[0].rpartition(" ")[0] for one in skills}
    if len(begun) == 1 and (against := begun.pop()):  # "against blind", said once
        skills = [f"{against} {skills[0].removeprefix(against).strip()}"] + [
            one.removeprefix(against).strip() for one in skills[1:]
        ]
    said = shorts[0].model
    if skills:
        said += f" (skill {_and(skills)})" if len(skills) <= MOST_NAMED else ""
    said += shorts[0].untold
    missed = [one.missed for one in shorts if not math.isnan(one.missed)]
    if not missed:
        return f"{said}."
    could = missing(max(one.n_questions for one in shorts), max(missed))
    return f"{said}; {could[0].lower()}{could[1:]}."


def _about_calibration(one: _Finding) -> object:
    new = not math.isnan(one.score("w1_reduction", new_topic=True))
    return one.result.leading, one.short.certain, one.result.new_topics is not None, new


def _calibration(group: Sequence[_Finding]) -> str:
    first = group[0]
    like = _changes([one.score("w1_reduction") for one in group])
    chance = "" if first.short.certain else ", which chance could explain"
    name = escaped(first.result.leading)
    said = f"For questions like these {name} changes the model's W1 by {like}{chance}"
    if first.result.new_topics is None:
        return f"{said}."
    new = [one.score("w1_reduction", new_topic=True) for one in group]
    if math.isnan(new[0]):
        return f"{said}; for a new topic nothing can be said."
    return f"{said}; for a new topic by {_changes(new)}."


def _changes(reductions: Sequence[float]) -> str:
    """Show reductions as changes: below 0 is nearer to people."""
    shown = [f"{-one:+.1f}%" for one in reductions]
    if len(shown) <= MOST_NAMED:
        return _and(shown)
    return f"{-max(reductions):+.1f}% to {-min(reductions):+.1f}%"


def _and(parts: Sequence[str]) -> str:
    parts = [str(one) for one in parts]
    if len(set(parts)) == 1 and len(parts) > 1 and parts[0].endswith("%"):
        return parts[0]
    return " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))
