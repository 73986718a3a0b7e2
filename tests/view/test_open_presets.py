"""The presets of the open questions run from the command line, live and on what runs left."""

import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

QUICK = (
    "progress=false", "evaluation.n_splits=5", "evaluation.extras=false",
    "evaluation.n_ceiling_draws=2", "evaluation.n_bootstrap=20",
    "evaluation.intervals=bootstrap",
)  # fmt: skip


def distexp(folder: Path, *arguments: str) -> str:
    """Run the command in a folder and return what it shows."""
    shown = subprocess.run(
        [sys.executable, "-m", "distexp", *arguments, *QUICK],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert shown.returncode == 0, shown.stderr
    return shown.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a sweep over both elicitations of the mock model."""
    folder = tmp_path_factory.mktemp("open")
    distexp(
        folder, "-m", "experiment=open/logprobs", "model=mock", "dataset.attributes=[sex]",
        "calibrator=[shrink_mean]", "view.calibrators=[identity]", "hydra.sweep.dir=sweep",
    )  # fmt: skip
    return folder


def test_a_sweep_ends_in_one_table_with_its_answer(folder: Path) -> None:
    """Log-probabilities against verbalized, over both prompts, uncalibrated."""
    table = pl.read_parquet(folder / "sweep" / "logprobs_or_verbalized.parquet")

    (row,) = table.rows(named=True)
    assert (row["model"], row["first"], row["second"]) == ("mock", "logprobs", "verbalized")
    assert (row["n_questions"], row["n_conditions"]) == (24, 2)
    text = (folder / "sweep" / "logprobs_or_verbalized.md").read_text()
    assert f"logprobs against verbalized: {row['verdict']} in W1" in text
    assert (folder / "sweep" / "logprobs_or_verbalized.svg").exists()


@pytest.mark.parametrize(
    ("preset", "settings", "n_rows"),
    [
        ("scope", [], 6 * 3),
        ("ensemble", ["calibrator=[shrink_mean]"], 6),
        ("transfer", ["transfer=elicitation", "calibrator=[auto]"], 2 * 3),
    ],
)
def test_runs_answer_other_questions_without_a_call(
    folder: Path, preset: str, settings: list[str], n_rows: int
) -> None:
    """Every preset reads what the sweep left, and asks nothing."""
    shown = distexp(
        folder, f"experiment=open/{preset}", "dataset=runs", "dataset.path=sweep",
        f"hydra.run.dir={preset}", *settings,
    )  # fmt: skip

    assert "0 requests: 0 hits, 0 misses" in shown
    assert "gss2018 (24 questions, 19 trained on" in " ".join(shown.split())
    assert pl.read_parquet(folder / preset / f"{preset}.parquet").height == n_rows
