"""What the numbers of a study rest on: cases in W1 and not, estimates that are missing and why."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from distexp.evaluation.baselines import RAW
from distexp.evaluation.evaluation import Result
from distexp.report.markdown import escaped
from distexp.types import Study, Survey

MOST_NAMED = 5
"""Questions that a sentence lists."""
STATUS = {"parse_error": "unreadable", "refused": "refused", "not_asked": "not asked"}


def rests_on(study: Study, result: Result, survey: Survey) -> str:
    """Say which cases the scores are of, and why others are not among them.

    Parameters
    ----------
    study : Study
    result : Result
        With scores.
    survey : Survey
        That the cells which were left out are of.
    """
    return " ".join(_sentences(study, result, survey))


def _sentences(study: Study, result: Result, survey: Survey) -> Iterator[str]:
    cases, distances = study.cases, result.per_case[RAW]
    tested = ~np.isnan(distances.total_variation)
    in_w1 = tested & ~np.isnan(distances.wasserstein)
    n_questions = len({c.question.question_id for c, one in zip(cases, in_w1, strict=True) if one})
    yield f"W1 is over {in_w1.sum()} cases of {n_questions} questions."
    nominal = [
        c.question.question_id for c, one in zip(cases, tested & ~in_w1, strict=True) if one
    ]
    if nominal:
        yield (
            f"{_questions(nominal)} {_are(nominal)} nominal and not in W1, nor in what is worked "
            "out from it; TV and KL hold them too."
        )
    statuses = Counter(estimate.status for estimate in study.estimates)
    missing = [f"{statuses[key]} {word}" for key, word in STATUS.items() if statuses[key]]
    n_missing = len(cases) - statuses["ok"]
    if n_missing:
        guessed = np.array([estimate.reading is None for estimate in study.estimates]) & tested
        fate = "taken for uniform" if guessed.any() else "in no number"
        yield f"{n_missing} of {len(cases)} estimates are missing ({', '.join(missing)}): {fate}."
    readable = np.array([estimate.reading is not None for estimate in study.estimates])
    apart = [
        c.question.question_id for c, one in zip(cases, readable & ~tested, strict=True) if one
    ]
    if apart:
        yield (
            f"{_questions(apart)} {_are(apart)} trained on and never tested, as prompts showed "
            "human answers to them, or to the same in other words, or they are of no battery, or "
            "the splits are few."
        )
    skills = [score for score in result.scores if score.metric == "w1_skill" and score.detail]
    if skills:
        yield f"Skill is {escaped(skills[0].detail)}, which is closer than the training mean."
    if survey.n_dropped_cells:
        yield f"{survey.n_dropped_cells} cells were left out: too few people answered."


def _questions(names: Sequence[str]) -> str:
    """Count questions and name the first of them."""
    ids = list(dict.fromkeys(names))
    listed = ", ".join(map(escaped, ids[:MOST_NAMED])) + ", ..." * (len(ids) > MOST_NAMED)
    return f"{len(ids)} question{'s' * (len(ids) > 1)} ({listed})"


def _are(names: Sequence[str]) -> str:
    return "are" if len(set(names)) > 1 else "is"


def mean_mass(study: Study) -> float | None:
    """Return the mean probability that the model put on the options; None where not observed."""
    readings = [estimate.reading for estimate in study.estimates if estimate.reading is not None]
    masses = [reading.mass for reading in readings if reading.mass is not None]
    return math.fsum(masses) / len(masses) if masses else None


def masses(studies: Sequence[Study]) -> Iterator[str]:
    """Yield how much of the probability the options' letters hold, a line a study that has it."""
    for study in studies:
        if (mass := mean_mass(study)) is not None:
            yield (
                f"Prompt {escaped(study.condition.prompt)}: the options' letters hold "
                f"{mass:.2f} of the first token's probability on average."
            )


def n_unreadable(study: Study) -> int:
    """Return how many estimates are missing."""
    return sum(estimate.reading is None for estimate in study.estimates)
