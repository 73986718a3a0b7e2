"""How often the bands of estimates hold what people answered, on answers that are taken away.

    python benchmarks/coverage.py recorded.parquet --condition MODEL ELICITATION PROMPT
    python benchmarks/coverage.py recorded.parquet --batteries

The first takes a third of the questions' answers away at random, again and again; the second those
of each battery in turn, whose questions are then of a new topic.
"""

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from distexp.calibrator.regression import OptionRegression
from distexp.card.applying import calibrated
from distexp.card.card import Card
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


def held(
    survey: Survey, study: Study, removed: frozenset[str], name: str, calibrator: Calibrator
) -> tuple[float, float, float]:
    """Return how many shares and distributions of the removed lie inside, and the mean width."""
    evaluation = Evaluation(n_splits=20, n_bootstrap=2, n_ceiling_draws=2, extras=False)
    whole = without(study, removed)
    result = evaluation.run(whole, {name: calibrator})
    card = Card.fitted(name, calibrator, survey, answered(whole), result, evaluation)
    (found,) = calibrated(card, [whole], 0.9, "auto")
    X, human, _ = design_of(study)
    rows = found.readable & [case.human is None for case in whole.cases]
    off = np.abs(found.shares - human)
    inside = off <= found.half_widths[:, None] + 1e-9
    jointly = (off <= found.joint[:, None] + 1e-9) | ~X.mask
    shares = inside[rows][X.mask[rows]].mean()
    return float(shares), float(jointly[rows].all(axis=1).mean()), found.half_widths[rows].mean()


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


def main() -> None:
    """Print the coverage of each removal, and the mean."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path)
    parser.add_argument("--dataset")
    parser.add_argument("--condition", nargs=3, metavar=("MODEL", "ELICITATION", "PROMPT"))
    parser.add_argument("--batteries", action="store_true")
    parser.add_argument("-n", type=int, default=20)
    options = parser.parse_args()
    survey = Recorded(str(options.path)).load()
    for study in survey.studies:
        c = study.condition
        if options.condition and [c.model, c.elicitation, c.prompt] != options.condition:
            continue
        if options.dataset and c.dataset != options.dataset:
            continue
        rows = []
        for name, removed in removals(study, options.n, batteries=options.batteries):
            from sklearn.linear_model import Ridge

            calibrator = OptionRegression(Ridge())
            rows.append(held(survey, study, removed, "ridge", calibrator))
            if options.batteries:
                print(f"  {name}: {rows[-1][0]:.3f} {rows[-1][1]:.3f} ±{rows[-1][2]:.3f}")
        shares, joint, width = np.mean(rows, axis=0)
        worst = np.min(rows, axis=0)
        print(
            f"{c.dataset} {c.model} {c.elicitation} {c.prompt}: {len(rows)} removals, shares "
            f"{shares:.3f} (least {worst[0]:.3f}), distributions {joint:.3f} (least "
            f"{worst[1]:.3f}), ±{width:.3f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
