"""What becomes of a cache whose folder or clock changes under it."""

import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cache.answers import Command, Opener, ask, error_line, put, sql, text_of

GONE = "was deleted or replaced while it was in use"


@pytest.mark.parametrize(
    "lose",
    [
        shutil.rmtree,
        lambda folder: folder.rename(folder.with_name("moved")),
        lambda folder: (folder / "cache.db").unlink(),
    ],
    ids=["deleted", "moved away", "database deleted"],
)
def test_a_cache_that_is_lost_while_in_use_is_reported_and_the_answer_kept(
    folder: Path, opened: Opener, lose: Callable[[Path], object]
) -> None:
    """What was paid for is in the new database that the message names, and storing goes on."""
    cache = opened()
    put(cache, ask(0), "before")
    lose(folder)

    assert GONE in error_line(lambda: put(cache, ask(1), "paid"))

    assert text_of(opened(), ask(1)) == "paid"
    assert put(cache, ask(2), "next").response.text == text_of(opened(), ask(2)) == "next"
    assert cache.known([ask(0)]) == set()


def test_adopting_into_a_cache_that_is_lost_is_reported(
    filled: Path, tmp_path: Path, opened: Opener
) -> None:
    """As storing is."""
    cache = opened(path=tmp_path / "target")
    put(cache, ask(0))
    shutil.rmtree(tmp_path / "target")
    record = opened().get_many([ask(1)])[ask(1).key]

    assert GONE in error_line(lambda: cache.adopt([(ask(1).key, record.to_json())]))

    assert text_of(opened("replay", tmp_path / "target"), ask(1)) == "answer 1"


def test_a_folder_can_be_a_link(folder: Path, tmp_path: Path, opened: Opener) -> None:
    """Under both names it is one cache: answers, claims, and readers while it is written."""
    real = tmp_path / "real"
    real.mkdir()
    folder.symlink_to(real)
    by_link, by_name = opened(path=folder), opened(path=real)

    put(by_link, ask(0), "by link")
    put(by_name, ask(1), "by name")

    assert text_of(opened("replay", real), ask(0)) == "by link"
    assert text_of(opened("replay", folder), ask(1)) == "by name"
    assert by_link.claim(ask(2))
    assert not by_name.claim(ask(2))


def test_a_database_can_be_a_link(filled: Path, tmp_path: Path, opened: Opener) -> None:
    """What a writer has just put into its log is read through a link to the database as well."""
    linked = tmp_path / "linked"
    linked.mkdir()
    (linked / "cache.db").symlink_to(filled / "cache.db")

    put(opened(), ask(10), "in the log")

    assert text_of(opened("replay", linked), ask(10)) == "in the log"
    assert text_of(opened("replay", linked), ask(0)) == "answer 0"


@pytest.mark.parametrize("jump_s", [3e9, -3e9])
def test_a_clock_that_jumps_changes_no_answer(
    opened: Opener, monkeypatch: pytest.MonkeyPatch, jump_s: float
) -> None:
    """A century forwards or back, the first answer is kept and none grows old."""
    wall = time.time
    put(opened(), ask(0), "before")

    monkeypatch.setattr("time.time", lambda: wall() + jump_s)
    put(opened(), ask(1), "after")
    again = put(opened(), ask(0), "again")
    monkeypatch.undo()

    assert again.response.text == text_of(opened(), ask(0)) == "before"
    assert put(opened(), ask(1), "again").response.text == "after"
    assert sql(opened().path, "SELECT count(expire_time) FROM Cache") == [(0,)]


LIMITED = """
import resource, sys
from distexp.cache import ResponseCache
from distexp.errors import CacheError
from tests.cache.answers import ask, put

resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
cache = ResponseCache(sys.argv[1])
number = 0
try:
    while True:
        put(cache, ask(number), f"answer {number}")
        number += 1
except CacheError as exc:
    print(number, exc)
"""


def test_a_file_that_cannot_grow_is_reported_and_loses_nothing(
    folder: Path, opened: Opener, command: Command
) -> None:
    """The system refuses to write more: all that was stored is there, and whole."""
    shown = subprocess.run(
        [sys.executable, "-c", LIMITED, folder, str(1_000_000)],
        capture_output=True,
        text=True,
        check=True,
    )

    number, message = shown.stdout.split(" ", 1)
    assert int(number) > 10
    assert message.startswith(f"The response cache {folder} cannot be used: ")
    assert len(message.splitlines()) == 1
    assert len(opened("replay").known([ask(n) for n in range(int(number) + 1)])) == int(number)
    put(opened(), ask(int(number)), "with room again")
    assert command("verify", "--path", folder)[0] == 0


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """Return a function that mounts a file system, which is unmounted when the test ends."""
    folders = []

    def mount(*options: str) -> Path:
        folder = tmp_path / "mounted"
        folder.mkdir(exist_ok=True)
        command = ["mount", *options, str(folder)]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("mounting file systems is not allowed here")
        folders.append(folder)
        return folder

    yield mount
    for folder in folders:
        subprocess.run(["umount", folder], check=True)


def test_a_full_file_system_is_reported_and_loses_nothing(
    mounted: Callable[..., Path], opened: Opener
) -> None:
    """The message says what to do; once there is room the same command goes on."""
    folder = mounted("-t", "tmpfs", "-o", "size=400k", "tmpfs")
    cache = opened(path=folder)
    stored = 0

    def fill() -> None:
        nonlocal stored
        while True:
            put(cache, ask(stored), "x" * 1000)
            stored += 1

    line = error_line(fill)
    assert line.endswith("Free some disk space, then run the same command again.")
    assert len(opened("replay", folder).known([ask(n) for n in range(stored + 1)])) == stored > 10
    subprocess.run(["mount", "-o", "remount,size=4m", folder], check=True)
    assert put(cache, ask(stored), "with room again").response.text == "with room again"
    cache.close()


def test_what_was_left_of_a_cache_by_who_was_killed_goes_with_the_next(
    folder: Path, opened: Opener
) -> None:
    """Also where the cache itself was in its place already."""
    put(opened(), ask(0), "made")
    left = folder / ".writing-killed"
    left.mkdir()
    (left / "lock").touch()

    put(opened(), ask(1), "another")

    assert not left.exists()


@pytest.mark.parametrize("n_kib", [20, 60, 80, 100])
def test_a_file_system_too_full_for_a_new_cache_leaves_none_that_is_broken(
    n_kib: int, mounted: Callable[..., Path], opened: Opener
) -> None:
    """Wherever the room ends while it is made, it is made once there is more."""
    folder = mounted("-t", "tmpfs", "-o", f"size={n_kib}k", "tmpfs") / "cache"

    line = error_line(opened(path=folder).check_writable)
    assert line.endswith("Free some disk space, then run the same command again.")
    subprocess.run(["mount", "-o", "remount,size=4m", folder.parent], check=True)
    assert put(opened(path=folder), ask(0), "with room").response.text == "with room"


def test_a_read_only_file_system_can_be_read(
    filled: Path, mounted: Callable[..., Path], opened: Opener, command: Command
) -> None:
    """Answers, counts and explanations come from it; storing is an error that says why."""
    folder = mounted("-o", "bind,ro", str(filled))

    assert text_of(opened("use", folder), ask(3)) == "answer 3"
    for arguments in (["stats"], ["verify"], ["explain", ask(3).key]):
        assert command(*arguments, "--path", folder)[0] == 0
    line = error_line(lambda: put(opened("use", folder), ask(99)))
    assert line.endswith("Choose a folder that can be written with cache.path=FOLDER.")
