"""Files that are whole or not there: each is made beside its place, and then put there.

What is being made stands in a folder `.writing-…`, which its process has locked. One that is left
by a process that was killed is taken away by the next that writes beside it.
"""

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

PREFIX = ".writing-"
_LOCK, _MADE = "lock", "made"
_OLD_S = 86_400
"""Without its lock, as older versions left it, a folder is taken away after a day."""


@contextmanager
def beside(folder: Path) -> Iterator[Path]:
    """Return a new folder below `folder` that is taken away at the end.

    Parameters
    ----------
    folder : Path
        Made if it does not exist.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    take_away_left(folder)
    own, lock = _locked(folder)
    try:
        made = own / _MADE
        made.mkdir()
        yield made
    finally:
        os.close(lock)
        shutil.rmtree(own, ignore_errors=True)


@contextmanager
def file(path: Path) -> Iterator[Path]:
    """Return where to make the file that will be `path`; what is there is replaced.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    with beside(path.parent) as folder:
        made = folder / path.name
        yield made
        os.replace(made, path)  # noqa: PTH105 - replaces, unlike rename


@contextmanager
def files(folder: Path, *, last: Sequence[str] = ()) -> Iterator[Path]:
    """Return where to make files that will all be in `folder`, those named in `last` at the end.

    Each replaces one that is there. Nothing is put there if making one of them fails.

    Raises
    ------
    OSError
        If they cannot be written.
    """
    with beside(folder) as made:
        yield made
        for path in sorted(made.iterdir(), key=lambda path: (path.name in last, path.name)):
            os.replace(path, folder / path.name)  # noqa: PTH105 - replaces, unlike rename


def take_away_left(folder: Path) -> None:
    """Take away what killed processes have left in a folder, and nobody is writing."""
    for left in folder.glob(f"{PREFIX}*"):
        with suppress(OSError):  # gone by now, or not ours to remove
            if _is_left(left):
                shutil.rmtree(left)


def _is_left(folder: Path) -> bool:
    """Tell whether the process that made a folder is over; if so, its lock is gone."""
    try:
        lock = os.open(folder / _LOCK, os.O_RDWR | os.O_NOFOLLOW)
    except FileNotFoundError:
        return time.time() - folder.lstat().st_mtime > _OLD_S
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        (folder / _LOCK).unlink()
    finally:
        os.close(lock)
    return True


def _locked(folder: Path) -> tuple[Path, int]:
    """Make a folder, and lock it; another one where it was taken for left over before that."""
    while True:
        own = Path(tempfile.mkdtemp(dir=folder, prefix=PREFIX))
        lock = os.open(own / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            is_taken = not (own / _LOCK).exists()
        except BlockingIOError:
            is_taken = True
        except OSError:  # a file system without locks: there nothing is taken away
            is_taken = False
        if not is_taken:
            return own, lock
        os.close(lock)
