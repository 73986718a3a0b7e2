"""Which questions are worded alike: coordinates of questions, from the words they share."""

import re
from hashlib import sha256
from typing import Any

import numpy as np

from distexp.types import BoolArray, FloatArray, IntArray, StrArray

HASHED = "sha256:"
"""How a text begins that is hashes of words, sorted, in place of words."""
_HASHES = re.compile(r"sha256:( [0-9a-f]{16})*")
LEAST_SHARE = 1e-6
"""Directions whose variance is a smaller share of the largest are rounding."""


class Texts:
    """The wordings of some questions, counted once.

    Two questions are alike by half the cosine of the TF-IDF vectors of their texts (words and
    pairs of words, without English stop words) and half that of their options' texts.

    Parameters
    ----------
    text : ndarray of str of shape (n_cases, 2)
        The question and its options.
    question : ndarray of shape (n_cases,)
        Equal numbers mark the same question.

    References
    ----------
    Salton and Buckley (1988), "Term-weighting approaches in automatic text retrieval"; Schölkopf,
    Smola and Müller (1998), "Nonlinear component analysis as a kernel eigenvalue problem".
    """

    def __init__(self, text: StrArray, question: IntArray) -> None:
        self.question, first, self.of_case = np.unique(
            question, return_index=True, return_inverse=True
        )
        self.counts = [
            _counted(text[first, 0].tolist(), pairs=True),
            _counted(text[first, 1].tolist(), pairs=False),
        ]

    def components(self, train: BoolArray, n_components: int) -> FloatArray:
        """Return the coordinates of every question along the training questions' main directions.

        Words, their weights, the centre and the directions are those of the training questions.

        Parameters
        ----------
        train : ndarray of bool of shape (n_cases,)
        n_components : int

        Returns
        -------
        ndarray of shape (n_questions, at most n_components)
            By the order of the questions' numbers. Those that share no words with the training
            questions are at one place.
        """
        known = np.bincount(self.of_case[train], minlength=len(self.question)) > 0
        alike = np.add.reduce([_alike(counts, known) for counts in self.counts]) / 2
        own = alike[known]
        centre, overall = own.mean(axis=0), own.mean()
        squares, directions = _largest(own - centre - centre[:, None] + overall, n_components)
        least = LEAST_SHARE * max(float(squares.max(initial=0.0)), LEAST_SHARE)
        kept = np.flatnonzero(squares > least)[::-1][:n_components]
        centred = alike - alike.mean(axis=1, keepdims=True) - centre + overall
        coordinates: FloatArray = centred @ directions[:, kept] / np.sqrt(squares[kept])
        return coordinates


def _largest(matrix: FloatArray, n: int) -> tuple[FloatArray, FloatArray]:
    """Return the largest eigenvalues of a symmetric matrix, ascending, and their vectors."""
    if len(matrix) <= 2 * n:
        squares, directions = np.linalg.eigh(matrix)
        return squares, directions
    from scipy.linalg import eigh

    last = len(matrix) - 1
    found: tuple[FloatArray, FloatArray] = eigh(
        matrix, subset_by_index=(last - n + 1, last), overwrite_a=True, check_finite=False
    )
    return found


def hashed(text: str, pairs: bool) -> str:
    """Return what stands for a text whose words may not be passed on, and is counted alike."""
    if _HASHES.fullmatch(text):
        return text
    terms = _counter(pairs=pairs).build_analyzer()(text)
    return " ".join([HASHED, *sorted(map(_hash, terms))])


def _hash(term: str) -> str:
    return sha256(term.encode()).hexdigest()[:16]


def _counter(*, pairs: bool) -> Any:
    from sklearn.feature_extraction.text import CountVectorizer

    return CountVectorizer(ngram_range=(1, 2 if pairs else 1), stop_words="english")


def _counted(texts: list[str], *, pairs: bool) -> Any:
    """Return how often each word occurs in each text, a sparse matrix; None without any word."""
    counter = _counter(pairs=pairs)
    if any(map(_HASHES.fullmatch, texts)):
        texts = [hashed(text, pairs) for text in texts]
        counter.set_params(analyzer=lambda text: text.split()[1:])
    if not any(map(counter.build_analyzer(), texts)):
        return None
    return counter.fit_transform(texts)


def _alike(counts: Any, known: BoolArray) -> FloatArray:
    """Return the cosines of all questions with the known ones, by the words of those."""
    from sklearn.feature_extraction.text import TfidfTransformer

    if counts is None:
        return np.zeros((len(known), int(known.sum())))
    seen = counts[:, np.asarray(counts[known].sum(axis=0)).ravel() > 0]
    if not seen.shape[1]:
        return np.zeros((len(known), int(known.sum())))
    weighed = TfidfTransformer(sublinear_tf=True).fit(seen[known]).transform(seen)
    cosines: FloatArray = (weighed @ weighed[known].T).toarray()
    return cosines
