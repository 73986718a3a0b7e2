"""How often 95 % intervals hold the truth, in simulated surveys of which it is known.

Surveys of one kind are drawn from one population of questions; the truth is the mean over them, of
the distances, and what follows from it for reductions, skills and differences. A card's reduction
is held against what its calibrator, fitted to all questions, then shows on 300 new ones. Besides:
how often a calibrator is told from another that is equal in truth, and how wide intervals are.

    python -m benchmarks.intervals
    python -m benchmarks.intervals --kinds useless --questions 24 --intervals bootstrap
    python -m benchmarks.intervals --kinds batteries --hold-out battery --no-card
"""

import argparse
import json
import os
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import cycle
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.worlds import shares, shipped
from distexp.evaluation.evaluation import Evaluation
from distexp.evaluation.layout import design_of
from distexp.metrics.distance import wasserstein
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
)

CALIBRATORS = ("ridge", "cumulative")
N_NEW = 300
"""Questions that a card is held against."""
OPTIONS = (2, 4, 4, 5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """How questions, and what the model says of them, are drawn; in logits of the shares."""

    slope: float = 1.6
    """What differences between questions are multiplied by: the model exaggerates."""
    shift: float = 0.4
    """Common to all that the model says."""
    error: float = 0.5
    knows: bool = True
    """False where the model answers other questions: no calibrator gains over the mean."""
    tails: float = np.inf
    """Degrees of freedom of t, which levels and errors are drawn from."""
    battery: tuple[int, ...] = ()
    """Numbers of questions that share most of their level and of the model's error, in turn."""
    shared: float = 0.7
    """The part of the variance of levels and errors that a battery has in common."""
    named: bool = True
    """False where questions name no battery, and only begin alike."""
    n_respondents: int = 150


KINDS = {
    "biased": Kind(),
    "useless": Kind(knows=False),
    "heavy": Kind(tails=2.5),
    "batteries": Kind(battery=(4,)),
    "uneven": Kind(battery=(2, 3, 7)),
    "few": Kind(n_respondents=20),
    "unnamed": Kind(battery=(4,), named=False),
    "stems": Kind(battery=(4,), named=False, shared=0),
}


def survey(kind: Kind, n_questions: int, rng: np.random.Generator, n_groups: int = 3) -> Study:
    """Draw questions, the answers of some people, and a model's estimates."""
    effects = np.linspace(-0.3, 0.3, n_groups)
    cases: list[Case] = []
    estimates: list[Estimate] = []
    common = np.zeros(2)
    sizes = cycle(kind.battery)
    of = [name for name in range(n_questions) for _ in range(next(sizes, 0))]

    def drawn(size: int) -> FloatArray:
        scale = 1.0 if np.isinf(kind.tails) else np.sqrt((kind.tails - 2) / kind.tails)
        of = rng.normal if np.isinf(kind.tails) else partial(rng.standard_t, kind.tails)
        return np.asarray(scale * of(size=size), dtype=np.float64)

    for number in range(n_questions):
        k = int(rng.choice(OPTIONS))
        if not kind.named and of[number] in of[:number]:
            k = len(cases[-1].question.options)  # a battery has the options in common
        question = Question(
            question_id=f"q{number:04}",
            text=f"In the matter of {of[number]} what of item {number}?"
            if of
            else f"Question {number}?",
            options=tuple(f"{place + 1} of {k}" for place in range(k)),
            ordinals=tuple(map(float, range(k))),
            battery=f"battery {of[number]}" if kind.battery and kind.named else None,
        )
        own = drawn(2)
        if kind.battery and of[number] not in of[:number]:
            common = drawn(2)
        if kind.battery:
            own = np.sqrt(kind.shared) * common + np.sqrt(1 - kind.shared) * own
        level, error = 0.8 * own[0], kind.error * own[1]
        said = level if kind.knows else 0.8 * drawn(1)[0]
        rest = rng.normal(-0.3, 0.5), rng.normal(0, 0.2, k)
        for group, effect in enumerate(effects):
            own_effect = effect + rng.normal(0, 0.15)
            truth = shares(level + own_effect, *rest)
            along = kind.slope * (said + own_effect) + kind.shift + error
            guess = shares(along, -0.3, rng.normal(0, 0.1, k))
            answers = rng.multinomial(kind.n_respondents, truth) / kind.n_respondents
            people = Group(attribute="group", value=str(group), phrase="a person")
            cases.append(
                Case(
                    question=question,
                    group=people,
                    human=Distribution.normalized(answers.tolist()),
                    n_respondents=kind.n_respondents,
                )
            )
            reading = Reading(distribution=Distribution.normalized(guess.tolist()))
            estimates.append(Estimate(reading=reading, n_replies=1, n_unreadable=0))
    condition = Condition(dataset="world", model="model", elicitation="exact", prompt="base")
    return Study(condition=condition, cases=tuple(cases), estimates=tuple(estimates))


Found = dict[str, tuple[float, float, float]]
"""Number, lower and upper end, by name."""


def measured(
    seed: int,
    name: str,
    n_questions: int,
    calibrators: Sequence[str],
    intervals: str,
    hold_out: str,
    card: bool,
) -> Found:
    """Evaluate one survey; what has no interval has its value three times."""
    rng = np.random.default_rng([seed, n_questions, list(KINDS).index(name)])
    study = survey(KINDS[name], n_questions, rng)
    evaluation = Evaluation(
        hold_out=hold_out,
        intervals=intervals,
        n_bootstrap=1000,
        n_ceiling_draws=1,
        n_flips=2000,
    )
    made = {of: shipped(of) for of in calibrators}
    with threadpool_limits(limits=1, user_api="blas"):
        result = evaluation.run(study, made)
    found = {
        f"{score.calibrator} {score.metric}": (score.value, score.low, score.high)
        for score in result.scores
        if score.metric in ("w1", "w1_reduction", "w1_skill", "tv", "respondents")
    }
    for score in result.as_fitted:
        key = f"{score.calibrator} {score.metric}"
        if score.metric == "w1_reduction":
            _, low, high = found[key]
            found[f"{key} on a card"] = score.value, min(low, score.low), max(high, score.high)
    for one in result.comparisons:
        if one.metric == "w1":
            pair = f"{one.method} - {one.other}"
            found[pair] = one.difference, one.low, one.high
            told = float(one.p_holm < 0.05 and not one.low <= 0 <= one.high)
            found[f"told {pair}"] = told, told, told
    if card:
        new = survey(KINDS[name], N_NEW, rng)
        X, y, _ = design_of(study)
        unseen, answers, _ = design_of(new)
        raw = wasserstein(unseen.predicted, answers, unseen.ordinals).mean()
        for of in calibrators:
            after = wasserstein(
                shipped(of).fit(X, y).predict(unseen), answers, unseen.ordinals
            ).mean()
            found[f"{of} shipped"] = (1 - after / raw,) * 3
    return found


def coverage(worlds: Sequence[Found], calibrators: Sequence[str]) -> dict[str, float]:
    """Return how often each interval holds the truth, and how often equal methods are told."""
    mean = {key: np.nanmean([world[key][0] for world in worlds]) for key in worlds[0]}
    truth = {key: mean[key] for key in mean if key.split()[-1] in ("w1", "tv")}
    truth |= {key: mean[key] for key in mean if " - " in key and not key.startswith("told")}
    for of in calibrators:
        w1 = mean[f"{of} w1"]
        truth[f"{of} w1_reduction"] = 1 - w1 / mean["identity w1"]
        truth[f"{of} w1_skill"] = 1 - w1 / mean["train_mean w1"]
    covered = {
        key: float(np.mean([world[key][1] <= value <= world[key][2] for world in worlds]))
        for key, value in truth.items()
        if not key.startswith("uniform")
    }
    for of in calibrators:
        if f"{of} shipped" in worlds[0]:
            covered[f"{of} card"] = float(
                np.mean(
                    [
                        low <= world[f"{of} shipped"][0] <= high
                        for world in worlds
                        for _, low, high in [world[f"{of} w1_reduction on a card"]]
                    ]
                )
            )
    told = {key: float(mean[key]) for key in mean if key.startswith("told")}
    widths = {
        f"width {key}": float(np.nanmedian([world[key][2] - world[key][1] for world in worlds]))
        for key in truth
        if key.split()[-1] in ("w1_reduction", "w1_skill")
    }
    return covered | told | widths | {f"truth {key}": float(v) for key, v in truth.items()}


SHOWN = {
    "W1 of {}": "{} w1",
    "W1 of training mean": "train_mean w1",
    "W1 of human ceiling": "ceiling w1",
    "reduction": "{} w1_reduction",
    "skill": "{} w1_skill",
    "{} − uncalibrated": "{} - identity",
    "{} − training mean": "{} - train_mean",
    "told from training mean": "told {} - train_mean",
}


def markdown(table: Sequence[dict[str, object]], calibrator: str) -> str:
    """Return the rows as a Markdown table, of one of the calibrators."""
    heads = ["survey", "questions", *(head.format(calibrator) for head in SHOWN)]
    lines = [f"| {' | '.join(heads)} |", f"|---{'|---:' * (len(heads) - 1)}|"]
    for row in table:
        shares = [f"{row[key.format(calibrator)]:.2f}".lstrip("0") for key in SHOWN.values()]
        lines.append(f"| {row['kind']} | {row['n_questions']} | {' | '.join(shares)} |")
    return "\n".join(lines)


def main() -> None:
    """Read the arguments, measure and print a block for each kind and number of questions."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calibrators", nargs="+", default=CALIBRATORS)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--questions", nargs="+", type=int, default=[12, 24, 60, 200])
    parser.add_argument("--worlds", type=int, default=500, help="of each kind and size")
    parser.add_argument("--intervals", choices=("jackknife", "bootstrap"), default="jackknife")
    parser.add_argument("--hold-out", choices=("question", "battery"), default="question")
    parser.add_argument("--no-card", action="store_true", help="fit no card; quicker")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--json", type=Path, help="where to write the table as JSON")
    options = parser.parse_args()
    start, table = time.perf_counter(), []
    with ProcessPoolExecutor(options.jobs) as pool:
        for name in options.kinds:
            for n_questions in options.questions:
                one = partial(
                    measured,
                    name=name,
                    n_questions=n_questions,
                    calibrators=tuple(options.calibrators),
                    intervals=options.intervals,
                    hold_out=options.hold_out,
                    card=not options.no_card,
                )
                found = list(pool.map(one, range(options.worlds), chunksize=4))
                covered = coverage(found, options.calibrators)
                table.append({"kind": name, "n_questions": n_questions, **covered})
                print(f"{name}, {n_questions} questions, {options.worlds} worlds")
                for key, share in covered.items():
                    if not key.startswith("truth"):
                        print(f"  {key:40} {share:.3f}", flush=True)
    for calibrator in options.calibrators:
        print(markdown(table, calibrator))
    if options.json:
        options.json.write_text(json.dumps(table, indent=1) + "\n")
    print(f"{time.perf_counter() - start:.1f} s")


if __name__ == "__main__":
    main()
