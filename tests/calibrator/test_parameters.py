"""Parameters of calibrators, and copies of them, beside scikit-learn's."""

import pytest
import sklearn.base
from hypothesis import given
from hypothesis import strategies as st
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, CountVectorizer
from sklearn.linear_model import Ridge

from distexp.calibrator.blind import Blind
from distexp.calibrator.damped import Damped
from distexp.calibrator.fitting.parameters import Parameters, clone
from distexp.calibrator.fitting.ridge import PlainRidge, is_direct
from distexp.calibrator.fitting.words import STOP_WORDS, terms
from distexp.calibrator.regression import OptionRegression
from distexp.card.state import to_json
from tests.calibrator.designs import random_design


class Pair(sklearn.base.BaseEstimator):  # type: ignore[misc]  # scikit-learn is untyped
    """An estimator of scikit-learn's with the parameters of `Own`."""

    def __init__(self, first: object, second: object = 2) -> None:
        self.first, self.second = first, second


class Own(Parameters):
    """The same of ours."""

    def __init__(self, first: object, second: object = 2) -> None:
        self.first, self.second = first, second


@given(st.recursive(st.integers() | st.text(), lambda inner: st.builds(dict, x=inner)))
def test_parameters_are_had_set_and_copied_as_those_of_an_estimator(value: object) -> None:
    """The names, the nesting and the text are scikit-learn's, and so is what its clone makes."""
    both = [kind(kind(Ridge(alpha=3)), second=value) for kind in (Own, Pair)]
    for one in both:
        one.set_params(first__first__alpha=5, second=[value])
    own, theirs = (one.get_params() for one in both)

    assert own.keys() == theirs.keys()
    assert own["first__first__alpha"] == theirs["first__first__alpha"] == 5
    assert repr(both[0]).replace("Own", "Pair") == (
        f"Pair(first=Pair(first=Ridge(alpha=5)), second={[value]!r})"
    )
    for copied in (clone(both[0]), sklearn.base.clone(both[0])):
        assert repr(copied) == repr(both[0])
        assert copied.first is not both[0].first


def test_a_parameter_that_there_is_not_cannot_be_set() -> None:
    """A misspelt setting of a search must not pass."""
    with pytest.raises(ValueError, match="Damped has no parameter 'prior', only calibrator, pri"):
        Damped(Blind(Own(1))).set_params(prior=1)  # type: ignore[arg-type]


def test_what_has_learnt_nothing_says_so() -> None:
    """With scikit-learn's own error."""
    X, _ = random_design(4, seed=1)
    with pytest.raises(NotFittedError, match="This OptionRegression is not fitted yet"):
        OptionRegression(Ridge()).predict(X)


@given(st.floats(1e-3, 1e3))
def test_a_plain_ridge_is_scikit_learns_once_it_is_fitted(alpha: float) -> None:
    """It stands for nothing but its penalty, and a card holds what it stands for."""
    X, y = random_design(40, seed=2)
    plain, theirs = (
        OptionRegression(regressor).fit(X, y) for regressor in (PlainRidge(alpha), Ridge(alpha))
    )
    settings = {"_target_": "sklearn.linear_model.Ridge", "alpha": alpha}

    assert to_json(plain) == to_json(theirs)
    assert is_direct(plain.regressor)
    assert PlainRidge.stands_for(settings)
    for other in ({"solver": "svd"}, {"alpha": "1"}, {"alpha": True}, {"alpha": -1.0}):
        assert not PlainRidge.stands_for(settings | other)


@given(st.text(alphabet="aeTh'the of ofPolice taxes-1éß\n_") | st.text())
def test_words_are_those_of_scikit_learn(text: str) -> None:
    """Lower case, two letters or more, without English words that say little."""
    assert STOP_WORDS == ENGLISH_STOP_WORDS
    for most in (1, 2):
        counter = CountVectorizer(ngram_range=(1, most), stop_words="english")
        assert terms(text, pairs=most == 2) == list(counter.build_analyzer()(text))
