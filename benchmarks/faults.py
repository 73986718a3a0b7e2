"""Measures what goes wrong with what is paid for: bad connections, killed processes, rivals.

A local server tells how many answers it has delivered, and the cache is compared with it:

- 10,000 questions, of which 30 % of the calls are turned away with status 429, fail with status
  500, are reset, never answered, or answered in part;
- 3,000 questions, and `kill -9` of the process twenty times on the way;
- 1,000 questions, asked by eight processes at once.

    python benchmarks/faults.py [--scale 1.0] [--seed 0]
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from distexp.asking.dispatch import GRACE_S
from distexp.asking.runner import Runner
from distexp.cache import ResponseCache
from tests.faults.client import model_at, requests
from tests.faults.server import Served

CLIENT = Path(__file__).parents[1] / "tests" / "faults" / "client.py"
KILLS = 20
PROCESSES = 8
CONCURRENCY = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What came of a number of questions."""

    trouble: str
    questions: int
    calls: int
    delivered: int
    """Answers that the server has sent in whole."""
    right: int
    """Answers in the cache that are those to their questions."""
    excused: int
    """Answers delivered that need not be stored: those in flight when a process was killed."""
    seconds: float

    @property
    def markdown(self) -> str:
        """The row of the table."""
        again = self.delivered - self.questions
        counts = (self.questions, self.calls, self.delivered, self.right, again)
        cells = " | ".join(f"{count:,}" for count in counts)
        return f"| {self.trouble} | {cells} | {self.seconds:.0f} |"

    def check(self) -> None:
        """Exit if an answer is missing or wrong, or more were paid for twice than were lost."""
        if self.right != self.questions or self.delivered - self.questions > self.excused:
            sys.exit(f"An answer is missing, wrong or paid for twice: {self}")


def main() -> None:
    """Measure each trouble and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scale", type=float, default=1.0, help="more or fewer questions")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    print("| trouble | questions | calls | answers delivered | stored, right | again | seconds |")
    print("|---|---|---|---|---|---|---|")
    troubles: list[tuple[Callable[[int, int], Row], int]] = [
        (bad_connection, 10_000),
        (kills, 3_000),
        (rivals, 1_000),
    ]
    for trouble, n in troubles:
        row = trouble(round(n * options.scale), options.seed)
        print(row.markdown, flush=True)
        row.check()


def bad_connection(n: int, seed: int) -> Row:
    """Ask a server of which 30 % of the calls fail."""
    with (
        Served(delay=0.02, faults=0.3, retry_after=0.05, seed=seed) as served,
        tempfile.TemporaryDirectory() as folder,
    ):
        model = model_at(served.url, max_concurrency=CONCURRENCY, timeout_s=2.0)
        start = time.perf_counter()
        Runner(model, ResponseCache(folder), progress=True).run(requests(model, n))
        return row("30 % of the calls fail", served, folder, n, 0, start)


def kills(n: int, seed: int) -> Row:
    """Kill the process twenty times, each time somewhere on the way."""
    chance = random.Random(seed)
    lost = most = 0
    with Served(delay=0.1) as served, tempfile.TemporaryDirectory() as folder:
        asked = requests(model_at(served.url), n)
        start = time.perf_counter()
        for _ in range(KILLS):
            before = served.counts()["delivered"]
            child = ask(served, folder, n)
            while served.counts()["delivered"] == before:
                if child.poll() is not None:
                    sys.exit("A process ended before it was killed.")
                time.sleep(0.001)
            time.sleep(chance.uniform(0, 0.1))
            child.kill()
            child.wait()
            # What is there is read back whole: a corrupt entry would be an error.
            n_stored = len(ResponseCache(folder, "replay").get_many(asked))
            lost, before = served.counts()["delivered"] - n_stored, lost
            most = max(most, lost - before)
        if ask(served, folder, n).wait():
            sys.exit("The run after the last kill failed.")
        trouble = f"{KILLS} × `kill -9`, at most {most} lost each"
        return row(trouble, served, folder, n, KILLS * CONCURRENCY, start)


def rivals(n: int, _: int) -> Row:
    """Have eight processes ask the same."""
    with Served(delay=0.1) as served, tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        children = [ask(served, folder, n) for _ in range(PROCESSES)]
        if any([child.wait() for child in children]):
            sys.exit("A process failed.")
        return row(f"{PROCESSES} processes ask the same", served, folder, n, 0, start)


def ask(served: Served, folder: str, n: int) -> "subprocess.Popen[bytes]":
    """Start a process that asks."""
    asked = [served.url, folder, str(n), str(CONCURRENCY), str(GRACE_S)]
    arguments = [sys.executable, str(CLIENT), *asked]
    environment = {**os.environ, "FAULTS_KEY": "none"}
    return subprocess.Popen(arguments, stderr=subprocess.DEVNULL, env=environment)


def row(trouble: str, served: Served, folder: str, n: int, excused: int, start: float) -> Row:
    """Compare the cache with what the server has delivered."""
    seconds = time.perf_counter() - start
    asked = requests(model_at(served.url), n)
    stored = ResponseCache(folder, "replay").get_many(asked)
    texts = [stored[one.key].response.text if one.key in stored else None for one in asked]
    counts = served.counts()
    return Row(
        trouble=trouble,
        questions=n,
        calls=counts["calls"],
        delivered=counts["delivered"],
        right=sum(text == f"answer to question {number}" for number, text in enumerate(texts)),
        excused=excused,
        seconds=seconds,
    )


if __name__ == "__main__":
    main()
