from dataclasses import replace

import numpy as np

from distexp.calibrator.fitting.base import uniform
from distexp.evaluation.suspicions import degenerate
from tests.calibrator.designs import design

X = design([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.5, 0.3, 0.2], [0.1, 0.1, 0.8], [0.2, 0.6, 0.2]])
ONE_GROUP = replace(X, group=np.zeros(6, dtype=np.int64))


def test_following_the_model_is_not_degenerate() -> None:
    """The prediction itself differs wherever it differs."""
    assert degenerate(ONE_GROUP, X.predicted) is None


def test_one_answer_for_all_is_degenerate() -> None:
    """Uniform answers ignore the model for every number of options."""
    message = degenerate(ONE_GROUP, uniform(X))

    assert message == "ignores the model: one distribution for all questions with 2 or 3 options."


def test_each_number_of_options_is_looked_at_by_itself() -> None:
    """Following the model for three options does not excuse two."""
    predicted = np.where(X.n_options[:, None] == 2, uniform(X), X.predicted)

    message = degenerate(ONE_GROUP, predicted)

    assert message == "ignores the model: one distribution for all questions with 2 options."


def test_an_answer_per_group_is_degenerate_too() -> None:
    """Two groups with two questions each: their means differ, but not with the model."""
    X = replace(
        design([[0.9, 0.1], [0.2, 0.8], [0.8, 0.2], [0.3, 0.7]]), group=np.array([0, 0, 1, 1])
    )
    means = np.array([[0.4, 0.6], [0.4, 0.6], [0.5, 0.5], [0.5, 0.5]])

    assert degenerate(X, means) is not None
    assert degenerate(X, np.vstack([means[:3], [[0.2, 0.8]]])) is None


def test_groups_are_compared_where_none_has_two_questions() -> None:
    """One test question, three groups with different estimates and one answer."""
    one = X.take(np.arange(3))

    assert degenerate(one, uniform(one)) is not None
    assert degenerate(one, one.predicted) is None


def test_a_model_that_always_says_the_same_is_no_fault_of_the_calibrator() -> None:
    """Constant inputs may give constant outputs."""
    constant = replace(ONE_GROUP, predicted=uniform(X))

    assert degenerate(constant, uniform(X)) is None


def test_rounding_is_not_a_difference() -> None:
    """Outputs within 1e-9 are equal; 1e-6 is a difference."""
    ripple = np.arange(6)[:, None] * X.mask

    assert degenerate(ONE_GROUP, uniform(X) + 1e-10 * ripple) is not None
    assert degenerate(ONE_GROUP, uniform(X) + 1e-6 * ripple) is None


def test_splits_are_counted() -> None:
    """The second of three fits ignores the model for three options; training rows are NaN."""
    fits = np.stack([X.predicted] * 3)
    fits[1, 3:] = 1 / 3
    fits[1, 0] = np.nan
    fits[2, :3] = np.nan

    message = degenerate(ONE_GROUP, fits)

    assert message == (
        "ignores the model: one distribution for all questions with 3 options, "
        "in up to 1 of 3 splits."
    )
