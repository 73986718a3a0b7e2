"""Runs the benchmarks of speed and faults, and writes what they print to docs/performance.md.

    python benchmarks/performance.py [--peers] [NAME...]

Takes about three quarters of an hour on 2 cores; with names only those sections are measured
again, and the others stay as they are. Leave the machine alone meanwhile.
"""

import argparse
import os
import platform
import re
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "performance.md"
HEAD = """# Performance

Written by `python benchmarks/performance.py --peers`, which runs the benchmarks below one after
the other, each beside its baseline. Every section is the output of the command above it. Peers are
installed by the benchmark in a virtual environment of their own.
"""
SECTIONS = {
    "warm": (
        "A warm rerun: prompt, key, stored answer, reading, table",
        ["warm.py"],
        "The time goes into canonical JSON and SHA-256 for the key, into checking that what is "
        "stored is what was written, and into reading the reply. Of an answer that the other "
        "process reads, this one takes over values and makes objects of them again, which is a "
        "sixth of the time to read it; with the table and what else is done once, that is the "
        "limit: by reckoning some 75,000 answers a second, however many cores.",
    ),
    "calls": (
        "1,000 calls, 64 at once, to a server that takes 0.1 s",
        ["calls.py"],
        "Sixteen rounds of 0.1 s are 1.02 × the ideal. The rest is aiohttp, the first "
        "connections, and the disk that has to confirm that answers are safe; a new cache waits "
        "for it once before the first call leaves. One process makes no more calls a second than "
        "go into its CPU time a call: two thirds of that are aiohttp and Python's event loop, and "
        "no function of distexp has more than a fiftieth.",
    ),
    "ceiling": (
        "10,000 calls, 512 at once: the most that one process can",
        ["calls.py", "--calls=10000", "--concurrency=512", "--bare"],
        "The ideal is 5,120 calls a second, which is more than one process of Python can make, "
        "with aiohttp alone too: what it takes of CPU a call is the limit, not the number of "
        "calls at once. Of distexp's two thirds are aiohttp and the event loop, a seventh "
        "storing (more than half of it to read back, before it is stored, what is stored), the "
        "rest requests, keys, replies and limits. The server takes 0.06 to 0.08 ms of CPU a call "
        "of the other core. uvloop in place of asyncio's event loop saved aiohttp alone a tenth "
        "and distexp nothing. A trial of calls made in a process of their own, on a busy "
        "machine, moved 0.13 ms of 0.30 there at no cost beside: with a core for each, that is "
        "from 3,300 to 5,900 calls a second, and on two cores, of which the server takes a third "
        "of one, to 5,100. It was not built: one process more between an answer that is paid "
        "for and the cache is a larger risk than so many calls a second are worth. "
        "A sweep asks in one process too, so that one schedule and one budget "
        "hold for all; who needs more calls a second starts several runs on one cache, each with "
        "a part of the models.",
    ),
    "rerun": (
        "The same command again",
        ["rerun.py"],
        "A quarter of a second run is importing: Hydra, polars, numpy, distexp. The default "
        "calibrators need nothing of scikit-learn and scipy; others import them, which takes "
        "half a second more. Half of the main job is fits, half of them the refits behind the "
        "intervals: a third of that is products and solutions of matrices, the rest many small "
        "steps. Where `PYTHONDONTWRITEBYTECODE` is set only what `make install` compiled is not "
        "compiled each time.",
    ),
    "size": (
        "Recorded estimates of 6,000, 24,000 and 90,000 cases",
        ["size.py"],
        "Three quarters of the CPU time are fits. A sixth of all goes into predicting each "
        "training question without itself by conjugate gradients, a tenth into summing up the "
        "normal equations of `cumulative`.",
    ),
    "replay": (
        "A sweep of the paper's size from the cache",
        ["replay.py"],
        "Half of a job is analysis, a quarter prompts, keys and reading, a tenth writing. The "
        "floor is trees: half of the analysis grows them, in the compiled parts of scikit-learn, "
        "and they are to the bit those that its forests grow in ten times as long. Runs are "
        "joined at the end by the parent, one at a time. Jobs of a sweep are not drawn one by "
        "one (`figures=true` does).",
    ),
    "workers": (
        "A sweep with 1, 2, 4, 8 and 16 workers",
        ["workers.py"],
        "The parent's seconds are shared by no worker: it starts, and makes the leaderboard and "
        "the page. Each worker imports and composes for itself, so processor time grows with "
        "their number. A cache that is only read is locked by nobody.",
    ),
    "reading": (
        "Surveys of 350,000 respondents, and of 600 columns",
        ["reading.py"],
        "Files are read in a process of their own, so that a damaged one ends with an error: its "
        "start and imports take 0.3 s of CPU, more than Polars takes to read. Columns that no "
        "question, group or weight names are not read. Of loading a whole survey half is sums by "
        "group and option, a fifth recoding; with 600 questions a quarter is the codebook's YAML. "
        "Of SPSS and Stata files, which are read a part of the rows at a time, half or more is "
        "pyreadstat making Python's numbers.",
    ),
    "cache": (
        "A cache of a million answers",
        ["cache.py"],
        "Reading is one SQL query for thousands of keys, SHA-256 and one JSON parse for many "
        "answers. `stats` adds up numbers that are kept beside each answer, in parts side by "
        "side. An archive is read twice, since nothing of it is stored before all of it was found "
        "to be what distexp writes: two thirds of the CPU time of `import` go into that, on all "
        "cores, and a quarter into the database with its indexes.",
    ),
    "distance": (
        "The distances of a bootstrap",
        ["distance.py"],
        "Every bootstrap sample is scored anew from the distances of its cases.",
    ),
    "hydra": (
        "What Hydra costs before a job begins",
        ["hydra_jobs.py"],
        "Hydra composes each job twice, from files that it reads each time. Here jobs that choose "
        "the same files share what is composed of them, and what is left is a copy of it; jobs "
        "that all choose other files cost about 0.05 s each.",
    ),
    "faults": (
        "Bad connections, killed processes, rivals",
        ["faults.py"],
        "Pauses after failures take the time, not work.",
    ),
}


def main() -> None:
    """Measure the sections asked for, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(SECTIONS))
    parser.add_argument("--peers", action="store_true", help="measure DSPy and inspect-ai too")
    options = parser.parse_args()
    if unknown := set(options.names) - SECTIONS.keys():
        parser.error(f"no such section: {', '.join(sorted(unknown))}")
    there = sections_of(PAGE.read_text()) if PAGE.exists() else {}
    for name in options.names or SECTIONS:
        there[name] = measured(name, peers=options.peers)
        written = [there[name] for name in SECTIONS if name in there]
        PAGE.write_text("\n".join([HEAD, *written]))


def measured(name: str, *, peers: bool) -> str:
    """Run the benchmark of a section and return its text."""
    title, command, limits = SECTIONS[name]
    if peers and "--peers" in (HERE / command[0]).read_text():
        command = [*command, "--peers"]
    print(f"measuring: {title}", file=sys.stderr)
    quiet, start = noise(), time.monotonic()
    done = subprocess.run(
        [sys.executable, str(HERE / command[0]), *command[1:]],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    day = datetime.now(UTC).date()
    machine = f"{os.cpu_count()} cores ({platform.machine()}), Python {platform.python_version()}"
    return "\n".join(
        [
            f"## {title} <!-- {name} -->",
            "",
            f"`python benchmarks/{' '.join(command)}` on {machine}, {day}:",
            "",
            done.stdout.strip(),
            "",
            limits,
            "",
            f"{quiet} The section took {time.monotonic() - start:,.0f} s.",
            "",
        ]
    )


def noise() -> str:
    """Return how long the same work takes on this machine right now, five times over."""
    walls, cpus = [], []
    for _ in range(5):
        wall, cpu = time.perf_counter(), time.process_time()
        sum(number * number for number in range(2_000_000))
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    seconds = ", ".join(f"{of(walls):.2f}" for of in (min, median, max))
    return (
        f"Noise: the same loop five times took {seconds} s (least, median, most), at least "
        f"{min(cpus):.2f} s of CPU, with a load of {os.getloadavg()[0]:.1f} before the section."
    )


def sections_of(page: str) -> dict[str, str]:
    """Return the sections of a page that was written before, by name."""
    parts = re.split(r"^(?=## )", page, flags=re.MULTILINE)[1:]
    return {re.findall(r"<!-- (\w+) -->", part)[0]: part.rstrip() + "\n" for part in parts}


if __name__ == "__main__":
    main()
