from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import wasserstein_distance
from sklearn.linear_model import Lasso, Ridge
from sklearn.model_selection import GroupKFold
from sklearn.neighbors import KNeighborsRegressor

from distexp.calibrator.baseline import TrainMean
from distexp.calibrator.fitting.base import uniform
from distexp.calibrator.regression import OptionRegression
from distexp.calibrator.search import QuestionCV
from distexp.errors import ConfigError
from distexp.types import Design, FloatArray
from tests.calibrator.designs import random_design

ALPHAS = [0.5, 0.02, 0.0001]


def lasso(alpha: float = 0.001) -> OptionRegression:
    """Return a pooled lasso."""
    return OptionRegression(Lasso(alpha=alpha))


def search(**settings: Any) -> QuestionCV:
    """Return a search for the penalty of a lasso."""
    return QuestionCV(lasso(), {"regressor__alpha": ALPHAS}, **settings)


def clustered_design(n_questions: int, seed: int) -> tuple[Design, FloatArray]:
    """Return questions of three groups whose predictions and answers are alike."""
    X, y = random_design(n_questions, seed)
    rows, rng = np.repeat(np.arange(n_questions), 3), np.random.default_rng(seed)
    X = replace(X.take(rows), group=np.tile(np.arange(3), n_questions))
    noise = 1 + 0.02 * rng.random(X.predicted.shape)
    predicted = X.predicted * noise
    return replace(X, predicted=predicted / predicted.sum(axis=1, keepdims=True)), y[rows]


@pytest.mark.parametrize("ordinal", [True, False])
def test_the_setting_with_the_least_held_out_distance_is_chosen(ordinal: bool) -> None:
    """Wasserstein-1 by scipy on a scale, else half the absolute differences, over the folds."""
    X, y = clustered_design(25, seed=0)
    if not ordinal:
        X = replace(X, ordinals=np.full_like(X.ordinals, np.nan))
    distances = np.zeros(len(ALPHAS))
    for train, test in GroupKFold(5).split(y, groups=X.question):
        for i, alpha in enumerate(ALPHAS):
            model = lasso(alpha).fit(X.take(train), y[train])
            for p, h, at, k in zip(
                model.predict(X.take(test)), y[test], X.ordinals[test], X.n_options[test],
                strict=True,
            ):  # fmt: skip
                distances[i] += (
                    wasserstein_distance(at[:k], at[:k], p[:k], h[:k])
                    if ordinal
                    else abs(p - h).sum() / 2
                )

    searched = search().fit(X, y)

    best = ALPHAS[int(np.argmin(distances))]
    assert searched.settings_ == {"regressor__alpha": best}
    assert_array_equal(searched.predict(X), lasso(best).fit(X, y).predict(X))


def test_groups_of_a_question_are_never_in_two_folds() -> None:
    """The nearest neighbour is the same question of another group: alone it looks perfect."""
    X, _ = clustered_design(30, seed=1)
    noise = np.random.default_rng(2).random(X.predicted.shape)[X.question] * X.mask
    y = noise / noise.sum(axis=1, keepdims=True)  # nothing that the model knows
    neighbours = OptionRegression(KNeighborsRegressor())
    grid = {"regressor__n_neighbors": [1, 60]}

    model = QuestionCV(neighbours, grid).fit(X, y)
    leaky = QuestionCV(neighbours, grid).fit(replace(X, question=np.arange(90)), y)

    assert model.settings_ == {"regressor__n_neighbors": 60}
    assert leaky.settings_ == {"regressor__n_neighbors": 1}


def test_useless_penalties_are_avoided() -> None:
    """Where the model knows half of the answer, the penalty that ignores it is not taken."""
    X, y = random_design(60, seed=3)

    assert search().fit(X, y).settings_ == {"regressor__alpha": 0.0001}


def test_the_first_of_equal_settings_is_taken() -> None:
    """Both penalties ignore the model altogether."""
    X, y = random_design(40, seed=4)
    grid = {"regressor__alpha": [2.0, 1.0]}

    assert QuestionCV(lasso(), grid).fit(X, y).settings_ == {"regressor__alpha": 2.0}


def test_fewer_questions_than_folds_are_fitted_as_given() -> None:
    """Four questions of five folds: nothing is tried."""
    X, y = clustered_design(4, seed=5)

    model = search().fit(X, y)

    assert model.settings_ == {}
    assert_array_equal(model.predict(X), lasso(0.001).fit(X, y).predict(X))


def test_weights_count_in_choice_and_fit() -> None:
    """A case of weight 2 is like two cases of its question."""
    X, y = random_design(25, seed=6)
    weight = np.where(np.arange(25) < 10, 2.0, 1.0)
    repeated = np.r_[0:25, 0:10]
    folds = 25  # one question each, so that repeating a case moves no question to another fold

    weighted = search(n_folds=folds).fit(X, y, weight)
    expected = search(n_folds=folds).fit(X.take(repeated), y[repeated])

    assert weighted.settings_ == expected.settings_
    assert_allclose(weighted.predict(X), expected.predict(X), atol=1e-6)


def test_each_group_has_its_own_setting() -> None:
    """Two groups answer half as the model says; the third does not care what it says."""
    X, y = clustered_design(60, seed=7)
    y = np.where(X.group[:, None] == 2, uniform(X), y)

    model = search(scope="per_group").fit(X, y)

    chosen = [model.by_group_[group].settings_["regressor__alpha"] for group in range(3)]
    assert chosen == [0.0001, 0.0001, 0.5]


def test_any_calibrator_and_several_parameters_can_be_searched() -> None:
    """Every combination is tried: ridge in two layouts with two penalties."""
    X, y = random_design(60, seed=9)
    grid: dict[str, Any] = {"layout": ["pooled", "joint"], "regressor__alpha": [1e6, 0.1]}

    model = QuestionCV(OptionRegression(Ridge()), grid).fit(X, y)

    assert model.settings_ == {"layout": "pooled", "regressor__alpha": 0.1}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_folds": 1}, "The 'n_folds' parameter of QuestionCV must be an int >= 2"),
        ({"grid": {}}, "The 'grid' parameter of QuestionCV must be a mapping"),
        ({"grid": {"layout": []}}, "The 'grid' parameter of QuestionCV must be a mapping"),
        (
            {"grid": {"alpha": [1.0]}},
            "In the 'grid' parameter of QuestionCV: OptionRegression has no parameter 'alpha'",
        ),
        ({"grid": {"regressor__alpha": [-1.0]}}, "The 'alpha' parameter of Lasso must be"),
        ({"calibrator": TrainMean()}, "The 'calibrator' parameter of QuestionCV must be"),
        ({"calibrator": lasso().set_params(scope="per_group")}, "with scope=pooled"),
        ({"scope": "each"}, "The 'scope' parameter of QuestionCV must be one of"),
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, Any], message: str) -> None:
    """Every setting of the grid is checked before any model call is paid."""
    with pytest.raises(ConfigError, match=message):
        search().set_params(**settings).check_params()
