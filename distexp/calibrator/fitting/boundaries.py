"""Cumulative shares at the boundaries between options, and what is known about each of them."""

from collections.abc import Sequence
from dataclasses import fields, replace
from functools import cached_property
from itertools import pairwise

import numpy as np

from distexp.calibrator.fitting import once
from distexp.calibrator.fitting.features import question_means
from distexp.calibrator.fitting.numbered import numbered
from distexp.calibrator.fitting.panels import Panel
from distexp.calibrator.fitting.vocabulary import PENALTIES, VARIABLES, Vocabulary
from distexp.types import BoolArray, Design, FloatArray, IntArray

LOGIT_MARGIN = 0.005
"""Added to a share and to what is left of 1 before the logarithm of their ratio."""
NOTHING = 1e-12
"""A variable that is nowhere larger is rounding, and is left out."""
N_WITHHELD = 3
"""Variables left where the answers are withheld: one, the spread of the uniform
distribution, and its mean on scales that are not even."""
LEAST_WIDTH = 0.01
"""Weight of a boundary between two options at one position: it decides nothing about Wasserstein
distance, but the shares on its sides have to come from somewhere."""


class Boundaries:
    """All boundaries of all ordinal cases of a design, as rows.

    Options are taken in the order of their positions on the scale. Boundary j, from 1 to K - 1,
    lies above the j-th option.

    Attributes
    ----------
    case, index : ndarray of shape (n_rows,)
        Case of each row, and j - 1.
    width : ndarray of shape (n_rows,)
        Distance between the options on both sides, in units of the scale.
    nominal : ndarray of bool of shape (n_cases,)
        Cases without boundaries.
    """

    def __init__(self, X: Design, vocabulary: Vocabulary) -> None:
        self.X, self.vocabulary = X, vocabulary
        self.nominal = np.isnan(X.ordinals[:, 0])
        self.order: IntArray = np.argsort(X.ordinals, axis=1, kind="stable")  # padding goes last
        is_row = np.arange(1, X.mask.shape[1]) < X.n_options[:, None]
        self.case, self.index = np.nonzero(is_row & ~self.nominal[:, None])
        sorted_positions = np.take_along_axis(X.ordinals, self.order, axis=1)
        gaps = np.diff(sorted_positions, axis=1)[self.case, self.index]
        self.width = np.maximum(gaps, LEAST_WIDTH)
        self.even = (self.index + 1) / X.n_options[self.case]
        """Cumulative share of the uniform distribution."""

    def cumulative(self, shares: FloatArray) -> FloatArray:
        """Return the cumulative shares of distributions, of shape (n_rows,)."""
        return np.cumsum(self._sorted(shares), axis=1)[self.case, self.index]

    def shrunk(self, weight: float) -> FloatArray:
        """Return the model's cumulative shares, mixed with the uniform ones."""
        return (1 - weight) * self.cumulative(self.X.predicted) + weight * self.even

    def shares(self, below: FloatArray) -> FloatArray:
        """Turn cumulative shares of shape (n_fits, n_rows) into distributions.

        They are cut to [0, 1]; one that is smaller than the one before is raised to it.

        Returns
        -------
        ndarray of shape (n_fits, n_cases, max_options)
            Arbitrary for nominal cases.
        """
        n_cases, max_options = self.X.predicted.shape
        cumulative = np.zeros((len(below), n_cases, max_options))
        of_options = cumulative.reshape(len(below), n_cases * max_options)
        of_options[:, self._places] = np.clip(below, 0, 1)
        cumulative[:, np.arange(n_cases), self.X.n_options - 1] = 1
        for before, after in pairwise(np.moveaxis(cumulative, 2, 0)):
            np.maximum(before, after, out=after)
        in_order = np.diff(cumulative, axis=2, prepend=0)
        if self._in_order:
            return in_order
        shares = np.zeros_like(in_order)
        np.put_along_axis(shares, np.broadcast_to(self.order, shares.shape), in_order, axis=2)
        return shares

    @cached_property
    def _places(self) -> IntArray:
        """Shape (n_rows,): where a row is among the options of all cases."""
        places: IntArray = self.case * self.X.predicted.shape[1] + self.index
        return places

    @cached_property
    def _in_order(self) -> bool:
        """Whether the options of every case stand in the order of their positions."""
        return bool((self.order == np.arange(self.order.shape[1])).all())

    @cached_property
    def penalties(self) -> FloatArray:
        """Shape (n_features,): relative penalties, those of groups and scales last."""
        n_own = sum(self.vocabulary.sizes) - len(self.vocabulary.sizes)
        widths = {"own_baseline": n_own, "own_slope": n_own, "own_mean": n_own}
        names = self.vocabulary
        widths |= {"groups": names.n_own * len(names.groups), "axes": 0}
        widths["scales"] = 2 * len(names.scales)
        of_inputs = [names.n_inputs * of for of in PENALTIES["inputs"]] * 2 * names.n_inputs
        blocks: dict[str, Sequence[float]] = dict(PENALTIES) | {
            "inputs": of_inputs,
            "groups": PENALTIES["groups"] + names.n_axes * PENALTIES["axes"],
        }
        return np.concatenate(
            [np.resize(of, widths.get(name, len(of))) for name, of in blocks.items()]
        )

    @property
    def n_core(self) -> int:
        """Number of the features that are of no group or scale."""
        names = self.vocabulary
        return len(self.penalties) - names.n_own * len(names.groups) - 2 * len(names.scales)

    def scales(self, train: BoolArray) -> IntArray:
        """Return the places of the answer scales that a training set of cases speaks about.

        One that only one of the training questions has is not told apart from its question.
        """
        trained = np.bincount(self.question[train], minlength=len(self.scale)) > 0
        of_trained = self.scale[trained]
        n_questions = np.bincount(of_trained[of_trained >= 0])
        return np.flatnonzero(n_questions > 1)

    @cached_property
    def question(self) -> IntArray:
        """Shape (n_cases,): questions, numbered in their order."""
        return numbered(self.X.question)

    @cached_property
    def panels(self) -> list[Panel]:
        """The rows and what is known of them, axes apart; questions are numbered in order."""
        variables = self._variables()
        n_variables = variables.shape[1]
        varying = np.flatnonzero(np.abs(variables).max(axis=0, initial=0.0) > NOTHING)
        varying = np.union1d([0], varying)
        variables = np.ascontiguousarray(variables[:, varying])
        question = self.question
        group = _places(self.X.group, self.vocabulary.groups)
        first = np.searchsorted(self.case, np.arange(len(group)))
        panels = []
        for size in np.unique(self.X.n_options[self.case]).tolist():
            cases = np.flatnonzero((self.X.n_options == size) & ~self.nominal)
            cases = cases[np.lexsort((question[cases], group[cases]))]
            rows = first[cases][:, None] + np.arange(size - 1)
            even = np.arange(1, size) / size
            panels.append(
                Panel(
                    variables=variables[rows],
                    core=self._core(size, n_variables)[:, varying],
                    own=_own(even - 0.5, n_variables, self.vocabulary.n_axes)[:, varying],
                    tilt=even - 0.5,
                    group=group[cases],
                    question=question[cases],
                    rows=rows,
                )
            )
        return panels

    @cached_property
    def widened(self) -> list[Panel]:
        """The panels with features for the places along axes, which stand last in variables."""
        n_axes, panels = self.vocabulary.n_axes, []
        for panel in self.panels:
            core, own = (
                np.pad(one, ((0, 0), (0, n_axes), (0, 0))) for one in (panel.core, panel.own)
            )
            own[:, -n_axes:, -n_axes:] = np.eye(n_axes)
            panels.append(replace(panel, core=core, own=own))
        return panels

    @cached_property
    def points(self) -> tuple[IntArray, FloatArray, FloatArray]:
        """The boundaries of each question: question, width, and `deviations` of all groups."""
        question, n_places = self.question[self.case], self.deviations.shape[1]
        first = np.unique(question * n_places + self.index, return_index=True)[1]
        points = self.deviations[question[first], self.index[first]]
        return question[first], self.width[first], points

    @cached_property
    def withheld(self) -> bool:
        """Whether the model's answers say nothing, as where they are withheld."""
        return all(panel.variables.shape[2] <= N_WITHHELD for panel in self.panels)

    @cached_property
    def digest(self) -> bytes:
        """A digest of the panels and of the weights of their rows."""
        arrays = [getattr(panel, field.name) for panel in self.panels for field in fields(panel)]
        return once.digest("", self.case, self.width, *arrays)

    @cached_property
    def deviations(self) -> FloatArray:
        """Shape (n_questions, max_options - 1, n_groups): from the level; 0 where not asked."""
        deviations = np.zeros(
            (len(self.scale), self.X.mask.shape[1] - 1, len(self.vocabulary.groups))
        )
        group = _places(self.X.group, self.vocabulary.groups)
        level = self.cumulative(self._by_question(self.X.predicted))
        known = group[self.case] >= 0
        where = self.question[self.case], self.index, group[self.case]
        deviations[tuple(place[known] for place in where)] = (
            self.cumulative(self.X.predicted) - level
        )[known]
        return deviations

    @cached_property
    def scale(self) -> IntArray:
        """Shape (n_questions,): place of the answer scale among those with features, or -1."""
        first = np.unique(self.X.question, return_index=True)[1]
        if self.X.scale is None:
            return np.full(len(first), -1)
        return _places(self.X.scale[first], self.vocabulary.scales)

    def _variables(self) -> FloatArray:
        """Return what features are made of, of shape (n_rows, n_variables), as in `VARIABLES`."""
        X, case, even = self.X, self.case, self.even
        below = self.cumulative(X.predicted)
        level = self.cumulative(self._by_question(X.predicted))
        mean, spread = _moments(X)
        mean_level = self._by_question(mean[:, None])[case, 0] - 0.5
        sorted_shares, per_option = self._sorted(X.predicted), 1 / X.n_options[case]
        variables = [
            np.ones_like(even),
            level - even,
            below - level,
            mean_level,
            mean[case] - 0.5 - mean_level,
            sorted_shares[case, self.index] - per_option,
            sorted_shares[case, self.index + 1] - per_option,
            np.tanh(_logit(below) / 2) - np.tanh(_logit(even) / 2),
            _logit(below) - _logit(even),
            spread[case] - 0.3,
        ]
        for i in range(self.vocabulary.n_inputs):
            shares = X.stacked[:, i]
            of_input = self.cumulative(self._by_question(shares))
            variables += [
                of_input - level,
                (self.cumulative(shares) - of_input) - (below - level),
            ]
        return np.array(variables).T

    def _core(self, size: int, n_variables: int) -> FloatArray:
        """Return how the core features of a size's boundaries are made of the variables.

        Of shape (n_boundaries, n_variables, n_core), in the order of `PENALTIES`.
        """
        one = dict(zip(VARIABLES, np.eye(len(VARIABLES), n_variables), strict=True))
        of_case, sizes = one["mean_level"] + one["mean_deviation"], self.vocabulary.sizes
        places = [(k, j) for k in sizes for j in range(1, k)]
        core = np.zeros((size - 1, n_variables, self.n_core))
        for j in range(1, size):
            tilt = j / size - 0.5
            own = np.array([place == (size, j) for place in places], dtype=float)
            blocks: dict[str, Sequence[FloatArray] | FloatArray] = {
                "baseline": [one["one"], tilt * one["one"], tilt**2 * one["one"]],
                "own_baseline": np.outer(own, one["one"]),
                "level": [one["level"]],
                "deviation": [one["deviation"]],
                "own_slope": np.outer(own, one["level"] + one["deviation"]),
                "mean": [one["mean_level"], one["mean_deviation"],
                         tilt * of_case, tilt**2 * of_case],
                "own_mean": np.outer(own, of_case),
                "neighbours": [one["before"], one["after"]],
                "bent": [one["bent"], one["logit"]],
                "spread": [one["spread"], tilt * one["spread"]],
                "inputs": np.eye(n_variables)[len(VARIABLES) :],
            }  # fmt: skip
            core[j - 1] = np.concatenate([block for block in blocks.values() if len(block)]).T
        return core

    def _sorted(self, shares: FloatArray) -> FloatArray:
        return np.take_along_axis(shares, self.order, axis=1)

    def _by_question(self, values: FloatArray) -> FloatArray:
        """Return the mean over the groups of each case's question, of the shape of `values`."""
        return question_means(values, self.question)


def _own(tilt: FloatArray, n_variables: int, n_axes: int) -> FloatArray:
    """Return how a group's features are made, axes apart, (n_boundaries, n_variables, n_own)."""
    own = np.zeros((len(tilt), n_variables, len(PENALTIES["groups"]) + n_axes))
    own[:, VARIABLES.index("one"), 0] = 1
    own[:, VARIABLES.index("one"), 1] = tilt
    own[:, VARIABLES.index("deviation"), 2] = 1
    return own


def _places(names: IntArray, known: list[int]) -> IntArray:
    """Return the place of each name among the known ones, which ascend; -1 if it is none."""
    places = np.searchsorted(known, names)
    found = np.append(known, -1)[places] == names if known else np.zeros(len(names), dtype=bool)
    return np.where(found, places, -1)


def _moments(X: Design) -> tuple[FloatArray, FloatArray]:
    """Return mean and standard deviation of the predictions along the scale, each (n_cases,)."""
    positions = np.nan_to_num(X.ordinals)
    mean = (X.predicted * positions).sum(axis=1)
    variance = (X.predicted * (positions - mean[:, None]) ** 2).sum(axis=1)
    return mean, np.sqrt(variance)


def _logit(share: FloatArray) -> FloatArray:
    logit: FloatArray = np.log((share + LOGIT_MARGIN) / (1 - share + LOGIT_MARGIN))
    return logit
