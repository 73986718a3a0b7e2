"""Regression of the humans' cumulative shares on what the model's distributions look like."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Self

import numpy as np

from distexp.calibrator.fitting.axes import along, axes_of
from distexp.calibrator.fitting.base import Scoped, few
from distexp.calibrator.fitting.boundaries import Boundaries
from distexp.calibrator.fitting.coefficients import in_one, in_parts
from distexp.calibrator.fitting.left_out import of_several
from distexp.calibrator.fitting.nominal import mixed, nominal_weight
from distexp.calibrator.fitting.panels import Coefficients, Questions, predict
from distexp.calibrator.fitting.parameters import Parameters, check_fitted
from distexp.calibrator.fitting.reweighted import Known, fitted, one_by_one
from distexp.calibrator.fitting.texts import Texts
from distexp.calibrator.fitting.vocabulary import Vocabulary
from distexp.calibrator.fitting.written_out import n_at_once, written_out
from distexp.checks import check_int, check_number, parameter_error
from distexp.types import BoolArray, Design, FloatArray

LOSSES = ("wasserstein", "squared")
WORDINGS = ("words", "meaning")


class CumulativeRegression(Scoped, Parameters):
    r"""Regresses the cumulative human shares on features of the predicted distribution.

    A question of K options on a scale has K - 1 boundaries. At each of them the share of people
    below is predicted as

    .. math:: F'(j) = (1 - w) F(j) + w j / K + \beta \cdot \phi(j)

    with F the model's cumulative shares, w the `prior_weight` and the features phi of
    `distexp.calibrator.fitting.boundaries`: baselines of the boundary, the model's cumulative
    share split into the question's level and the group's deviation, its neighbours, the mean and
    the spread of the prediction, the answer scale where several questions share it, and, stacked
    inputs given, each input's own share. Coefficients are pulled to 0, so that few questions
    change little: the prior is the model itself, shrunk a little to the uniform distribution.
    Boundaries of all questions and sizes are fitted together, and the sum of absolute errors over
    boundaries, weighted by the width of the scale between the options, is the Wasserstein-1
    distance. Boundaries that would cross are made to touch.

    With a `wording_penalty`, questions that are worded alike are pulled to be corrected alike: the
    coordinates of `distexp.calibrator.fitting.texts` are features too.

    A nominal question has no boundaries: its shares are mixed with the uniform distribution, by a
    weight fitted to the nominal training questions.

    Parameters
    ----------
    penalty : float
        L2 penalty of the coefficients in units of cases, > 0.
    loss : {"wasserstein", "squared"}
        Absolute error of cumulative shares, by iteratively reweighted least squares; or squared.
    n_iterations : int
        Reweightings, at least 1; nothing to `squared`.
    prior_weight : float
        Weight w of the uniform distribution in the prior, in [0, 1].
    wording_penalty : float, optional
        L2 penalty of a coordinate of the wording, in cases, > 0; None, and a design without
        texts, leave the wording out.
    wording_components : int
        Coordinates used at most, at least 1.
    wording : {"words", "meaning"}
        What makes questions alike: shared words, or half of it what the texts mean.
    group_axes : int
        Main directions of the groups' deviations, at least 0, nothing where groups have no effects
        of their own. What a model says of one group tells about another: each group is moved by a
        coefficient of its own along them.
    scope : {"pooled", "per_group", "partial"}
        `partial` gives each group a shift, a tilt and a slope of its own deviation, all under
        the penalty, so that evidence has to bring them up; else see
        `distexp.calibrator.fitting.base.Scoped`.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,)
        The coefficients beta.
    sizes_, groups_, scales_ : list of int
        Numbers of options, groups and answer scales of the training cases that features name.
    axes_ : ndarray of shape (n_groups, group_axes)
        Those directions.
    nominal_weight_ : float
        Weight in [0, 1] of the uniform distribution for nominal questions.
    texts_ : list of list of str
        Wording and options of the training questions, where they are features.
    n_parameters_ : int
        Number of coefficients.

    References
    ----------
    Foresi and Peracchi (1995), "The conditional distribution of excess returns", JASA 90, where
    the regression of cumulative shares at many boundaries is called distribution regression;
    Holland and Welsch (1977), "Robust regression using iteratively reweighted least squares".
    """

    def __init__(
        self,
        penalty: float = 3.0,
        loss: str = "wasserstein",
        n_iterations: int = 3,
        prior_weight: float = 0.2,
        wording_penalty: float | None = None,
        wording_components: int = 100,
        wording: str = "words",
        group_axes: int = 0,
        scope: str = "partial",
    ) -> None:
        self.penalty = penalty
        self.loss = loss
        self.n_iterations = n_iterations
        self.prior_weight = prior_weight
        self.wording_penalty = wording_penalty
        self.wording_components = wording_components
        self.wording = wording
        self.group_axes = group_axes
        self.scope = scope

    def check_params(self) -> None:
        """Raise `ConfigError` if a parameter is out of range."""
        super().check_params()
        owner = type(self).__name__
        check_number(owner, "penalty", self.penalty, low=0, low_open=True)
        check_number(owner, "prior_weight", self.prior_weight, low=0, high=1)
        check_int(owner, "n_iterations", self.n_iterations, minimum=1)
        if self.wording_penalty is not None:
            check_number(owner, "wording_penalty", self.wording_penalty, low=0, low_open=True)
        check_int(owner, "wording_components", self.wording_components, minimum=1)
        check_int(owner, "group_axes", self.group_axes, minimum=0)
        if self.wording not in WORDINGS:
            raise parameter_error(owner, "wording", f"one of {', '.join(WORDINGS)}", self.wording)
        if self.loss not in LOSSES:
            raise parameter_error(owner, "loss", f"one of {', '.join(LOSSES)}", self.loss)

    def fit(self, X: Design, y: FloatArray, sample_weight: FloatArray | None = None) -> Self:
        """Learn from training cases; see `distexp.protocols.Calibrator`."""
        if self.scope != "partial":
            return super().fit(X, y, sample_weight)
        self.check_params()
        self.by_group_, self.own_weight_, self.prior_questions_ = {}, {}, np.inf
        self._fit(X, y, sample_weight)
        return self

    def fit_predict(self, X: Design, y: FloatArray, weights: FloatArray) -> FloatArray:
        """Fit once for each row of `weights`; see `distexp.protocols.BatchCalibrator`."""
        if self.scope == "per_group":
            predicted = np.empty((len(weights), *y.shape))
            for group in np.unique(X.group).tolist():
                rows = X.group == group
                pooled = self._unfitted().set_params(scope="pooled")
                predicted[:, rows] = pooled.fit_predict(X.take(rows), y[rows], weights[:, rows])
            return predicted
        return np.array([predicted for predicted, _ in self._each(X, y, weights)])

    def each_fit(self, X: Design, y: FloatArray, weights: FloatArray) -> Iterator[FloatArray]:
        """Yield the predictions of each fit; see `distexp.protocols.Streaming`."""
        if self.scope == "per_group":
            for some in few(weights, y.shape[1]):
                yield from self.fit_predict(X, y, some)
            return
        for predicted, _ in self._each(X, y, weights):
            yield predicted

    def fit_leave_out(
        self, X: Design, y: FloatArray, weights: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Predict with and without each question; see `fitting.left_out.LeavesOut`.

        Whether groups have effects of their own is as `scope` says; they are taken together. The
        weights of the iterations are those of the fit with the question.
        """
        both = list(self.each_left_out(X, y, weights))
        return np.array([fitted for fitted, _ in both]), np.array([out for _, out in both])

    def each_left_out(
        self, X: Design, y: FloatArray, weights: FloatArray
    ) -> Iterator[tuple[FloatArray, FloatArray]]:
        """Yield both of each fit; see `fitting.left_out.LeavesEachOut`."""
        return self._each(X, y, weights, left_out=True)

    def _each(
        self, X: Design, y: FloatArray, weights: FloatArray, *, left_out: bool = False
    ) -> Iterator[tuple[FloatArray, FloatArray]]:
        """Yield what each fit predicts, and if asked what it does without each question."""
        boundaries, texts = Boundaries(X, self._vocabulary(X)), self._texts(X)
        prior = boundaries.shrunk(self.prior_weight)
        target = boundaries.cumulative(y) - prior
        unit = of_several(X.together, X.question)[boundaries.case] if left_out else None
        penalties = self._penalties(boundaries)
        n_words = 0 if texts is None else min(len(texts.question), self.wording_components)
        n = n_at_once(len(prior), len(boundaries.penalties) + n_words)
        for some in np.split(weights, range(max(n, 1), len(weights), max(n, 1))):
            known = [
                self._features(boundaries, penalties, self._words(texts, boundaries, train), train)
                for train in some > 0
            ]
            fits = written_out if n else one_by_one
            moved, without = fits(boundaries, known, target, some, self._n_reweightings, unit)
            mix = np.array([nominal_weight(X, y, weight, self.prior_weight) for weight in some])
            below = prior + moved
            predicted = self._shares(X, boundaries, below, mix)
            if without is None:
                yield from zip(predicted, predicted, strict=True)
                continue
            below = np.where(np.isnan(without), below, prior + without)
            of_others = self._shares(X, boundaries, below, mix)
            for fit, case in np.argwhere(boundaries.nominal & (some > 0)):
                rest = np.where(X.together == X.together[case], 0.0, some[fit])
                alone = nominal_weight(X, y, rest, self.prior_weight)
                of_others[fit, case] = mixed(X, alone)[case]
            yield from zip(predicted, of_others, strict=True)

    def _fit(self, X: Design, y: FloatArray, weight: FloatArray | None) -> None:
        weights = np.ones(len(y)) if weight is None else weight
        vocabulary = self._vocabulary(X)
        self.sizes_, self.groups_, self.scales_ = (
            vocabulary.sizes,
            vocabulary.groups,
            vocabulary.scales,
        )
        boundaries, texts, train = Boundaries(X, vocabulary), self._texts(X), weights > 0
        self.axes_ = axes_of(boundaries, train)
        words, penalties = self._words(texts, boundaries, train), self._penalties(boundaries)
        known = self._features(boundaries, penalties, words, train)
        target = boundaries.cumulative(y) - boundaries.shrunk(self.prior_weight)
        fit = fitted(boundaries, *known, target, weights, self._n_reweightings)
        self.coef_ = in_one(fit.coef, vocabulary)
        self.texts_ = []
        if texts is not None and X.text is not None:
            self.texts_ = X.text[np.unique(X.question, return_index=True)[1]].tolist()
        self.nominal_weight_ = nominal_weight(X, y, weights, self.prior_weight)
        self.n_parameters_ = len(self.coef_)

    def count_parameters(self, X: Design) -> int:
        """Count the coefficients; see `distexp.protocols.Counted`."""
        return len(Boundaries(X, self._vocabulary(X)).penalties)

    def _predict(self, X: Design) -> FloatArray:
        check_fitted(self)
        n_inputs = X.stacked.shape[1] if X.inputs is not None else 0
        axes = getattr(self, "axes_", np.zeros((len(self.groups_), 0)))  # as in older cards
        vocabulary = Vocabulary(
            self.sizes_, self.groups_, self.scales_, n_inputs, n_axes=axes.shape[1]
        )
        boundaries = Boundaries(X, vocabulary)
        n_words = len(self.coef_) - len(boundaries.penalties)
        words = np.zeros((len(boundaries.scale), n_words))
        known_texts = getattr(self, "texts_", [])  # cards of older versions have none
        if X.text is not None and known_texts:
            n_known = len(known_texts)
            question = np.concatenate([np.arange(n_known), X.question + n_known])
            both = np.concatenate([np.array(known_texts), X.text])
            texts = Texts(both, question, meaning=self.wording == "meaning")
            known = np.arange(len(question)) < n_known
            words = texts.components(known, self.wording_components)[n_known:]
        questions = Questions(words, boundaries.scale, len(vocabulary.scales))
        coef = in_parts(self.coef_, boundaries)
        moved = np.empty(len(boundaries.case))
        predict(along(boundaries, axes), questions, coef, moved)
        below = (boundaries.shrunk(self.prior_weight) + moved)[None]
        shares, *_ = self._shares(X, boundaries, below, np.array([self.nominal_weight_]))
        return np.asarray(shares, dtype=np.float64)

    def _texts(self, X: Design) -> Texts | None:
        if self.wording_penalty is None or X.text is None:
            return None
        return Texts(X.text, X.question, meaning=self.wording == "meaning")

    def _words(self, texts: Texts | None, boundaries: Boundaries, train: BoolArray) -> FloatArray:
        """Return the features of the wording, of shape (n_questions, n_features)."""
        if texts is None or not train.any():
            return np.zeros((len(boundaries.scale), 0))
        return texts.components(train, self.wording_components)

    def _vocabulary(self, X: Design) -> Vocabulary:
        return Vocabulary.of(X, by_group=self.scope == "partial", n_axes=self.group_axes)

    @property
    def _n_reweightings(self) -> int:
        return self.n_iterations if self.loss == "wasserstein" else 0

    def _penalties(self, boundaries: Boundaries) -> Coefficients:
        """Return the penalties of all features but the words."""
        return in_parts(self.penalty * boundaries.penalties, boundaries)

    def _features(
        self,
        boundaries: Boundaries,
        penalties: Coefficients,
        words: FloatArray,
        train: BoolArray,
    ) -> Known:
        """Return the questions' features, the penalties of all, and the rows."""
        of_words = np.full(words.shape[1], self.wording_penalty or 0.0)
        of_questions = np.concatenate([penalties.questions, of_words])
        questions = Questions(words, boundaries.scale, len(boundaries.vocabulary.scales))
        return (
            questions.restricted(boundaries.scales(train)),
            replace(penalties, questions=of_questions),
            along(boundaries, axes_of(boundaries, train)),
        )

    def _shares(
        self, X: Design, boundaries: Boundaries, below: FloatArray, mix: FloatArray
    ) -> FloatArray:
        """Return the distributions of each fit, of shape (n_fits, n_cases, max_options)."""
        shares = boundaries.shares(below)
        if not (nominal := boundaries.nominal).any():
            return shares
        calibrated: FloatArray = np.where(nominal[:, None], mixed(X, mix[:, None, None]), shares)
        return calibrated
