"""What a report says before its numbers: who was asked what, and how to read the tables."""

from collections import Counter
from collections.abc import Iterator

from distexp.evaluation.evaluation import Evaluation
from distexp.evaluation.units import clusters_of
from distexp.metrics.names import METRICS
from distexp.report.markdown import escaped
from distexp.types import Survey

INTERVALS = {
    "jackknife": "groups of questions are left out in turn, the calibrators fitted again without "
    "them, with quantiles of t",
    "bootstrap": "questions are redrawn and the calibrators are not fitted again, so that **the "
    "intervals of whatever is fitted are too narrow** (evaluation.intervals=bootstrap)",
}
MOST_ATTRIBUTES = 15
"""Longer lists of groups are cut in the report."""


def described(survey: Survey) -> Iterator[str]:
    """Say what was asked of whom, and what the reader must know about it."""
    questions = {case.question.question_id: case.question for case in survey.cases}
    groups: dict[str, list[str]] = {}
    for case in survey.cases:
        values = groups.setdefault(case.group.attribute, [])
        if case.group.value not in values:
            values.append(case.group.value)
    dropped = survey.n_dropped_cells
    yield (
        f"{len(questions)} questions × {sum(map(len, groups.values()))} groups of people = "
        f"{len(survey.cases)} cases"
        + (f"; {dropped} more are left out, as too few people answered." if dropped else ".")
    )
    for attribute, values in list(groups.items())[:MOST_ATTRIBUTES]:
        yield f"- {escaped(f'{attribute}:')} {', '.join(map(escaped, values))}"
    if len(groups) > MOST_ATTRIBUTES:
        yield f"- and {len(groups) - MOST_ATTRIBUTES} attributes more"
    yield ""
    yield from survey.notes
    batteries = Counter(q.battery for q in questions.values() if q.battery is not None)
    if batteries:
        counted = ", ".join(f"{n} on {escaped(battery)}" for battery, n in batteries.items())
        yield (
            f"Questions come in batteries ({counted}). Those of one battery resemble each other: "
            "training on some of them makes the others easier, for the calibrators and still more "
            f"for the training mean. {_covered(survey)} On questions of a new topic expect less; "
            "how much less is said where each battery was held out as a whole."
        )
    pooled = [q.question_id for q in questions.values() if q.wording == "pooled"]
    if pooled:
        yield (
            f"Of {len(pooled)} questions respondents heard one of two wordings; the model is "
            f"asked one of them ({', '.join(map(escaped, pooled))})."
        )
    n_paraphrased = sum(q.wording == "paraphrased" for q in questions.values())
    if n_paraphrased:
        yield f"{n_paraphrased} questions are worded after a paraphrase of the questionnaire."


def _covered(survey: Survey) -> str:
    """Say what intervals are of where questions come in batteries."""
    if clusters_of(survey.cases) is not None:
        return (
            "The intervals leave out whole batteries: they are of other surveys that ask such "
            "batteries, each in part trained on."
        )
    return (
        "They are too few, or too unequal in size, to tell how batteries differ: the intervals "
        "are of other questions of the same batteries, and too narrow for others."
    )


def explained(evaluation: Evaluation) -> Iterator[str]:
    """Say how the numbers are made and how to read them."""
    if evaluation.hold_out in ("battery", "dataset"):
        whole = "survey" if evaluation.hold_out == "dataset" else "battery"
        how = f"each {whole} held out once as a whole"
    else:
        how = (
            f"{evaluation.n_splits} splits by question, {evaluation.test_size:.0%} of the "
            "questions held out, those that are worded alike together"
        )
    notes = "; ".join(f"{metric.label} is {metric.note}" for metric in METRICS if metric.note)
    yield (
        f"Out of sample: {how}. {notes}. "
        f"Intervals of {evaluation.confidence:.0%}: {INTERVALS[evaluation.intervals]}; "
        "`scores.parquet` has one for every number. Reduction, gain and gap closed (the share of "
        "the way to the ceiling) are against the uncalibrated model; skill is the reduction of W1 "
        "against the training mean, or against `blind` where that is closer. The worst group is "
        "that of the lowest alignment. The ceiling is what a perfect predictor would score "
        "against a sample of so many respondents."
    )
    if not evaluation.extras:
        return
    yield ""
    yield (
        "The second table is about shape: entropy and largest share over those of the human "
        "answers, and the correlation of the shares. Read the ratios beside the ceiling's: an "
        "entropy above it and a peak below it are over-smoothed. The third is about use: is the "
        "favourite answer right, how far are mean opinions (on a scale of length 1), are the "
        "groups of people in the right order (Kendall's tau-b), how far are all groups together "
        "from the humans (W1), and how many respondents would come as close (∞: beyond the "
        "ceiling)."
    )
    yield ""
    yield (
        "The verdicts are differences of means over the same cases. Declared beforehand, by its "
        "place and not by its scores: the first calibrator that asks the model, against the "
        "uncalibrated prediction and against the training mean. All else is secondary. The first "
        "p-value belongs to the interval, and neither is adjusted. The adjusted one is the larger "
        "of it and that of a test that flips the sign of each question, or of each battery that "
        "is left out whole, after Holm for the comparisons of one method with these two; more "
        "calibrators in the list change none. A verdict needs both an interval without 0 and an "
        "adjusted p-value below "
        f"{1 - evaluation.confidence:.2g}; `comparisons.parquet` has every pair."
    )
