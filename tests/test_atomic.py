"""Files are whole or not there, and what a killed process leaves goes away."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from distexp import atomic

DIES = """
import os, signal, sys
from pathlib import Path
from distexp import atomic
with atomic.files(Path(sys.argv[1])) as made:
    (made / "half").write_text("x")
    print("ready", flush=True)
    if sys.argv[2] == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    sys.stdin.read()
"""


def left(folder: Path) -> list[Path]:
    """Return what is being written below a folder."""
    return list(folder.glob(".writing-*"))


def writer(folder: Path, what: str) -> subprocess.Popen[str]:
    """Start a process that is in the middle of writing."""
    process = subprocess.Popen(
        [sys.executable, "-c", DIES, folder, what],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def test_file_is_replaced_only_when_it_is_whole(tmp_path: Path) -> None:
    """An error in between leaves what was there, and nothing else."""
    path = tmp_path / "new" / "x.txt"
    with atomic.file(path) as made:
        made.write_text("first")

    with pytest.raises(FileNotFoundError), atomic.file(path) as made:
        (made / "nowhere").write_text("sec")

    assert path.read_text() == "first"
    assert list(path.parent.iterdir()) == [path]


def test_files_come_together_and_the_last_is_last(tmp_path: Path) -> None:
    """None is there before all are made."""
    with atomic.files(tmp_path, last=["a"]) as made:
        for name in ("a", "b", "c"):
            (made / name).write_text(name)
        assert [path.name for path in tmp_path.iterdir()] == [path.name for path in left(tmp_path)]

    times = {name: (tmp_path / name).stat().st_ctime_ns for name in ("a", "b", "c")}
    assert max(times, key=lambda name: times[name]) == "a"
    assert not left(tmp_path)


def test_what_a_killed_process_left_goes_with_the_next(tmp_path: Path) -> None:
    """Its lock has gone with it."""
    writer(tmp_path, "die").communicate()
    assert len(left(tmp_path)) == 1

    with atomic.file(tmp_path / "x") as made:
        made.write_text("x")

    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_what_a_living_process_writes_stays(tmp_path: Path) -> None:
    """It holds the lock, and ends as if nobody else had written."""
    process = writer(tmp_path, "live")

    with atomic.file(tmp_path / "x") as made:
        made.write_text("x")
    assert len(left(tmp_path)) == 1
    process.communicate("")

    assert sorted(path.name for path in tmp_path.iterdir()) == ["half", "x"]


def test_folder_of_an_older_version_goes_after_a_day(tmp_path: Path) -> None:
    """It has no lock, so that only its age can tell."""
    new, old = tmp_path / ".writing-new", tmp_path / ".writing-old"
    new.mkdir()
    old.mkdir()
    os.utime(old, (0, 0))

    atomic.take_away_left(tmp_path)

    assert left(tmp_path) == [new]


def test_link_is_not_followed(tmp_path: Path) -> None:
    """A link that is called like one leads to something that is not ours."""
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "lock").write_text("")
    (tmp_path / ".writing-x").symlink_to(tmp_path / "theirs")

    atomic.take_away_left(tmp_path)

    assert (tmp_path / "theirs").is_dir()
