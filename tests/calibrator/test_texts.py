"""Questions worded alike are corrected alike, by words of the training questions alone."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.feature_extraction.text import TfidfVectorizer

from distexp.calibrator.cumulative import CumulativeRegression
from distexp.calibrator.fitting import sentences
from distexp.calibrator.fitting.base import uniform
from distexp.calibrator.fitting.texts import Texts
from distexp.card.state import from_json, to_json
from distexp.errors import ConfigError
from distexp.types import Design, FloatArray, StrArray
from tests.calibrator.designs import random_design
from tests.calibrator.test_sentences import small_model

WORDS = ("taxes", "schools", "police", "climate", "doctors", "farming")


def texts(n: int) -> StrArray:
    """Return questions about six things, one after the other, on two scales."""
    return np.array(
        [
            (f"How much should be spent on {WORDS[i % 6]}?", "more\nless" if i % 2 else "yes\nno")
            for i in range(n)
        ]
    )


def topical(n: int, seed: int) -> tuple[Design, FloatArray]:
    """Return a model that is off by the topic, which its answers do not tell."""
    X, _ = random_design(n, seed)
    X = replace(X, text=texts(n))
    away = np.where(np.arange(n) % 6 < 3, 0.3, -0.3)
    rising = np.nan_to_num(X.ordinals) * X.mask
    y = np.clip(X.predicted + away[:, None] * (rising - rising.sum(1, keepdims=True) / 2), 0, None)
    y = np.where(X.mask, y, 0) + 1e-3 * uniform(X)
    return X, y / y.sum(axis=1, keepdims=True)


def test_coordinates_give_back_the_cosines_of_scikit_learn() -> None:
    """All coordinates together are the centred half of each kernel, of the training questions."""
    text = texts(6)
    every = np.ones(6, dtype=bool)

    found = Texts(text, np.arange(6)).components(every, 100)

    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, stop_words="english")
    options = TfidfVectorizer(sublinear_tf=True, stop_words="english")
    vectors = [words.fit_transform(text[:, 0]), options.fit_transform(text[:, 1])]
    kernel = sum((of @ of.T).toarray() for of in vectors) / 2
    centre = np.eye(6) - 1 / 6
    assert_allclose(found @ found.T, centre @ kernel @ centre, atol=1e-9)


def test_words_of_test_questions_move_no_coordinate_of_another() -> None:
    """What a question is worded like does not depend on the others that are to be predicted."""
    text, train = texts(12), np.arange(12) < 8
    other = text.copy()
    other[11] = ("Something else altogether about climate", "sometimes\nnever")

    first, second = (Texts(of, np.arange(12)).components(train, 5) for of in (text, other))

    assert_allclose(first[:11] @ first[:8].T, second[:11] @ second[:8].T, atol=1e-9)


def test_no_direction_of_many_that_are_alike_is_chosen_by_rounding() -> None:
    """Ninety questions that share as little with each other, five of a topic: in any order.

    Their directions have one variance, so that no 64 of them are the main ones.
    """
    text = np.array([(f"Item{i} number{i}" + " war" * (i < 5), "yes\nno") for i in range(90)])
    order = np.random.default_rng(0).permutation(90)
    every = np.ones(90, dtype=bool)

    found = Texts(text, np.arange(90)).components(every, 64)
    other = Texts(text[order], np.arange(90)).components(every, 64)

    assert 0 < found.shape[1] < 64
    assert_allclose(found[order] @ found[order].T, other @ other.T, atol=1e-9)


@pytest.mark.parametrize("word", ["", "the of and", "?"])
def test_texts_without_words_have_no_coordinates(word: str) -> None:
    """Empty texts, and those of nothing but stop words, are no obstacle."""
    text = np.array([(word, word)] * 4)

    found = Texts(text, np.arange(4)).components(np.arange(4) < 3, 5)

    assert found.shape == (4, 0)


def test_the_topic_is_learnt_from_the_wording() -> None:
    """Where the model's error depends on the topic alone, wording takes off a quarter."""
    X, y = topical(120, seed=0)
    X_test, y_test = topical(60, seed=1)
    without, worded = (
        CumulativeRegression(scope="pooled", wording_penalty=penalty).fit(X, y).predict(X_test)
        for penalty in (None, 1.0)
    )

    apart = [np.abs(of - y_test).mean() for of in (without, worded)]
    assert apart[1] < 0.75 * apart[0]


def test_a_design_without_texts_leaves_the_wording_out() -> None:
    """The setting is then without effect."""
    X, y = topical(40, seed=2)
    X = replace(X, text=None)

    worded, without = (
        CumulativeRegression(wording_penalty=penalty).fit(X, y).predict(X)
        for penalty in (1.0, None)
    )

    assert_array_equal(worded, without)


def test_a_card_keeps_the_texts() -> None:
    """Written as JSON and read again, it predicts new wordings to the last digit."""
    X, y = topical(30, seed=3)
    X_test, _ = topical(12, seed=4)
    fitted = CumulativeRegression(wording_penalty=2.0).fit(X, y)

    again = from_json(to_json(fitted))

    assert_array_equal(again.predict(X_test), fitted.predict(X_test))
    assert not np.allclose(fitted.predict(X_test), fitted.predict(replace(X_test, text=None)))


def test_many_fits_at_once_equal_fits_one_by_one() -> None:
    """Each fit has the words of its own training questions."""
    X, y = topical(40, seed=5)
    weights = np.random.default_rng(0).integers(0, 2, (4, 40)).astype(float)
    worded = CumulativeRegression(wording_penalty=2.0)

    at_once = worded.fit_predict(X, y, weights)

    for weight, predicted in zip(weights, at_once, strict=True):
        rows = weight > 0
        assert_allclose(predicted, worded.fit(X.take(rows), y[rows]).predict(X), atol=1e-8)


def test_half_of_the_likeness_may_be_of_meanings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Questions without a word in common are near where the sentence model says so."""
    pytest.importorskip("tokenizers")
    package = tmp_path / "all_minilm_l6_v2"
    package.mkdir()
    (package / "__init__.py").touch()
    small_model(package / "model.zip", 0)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("DISTEXP_CACHE", str(tmp_path / "cache"))
    sentences._model.cache_clear()
    sentences._vector.cache_clear()
    text = np.array([("a", "yes"), ("a", "no"), ("b", "maybe")])  # no English word but these three

    found = Texts(text, np.arange(3), meaning=True)

    sentences._model.cache_clear()
    sentences._vector.cache_clear()
    assert found.nearness is not None
    # the vectors of a and b are (3, -1, -1, -1) and (-1, 3, -1, -1), over sqrt(12): cosine -1/3
    apart = np.exp(-(2 + 2 / 3) / (2 * 0.5**2))
    assert_allclose(found.nearness, [[1, 1, apart], [1, 1, apart], [apart, apart, 1]], atol=1e-12)


def test_hashes_of_words_have_no_meaning() -> None:
    """A card that may not keep questions cannot tell what they mean, and says so."""
    text = np.array([("sha256: 0123456789abcdef", "sha256: fedcba9876543210")])

    with pytest.raises(ConfigError, match="Set wording: words"):
        Texts(text, np.arange(1), meaning=True)
