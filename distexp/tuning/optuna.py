"""How to search: the settings of Optuna, its storage and the progress bar."""

import contextlib
import hashlib
import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from distexp.checks import check_bool, check_int, check_number, check_text, parameter_error
from distexp.errors import ConfigError
from distexp.terminal.line import Line
from distexp.tuning.space import Setting, Space

if TYPE_CHECKING:
    import optuna


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
        Whether to show on standard error how many trials are over.

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
        storage = self.open_storage()
        line = Line(shown=self.progress, stays=False)
        try:
            yield Session(self, storage, Trials(n_searches * self.n_trials, line))
        finally:
            line.close()

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


N_COMPLETE = 5
"""Trials that are run to their end before any is pruned."""


N_FOLDS_SEEN = 2
"""Folds that a trial is judged by at the least: a single one says too little."""


_NUMBER = "number"


Losses = Callable[[Setting], Iterator[Sequence[float]]]
"""Yields the mean loss after each fold; several at a time where one effort gives them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One setting tried, and what came of it."""

    setting: Setting
    state: str
    """`complete`, or `pruned` where the first folds showed that it is not the best."""
    value: float
    """Mean loss over the folds; of a pruned trial, over those it saw."""


class Trials:
    """Shows how many trials are over.

    Parameters
    ----------
    total : int
    line : Line
    """

    def __init__(self, total: int, line: Line) -> None:
        self._total = total
        self._line = line
        self._over = 0

    def update(self, n: int = 1) -> None:
        """Count trials that are over."""
        self._over += n
        self._line.tick(
            lambda: f"tuning: {self._over:,} of {self._total:,} trials",
            self._over / self._total,
        )


class Session:
    """Searches that share a storage and a progress bar; made by `OptunaTuning.session`."""

    def __init__(
        self,
        tuning: "OptunaTuning",
        storage: "optuna.storages.BaseStorage | None",
        bar: "Trials",
    ) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)  # else a line for every trial
        self.tuning = tuning
        self.storage = storage
        self.bar = bar

    def search(
        self, space: Space, given: Sequence[Setting], losses: Losses, subject: str
    ) -> list[Trial]:
        """Try settings one after the other.

        Each depends on the seed and on those before it alone, so a search that was broken off and
        continued ends as if it had not been.

        Parameters
        ----------
        space : Space
        given : sequence of Setting
            Tried before all others, as far as they lie in the space.
        losses : callable
            See `Losses`.
        subject : str
            Says everything that the losses depend on: trials are known again by it.

        Returns
        -------
        list of Trial
            In the order tried; the first is complete.

        Raises
        ------
        ConfigError
            If the storage can no longer be written.
        """
        started, n_trials = time.monotonic(), self.tuning.n_trials
        study, kept = self._studies(subject)
        every = space.every() if space.n_settings <= n_trials else None
        settings = [space.read(trial.params) for trial in study.trials]
        self.bar.update(len(settings))
        while len(settings) < n_trials and not (settings and self._is_late(started)):
            first = given[len(settings) :]
            if every is not None and not (first := [s for s in every if s not in settings]):
                break
            tried = self._tried(study, space, first[:1], losses)
            settings.append(space.read(tried.params))
            if kept is not None:
                self._keep(kept, tried)
            self.bar.update()
        self.bar.update(n_trials - len(settings))
        return [
            Trial(setting=setting, state=trial.state.name.lower(), value=trial.values[0])
            for setting, trial in zip(settings, study.trials, strict=True)
        ]

    def _studies(self, subject: str) -> "tuple[optuna.Study, optuna.Study | None]":
        """Return a study in memory with the trials that are known, and the one that keeps them.

        Only finished trials are written, each in one line: a process may end at any point.
        """
        import optuna

        tuning, pruners = self.tuning, optuna.pruners
        pruner = pruners.MedianPruner(N_COMPLETE, N_FOLDS_SEEN - 1)
        study = optuna.create_study(pruner=pruner if tuning.pruner else pruners.NopPruner())
        if self.storage is None:
            return study, None
        how = [subject, tuning.n_folds, tuning.sampler, tuning.pruner, tuning.seed]
        name = hashlib.sha256(json.dumps(how).encode()).hexdigest()
        kept = optuna.create_study(storage=self.storage, study_name=name, load_if_exists=True)
        # Two processes at the same search write the same trials twice.
        known = {trial.user_attrs[_NUMBER]: trial for trial in kept.trials}
        study.add_trials([known[number] for number in range(min(len(known), tuning.n_trials))])
        return study, kept

    def _keep(self, kept: "optuna.Study", tried: "optuna.trial.FrozenTrial") -> None:
        try:
            kept.add_trial(tried)
        except OSError as exc:
            msg = f"Trials cannot be written to {self.tuning.storage} (tuning.storage): {exc}."
            raise ConfigError(msg) from exc

    def _tried(
        self, study: "optuna.Study", space: Space, first: Sequence[Setting], losses: Losses
    ) -> "optuna.trial.FrozenTrial":
        """Try the setting to be tried first, or else what the sampler takes from the space."""
        from optuna.trial import TrialState

        number = len(study.trials)
        study.sampler = self._sampler(number)
        for setting in first:
            study.enqueue_trial(space.inside(setting).flat())
        trial = study.ask()
        trial.set_user_attr(_NUMBER, number)
        setting = space.suggest(trial)
        step, value = 0, math.nan
        for values in _known(study, space, setting) or losses(setting):
            for value in values:
                trial.report(value, step)
                step += 1
            if step < self.tuning.n_folds and trial.should_prune():
                return study.tell(trial, state=TrialState.PRUNED)
        return study.tell(trial, value)

    def _sampler(self, number: int) -> "optuna.samplers.BaseSampler":
        """Return a sampler of the trial's own, so that earlier draws need not be repeated."""
        from optuna import samplers

        (seed,) = np.random.SeedSequence([self.tuning.seed, number]).generate_state(1).tolist()
        random = self.tuning.sampler == "random"
        return samplers.RandomSampler(seed) if random else samplers.TPESampler(seed=seed)

    def _is_late(self, started: float) -> bool:
        timeout_s = self.tuning.timeout_s
        return timeout_s is not None and time.monotonic() - started > timeout_s


def _known(study: "optuna.Study", space: Space, setting: Setting) -> list[list[float]]:
    """Return the losses of a setting that was tried to its end before: nothing is done twice."""
    from optuna.trial import TrialState

    return [
        list(trial.intermediate_values.values())
        for trial in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        if space.read(trial.params) == setting
    ][:1]
