"""A sweep on several machines: its jobs run elsewhere, and share what they pay for."""

import importlib.util
import json
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.cache.real_redis import MISSING, redis_server
from tests.sweep.two_nodes import environment, two_nodes

PLUGINS = {
    "distexp": "distexp",
    "ray_cluster": "hydra_ray_launcher",
    "submitit_local": "hydra_submitit_launcher",
}
PLACES = {"ray_cluster": {"left", "right"}, "submitit_local": {"here"}, "distexp": {"here"}}
"""Names of the nodes that take the two jobs."""
JOBS = [
    *("model=mock", "dataset=gss2018", "elicitation=verbalized", "prompt=base"),
    *("calibrator=uniform", "evaluation.n_splits=2,3,0", "progress=false"),
    *("hydra.sweep.dir=swept", "hydra.sweep.subdir=${hydra.job.num}-${oc.env:NODE,here}"),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """A sweep of two jobs that ask the same, and one that cannot run."""

    launcher: str
    folder: Path
    """Where the command was given."""
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
    if importlib.util.find_spec("hydra_plugins." + plugin) is None:
        pytest.skip(f"the package {plugin} is not installed: make cluster")
    folder = tmp_path_factory.mktemp("it's mine")
    with ExitStack() as services:
        server = services.enter_context(redis_server("--appendonly", "yes"))
        own = []
        if request.param == "ray_cluster":
            address = services.enter_context(two_nodes(tmp_path_factory.mktemp("cluster")))
            own = [f"hydra.launcher.ray.init.address={address}"]
        own += ["cache=redis", f"cache.url={server.url}", f"hydra/launcher={request.param}"]
        ended = subprocess.run(
            [sys.executable, "-m", "distexp", "-m", *JOBS, *own],
            check=False,
            cwd=folder,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=300,
        )
        with server.client(decode_responses=True) as client:
            names = list(
                client.scan_iter("distexp:[0-9a-f]*")
            )  # answers, and not the mark beside them
    keys = frozenset(name.removeprefix("distexp:") for name in names)
    return Swept(launcher=request.param, folder=folder, ended=ended, keys=keys)


def test_jobs_leave_their_results_where_the_command_was_given(swept: Swept) -> None:
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
