"""What calibrators share: valid distributions, the choice between all groups and each group."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from inspect import signature
from typing import Self

import numpy as np

from distexp.checks import parameter_error
from distexp.metrics.distance import distance
from distexp.metrics.ties import EQUAL, least
from distexp.protocols import BatchCalibrator, Calibrator, Searching, Streaming
from distexp.types import BoolArray, Design, FloatArray, IntArray

AT_ONCE = 2**19
"""Numbers that are predicted together: all fits at once would be so many copies of the data."""
IN_CACHE = 2**15
"""Numbers that are worked on together where a processor's cache is to hold them."""
SCOPES = ("pooled", "per_group", "partial")
N_FOLDS = 5
"""Folds of the training questions where something is chosen inside them."""
PRIOR_QUESTIONS = (5.0, 20.0, 80.0, 320.0, np.inf)
"""Training questions at which a group's own fit weighs half; `partial` chooses among these."""


class Scoped(ABC):
    """A calibrator that learns for all groups of people together, for each by itself, or both.

    A family that learns extends it, writes `_fit` and `_predict` for one set of cases, and takes
    a constructor parameter `scope`. With ``scope="per_group"`` an unfitted copy is trained on the
    cases of each group, and one more on all cases: it predicts the groups that were not trained
    on. With ``scope="partial"`` each group's prediction is a mean of both, in which its own weighs
    ``n / (n + prior_questions_)`` with n its training questions: the evidence for group effects,
    by cross-validation inside the training questions, sets `prior_questions_`. Cases of weight 0
    are not handed to `_fit` at all.

    Attributes
    ----------
    by_group_ : dict of int to calibrator
        What was learnt for each group of the training cases; empty if pooled.
    own_weight_ : dict of int to float
        Weight in [0, 1] of each of them against the pooled one.
    prior_questions_ : float
        One of `PRIOR_QUESTIONS` for `partial`; 0 for `per_group`; infinite if pooled.
    """

    scope: str
    """`pooled`, `per_group` or `partial`."""
    by_group_: dict[int, Self]
    own_weight_: dict[int, float]
    prior_questions_: float

    def check_params(self) -> None:
        """Raise `ConfigError` if `scope` is none of `SCOPES`."""
        if self.scope not in SCOPES:
            wanted = f"one of {', '.join(SCOPES)}"
            raise parameter_error(type(self).__name__, "scope", wanted, self.scope)

    def fit(self, X: Design, y: FloatArray, sample_weight: FloatArray | None = None) -> Self:
        """Learn from training cases; see `distexp.protocols.Calibrator`."""
        self.check_params()
        weight = sample_weight
        if weight is not None and not weight.all():
            X, y, weight = X.take(weight > 0), y[weight > 0], weight[weight > 0]
        self.prior_questions_ = {"pooled": np.inf, "per_group": 0.0}.get(self.scope, np.nan)
        if self.scope == "partial":
            self.prior_questions_ = self._prior_questions(X, y, weight)
        self._fit(X, y, weight)
        self.by_group_ = self._members(X, y, weight) if self.prior_questions_ < np.inf else {}
        self.own_weight_ = {
            group: n / (n + self.prior_questions_)
            for group, n in _questions_by_group(X).items()
            if group in self.by_group_
        }
        return self

    def predict(self, X: Design) -> FloatArray:
        """Return distributions of shape (n_cases, max_options): rows sum to 1, 0 in padding."""
        calibrated = self._predict(X)
        for group, own in self._own(X).items():
            rows, weight = X.group == group, self.own_weight_[group]
            calibrated[rows] = weight * own + (1 - weight) * calibrated[rows]
        return calibrated

    def _members(self, X: Design, y: FloatArray, weight: FloatArray | None) -> dict[int, Self]:
        """Return a copy trained on the cases of each group."""
        members = {}
        for group in np.unique(X.group).tolist():
            rows = X.group == group
            members[group] = self._unfitted()
            members[group]._fit(X.take(rows), y[rows], None if weight is None else weight[rows])
        return members

    def _own(self, X: Design) -> dict[int, FloatArray]:
        """Return what each member predicts for the cases of its group, where there are any."""
        rows = {group: X.group == group for group in self.by_group_}
        return {
            group: member._predict(X.take(rows[group]))
            for group, member in self.by_group_.items()
            if rows[group].any()
        }

    def _prior_questions(self, X: Design, y: FloatArray, weight: FloatArray | None) -> float:
        """Return the value of `PRIOR_QUESTIONS` whose held-out distances are least.

        With fewer questions than folds there is no evidence, and all groups are pooled.
        """
        losses = np.zeros(len(PRIOR_QUESTIONS))
        for train, test in question_folds(X.together, N_FOLDS):
            X_train, X_test = X.take(train), X.take(test)
            weights = None if weight is None else weight[train]
            fitted = self._unfitted()
            fitted._fit(X_train, y[train], weights)
            pooled = fitted._predict(X_test)
            fitted.by_group_ = self._members(X_train, y[train], weights)
            own, n = pooled.copy(), np.zeros(len(pooled))
            for group, predicted in fitted._own(X_test).items():
                own[X_test.group == group] = predicted
                n[X_test.group == group] = _questions_by_group(X_train)[group]
            for i, prior in enumerate(PRIOR_QUESTIONS):
                share = (n / (n + prior))[:, None]
                mixed = share * own + (1 - share) * pooled
                apart = distance(mixed, y[test], X_test.ordinals)
                losses[i] += apart.sum() if weight is None else apart @ weight[test]
        mean = losses / (len(y) if weight is None else weight.sum())
        best = len(losses) - 1 - least(mean[::-1])  # of equal ones, the most pooled
        return PRIOR_QUESTIONS[best]

    def _unfitted(self) -> Self:
        names = signature(type(self)).parameters
        return type(self)(**{name: getattr(self, name) for name in names})

    @abstractmethod
    def _fit(self, X: Design, y: FloatArray, weight: FloatArray | None) -> None:
        """Learn one correction for all of these cases; parameters are left as they are."""

    @abstractmethod
    def _predict(self, X: Design) -> FloatArray:
        """Apply it, whatever the groups; return a new array."""


def cross_predict(
    calibrator: Calibrator,
    X: Design,
    y: FloatArray,
    train: BoolArray,
    test: BoolArray,
    weight: FloatArray | None = None,
    out: FloatArray | None = None,
) -> FloatArray:
    """Fit on each training set and predict its test set, all at once where `calibrator` can.

    Parameters
    ----------
    calibrator : Calibrator
    X : Design of n_cases cases
    y : ndarray of shape (n_cases, max_options)
    train, test : ndarray of bool of shape (n_fits, n_cases)
    weight : ndarray of shape (n_cases,) or (n_fits, n_cases), optional
        Weight of each case in training.
    out : ndarray of shape (n_fits, n_cases, max_options), optional
        Where to write the predictions; it is returned.

    Returns
    -------
    ndarray of shape (n_fits, n_cases, max_options)
        NaN where a case is not in the test set.
    """
    weights = train * (np.ones(len(y)) if weight is None else weight)
    predicted = np.empty(weights.shape + y.shape[1:]) if out is None else out
    predicted[:] = np.nan
    if isinstance(calibrator, BatchCalibrator):
        fits = each_fit(calibrator, X, y, weights)
        for of_fit, of_test, into in zip(fits, test, predicted, strict=True):
            into[of_test] = of_fit[of_test]
        return predicted
    for of_fit, of_train, of_test, into in zip(weights, train, test, predicted, strict=True):
        if of_test.any():
            kept = None if weight is None else of_fit[of_train]
            calibrator.fit(X.take(of_train), y[of_train], kept)
            into[of_test] = calibrator.predict(X.take(of_test))
    return predicted


def each_fit(
    calibrator: BatchCalibrator, X: Design, y: FloatArray, weights: FloatArray
) -> Iterator[FloatArray]:
    """Yield what the fit of each row of `weights` predicts; few of them are held at once."""
    if isinstance(calibrator, Streaming):
        yield from calibrator.each_fit(X, y, weights)
    elif isinstance(calibrator, Searching):  # remembers what one call tried
        yield from calibrator.fit_predict(X, y, weights)
    else:
        for some in few(weights, y.shape[1]):
            yield from calibrator.fit_predict(X, y, some)


def few(weights: FloatArray, max_options: int, at_once: int = AT_ONCE) -> Iterator[FloatArray]:
    """Cut the rows of `weights` so that predictions of a part are `at_once` numbers at most."""
    step = n_of_few(weights.shape[1] * max_options, at_once)
    for start in range(0, len(weights), step):
        yield weights[start : start + step]


def n_of_few(n_predicted: int, at_once: int = AT_ONCE) -> int:
    """Return how many fits `few` takes together, each of which predicts so many numbers."""
    return max(1, at_once // max(1, n_predicted))


def blocks(n_fits: int, n_each: int) -> Iterator[slice]:
    """Cut fits into blocks whose predictions, of `n_each` numbers each, a cache holds."""
    step = max(1, IN_CACHE // max(1, n_each))
    return (slice(start, start + step) for start in range(0, n_fits, step))


def question_folds(question: IntArray, n_folds: int) -> list[tuple[BoolArray, BoolArray]]:
    """Cut the questions into folds, whole ones and equally many to within one.

    The folds depend on the numbers of the questions alone: the i-th of them in order is in fold
    i modulo `n_folds`, after one fixed shuffle.

    Returns
    -------
    list of (ndarray of bool of shape (n_cases,), ndarray of bool of shape (n_cases,))
        Cases to train on and to test on; empty where there are fewer questions than folds.
    """
    questions = np.unique(question)
    if len(questions) < n_folds:
        return []
    shuffled = np.random.default_rng(0).permutation(questions)
    tests = [np.isin(question, shuffled[fold::n_folds]) for fold in range(n_folds)]
    return [(~test, test) for test in tests]


def uniform(X: Design) -> FloatArray:
    """Return the uniform distribution over each case's options.

    Returns
    -------
    ndarray of shape (n_cases, max_options)
        Rows sum to 1, 0 in the padding.
    """
    return np.where(X.mask, 1 / X.n_options[:, None], 0.0)


def clipped(scores: FloatArray, X: Design) -> FloatArray:
    """Clip scores at 0 and scale each case to sum to 1.

    A case whose scores are all 0 or less, but for rounding, says nothing about its options, so it
    becomes uniform.

    Parameters
    ----------
    scores : ndarray of shape (..., n_cases, max_options)
        Any finite numbers; those in the padding are ignored.

    Returns
    -------
    ndarray of shape (..., n_cases, max_options)
        Rows sum to 1, 0 in the padding.
    """
    positive = np.where(X.mask, np.maximum(scores, 0.0), 0.0)
    totals = positive.sum(axis=-1, keepdims=True)
    empty = totals <= EQUAL
    np.divide(positive, np.where(empty, 1.0, totals), out=positive)
    return np.where(empty, uniform(X), positive) if empty.any() else positive


def _questions_by_group(X: Design) -> dict[int, int]:
    return {
        group: len(np.unique(X.question[X.group == group]))
        for group in np.unique(X.group).tolist()
    }


MIN_QUESTIONS = 3
"""Training questions that a number of options needs for regressors of its own. Measured on
recorded answers: with 3 to 10 questions in all it saves 0.6 to 1.9 points of alignment against
no minimum, with all questions it costs 0.06."""
