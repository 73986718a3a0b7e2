"""Optuna's search: seeded, resumable, with pruning; it knows nothing of calibrators."""

import hashlib
import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Never

import numpy as np

from distexp.errors import ConfigError
from distexp.tuning.space import Setting, Space

if TYPE_CHECKING:
    import optuna
    from tqdm import tqdm

    from distexp.tuning.optuna import OptunaTuning

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


class Session:
    """Searches that share a storage and a progress bar; made by `OptunaTuning.session`."""

    def __init__(
        self,
        tuning: "OptunaTuning",
        storage: "optuna.storages.BaseStorage | None",
        bar: "tqdm[Never]",
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
