"""The level of a question and a group's deviation from it, each with a slope of its own."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from distexp.calibrator.fitting.base import clipped, few, uniform
from distexp.calibrator.fitting.batch import Batched
from distexp.calibrator.fitting.features import question_means
from distexp.calibrator.fitting.loss import along_scale, lengths
from distexp.calibrator.fitting.means import Kinds, TrainingMeans, by_size, placed
from distexp.calibrator.fitting.numbered import numbered
from distexp.calibrator.fitting.parameters import Parameters, check_fitted
from distexp.checks import check_int, check_number, parameter_error
from distexp.types import Design, FloatArray

LOSSES = ("wasserstein", "squared")
LEVEL_SQUARE = 0.04
"""Mean square of the cumulative difference of level and base in a usual question."""
DEVIATION_SQUARE = 0.01
"""The same of a group's deviation from the level."""
SMALL_ERROR, USUAL_ERROR = 0.03, 0.1
"""Absolute errors by reweighting: all errors below the first weigh alike, and an error of the
second keeps its weight, so that the priors mean the same for both losses."""


class Decomposed(Batched, Parameters):
    r"""Gives what a model says of a question and what it says of a group a slope each.

    Models exaggerate how much questions differ, and by another factor how much groups of people
    do. The prediction is the level l of the question, its mean over the groups of the question
    that are there, plus the group's deviation d. Calibrated it is

    .. math:: b + \beta_l (l - b) + \beta_d d

    with the base b: the mean human distribution of the training cases with as many options,
    shrunk to uniform by `base_questions`. Shares below 0 are cut off and the rest is scaled.

    The slopes minimise the error of the cumulative shares along the scale, for a nominal question
    of the shares, by ridge regression towards `level_prior` and `deviation_prior`. While they are
    learnt, the base of a case is made without its own question, as that of a new one will be. A
    slope of 1 for both with no base is the prediction itself; two equal slopes shrink it to the
    training mean.

    Where a question has a single group, and with ``scope="per_group"`` wherever a group's own fit
    is at work, the level is the prediction, every deviation is 0, and its slope stays at its
    prior.

    Parameters
    ----------
    loss : {"wasserstein", "squared"}
        Absolute errors, by iteratively reweighted least squares, or squared ones.
    n_iterations : int
        Reweightings, at least 1; nothing to `squared`.
    level_prior, deviation_prior : float
        Slopes before any question is seen.
    prior_questions : float
        Questions of a usual spread of levels and deviations that the priors count for, > 0.
    base_questions : float
        Questions that the uniform distribution counts for in the base, > 0.
    scope : {"pooled", "per_group", "partial"}
        See `distexp.calibrator.fitting.base.Scoped`.

    Attributes
    ----------
    level_slope_, deviation_slope_ : float
        Below 1 where the model exaggerates.
    bases_ : dict of int to ndarray
        Base, of shape (n_options,), by number of options; uniform for others.

    References
    ----------
    Mundlak (1978), "On the pooling of time series and cross section data", Econometrica 46, for
    slopes within and between; Hoerl and Kennard (1970) for the ridge; Holland and Welsch (1977),
    "Robust regression using iteratively reweighted least squares".
    """

    def __init__(
        self,
        loss: str = "wasserstein",
        n_iterations: int = 3,
        level_prior: float = 0.8,
        deviation_prior: float = 0.5,
        prior_questions: float = 3.0,
        base_questions: float = 2.0,
        scope: str = "pooled",
    ) -> None:
        self.loss = loss
        self.n_iterations = n_iterations
        self.level_prior = level_prior
        self.deviation_prior = deviation_prior
        self.prior_questions = prior_questions
        self.base_questions = base_questions
        self.scope = scope

    def check_params(self) -> None:
        """Raise `ConfigError` if a parameter is out of range."""
        super().check_params()
        owner = "Decomposed"
        if self.loss not in LOSSES:
            raise parameter_error(owner, "loss", f"one of {', '.join(LOSSES)}", self.loss)
        check_int(owner, "n_iterations", self.n_iterations, minimum=1)
        check_number(owner, "level_prior", self.level_prior, low=0)
        check_number(owner, "deviation_prior", self.deviation_prior, low=0)
        check_number(owner, "prior_questions", self.prior_questions, low=0, low_open=True)
        check_number(owner, "base_questions", self.base_questions, low=0, low_open=True)

    def _fit(self, X: Design, y: FloatArray, weight: FloatArray | None) -> None:
        weight = np.ones(len(y)) if weight is None else weight
        means = TrainingMeans(y, _kinds(X), weight[None])
        held_out = self._bases(X, means, held_out=True)[0]
        self.level_slope_, self.deviation_slope_ = self._slopes(X, y, weight, held_out).tolist()
        self.bases_ = by_size(self._bases(X, means)[0], X.n_options)

    def _predict(self, X: Design) -> FloatArray:
        check_fitted(self)
        base = placed(self.bases_, X.n_options, uniform(X))
        slopes = np.array([self.level_slope_, self.deviation_slope_])
        return _composed(X, base, slopes, question_means(X.predicted, X.question))

    def _fit_predict(self, X: Design, y: FloatArray, weights: FloatArray) -> FloatArray:
        return np.array([predicted for predicted, _ in self._each(X, y, weights, _kinds(X))])

    def fit_leave_out(
        self, X: Design, y: FloatArray, weights: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Predict with and without each question; see `fitting.left_out.LeavesOut`.

        Groups of people are taken together.
        """
        both = list(self._each(X, y, weights, _kinds(X), left_out=True))
        return np.array([fitted for fitted, _ in both]), np.array([out for _, out in both])

    def each_left_out(
        self, X: Design, y: FloatArray, weights: FloatArray
    ) -> Iterator[tuple[FloatArray, FloatArray]]:
        """Yield both of each fit; see `fitting.left_out.LeavesEachOut`."""
        kinds = _kinds(X)
        for some in few(weights, y.shape[1]):
            yield from self._each(X, y, some, kinds, left_out=True)

    def _each(
        self,
        X: Design,
        y: FloatArray,
        weights: FloatArray,
        kinds: Kinds,
        *,
        left_out: bool = False,
    ) -> Iterator[tuple[FloatArray, FloatArray]]:
        """Yield what each fit predicts, and if asked what it does without each question."""
        means = TrainingMeans(y, kinds, weights)
        bases, held_out = self._bases(X, means), self._bases(X, means, held_out=True)
        level = question_means(X.predicted, X.question)
        X, length = replace(X, text=None), lengths(X.ordinals, X.mask)
        for weight, base, without in zip(weights, bases, held_out, strict=True):
            rows = np.flatnonzero(weight > 0)
            trained, own = X.take(rows), without[rows]
            own_level = question_means(trained.predicted, trained.question)
            of_rows = y[rows], weight[rows], own, own_level, length[rows]
            problem = _regression(trained, *of_rows)
            slopes, row_weight = self._solved(*problem)
            predicted = _composed(X, base, slopes, level)
            of_others = predicted
            if left_out:
                slopes = self._slopes_left_out(trained, *problem[:2], row_weight)
                of_others = predicted.copy()
                of_others[rows] = _composed(trained, own, slopes, own_level)
            yield predicted, of_others

    def _bases(self, X: Design, means: TrainingMeans, *, held_out: bool = False) -> FloatArray:
        """Return the base of each case, of shape (n_fits, n_cases, max_options)."""
        return means.shrunk(uniform(X), self.base_questions, held_out=held_out)

    def _slopes(
        self, X: Design, y: FloatArray, weight: FloatArray, base: FloatArray
    ) -> FloatArray:
        """Return level and deviation slope."""
        level, length = question_means(X.predicted, X.question), lengths(X.ordinals, X.mask)
        return self._solved(*_regression(X, y, weight, base, level, length))[0]

    def _slopes_left_out(
        self, X: Design, features: FloatArray, target: FloatArray, row_weight: FloatArray
    ) -> FloatArray:
        """Return the slopes without each case's question, of shape (2, n_cases)."""
        codes = numbered(X.together)
        of_row = np.repeat(codes, features.shape[1] // len(codes))
        products = np.array(
            [
                np.bincount(of_row, row_weight * one * other)
                for one in features
                for other in (*features, target)
            ]
        ).reshape(2, 3, -1)
        without = products.sum(axis=2, keepdims=True) - products
        penalty, prior = self._prior()
        gram = without[:, :2].transpose(2, 0, 1) + np.diag(penalty)
        moments = without[:, 2].T + penalty * prior
        solved = np.linalg.solve(gram, moments[:, :, None])[codes, :, 0]
        return np.asarray(solved.T, dtype=np.float64)

    def _solved(
        self, features: FloatArray, target: FloatArray, row_weight: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return the slopes and the weights of the rows that they rest on."""
        weight = row_weight
        slopes = self._ridge(features, target, weight)
        for _ in range(self.n_iterations if self.loss == "wasserstein" else 0):
            error = np.maximum(np.abs(target - slopes @ features), SMALL_ERROR)
            weight = row_weight * USUAL_ERROR / error
            slopes = self._ridge(features, target, weight)
        return slopes, weight

    def _ridge(self, features: FloatArray, target: FloatArray, weight: FloatArray) -> FloatArray:
        """Solve least squares with Gaussian priors for features of shape (2, n_rows)."""
        penalty, prior = self._prior()
        gram = features * weight @ features.T + np.diag(penalty)
        moments = features * weight @ target + penalty * prior
        return np.asarray(np.linalg.solve(gram, moments), dtype=np.float64)

    def _prior(self) -> tuple[FloatArray, FloatArray]:
        """Return the strength and the mean of the slopes' priors, each of shape (2,)."""
        penalty = self.prior_questions * np.array([LEVEL_SQUARE, DEVIATION_SQUARE])
        return penalty, np.array([self.level_prior, self.deviation_prior])


def _kinds(X: Design) -> Kinds:
    return Kinds(X.n_options, X.question, X.unit)


def _regression(
    X: Design,
    y: FloatArray,
    weight: FloatArray,
    base: FloatArray,
    level: FloatArray,
    length: FloatArray,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return features of shape (2, n_rows), targets and weights of the cumulative shares."""
    shares = np.array([level - base, X.predicted - level, y - base])
    features = along_scale(shares, X.ordinals).reshape(3, -1)
    of_question = weight * ((numbered(X.question).max() + 1) / weight.sum())
    row_weight: FloatArray = (of_question[:, None] * length).ravel()
    return features[:2], features[2], row_weight


def _composed(X: Design, base: FloatArray, slopes: FloatArray, level: FloatArray) -> FloatArray:
    """Put level and deviation together again; slopes of shape (2,) or (2, n_cases)."""
    of_level, of_deviation = slopes.reshape(2, -1, 1)
    return clipped(base + of_level * (level - base) + of_deviation * (X.predicted - level), X)
