from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import LinearRegression, Ridge

from distexp.calibrator.fitting.features import FEATURES, option_features
from distexp.calibrator.regression import OptionRegression
from distexp.errors import ConfigError
from distexp.types import Design, FloatArray
from tests.calibrator.designs import design, random_design


def feature(X: Design, name: str) -> FloatArray:
    """Return one feature of all options."""
    return option_features(X)[:, :, FEATURES.index(name)]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("share", [0.2, 0.5, 0.3]),
        ("below", [0, 0.2, 0.7]),
        ("up_to", [0.2, 0.7, 1]),
        ("share_before", [0, 0.2, 0.5]),
        ("share_after", [0.5, 0.3, 0]),
        ("position", [0, 0.5, 1]),
        ("per_option", [1 / 3] * 3),
        ("mean", [0.55] * 3),
        ("spread", [np.sqrt(0.2 * 0.55**2 + 0.5 * 0.05**2 + 0.3 * 0.45**2)] * 3),
        ("entropy", [-(np.array([0.2, 0.5, 0.3]) @ np.log([0.2, 0.5, 0.3])) / np.log(3)] * 3),
        ("level", [0.3, 0.4, 0.3]),
        ("deviation", [-0.1, 0.1, 0]),
    ],
)
def test_each_option_is_described(name: str, values: list[float]) -> None:
    """By hand, for the first of two groups of a question on a scale of three options."""
    X = design([[0.2, 0.5, 0.3], [0.4, 0.3, 0.3], [0.1, 0.2, 0.3, 0.4]])
    X = replace(X, question=np.array([7, 7, 3]))

    assert_allclose(feature(X, name)[0], [*values, 0], atol=1e-12)


def test_neighbours_are_those_on_the_scale() -> None:
    """The options stand at 1, 0 and 1/2: the first is the highest."""
    X = replace(design([[0.2, 0.5, 0.3]]), ordinals=np.array([[1.0, 0.0, 0.5]]))

    assert_allclose(feature(X, "below"), [[0.8, 0, 0.5]])
    assert_allclose(feature(X, "share_before"), [[0.3, 0, 0.5]])
    assert_allclose(feature(X, "share_after"), [[0, 0.3, 0.2]])


def test_nominal_options_have_the_mean_of_all_orders() -> None:
    """Over the six orders of three options, by trying them all; they stand in the middle."""
    shares = np.array([0.2, 0.5, 0.3])
    orders = np.array([[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]])
    X = replace(design([shares.tolist()]), ordinals=np.full((1, 3), np.nan))
    below = [np.mean([shares[o[: list(o).index(j)]].sum() for o in orders]) for j in range(3)]

    assert_allclose(feature(X, "below")[0], below)
    assert_allclose(feature(X, "up_to")[0], below + shares)
    assert_allclose(feature(X, "share_after")[0], (1 - shares) / 2)
    assert_array_equal(feature(X, "position")[0], 0.5)
    assert_array_equal(feature(X, "spread")[0], 0)


def test_stacked_inputs_add_a_share_each() -> None:
    """After the features of their mean, in their order."""
    X, _ = random_design(10, seed=0)
    inputs = np.stack([X.predicted, np.where(X.mask, 1 / X.n_options[:, None], 0)], axis=1)

    features = option_features(replace(X, inputs=inputs))

    assert features.shape == (10, 5, len(FEATURES) + 2)
    assert_array_equal(features[:, :, -2:], np.swapaxes(inputs, 1, 2))
    assert_array_equal(features[~X.mask], 0)


@pytest.mark.parametrize("layout", ["pooled", "per_position", "joint"])
def test_regressors_learn_which_input_to_follow(layout: str) -> None:
    """Humans are the second of three stacked inputs, which `predicted` is the mean of."""
    rng = np.random.default_rng(1)
    inputs = rng.dirichlet(np.ones(4), (60, 3))
    X = replace(design(inputs.mean(axis=1).tolist()), inputs=inputs)

    predicted = OptionRegression(Ridge(alpha=1e-8), layout=layout).fit(X, inputs[:, 1]).predict(X)

    assert_allclose(predicted, inputs[:, 1], atol=1e-5)


def test_without_stacked_inputs_the_share_is_the_only_feature() -> None:
    """As in the paper; `several` gives what the features are called."""
    X, y = random_design(60, seed=2)

    share = OptionRegression(LinearRegression()).fit(X, y)
    several = OptionRegression(LinearRegression(), features="several").fit(X, y)

    assert share.regressor_.n_features_in_ == 1
    assert several.regressor_.n_features_in_ == len(FEATURES)


def test_several_features_see_what_the_share_does_not() -> None:
    """Humans take half of each share from the option before: a line of both follows exactly."""
    shares = np.random.default_rng(3).dirichlet(np.ones(5), 50)
    X = design(shares.tolist())
    y = (shares + np.hstack([np.zeros((50, 1)), shares[:, :-1]])) / 2
    y[:, -1] += shares[:, -1] / 2
    inner = slice(1, 4)

    several = OptionRegression(Ridge(alpha=1e-6), layout="per_position", features="several")
    alone = OptionRegression(Ridge(alpha=1e-6), layout="per_position")

    assert_allclose(several.fit(X, y).predict(X)[:, inner], y[:, inner], atol=1e-3)
    assert np.abs(alone.fit(X, y).predict(X) - y)[:, inner].max() > 0.1


def test_unknown_features_are_refused() -> None:
    """The message lists what there is."""
    model = OptionRegression(Ridge(), features="all")

    with pytest.raises(ConfigError, match=r"'features' .* one of share, several. Got 'all'"):
        model.check_params()
