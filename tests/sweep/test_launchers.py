"""A sweep on several machines: its jobs run elsewhere, and share what they pay for."""

import importlib.util
import json
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.cache.real_redis import MISSING, RedisServer, redis_server
from tests.faults.server import Served
from tests.sweep.two_nodes import environment, two_nodes

PLUGINS = {
    "distexp": "distexp",
    "ray_cluster": "ray",
    "submitit_local": "hydra_plugins.hydra_submitit_launcher",
}
PLACES = {"ray_cluster": {"left", "right"}, "submitit_local": {"here"}, "distexp": {"here"}}
"""Names of the nodes that take the two jobs."""
JOBS = [
    *("model=mock", "dataset=gss2018", "elicitation=verbalized", "prompt=base"),
    *("calibrator=ridge", "evaluation.n_splits=2,3,0", "progress=false"),
    *("hydra.sweep.dir=swept", "hydra.sweep.subdir=${hydra.job.num}-${oc.env:NODE,here}"),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """A sweep of two jobs that ask the same, and one that cannot run."""

    launcher: str
    folder: Path
    """Where the command was given. In `alone` are the same jobs, run one after the other."""
    ended: subprocess.CompletedProcess[str]
    keys: frozenset[str]
    """Keys of the answers that are on the server afterwards."""

    @property
    def runs(self) -> list[Path]:
        """Folders of the jobs that have results."""
        return sorted(path.parent for path in self.folder.glob("swept/*/report.md"))

    def read(self, name: str) -> list[Any]:
        """Return a JSON file of each run."""
        return [json.loads((run / name).read_text()) for run in self.runs]


@pytest.fixture(scope="module", params=PLUGINS)
def swept(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Swept:
    """Run the sweep, from another folder than that of the cluster."""
    plugin = PLUGINS[request.param]
    if MISSING:
        pytest.skip(MISSING)
    if importlib.util.find_spec(plugin) is None:
        pytest.skip(f"the package {plugin} is not installed: make cluster")
    folder = tmp_path_factory.mktemp("it's mine")
    distexp(folder, *JOBS, "cache.path=alone-cache", "hydra.sweep.dir=alone")
    with ExitStack() as services:
        server = services.enter_context(redis_server("--appendonly", "yes"))
        own = []
        if request.param == "ray_cluster":
            cluster = services.enter_context(two_nodes(tmp_path_factory.mktemp("cluster")))
            own = [f"hydra.launcher.ray.init.address={cluster.address}"]
        own += ["cache=redis", f"cache.url={server.url}", f"hydra/launcher={request.param}"]
        ended = distexp(folder, *JOBS, *own)
        keys = kept(server)
    return Swept(launcher=request.param, folder=folder, ended=ended, keys=keys)


def distexp(folder: Path, *settings: str) -> "subprocess.CompletedProcess[str]":
    """Run a sweep in a folder."""
    return subprocess.run(
        command(*settings),
        check=False,
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=300,
    )


def command(*settings: str) -> list[str]:
    """Return the command of a sweep."""
    return [sys.executable, "-m", "distexp", "-m", *settings]


def kept(server: RedisServer) -> frozenset[str]:
    """Return the keys of the answers on a server, without the mark beside them."""
    with server.client(decode_responses=True) as client:
        names = list(client.scan_iter("distexp:[0-9a-f]*"))
    return frozenset(name.removeprefix("distexp:") for name in names)


def test_jobsjobs_leave_their_results_where_the_command_was_given(swept: Swept) -> None:
    """Wherever they ran; and the leaderboard joins them."""
    assert [run.name[:2] for run in swept.runs] == ["0-", "1-"], swept.ended.stderr
    assert (swept.folder / "swept" / "leaderboard.md").exists()


def test_shared_cache_holds_each_answer_once(swept: Swept) -> None:
    """Two jobs asked the same at the same time: what they paid, added up, is every answer."""
    calls = [summary["calls"] for summary in swept.read("summary.json")]
    used = [set((run / "requests.txt").read_text().split()) for run in swept.runs]

    assert used[0] == used[1] == swept.keys
    assert sum(each["misses"] for each in calls) == len(swept.keys) > 0
    assert all(each["hits"] + each["misses"] == len(swept.keys) for each in calls)


def test_job_that_fails_is_told_and_ends_no_other(swept: Swept) -> None:
    """As on one machine: a line for each that failed, and an exit code that is not 0."""
    assert swept.ended.returncode == 1
    others = "asked for now" if swept.launcher == "distexp" else "complete"
    assert "1 of 3 jobs failed:" in swept.ended.stderr
    assert f"The others are {others}." in swept.ended.stderr
    assert "  job 2, evaluation.n_splits=0: The 'n_splits' parameter of" in swept.ended.stderr
    assert "n_splits" in (swept.folder / "swept" / "failures.md").read_text()


def test_nodes_share_the_work(swept: Swept) -> None:
    """Each of two in a cluster took one of the two jobs; what stands alone took both."""
    assert {run.name[2:] for run in swept.runs} == PLACES[swept.launcher]


def test_results_do_not_depend_on_where_jobs_ran(swept: Swept) -> None:
    """Byte for byte."""
    for run in swept.runs:
        alone = swept.folder / "alone" / f"{run.name[:2]}here"
        tables = sorted(path.name for path in alone.glob("*.parquet"))
        assert len(tables) > 3
        for name in tables:
            assert (run / name).read_bytes() == (alone / name).read_bytes(), name


def test_what_a_lost_node_was_doing_is_done_elsewhere(tmp_path: Path) -> None:
    """Both jobs end on the node that is left; at most what was in flight is paid for twice."""
    if MISSING:
        pytest.skip(MISSING)
    if importlib.util.find_spec("ray") is None:
        pytest.skip("the package ray is not installed: make cluster")
    settings = [
        *("model=openai_compatible", "model.name=m", "model.max_concurrency=2"),
        "model.capabilities={logprobs:false,json_schema:false,seed:false,system_role:true}",
        *("elicitation=self_random", "elicitation.n_samples=2", "dataset=gss2018", "prompt=base"),
        *("calibrator=uniform", "evaluation.n_splits=2,3", "progress=false", "cache=redis"),
        *("hydra/launcher=ray_cluster", "hydra.sweep.dir=swept"),
        "hydra.sweep.subdir=${hydra.job.num}-${oc.env:NODE,here}",
    ]
    with (
        redis_server("--appendonly", "yes") as server,
        Served(reply="A", delay=0.2) as served,
        two_nodes(tmp_path) as cluster,
    ):
        own = [f"model.api_base={served.url}", f"cache.url={server.url}"]
        own += [f"hydra.launcher.ray.init.address={cluster.address}"]
        sweep = subprocess.Popen(
            command(*settings, *own), cwd=tmp_path, env=environment(), stdout=subprocess.DEVNULL
        )
        while len(kept(server)) < 10:
            assert sweep.poll() is None
            time.sleep(0.05)
        cluster.kill("right")
        assert sweep.wait(timeout=300) == 0
        keys, delivered = kept(server), served.counts()["delivered"]
    used = [
        set((path.parent / "requests.txt").read_text().split())
        for path in tmp_path.glob("swept/*-left/report.md")
    ]
    assert used == [set(keys), set(keys)]
    assert 0 <= delivered - len(keys) <= 2
