"""Measures what calibration gains on recorded estimates, and how long it takes.

Every cell (dataset, model, elicitation and prompt; few-shot prompts, which show human answers, are
left out) is evaluated on its ordinal questions with 50 splits by question, or with each battery
left out once; unreadable estimates count as uniform. Everything that is chosen is chosen inside
the training questions of a split.

    python benchmarks/calibration.py --data FILE.parquet --json OUT.json
    python benchmarks/calibration.py --data FILE.parquet --part examples stacks speed
"""

import argparse
import json
import math
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, replace
from fnmatch import fnmatchcase
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from hydra.utils import instantiate
from omegaconf import OmegaConf

from distexp.dataset.recorded import Recorded
from distexp.evaluation.evaluation import Evaluation
from distexp.evaluation.stacking import Stack
from distexp.protocols import Calibrator
from distexp.report.tables import scores_schema
from distexp.types import Study

SIMPLE = ("ridge", "ridge_joint", "shrink_mean", "cumulative")
RIDGES = ("ridge", "ridge_per_position", "ridge_joint")
EXAMPLES = (1, 2, 5, 10, 20)
Row = dict[str, Any]


def main() -> None:
    """Read the arguments, measure and print the parts asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="recorded estimates beside human answers")
    parser.add_argument("--json", type=Path, help="where to write the rows of scores as JSON")
    parser.add_argument(
        "--cells", nargs="+", default=["*"], help="patterns of dataset/model/elicitation/prompt"
    )
    parser.add_argument("--part", nargs="+", choices=PART, default=["cells"])
    parser.add_argument("--calibrators", nargs="+", default=["auto", *SIMPLE])
    parser.add_argument("--splits", type=int, default=50)
    parser.add_argument(
        "--hold-out",
        choices=["question", "battery"],
        default="question",
        help="what is held out; of the mega-study a battery is a study",
    )
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    options = parser.parse_args()
    cells = load(options.data, options.cells)
    print(
        f"{len(cells)} cells, {options.splits} splits by {options.hold_out}, "
        f"{options.jobs} processes"
    )
    rows: list[Row] = []
    for part in options.part:
        rows += PART[part](cells, options)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")


def load(path: str, patterns: Sequence[str]) -> list[Study]:
    """Return the ordinal cases of every cell that fits, few-shot prompts left out."""
    studies = [
        ordinal(study)
        for study in Recorded(path).load().studies
        if not study.condition.prompt.replace("_", "").startswith("fewshot")
        and any(case.question.kind != "nominal" for case in study.cases)
        and any(fnmatchcase(named(study), pattern) for pattern in patterns)
    ]
    if not studies:
        raise SystemExit(f"No cell of {path} fits {' or '.join(patterns)}.")
    return studies


def ordinal(study: Study) -> Study:
    """Leave the nominal questions out."""
    pairs = zip(study.cases, study.estimates, strict=True)
    kept = [(case, estimate) for case, estimate in pairs if case.question.kind != "nominal"]
    cases, estimates = zip(*kept, strict=True)
    return replace(study, cases=cases, estimates=estimates)


def named(study: Study) -> str:
    """Return dataset/model/elicitation/prompt."""
    condition = study.condition
    return f"{condition.dataset}/{condition.model}/{condition.elicitation}/{condition.prompt}"


def shipped(name: str) -> Calibrator:
    """Make the calibrator of a configuration file."""
    text = (files("distexp.conf") / "calibrator" / f"{name}.yaml").read_text()
    calibrator: Calibrator = instantiate(OmegaConf.create(text), _convert_="all")
    return calibrator


def measured(
    cells: Iterable[Study],
    calibrators: Sequence[str],
    options: argparse.Namespace,
    n_train: int | None = None,
) -> list[Row]:
    """Return the rows of scores of every cell."""
    evaluation = Evaluation(
        n_splits=options.splits,
        hold_out=options.hold_out,
        n_train=n_train,
        unreadable="uniform",
        extras=False,
    )
    scores = partial(scores_of, calibrators=calibrators, evaluation=evaluation)
    if options.jobs == 1:
        return [row for cell in cells for row in scores(cell)]
    with ProcessPoolExecutor(options.jobs) as pool:
        return [row for rows in pool.map(scores, cells) for row in rows]


def scores_of(study: Study, calibrators: Sequence[str], evaluation: Evaluation) -> list[Row]:
    """Evaluate one cell."""
    result = evaluation.run(study, {name: shipped(name) for name in calibrators})
    of_cell = {"n_splits": evaluation.n_splits, "n_train": result.n_train}
    rows = [
        asdict(study.condition)
        | asdict(score)
        | {"scope": result.scopes.get(score.calibrator, "pooled")}
        | of_cell
        for score in result.scores
    ]
    return [{name: defined(row[name]) for name in scores_schema()} for row in rows]


def defined(value: object) -> object:
    """Return None for NaN, which JSON does not have."""
    return None if isinstance(value, float) and math.isnan(value) else value


def run_cells(cells: Sequence[Study], options: argparse.Namespace) -> list[Row]:
    """Print a line for each cell, and the mean over cells of each calibrator."""
    start = time.perf_counter()
    rows = measured(cells, options.calibrators, options)
    first = options.calibrators[0]
    print(f"\n{'W1 reduction in % by ' + first:78} raw A  cal. A  mean A  ceiling")
    for cell in cells:
        of_cell = indexed(row for row in rows if in_cell(row, cell))
        reduction = of_cell[first, "w1_reduction"]
        alignments = [
            of_cell[name, "alignment"]["value"]
            for name in ("identity", first, "train_mean", "ceiling")
        ]
        print(
            f"{named(cell):56} {interval(reduction):21} "
            + " ".join(f"{points(value):>7}" for value in alignments)
        )
    summarize(rows, options.calibrators)
    verdicts(rows, first)
    print(f"{time.perf_counter() - start:.1f} s")
    return rows


def run_examples(cells: Sequence[Study], options: argparse.Namespace) -> list[Row]:
    """Print the mean reduction, and what is harmed, with few training questions."""
    start = time.perf_counter()
    for n_train in EXAMPLES:
        print(f"\n{n_train} training question{'s' * (n_train > 1)}")
        rows = measured(cells, options.calibrators[:1], options, n_train)
        summarize(rows, options.calibrators[:1])
    print(f"{time.perf_counter() - start:.1f} s")
    return []  # a file of scores holds one row a cell


def run_stacks(cells: Sequence[Study], options: argparse.Namespace) -> list[Row]:
    """Print the alignment of each model's estimates stacked, and of all models' together."""
    start = time.perf_counter()
    stacks = [
        {"name": "all of a model", "by": ["model"]},
        {"name": "verbalized", "of": [{"elicitation": "verbalized"}]},
        {
            "name": "verbalized + sequence",
            "of": [{"elicitation": e} for e in ("verbalized", "sequence")],
        },
        {"name": "everything"},
    ]
    made = [study for entry in stacks for study in Stack.read(entry).studies(cells)]
    rows = measured(made, options.calibrators, options)
    print(f"\n{'alignment':56} {'plain mean':22} {options.calibrators[0]}")
    for study in made:
        of_study = indexed(row for row in rows if in_cell(row, study))
        values = [
            interval(of_study[name, "alignment"]) for name in ("identity", options.calibrators[0])
        ]
        print(f"{named(study):56} {values[0]:22} {values[1]}")
    print(f"{time.perf_counter() - start:.1f} s")
    return rows


def run_speed(cells: Sequence[Study], options: argparse.Namespace) -> list[Row]:
    """Print seconds of the ridge family and of `auto`, over all cells and over one."""
    for names in (RIDGES, ("auto",)):
        for label, some, jobs in (
            ("all cells", cells, options.jobs),
            ("the largest cell, one process", [max(cells, key=lambda cell: len(cell.cases))], 1),
        ):
            start = time.perf_counter()
            measured(some, names, argparse.Namespace(**vars(options) | {"jobs": jobs}))
            print(f"{'+'.join(names):40} {label:32} {time.perf_counter() - start:6.1f} s")
    return []


def summarize(rows: Sequence[Row], calibrators: Sequence[str]) -> None:
    """Print each calibrator's mean reduction over cells, and how many cells it helps or harms."""
    print(f"{'':22} mean W1 reduction  helps  harms  worst cell")
    for name in calibrators:
        of_one = [r for r in rows if r["calibrator"] == name and r["metric"] == "w1_reduction"]
        helps, harms = sum(r["low"] > 0 for r in of_one), sum(r["high"] < 0 for r in of_one)
        worst = min(of_one, key=lambda row: float(row["value"]))
        print(
            f"{name:22} {100 * np.mean([row['value'] for row in of_one]):15.1f} % "
            f"{helps:6} {harms:6}  {interval(worst)}"
        )


def verdicts(rows: Sequence[Row], calibrator: str) -> None:
    """Print by dataset in how many cells the calibrator is better than the training mean."""
    for dataset in dict.fromkeys(row["dataset"] for row in rows):
        skills = [
            row
            for row in rows
            if row["dataset"] == dataset
            and row["calibrator"] == calibrator
            and row["metric"] == "w1_skill"
        ]
        better = sum(row["low"] > 0 for row in skills)
        mean = np.mean([row["value"] for row in skills])
        print(
            f"{dataset}: {calibrator} beats the training mean, which ignores the model, in "
            f"{better} of {len(skills)} cells (mean skill {100 * mean:.1f} %)"
        )


def indexed(rows: Iterable[Row]) -> Mapping[tuple[str, str], Row]:
    """Index rows by calibrator and metric."""
    return {(row["calibrator"], row["metric"]): row for row in rows}


def in_cell(row: Row, cell: Study) -> bool:
    """Tell whether a row is of a cell."""
    return all(
        row[part] == getattr(cell.condition, part)
        for part in ("dataset", "model", "elicitation", "prompt")
    )


def interval(row: Row) -> str:
    """Write a share as a percentage with its interval."""
    return f"{points(row['value'])} [{points(row['low'])}, {points(row['high'])}]"


def points(value: float | None) -> str:
    """Write a share in hundredths."""
    return "–" if value is None or math.isnan(value) else f"{100 * value:.1f}"


PART = {
    "cells": run_cells,
    "examples": run_examples,
    "stacks": run_stacks,
    "speed": run_speed,
}

if __name__ == "__main__":
    main()
