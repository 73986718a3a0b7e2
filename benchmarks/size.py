"""Measures a whole run on recorded estimates of the size of real surveys, 60 groups of people.

Generated estimates (`surveys.py`), the default calibrators with intervals, comparisons and the
report; then each other calibrator on the size asked for. The baseline is another checkout.

    python benchmarks/size.py [--questions 100 400 1500] [--calibrators NAME...] [--against FOLDER]
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.surveys import recorded

N_GROUPS = 60
DEFAULT = "auto,ridge,blind"


@dataclass(frozen=True, slots=True, kw_only=True)
class Took:
    """What one run took."""

    seconds: float
    cpu_s: float
    most_mib: float


def main() -> None:
    """Print a row a size and calibrator: least, median and most of the repeats."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--questions", nargs="+", type=int, default=[100, 400, 1500])
    parser.add_argument("--calibrators", nargs="+", default=[DEFAULT], metavar="SETTING")
    parser.add_argument(
        "--models", type=int, default=1, help="each a study; stack them by predictors=[...]"
    )
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--against", type=Path, help="folder of a checkout to measure beside")
    options = parser.parse_args()
    print("| cases | calibrators | wall, s | CPU, s | memory, MiB |")
    print("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for n_questions in options.questions:
            data = folder / f"{n_questions}.parquet"
            models = tuple(f"model{number}" for number in range(options.models))
            recorded(n_questions, N_GROUPS, models).write_parquet(data)
            for calibrator in options.calibrators:
                places = {"": None} | ({"before: ": options.against} if options.against else {})
                taken: dict[str, list[Took]] = {label: [] for label in places}
                for _ in range(options.repeats):  # in turn, so that both meet the same machine
                    for label, place in places.items():
                        taken[label].append(run(folder, data, calibrator, place))
                for label, of_one in taken.items():
                    show(n_questions * N_GROUPS, label + calibrator, of_one)


def run(folder: Path, data: Path, calibrator: str, place: Path | None) -> Took:
    """Run the command once, and return what it took."""
    names, *settings = calibrator.split()
    command = [
        sys.executable, "-m", "distexp", "dataset=recorded", f"dataset.path={data}",
        f"calibrator=[{names}]", *settings, "progress=false",
        f"cache.path={folder / 'cache'}", f"hydra.run.dir={folder / 'run'}-{time.time_ns()}",
    ]  # fmt: skip
    env = os.environ | ({"PYTHONPATH": str(place)} if place else {})
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    # A process of its own waits for it: the peak is that of the children waited for, ever.
    waiter = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True,"
        " stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL);"
        " print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    done = subprocess.run(
        [sys.executable, "-c", waiter, *command],
        check=True, cwd=folder, env=env, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    seconds, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Took(seconds=seconds, cpu_s=cpu_s, most_mib=int(done.stdout) / 1024)


def show(n_cases: int, label: str, taken: list[Took]) -> None:
    """Print a row."""
    cells = [
        " · ".join(f"{of(values):,.1f}" for of in (min, statistics.median, max))
        for values in ([one.seconds for one in taken], [one.cpu_s for one in taken])
    ]
    most = max(one.most_mib for one in taken)
    print(f"| {n_cases:,} | {label} | {' | '.join(cells)} | {most:,.0f} |", flush=True)


if __name__ == "__main__":
    main()
