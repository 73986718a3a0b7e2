"""Trouble with the disk in the middle of a run, and Ctrl-C: one line, and nothing is dropped."""

import re
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from distexp.cache import ResponseCache
from tests.conftest import ABLE
from tests.faults.server import Served

ARGUMENTS = (
    *("model=openai_compatible", *ABLE, "model.name=m", "elicitation=verbalized", "prompt=base"),
    *("calibrator=ridge", "progress=false", "model.max_concurrency=4", "cache.path=cache"),
)
CONCURRENCY = 4
N_QUESTIONS = 24
"""Requests of such a run."""
PATIENCE_S = 120.0
"""How long a test waits for what must come, in seconds: nothing is measured by it."""


@contextmanager
def distexp(folder: Path, served: Served, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    """Run the command against a server."""
    job = subprocess.Popen(
        [sys.executable, "-m", "distexp", *ARGUMENTS, *arguments, f"model.api_base={served.url}"],
        cwd=folder,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield job
    finally:
        job.kill()
        job.communicate()


def wait_for(served: Served, name: str, least: int) -> None:
    """Wait until the server has counted so many."""
    deadline = time.monotonic() + PATIENCE_S
    while served.counts()[name] < least:
        assert time.monotonic() < deadline
        time.sleep(0.005)


def has_open(pid: int, name: str) -> bool:
    """Tell whether a process has a file of this name open."""
    return any(link.resolve().name == name for link in Path(f"/proc/{pid}/fd").iterdir())


def n_stored(cache: Path) -> int:
    """Count the entries, each read back whole."""
    with closing(sqlite3.connect(cache / "cache.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        (n,) = database.execute("SELECT COUNT(*) FROM Cache").fetchone()
    return int(n)


def full(_: int, cache: Path) -> None:
    """Let the database have no more than 24 pages: the disk is as good as full."""
    with closing(sqlite3.connect(cache / "cache.db")) as database, database:
        database.execute(
            "INSERT OR REPLACE INTO Settings VALUES ('sqlite_max_page_count', 24)"
        )  # diskcache hands it to SQLite


def over_quota(pid: int, _: Path) -> None:
    """Let no file of the process grow beyond 200 kB: the system refuses to write more."""
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))


@pytest.mark.parametrize(
    ("trouble", "said"),
    [(full, "database or disk is full. Free some disk space"), (over_quota, "disk I/O error")],
)
def test_answers_that_cannot_be_stored_are_counted(
    tmp_path: Path, trouble: Callable[[int, Path], None], said: str
) -> None:
    """The run stops; what was stored is sound, and the line accounts for every answer paid for."""
    cache = tmp_path / "cache"
    with closing(ResponseCache(cache)) as opened:
        opened.check_writable()
    with Served(delay=0.02) as served, distexp(tmp_path, served) as job:
        trouble(job.pid, cache)
        _, shown = job.communicate(timeout=PATIENCE_S)
        delivered = served.counts()["delivered"]

    (line,) = shown.splitlines()
    assert job.returncode == 1
    assert line.startswith("distexp: error: The response cache cache cannot be used: ")
    assert said in line
    lost = int(re.findall(r"could not be stored: (\d+)\.", line)[0])
    assert 0 < n_stored(cache) == delivered - lost < N_QUESTIONS
    assert 0 < lost <= 2 * CONCURRENCY


def test_folder_deleted_in_the_middle_ends_the_run(tmp_path: Path) -> None:
    """Calls in flight are stored in a new database, and no more are made."""
    with Served(delay=0.2) as served, distexp(tmp_path, served) as job:
        wait_for(served, "delivered", CONCURRENCY)
        shutil.rmtree(tmp_path / "cache")
        _, shown = job.communicate(timeout=PATIENCE_S)
        delivered = served.counts()["delivered"]

    (line,) = shown.splitlines()
    assert job.returncode == 1
    assert "cache was deleted or replaced while it was in use" in line
    assert "could not be stored" not in line
    assert delivered < N_QUESTIONS
    assert 0 < n_stored(tmp_path / "cache") <= 3 * CONCURRENCY


ENDINGS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT]
"""By Ctrl-C, by Slurm, by a terminal that is closed, by Ctrl-\\."""


@pytest.mark.parametrize("ending", ENDINGS)
def test_whatever_ends_a_run_keeps_its_answers(tmp_path: Path, ending: signal.Signals) -> None:
    """The calls in flight are waited for and stored, and the command says so in one line."""
    with Served(delay=0.05) as served, distexp(tmp_path, served) as job:
        wait_for(served, "delivered", CONCURRENCY)
        job.send_signal(ending)
        _, shown = job.communicate(timeout=PATIENCE_S)
        delivered = served.counts()["delivered"]

    assert job.returncode == 128 + ending
    assert shown.strip().startswith("distexp: interrupted.")
    assert len(shown.strip().splitlines()) == 1
    assert delivered - 2 * CONCURRENCY <= n_stored(tmp_path / "cache") < N_QUESTIONS


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_ends_a_run_does_not_wait_for_slow_replies(
    tmp_path: Path, ending: signal.Signals
) -> None:
    """The server takes ten minutes, and the command has long ended when it would answer."""
    with Served(delay=600) as served, distexp(tmp_path, served) as job:
        wait_for(served, "calls", CONCURRENCY)
        job.send_signal(ending)
        _, shown = job.communicate(timeout=PATIENCE_S)

    assert job.returncode == 128 + ending
    assert len(shown.strip().splitlines()) == 1


def test_interrupt_does_not_wait_for_another_process(tmp_path: Path) -> None:
    """Nor for what that is asking for: here for all that this one has to ask."""
    with (
        Served(delay=600) as served,
        distexp(tmp_path, served, "model.max_concurrency=24"),
    ):
        wait_for(served, "calls", N_QUESTIONS)
        with distexp(tmp_path, served) as job:
            while not has_open(job.pid, "claims"):
                assert job.poll() is None
                time.sleep(0.01)
            job.send_signal(signal.SIGINT)
            job.communicate(timeout=PATIENCE_S)

        assert job.returncode == 130
        assert served.counts()["calls"] == N_QUESTIONS
