"""A folder is of one run or sweep only."""

import multiprocessing
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from distexp.errors import DistexpError
from distexp.run_folder import RUNNING, claimed, take_away_left_by_killed


def _claim(folder: Path, start: Barrier) -> None:
    start.wait()
    with claimed(folder, or_another=True) as own:
        (own / "result").write_text("x")
        start.wait()


def test_runs_of_the_same_second_have_folders_of_their_own(tmp_path: Path) -> None:
    """Eight that start together leave eight results."""
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(8)
    runs = [context.Process(target=_claim, args=(tmp_path / "12-00-00", start)) for _ in range(8)]
    for run in runs:
        run.start()
    for run in runs:
        run.join()

    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"12-00-00", *(f"12-00-00-{number}" for number in range(2, 9))}
    assert all([one.name for one in path.iterdir()] == ["result"] for path in tmp_path.iterdir())


def test_folder_with_results_of_the_same_second_is_not_written_into(tmp_path: Path) -> None:
    """The first may be over when the second begins."""
    for name in ("a", "a-2"):
        with claimed(tmp_path / "a", or_another=True) as own:
            (own / "result").write_text("x")
            assert own == tmp_path / name


def test_folder_that_was_named_is_of_one_at_a_time(tmp_path: Path) -> None:
    """The second is told so; after the end of the first it may replace what is there."""
    with (
        claimed(tmp_path / "a", or_another=False) as own,
        pytest.raises(DistexpError, match="Another run or sweep is writing into"),
        claimed(own, or_another=False),
    ):
        pass
    with claimed(tmp_path / "a", or_another=False) as own:
        (own / "result").write_text("x")

    assert [path.name for path in own.iterdir()] == ["result"]


def test_mark_of_a_killed_run_holds_nobody_up(tmp_path: Path) -> None:
    """The file is there, and no lock on it."""
    (tmp_path / RUNNING).write_text("")

    with claimed(tmp_path, or_another=False) as own:
        assert own == tmp_path


def test_folder_without_results_goes_again(tmp_path: Path) -> None:
    """As after an error or a dry run."""
    with claimed(tmp_path / "a", or_another=True):
        pass

    assert not list(tmp_path.iterdir())


def test_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    """With its name and what to do."""
    (tmp_path / "file").write_text("")

    with (
        pytest.raises(DistexpError, match=r"cannot be written: .* Choose another one"),
        claimed(tmp_path / "file" / "a", or_another=False),
    ):
        pass


def test_what_killed_runs_left_beside_goes(tmp_path: Path) -> None:
    """In the folders of runs, and of the jobs of sweeps, of the last days."""
    half = [tmp_path / "2026-01-02/a/.writing-x", tmp_path / "2026-01-01/b/0/.writing-y"]
    for folder in half:
        folder.mkdir(parents=True)
        (folder / "lock").write_text("")

    take_away_left_by_killed(tmp_path / "2026-01-02" / "c")

    assert not any(folder.exists() for folder in half)
