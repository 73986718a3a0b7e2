from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit, logit
from sklearn.base import clone
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from distexp.calibrator.ordinal import (
    LEAST_SHARE,
    BetaCalibration,
    CumulativeMap,
    QuantileMap,
)
from distexp.errors import ConfigError
from distexp.metrics.distance import wasserstein
from distexp.types import Design, FloatArray
from tests.calibrator.designs import design, random_design

FAMILIES = [BetaCalibration(), BetaCalibration(loss="cross_entropy"), QuantileMap()]
LITTLE = 1e-6


def mapped(X: Design, a: float, b: float, c: float) -> FloatArray:
    """Return distributions whose cumulative shares are a beta map of those predicted."""
    below = np.cumsum(X.predicted, axis=1).clip(0, 1)
    with np.errstate(divide="ignore"):
        upper = expit(a * np.log(below) - b * np.log1p(-below) + c)
    last = X.n_options[:, None] - 1
    upper = np.where(np.arange(below.shape[1]) < last, upper, 1.0)
    return np.diff(upper, axis=1, prepend=0)


def scaled(shares: list[list[float]], ordinals: list[float]) -> Design:
    """Return cases whose options stand at these positions."""
    X = design(shares)
    return replace(X, ordinals=np.tile(np.array(ordinals), (len(shares), 1)))


@pytest.mark.parametrize("loss", ["cross_entropy", "wasserstein"])
def test_beta_calibration_finds_the_map_that_was_applied(loss: str) -> None:
    """Humans are logit F' = 0.6 log F - 0.8 log(1 - F) + 0.3: found up to the prior's pull."""
    X, _ = random_design(200, seed=0)
    y = mapped(X, 0.6, 0.8, 0.3)

    model = BetaCalibration(loss, prior_questions=LITTLE).fit(X, y)

    assert_allclose(model.map_, [0.6, 0.8, 0.3], atol=0.02)
    assert wasserstein(model.predict(X), y, X.ordinals).max() < 0.02


def test_beta_calibration_by_cross_entropy_is_logistic_regression() -> None:
    """Every boundary is a person below it and one above, weighted by the human shares."""
    X, y = random_design(60, seed=1)
    inner = np.arange(y.shape[1] - 1) < X.n_options[:, None] - 1
    below, human = (np.cumsum(shares, axis=1)[:, :-1][inner] for shares in (X.predicted, y))
    width = np.repeat(1 / (X.n_options - 1), X.n_options - 1)
    below = below.clip(LEAST_SHARE, 1 - LEAST_SHARE)
    features = np.tile(np.column_stack([np.log(below), -np.log(1 - below)]), (2, 1))
    outcome = np.repeat([1, 0], len(below))
    oracle = LogisticRegression(C=1e9, tol=1e-10, max_iter=1000)
    oracle.fit(features, outcome, np.r_[human * width, (1 - human) * width])

    model = BetaCalibration("cross_entropy", prior_questions=LITTLE).fit(X, y)

    assert_allclose(model.map_, [*oracle.coef_[0], oracle.intercept_[0]], atol=2e-3)


def test_beta_calibration_never_turns_a_scale_around() -> None:
    """Humans who answer the reverse of the model leave a flat map: a and b are 0."""
    first = np.random.default_rng(2).random(100)
    X = design(np.column_stack([first, 1 - first]).tolist())

    model = BetaCalibration(prior_questions=LITTLE).fit(X, X.predicted[:, ::-1])

    assert_array_equal(model.map_[:2], 0)
    assert np.ptp(model.predict(X), axis=0).max() < 1e-12


def test_one_question_moves_the_beta_map_little() -> None:
    """A question that everybody answers with the lowest option moves c by at most 1 / prior."""
    X = design([[0.25, 0.25, 0.25, 0.25]])

    model = BetaCalibration(prior_questions=4.0).fit(X, np.array([[1.0, 0, 0, 0]]))

    assert 0.05 < model.map_[2] < 1 / 4


def test_the_quantile_map_is_half_isotonic_at_its_prior() -> None:
    """With as many questions as the prior counts for, the mean of scikit-learn's curve and F."""
    X, y = random_design(40, seed=3)
    inner = np.arange(y.shape[1] - 1) < X.n_options[:, None] - 1
    below, human = (np.cumsum(shares, axis=1)[:, :-1][inner] for shares in (X.predicted, y))
    width = np.repeat(1 / (X.n_options - 1), X.n_options - 1)
    curve = IsotonicRegression(out_of_bounds="clip").fit(below, human, sample_weight=width)

    predicted = QuantileMap(prior_questions=40.0).fit(X, y).predict(X)

    found = np.cumsum(predicted, axis=1)[:, :-1][inner]
    assert_allclose(found, (curve.predict(below) + below) / 2)


def test_nobody_seen_below_a_boundary_does_not_mean_nobody() -> None:
    """A share of 0 below it is mapped to the mean human share there; the ends stay 0 and 1."""
    X = design([[0, 0.5, 0.5], [0, 0.2, 0.8], [0, 1, 0]])
    y = np.array([[0.1, 0.5, 0.4], [0.2, 0.2, 0.6], [0.3, 0.6, 0.1]])

    predicted = QuantileMap(prior_questions=LITTLE).fit(X, y).predict(X)

    assert_allclose(predicted, [[0.2, 0.4, 0.4], [0.2, 0.2, 0.6], [0.2, 0.7, 0.1]], atol=1e-5)


@pytest.mark.parametrize("model", FAMILIES, ids=str)
class TestEveryMap:
    """What all monotone maps of cumulative shares have in common."""

    def test_a_strong_prior_is_the_identity(self, model: CumulativeMap) -> None:
        """Without evidence nothing changes, but that shares near 0 are no longer 0."""
        X, y = random_design(30, seed=4)

        predicted = clone(model).set_params(prior_questions=1e9).fit(X, y).predict(X)

        assert_allclose(predicted, X.predicted, atol=LEAST_SHARE + 1e-6)

    def test_options_are_taken_in_the_order_of_their_positions(self, model: CumulativeMap) -> None:
        """Listing the options in another order lists the predictions in that order."""
        rng = np.random.default_rng(5)
        shares, y = rng.dirichlet(np.ones(4), (2, 20))
        X = scaled(shares.tolist(), [0, 0.2, 0.5, 1])
        model = clone(model).set_params(prior_questions=1.0)
        shuffle = [2, 0, 3, 1]
        other = replace(X, predicted=shares[:, shuffle], ordinals=X.ordinals[:, shuffle])

        in_order = model.fit(X, y).predict(X)
        shuffled = model.fit(other, y[:, shuffle]).predict(other)

        assert_allclose(shuffled, in_order[:, shuffle])
        assert np.abs(in_order - shares).max() > 0.01

    def test_tied_options_get_distributions(self, model: CumulativeMap) -> None:
        """Two options at one position, which no distance tells apart, are no obstacle."""
        shares, y = np.random.default_rng(6).dirichlet(np.ones(4), (2, 20))
        X = scaled(shares.tolist(), [0, 0.5, 0.5, 1])

        predicted = model.fit(X, y).predict(X)

        assert (predicted >= 0).all()
        assert_allclose(predicted.sum(axis=1), 1)

    def test_nominal_questions_are_left_alone(self, model: CumulativeMap) -> None:
        """They have no boundaries, in training or in test."""
        X, y = random_design(30, seed=7)
        nominal = X.question < 10
        X.ordinals[nominal] = np.nan

        mixed = model.fit(X, y).predict(X)
        alone = model.fit(X.take(~nominal), y[~nominal]).predict(X)

        assert_array_equal(mixed[nominal], X.predicted[nominal])
        assert_allclose(mixed, alone)

    def test_nominal_training_questions_teach_nothing(self, model: CumulativeMap) -> None:
        """Fitted to them alone the map is the identity."""
        X, y = random_design(10, seed=8)
        nominal = replace(X, ordinals=np.full_like(X.ordinals, np.nan))

        predicted = clone(model).set_params(prior_questions=1.0).fit(nominal, y).predict(X)

        assert_allclose(predicted, X.predicted, atol=LEAST_SHARE + 1e-9)

    def test_a_question_counts_once_however_many_groups_it_has(self, model: CumulativeMap) -> None:
        """A second group that is and answers like the first is no further evidence."""
        X, y = random_design(10, seed=10)
        twice = np.r_[0:10, 0:10]

        once = model.fit(X, y).predict(X)
        doubled = model.fit(X.take(twice), y[twice]).predict(X)

        assert_allclose(doubled, once, atol=1e-6)

    def test_a_weight_counts_as_repetition_of_a_group(self, model: CumulativeMap) -> None:
        """A case of weight 2 is learnt from as if its question had it twice."""
        X, y = random_design(30, seed=9)
        weight = np.where(np.arange(30) < 10, 2.0, 1.0)
        repeated = np.r_[0:30, 0:10]

        weighted = model.fit(X, y, weight).predict(X)
        expected = model.fit(X.take(repeated), y[repeated]).predict(X)

        assert_allclose(weighted, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (BetaCalibration(loss="squared"), "'loss' .* BetaCalibration .* cross_entropy, wasser"),
        (BetaCalibration(prior_questions=0), "'prior_questions' .* > 0. Got 0 instead"),
        (QuantileMap(prior_questions=-1), "'prior_questions' parameter of QuantileMap .* > 0"),
        (QuantileMap(scope="both"), "'scope' parameter of QuantileMap"),
    ],
)
def test_wrong_settings_are_refused(model: Any, message: str) -> None:
    """Before any fit, by name and value."""
    with pytest.raises(ConfigError, match=message):
        model.check_params()


def test_beta_maps_a_share_as_the_formula_says() -> None:
    """With a = 2, b = 1, c = 0.5 a half becomes expit(2 log .5 - log .5 + .5)."""
    X = design([[0.5, 0.5]])
    model = BetaCalibration().fit(X, X.predicted)
    model.map_ = np.array([2.0, 1.0, 0.5])

    predicted = model.predict(X)

    assert_allclose(logit(predicted[0, 0]), np.log(0.5) + 0.5)
