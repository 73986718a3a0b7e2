"""Measures a sweep of the size of the paper from the cache: 270 settings, 895,000 answers.

15 models x 3 surveys x 3 elicitations x 2 prompts, each calibrated by ridge, lasso and random
forest on 50 splits. The models are mocks and one survey is made up; every prompt, key, answer,
fit and table is as with real ones. Answers are first given to an empty cache by the same sweep.
Beside it scikit-learn grows the forests of a job of each survey, as many and from as much.

    python benchmarks/replay.py [--models 15] [--samples 70] [--keep FOLDER]
"""

import argparse
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from sklearn.base import clone
from sklearn.ensemble import RandomForestRegressor

sys.path.insert(0, str(Path(__file__).parents[1]))
from distexp.calibrator.fitting.forest import forest_predictions

N_FITS = 92
"""Forests of a job: one for each of 50 splits, and those of the refits."""
N_QUESTIONS, N_AREAS = 60, 8
SWEEP = (
    "dataset=gss2018,cces2016,third",
    "elicitation=verbalized,sequence,many",
    "prompt=base,sociodemographic",
    "progress=false",
)
REGRESSORS = ("calibrator=[ridge,lasso,random_forest]", "cache.mode=replay")
NOTHING = ("calibrator=[]", "evaluation.n_splits=1", "evaluation.n_bootstrap=1")
JOB = re.compile(r"^(\d+) requests: ", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What a sweep took."""

    n_answers: int
    n_jobs: int
    seconds: float
    cpu_s: float
    most_mib: float
    """Of all processes together, memory that they share counted once."""
    parent_mib: float
    """Of the one that asks and joins, with what it shares."""


def main() -> None:
    """Fill a cache, replay it, and replay a quarter of the answers."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", type=int, default=15)
    parser.add_argument("--samples", type=int, default=70, help="letters drawn for each case")
    parser.add_argument("--keep", type=Path, help="folder for the cache, to be used again")
    options = parser.parse_args()
    print("| sweep | jobs | answers | wall, s | CPU, s | answers/s | memory, MiB | the parent |")
    print("|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() if not options.keep else nullcontext(options.keep) as name:
        folder = Path(name)
        lay_out(folder)
        if not (folder / "outputs/cache").exists():
            show("asked and stored", sweep(folder, options.models, options.samples, *NOTHING))
        for samples in (options.samples, options.samples // 4):
            show("from the cache", sweep(folder, options.models, samples, *REGRESSORS))
        show_forests(folder, 18 * options.models)


def lay_out(folder: Path, n_questions: int = N_QUESTIONS) -> None:
    """Write a survey of our own, and the parts of the configuration that name it."""
    rng = np.random.default_rng(0)
    (folder / "conf/dataset").mkdir(parents=True, exist_ok=True)
    (folder / "conf/elicitation").mkdir(exist_ok=True)
    with (folder / "third.jsonl").open("w") as file:
        for question in range(n_questions):
            for area in range(N_AREAS):
                row = {
                    "question_id": f"q{question}",
                    "question": f"What do you think of plan {question}?",
                    "options": ["good", "neither good nor bad", "bad"],
                    "ordinals": [1, 2, 3],
                    "attribute": "area",
                    "group": f"area {area}",
                    "phrase": f"somebody who lives in area {area}",
                    "human": rng.dirichlet([2, 2, 2]).tolist(),
                    "n_respondents": 500,
                }
                file.write(json.dumps(row) + "\n")
    (folder / "conf/dataset/third.yaml").write_text(
        f"defaults: [distributions]\npath: {folder / 'third.jsonl'}\nname: third\n"
    )
    (folder / "conf/elicitation/many.yaml").write_text(
        "defaults: [self_random]\nn_samples: ${oc.decode:${oc.env:SAMPLES}}\n"
    )


def sweep(folder: Path, n_models: int, n_samples: int, *arguments: str) -> Run:
    """Run a sweep and return what it took."""
    names = ",".join(f"mock-{number}" for number in range(n_models))
    command = [sys.executable, "-m", "distexp", "-m", "-v", "--config-dir", "conf", "model=mock"]
    before, start = cpu_s(), time.perf_counter()
    with (folder / "shown.txt").open("w+") as shown:
        process = subprocess.Popen(
            [*command, f"model.name={names}", *SWEEP, *arguments],
            cwd=folder,
            env=os.environ | {"SAMPLES": str(n_samples)},
            stdout=shown,
        )
        most_mib = parent_mib = 0.0
        while process.poll() is None:
            most_mib = max(most_mib, memory_mib(process.pid))
            parent_mib = max(parent_mib, memory_mib(process.pid, "Rss:", alone=True))
            time.sleep(0.25)
        if process.returncode:
            sys.exit(f"The sweep ended with status {process.returncode}.")
        seconds = time.perf_counter() - start
        shown.seek(0)
        jobs = [int(n) for n in JOB.findall(shown.read())]
    return Run(
        n_answers=sum(jobs),
        n_jobs=len(jobs),
        seconds=seconds,
        cpu_s=cpu_s() - before,
        most_mib=most_mib,
        parent_mib=parent_mib,
    )


def show_forests(folder: Path, n_jobs: int) -> None:
    """Grow the forests of a job of each survey in both ways, and print what all jobs' take."""
    every = sorted((folder / "outputs/sweeps").rglob("predictions.parquet"))
    of_survey = {str(table["dataset"][0]): table for table in map(pl.read_parquet, every)}
    forest = RandomForestRegressor(n_estimators=20, min_samples_leaf=20, random_state=0, n_jobs=1)
    taken = {"scikit-learn": 0.0, "distexp": 0.0}
    for table in of_survey.values():
        shares = table["predicted"].fill_null(0).to_numpy()[:, None]
        human = table["human"].to_numpy()
        question = table["question_id"].rank("dense").to_numpy().astype(int)
        rng = np.random.default_rng(0)
        half = (np.arange(question.max()) % 2 == 0).astype(float)
        weights = np.array([rng.permutation(half)[question - 1] for _ in range(N_FITS)])
        start = time.process_time()
        for weight in weights:
            clone(forest).fit(shares[weight > 0], human[weight > 0]).predict(shares)
        middle = time.process_time()
        forest_predictions(shares, human[:, None], weights, forest)
        taken["scikit-learn"] += middle - start
        taken["distexp"] += time.process_time() - middle
    print(f"\n| the forests of {n_jobs} jobs, by those of {len(of_survey)} | CPU, s |\n|---|---|")
    for name, seconds in taken.items():
        print(f"| {name} | {seconds * n_jobs / len(of_survey):.0f} |")


def memory_mib(root: int, of: str = "Pss:", *, alone: bool = False) -> float:
    """Return the memory of a process and its children; pages that they share count once."""
    return sum(
        int(line.split()[1]) / 1024
        for pid in [root, *(() if alone else children(root))]
        for line in text_of(f"/proc/{pid}/smaps_rollup").splitlines()
        if line.startswith(of)
    )


def children(pid: int) -> list[int]:
    """Return the children of a process."""
    return [int(child) for child in text_of(f"/proc/{pid}/task/{pid}/children").split()]


def text_of(path: str) -> str:
    """Return a file of the system's; nothing of a process that has ended."""
    try:
        return Path(path).read_text()
    except OSError:
        return ""


def cpu_s() -> float:
    """Return the processor time of all processes that this one has waited for, in seconds."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def show(label: str, run: Run) -> None:
    """Print a row."""
    print(
        f"| {label} | {run.n_jobs} | {run.n_answers:,} | {run.seconds:.0f} | {run.cpu_s:.0f} | "
        f"{run.n_answers / run.seconds:,.0f} | {run.most_mib:.0f} | {run.parent_mib:.0f} |"
    )


if __name__ == "__main__":
    main()
