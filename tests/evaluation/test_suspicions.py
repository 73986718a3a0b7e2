"""Fits that deserve a warning get one, and others none."""

from dataclasses import replace
from typing import Self

import numpy as np
import pytest

from distexp.calibrator.baseline import Identity
from distexp.evaluation.splits import Split
from distexp.evaluation.suspicions import extrapolation, suspicions, too_few_examples
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


class BatchLearner(Learner):
    """One that fits many splits at once, and remembers nothing of it."""

    n_parameters_: int

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


@pytest.mark.parametrize("kind", [Learner, BatchLearner])
def test_suspicions_name_the_calibrator_and_fit_it_where_nothing_was_remembered(
    kind: type[Learner],
) -> None:
    """A calibrator that fits all splits at once is asked again for the last one."""
    X, human = random_design(30, seed=0)
    last, method = split(30, 20), kind(1000)
    if kind is Learner:  # as the evaluation leaves it
        method.fit(X, human)

    warnings = list(
        suspicions({"mine": method}, {"mine": X.predicted[None]}, X, human, [last], None)
    )

    assert warnings[0].startswith("mine learns 1000 numbers from 20 training questions")
