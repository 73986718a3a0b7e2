"""Candidates and their settings, searched by Optuna on the training questions alone."""

import json
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from typing import Any, Self

import numpy as np

from distexp.calibrator.fitting.parameters import Parameters, check_fitted, clone
from distexp.calibrator.fitting.training import OBJECTIVES, Training
from distexp.checks import parameter_error
from distexp.errors import ConfigError
from distexp.metrics.ties import least
from distexp.protocols import Calibrator
from distexp.tuning.optuna import OptunaTuning, Session
from distexp.tuning.space import Setting, Space, Value, domain
from distexp.types import Design, FloatArray


class Tuned(Parameters):
    """Searches candidates and their parameters, and fits with the best setting.

    A setting is judged by the mean distance of held-out distributions: inner folds hold out
    training questions, all groups' cases at once. The least value wins, the first of equal ones.
    Without `search`, and with fewer questions than folds, nothing is tried and the first
    candidate is fitted as given.

    Parameters
    ----------
    candidates : mapping of str to mapping
        By name, `calibrator`, a calibrator that is a scikit-learn estimator, and `space`, the
        values to search by parameter: a list of choices, or a range with `low`, `high` and, where
        true, `log` and `integer`. `__` reaches a nested parameter, as in `regressor__alpha`. The
        calibrators as given are tried first.
    objective : {"distance", "w1", "tv", "kl", ...}
        `distance` is Wasserstein-1, and total variation for nominal questions, which `w1` leaves
        out.
    search : OptunaTuning, optional
        How to search.

    Attributes
    ----------
    candidate_ : str
        The name of the candidate chosen.
    settings_ : dict of str to value
        The best values of its parameters; empty where nothing was tried.
    calibrator_ : calibrator
        Fitted on all training cases with them.
    trials_ : list of dict of str to value
        What was tried, as in `distexp.tuning.trials`; `split` counts the fits of `fit_predict`.
    """

    def __init__(
        self,
        candidates: Mapping[str, Mapping[str, Any]],
        objective: str = "distance",
        search: OptunaTuning | None = None,
    ) -> None:
        self.candidates = candidates
        self.objective = objective
        self.search = search

    @property
    def scope(self) -> str:
        """`tuned`: a parameter of the candidates, searched like any other."""
        return "tuned"

    def check_params(self) -> None:
        """Raise `ConfigError` if a parameter is wrong, or any value that could be tried."""
        if self.objective not in OBJECTIVES:
            wanted = f"one of {', '.join(OBJECTIVES)}"
            raise parameter_error("Tuned", "objective", wanted, self.objective)
        if self.search is not None:
            if not isinstance(self.search, OptunaTuning):
                wanted = "null or a file of the group tuning"
                raise parameter_error("Tuned", "search", wanted, self.search)
            self.search.open_storage()
        for name, domains in self._space().candidates.items():
            tried = [{parameter: v} for parameter, of_one in domains.items() for v in of_one.ends]
            for values in [{}, *tried]:
                try:
                    self._made(Setting(candidate=name, values=values)).check_params()
                except ValueError as exc:  # a wrong value, or no such parameter
                    raise ConfigError(f"In candidate {name!r} of Tuned: {exc}") from exc

    @property
    def n_trials(self) -> int:
        """Settings that a fit tries, at most."""
        if self.search is None:
            return 0
        return int(min(self.search.n_trials, self._space().n_settings))

    @property
    def n_rehearsals(self) -> float:
        """How many times as long as its rehearsal a fit takes, about: early ends do not count."""
        if self.search is None:
            return 1.0
        n_folds = self.search.n_folds
        return (self.n_trials * n_folds + 1) / (len(self.candidates) * n_folds + 1)

    def rehearsal(self) -> Self:
        """Return an unfitted copy that tries each candidate as given, and keeps nothing."""
        search = self.search
        if search is not None:
            n_trials = len(self.candidates)
            search = replace(search, n_trials=n_trials, storage=None, progress=False)
        return type(self)(self.candidates, self.objective, search)

    def fit(self, X: Design, y: FloatArray, sample_weight: FloatArray | None = None) -> Self:
        """Search and learn; see `distexp.protocols.Calibrator`."""
        weights = np.ones((1, len(y))) if sample_weight is None else sample_weight[None]
        ((setting, self.calibrator_),) = self._fits(X, y, weights)
        self.candidate_, self.settings_ = setting.candidate, dict(setting.values)
        return self

    def predict(self, X: Design) -> FloatArray:
        """Return distributions of shape (n_cases, max_options): rows sum to 1, 0 in padding."""
        check_fitted(self)
        calibrated: FloatArray = self.calibrator_.predict(X)
        return calibrated

    def fit_predict(self, X: Design, y: FloatArray, weights: FloatArray) -> FloatArray:
        """Search and fit for each row of `weights`; see `distexp.protocols.BatchCalibrator`.

        Remembered are the trials alone.
        """
        return np.array([fitted.predict(X) for _, fitted in self._fits(X, y, weights)])

    def _fits(
        self, X: Design, y: FloatArray, weights: FloatArray
    ) -> Iterator[tuple[Setting, Calibrator]]:
        """Yield the best setting for each row of `weights`, and a calibrator fitted with it."""
        self.check_params()
        self.trials_: list[dict[str, Any]] = []
        with (
            nullcontext() if self.search is None else self.search.session(len(weights)) as session
        ):
            for split, row in enumerate(weights):
                kept = row > 0
                weight = None if (row[kept] == 1).all() else row[kept]
                training = Training(X.take(kept), y[kept], weight)
                setting = self._best(training, session, split)
                fitted = self._made(setting).fit(training.X, training.y, training.weight)
                yield setting, fitted

    def _best(self, training: Training, session: Session | None, split: int) -> Setting:
        """Return the best setting; the first candidate as given where nothing can be tried."""
        space, n_questions = self._space(), len(np.unique(training.X.together))
        if session is None or n_questions < session.tuning.n_folds:
            return Setting(candidate=next(iter(space.candidates)), values={})
        trials = session.search(
            space,
            given=[self._given(name, domains) for name, domains in space.candidates.items()],
            losses=partial(self._losses, training, session.tuning.n_folds),
            subject=self._subject(training),
        )
        complete = [trial for trial in trials if trial.state == "complete"]
        best = complete[least([trial.value for trial in complete])]
        self.trials_ += [
            {
                "split": split,
                "trial": number,
                "candidate": trial.setting.candidate,
                "state": trial.state,
                "value": trial.value,
                "chosen": trial is best,
                "params": json.dumps(trial.setting.values),
            }
            for number, trial in enumerate(trials)
        ]
        return best.setting

    def _losses(self, training: Training, n_folds: int, setting: Setting) -> Iterator[list[float]]:
        """Yield the mean held-out distance after each fold; say which setting cannot be fitted."""
        try:
            yield from training.losses(self._made(setting), self.objective, n_folds)
        except (ValueError, TypeError) as exc:
            reason, values = " ".join(str(exc).split()), dict(setting.values)
            msg = (
                f"Candidate {setting.candidate!r} of Tuned cannot be fitted at {values}: {reason}"
            )
            raise ConfigError(msg) from exc

    def _space(self) -> Space:
        """Read the candidates."""
        wanted = "a mapping of names to candidates, each with calibrator and space"
        if not isinstance(self.candidates, Mapping) or not self.candidates:
            raise parameter_error("Tuned", "candidates", wanted, self.candidates)
        spaces = {}
        for name, candidate in self.candidates.items():
            if not isinstance(candidate, Mapping) or set(candidate) != {"calibrator", "space"}:
                raise parameter_error("Tuned", "candidates", wanted, self.candidates)
            place = f"candidates.{name}"
            calibrator, space = candidate["calibrator"], candidate["space"]
            if not hasattr(calibrator, "get_params") or not isinstance(calibrator, Calibrator):
                of_kind = "a calibrator that is a scikit-learn estimator"
                raise parameter_error("Tuned", f"{place}.calibrator", of_kind, calibrator)
            if not isinstance(space, Mapping):
                raise parameter_error("Tuned", f"{place}.space", "a mapping of parameters", space)
            spaces[name] = {
                parameter: domain("Tuned", f"{place}.space.{parameter}", values)
                for parameter, values in space.items()
            }
        return Space(spaces)

    def _made(self, setting: Setting) -> Any:
        """Return the unfitted calibrator with these values in place of its own."""
        return clone(self.candidates[setting.candidate]["calibrator"]).set_params(**setting.values)

    def _given(self, name: str, domains: Mapping[str, object]) -> Setting:
        """Return the candidate's own values of the parameters that are searched."""
        params = self.candidates[name]["calibrator"].get_params()
        return Setting(
            candidate=name, values={parameter: params[parameter] for parameter in domains}
        )

    def _subject(self, training: Training) -> str:
        """Say everything that a setting's losses depend on, for the storage to know it again."""
        versions = {package: version(package) for package in ("distexp", "scikit-learn")}
        return json.dumps(
            [versions, training.digest(), self.objective, _described(self.candidates)]
        )


def _described(part: Any) -> Any:
    """Return the classes and parameters of whatever may be a candidate, as JSON can hold them."""
    if isinstance(part, Mapping):
        return {str(name): _described(value) for name, value in part.items()}
    if isinstance(part, list | tuple):
        return [_described(value) for value in part]
    if hasattr(part, "get_params") and not isinstance(part, type):
        kind = f"{type(part).__module__}.{type(part).__qualname__}"
        return [kind, _described(part.get_params(deep=False))]
    return part if isinstance(part, Value) else repr(part)
