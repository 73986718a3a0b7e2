"""Which questions are worded alike: coordinates of questions, from the words they share."""

import re
from dataclasses import replace
from hashlib import sha256
from typing import Any

import numpy as np

from distexp.errors import ConfigError
from distexp.types import BoolArray, Design, FloatArray, IntArray, StrArray

HASHED = "sha256:"
"""How a text begins that is hashes of words, sorted, in place of words."""
BANDWIDTH = 0.5
"""Distance of two sentence vectors at which meanings are near by 0.61; vectors have length 1."""
_HASHES = re.compile(r"sha256:( [0-9a-f]{16})*")
FEW = 64
"""Texts up to which a table of their words is quicker written out than as a sparse matrix."""
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
    meaning : bool
        Whether half of the likeness is of the meanings of the texts: exp(-d^2 / (2 h^2)) of the
        distance d of their sentence vectors, with h = `BANDWIDTH`.

    Raises
    ------
    ConfigError
        If there is no meaning: the weights are not installed, or a text is hashes of words.

    References
    ----------
    Salton and Buckley (1988), "Term-weighting approaches in automatic text retrieval"; Schölkopf,
    Smola and Müller (1998), "Nonlinear component analysis as a kernel eigenvalue problem".
    """

    def __init__(self, text: StrArray, question: IntArray, *, meaning: bool = False) -> None:
        self.question, first, self.of_case = np.unique(
            question, return_index=True, return_inverse=True
        )
        self.counts = [
            _counted(text[first, 0].tolist(), pairs=True),
            _counted(text[first, 1].tolist(), pairs=False),
        ]
        self.nearness = _nearness(text[first, 0].tolist()) if meaning else None

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
        alike, of_options = (_alike(counts, known) for counts in self.counts)
        alike += of_options
        alike /= 2
        if self.nearness is not None:
            alike = (alike + self.nearness[:, known]) / 2
        own = alike[known]
        centre, overall = own.mean(axis=0), own.mean()
        own -= centre
        own -= centre[:, None]
        own += overall
        squares, directions = _largest(own, n_components)
        least = LEAST_SHARE * max(float(squares.max(initial=0.0)), LEAST_SHARE)
        kept = np.flatnonzero(squares > least)[::-1][:n_components]
        ahead = directions[:, kept] / np.sqrt(squares[kept])
        shift = overall - alike.mean(axis=1)
        coordinates: FloatArray = alike @ ahead
        coordinates += np.outer(shift, ahead.sum(axis=0)) - centre @ ahead
        return coordinates


def _nearness(texts: list[str]) -> FloatArray:
    """Return how near the meanings of texts are to each other, of shape (n_texts, n_texts)."""
    from distexp.calibrator.fitting.sentences import vectors

    if any(_HASHES.fullmatch(text) for text in texts):
        msg = (
            "Hashes of words have no meaning, and a card of a gated survey keeps nothing else of "
            "its questions. Set wording: words in the calibrator."
        )
        raise ConfigError(msg)
    of_text = vectors(texts)
    squares = np.maximum(2 - 2 * of_text @ of_text.T, 0)
    near: FloatArray = np.exp(-squares / (2 * BANDWIDTH**2))
    return near


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


def withheld(X: Design) -> Design:
    """Return the cases with hashes of words in place of wordings; what is learnt is the same."""
    if X.text is None:
        return X
    known = {text: (hashed(text[0], True), hashed(text[1], False)) for text in map(tuple, X.text)}
    return replace(X, text=np.array([known[t] for t in map(tuple, X.text)], dtype=object))


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
        counter = type(counter)(analyzer=lambda text: text.split()[1:])
    if not any(map(counter.build_analyzer(), texts)):
        return None
    return counter.fit_transform(texts).astype(np.float64)


def _alike(counts: Any, known: BoolArray) -> FloatArray:
    """Return the cosines of all questions with the known ones, by the words of those.

    Of the TF-IDF vectors of scikit-learn's `TfidfTransformer` with ``sublinear_tf=True``.
    """
    n_known = int(known.sum())
    if counts is None:
        return np.zeros((len(known), n_known))
    text = np.repeat(np.arange(len(known)), np.diff(counts.indptr))
    n_texts = np.bincount(counts.indices[known[text]], minlength=counts.shape[1])
    rarity = np.where(n_texts > 0, np.log((1 + n_known) / (1 + n_texts)) + 1, 0.0)
    values = (1 + np.log(counts.data)) * rarity[counts.indices]
    norm = np.sqrt(np.bincount(text, values**2, len(known)))
    values /= np.where(norm > 0, norm, 1.0)[text]
    if len(known) <= FEW:
        written = np.zeros(counts.shape)
        written[text, counts.indices] = values
        near: FloatArray = written @ written[known].T
        return near
    weighed = counts.copy()
    weighed.data = values
    cosines: FloatArray = (weighed @ weighed[known].T).toarray()
    return cosines
