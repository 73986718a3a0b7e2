"""What a calibrated estimate saves beside a few people, on questions that were left out.

    python benchmarks/rectify.py recorded.parquet [--condition MODEL ELICITATION PROMPT] [-n 5]

A fifth of the questions is taken away, a card is fitted to the others, and pilots of n people are
drawn from the human shares of the questions taken away; then the next fifth. Printed is by how
much W1 (total variation without an order of options) is less than that of the pilot by itself, and
how many of the shares 90 % intervals hold. Without a file it does so in made worlds.
"""

import argparse
from collections.abc import Iterator
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import numpy as np
from hydra.utils import instantiate
from omegaconf import OmegaConf

from distexp.card.applying import calibrated, kind
from distexp.card.card import Card
from distexp.dataset.recorded import Recorded
from distexp.evaluation.evaluation import Evaluation
from distexp.evaluation.layout import answered, design_of
from distexp.metrics.distance import distance
from distexp.protocols import Calibrator
from distexp.rectify.joining import covered, joined
from distexp.types import (
    Case,
    Condition,
    Distribution,
    Estimate,
    FloatArray,
    Group,
    Question,
    Reading,
    Study,
    Survey,
)

SIZES = (5, 10, 20, 50, 100, 1000)
FOLDS = 5
COVERAGE = 0.9


def calibrator(name: str) -> Calibrator:
    """Return a calibrator as the configuration has it."""
    text = (files("distexp.conf") / "calibrator" / f"{name}.yaml").read_text()
    found: Calibrator = instantiate(OmegaConf.create(text), _convert_="all")
    return found


def pilots(
    survey: Survey, study: Study, name: str, n_draws: int
) -> Iterator[tuple[int, FloatArray]]:
    """Yield for each fold, draw and size the sums of three errors and of shares held, and counts.

    The errors are of the pilot alone, joined with the estimate, and joined with the training mean.
    """
    study = answered(study)
    questions = sorted({case.question.question_id for case in study.cases})
    order = np.random.default_rng(0).permutation(len(questions))
    fold_of = {questions[place]: at % FOLDS for at, place in enumerate(order.tolist())}
    evaluation = Evaluation(
        n_splits=10, intervals="bootstrap", n_bootstrap=2, n_ceiling_draws=2, extras=False
    )
    X, human, readable = design_of(study)
    fold_of_case = np.array([fold_of[case.question.question_id] for case in study.cases])
    for fold in range(min(FOLDS, len(questions))):
        away = fold_of_case == fold
        cases = tuple(
            replace(case, human=None, n_respondents=None) if gone else case
            for case, gone in zip(study.cases, away, strict=True)
        )
        whole = replace(study, cases=cases)
        method = calibrator(name)
        result = evaluation.run(whole, {name: method})
        card = Card.fitted(name, method, survey, answered(whole), result, evaluation)
        (found,) = calibrated(card, [whole], COVERAGE, "auto")
        rows = np.flatnonzero(away & readable)
        assert card.prior is not None
        weights = np.array(
            [
                card.prior.weights(
                    (case.group.attribute, case.group.value),
                    new_topic=kind(card, case, "auto") != "same",
                )
                for case in (study.cases[row] for row in rows.tolist())
            ]
        )
        mean = np.zeros_like(human)
        for row in rows.tolist():
            k = int(X.n_options[row])
            mean[row, :k] = card.prior.mean_shares(k)
        truth, places, sizes = human[rows], X.ordinals[rows], X.n_options[rows].astype(float)
        is_option, rng = X.mask[rows], np.random.default_rng(fold)
        for n in SIZES * n_draws:
            counts = rng.multinomial(n, truth / truth.sum(axis=1, keepdims=True)).astype(float)
            prior, own = found.shares[rows], weights[:, 0]
            (held,) = covered(truth, prior, counts, own, sizes, (COVERAGE,))
            errors = (
                distance(shares, truth, places).sum()
                for shares in (
                    counts / n,
                    joined(prior, counts, own),
                    joined(mean[rows], counts, weights[:, 1]),
                )
            )
            yield n, np.array([*errors, held[is_option].sum(), is_option.sum(), own.mean()])


def show(label: str, survey: Survey, study: Study, name: str, n_draws: int) -> None:
    """Print a line a size."""
    sums: dict[int, list[FloatArray]] = {n: [] for n in SIZES}
    for n, found in pilots(survey, study, name, n_draws):
        sums[n].append(found)
    print(f"{label}, {name}: an estimate is worth {np.mean([r[-1] for r in sums[5]]):.1f}")
    for n, rows in sums.items():
        alone, own, mean, held, shares, _ = np.sum(rows, axis=0)
        print(
            f"  n = {n:4}: W1 {1 - own / alone:+.1%} (with the training mean "
            f"{1 - mean / alone:+.1%}), 90 % intervals held {held / shares:.1%}",
            flush=True,
        )


def world(kind_: str, n_questions: int = 60, k: int = 4) -> tuple[Survey, Study]:
    """Return a made survey: 4 groups whose shares differ, and a model of some kind."""
    rng = np.random.default_rng(n_questions)
    nominal = kind_ == "nominal"
    cases, estimates = [], []
    for number in range(n_questions):
        whole = rng.dirichlet(np.ones(k))
        question = Question(
            question_id=f"q{number}", text="", options=tuple(f"o{i}" for i in range(k)),
            ordinals=None if nominal else tuple(map(float, range(k))),
        )  # fmt: skip
        for name in "abcd":
            human = rng.dirichlet(30 * whole + 0.1)
            noise = rng.dirichlet(np.ones(k))
            said = {"perfect": human, "useless": noise}.get(kind_, 0.7 * human + 0.3 * noise)
            cases.append(
                Case(
                    question=question,
                    group=Group(attribute="g", value=name, phrase=name),
                    human=Distribution.normalized(human.tolist()),
                    n_respondents=500.0,
                )
            )
            reading = Reading(distribution=Distribution.normalized(said.tolist()))
            estimates.append(Estimate(reading=reading, n_replies=1, n_unreadable=0))
    condition = Condition(dataset=kind_, model="made", elicitation="e", prompt="p")
    survey = Survey(name=kind_, cases=tuple(cases), digest="", licence="", citation="")
    return survey, Study(condition=condition, cases=tuple(cases), estimates=tuple(estimates))


def main() -> None:
    """Print what estimates save, in a file or in made worlds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path, nargs="?")
    parser.add_argument("--condition", nargs=3, metavar=("MODEL", "ELICITATION", "PROMPT"))
    parser.add_argument("--dataset")
    parser.add_argument("--calibrator", default="auto")
    parser.add_argument("-n", type=int, default=3, help="draws of each size")
    options = parser.parse_args()
    if options.path is None:
        for kind_, settings in (
            ("good", {}), ("useless", {}), ("perfect", {}), ("nominal", {}), ("binary", {"k": 2}),
            ("few questions", {"n_questions": 6}),
        ):  # fmt: skip
            for name in ("identity", "ridge_joint"):
                show(kind_, *world(kind_, **settings), name, options.n)
        return
    survey = Recorded(str(options.path)).load()
    for study in survey.studies:
        c = study.condition
        if options.condition and [c.model, c.elicitation, c.prompt] != options.condition:
            continue
        if options.dataset and c.dataset != options.dataset:
            continue
        label = f"{c.dataset} {c.model} {c.elicitation} {c.prompt}"
        show(label, survey, study, options.calibrator, options.n)


if __name__ == "__main__":
    main()
