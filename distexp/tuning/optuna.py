"""How to search: the settings of Optuna, its storage and the progress bar."""

import contextlib
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from distexp.checks import check_bool, check_int, check_number, check_text, parameter_error
from distexp.errors import ConfigError
from distexp.tuning.search import Session

if TYPE_CHECKING:
    import optuna

SAMPLERS = ("tpe", "random")
PRUNERS = ("median", None)
LOCK_S = 3
"""Seconds after which a lock on the storage is taken for that of a dead process. A lock is held
for one line; Optuna warns of less."""


@dataclass(frozen=True, kw_only=True)
class OptunaTuning:
    """How settings are searched.

    Parameters
    ----------
    n_trials : int
        Settings tried in each search. A space that holds no more is tried whole, each once.
    n_folds : int
        Folds that a setting is judged by, at least 2.
    sampler : {"tpe", "random"}
        Tree-structured Parzen estimator, or random settings.
    pruner : {"median"} or None
        Whether a trial is given up as soon as it is behind the median of the others.
    seed : int
        Of the sampler.
    storage : str, optional
        File of Optuna's journal that finished trials are written to and known from; None forgets
        them.
    timeout_s : float, optional
        Seconds after which a search starts no more trials. What is found then depends on the
        speed of the machine.
    progress : bool
        Whether to show a progress bar on standard error, where that is a terminal.

    References
    ----------
    arXiv 1907.10902 (Optuna); arXiv 2304.11127 (the sampler).
    """

    n_trials: int = 30
    n_folds: int = 5
    sampler: str = "tpe"
    pruner: str | None = "median"
    seed: int = 0
    storage: str | None = None
    timeout_s: float | None = None
    progress: bool = True

    def __post_init__(self) -> None:
        check_int("tuning", "n_trials", self.n_trials, minimum=1)
        check_int("tuning", "n_folds", self.n_folds, minimum=2)
        check_int("tuning", "seed", self.seed, minimum=0)
        check_bool("tuning", "progress", self.progress)
        if self.sampler not in SAMPLERS:
            wanted = f"one of {', '.join(SAMPLERS)}"
            raise parameter_error("tuning", "sampler", wanted, self.sampler)
        if self.pruner not in PRUNERS:
            raise parameter_error("tuning", "pruner", "median or null", self.pruner)
        if self.storage is not None:
            check_text("tuning", "storage", self.storage)
        if self.timeout_s is not None:
            check_number("tuning", "timeout_s", self.timeout_s, low=0, low_open=True)

    @contextlib.contextmanager
    def session(self, n_searches: int) -> "Iterator[Session]":
        """Open the storage, and one progress bar over the trials of all searches.

        Raises
        ------
        ConfigError
            If the storage is no journal or cannot be written.
        """
        from tqdm import tqdm

        storage = self.open_storage()
        with tqdm(
            total=n_searches * self.n_trials,
            desc="tuning",
            unit="trial",
            disable=not self.progress or not sys.stderr.isatty(),
            file=sys.stderr,
        ) as bar:
            yield Session(self, storage, bar)

    def open_storage(self) -> "optuna.storages.BaseStorage | None":
        """Open the journal, or make it; None where there is none.

        Raises
        ------
        ConfigError
            If the file is no journal or cannot be written.
        """
        if self.storage is None:
            return None
        from optuna.storages import journal

        path = Path(self.storage).absolute()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = journal.JournalFileOpenLock(str(path), grace_period=LOCK_S)
            with path.open("a+b") as file:
                file.seek(0)
                first = file.readline()
                if first:
                    json.loads(first)["op_code"]
            return journal.JournalStorage(journal.JournalFileBackend(str(path), lock_obj=lock))
        except (OSError, ValueError, KeyError, TypeError) as exc:
            msg = (
                f"The 'storage' parameter of tuning must be a file of Optuna's journal, or a new "
                f"one. {self.storage} cannot be opened as such: {exc!r}."
            )
            raise ConfigError(msg) from exc
