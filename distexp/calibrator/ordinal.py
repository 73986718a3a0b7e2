"""Monotone maps of cumulative shares: one curve for all boundaries of all questions."""

from abc import abstractmethod
from collections.abc import Sequence

import numpy as np
from scipy.special import expit
from sklearn.isotonic import IsotonicRegression

from distexp.calibrator.fitting.batch import Batched
from distexp.calibrator.fitting.boundaries import Boundaries
from distexp.calibrator.fitting.loss import SOFTENING, minimised
from distexp.calibrator.fitting.parameters import Parameters, check_fitted
from distexp.calibrator.fitting.vocabulary import Vocabulary
from distexp.checks import check_number, parameter_error
from distexp.types import Design, FloatArray

LOSSES = ("cross_entropy", "wasserstein")
LEAST_SHARE = 0.005
"""Cumulative shares nearer to 0 or 1 are taken for it: their logarithm is not finite. Half a
point of a hundred: where models state whole percentages, 0 only means "less than one"."""
IDENTITY = np.array([1.0, 1.0, 0.0])


class CumulativeMap(Batched, Parameters):
    """Calibrates the share of people below each boundary of a scale by one increasing curve.

    A question of K options has K - 1 boundaries; its options are taken in the order of their
    positions. The curve serves all boundaries of all questions, so that it needs no training
    question of the same size, and being increasing it cannot make boundaries cross. The ends of
    the scale stay 0 and 1. A nominal question has no boundaries: it is left as it is.

    A subclass writes `_learnt` and `_mapped`.

    Parameters
    ----------
    prior_questions : float
        Training questions that the identity counts for, > 0.

    Attributes
    ----------
    map_ : ndarray
        What the curve is made of.
    """

    prior_questions: float

    def check_params(self) -> None:
        """Raise `ConfigError` if a parameter is out of range."""
        super().check_params()
        owner = type(self).__name__
        check_number(owner, "prior_questions", self.prior_questions, low=0, low_open=True)

    def _fit(self, X: Design, y: FloatArray, weight: FloatArray | None) -> None:
        weight = np.ones(len(y)) if weight is None else weight
        self.map_ = self._curve(_boundaries(X), y, weight)

    def _predict(self, X: Design) -> FloatArray:
        check_fitted(self)
        calibrated: FloatArray = self._calibrated(_boundaries(X), [self.map_])[0]
        return calibrated

    def _fit_predict(self, X: Design, y: FloatArray, weights: FloatArray) -> FloatArray:
        boundaries = _boundaries(X)
        curves = [self._curve(boundaries, y, weight) for weight in weights]
        return self._calibrated(boundaries, curves)

    def _curve(self, boundaries: Boundaries, y: FloatArray, weight: FloatArray) -> FloatArray:
        """Learn from the cases of positive weight, which count as many as their questions."""
        rows = weight[boundaries.case] > 0
        questions = boundaries.X.question[boundaries.case[rows]]
        below, human = boundaries.cumulative(boundaries.X.predicted), boundaries.cumulative(y)
        row_weight = (weight[boundaries.case] * boundaries.width)[rows]
        n = len(np.unique(questions))
        row_weight = row_weight * (n / row_weight.sum()) if n else row_weight
        return self._learnt(below[rows], human[rows], row_weight)

    def _calibrated(self, boundaries: Boundaries, curves: Sequence[FloatArray]) -> FloatArray:
        """Return the predictions of each curve, of shape (n_curves, n_cases, max_options)."""
        below = boundaries.cumulative(boundaries.X.predicted)
        mapped = np.array([self._mapped(below, curve) for curve in curves])
        nominal = boundaries.nominal[:, None]
        calibrated: FloatArray = np.where(
            nominal, boundaries.X.predicted, boundaries.shares(mapped)
        )
        return calibrated

    @abstractmethod
    def _learnt(self, below: FloatArray, human: FloatArray, weight: FloatArray) -> FloatArray:
        """Return the curve from the model's to the humans' cumulative shares.

        All have shape (n_rows,); `weight` sums to the number of questions. There may be no rows.
        """

    @abstractmethod
    def _mapped(self, below: FloatArray, curve: FloatArray) -> FloatArray:
        """Apply a curve to the model's cumulative shares."""


class BetaCalibration(CumulativeMap):
    r"""Beta calibration of the cumulative distribution.

    .. math:: \operatorname{logit} F' = a \log F - b \log(1 - F) + c

    with F the model's cumulative share at a boundary and a, b >= 0, so that the map increases.
    ``a = b = 1, c = 0`` is the identity; ``a = b`` stretches or flattens the distribution, c moves
    it along the scale, and unlike a and b change its skewness. Shares nearer to 0 or 1 than
    `LEAST_SHARE` are moved there first.

    Parameters
    ----------
    loss : {"cross_entropy", "wasserstein"}
        Of the cumulative shares, mean over the boundaries by the width of the scale between the
        options: cross-entropy, or the absolute difference (softened near 0), which is
        Wasserstein-1.
    prior_questions : float
        Strength of the pull to the identity, > 0: one eighth of it times the squared difference
        of (a, b, c) is added to the loss, summed over questions. One question so moves c by at
        most ``1 / prior_questions`` for the Wasserstein loss.
    scope : {"pooled", "per_group", "partial"}
        See `distexp.calibrator.fitting.base.Scoped`.

    Attributes
    ----------
    map_ : ndarray of shape (3,)
        a, b and c; the identity where no training question has a scale.

    References
    ----------
    Kull, Silva Filho and Flach (2017), "Beta calibration: a well-founded and easily implemented
    improvement on logistic calibration for binary classifiers", AISTATS.
    """

    def __init__(
        self, loss: str = "wasserstein", prior_questions: float = 4.0, scope: str = "pooled"
    ) -> None:
        self.loss = loss
        self.prior_questions = prior_questions
        self.scope = scope

    def check_params(self) -> None:
        """Raise `ConfigError` if a parameter is out of range."""
        super().check_params()
        if self.loss not in LOSSES:
            wanted = f"one of {', '.join(LOSSES)}"
            raise parameter_error("BetaCalibration", "loss", wanted, self.loss)

    def _learnt(self, below: FloatArray, human: FloatArray, weight: FloatArray) -> FloatArray:
        features = _beta_features(below)

        def loss(parameters: FloatArray) -> tuple[float, FloatArray]:
            logit = features @ parameters
            if self.loss == "cross_entropy":
                losses, slopes = np.logaddexp(0, logit) - human * logit, expit(logit) - human
            else:
                mapped = expit(logit)
                losses = np.sqrt((mapped - human) ** 2 + SOFTENING**2)
                slopes = (mapped - human) / losses * mapped * (1 - mapped)
            return float(weight @ losses), (weight * slopes) @ features

        bounds = [(0.0, np.inf), (0.0, np.inf), (-np.inf, np.inf)]
        return minimised(loss, IDENTITY, np.full(3, self.prior_questions / 8), bounds)

    def _mapped(self, below: FloatArray, curve: FloatArray) -> FloatArray:
        mapped: FloatArray = expit(_beta_features(below) @ curve)
        return mapped


class QuantileMap(CumulativeMap):
    """Isotonic regression of the humans' cumulative shares on the model's.

    The increasing curve of least squared error, the boundaries weighted by the width of the scale
    between the options, is averaged with the identity: over n training questions it weighs
    ``n / (n + prior_questions)``. It is linear between its knots and level beyond them. The ends
    of the scale stay 0 and 1, yet a boundary inside it with a predicted share of 0 or 1 may be
    mapped to another one: that the model sees nobody there does not mean that nobody is.

    Parameters
    ----------
    prior_questions : float
        Training questions that the identity counts for, > 0.
    scope : {"pooled", "per_group", "partial"}
        See `distexp.calibrator.fitting.base.Scoped`.

    Attributes
    ----------
    map_ : ndarray of shape (2, n_knots)
        The model's cumulative shares, increasing from 0 to 1, and what each is mapped to.

    References
    ----------
    Zadrozny and Elkan (2002), "Transforming classifier scores into accurate multiclass
    probability estimates", KDD, for isotonic calibration; Panofsky and Brier (1958) for quantile
    mapping.
    """

    def __init__(self, prior_questions: float = 10.0, scope: str = "pooled") -> None:
        self.prior_questions = prior_questions
        self.scope = scope

    def _learnt(self, below: FloatArray, human: FloatArray, weight: FloatArray) -> FloatArray:
        if not len(below):
            return np.array([[0.0, 1.0], [0.0, 1.0]])
        regression = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip")
        regression.fit(below, human, sample_weight=weight)
        knots = np.unique(np.append(np.clip(regression.X_thresholds_, 0, 1), [0.0, 1.0]))
        n = weight.sum()
        own = n / (n + self.prior_questions)
        return np.array([knots, own * regression.predict(knots) + (1 - own) * knots])

    def _mapped(self, below: FloatArray, curve: FloatArray) -> FloatArray:
        mapped: FloatArray = np.interp(below, *curve)
        return mapped


def _boundaries(X: Design) -> Boundaries:
    return Boundaries(X, Vocabulary.of(X, by_group=False))


def _beta_features(below: FloatArray) -> FloatArray:
    """Return log F, -log(1 - F) and 1 for each row, of shape (n_rows, 3)."""
    inside = np.clip(below, LEAST_SHARE, 1 - LEAST_SHARE)
    return np.column_stack([np.log(inside), -np.log1p(-inside), np.ones_like(inside)])
