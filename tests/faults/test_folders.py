"""Folders that cannot be read or written, and numbers that nobody means, are one line."""

import resource
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from distexp.dataset.opinionqa import OpinionQA
from distexp.dataset.recorded import Recorded
from distexp.dataset.runs import EarlierRuns
from distexp.dataset.table import Table
from distexp.dataset.wgm import WellcomeGlobalMonitor
from distexp.dataset.wvs import WorldValuesSurvey
from distexp.errors import ConfigError, DatasetError
from distexp.evaluation.evaluation import Evaluation

RUN = ("dataset=gss2018", "dataset.attributes=[sex]", "model=mock", "calibrator=ridge")


@pytest.fixture
def loop(tmp_path: Path) -> Path:
    """Return a link to itself."""
    path = tmp_path / "loop"
    path.symlink_to("loop")
    return path


@pytest.mark.parametrize(
    "dataset", [OpinionQA, Recorded, EarlierRuns, WellcomeGlobalMonitor, WorldValuesSurvey]
)
def test_a_link_to_itself_is_no_survey(loop: Path, dataset: type[Recorded]) -> None:
    """Neither as a file nor as a folder."""
    with pytest.raises(DatasetError, match="loop") as raised:
        dataset(str(loop)).load()

    assert "\n" not in str(raised.value)


def test_a_link_to_itself_is_no_codebook(loop: Path) -> None:
    """The error says which setting to mend."""
    with pytest.raises(DatasetError, match="Set 'codebook' to a YAML file"):
        Table("data.csv", str(loop)).load()


def words_of(folder: Path, *arguments: str, most_bytes: int | None = None) -> str:
    """Return what a run says that fails, in a process that can write no larger files."""

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        if most_bytes is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))

    job = subprocess.run(
        [sys.executable, "-m", "distexp", *RUN, "progress=false", "figures=false", *arguments],
        cwd=folder,
        preexec_fn=limit,
        capture_output=True,
        text=True,
        check=False,
    )
    assert job.returncode == 1
    return job.stderr


@pytest.mark.parametrize(
    ("setting", "hint"),
    [
        ("hydra.run.dir=loop", "Set hydra.run.dir to a folder that can be written"),
        ("cache.path=loop", "Choose a folder that can be written with cache.path"),
    ],
)
def test_a_link_to_itself_is_no_folder(loop: Path, setting: str, hint: str) -> None:
    """For results, and for answers."""
    said = words_of(loop.parent, setting)

    assert said.startswith("distexp: error: ")
    assert hint in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("most_bytes", [10, 10_000])
def test_a_full_folder_of_results_is_one_line(tmp_path: Path, most_bytes: int) -> None:
    """Whether it is full at the start, or when the tables are written."""
    said = words_of(tmp_path, "cache.mode=off", "hydra.run.dir=out", most_bytes=most_bytes)

    assert "Traceback" not in said
    last = said.splitlines()[-1]  # joblib may warn before it that it can make no semaphore
    assert last.startswith("distexp: error: ")
    assert "hydra.run.dir" in last


@pytest.mark.parametrize("name", ["n_splits", "n_bootstrap", "n_ceiling_draws", "n_flips"])
def test_numbers_that_no_memory_holds_are_refused(name: str) -> None:
    """A bundle from elsewhere may ask for a thousand million of them."""
    settings: dict[str, Any] = {name: 1_000_000_000}

    with pytest.raises(ConfigError, match=f"'{name}' parameter .* Got 1000000000 instead"):
        Evaluation(**settings)
