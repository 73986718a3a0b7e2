"""Measures what the cache saves: a command with an empty cache, and the same again.

A survey of 150 questions and 8 groups put to a mock model, and the main job of `make run`; and
what the analysis of the latter takes, without asking and writing.

    python benchmarks/rerun.py
"""

import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.replay import cpu_s, lay_out

RUN = """
import pathlib, sys
from distexp.cli.main import main
try:
    main()
finally:
    pathlib.Path("litellm.txt").write_text("yes" if "litellm" in sys.modules else "no")
"""
ANALYSIS = """
import time
from distexp.evaluation import Evaluation
from distexp.cli.main import main
taken, run = [], Evaluation.run
def timed(*arguments):
    start = time.perf_counter(), time.process_time()
    result = run(*arguments)
    taken.append((time.perf_counter() - start[0], time.process_time() - start[1]))
    return result
Evaluation.run = timed
main()
print(*(sum(of) for of in zip(*taken)))
"""
"""Prints the seconds that the analysis of all studies took, and those of processors."""
N_RUNS = 5
OF_1200_CASES = (
    *("--config-dir", "conf", "model=mock", "dataset=third", "elicitation=verbalized"),
    *("prompt=sociodemographic", "progress=false"),
)
COMMANDS = {
    "1200 cases, ridge": (*OF_1200_CASES, "calibrator=ridge"),
    "1200 cases, default calibrators": OF_1200_CASES,
    "make run": ("progress=false",),
}


def timed(folder: Path, *arguments: str) -> tuple[float, float]:
    """Run Python in a folder and return how long it took, in seconds, and of processors."""
    start, before = time.perf_counter(), cpu_s()
    subprocess.run([sys.executable, *arguments], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start, cpu_s() - before


def calls(run: Path) -> dict[str, int]:
    """Return the counts of calls that a run wrote down."""
    summary: dict[str, dict[str, int]] = json.loads((run / "summary.json").read_text())
    return summary["calls"]


def main() -> None:
    """Run each command twice in a new folder."""
    print(f"Again: minimum, median and maximum of {N_RUNS}.\n")
    print("| command | empty cache, s | calls | again, s | CPU, s | hits | litellm imported |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lay_out(folder, n_questions=150)
        for label, arguments in COMMANDS.items():
            show(folder, label, arguments)
        analysed = [analysis(folder) for _ in range(N_RUNS)]
        wall, cpu = (spread(of) for of in zip(*analysed, strict=True))
        helped = spread([timed(folder, "-m", "distexp", "--help")[0] for _ in range(N_RUNS)])
        bare = min(timed(folder, "-c", "pass")[0] for _ in range(N_RUNS))
        imported = min(timed(folder, "-c", "import distexp")[0] for _ in range(N_RUNS)) - bare
    print(f"\nThe analysis of the two studies of `make run` takes {wall} s, {cpu} s of CPU.")
    print(f"`distexp --help` takes {helped} s, `import distexp` {imported:.3f} s.")


def analysis(folder: Path) -> tuple[float, float]:
    """Run the main job from the cache, and return the seconds of its analysis, and of CPU."""
    cache = f"cache.path={folder / 'make-run'}"
    arguments = ("--quiet", "progress=false", cache, f"hydra.run.dir={folder / 'analysed'}")
    done = subprocess.run(
        [sys.executable, "-c", ANALYSIS, *arguments],
        cwd=folder,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    wall, cpu = map(float, done.stdout.split())
    return wall, cpu


def spread(values: Sequence[float]) -> str:
    """Write the least, the median and the largest of some seconds."""
    return ", ".join(f"{value:.2f}" for value in (min(values), median(values), max(values)))


def show(folder: Path, label: str, arguments: tuple[str, ...]) -> None:
    """Print a row: the command with an empty cache, and again from the cache."""
    name = re.sub(r"\W+", "-", label)
    cache = f"cache.path={folder / name}"
    taken = []
    for number in range(1 + N_RUNS):
        run = folder / f"{name}-{number}"
        seconds = timed(folder, "-c", RUN, *arguments, cache, f"hydra.run.dir={run}")
        taken.append((*seconds, calls(run)))
    (cold, _, asked), *again = taken
    warm, cpu, read = zip(*again, strict=True)
    litellm = (folder / "litellm.txt").read_text()
    hits = f"{read[0]['hits']:,}"
    cells = (f"{cold:.2f}", f"{asked['misses']:,}", spread(warm), spread(cpu), hits, litellm)
    print(f"| {label} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
