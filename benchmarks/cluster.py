"""Runs a sweep on two local nodes of a Ray cluster against one Redis server, and checks it.

Each job asks about every case of an invented survey of 60 groups, one model a job, or the same
model in several jobs (--twins). Where a node is killed, it ends as in a power cut: the right one
takes its job with it; with the left one, the head, the whole sweep ends, and is run again on a
new cluster. With --served a server counts calls that come over HTTP; else mocks answer. Told are
what was paid for and how often, what each process took, what went over the wire, and whether the
results are those of a run on this machine alone.

    .venv-cluster/bin/python benchmarks/cluster.py [--questions 100] [--models 4] [--kill right]
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.surveys import recorded
from tests.cache.real_redis import RedisServer, redis_server
from tests.faults.server import Served
from tests.sweep.two_nodes import Cluster, environment, family, two_nodes

N_GROUPS = 60
SURVEY = [
    "question_id", "question", "options", "ordinals", "attribute", "group", "human",
    "n_respondents",
]  # fmt: skip
LIGHT = "calibrator=[ridge] evaluation.n_splits=5 evaluation.n_bootstrap=100"
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
EVERY_S = 0.5


def main() -> None:
    """Run the sweep, and print what it took and whether it was right."""
    options = arguments()
    with tempfile.TemporaryDirectory() as name, ExitStack() as services:
        folder = options.keep or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        table = recorded(options.questions, N_GROUPS).select(SURVEY)
        table.write_parquet(folder / "survey.parquet")
        server = services.enter_context(redis_server("--appendonly", "yes"))
        served = services.enter_context(Served(reply="A")) if options.served else None
        jobs = sweep_of(
            options, folder.absolute() / "survey.parquet", served.url if served else None
        )
        took = [on_cluster(folder, server, jobs, options.kill, options.kill_at)]
        if took[0].status:
            print(f"The sweep ended with status {took[0].status}; the same command again:")
            took.append(on_cluster(folder, server, jobs))
        for number, one in enumerate(took, start=1):
            one.show(f"run {number}")
        n_paid = paid(server, folder / "swept")
        if served:
            counts = served.counts()
            print(f"Delivered over HTTP: {counts['delivered']:,}, kept {n_paid:,}.")
        if options.check:
            compared(folder, jobs, options.check)


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--questions", type=int, default=100, help="each for 60 groups")
    parser.add_argument("--models", type=int, default=4)
    parser.add_argument("--twins", type=int, default=1, help="jobs that ask the same each")
    parser.add_argument("--settings", default=LIGHT, help="of all jobs, e.g. other calibrators")
    parser.add_argument("--served", action="store_true", help="answers come over HTTP")
    parser.add_argument("--kill", choices=["left", "right"])
    parser.add_argument("--kill-at", type=int, default=1000, help="answers kept by then")
    parser.add_argument("--check", type=int, default=1, help="models run on this machine alone")
    parser.add_argument("--keep", type=Path, help="folder for all results")
    return parser.parse_args()


def sweep_of(options: argparse.Namespace, survey: Path, url: str | None) -> list[str]:
    """Return the settings of the sweep: one model or twins of it a job."""
    names = ",".join(f"m{number}" for number in range(options.models))
    twins = ",".join(str(number) for number in range(options.twins))
    asked = ["model=mock", "elicitation=verbalized"]
    if url is not None:
        asked = ["model=openai_compatible", f"model.api_base={url}"]
        asked += ["elicitation=self_random", "elicitation.n_samples=2"]
    return [
        *asked, f"model.name={names}", f"evaluation.seed={twins}", "prompt=sociodemographic",
        "dataset=distributions", f"dataset.path={survey}", "dataset.name=made",
        "dataset.min_respondents=1", "progress=false", *options.settings.split(),
    ]  # fmt: skip


@dataclass(slots=True)
class Took:
    """What one run of the sweep took."""

    status: int = 0
    seconds: float = 0.0
    cpu_s: dict[str, float] = field(default_factory=dict)
    """By what the processes are."""
    processes: Counter[str] = field(default_factory=Counter)
    most_mib: dict[str, float] = field(default_factory=dict)
    """Of the largest process of each kind."""
    wire: dict[str, float] = field(default_factory=dict)
    jobs: Counter[str] = field(default_factory=Counter)
    """Jobs with results by node."""

    def show(self, label: str) -> None:
        """Print what is known."""
        print(f"\n{label}: {self.seconds:.0f} s, jobs by node {dict(self.jobs)}\n")
        print("| processes | number | CPU, s | largest, MiB |\n|---|---:|---:|---:|")
        for kind, seconds in sorted(self.cpu_s.items()):
            cells = f"{self.processes[kind]} | {seconds:,.1f} | {self.most_mib[kind]:,.0f}"
            print(f"| {kind} | {cells} |")
        print("\n| Redis | |\n|---|---:|")
        for name, value in self.wire.items():
            print(f"| {name} | {value:,.1f} |")
        print(flush=True)


def on_cluster(
    folder: Path, server: RedisServer, jobs: list[str], kill: str | None = None, kill_at: int = 0
) -> Took:
    """Run the sweep on two nodes, and kill one of them on the way."""
    (folder / "nodes").mkdir(exist_ok=True)
    with two_nodes(folder / "nodes") as cluster, server.client() as client:
        before, start = counted(client), time.perf_counter()
        command = [
            sys.executable, "-m", "distexp", "-m", *jobs, "cache=redis",
            f"cache.url={server.url}", "hydra/launcher=ray_cluster",
            f"hydra.launcher.ray.init.address={cluster.address}", "hydra.sweep.dir=swept",
            "hydra.sweep.subdir=${hydra.job.num}-${oc.env:NODE,here}",
        ]  # fmt: skip
        with (folder / "shown.txt").open("w") as shown:
            driver = subprocess.Popen(
                command, cwd=folder, env=environment(), stdout=shown, stderr=shown
            )
            roots = {name: node.pid for name, node in cluster.nodes.items()}
            with watched(roots | {"driver": driver.pid, "redis": server.process.pid}) as took:
                if kill is not None:
                    end_node(cluster, kill, kill_at, client, driver)
                took.status = driver.wait()
        took.seconds = time.perf_counter() - start
        took.wire = {
            name: value - before.get(name, 0.0) for name, value in counted(client).items()
        }
        took.wire["answers kept"] = sum(1 for _ in client.scan_iter("distexp:[0-9a-f]*"))
    sys.stdout.write((folder / "shown.txt").read_text()[-3000:])
    found = (path.parent.name for path in (folder / "swept").glob("*/summary.json"))
    took.jobs = Counter(name.partition("-")[2] for name in found)
    return took


def end_node(
    cluster: Cluster, node: str, kill_at: int, client: Any, driver: "subprocess.Popen[bytes]"
) -> None:
    """Kill a node once so many answers are kept."""
    while client.dbsize() < kill_at:
        time.sleep(0.05)
        if driver.poll() is not None:
            print(f"The sweep was over before {node} could be killed.")
            return
    cluster.kill(node)
    print(f"{node} was killed when {client.dbsize():,} answers were kept.", flush=True)


def counted(client: Any) -> dict[str, float]:
    """Return what the server has counted."""
    found, commands = client.info(), client.info("commandstats")
    return {
        "MiB in": found["total_net_input_bytes"] / 2**20,
        "MiB out": found["total_net_output_bytes"] / 2**20,
        "memory, MiB": found["used_memory"] / 2**20,
        "commands": found["total_commands_processed"],
    } | {name.removeprefix("cmdstat_"): one["calls"] for name, one in sorted(commands.items())
         if one["calls"] > 100}  # fmt: skip


@contextmanager
def watched(roots: dict[str, int]) -> Iterator[Took]:
    """Follow processes while the block runs; what they took is known after it."""
    took, over = Took(), threading.Event()
    ticks: dict[tuple[str, int], int] = {}

    def watch() -> None:
        while not over.wait(EVERY_S):
            for name, root in roots.items():
                for pid in family(root):
                    with suppress(OSError, ValueError):
                        look(name, pid)

    def look(name: str, pid: int) -> None:
        place = Path(f"/proc/{pid}")
        stat, is_job = (place / "stat").read_text(), False
        if name in ("left", "right"):
            is_job = (place / "cmdline").read_bytes().startswith(b"ray::")
            name = "a node's jobs" if is_job else "Ray itself"
        user, system = stat.rpartition(")")[2].split()[11:13]
        ticks[name, pid] = int(user) + int(system)
        for line in (place / "status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                most = int(line.split()[1]) / 1024
                took.most_mib[name] = max(most, took.most_mib.get(name, 0.0))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield took
    finally:
        over.set()
        watcher.join()
        for (name, _), n in ticks.items():
            took.cpu_s[name] = took.cpu_s.get(name, 0.0) + n / TICKS_PER_S
            took.processes[name] += 1


def paid(server: RedisServer, swept: Path) -> int:
    """Say how often each answer was paid for, and return how many are kept."""
    calls = [json.loads(path.read_text())["calls"] for path in swept.glob("*/summary.json")]
    used = set[str]()
    for path in swept.glob("*/requests.txt"):
        used |= set(path.read_text().split())
    with server.client(decode_responses=True) as client:
        names = set(client.scan_iter("distexp:[0-9a-f]*", count=5000))
        kept = {name.removeprefix("distexp:") for name in names}
    total, misses = (sum(one[what] for one in calls) for what in ("total", "misses"))
    print(
        f"{len(calls)} jobs used {total:,} answers, {len(used):,} of them different; kept are "
        f"{len(kept):,}, {'the same' if used == kept else 'NOT THE SAME'}; paid for by the jobs "
        f"that ended: {misses:,}."
    )
    return len(kept)


def compared(folder: Path, jobs: list[str], n_models: int) -> None:
    """Run the first models on this machine alone, with a cache of its own, and compare."""
    some = [
        f"model.name={','.join(f'm{n}' for n in range(n_models))}"
        if one.startswith("model.name=")
        else one
        for one in jobs
    ]
    command = [sys.executable, "-m", "distexp", "-m", *some, "cache.path=alone-cache"]
    command += ["hydra.sweep.dir=alone", "hydra.launcher.n_jobs=1"]
    subprocess.run(command, check=True, cwd=folder, env=environment(), stdout=subprocess.DEVNULL)
    n_same, different = 0, []
    for place in sorted((folder / "alone").glob("[0-9]*")):
        (there,) = (path.parent for path in (folder / "swept").glob(f"{place.name}-*/report.md"))
        for one in sorted(place.glob("*.parquet")):
            same = one.read_bytes() == (there / one.name).read_bytes()
            n_same += same
            different += [] if same else [f"{there.name}/{one.name}"]
    print(f"{n_same} tables are those of a run alone, byte for byte; different: {different}.")


if __name__ == "__main__":
    main()
