"""The choice among calibrators: by evidence, towards the simpler, blind to what is tested."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from distexp.calibrator.auto import Auto
from distexp.calibrator.baseline import Identity, TrainMean, Uniform
from distexp.calibrator.cumulative import CumulativeRegression
from distexp.calibrator.fitting.base import cross_predict
from distexp.errors import ConfigError
from distexp.protocols import BatchCalibrator, Calibrator
from distexp.types import Design, FloatArray
from tests.calibrator.designs import random_design


def survey(n_questions: int, seed: int) -> tuple[Design, FloatArray]:
    """Return questions asked of two groups, with noise that differs between questions."""
    X, y = random_design(2 * n_questions, seed)
    question, group = np.divmod(np.arange(2 * n_questions), 2)
    return replace(X, question=question, group=group), y


def auto(candidates: Mapping[str, Calibrator], least: int = 5, **settings: Any) -> Auto:
    """Return a choice whose first candidate needs no questions."""
    needed = {name: least for name in candidates} | {next(iter(candidates)): 1}
    return Auto(candidates, needed, **settings)


def flattened(X: Design) -> FloatArray:
    """Return each prediction half way to uniform."""
    return (X.predicted + X.mask / X.n_options[:, None]) / 2


def test_what_cannot_be_improved_is_left_alone() -> None:
    """Where the model is right but for noise, identity is chosen."""
    X, _ = survey(60, seed=0)

    chosen = auto({"identity": Identity(), "uniform": Uniform()}).fit(X, X.predicted)

    assert chosen.chosen_ == "identity"
    assert_array_equal(chosen.predict(X), X.predicted)


def test_clear_improvement_is_taken() -> None:
    """Where humans are half way to uniform, the regression that learns it wins."""
    X, _ = survey(60, seed=1)
    candidates: dict[str, Calibrator] = {
        "identity": Identity(),
        "cumulative": CumulativeRegression(),
    }

    chosen = auto(candidates).fit(X, flattened(X))

    assert chosen.chosen_ == "cumulative"
    assert chosen.losses_["cumulative"] < chosen.losses_["identity"]


class Noisy(Uniform):
    """Half way to uniform, and on half of the questions a little better or worse than that."""

    def predict(self, X: Design) -> FloatArray:
        """Return the shares of `flattened`, some moved towards the prediction, some away."""
        step = np.where(X.question % 2, 0.10, -0.105)[:, None]
        return flattened(X) + step * (X.predicted - flattened(X))


def test_simpler_one_within_a_standard_error_is_preferred() -> None:
    """A lead that chance explains is no reason for the more complex; with 0 errors it is."""
    X, _ = survey(40, seed=2)
    y = flattened(X) + 0.105 * (flattened(X) - X.predicted) * (X.question % 2 == 0)[:, None]
    y += 0.01 * (X.predicted - flattened(X)) * (X.question % 2)[:, None]

    class Plain(Uniform):
        def predict(self, X: Design) -> FloatArray:
            return flattened(X)

    careful = auto({"plain": Plain(), "noisy": Noisy()}).fit(X, y)
    bold = auto({"plain": Plain(), "noisy": Noisy()}, n_standard_errors=0.0).fit(X, y)

    best = min(careful.losses_, key=careful.losses_.__getitem__)
    assert bold.chosen_ == best == "noisy"
    assert careful.chosen_ == "plain"


@pytest.mark.parametrize("n_questions", [1, 19])
def test_too_few_questions_are_not_compared(n_questions: int) -> None:
    """The last candidate that so few questions suffice for is taken."""
    X, y = survey(n_questions, seed=3)
    candidates: dict[str, Calibrator] = {
        "identity": Identity(),
        "uniform": Uniform(),
        "train_mean": TrainMean(),
    }

    fitted = Auto(candidates, {"identity": 1, "uniform": 1, "train_mean": 20}).fit(X, y)

    assert fitted.chosen_ == "uniform"
    assert fitted.losses_ == {}


def test_candidates_wait_for_their_questions() -> None:
    """A candidate that needs 40 questions is not tried on 30, be it perfect."""
    X, _ = survey(30, seed=4)
    y = X.mask / X.n_options[:, None]

    fitted = auto({"identity": Identity(), "uniform": Uniform()}, least=40).fit(X, y)

    assert fitted.chosen_ == "identity"


@pytest.mark.parametrize("n_questions", [3, 9, 40])
def test_many_fits_at_once_equal_fits_one_by_one(n_questions: int) -> None:
    """Batching changes no choice and no number."""
    X, y = survey(n_questions, seed=5)
    rng = np.random.default_rng(0)
    weights = rng.integers(0, 2, (6, n_questions))
    weights[:, 0] = 1
    by_case = weights[:, X.question] * rng.uniform(0.5, 2, len(y))
    chosen = auto({"identity": Identity(), "mean": TrainMean(), "fit": CumulativeRegression()})

    at_once = chosen.fit_predict(X, y, by_case)

    assert isinstance(chosen, BatchCalibrator)
    for weight, predicted in zip(by_case, at_once, strict=True):
        assert_allclose(predicted, chosen.fit(X, y, weight).predict(X), atol=1e-9)


def test_human_answers_of_test_questions_choose_nothing() -> None:
    """Permuting the test questions' answers changes no choice and no prediction."""
    X, y = survey(40, seed=6)
    train = X.question < 30
    permuted = y.copy()
    permuted[~train] = np.random.default_rng(0).permutation(y[~train])
    candidates: dict[str, Calibrator] = {
        "identity": Identity(),
        "mean": TrainMean(),
        "fit": CumulativeRegression(),
    }

    honest, other = (
        cross_predict(auto(candidates), X, target, train[None], ~train[None])
        for target in (y, permuted)
    )

    assert not np.array_equal(y, permuted)
    assert_array_equal(honest, other)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"candidates": {}}, "'candidates' parameter of Auto must be a mapping"),
        ({"candidates": {"identity": "ridge"}}, "'candidates' parameter of Auto must be"),
        ({"min_questions": {}}, "'min_questions' parameter of Auto must be"),
        ({"min_questions": {"identity": 0}}, "'min_questions.identity' parameter of Auto"),
        ({"n_standard_errors": -1}, "'n_standard_errors' parameter of Auto must be"),
        (
            {"candidates": {"identity": CumulativeRegression(penalty=-1)}},
            "In candidate 'identity' of Auto: The 'penalty'",
        ),
    ],
)
def test_bad_setting_is_refused(settings: dict[str, Any], message: str) -> None:
    """The sentence names the parameter, of a candidate too."""
    good: dict[str, Any] = {
        "candidates": {"identity": Identity()},
        "min_questions": {"identity": 1},
    }

    with pytest.raises(ConfigError, match=message):
        Auto(**good | settings).check_params()
