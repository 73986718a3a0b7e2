"""Fits that deserve a warning get one, and others none."""

from dataclasses import replace
from typing import Any, Self

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import Lasso, Ridge

from distexp.calibrator.baseline import Identity
from distexp.calibrator.blind import Blind
from distexp.calibrator.cumulative import CumulativeRegression
from distexp.calibrator.damped import Damped
from distexp.calibrator.regression import OptionRegression
from distexp.calibrator.search import QuestionCV
from distexp.calibrator.softmax import SoftmaxRegression
from distexp.evaluation.evaluation import cross_fit
from distexp.evaluation.splits import Split
from distexp.evaluation.suspicions import extrapolation, suspicions, too_few_examples
from distexp.protocols import n_parameters_of
from distexp.types import Design, FloatArray
from tests.calibrator.designs import design, random_design


def split(n: int, n_train: int) -> Split:
    """Train on the first cases and test on the others."""
    train = np.arange(n) < n_train
    return Split(train=train, test=~train)


class Learner:
    """A calibrator that says how much it learns."""

    scope = "pooled"

    def __init__(self, n_parameters: int) -> None:
        self.n_parameters = n_parameters

    def check_params(self) -> None:
        """Need nothing."""

    def predict(self, X: Design) -> FloatArray:
        """Predict what the model did."""
        return X.predicted

    def fit(self, X: Design, y: FloatArray, sample_weight: FloatArray | None = None) -> Self:
        """Learn."""
        self.n_parameters_ = self.n_parameters
        return self


class Counting(Learner):
    """One that fits many splits at once, remembers nothing of it, and can say what it learns."""

    def count_parameters(self, X: Design) -> int:
        """Say it without a fit."""
        return self.n_parameters

    def fit(self, X: Design, y: FloatArray, sample_weight: FloatArray | None = None) -> Self:
        """Fail: nobody may fit it for a warning."""
        raise AssertionError("fitted for a warning")

    def fit_predict(self, X: Design, y: FloatArray, weights: FloatArray) -> FloatArray:
        """Predict what the model did."""
        return np.repeat(X.predicted[None], len(weights), axis=0)


def test_test_cases_outside_the_training_range_are_counted() -> None:
    """Of two test cases with two options one has a share that no training case had."""
    X = design([[0.4, 0.6], [0.6, 0.4], [0.5, 0.5], [0.7, 0.3]])

    warning = extrapolation(X, [split(4, 2)])

    assert warning is not None
    assert warning.startswith("50% of the test cases lie outside the range")
    assert "no training case" not in warning


def test_numbers_of_options_that_were_not_trained_on_are_extrapolated() -> None:
    """Whatever the shares are."""
    X = design([[0.4, 0.6], [0.6, 0.4], [0.5, 0.5], [0.3, 0.3, 0.4]])

    warning = extrapolation(X, [split(4, 2)])

    assert warning is not None
    assert "(50%: no training case has as many)" in warning


def test_a_point_outside_and_one_case_in_twenty_are_no_warning() -> None:
    """Rounded percentages end somewhere, and of many cases some are at the edge."""
    inside = [[share, 1 - share] for share in np.linspace(0.2, 0.8, 60).tolist()]
    n_train = len(inside)
    tested = [[0.191, 0.809], *([[0.5, 0.5]] * 18), [0.1, 0.9]]

    assert extrapolation(design(inside + tested), [split(n_train + 20, n_train)]) is None
    assert extrapolation(
        design([*inside, *tested[:-2], [0.1, 0.9], [0.9, 0.1]]), [split(n_train + 20, n_train)]
    )


@pytest.mark.parametrize(("n_parameters", "warned"), [(5, False), (6, True)])
def test_learning_more_numbers_than_there_are_free_shares_is_a_warning(
    n_parameters: int, warned: bool
) -> None:
    """Three questions with 2, 3 and 3 options have 1 + 2 + 2 free shares, asked of two groups."""
    three = [[0.4, 0.6], [0.2, 0.3, 0.5], [0.5, 0.3, 0.2]]
    X = replace(design([*three, *three, [0.5, 0.5]]), question=np.array([0, 1, 2, 0, 1, 2, 3]))
    learner = Learner(n_parameters).fit(X, X.predicted)

    reason = too_few_examples(learner, X, split(7, 6))

    assert (reason is not None) == warned
    if reason is not None:
        assert reason.startswith("learns 6 numbers from 3 training questions, which have 5 free")


def test_calibrators_that_do_not_say_what_they_learn_are_left_alone() -> None:
    """The attribute is an offer."""
    X, _ = random_design(6, seed=0)

    assert too_few_examples(Identity(), X, split(6, 3)) is None


@pytest.mark.parametrize("kind", [Learner, Counting])
def test_suspicions_name_the_calibrator_and_fit_nothing(kind: type[Learner]) -> None:
    """A calibrator that fits all splits at once says without a fit what one learns."""
    X, human = random_design(30, seed=0)
    last, method = split(30, 20), kind(1000)
    if kind is Learner:  # as the evaluation leaves it
        method.fit(X, human)

    warnings = list(suspicions({"mine": method}, {}, X, [last]))

    assert warnings[0].startswith("mine learns 1000 numbers from 20 training questions")


LINEAR = {
    "per position": OptionRegression(Ridge(), layout="per_position"),
    "joint": OptionRegression(Ridge(), layout="joint"),
    "joint lasso": OptionRegression(Lasso(0.001), layout="joint"),
    "pooled": OptionRegression(Ridge()),
    "softmax": SoftmaxRegression(),
    "cumulative": CumulativeRegression(scope="pooled"),
    "cumulative by group": CumulativeRegression(),
}


def learnt(calibrator: Any) -> int:
    """Count the numbers that a fitted calibrator holds."""
    if isinstance(calibrator, CumulativeRegression):
        return int(calibrator.coef_.size)
    if isinstance(calibrator, SoftmaxRegression):
        return int(calibrator.shared_.size + sum(of.size for of in calibrator.by_size_.values()))
    regressors = [calibrator.regressor_, *(r for of in calibrator.by_size_.values() for r in of)]
    return sum(np.size(one.coef_) + np.size(one.intercept_) for one in regressors)


@pytest.mark.parametrize("calibrator", LINEAR.values(), ids=LINEAR)
@pytest.mark.parametrize("n_inputs", [1, 2])
def test_linear_calibrators_say_before_a_fit_how_many_numbers_one_leaves(
    calibrator: Any, n_inputs: int
) -> None:
    """With one estimate a case, and with two that are stacked."""
    X, y = random_design(60, seed=1)
    if n_inputs > 1:
        X = replace(X, inputs=np.stack([X.predicted] * n_inputs, axis=1))

    fitted = clone(calibrator).fit(X, y)

    assert calibrator.count_parameters(X) == learnt(fitted)


def test_calibrators_around_others_say_what_these_learn() -> None:
    """Damping, withholding and a choice among settings add no coefficient."""
    X, _ = random_design(60, seed=1)
    joint = OptionRegression(Ridge(), layout="joint")

    for around in (Damped(joint), Blind(joint), QuestionCV(joint, grid={"regressor__alpha": [1]})):
        assert n_parameters_of(around, X) == joint.count_parameters(X)


def test_a_forest_is_no_set_of_coefficients() -> None:
    """What it learns cannot be compared with free shares."""
    X, _ = random_design(60, seed=1)
    assert OptionRegression(RandomForestRegressor()).count_parameters(X) is None


def test_fifty_coefficients_from_three_questions_are_a_warning() -> None:
    """Seven options jointly take 7 * 7 slopes and 7 intercepts, and the pooled line 2 numbers."""
    rng = np.random.default_rng(0)
    shares = rng.dirichlet(np.ones(7), size=20)
    X = replace(design(shares.tolist()), question=np.arange(20) // 4)
    y = rng.dirichlet(np.ones(7), size=20)
    case_split = split(20, 12)
    joint = OptionRegression(Ridge(), layout="joint")
    cross_fit(joint, X, y, [case_split])

    (warning,) = (
        one for one in suspicions({"joint": joint}, {}, X, [case_split]) if "learns" in one
    )

    assert warning.startswith(
        "joint learns 58 numbers from 3 training questions, which have 18 free shares"
    )
