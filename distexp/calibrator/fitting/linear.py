"""Joint calibrators whose options have scores that are linear in what the model said."""

from abc import abstractmethod
from dataclasses import dataclass, replace

import numpy as np

from distexp.calibrator.fitting.base import MIN_QUESTIONS, Scoped
from distexp.calibrator.fitting.loss import log_softmax
from distexp.calibrator.fitting.parameters import Parameters, check_fitted
from distexp.checks import check_number, parameter_error
from distexp.metrics.distance import KL_SMOOTHING
from distexp.types import BoolArray, Design, FloatArray

FEATURES = ("log", "share")
MATRICES = ("temperature", "vector", "full")


@dataclass(frozen=True, slots=True)
class LinearScores:
    """How features become one score per option.

    The parameters are a vector: the slopes and then, unless `matrix` is `temperature`, one bias
    per option.

    Parameters
    ----------
    matrix : {"temperature", "vector", "full"}
        Slopes of shape (n_inputs,), (n_inputs, n_options) or (n_inputs * n_options, n_options):
        one for all options, one for each option, or from each option to each.
    n_inputs, n_options : int
    """

    matrix: str
    n_inputs: int
    n_options: int

    @property
    def identity(self) -> FloatArray:
        """The parameters with which the scores are the mean of the inputs' features."""
        if self.matrix == "temperature":
            return np.full(self.n_inputs, 1 / self.n_inputs)
        slopes = np.ones((self.n_inputs, self.n_options))
        if self.matrix == "full":
            slopes = np.tile(np.eye(self.n_options), (self.n_inputs, 1))
        return np.append(slopes.ravel() / self.n_inputs, np.zeros(self.n_options))

    def penalties(self, penalty: float, off_diagonal: float) -> FloatArray:
        """Return the penalty of each parameter: `off_diagonal` more for all but own slopes.

        Slopes are penalised in proportion to the number of inputs: it takes as much then to
        change the slopes of all inputs together as it takes to change that of a single one.
        """
        penalties = penalty + np.where(self.identity > 0, 0.0, off_diagonal)
        n_biases = 0 if self.matrix == "temperature" else self.n_options
        penalties[: len(penalties) - n_biases] *= self.n_inputs
        return penalties

    def scores(self, parameters: FloatArray, z: FloatArray) -> FloatArray:
        """Return scores of shape (n_cases, n_options) for features `z`."""
        if self.matrix == "temperature":
            return np.tensordot(z, parameters, axes=(1, 0))
        slopes, bias = parameters[: -self.n_options], parameters[-self.n_options :]
        if self.matrix == "full":
            return z.reshape(len(z), -1) @ slopes.reshape(-1, self.n_options) + bias
        scores: FloatArray = (z * slopes.reshape(z.shape[1:])).sum(axis=1) + bias
        return scores

    def gradient(self, by_scores: FloatArray, z: FloatArray) -> FloatArray:
        """Return the gradient by the parameters, given the one by the scores."""
        if self.matrix == "temperature":
            return np.tensordot(z, by_scores, axes=((0, 2), (0, 1)))
        if self.matrix == "full":
            slopes = z.reshape(len(z), -1).T @ by_scores
        else:
            slopes = (z * by_scores[:, None]).sum(axis=0)
        return np.append(slopes.ravel(), by_scores.sum(axis=0))


class LinearCalibrator(Scoped, Parameters):
    """Scores for each number of options, and a temperature for those that have too few questions.

    A family extends it and writes `_parameters`, the fit for one set of scores. The temperature
    is fitted to the cases of all numbers of options, and serves those with fewer than
    `MIN_QUESTIONS` training questions. Where several inputs are stacked each has its own slopes,
    and the identity is the mean of their features.

    Attributes
    ----------
    shared_ : ndarray of shape (n_inputs,) or more
        Slopes of the temperature, and what else the family fits.
    by_size_ : dict of int to ndarray
        By number of options: parameters as in `LinearScores`, and what else the family fits.
    """

    features: str
    matrix: str
    penalty: float
    shared_: FloatArray
    by_size_: dict[int, FloatArray]

    def check_params(self) -> None:
        """Raise `ConfigError` if a parameter is wrong."""
        super().check_params()
        self._check_choice("features", FEATURES)
        self._check_choice("matrix", MATRICES)
        check_number(type(self).__name__, "penalty", self.penalty, low=0)

    def _check_choice(self, name: str, choices: tuple[str, ...]) -> None:
        if getattr(self, name) not in choices:
            wanted = f"one of {', '.join(choices)}"
            raise parameter_error(type(self).__name__, name, wanted, getattr(self, name))

    def _fit(self, X: Design, y: FloatArray, weight: FloatArray | None) -> None:
        weights = np.ones(len(y)) if weight is None else weight
        self.shared_ = self._fitted("temperature", X, y, weights)
        self.by_size_ = {}
        for k in trained_sizes(X):
            rows, of_k = of_size(X, k)
            self.by_size_[k] = self._fitted(self.matrix, of_k, y[rows, :k], weights[rows])

    def count_parameters(self, X: Design) -> int:
        """Count slopes and biases; see `distexp.protocols.Counted`."""
        n_inputs = X.stacked.shape[1]
        sizes = trained_sizes(X)
        own = [len(LinearScores(self.matrix, n_inputs, k).identity) for k in sizes]
        return int(n_inputs + sum(own))

    def _fitted(self, matrix: str, X: Design, y: FloatArray, weight: FloatArray) -> FloatArray:
        z = features(X, self.features)
        return self._parameters(LinearScores(matrix, *z.shape[1:]), z, X, y, weight)

    @abstractmethod
    def _parameters(
        self, linear: LinearScores, z: FloatArray, X: Design, y: FloatArray, weight: FloatArray
    ) -> FloatArray:
        """Return the parameters of `linear` that fit best, whatever else is fitted after them."""

    def _predict(self, X: Design) -> FloatArray:
        check_fitted(self)
        z = features(X, self.features)
        scores = LinearScores("temperature", *z.shape[1:]).scores(self.shared_[: z.shape[1]], z)
        for k, parameters in self.by_size_.items():
            rows, linear = X.n_options == k, LinearScores(self.matrix, z.shape[1], k)
            if rows.any():
                own = parameters[: len(linear.identity)]
                scores[rows, :k] = linear.scores(own, z[rows, :, :k])
        return np.exp(log_softmax(scores, X.mask))


def features(X: Design, kind: str) -> FloatArray:
    """Return what a calibrator knows of each option, 0 where the model is undecided.

    With K options and the model's share p, `share` is ``K * p - 1``, and `log` is the logarithm
    of ``K * q`` where ``q = (1 - KL_SMOOTHING) * p + KL_SMOOTHING / K`` keeps it finite. The
    softmax of `log` is q itself, and `share` is its tangent at the uniform distribution: with
    either of them the identity is near by, whatever K.

    Returns
    -------
    ndarray of shape (n_cases, n_inputs, max_options)
        0 in the padding.
    """
    times_even = X.stacked * X.n_options[:, None, None]
    if kind == "share":
        found = times_even - 1
    else:
        found = np.log((1 - KL_SMOOTHING) * times_even + KL_SMOOTHING)
    return np.where(X.mask[:, None], found, 0.0)


def trained_sizes(X: Design) -> list[int]:
    """Return the numbers of options with at least `MIN_QUESTIONS` questions."""
    sizes = np.unique(X.n_options).tolist()
    return [k for k in sizes if len(np.unique(X.question[X.n_options == k])) >= MIN_QUESTIONS]


def of_size(X: Design, k: int) -> tuple[BoolArray, Design]:
    """Return which cases have `k` options, and those cases without padding."""
    rows: BoolArray = X.n_options == k
    cases = X.take(rows)
    inputs = None if cases.inputs is None else cases.inputs[:, :, :k]
    shares, ordinals = cases.predicted[:, :k], cases.ordinals[:, :k]
    return rows, replace(cases, predicted=shares, ordinals=ordinals, inputs=inputs)
