"""The blind twin of a calibrator."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from distexp.calibrator.baseline import TrainMean
from distexp.calibrator.blind import Blind
from distexp.calibrator.cumulative import CumulativeRegression
from distexp.calibrator.fitting.base import uniform
from distexp.errors import ConfigError
from tests.calibrator.designs import random_design


def test_predictions_do_not_depend_on_the_model() -> None:
    """Other predictions, in training and in test, change nothing."""
    X, y = random_design(60, seed=0)
    other = replace(X, predicted=random_design(60, seed=1)[0].predicted[:, : y.shape[1]])
    other = replace(other, predicted=np.where(X.mask, 0.1, 0) + uniform(X))

    first = Blind(CumulativeRegression()).fit(X, y).predict(X)
    second = Blind(CumulativeRegression()).fit(other, y).predict(other)

    assert_array_equal(first, second)


def test_it_is_the_calibrator_on_uniform_predictions() -> None:
    """And nothing else: the twin differs in what it is shown alone."""
    X, y = random_design(60, seed=2)
    shown = replace(X, predicted=uniform(X))
    weights = np.random.default_rng(0).integers(0, 2, (3, 60)).astype(float)

    twin = Blind(CumulativeRegression())

    assert_allclose(twin.fit(X, y).predict(X), CumulativeRegression().fit(shown, y).predict(shown))
    assert_allclose(
        twin.fit_predict(X, y, weights), CumulativeRegression().fit_predict(shown, y, weights)
    )


def test_scope_is_that_of_the_calibrator() -> None:
    """Tables tell which groups were told apart."""
    assert Blind(TrainMean(scope="per_group")).scope == "per_group"


@pytest.mark.parametrize("calibrator", ["ridge", TrainMean(scope="all")])
def test_bad_calibrator_is_refused(calibrator: object) -> None:
    """What is no calibrator, and one with a wrong setting."""
    with pytest.raises(ConfigError, match=r"'calibrator' parameter of Blind|'scope' parameter"):
        Blind(calibrator).check_params()  # type: ignore[arg-type]
