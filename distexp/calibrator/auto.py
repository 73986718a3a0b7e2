"""Choice among calibrators by evidence inside the training questions.

Cards of before `distexp.calibrator.evidence` hold it; no configuration does any more.
"""

from collections.abc import Mapping

import numpy as np

from distexp.calibrator.fitting.base import N_FOLDS, Scoped, cross_predict, question_folds
from distexp.calibrator.fitting.parameters import Parameters, check_fitted, clone
from distexp.checks import check_int, check_number, parameter_error
from distexp.errors import ConfigError
from distexp.metrics.distance import distance
from distexp.metrics.ties import EQUAL, least
from distexp.protocols import Calibrator
from distexp.types import BoolArray, Design, FloatArray, IntArray

COMPARABLE = 20
"""Training questions needed to compare candidates. On recorded answers a choice by leaving out one
of 5 or 10 questions harmed some studies, and gained less than `Decomposed` without a choice."""


class Auto(Scoped, Parameters):
    """Chooses one of several calibrators, the simplest that the best does not clearly beat.

    The candidates stand from the simplest to the most complex, and the first should change
    nothing. Each is cross-validated by question inside the training questions; a question's loss
    is the mean distance over its cases, Wasserstein-1 or for nominal questions total variation.
    Chosen is the first candidate whose mean loss exceeds the least one by no more than
    `n_standard_errors` standard errors of their difference, paired by question. With fewer than
    `COMPARABLE` training questions nothing can be compared, and the last candidate that may be
    chosen with so few is.

    Parameters
    ----------
    candidates : mapping of str to Calibrator
        In the order of complexity.
    min_questions : mapping of str to int
        By candidate, the least number of training questions with which it may be chosen; the
        first candidate may always be. A mean of few questions can look good by chance on those
        few, and is far off where it is wrong.
    n_standard_errors : float
        At least 0; 0 takes the best.
    scope : {"pooled", "per_group", "partial"}
        See `distexp.calibrator.fitting.base.Scoped`: with `per_group` each group has a choice of
        its own.

    Attributes
    ----------
    chosen_ : str
        The name of the candidate chosen.
    calibrator_ : Calibrator
        That candidate, fitted on all training cases.
    losses_ : dict of str to float
        Mean loss of each candidate over the training questions; empty where none was compared.

    References
    ----------
    Breiman, Friedman, Olshen and Stone (1984), "Classification and Regression Trees", section
    3.4.3, for the one-standard-error rule.
    """

    def __init__(
        self,
        candidates: Mapping[str, Calibrator],
        min_questions: Mapping[str, int],
        n_standard_errors: float = 1.0,
        scope: str = "pooled",
    ) -> None:
        self.candidates = candidates
        self.min_questions = min_questions
        self.n_standard_errors = n_standard_errors
        self.scope = scope

    def check_params(self) -> None:
        """Raise `ConfigError` if a parameter is wrong, or any candidate's."""
        super().check_params()
        owner, candidates = type(self).__name__, self.candidates
        if (
            not isinstance(candidates, Mapping)
            or not candidates
            or not all(isinstance(candidate, Calibrator) for candidate in candidates.values())
        ):
            raise parameter_error(
                owner, "candidates", "a mapping of names to calibrators", candidates
            )
        if set(self.min_questions) != set(candidates):
            wanted = f"a mapping of each candidate ({', '.join(candidates)}) to an int"
            raise parameter_error(owner, "min_questions", wanted, self.min_questions)
        for name, n_questions in self.min_questions.items():
            check_int(owner, f"min_questions.{name}", n_questions, minimum=1)
        check_number(owner, "n_standard_errors", self.n_standard_errors, low=0)
        for name, candidate in candidates.items():
            try:
                candidate.check_params()
            except ConfigError as exc:
                msg = f"In candidate {name!r} of {owner}: {exc}"
                raise ConfigError(msg) from exc

    def fit_predict(self, X: Design, y: FloatArray, weights: FloatArray) -> FloatArray:
        """Choose and fit for each row of `weights`; see `distexp.protocols.BatchCalibrator`."""
        if self.scope != "pooled":
            fits = [self._unfitted().fit(X, y, weight) for weight in weights]
            return np.array([fitted.predict(X) for fitted in fits])
        names = list(self.candidates)
        chosen = np.array(
            [names.index(self._choice(of_fit)) for of_fit in self._losses(X, y, weights)]
        )
        predicted = np.empty((len(weights), *y.shape))
        for i in np.unique(chosen).tolist():
            rows = chosen == i
            every = np.ones((rows.sum(), len(y)), dtype=bool)
            predicted[rows] = cross_predict(
                self.candidates[names[i]], X, y, weights[rows] > 0, every, weights[rows]
            )
        return predicted

    def _fit(self, X: Design, y: FloatArray, weight: FloatArray | None) -> None:
        weights = np.ones(len(y)) if weight is None else weight
        (losses,) = self._losses(X, y, weights[None])
        self.chosen_ = self._choice(losses)
        self.losses_ = {name: float(one.mean()) for name, one in losses.items() if one.size}
        self.calibrator_ = clone(self.candidates[self.chosen_]).fit(X, y, weight)

    def _predict(self, X: Design) -> FloatArray:
        check_fitted(self)
        calibrated: FloatArray = self.calibrator_.predict(X)
        return calibrated

    def _choice(self, losses: Mapping[str, FloatArray]) -> str:
        """Return the simplest candidate within the standard errors."""
        *_, last = losses
        if not len(losses[last]):
            return last
        best = list(losses.values())[least([of_one.mean() for of_one in losses.values()])]
        for name, of_one in losses.items():
            behind = of_one - best
            error = behind.std(ddof=1) / np.sqrt(len(behind))
            if behind.mean() <= self.n_standard_errors * error + EQUAL:
                return name
        return last

    def _losses(
        self, X: Design, y: FloatArray, weights: FloatArray
    ) -> list[dict[str, FloatArray]]:
        """Return for each fit the losses of the candidates that may be chosen.

        An array holds a loss for each training question, or none where too few can be compared.
        """
        n_questions = np.array([len(np.unique(X.question[weight > 0])) for weight in weights])
        held_out = [self._folds(X, weight > 0) for weight in weights]
        fit = np.repeat(np.arange(len(weights)), [len(tests) for tests in held_out])
        test = np.array([test for tests in held_out for test in tests], dtype=bool)
        losses: list[dict[str, FloatArray]] = [{} for _ in weights]
        for name, candidate in self.candidates.items():
            able = n_questions >= self.min_questions[name]
            able |= name == next(iter(self.candidates))
            apart = np.zeros(weights.shape)
            if (runs := able[fit]).any():
                of_runs = weights[fit[runs]]
                train = (of_runs > 0) & ~test[runs]
                predicted = cross_predict(candidate, X, y, train, test[runs], of_runs)
                distances = np.where(test[runs], distance(predicted, y, X.ordinals), 0.0)
                np.add.at(apart, fit[runs], distances)
            for number in np.flatnonzero(able).tolist():
                rows = (weights[number] > 0) & bool(held_out[number])
                losses[number][name] = _by_question(
                    apart[number, rows], X.together[rows], weights[number, rows]
                )
        return losses

    def _folds(self, X: Design, train: BoolArray) -> list[BoolArray]:
        """Return the cases that each fold of the training questions holds out."""
        if len(np.unique(X.question[train])) < COMPARABLE:
            return []
        folds = []
        for _, test in question_folds(X.together[train], N_FOLDS):
            held_out = np.zeros(len(train), dtype=bool)
            held_out[train] = test
            folds.append(held_out)
        return folds


def _by_question(values: FloatArray, question: IntArray, weight: FloatArray) -> FloatArray:
    """Return the weighted mean of each question's cases, of shape (n_questions,)."""
    codes = np.unique(question, return_inverse=True)[1]
    return np.bincount(codes, weight * values) / np.bincount(codes, weight)
