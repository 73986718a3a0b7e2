"""A correction grows with the evidence for it."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from distexp.calibrator.baseline import TrainMean, Uniform
from distexp.calibrator.damped import Damped
from distexp.calibrator.fitting.base import uniform
from distexp.errors import ConfigError
from tests.calibrator.designs import random_design


@pytest.mark.parametrize(("n_questions", "share"), [(2, 0.2), (8, 0.5), (24, 0.75)])
def test_the_calibrator_has_the_say_that_its_questions_earn(
    n_questions: int, share: float
) -> None:
    """With m = 8: 2 of 10, 8 of 16 and 24 of 32, whatever the number of groups."""
    X, y = random_design(3 * n_questions, seed=0)
    X = replace(X, question=X.question // 3)

    fitted = Damped(Uniform(), prior_questions=8).fit(X, y)

    assert fitted.weight_ == pytest.approx(share)
    assert_allclose(fitted.predict(X), share * uniform(X) + (1 - share) * X.predicted)


def test_many_fits_at_once_equal_fits_one_by_one() -> None:
    """Cases of weight 0 count for no question."""
    X, y = random_design(30, seed=1)
    weights = np.random.default_rng(0).integers(0, 2, (4, 30)).astype(float)
    damped = Damped(TrainMean())

    at_once = damped.fit_predict(X, y, weights)

    for weight, predicted in zip(weights, at_once, strict=True):
        assert_allclose(predicted, damped.fit(X, y, weight).predict(X))


@pytest.mark.parametrize(
    ("damped", "message"),
    [
        (Damped(Uniform(), prior_questions=0), "'prior_questions' parameter of Damped"),
        (Damped("ridge"), "'calibrator' parameter of Damped"),  # type: ignore[arg-type]
        (Damped(TrainMean(scope="all")), "'scope' parameter of TrainMean"),
    ],
)
def test_bad_setting_is_refused(damped: Damped, message: str) -> None:
    """The sentence names the parameter."""
    with pytest.raises(ConfigError, match=message):
        damped.check_params()
