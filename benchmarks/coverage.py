"""How often the bands of estimates hold what people answered, on answers that are taken away.

    python benchmarks/coverage.py recorded.parquet --condition MODEL ELICITATION PROMPT
    python benchmarks/coverage.py recorded.parquet --batteries
    python benchmarks/coverage.py estimates.csv --survey gss2018

The first takes a third of the questions' answers away at random, again and again; the second those
of each battery in turn, whose questions are then of a new topic; the third holds what `distexp
predict` wrote against a packaged survey.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
from sklearn.linear_model import Ridge

from distexp.calibrator.regression import OptionRegression
from distexp.card.applying import calibrated
from distexp.card.card import Card
from distexp.dataset.embedded import SURVEYS, EmbeddedSurvey
from distexp.dataset.recorded import Recorded
from distexp.evaluation.evaluation import Evaluation
from distexp.evaluation.layout import answered, design_of
from distexp.protocols import Calibrator
from distexp.types import Study, Survey


def without(study: Study, questions: frozenset[str]) -> Study:
    """Return the study with the cases of some questions open."""
    cases = tuple(
        replace(case, human=None, n_respondents=None)
        if case.question.question_id in questions
        else case
        for case in study.cases
    )
    return replace(study, cases=cases)


MEASURES = ("shares", "distributions", "questions", "predicted > .5", "people > .5", "half-width")


def held(
    survey: Survey, study: Study, removed: frozenset[str], name: str, calibrator: Calibrator
) -> list[float]:
    """Return `MEASURES` of the removed: how many lie inside of what band, and its half-width.

    Shares lie in the band of a share, distributions in the joint one, and questions in that of
    all groups; NaN where no share is above one half.
    """
    evaluation = Evaluation(
        n_splits=20, intervals="bootstrap", n_bootstrap=2, n_ceiling_draws=2, extras=False
    )
    whole = without(study, removed)
    result = evaluation.run(whole, {name: calibrator})
    card = Card.fitted(name, calibrator, survey, answered(whole), result, evaluation)
    (found,) = calibrated(card, [whole], 0.9, "auto")
    X, human, _ = design_of(study)
    rows = found.readable & [case.human is None for case in whole.cases]
    inside = {
        kind: (human >= low - 1e-9) & (human <= high + 1e-9)
        for kind, (low, high) in found.ends.items()
    }
    there = X.mask & rows[:, None]
    questions = [
        inside["question"][there & (X.question == one)[:, None]].all()
        for one in np.unique(X.question[rows])
    ]
    low, high = found.ends["share"]
    return [
        float(np.mean(of)) if np.size(of) else np.nan
        for of in (
            inside["share"][there],
            (inside["joint"] | ~X.mask)[rows].all(axis=1),
            np.array(questions),
            inside["share"][there & (found.shares > 0.5)],
            inside["share"][there & (human > 0.5)],
            (high - low)[there] / 2,
        )
    ]


def removals(study: Study, n: int, *, batteries: bool) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield what is removed: each battery, or a third of the questions drawn n times."""
    questions = {case.question.question_id: case.question.battery for case in study.cases}
    if batteries:
        for battery in sorted(set(filter(None, questions.values()))):
            yield battery, frozenset(q for q, of in questions.items() if of == battery)
        return
    names = sorted(questions)
    for seed in range(n):
        drawn = np.random.default_rng(seed).permutation(names)[: len(names) // 3]
        yield f"draw {seed}", frozenset(drawn.tolist())


def compare(path: Path, name: str) -> None:
    """Print how the estimates in a file did against a packaged survey."""
    estimates = pl.read_csv(path).filter(pl.col("attribute") != "everyone")
    human = {
        (case.question.question_id, case.group.attribute, case.group.value): case.answers
        for case in EmbeddedSurvey(name).load().cases
    }
    keys = zip(*(estimates[key] for key in ("question_id", "attribute", "group")), strict=True)
    shares = pl.Series(
        human[key].probabilities[index]
        for key, index in zip(keys, estimates["option_index"], strict=True)
    )
    found = estimates.with_columns(
        off=(pl.col("calibrated") - shares).abs(),
        raw=(pl.col("predicted") - shares).abs(),
        inside=pl.lit(shares).is_between("low", "high"),
        jointly=pl.lit(shares).is_between("low_joint", "high_joint"),
    )
    cases = found.group_by("question_id", "attribute", "group").agg(pl.col("jointly").all())
    inside, jointly, off, raw = (
        float(column.to_numpy().mean())
        for column in (found["inside"], cases["jointly"], found["off"], found["raw"])
    )
    print(
        f"{inside:.1%} of {len(found)} shares and {jointly:.1%} of {len(cases)} distributions "
        f"inside; calibrated shares off by {off:.3f} on average, uncalibrated by {raw:.3f}"
    )


def main() -> None:
    """Print the coverage of each removal, and the mean."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path, nargs="?")
    parser.add_argument("--dataset")
    parser.add_argument("--condition", nargs=3, metavar=("MODEL", "ELICITATION", "PROMPT"))
    parser.add_argument("--batteries", action="store_true")
    parser.add_argument("--survey", choices=SURVEYS)
    parser.add_argument("-n", type=int, default=20)
    options = parser.parse_args()
    if options.path is None:
        parser.print_usage()  # no such answers travel with distexp
        return
    if options.survey is not None:
        compare(options.path, options.survey)
        return
    survey = Recorded(str(options.path)).load()
    for study in survey.studies:
        c = study.condition
        if options.condition and [c.model, c.elicitation, c.prompt] != options.condition:
            continue
        if options.dataset and c.dataset != options.dataset:
            continue
        rows = []
        for name, removed in removals(study, options.n, batteries=options.batteries):
            calibrator = OptionRegression(Ridge())
            rows.append(held(survey, study, removed, "ridge", calibrator))
            if options.batteries:
                print(f"  {name}: {_said(rows[-1])}")
        print(f"{c.dataset} {c.model} {c.elicitation} {c.prompt}: {len(rows)} removals")
        print(f"  mean: {_said(np.nanmean(rows, axis=0))}")
        print(f"  least: {_said(np.nanmin(rows, axis=0))}", flush=True)


def _said(values: Sequence[float]) -> str:
    return ", ".join(f"{name} {value:.3f}" for name, value in zip(MEASURES, values, strict=True))


if __name__ == "__main__":
    main()
