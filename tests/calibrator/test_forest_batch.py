"""Forests fitted to many training sets are scikit-learn's, grown without its organisation."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.ensemble import ExtraTreesRegressor, RandomForestRegressor

from distexp.calibrator.fitting.batch import refit
from distexp.calibrator.fitting.forest import forest_predictions, is_direct
from distexp.calibrator.regression import LAYOUTS, OptionRegression
from tests.calibrator.designs import random_design


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("scope", ["pooled", "per_group"])
@pytest.mark.parametrize(
    "settings",
    [
        {"min_samples_leaf": 5},
        {"max_depth": 2, "max_features": 0.5},
        {"ccp_alpha": 0.001},
    ],
    ids=str,
)
def test_predictions_are_those_of_scikit_learn_to_the_bit(
    layout: str, scope: str, settings: dict[str, float | str]
) -> None:
    """The same trees from the same seeds, in every layout."""
    X, y = random_design(40, seed=1)
    weights = (np.random.default_rng(2).random((4, 40)) < 0.7).astype(float)
    regressor = RandomForestRegressor(n_estimators=4, random_state=3, **settings)
    model = OptionRegression(regressor, layout=layout, scope=scope)

    at_once = model.fit_predict(X, y, weights)

    assert_array_equal(at_once, refit(clone(model), X, y, weights))
    assert not hasattr(regressor, "estimators_")


def test_forest_sees_the_examples_it_is_trained_on_alone() -> None:
    """A fit to the first half says nothing of the step that is in the second."""
    x = np.arange(40.0)[:, None]
    step = (x >= 30).astype(float)
    weights = np.array([x[:, 0] < 20, x[:, 0] >= 0], dtype=float)
    regressor = RandomForestRegressor(n_estimators=5, random_state=0)

    half, whole = forest_predictions(x, step, weights, regressor)

    assert_array_equal(half, np.zeros((40, 1)))
    assert whole[35:].min() > 0.9


@pytest.mark.parametrize(
    "regressor",
    [
        RandomForestRegressor(),  # without a seed
        RandomForestRegressor(random_state=0, bootstrap=False),
        RandomForestRegressor(random_state=0, max_samples=0.5),
        RandomForestRegressor(random_state=0, oob_score=True),
        ExtraTreesRegressor(random_state=0),
    ],
    ids=str,
)
def test_other_forests_are_left_to_scikit_learn(regressor: object) -> None:
    """What is grown here is the plain forest with a seed."""
    assert is_direct(RandomForestRegressor(random_state=0))
    assert not is_direct(regressor)


def test_weighted_cases_are_left_to_scikit_learn() -> None:
    """It draws examples by their weight, which is another forest."""
    X, y = random_design(40, seed=4)
    weights = np.random.default_rng(5).uniform(0.5, 2, (2, 40))
    model = OptionRegression(RandomForestRegressor(n_estimators=3, random_state=0))

    at_once = model.fit_predict(X, y, weights)

    assert_array_equal(at_once, refit(clone(model), X, y, weights))
