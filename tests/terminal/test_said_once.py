"""Warnings that many jobs of a sweep give alike."""

import logging
import multiprocessing
import subprocess
import sys
from pathlib import Path

import pytest

from distexp.terminal.once import Once, said_once


def test_many_processes_say_a_warning_once(capfd: pytest.CaptureFixture[str]) -> None:
    """Another text is said too, and after the sweep the first may be said again."""
    logger = logging.getLogger("distexp.experiment")
    context = multiprocessing.get_context("fork")
    for _ in range(2):
        with said_once():
            for said in ("few questions", "few questions", "no price"):
                child = context.Process(target=logger.warning, args=(said,))
                child.start()
                child.join()
        assert capfd.readouterr().err.splitlines() == [
            f"distexp: warning: {said}" for said in ("few questions", "no price")
        ]


def test_warning_is_said_where_nothing_can_be_remembered(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Rather twice than not at all."""
    handler = Once(tmp_path / "gone")
    for _ in range(2):
        handler.emit(logging.LogRecord("distexp", logging.WARNING, "", 0, "few", None, None))
    assert capsys.readouterr().err == "distexp: warning: few\n" * 2


@pytest.mark.parametrize(("more", "times"), [((), 1), (("dry_run=true",), 1), (("--quiet",), 0)])
def test_sweep_over_few_questions_warns_once(
    tmp_path: Path, more: tuple[str, ...], times: int
) -> None:
    """Not once a job, in lines as wide as others; --quiet says none, and a forecast has it."""
    shown = subprocess.run(
        [
            sys.executable, "-m", "distexp", "-m", "model=mock", "calibrator=ridge",
            "evaluation.seed=1,2,3", "dataset.questions=[natspac,natheal,abany,abdefect]",
            "progress=false", "evaluation.n_bootstrap=20", "evaluation.n_splits=2", *more,
        ],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert (shown.stderr + shown.stdout * bool(more)).count("No verdict is possible") == times
    assert max(map(len, (shown.stderr + shown.stdout).splitlines()), default=0) <= 100
