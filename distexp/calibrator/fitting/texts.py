"""Which questions are worded alike: coordinates of questions, from the words they share."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from threading import Lock
from typing import Generic, TypeVar

import numpy as np
from threadpoolctl import threadpool_limits

from distexp.calibrator.fitting.once import digest
from distexp.calibrator.fitting.words import terms
from distexp.errors import ConfigError
from distexp.metrics.ties import cut
from distexp.types import BoolArray, Design, FloatArray, IntArray, StrArray

HASHED = "sha256:"
"""How a text begins that is hashes of words, sorted, in place of words."""
BANDWIDTH = 0.5
"""Distance of two sentence vectors at which meanings are near by 0.61; vectors have length 1."""
_HASHES = re.compile(r"sha256:( [0-9a-f]{16})*")
FEW = 64
"""Texts up to which a table of their words is quicker written out than as a sparse matrix."""
OFTEN = 0.1
"""Share of the texts from which on that is so of a single word."""
LEAST_SHARE = 1e-6
"""Directions whose variance is a smaller share of the largest are rounding. Where variances differ
by no more, rounding alone would say which direction is the last: all of them are left out then."""
KEPT = 4
"""Sets of questions whose words are kept."""
KEPT_COORDINATES = 24
"""Training sets of questions whose coordinates are: more than are fitted group after group."""
Made = TypeVar("Made")


class _Last(Generic[Made]):
    """What was made last: fits of one group after the other have the same questions."""

    def __init__(self, kept: int) -> None:
        self._kept = kept
        self._made: dict[bytes, Made] = {}
        self._lock = Lock()

    def of(self, key: bytes, make: Callable[[], Made]) -> Made:
        """Return what is kept under a key, or make and keep it."""
        with self._lock:
            if key in self._made:
                return self._made[key]
        made = make()
        with self._lock:
            while len(self._made) >= self._kept:
                self._made.pop(next(iter(self._made)))
            self._made[key] = made
        return made


_counts: "_Last[tuple[Counts | None, Counts | None]]" = _Last(KEPT)
_coordinates: _Last[FloatArray] = _Last(KEPT_COORDINATES)


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
        worded, options = text[first, 0].tolist(), text[first, 1].tolist()
        self.digest = digest(f"{meaning}", text[first])
        self.counts = _counts.of(
            self.digest,
            lambda: (_counted(worded, pairs=True), _counted(options, pairs=False)),
        )
        self.nearness = _nearness(worded) if meaning else None

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
        key = digest(f"{self.digest!r} {n_components}", known)
        return _coordinates.of(key, lambda: self._components(known, n_components))

    def _components(self, known: BoolArray, n_components: int) -> FloatArray:
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
        squares, directions = _largest(own, n_components + 1)
        least = LEAST_SHARE * max(float(squares.max(initial=0.0)), LEAST_SHARE)
        kept = np.flatnonzero(squares > least)[::-1][: cut(squares, n_components, least)]
        ahead = directions[:, kept] / np.sqrt(squares[kept])
        shift = overall - alike.mean(axis=1)
        coordinates: FloatArray = alike @ ahead
        coordinates += np.outer(shift, ahead.sum(axis=0)) - centre @ ahead
        coordinates.flags.writeable = False  # the next one is given the same
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
    with threadpool_limits(limits=1, user_api="blas"):  # scipy's, which may just have been loaded
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
    return " ".join([HASHED, *sorted(map(_hash, terms(text, pairs=pairs)))])


def _hash(term: str) -> str:
    return sha256(term.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Counts:
    """How often each term occurs in each text, as a sparse matrix by rows."""

    starts: IntArray
    """Of shape (n_texts + 1,): where the terms of each text begin, and end."""
    term: IntArray
    number: FloatArray
    n_terms: int
    often: BoolArray
    """Of shape (n_terms,): which are in so many of the texts that their table is written out."""

    @classmethod
    def of(cls, texts: Sequence[Sequence[str]]) -> "Counts":
        """Count the terms of texts; they are numbered in their own order."""
        place = {term: n for n, term in enumerate(sorted({term for of in texts for term in of}))}
        counted = [sorted(Counter(map(place.__getitem__, of)).items()) for of in texts]
        pairs = np.array([pair for of_text in counted for pair in of_text], np.int64)
        pairs = pairs.reshape(-1, 2)
        starts = np.cumsum([0, *map(len, counted)])
        term, number, n_terms = pairs[:, 0].copy(), pairs[:, 1].astype(np.float64), len(place)
        often = np.bincount(term, minlength=n_terms) >= OFTEN * len(texts)
        often |= len(texts) <= FEW
        return cls(starts, term, number, n_terms, often)


def _counted(texts: list[str], *, pairs: bool) -> Counts | None:
    """Return how often each word occurs in each text; None without any word."""
    if any(map(_HASHES.fullmatch, texts)):
        of_texts = [hashed(text, pairs).split()[1:] for text in texts]
    else:
        of_texts = [terms(text, pairs=pairs) for text in texts]
    return Counts.of(of_texts) if any(of_texts) else None


def _alike(counts: Counts | None, known: BoolArray) -> FloatArray:
    """Return the cosines of all questions with the known ones, by the words of those.

    Of the TF-IDF vectors of scikit-learn's `TfidfTransformer` with ``sublinear_tf=True``.
    """
    n_known = int(known.sum())
    if counts is None:
        return np.zeros((len(known), n_known))
    text = np.repeat(np.arange(len(known)), np.diff(counts.starts))
    n_texts = np.bincount(counts.term[known[text]], minlength=counts.n_terms)
    rarity = np.where(n_texts > 0, np.log((1 + n_known) / (1 + n_texts)) + 1, 0.0)
    values = (1 + np.log(counts.number)) * rarity[counts.term]
    norm = np.sqrt(np.bincount(text, values**2, len(known)))
    values /= np.where(norm > 0, norm, 1.0)[text]
    often = counts.often
    column, kept = (np.cumsum(often) - 1)[counts.term], often[counts.term]
    written = np.zeros((len(known), int(often.sum())))
    written[text[kept], column[kept]] = values[kept]
    cosines: FloatArray = written @ written[known].T
    if not kept.all():
        from scipy.sparse import csr_array

        rare = ~kept
        starts = np.append(0, np.cumsum(np.bincount(text[rare], minlength=len(known))))
        parts = values[rare], counts.term[rare], starts
        weighed = csr_array(parts, (len(known), counts.n_terms))
        others = (weighed @ weighed[known].T).tocoo()
        cosines[others.coords] += others.data
    return cosines
