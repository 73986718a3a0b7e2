"""What a run leaves in its folder, and that a folder is of one run or sweep only."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

from distexp.atomic import take_away_left
from distexp.errors import DatasetError, DistexpError

CONFIG, OVERRIDES = "config.yaml", "overrides.yaml"
"""What was composed, from what."""
REQUESTS = "requests.txt"
"""The keys of all answers used, one a line."""
PROVENANCE, SUMMARY = "provenance.json", "summary.json"
PREDICTIONS, SCORES = "predictions.parquet", "scores.parquet"
COMPARISONS, CASES = "comparisons.parquet", "cases.parquet"
NEW_TOPICS = "new_topics.parquet"
GROUP_SCORES, SPREADS = "group_scores.parquet", "spreads.parquet"
"""How close each group of people is, and how far apart the groups are."""
REFITS = "refits.parquet"
"""What leaving groups of questions out of the fits does to the means."""
UNREADABLE, TRIALS = "unreadable.parquet", "trials.parquet"
REPLIES, QUESTIONS = "replies.parquet", "questions.parquet"
"""Prompts and replies, and the questions, word for word."""
ESTIMATES = "estimates.parquet"
"""Of open cases, where there are any."""
SENTENCES = "sentences.json"
"""What the run says in words."""
DISTRIBUTIONS, ALIGNMENT = "distributions.svg", "alignment.svg"
CALIBRATED = "calibrated_"
"""How columns of `predictions.parquet` with calibrators' shares begin; a name follows."""
REPORT = "report.md"
"""Written last: where it is, the run is complete."""
PAGE, INDEX = "report.html", "index.html"
"""For people: of a run or a sweep, and of any folder of runs; made from the other files alone."""
FAILURES = "failures.md"
"""Of a sweep: the jobs that failed, and why."""
RUNNING = ".running"
"""There and locked while a run or a sweep is at work."""
N_DAYS = 2
"""Folders of so many days are looked through for what killed runs left."""


@contextmanager
def claimed(folder: Path, *, or_another: bool) -> Iterator[Path]:
    """Return a folder for one run or sweep alone, as long as it lasts.

    Parameters
    ----------
    folder : Path
        Made if it does not exist.
    or_another : bool
        Whether `FOLDER-2` and so on will do where another has taken it or left something in it,
        as for a folder that is named after the second; else what is in it is replaced.

    Raises
    ------
    DistexpError
        If another run is at work in it, or it cannot be written.
    """
    try:
        own, lock = _first_free(folder) if or_another else (folder, _lock(folder))
    except OSError as exc:
        msg = f"The folder {folder} cannot be written: {exc.strerror}. Choose another one."
        raise DistexpError(msg) from exc
    if lock is None:
        msg = (
            f"Another run or sweep is writing into {folder}. Wait for its end or choose another "
            f"folder; if there is none, delete {folder / RUNNING}."
        )
        raise DistexpError(msg)
    try:
        yield own
    finally:
        with suppress(OSError):
            (own / RUNNING).unlink()
        os.close(lock)
        with suppress(OSError):  # without results it goes again
            own.rmdir()


def take_away_left_by_killed(folder: Path) -> None:
    """Take away what killed runs or sweeps left half-written in the folders beside this one.

    Parameters
    ----------
    folder : Path
        Stands in one of a day, with others of runs, or of sweeps with their jobs.
    """
    with suppress(OSError):
        days = sorted(day for day in folder.parent.parent.iterdir() if day.is_dir())
        for day in days[-N_DAYS:]:
            for pattern in ("*", "*/*"):
                for one in day.glob(f"{pattern}/"):
                    take_away_left(one)


def _first_free(folder: Path) -> tuple[Path, int | None]:
    """Lock the first of `FOLDER`, `FOLDER-2` … that nobody uses and that is empty."""
    for number in count(1):
        own = folder if number == 1 else folder.with_name(f"{folder.name}-{number}")
        lock = _lock(own)
        if lock is None:
            continue
        if all(path.name.startswith(".") or path.suffix == ".log" for path in own.iterdir()):
            return own, lock  # at most what Hydra, or a killed run, writes before all results
        (own / RUNNING).unlink()
        os.close(lock)
    raise AssertionError


def _lock(folder: Path) -> int | None:
    """Take a folder; None where another has it, or cannot be told to have ended."""
    folder.mkdir(parents=True, exist_ok=True)
    while True:
        path, flags = folder / RUNNING, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW
        is_new = True
        try:
            lock = os.open(path, flags | os.O_EXCL, 0o600)
        except FileExistsError:
            is_new = False
            lock = os.open(path, flags, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            if is_new and not isinstance(exc, BlockingIOError):
                return lock  # a file system without locks: whoever makes the file has the folder
            os.close(lock)
            return None
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(lock), path.lstat()):
                return lock
        os.close(lock)


def read_yaml(text: str) -> object:
    """Read YAML as plain data, by the fast reader where there is one."""
    import yaml

    try:
        return yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (yaml.YAMLError, RecursionError) as exc:
        msg = f"The settings of a run are no YAML: {exc}. Run it again, which costs nothing."
        raise DatasetError(msg) from exc
