from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hydra.utils import instantiate
from numpy.testing import assert_allclose, assert_array_equal
from omegaconf import OmegaConf
from sklearn.base import clone
from sklearn.linear_model import Lasso, LinearRegression, Ridge
from sklearn.neighbors import KNeighborsRegressor

from distexp.calibrator.baseline import Identity, TrainMean, Uniform
from distexp.calibrator.fitting.parameters import Parameters
from distexp.calibrator.regression import OptionRegression
from distexp.errors import ConfigError
from distexp.evaluation.suspicions import degenerate
from distexp.protocols import Calibrator
from tests.calibrator.designs import design, random_design

FILES = sorted(Path(__file__).parents[2].glob("conf/calibrator/*.yaml"))


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def path(request: pytest.FixtureRequest) -> Any:
    """Return one file of conf/calibrator."""
    return request.param


@pytest.fixture
def calibrator(path: Path) -> Any:
    """Return what the file describes."""
    return instantiate(OmegaConf.load(path), _convert_="all")


class TestContract:
    """What every calibrator keeps to."""

    def test_predictions_are_distributions(self, calibrator: Calibrator) -> None:
        """Rows are non-negative, sum to 1 and are 0 in the padding, whatever the size."""
        X, y = random_design(80, seed=0)
        X_test, _ = random_design(30, seed=1)

        predicted = calibrator.fit(X, y).predict(X_test)

        assert predicted.shape == X_test.predicted.shape
        assert (predicted >= 0).all()
        assert_allclose(predicted.sum(axis=1), 1, atol=1e-12)
        assert_array_equal(predicted[~X_test.mask], 0)

    def test_sizes_never_trained_on_are_predicted(self, calibrator: Calibrator) -> None:
        """A question with more options than any in training gets a distribution all the same."""
        X = design([[0.2, 0.8], [0.5, 0.5], [0.9, 0.1]])
        X_test = design([[0.1, 0.2, 0.3, 0.4], [1.0, 0.0]])

        predicted = calibrator.fit(X, X.predicted[:, ::-1]).predict(X_test)

        assert predicted.shape == (2, 4)
        assert_allclose(predicted.sum(axis=1), 1)
        assert_array_equal(predicted[~X_test.mask], 0)

    def test_fit_returns_self(self, calibrator: Calibrator) -> None:
        """Calls can be chained as in scikit-learn."""
        X, y = random_design(20, seed=2)

        assert calibrator.fit(X, y) is calibrator

    def test_inputs_are_left_alone(self, calibrator: Calibrator) -> None:
        """Neither fit nor predict writes to its arrays, and predictions are no view of them."""
        X, y = random_design(40, seed=3)
        weight = np.ones(40)
        arrays = [X.predicted, X.n_options, X.ordinals, X.question, X.group, y, weight]
        for array in arrays:
            array.setflags(write=False)

        predicted = calibrator.fit(X, y, weight).predict(X)

        assert not any(np.shares_memory(predicted, array) for array in arrays)

    def test_equal_fits_give_equal_predictions(self, calibrator: Calibrator) -> None:
        """Fitting again on the same cases changes no digit, whatever was fitted in between."""
        X, y = random_design(60, seed=4)
        other = random_design(60, seed=5)

        first = calibrator.fit(X, y).predict(X)
        calibrator.fit(*other)
        second = calibrator.fit(X, y).predict(X)

        assert_array_equal(first, second)

    def test_each_case_is_predicted_by_itself(self, calibrator: Calibrator) -> None:
        """Reordered or fewer test cases get the same predictions."""
        X, y = random_design(60, seed=6)
        order = np.random.default_rng(0).permutation(60)[:25]
        calibrator.fit(X, y)

        assert_allclose(calibrator.predict(X)[order], calibrator.predict(X.take(order)))

    def test_cases_of_weight_zero_are_not_learnt_from(self, calibrator: Calibrator) -> None:
        """Beside a contradicting twin of weight 0 each case teaches what it teaches alone."""
        X, y = random_design(200, seed=7)
        contradiction = (1 - y) * X.mask / (X.n_options[:, None] - 1)
        twice = np.r_[0:200, 0:200]
        weight = np.repeat([1.0, 0.0], 200)

        alone = calibrator.fit(X, y).predict(X)
        beside = calibrator.fit(X.take(twice), np.r_[y, contradiction], weight).predict(X)

        assert np.abs(beside - alone)[X.mask].mean() < 0.02  # a forest draws other samples

    def test_constant_predictions_are_no_obstacle(self, calibrator: Calibrator) -> None:
        """A model that answers every question alike can be calibrated without a warning."""
        X, y = random_design(30, seed=8)
        X = replace(X, predicted=X.mask / X.n_options[:, None])

        predicted = calibrator.fit(X, y).predict(X)

        assert_allclose(predicted.sum(axis=1), 1)

    @pytest.mark.parametrize("n_questions", [1, 2, 3])
    def test_few_questions_are_enough(self, calibrator: Calibrator, n_questions: int) -> None:
        """One question of two groups is learnt from without an error or a warning."""
        X, y = random_design(2 * n_questions, seed=16)
        X = replace(X, question=X.question // 2, group=X.question % 2)
        X_test, _ = random_design(30, seed=17)

        predicted = calibrator.fit(X, y).predict(X_test)

        assert (predicted >= 0).all()
        assert_allclose(predicted.sum(axis=1), 1)

    def test_learners_take_each_group_by_itself(self, path: Path) -> None:
        """With scope=per_group a group is predicted as if there were no other group."""
        settings = OmegaConf.load(path)
        if "scope" not in settings:
            pytest.skip("learns nothing, or is what skill is measured against")
        settings["scope"] = "per_group"
        calibrator = instantiate(settings, _convert_="all")
        X, y = random_design(300, seed=18)
        rows = X.group == 1

        predicted = calibrator.fit(X, y).predict(X)[rows]

        assert calibrator.scope == "per_group"
        settings["scope"] = "pooled"
        pooled = instantiate(settings, _convert_="all")
        assert_allclose(predicted, pooled.fit(X.take(rows), y[rows]).predict(X.take(rows)))
        assert not np.allclose(predicted, pooled.fit(X, y).predict(X.take(rows)))

    def test_shipped_settings_are_valid(self, calibrator: Calibrator) -> None:
        """The defaults pass the check that runs before any model call."""
        calibrator.check_params()

    def test_estimators_can_be_cloned(self, calibrator: Calibrator) -> None:
        """A scikit-learn clone keeps the settings and forgets what was learnt."""
        if not isinstance(calibrator, Parameters):
            pytest.skip("has no parameters")
        X, y = random_design(40, seed=9)
        expected = calibrator.fit(X, y).predict(X)

        copy = clone(calibrator)

        assert not [name for name in vars(copy) if name.endswith("_")]
        assert_array_equal(copy.fit(X, y).predict(X), expected)


def test_each_file_is_composed_under_its_own_name(path: Path) -> None:
    """Several calibrators stand side by side in one config only if each has its own package."""
    assert path.read_text().startswith(f"# @package calibrator.{path.stem}\n")


def test_identity_changes_nothing() -> None:
    """The uncalibrated score is the score of the prediction itself."""
    X, y = random_design(20, seed=10)

    assert_array_equal(Identity().fit(X, y).predict(X), X.predicted)


def test_uniform_gives_each_option_its_share() -> None:
    """1 / n_options for the options there are."""
    X = design([[0.9, 0.1], [0.2, 0.3, 0.5]])

    predicted = Uniform().fit(X, X.predicted).predict(X)

    assert_allclose(predicted, [[1 / 2, 1 / 2, 0], [1 / 3, 1 / 3, 1 / 3]])


def test_train_mean_averages_by_number_of_options() -> None:
    """Two options: the mean of .2 and .6; three: the one case; four: never seen, so uniform."""
    X = design([[0.5, 0.5], [0.5, 0.5], [0.4, 0.3, 0.3]])
    y = np.array([[0.2, 0.8, 0], [0.6, 0.4, 0], [0.1, 0.2, 0.7]])
    X_test = design([[1, 0, 0], [0, 1], [0.7, 0.1, 0.1, 0.1]])

    predicted = TrainMean().fit(X, y).predict(X_test)

    expected = [[0.1, 0.2, 0.7, 0], [0.4, 0.6, 0, 0], [0.25, 0.25, 0.25, 0.25]]
    assert_allclose(predicted, expected)


def test_train_mean_follows_the_weights() -> None:
    """Weights 3 and 1 put the mean of .2 and .6 at .3; cases of weight 0 are not seen at all."""
    X = design([[0.5, 0.5], [0.5, 0.5], [0.4, 0.3, 0.3]])
    y = np.array([[0.2, 0.8, 0], [0.6, 0.4, 0], [0.1, 0.2, 0.7]])

    predicted = TrainMean().fit(X, y, np.array([3.0, 1.0, 0.0])).predict(X)

    assert_allclose(predicted, [[0.3, 0.7, 0], [0.3, 0.7, 0], [1 / 3, 1 / 3, 1 / 3]])


def test_ridge_regresses_all_options_together() -> None:
    """Three cases give eight examples; estimates below 0 are clipped and the rest rescaled."""
    X = design([[0.9, 0.1], [0.6, 0.3, 0.1], [0.1, 0.2, 0.7]])
    y = np.array([[0.95, 0.05, 0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    features = np.array([[0.9], [0.1], [0.6], [0.3], [0.1], [0.1], [0.2], [0.7]])
    target = np.array([0.95, 0.05, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0])

    predicted = OptionRegression(Ridge(alpha=0.01)).fit(X, y).predict(X)

    shares = np.clip(Ridge(alpha=0.01).fit(features, target).predict(features), 0, None)
    assert (shares == 0).any()
    assert_allclose(predicted[0, :2], shares[:2] / shares[:2].sum())
    assert_allclose(predicted[1], shares[2:5] / shares[2:5].sum())
    assert_allclose(predicted[2], shares[5:] / shares[5:].sum())


def test_a_weight_counts_as_repetition() -> None:
    """A case of weight 2 is learnt from as if it were there twice, with all its options."""
    X, y = random_design(15, seed=11)
    weight = np.where(np.arange(15) < 5, 2.0, 1.0)
    repeated = np.r_[0:15, 0:5]
    model = OptionRegression(Ridge(alpha=1.0))

    weighted = model.fit(X, y, weight).predict(X)
    expected = model.fit(X.take(repeated), y[repeated]).predict(X)

    assert_allclose(weighted, expected)
    assert not np.allclose(weighted, model.fit(X, y).predict(X))


def test_cases_left_without_any_share_become_uniform() -> None:
    """The line through (.75, 1) and (.25, 0) is below 0 for every share of a flat prediction."""
    X = design([[0.75, 0.25]])
    X_test = design([[0.1] * 3 + [0.175] * 4, [0.5, 0.3, 0.2]])

    predicted = OptionRegression(LinearRegression()).fit(X, np.array([[1.0, 0.0]])).predict(X_test)

    assert_allclose(predicted[0], np.full(7, 1 / 7))
    assert_allclose(predicted[1, :3], np.array([0.5, 0.1, 0]) / 0.6, atol=1e-12)


@pytest.mark.parametrize("name", ["lasso", "lasso_joint"])
def test_the_shipped_lasso_follows_the_model(name: str) -> None:
    """It tries penalties far below the one that ignores the model, scikit-learn's default."""
    X, y = random_design(100, seed=12)
    path = next(path for path in FILES if path.stem == name)
    shipped = instantiate(OmegaConf.load(path), _convert_="all")

    followed = shipped.fit(X, y).predict(X)
    collapsed = OptionRegression(Lasso()).fit(X, y).predict(X)

    assert np.corrcoef(followed[X.mask], X.predicted[X.mask])[0, 1] > 0.9
    assert degenerate(X, followed) is None
    assert_allclose(collapsed, Uniform().fit(X, y).predict(X))
    assert degenerate(X, collapsed) is not None


def test_the_given_regressor_is_never_fitted() -> None:
    """Settings stay settings: the learned state is in a clone."""
    X, y = random_design(20, seed=13)
    regressor = Ridge(alpha=1.0)

    model = OptionRegression(regressor).fit(X, y)

    assert model.regressor is regressor
    assert not hasattr(regressor, "coef_")


def test_settings_of_the_regressor_can_be_set() -> None:
    """Searches reach through to the regressor by scikit-learn's double underscore."""
    model = OptionRegression(Ridge(alpha=1.0)).set_params(regressor__alpha=3.0)

    assert model.get_params()["regressor__alpha"] == 3.0
    assert model.regressor.alpha == 3.0


def test_regressors_without_weights_work_unweighted() -> None:
    """Weights are passed on only where there are any."""
    X, y = random_design(20, seed=14)

    predicted = OptionRegression(KNeighborsRegressor(n_neighbors=3)).fit(X, y).predict(X)

    assert_allclose(predicted.sum(axis=1), 1)


@pytest.mark.parametrize(
    ("regressor", "message"),
    [
        (Ridge(alpha=-1), "The 'alpha' parameter of Ridge must be .* Got -1 instead."),
        (Ridge(alpha="lots"), "The 'alpha' parameter of Ridge must be .* Got 'lots' instead."),
        ("ridge", "The 'regressor' parameter of OptionRegression must be .* Got 'ridge' instead."),
        (Ridge, "The 'regressor' parameter of OptionRegression must be .* Got <class"),
    ],
)
def test_wrong_settings_fail_before_any_fit(regressor: Any, message: str) -> None:
    """The message names the setting, of the regressor too, before a model call is paid."""
    with pytest.raises(ConfigError, match=message):
        OptionRegression(regressor).check_params()
