from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import Lasso, Ridge
from sklearn.neighbors import KNeighborsRegressor

from distexp.calibrator.barycentre import Barycentre
from distexp.calibrator.decomposed import Decomposed
from distexp.calibrator.fitting.base import cross_predict
from distexp.calibrator.fitting.batch import refit
from distexp.calibrator.fitting.ridge import is_direct, ridge_predictions
from distexp.calibrator.ordinal import BetaCalibration, QuantileMap
from distexp.calibrator.regression import LAYOUTS, OptionRegression
from distexp.calibrator.shrinkage import Shrinkage
from distexp.protocols import BatchCalibrator
from distexp.types import Design, FloatArray
from tests.calibrator.designs import random_design

N_FITS = 6


def survey(n_questions: int, seed: int) -> tuple[Design, FloatArray]:
    """Return questions of 2 to 5 options asked of three groups, a few of them nominal."""
    of_question, _ = random_design(n_questions, seed)
    X, y = random_design(3 * n_questions, seed + 1)
    rng, first = np.random.default_rng(seed), np.repeat(np.arange(n_questions), 3)
    X = replace(of_question.take(first), question=first, group=np.tile(np.arange(3), n_questions))
    predicted = rng.dirichlet(np.ones(y.shape[1]), len(y)) * X.mask
    X = replace(X, predicted=predicted / predicted.sum(axis=1, keepdims=True))
    X.ordinals[X.question % 7 == 0] = np.nan
    y = y * X.mask + 0.1 * X.predicted + 0.1 * X.mask
    return X, y / y.sum(axis=1, keepdims=True)


def training_weights(X: Design, seed: int) -> FloatArray:
    """Return fits to a few or many questions, the first without a group, cases weighted."""
    rng = np.random.default_rng(seed)
    share = np.linspace(0.1, 0.9, N_FITS)[:, None]
    questions = rng.random((N_FITS, X.question.max() + 1)) < share
    questions[:, 1] = True
    weights: FloatArray = questions[:, X.question] * rng.uniform(0.5, 2, X.question.shape)
    weights[0, X.group == 2] = 0
    return weights


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("scope", ["pooled", "per_group"])
@pytest.mark.parametrize("n_inputs", [0, 3])
def test_all_fits_at_once_are_those_of_scikit_learn(
    layout: str, scope: str, n_inputs: int
) -> None:
    """Ridge in every layout, where some fits see too few questions of a size, to rounding."""
    X, y = survey(40, seed=1)
    if n_inputs:
        shares = np.random.default_rng(2).random((len(y), n_inputs, y.shape[1])) * X.mask[:, None]
        X = replace(X, inputs=shares / shares.sum(axis=2, keepdims=True))
    weights = training_weights(X, seed=3)
    model = OptionRegression(Ridge(alpha=0.5), layout=layout, scope=scope)

    at_once = model.fit_predict(X, y, weights)

    assert_allclose(at_once, refit(clone(model), X, y, weights), rtol=0, atol=1e-9)


def test_what_is_fitted_at_once_is_not_remembered() -> None:
    """The calibrator stays unfitted, and its regressor too."""
    X, y = random_design(30, seed=4)
    model = OptionRegression(Ridge(alpha=0.5))

    model.fit_predict(X, y, np.ones((2, 30)))

    assert not [name for name in vars(model) if name.endswith("_")]
    assert not hasattr(model.regressor, "coef_")


@pytest.mark.parametrize(
    "model",
    [
        OptionRegression(Lasso(alpha=0.001)),
        OptionRegression(RandomForestRegressor(n_estimators=3, random_state=0), layout="joint"),
        OptionRegression(KNeighborsRegressor(n_neighbors=2)),  # takes no weights
        OptionRegression(Ridge(alpha=0.5, positive=True)),
        OptionRegression(Ridge(alpha=0.5), features="several"),
        OptionRegression(Ridge(alpha=0.5), scope="partial"),
    ],
    ids=str,
)
def test_other_regressors_are_fitted_one_by_one(model: OptionRegression) -> None:
    """They get what a loop over the splits gives them."""
    X, y = random_design(40, seed=5)
    train = np.random.default_rng(6).random((3, 40)) < 0.6

    at_once = cross_predict(clone(model), X, y, train, ~train)

    for of_train, predicted in zip(train, at_once, strict=True):
        one = clone(model).fit(X.take(of_train), y[of_train]).predict(X.take(~of_train))
        assert_allclose(predicted[~of_train], one, rtol=0, atol=1e-12)


def test_levels_are_those_of_the_cases_trained_on() -> None:
    """Features of a question that lost a group to the test set are made without that group."""
    X, y = survey(20, seed=10)
    weights = (np.random.default_rng(11).random((3, len(y))) < 0.6).astype(float)
    model = OptionRegression(Ridge(alpha=0.5), features="several")

    at_once = model.fit_predict(X, y, weights)

    for weight, predicted in zip(weights > 0, at_once, strict=True):
        one = clone(model).fit(X.take(weight), y[weight]).predict(X)
        assert_allclose(predicted, one, rtol=0, atol=1e-12)


@pytest.mark.parametrize("scope", ["pooled", "per_group", "partial"])
@pytest.mark.parametrize(
    "model",
    [
        Shrinkage("uniform"),
        Shrinkage("train_mean"),
        Shrinkage("group_mean"),
        Shrinkage("group_mean", weight=0.3),
        Barycentre(),
        BetaCalibration(),
        BetaCalibration(loss="cross_entropy"),
        QuantileMap(),
        Decomposed(),
        Decomposed(loss="squared"),
    ],
    ids=str,
)
def test_batches_are_fits_one_after_the_other(model: Any, scope: str) -> None:
    """Every family that fits many training sets in one go predicts as if it did not."""
    X, y = survey(15, seed=7)
    weights = training_weights(X, seed=8)
    model = clone(model).set_params(scope=scope)

    at_once = model.fit_predict(X, y, weights)

    assert isinstance(model, BatchCalibrator)
    assert not [name for name in vars(model) if name.endswith("_")]
    for weight, predicted in zip(weights, at_once, strict=True):
        one = clone(model).fit(X, y, weight).predict(X)
        assert_allclose(predicted, one, rtol=0, atol=1e-9)


def test_a_penalty_near_zero_is_solved_as_well() -> None:
    """Shares that sum to 1 leave the Gram matrix without an inverse; predictions are sound."""
    X, y = random_design(60, seed=9)
    weights = np.ones((2, 60))
    model = OptionRegression(Ridge(alpha=1e-8), layout="joint")

    at_once = model.fit_predict(X, y, weights)

    assert_allclose(at_once, refit(clone(model), X, y, weights), rtol=0, atol=1e-7)


def test_constant_features_leave_the_mean() -> None:
    """A model that says one thing teaches the weighted mean of the targets."""
    target = np.array([[0.2], [0.4], [0.9]])

    predicted = ridge_predictions(np.full((3, 1), 0.5), target, np.array([[1.0, 1, 0]]), 1.0)

    assert_array_equal(predicted.round(12), np.full((1, 3, 1), 0.3))


@pytest.mark.parametrize(
    "regressor",
    [
        Lasso(),
        Ridge(alpha=0),
        Ridge(alpha=np.array([1.0])),
        Ridge(positive=True),
        Ridge(fit_intercept=False),
        Ridge(solver="lsqr"),
        type("Special", (Ridge,), {})(),
    ],
)
def test_only_plain_ridge_is_solved_directly(regressor: Ridge | Lasso) -> None:
    """Another solver, constraint or class may mean another result."""
    assert is_direct(Ridge(alpha=2))
    assert not is_direct(regressor)
