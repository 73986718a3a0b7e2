"""Shrinkage of the model's predictions towards a distribution that does not depend on it."""

from collections.abc import Iterator, Sequence

import numpy as np

from distexp.calibrator.fitting.base import few, uniform
from distexp.calibrator.fitting.batch import Batched
from distexp.calibrator.fitting.loss import along_scale, lengths
from distexp.calibrator.fitting.means import Kinds, TrainingMeans, by_size, n_trained, placed
from distexp.calibrator.fitting.parameters import Parameters, check_fitted
from distexp.checks import check_number, parameter_error
from distexp.types import Design, FloatArray

TARGETS = ("uniform", "train_mean", "group_mean")
MEAN_QUESTIONS = 2.0
"""Training questions that the uniform distribution counts for in the mean of all groups."""
GROUP_QUESTIONS = 20.0
"""Training questions that the mean of all groups counts for in the mean of one."""


class Shrinkage(Batched, Parameters):
    r"""Mixes the prediction p with a target t: ``(1 - w) * p + w * t``.

    The learnt weight minimises the training cases' mean distance, Wasserstein-1 or for nominal
    questions total variation, plus a pull to `prior_weight`

    .. math:: \frac{m}{n} \, \bar d(p, t) \, (w - w_0)^2

    with n the number of training questions, m the `prior_questions` and the last factor's scale
    the mean distance of predictions and targets. No mixture changes the distance faster than
    that, so that one question moves the weight by at most ``1 / (2 m)``: a few leave it close to
    `prior_weight`, and many decide alone. While the weight is learnt, the target of a case is
    made without its own question, as that of a new question will be.

    Parameters
    ----------
    towards : {"uniform", "train_mean", "group_mean"}
        `uniform`: every option alike. `train_mean`: the mean human distribution of the training
        cases with as many options. `group_mean`: the same of the case's group of people, shrunk
        to that of all. Both count as questions: the mean of all is shrunk to uniform by
        `MEAN_QUESTIONS`, that of a group to the mean of all by `GROUP_QUESTIONS`.
    weight : float, optional
        Weight w of the target, in [0, 1]; learnt where None.
    prior_weight : float
        Weight before any question is seen, in [0, 1].
    prior_questions : float
        Strength m of the pull, > 0.
    scope : {"pooled", "per_group", "partial"}
        See `distexp.calibrator.fitting.base.Scoped`.

    Attributes
    ----------
    weight_ : float
        Weight of the target.
    means_ : dict of int to ndarray
        Target, of shape (n_options,), by number of options; empty for `uniform`. Numbers of
        options never trained on are shrunk to uniform.
    group_means_ : dict of int to dict of int to ndarray
        The same by group for `group_mean`, else empty; others are shrunk to `means_`.

    References
    ----------
    James and Stein (1961), "Estimation with quadratic loss", for shrinkage to a common mean;
    Li and Osher (2009), "A new median formula with applications to PDE based denoising", for the
    exact minimum.
    """

    def __init__(
        self,
        towards: str = "train_mean",
        weight: float | None = None,
        prior_weight: float = 0.2,
        prior_questions: float = 3.0,
        scope: str = "pooled",
    ) -> None:
        self.towards = towards
        self.weight = weight
        self.prior_weight = prior_weight
        self.prior_questions = prior_questions
        self.scope = scope

    def check_params(self) -> None:
        """Raise `ConfigError` if a parameter is out of range."""
        super().check_params()
        owner = type(self).__name__
        if self.towards not in TARGETS:
            wanted = f"one of {', '.join(TARGETS)}"
            raise parameter_error(owner, "towards", wanted, self.towards)
        if self.weight is not None:
            check_number(owner, "weight", self.weight, low=0, high=1)
        check_number(owner, "prior_weight", self.prior_weight, low=0, high=1)
        check_number(owner, "prior_questions", self.prior_questions, low=0, low_open=True)

    def _fit(self, X: Design, y: FloatArray, weight: FloatArray | None) -> None:
        weights = np.ones((1, len(y))) if weight is None else weight[None]
        means = self._means(X, y, weights)
        self.weight_ = float(self._weights(X, y, weights, means)[0])
        self.means_, self.group_means_ = {}, {}
        if means:
            self.means_ = by_size(self._targets(X, means[:1])[0], X.n_options)
        if self.towards == "group_mean":
            targets = self._targets(X, means)[0]
            for group in np.unique(X.group).tolist():
                rows = X.group == group
                self.group_means_[group] = by_size(targets[rows], X.n_options[rows])

    def _predict(self, X: Design) -> FloatArray:
        check_fitted(self)
        target = placed(self.means_, X.n_options, uniform(X))
        for group, means in self.group_means_.items():
            rows = X.group == group
            target[rows] = placed(means, X.n_options[rows], target[rows])
        return self._between(X, target, self.weight_)

    def _fit_predict(self, X: Design, y: FloatArray, weights: FloatArray) -> FloatArray:
        means = self._means(X, y, weights)
        return self._mixed(X, self._targets(X, means), self._weights(X, y, weights, means))

    def fit_leave_out(
        self, X: Design, y: FloatArray, weights: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Predict with and without each question; see `fitting.left_out.LeavesOut`.

        A weight that is learnt, from targets without their question, is the same for both. Groups
        of people are taken together.
        """
        return self._left_out(X, y, weights, self._means(X, y, weights))

    def each_left_out(
        self, X: Design, y: FloatArray, weights: FloatArray
    ) -> Iterator[tuple[FloatArray, FloatArray]]:
        """Yield both of each fit; see `fitting.left_out.LeavesEachOut`."""
        kinds = self._kinds(X)
        for some in few(weights, y.shape[1]):
            means = [TrainingMeans(y, kind, some) for kind in kinds]
            yield from zip(*self._left_out(X, y, some, means), strict=True)

    def _left_out(
        self, X: Design, y: FloatArray, weights: FloatArray, means: Sequence[TrainingMeans]
    ) -> tuple[FloatArray, FloatArray]:
        learnt = self._weights(X, y, weights, means)
        targets = (self._targets(X, means, held_out=held_out) for held_out in (False, True))
        fitted, without = (self._mixed(X, of_fits, learnt) for of_fits in targets)
        return fitted, without

    def _mixed(self, X: Design, targets: FloatArray, learnt: FloatArray) -> FloatArray:
        """Return the predictions of each fit, of shape (n_fits, n_cases, max_options)."""
        of_fits = np.broadcast_to(targets, (len(learnt), *X.predicted.shape))
        if (learnt == 1).all():
            return of_fits
        return np.array([self._between(X, *of) for of in zip(of_fits, learnt, strict=True)])

    def _means(self, X: Design, y: FloatArray, weights: FloatArray) -> list[TrainingMeans]:
        """Return the means that the target is made of: of all groups, and of each."""
        return [TrainingMeans(y, kind, weights) for kind in self._kinds(X)]

    def _kinds(self, X: Design) -> list[Kinds]:
        keys = {
            "uniform": [],
            "train_mean": [X.n_options],
            "group_mean": [X.n_options, np.column_stack([X.group, X.n_options])],
        }[self.towards]
        return [Kinds(key, X.question, X.unit) for key in keys]

    def _targets(
        self, X: Design, means: Sequence[TrainingMeans], *, held_out: bool = False
    ) -> FloatArray:
        """Return the target of each case, of shape (n_fits or 1, n_cases, max_options)."""
        target = uniform(X)[None]
        for of_kind, count in zip(means, (MEAN_QUESTIONS, GROUP_QUESTIONS), strict=False):
            target = of_kind.shrunk(target, count, held_out=held_out)
        return target

    def _weights(
        self, X: Design, y: FloatArray, weights: FloatArray, means: Sequence[TrainingMeans]
    ) -> FloatArray:
        """Return the weight of the target in each fit, of shape (n_fits,)."""
        if self.weight is not None:
            return np.full(len(weights), float(self.weight))
        targets = self._targets(X, means, held_out=True)
        learnt = []
        for i, (weight, n) in enumerate(zip(weights, n_trained(X.question, weights), strict=True)):
            rows = weight > 0
            start, slope, length = self._line(
                X.take(rows), y[rows], targets[i % len(targets), rows]
            )
            strength = self.prior_questions / n
            length = length * weight[rows, None]
            learnt.append(least_distant(start, slope, length, self.prior_weight, strength))
        return np.array(learnt)

    def _between(self, X: Design, target: FloatArray, weight: float) -> FloatArray:
        """Return the distributions that lie `weight` of the way from the predictions."""
        return (1 - weight) * X.predicted + weight * target

    def _line(
        self, X: Design, y: FloatArray, target: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Write each case's distance as ``(length * abs(start + w * slope)).sum()``."""
        start, slope = (
            along_scale(shares, X.ordinals) for shares in (X.predicted - y, target - X.predicted)
        )
        return start, slope, lengths(X.ordinals, X.mask)


def least_distant(
    start: FloatArray, slope: FloatArray, length: FloatArray, prior: float, strength: float
) -> float:
    """Return the w in [0, 1] of least ``sum(length * abs(start + w * slope))`` plus a pull.

    The pull is ``strength * sum(length * abs(slope)) * (w - prior) ** 2``. The sum bends where
    one of its terms is 0. Between two bends its slope is constant, and with that slope everywhere
    the minimum would be at one place: the median of all bends and all such places is the minimum.

    Parameters
    ----------
    start, slope, length : ndarray of one shape
    prior : float
    strength : float
        > 0.

    Examples
    --------
    >>> terms = np.array([-0.1, -0.3]), np.array([0.5, 0.5]), np.array([1.0, 2.0])
    >>> round(least_distant(*terms, prior=0.0, strength=1e-9), 9)
    0.6
    >>> round(least_distant(*terms, prior=0.0, strength=1.0), 9)
    0.2
    """
    steep = length * np.abs(slope)
    bent = steep > 0
    if not bent.any():
        return prior
    bends = -start[bent] / slope[bent]
    order = np.argsort(bends)
    passed = np.cumsum(steep[bent][order])
    left = 1 - 2 * np.append(0.0, passed) / passed[-1]
    least = np.median(np.append(bends, prior + left / (2 * strength)))
    return float(np.clip(least, 0, 1))
