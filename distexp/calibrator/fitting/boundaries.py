"""Cumulative shares at the boundaries between options, and what is known about each of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np

from distexp.types import BoolArray, Design, FloatArray, IntArray

LOGIT_MARGIN = 0.005
"""Added to a share and to what is left of 1 before the logarithm of their ratio."""
LEAST_WIDTH = 0.01
"""Weight of a boundary between two options at one position: it decides nothing about Wasserstein
distance, but the shares on its sides have to come from somewhere."""

PENALTIES = {
    "baseline": (2.0, 0.6, 0.6),
    "own_baseline": (1.0,),
    "level": (0.1,),
    "deviation": (0.1,),
    "own_slope": (1.0,),
    "mean": (0.3, 0.3, 1.0, 1.0),
    "own_mean": (1.0,),
    "neighbours": (0.5, 0.5),
    "bent": (0.5, 5.0),
    "spread": (1.0, 1.0),
    "inputs": (1.0,),
    "groups": (3.0,),
    "scales": (4.0,),
}
"""Relative penalties of the coefficients, by block of features: small for what every survey needs,
larger the more special a feature is, and for the baselines large enough that one question does not
set them. A block with one number has it for all of its features."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What the features name. The scales' features stand last."""

    sizes: list[int]
    """Numbers of options that have baselines and slopes of their own."""
    groups: list[int]
    """Groups of people that have effects of their own; empty if pooled."""
    scales: list[int]
    """Answer scales that several questions share, which have a shift and a tilt of their own."""
    n_inputs: int
    """Stacked inputs; 0 where there is a single prediction."""

    @classmethod
    def of(cls, X: Design, *, by_group: bool) -> Self:
        """Return what occurs in `X`."""
        return cls(
            sizes=np.unique(X.n_options).tolist(),
            groups=np.unique(X.group).tolist() if by_group else [],
            scales=[] if X.scale is None else _shared(X.scale, X.question),
            n_inputs=0 if X.inputs is None else X.inputs.shape[1],
        )


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
        cumulative[:, self.case, self.index] = np.clip(below, 0, 1)
        cumulative[:, np.arange(n_cases), self.X.n_options - 1] = 1
        cumulative = np.maximum.accumulate(cumulative, axis=2)
        in_order = np.diff(cumulative, axis=2, prepend=0)
        shares = np.zeros_like(in_order)
        np.put_along_axis(shares, np.broadcast_to(self.order, shares.shape), in_order, axis=2)
        return shares

    @property
    def features(self) -> FloatArray:
        """Shape (n_rows, n_features)."""
        return self._design[0]

    @property
    def penalties(self) -> FloatArray:
        """Shape (n_features,): relative penalties of their coefficients."""
        return self._design[1]

    def used(self, weight: FloatArray) -> BoolArray:
        """Tell which features a training set speaks about, of shape (n_features,).

        An answer scale that only one of the training questions has is not told apart from its
        question.
        """
        used = np.ones(len(self.penalties), dtype=bool)
        if self.vocabulary.scales and self.X.scale is not None:
            train = weight > 0
            shared = _shared(self.X.scale[train], self.X.question[train])
            used[-2 * len(self.vocabulary.scales) :] = np.repeat(
                np.isin(self.vocabulary.scales, shared), 2
            )
        return used

    @cached_property
    def _design(self) -> tuple[FloatArray, FloatArray]:
        blocks = self._blocks()
        penalties = [np.resize(PENALTIES[name], block.shape[1]) for name, block in blocks.items()]
        return np.hstack(list(blocks.values())), np.concatenate(penalties)

    def _blocks(self) -> dict[str, FloatArray]:
        """Return the features by block, each of shape (n_rows, n_of_block); no empty block."""
        X, case, even = self.X, self.case, self.even
        tilt = even - 0.5
        below = self.cumulative(X.predicted)
        level = self.cumulative(self._by_question(X.predicted))
        deviation = below - level
        mean, spread = _moments(X)
        mean_level = self._by_question(mean[:, None])[case, 0] - 0.5
        of_case = mean[case] - 0.5
        own = self._own_boundaries()
        sorted_shares = self._sorted(X.predicted)
        beside = sorted_shares[case, self.index], sorted_shares[case, self.index + 1]
        per_option = 1 / X.n_options[case]
        wide = spread[case] - 0.3
        blocks: dict[str, Sequence[FloatArray] | FloatArray] = {
            "baseline": [np.ones_like(tilt), tilt, tilt**2],
            "own_baseline": own,
            "level": [level - even],
            "deviation": [deviation],
            "own_slope": own * (below - even),
            "mean": [mean_level, of_case - mean_level, of_case * tilt, of_case * tilt**2],
            "own_mean": own * of_case,
            "neighbours": [share - per_option for share in beside],
            "bent": [
                np.tanh(_logit(below) / 2) - np.tanh(_logit(even) / 2),
                _logit(below) - _logit(even),
            ],
            "spread": [wide, wide * tilt],
            "inputs": self._inputs(below, level),
            "groups": self._groups(tilt, deviation),
            "scales": self._scales(tilt),
        }
        return {name: np.array(block).T for name, block in blocks.items() if len(block)}

    def _own_boundaries(self) -> FloatArray:
        """Return an indicator of each boundary of each size, of shape (n_boundaries, n_rows)."""
        size = self.X.n_options[self.case]
        return np.array(
            [(size == k) & (self.index == j) for k in self.vocabulary.sizes for j in range(k - 1)],
            dtype=float,
        )

    def _inputs(self, below: FloatArray, level: FloatArray) -> list[FloatArray]:
        """Return how each stacked input differs from their mean, in level and in deviation."""
        features = []
        for i in range(self.vocabulary.n_inputs):
            shares = self.X.stacked[:, i]
            of_input = self.cumulative(self._by_question(shares))
            features += [of_input - level, (self.cumulative(shares) - of_input) - (below - level)]
        return features

    def _groups(self, tilt: FloatArray, deviation: FloatArray) -> list[FloatArray]:
        features = []
        for group in self.vocabulary.groups:
            rows = (self.X.group[self.case] == group).astype(float)
            features += [rows, rows * tilt, rows * deviation]
        return features

    def _scales(self, tilt: FloatArray) -> list[FloatArray]:
        if self.X.scale is None:
            return [np.zeros_like(tilt)] * (2 * len(self.vocabulary.scales))
        features = []
        for scale in self.vocabulary.scales:
            rows = (self.X.scale[self.case] == scale).astype(float)
            features += [rows, rows * tilt]
        return features

    def _sorted(self, shares: FloatArray) -> FloatArray:
        return np.take_along_axis(shares, self.order, axis=1)

    def _by_question(self, values: FloatArray) -> FloatArray:
        """Return the mean over the groups of each case's question, of the shape of `values`."""
        codes = np.unique(self.X.question, return_inverse=True)[1]
        sums = np.zeros((codes.max() + 1, values.shape[1]))
        np.add.at(sums, codes, values)
        means: FloatArray = (sums / np.bincount(codes)[:, None])[codes]
        return means


def _shared(scale: IntArray, question: IntArray) -> list[int]:
    """Return the answer scales that more than one question has."""
    of_question = np.unique(np.column_stack([scale, question]), axis=0)[:, 0]
    scales, n_questions = np.unique(of_question, return_counts=True)
    shared: list[int] = scales[n_questions > 1].tolist()
    return shared


def _moments(X: Design) -> tuple[FloatArray, FloatArray]:
    """Return mean and standard deviation of the predictions along the scale, each (n_cases,)."""
    positions = np.nan_to_num(X.ordinals)
    mean = (X.predicted * positions).sum(axis=1)
    variance = (X.predicted * (positions - mean[:, None]) ** 2).sum(axis=1)
    return mean, np.sqrt(variance)


def _logit(share: FloatArray) -> FloatArray:
    logit: FloatArray = np.log((share + LOGIT_MARGIN) / (1 - share + LOGIT_MARGIN))
    return logit
