"""Lasso of one feature, and searches, fitted to many training sets at once."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.linear_model import Lasso, Ridge

from distexp.calibrator.fitting.batch import refit
from distexp.calibrator.fitting.lasso import is_direct, lasso_predictions
from distexp.calibrator.regression import OptionRegression
from distexp.calibrator.search import QuestionCV
from distexp.protocols import BatchCalibrator
from tests.calibrator.designs import random_design

ALPHAS = [0.03, 0.003, 0.0003]


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("layout", ["pooled", "per_position"])
@pytest.mark.parametrize("scope", ["pooled", "per_group"])
def test_all_fits_at_once_are_those_of_scikit_learn(alpha: float, layout: str, scope: str) -> None:
    """To the tolerance of scikit-learn's iteration, where the slope is 0 and where it is not."""
    X, y = random_design(60, seed=1)
    weights = np.random.default_rng(2).uniform(0.5, 2, (5, 60))
    weights *= np.random.default_rng(3).random((5, 60)) < np.linspace(0.2, 0.9, 5)[:, None]
    model = OptionRegression(Lasso(alpha=alpha, tol=1e-10), layout=layout, scope=scope)

    at_once = model.fit_predict(X, y, weights)

    assert_allclose(at_once, refit(clone(model), X, y, weights), rtol=0, atol=1e-9)


def test_penalty_above_the_covariance_leaves_the_mean() -> None:
    """Shares 0, 1 and targets 0, 1 have covariance 1/4: from there on the slope is 0."""
    x, weights = np.array([[0.0], [1.0]]), np.ones((1, 2))

    below, above = (lasso_predictions(x, x, weights, alpha)[0, :, 0] for alpha in (0.2, 0.25))

    assert_allclose(below, [0.4, 0.6])  # a slope of (0.25 - 0.2) / 0.25
    assert_allclose(above, [0.5, 0.5])


def test_feature_that_says_one_thing_teaches_the_mean() -> None:
    """Its variance is 0, and nothing is divided by it."""
    target = np.array([[0.2], [0.4], [0.9]])

    predicted = lasso_predictions(np.full((3, 1), 0.5), target, np.array([[1.0, 1, 0]]), 0.01)

    assert_array_equal(predicted.round(12), np.full((1, 3, 1), 0.3))


@pytest.mark.parametrize(
    "regressor",
    [Ridge(), Lasso(positive=True), Lasso(fit_intercept=False), Lasso(alpha=0)],
    ids=str,
)
def test_other_regressors_are_left_to_scikit_learn(regressor: object) -> None:
    """What is solved directly is the plain lasso alone."""
    assert is_direct(Lasso())
    assert not is_direct(regressor)


@pytest.mark.parametrize("scope", ["pooled", "per_group", "partial"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("regressor", [Ridge(), Lasso(tol=1e-10)], ids=str)
def test_search_of_all_fits_at_once_chooses_as_one_by_one(
    regressor: Ridge | Lasso, weighted: bool, scope: str
) -> None:
    """The folds are those of each fit's own questions; one with too few questions tries none."""
    X, y = random_design(40, seed=4)
    rng = np.random.default_rng(5)
    weights = (rng.random((4, 40)) < 0.7).astype(float)
    weights[0] = np.isin(X.question, np.unique(X.question)[:3])
    if weighted:
        weights *= rng.uniform(0.5, 2, weights.shape)
    search = QuestionCV(
        OptionRegression(regressor), grid={"regressor__alpha": [10.0, *ALPHAS]}, scope=scope
    )

    at_once = search.fit_predict(X, y, weights)

    assert isinstance(search, BatchCalibrator)
    assert not [name for name in vars(search) if name.endswith("_")]
    assert_allclose(at_once, refit(clone(search), X, y, weights), rtol=0, atol=1e-9)
