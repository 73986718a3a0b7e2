"""How often the 95 % intervals of views hold the truth, in the surveys of `benchmarks.intervals`.

Of groups of people, of the spread of an attribute's groups, and of the contrast of two prompts;
each with fits made again, as runs keep it, and with fits as they are. The truth is the mean over
all surveys of a kind; of a ratio, the ratio of the means.

    python -m benchmarks.views
    python -m benchmarks.views --kinds biased --worlds 100 --calibrator train_mean
"""

import argparse
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial

import numpy as np
import polars as pl
from threadpoolctl import threadpool_limits

from benchmarks.intervals import KINDS, survey
from benchmarks.worlds import shipped
from distexp.evaluation.evaluation import Evaluation
from distexp.evaluation.result import Result
from distexp.report import tables
from distexp.report.kept_tables import kept
from distexp.run_folder import REFITS
from distexp.types import Distribution, Estimate, Reading, Study
from distexp.view.base import Runs
from distexp.view.pairs import ContrastView

Number = tuple[float, float, float, float, float]
"""Value, ends with fits made again, ends with fits as they are."""


def asked_otherwise(study: Study, rng: np.random.Generator) -> Study:
    """Return the study with estimates by another prompt: other errors of whole questions."""
    estimates, tilt = [], {case.question.question_id: rng.normal(0, 0.5) for case in study.cases}
    for case, estimate in zip(study.cases, study.estimates, strict=True):
        assert estimate.reading is not None
        said = np.array(estimate.reading.distribution.probabilities)
        place = np.linspace(-1, 1, len(said))
        along = said * np.exp(tilt[case.question.question_id] * place)
        reading = Reading(distribution=Distribution.normalized(along.tolist()))
        estimates.append(Estimate(reading=reading, n_replies=1, n_unreadable=0))
    condition = replace(study.condition, prompt="other")
    return replace(study, condition=condition, estimates=tuple(estimates))


def measured(seed: int, name: str, n_questions: int, calibrator: str) -> dict[str, Number]:
    """Evaluate one survey with two prompts."""
    rng = np.random.default_rng([seed, n_questions, list(KINDS).index(name)])
    study = survey(KINDS[name], n_questions, rng)
    studies = study, asked_otherwise(study, rng)
    refitted, fixed = (
        Evaluation(intervals=of, hold_out="question", n_ceiling_draws=1, n_flips=50)
        for of in ("jackknife", "bootstrap")
    )
    made = {calibrator: shipped(calibrator)}
    with threadpool_limits(limits=1, user_api="blas"):
        results = [refitted.run(one, made) for one in studies]
        as_they_are = fixed.run(study, made)
    found = {
        key: (*number, *before[1:])
        for (key, number), (_, before) in zip(
            _of_groups(results[0]), _of_groups(as_they_are), strict=True
        )
    }
    outcomes = list(zip(studies, results, strict=True))
    cases = pl.concat(tables.cases(of, result.per_case) for of, result in outcomes)
    trained = pl.lit(0).alias("n_train")
    nothing = pl.DataFrame()
    runs = Runs(
        scores=nothing,
        cases=cases.with_columns(trained),
        predictions=nothing,
        refits=kept(outcomes)[REFITS].with_columns(trained),
    )
    view = ContrastView(name="n", question="q", column="prompt", metrics=["w1"])
    both = view.table(runs), view.table(replace(runs, refits=None))
    for now, before in zip(*(one.iter_rows(named=True) for one in both), strict=True):
        ends = (now["low"], now["high"], before["low"], before["high"])
        found[f"contrast {now['calibrator']}"] = (now["difference"], *ends)
    return found


def _of_groups(result: Result) -> Iterator[tuple[str, tuple[float, float, float]]]:
    for one in result.group_scores:
        yield f"group {one.calibrator} {one.group}", (one.w1, one.low, one.high)
    for of in result.spreads:
        yield f"spread {of.calibrator}", (of.ratio, of.low, of.high)
        yield f"spread {of.calibrator} of people", (of.human_sd,) * 3
        yield f"spread {of.calibrator} predicted", (of.predicted_sd,) * 3


def coverage(worlds: list[dict[str, Number]], key: str) -> tuple[float, float]:
    """Return how often the intervals hold the truth, with fits made again and as they are."""
    mean = {name: np.mean([world[name][0] for world in worlds]) for name in worlds[0]}
    names = [name for name in mean if name == key or name.startswith(f"{key} ")]
    of_spread = key.startswith("spread")
    truth = mean.get(f"{key} predicted", 0) / mean.get(f"{key} of people", 1)
    inside = [
        bool(low <= (truth if of_spread else mean[name]) <= high)
        for world in worlds
        for name in (names[:1] if of_spread else names)
        for _, *ends in [world[name]]
        for low, high in (ends[:2], ends[2:])
    ]
    return float(np.mean(inside[::2])), float(np.mean(inside[1::2]))


def main() -> None:
    """Read the arguments, measure and print a row of a Markdown table for each kind and size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calibrator", default="ridge")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--questions", nargs="+", type=int, default=[24])
    parser.add_argument("--worlds", type=int, default=500)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    options = parser.parse_args()
    methods = ("identity", options.calibrator, "train_mean")
    shown = [f"{what} {of}" for what in ("group", "spread", "contrast") for of in methods[:2]]
    shown[4:5] = []  # uncalibrated, a contrast has no fits
    print(f"| survey | questions | {' | '.join(shown)} |")
    with ProcessPoolExecutor(options.jobs) as pool:
        for name in options.kinds:
            for n_questions in options.questions:
                one = partial(
                    measured, name=name, n_questions=n_questions, calibrator=options.calibrator
                )
                worlds = list(pool.map(one, range(options.worlds), chunksize=4))
                cells = [
                    f"{before:.2f} → {now:.2f}".replace("0.", ".")
                    for now, before in (coverage(worlds, key) for key in shown)
                ]
                print(f"| {name} | {n_questions} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
