"""Mean human answers of the training cases, with and without a case's own question."""

from collections.abc import Mapping

import numpy as np

from distexp.calibrator.fitting.numbered import numbered
from distexp.types import FloatArray, IntArray


class Kinds:
    """Which cases are averaged together, and which of them are of one question.

    Parameters
    ----------
    kind : ndarray of shape (n_cases,) or (n_cases, n_keys)
        Cases with equal rows are averaged together, e.g. those with equally many options.
    question : ndarray of shape (n_cases,)
        Equal numbers mark the same question.
    unit : ndarray of shape (n_cases,), optional
        Equal numbers mark questions that are left out together; each by itself where None.
    """

    def __init__(self, kind: IntArray, question: IntArray, unit: IntArray | None = None) -> None:
        of_question = numbered(question)
        place = np.zeros(len(question), dtype=np.int64)
        for keys in (*np.reshape(kind, (len(question), -1)).T, of_question):
            codes = numbered(keys)
            place = place * (codes.max() + 1) + codes
        pairs, first, pair = np.unique(place, return_index=True, return_inverse=True)
        kinds = np.unique(pairs // (of_question.max() + 1), return_inverse=True)[1]
        self.pair, self.kind, self.unit = _Codes(pair), _Codes(kinds), None
        if unit is not None:
            of_pair = np.column_stack([kinds, unit[first]])
            self.unit = _Codes(np.unique(of_pair, axis=0, return_inverse=True)[1])


class TrainingMeans:
    """Mean human shares by kind of case, for many weightings of the training cases.

    Parameters
    ----------
    y : ndarray of shape (n_cases, max_options)
        Human distributions.
    kinds : Kinds of n_cases cases
    weights : ndarray of shape (n_fits, n_cases)
        0 keeps a case out.
    """

    def __init__(self, y: FloatArray, kinds: Kinds, weights: FloatArray) -> None:
        with_total = np.column_stack([y, np.ones(len(y))])
        sums = kinds.pair.sums(weights[:, :, None] * with_total)
        self.pair = kinds.pair.codes
        # One row per kind and question: sums of shares and of weights, and whether it was seen.
        self.of_question = np.concatenate([sums, sums[..., -1:] > 0], axis=2)
        self.of_kind = kinds.kind.sums(self.of_question)[:, kinds.kind.codes]
        self.of_unit = self.of_question
        if kinds.unit is not None:
            self.of_unit = kinds.unit.sums(self.of_question)[:, kinds.unit.codes]

    def shrunk(
        self, towards: FloatArray, prior_questions: float, *, held_out: bool = False
    ) -> FloatArray:
        """Return each case's mean, pulled to `towards` where it rests on few questions.

        A mean over n training questions weighs ``n / (n + prior_questions)``, so that a single
        question does not decide.

        Parameters
        ----------
        towards : ndarray of shape (n_cases, max_options) or (n_fits, n_cases, max_options)
        prior_questions : float
            Questions that `towards` counts for, > 0.
        held_out : bool, default=False
            Leave each case's own question, or unit, out of its mean, as it is for a question to
            predict.

        Returns
        -------
        ndarray of shape (n_fits, n_cases, max_options)
        """
        sums = self.of_kind - self.of_unit if held_out else self.of_kind
        shares, weight, n = sums[..., :-2], sums[..., -2:-1], sums[..., -1:]
        means = shares / np.where(n > 0, weight, np.inf)
        own = n / (n + prior_questions)
        shrunk: FloatArray = (own * means)[:, self.pair] + (1 - own)[:, self.pair] * towards
        return shrunk


def by_size(shares: FloatArray, n_options: IntArray) -> dict[int, FloatArray]:
    """Return one row of `shares` for each number of options, where all of its rows are alike."""
    sizes, rows = np.unique(n_options, return_index=True)
    return {k: shares[row, :k].copy() for k, row in zip(sizes.tolist(), rows, strict=True)}


def placed(
    shares: Mapping[int, FloatArray], n_options: IntArray, others: FloatArray
) -> FloatArray:
    """Undo `by_size`: numbers of options without shares keep their rows of `others`."""
    placed = others.copy()
    for k in np.intersect1d(n_options, list(shares)).tolist():
        placed[n_options == k, :k] = shares[k]
    return placed


def n_trained(question: IntArray, weights: FloatArray) -> IntArray:
    """Return how many questions each row of `weights` trains on, of shape (n_fits,)."""
    order = np.argsort(question, kind="stable")
    starts = np.unique(question[order], return_index=True)[1]
    trained: IntArray = np.logical_or.reduceat(weights[:, order] > 0, starts, axis=1).sum(axis=1)
    return trained


class _Codes:
    """Rows of a table by a code of each, from 0 on."""

    def __init__(self, codes: IntArray) -> None:
        self.codes = codes
        self.order = np.argsort(codes, kind="stable")
        self.starts = np.searchsorted(codes[self.order], np.arange(codes.max() + 1))

    def sums(self, values: FloatArray) -> FloatArray:
        """Add up `values`, shape (n_fits, n_rows, n_columns), over the rows of each code."""
        summed: FloatArray = np.add.reduceat(values[:, self.order], self.starts, axis=1)
        return summed
