"""Measures calibrators in simulated worlds whose truth is known, good models among them.

A world is a survey: each question has a population distribution in each group of people, the
humans are a sample of it, and the model's answer is made from it in one of several ways. Worlds
differ in everything that is drawn: numbers of groups, options and respondents, how much questions
and groups differ. Reported is the mean relative W1 reduction over worlds, and the share of worlds
in which the calibrator harms with confidence: the whole interval of the reduction is below 0.

    python benchmarks/worlds.py --calibrators auto damped cumulative ridge
    python benchmarks/worlds.py --kinds exact good --questions 8 24 60 --worlds 100
"""

import argparse
import json
import os
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from pathlib import Path

import numpy as np
from hydra.utils import instantiate
from omegaconf import OmegaConf

from distexp.evaluation.evaluation import Evaluation
from distexp.protocols import Calibrator
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

CALIBRATORS = ("auto", "damped", "cumulative", "ridge", "train_mean")
HARM = -1e-6
"""Reductions above it are none: an unchanged prediction differs from itself by rounding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """How the model's answers come from the truth, in logits of the shares."""

    error: tuple[float, float] = (0.0, 0.0)
    """Range of the standard deviation of errors that one world has."""
    slope: tuple[float, float] = (1.0, 1.0)
    """Range of what differences between questions are multiplied by; above 1 they are
    exaggerated."""
    group_slope: tuple[float, float] = (1.0, 1.0)
    """The same for differences between groups."""
    shift: float = 0.0
    """Standard deviation of a common shift along the scale."""
    knows: bool = True
    """False where the model answers other questions."""
    battery: int = 0
    """Questions of a battery, which share most of their level; 0 where there are none."""


KINDS = {
    "exact": Kind(),
    "good": Kind(error=(0.03, 0.12)),
    "biased": Kind(error=(0.1, 0.5), slope=(1.1, 2.5), group_slope=(1.2, 4.0), shift=0.6),
    "middling": Kind(error=(0.3, 0.8)),
    "batteries": Kind(error=(0.2, 0.6), slope=(1.1, 2.0), shift=0.4, battery=4),
    "useless": Kind(knows=False),
}
"""In `exact` and `good` worlds the uncalibrated W1 is mostly 0.02 to 0.04: the model is as good as
the sample, or nearly."""


def world(kind: Kind, n_questions: int, rng: np.random.Generator) -> Study:
    """Draw a survey and a model's estimates for it."""
    n_groups = int(rng.choice([1, 2, 4, 6]))
    sizes = (2, 3, 4, 5) if rng.random() < 0.6 else (int(rng.integers(2, 6)),)
    spread, group_spread = rng.uniform(0.6, 1.3), rng.uniform(0.1, 0.5)
    n_respondents = float(np.exp(rng.uniform(np.log(50), np.log(250))))
    effects = rng.normal(0, group_spread / 2, n_groups)
    error, slope, group_slope = (
        rng.uniform(*of) for of in (kind.error, kind.slope, kind.group_slope)
    )
    shift = rng.normal(0, kind.shift)
    cases, estimates = [], []
    center = 0.0
    for number in range(n_questions):
        k = int(rng.choice(sizes))
        question = Question(
            question_id=f"q{number:03}",
            text=f"Question {number}?",
            options=tuple(f"{place + 1} of {k}" for place in range(k)),
            ordinals=tuple(map(float, range(k))),
        )
        if kind.battery and number % kind.battery == 0:
            center = rng.normal(0, spread)
        level = center + rng.normal(0, spread / 4) if kind.battery else rng.normal(0, spread)
        said = level if kind.knows else rng.normal(0, spread)
        rest = rng.normal(-0.3, 0.7), rng.normal(0, 0.25, k)
        rest_said = rest if kind.knows else (rng.normal(-0.3, 0.7), rng.normal(0, 0.25, k))
        error_of_question = rng.normal(0, 1, k)
        for group, effect in enumerate(effects):
            deviation = effect + rng.normal(0, group_spread)
            truth = shares(level + deviation, *rest)
            noise = error * (0.8 * error_of_question + 0.6 * rng.normal(0, 1, k))
            along = slope * said + group_slope * deviation + shift
            guess = shares(along, rest_said[0], rest_said[1] + noise)
            n = max(20, int(n_respondents * rng.uniform(0.5, 1.5)))
            human = Distribution.normalized((rng.multinomial(n, truth) / n).tolist())
            people = Group(attribute="group", value=str(group), phrase="a person")
            cases.append(Case(question=question, group=people, human=human, n_respondents=n))
            reading = Reading(distribution=Distribution.normalized(guess.tolist()))
            estimates.append(Estimate(reading=reading, n_replies=1, n_unreadable=0))
    condition = Condition(dataset="world", model="model", elicitation="exact", prompt="base")
    return Study(condition=condition, cases=tuple(cases), estimates=tuple(estimates))


def shares(level: float, bend: float, rest: FloatArray) -> FloatArray:
    """Return the softmax of a line along the scale, a parabola and a rest."""
    place = np.linspace(-1, 1, len(rest))
    scores = 1.5 * level * place + bend * place**2 + rest
    weights = np.exp(scores - scores.max())
    return np.asarray(weights / weights.sum(), dtype=np.float64)


def measured(
    seed: int, name: str, n_questions: int, n_train: int | None, calibrators: Sequence[str]
) -> dict[str, tuple[float, float, float]]:
    """Return each calibrator's reduction and its interval's top, and the uncalibrated W1."""
    rng = np.random.default_rng([seed, n_questions, list(KINDS).index(name)])
    study = world(KINDS[name], n_questions, rng)
    evaluation = Evaluation(n_splits=20, n_train=n_train, n_bootstrap=1000, extras=False)
    result = evaluation.run(study, {of: shipped(of) for of in calibrators})
    found = {(score.calibrator, score.metric): score for score in result.scores}
    raw = 1 - found["identity", "alignment"].value
    return {
        of: (found[of, "w1_reduction"].value, found[of, "w1_reduction"].high, raw)
        for of in calibrators
    }


def shipped(name: str) -> Calibrator:
    """Make the calibrator of a configuration file."""
    text = (files("distexp.conf") / "calibrator" / f"{name}.yaml").read_text()
    calibrator: Calibrator = instantiate(OmegaConf.create(text), _convert_="all")
    return calibrator


def main() -> None:
    """Read the arguments, measure and print a line for each kind and number of questions."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calibrators", nargs="+", default=CALIBRATORS)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--questions", nargs="+", type=int, default=[8, 24, 60])
    parser.add_argument("--train", type=int, help="at most so many training questions")
    parser.add_argument("--worlds", type=int, default=40, help="of each kind and size")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--json", type=Path, help="where to write the table as JSON")
    options = parser.parse_args()
    start, table = time.perf_counter(), []
    print(f"{options.worlds} worlds each: mean W1 reduction in % (share of worlds harmed)")
    print(f"{'':26} raw W1 " + " ".join(f"{name:>18}" for name in options.calibrators))
    with ProcessPoolExecutor(options.jobs) as pool:
        for name in options.kinds:
            for n_questions in options.questions:
                one = partial(
                    measured,
                    name=name,
                    n_questions=n_questions,
                    n_train=options.train,
                    calibrators=tuple(options.calibrators),
                )
                found = list(pool.map(one, range(options.worlds)))
                cells = {
                    of: (
                        100 * float(np.mean([world[of][0] for world in found])),
                        float(np.mean([world[of][1] < HARM for world in found])),
                    )
                    for of in options.calibrators
                }
                raw = float(np.mean([world[options.calibrators[0]][2] for world in found]))
                table.append({"kind": name, "n_questions": n_questions, "raw": raw, **cells})
                written = " ".join(f"{v:10.1f} ({harm:5.2f})" for v, harm in cells.values())
                print(f"{name:12} {n_questions:3} questions {raw:7.3f} {written}", flush=True)
    if options.json:
        options.json.write_text(json.dumps(table, indent=1) + "\n")
    print(f"{time.perf_counter() - start:.1f} s")


if __name__ == "__main__":
    main()
