"""Measures what the cache saves: a command with an empty cache, and the same again.

A survey of 150 questions and 8 groups put to a mock model, and the main job of `make run`.

    python benchmarks/rerun.py
"""

import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.replay import lay_out

RUN = """
import pathlib, sys
from distexp.cli.main import main
try:
    main()
finally:
    pathlib.Path("litellm.txt").write_text("yes" if "litellm" in sys.modules else "no")
"""
OF_1200_CASES = (
    *("--config-dir", "conf", "model=mock", "dataset=third", "elicitation=verbalized"),
    *("prompt=sociodemographic", "progress=false"),
)
COMMANDS = {
    "1200 cases, ridge": (*OF_1200_CASES, "calibrator=ridge"),
    "1200 cases, ridge, not drawn": (*OF_1200_CASES, "calibrator=ridge", "figures=false"),
    "1200 cases, default calibrators": OF_1200_CASES,
    "make run": ("progress=false",),
}


def timed(folder: Path, *arguments: str) -> float:
    """Run Python in a folder and return how long it took, in seconds."""
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def calls(run: Path) -> dict[str, int]:
    """Return the counts of calls that a run wrote down."""
    summary: dict[str, dict[str, int]] = json.loads((run / "summary.json").read_text())
    return summary["calls"]


def main() -> None:
    """Run each command twice in a new folder."""
    print("| command | empty cache, s | calls | again, s | hits | litellm imported |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lay_out(folder, n_questions=150)
        for label, arguments in COMMANDS.items():
            show(folder, label, arguments)
        helped = timed(folder, "-m", "distexp", "--help")
        bare = min(timed(folder, "-c", "pass") for _ in range(5))
        imported = min(timed(folder, "-c", "import distexp") for _ in range(5)) - bare
    print(f"\n`distexp --help` takes {helped:.2f} s, `import distexp` {imported:.3f} s.")


def show(folder: Path, label: str, arguments: tuple[str, ...]) -> None:
    """Print a row: the command with an empty cache, and the best of three from the cache."""
    name = re.sub(r"\W+", "-", label)
    cache = f"cache.path={folder / name}"
    taken = []
    for number in range(4):
        run = folder / f"{name}-{number}"
        seconds = timed(folder, "-c", RUN, *arguments, cache, f"hydra.run.dir={run}")
        taken.append((seconds, calls(run)))
    (cold, asked), *again = taken
    warm, read = min(again, key=lambda one: one[0])
    litellm = (folder / "litellm.txt").read_text()
    cells = (f"{cold:.2f}", f"{asked['misses']:,}", f"{warm:.2f}", f"{read['hits']:,}", litellm)
    print(f"| {label} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
