"""Measures what a sweep from the cache gains by more worker processes: `hydra.launcher.n_jobs`.

Each number of workers runs the same jobs: two models, two surveys and two prompts, with ridge
and lasso on 50 splits. Beside wall-clock and processor time stands that of the parent alone, which
no worker shares, and of the busiest worker. Processor time that grows with the workers is lost to
memory and caches that they share; a parent that takes long limits all; else cores are the limit.

    python benchmarks/workers.py [--workers 1 2 4 8 16] [--models 2] [--repeats 3]
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
from benchmarks.replay import children, cpu_s, text_of  # noqa: E402

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
JOBS = (
    "dataset=gss2018,cces2016",
    "elicitation=verbalized",
    "prompt=base,sociodemographic",
    "progress=false",
)
ANALYSED = ("calibrator=[ridge,lasso]", "cache.mode=replay")
NOTHING = ("calibrator=[]", "evaluation.n_splits=1", "evaluation.n_bootstrap=1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Took:
    """What a sweep took, in seconds."""

    wall: float
    cpu: float
    parent: float
    """Processor time of the parent alone."""
    busiest: float
    """Of the worker that did most."""


def main() -> None:
    """Fill a cache, and run the sweep from it with each number of workers in turn."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4, 8, 16])
    parser.add_argument("--models", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sweep(folder, options.models, max(options.workers), *NOTHING)
        took: dict[int, list[Took]] = {n: [] for n in options.workers}
        for _ in range(options.repeats):  # in turns, so that all meet the same machine
            for n in options.workers:
                took[n].append(sweep(folder, options.models, n, *ANALYSED))
    print(f"{4 * options.models} jobs, {os.cpu_count()} cores\n")
    print(
        "| workers | wall, s: least, median, most | speed-up | CPU, s | parent | busiest worker |"
    )
    print("|---|---|---|---|---|---|")
    first = statistics.median(one.wall for one in took[options.workers[0]])
    for n, of_one in took.items():
        walls = [one.wall for one in of_one]
        median = statistics.median(walls)
        shown = " · ".join(f"{of:.1f}" for of in (min(walls), median, max(walls)))
        cpu, parent, busiest = (
            statistics.median(getattr(one, name) for one in of_one)
            for name in ("cpu", "parent", "busiest")
        )
        row = f"{first / median:.2f} | {cpu:.1f} | {parent:.1f} | {busiest:.1f}"
        print(f"| {n} | {shown} | {row} |")


def sweep(folder: Path, n_models: int, n_workers: int, *arguments: str) -> Took:
    """Run a sweep and return what it took."""
    names = ",".join(f"mock-{number}" for number in range(n_models))
    command = [sys.executable, "-m", "distexp", "-m", "model=mock", f"model.name={names}"]
    command += [f"hydra.launcher.n_jobs={n_workers}", *JOBS, *arguments]
    before, start = cpu_s(), time.perf_counter()
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL)
    ticks: dict[int, int] = {}
    while process.poll() is None:
        for pid in (process.pid, *children(process.pid)):
            if stat := text_of(f"/proc/{pid}/stat"):
                user, system = stat.rpartition(")")[2].split()[11:13]
                ticks[pid] = int(user) + int(system)
        time.sleep(0.1)
    if process.returncode:
        sys.exit(f"The sweep ended with status {process.returncode}.")
    parent = ticks.pop(process.pid, 0) / TICKS_PER_S
    return Took(
        wall=time.perf_counter() - start,
        cpu=cpu_s() - before,
        parent=parent,
        busiest=max(ticks.values(), default=0) / TICKS_PER_S,
    )


if __name__ == "__main__":
    main()
