"""Regression of cumulative shares: what it recovers, and what it leaves alone."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from distexp.calibrator.cumulative import CumulativeRegression
from distexp.calibrator.fitting.base import cross_predict
from distexp.calibrator.fitting.boundaries import Boundaries
from distexp.calibrator.fitting.vocabulary import Vocabulary
from distexp.errors import ConfigError
from distexp.metrics.distance import wasserstein
from distexp.types import Design, FloatArray
from tests.calibrator.designs import design, random_design

SCOPES = ("pooled", "per_group", "partial")


def survey(n_questions: int, seed: int) -> tuple[Design, FloatArray]:
    """Return questions of 3 or 4 options for two groups, whose humans are flatter by half."""
    rng = np.random.default_rng(seed)
    sizes = np.repeat(rng.integers(3, 5, n_questions), 2)
    X = design([list(rng.dirichlet(np.ones(k))) for k in [4, *sizes[1:]]])
    X = replace(X, question=np.arange(2 * n_questions) // 2, group=np.arange(2 * n_questions) % 2)
    return X, (X.predicted + np.where(X.mask, 1 / X.n_options[:, None], 0)) / 2


def mean_distance(X: Design, y: FloatArray, predicted: FloatArray) -> float:
    """Return the mean Wasserstein-1 distance."""
    return float(wasserstein(predicted, y, X.ordinals).mean())


def test_flattening_is_learnt() -> None:
    """Where humans are half way to uniform, new questions are predicted there."""
    X, y = survey(60, seed=0)
    X_new, y_new = survey(30, seed=1)

    predicted = CumulativeRegression().fit(X, y).predict(X_new)

    assert mean_distance(X_new, y_new, predicted) < 0.05 * mean_distance(
        X_new, y_new, X_new.predicted
    )


def test_without_evidence_the_prior_speaks() -> None:
    """Under a huge penalty a prediction is the model's, mixed with a fifth of uniform."""
    X, y = survey(5, seed=2)

    predicted = CumulativeRegression(penalty=1e9).fit(X, y).predict(X)

    uniform = np.where(X.mask, 1 / X.n_options[:, None], 0)
    assert_allclose(predicted, 0.8 * X.predicted + 0.2 * uniform, atol=1e-6)


def test_absolute_loss_is_less_moved_by_outliers_than_the_squared_one() -> None:
    """With a tenth of the questions turned round, absolute errors keep to the others."""
    X, y = survey(100, seed=3)
    spoiled = y.copy()
    turned = X.question % 10 == 0
    spoiled[turned] = np.array(
        [np.r_[row[:k][::-1], row[k:]] for row, k in zip(y, X.n_options, strict=True)]
    )[turned]
    X_new, y_new = survey(50, seed=4)

    left = {
        loss: mean_distance(
            X_new,
            y_new,
            CumulativeRegression(loss=loss, n_iterations=10).fit(X, spoiled).predict(X_new),
        )
        for loss in ("wasserstein", "squared")
    }

    assert left["wasserstein"] < 0.75 * left["squared"]


@pytest.mark.parametrize(("scope", "axes"), [*((scope, 0) for scope in SCOPES), ("partial", 2)])
def test_many_fits_at_once_equal_fits_one_by_one(scope: str, axes: int) -> None:
    """Batching is for speed and changes no number; weights count."""
    X, y = survey(12, seed=5)
    X = replace(X, scale=X.question // 3)
    rng = np.random.default_rng(0)
    weights = rng.integers(0, 3, (4, 12))[:, X.question] * rng.uniform(0.5, 1, len(y))
    calibrator = CumulativeRegression(scope=scope, group_axes=axes)

    at_once = calibrator.fit_predict(X, y, weights)

    for weight, predicted in zip(weights, at_once, strict=True):
        assert_allclose(predicted, calibrator.fit(X, y, weight).predict(X), atol=1e-9)


def test_human_answers_of_weight_zero_play_no_part() -> None:
    """What is held out is not looked at, in a batch either."""
    X, y = survey(10, seed=6)
    train = X.question < 7
    spoiled = np.where(train[:, None], y, y[:, ::-1])

    honest, other = (
        cross_predict(CumulativeRegression(), X, target, train[None], ~train[None])
        for target in (y, spoiled)
    )

    assert_allclose(honest, other, rtol=0, atol=0)


def test_group_effects_are_learnt_where_scope_is_partial() -> None:
    """A group that always stands higher than the model says is raised, the other is not."""
    X, _ = survey(80, seed=7)
    up = np.zeros_like(X.predicted)
    up[:, 1:] = X.predicted[:, :-1]
    up[np.arange(len(up)), X.n_options - 1] += X.predicted[np.arange(len(up)), X.n_options - 1]
    y = np.where((X.mask & (X.group == 1)[:, None]), 0.5 * X.predicted + 0.5 * up, X.predicted)
    y /= y.sum(axis=1, keepdims=True)

    left = {
        scope: mean_distance(X, y, CumulativeRegression(scope=scope).fit(X, y).predict(X))
        for scope in ("pooled", "partial")
    }

    assert left["partial"] < 0.7 * left["pooled"]


def crossed(n_questions: int, seed: int) -> tuple[Design, FloatArray]:
    """Return binary questions; the second of three groups differs as the third is said to."""
    rng = np.random.default_rng(seed)
    level, apart = rng.uniform(0.3, 0.7, (n_questions, 1)), rng.normal(0, 0.1, (n_questions, 3))
    apart -= apart.mean(axis=1, keepdims=True)
    said, answered = level + apart, level + apart * [1, 0, 1]
    answered[:, 1] += apart[:, 2]
    X = design([[1 - share, share] for share in said.clip(0, 1).ravel()])
    question, group = np.divmod(np.arange(3 * n_questions), 3)
    y = np.column_stack([1 - answered.ravel(), answered.ravel()]).clip(0, 1)
    return replace(X, question=question, group=group), y


def test_what_the_model_says_of_one_group_tells_about_another() -> None:
    """Along the axes of the groups a group is moved by what is said of all of them."""
    X, y = crossed(150, seed=20)
    X_new, y_new = crossed(50, seed=21)

    left = {
        axes: mean_distance(
            X_new, y_new, CumulativeRegression(group_axes=axes).fit(X, y).predict(X_new)
        )
        for axes in (0, 2)
    }

    assert left[2] < 0.6 * left[0]


@pytest.mark.parametrize("axes", [1, 2, 5])
def test_axes_are_nothing_where_the_model_says_the_same_of_all_groups(axes: int) -> None:
    """A prompt without a group has no deviations; nor has a question with a single group."""
    X, y = survey(12, seed=22)
    X, y = replace(X.take(X.question * 2), question=X.question, group=X.group), y[X.question * 2]

    for cases in (np.ones(len(y), dtype=bool), X.group == 0):
        plain, with_axes = (
            CumulativeRegression(group_axes=n).fit(X.take(cases), y[cases]).predict(X.take(cases))
            for n in (0, axes)
        )
        assert_allclose(with_axes, plain, atol=1e-9)


def test_a_fit_of_an_older_card_has_no_axes() -> None:
    """What was fitted before there were axes predicts as it did."""
    X, y = survey(10, seed=23)
    fitted = CumulativeRegression().fit(X, y)
    predicted = fitted.predict(X)

    del fitted.axes_

    assert_allclose(fitted.predict(X), predicted, rtol=0, atol=0)


def test_questions_on_one_answer_scale_are_shifted_alike() -> None:
    """What the others on its scale say helps a question; a scale of its own does not."""
    X, y = survey(60, seed=12)
    last = np.eye(X.predicted.shape[1])[X.n_options - 1]
    shifted = np.where((X.question % 3 == 0)[:, None], 0.8 * y + 0.2 * last, y)
    shared = replace(X, scale=X.question % 3)

    left = {
        name: mean_distance(X, shifted, CumulativeRegression().fit(one, shifted).predict(one))
        for name, one in (("none", X), ("shared", shared), ("own", replace(X, scale=X.question)))
    }

    assert left["shared"] < 0.9 * left["none"]
    assert left["own"] == pytest.approx(left["none"], abs=1e-12)


def test_stacked_inputs_are_told_apart() -> None:
    """Of two inputs one is right and one is noise: the right one is followed."""
    X, y = survey(80, seed=8)
    noise, _ = random_design(len(y), seed=9)
    random = np.where(X.mask, np.resize(noise.predicted, X.predicted.shape) + 0.1, 0)
    random /= random.sum(axis=1, keepdims=True)
    inputs = np.stack([y, random], axis=1)
    stacked = replace(X, predicted=inputs.mean(axis=1), inputs=inputs)

    alone = CumulativeRegression(penalty=0.1).fit(replace(stacked, inputs=None), y)
    both = CumulativeRegression(penalty=0.1).fit(stacked, y)

    assert mean_distance(X, y, both.predict(stacked)) < 0.5 * mean_distance(
        X, y, alone.predict(replace(stacked, inputs=None))
    )


def test_nominal_questions_are_mixed_with_uniform_by_least_squares() -> None:
    """Humans half way to uniform: with many questions the weight is a half."""
    X, y = survey(100, seed=10)
    X = replace(X, ordinals=np.full_like(X.ordinals, np.nan))

    fitted = CumulativeRegression().fit(X, y)

    assert fitted.nominal_weight_ == pytest.approx(0.5, abs=0.02)
    assert_allclose(fitted.predict(X).sum(axis=1), 1)


def test_options_are_taken_in_the_order_of_their_positions() -> None:
    """Listing the options otherwise, with their positions, changes no share of any option."""
    X, y = survey(20, seed=11)
    order = np.tile(np.arange(X.predicted.shape[1]), (len(y), 1))
    order[:, :3] = [2, 0, 1]
    shuffled = replace(
        X,
        predicted=np.take_along_axis(X.predicted, order, 1),
        ordinals=np.take_along_axis(X.ordinals, order, 1),
    )

    plain = CumulativeRegression().fit(X, y).predict(X)
    other = CumulativeRegression().fit(shuffled, np.take_along_axis(y, order, 1)).predict(shuffled)

    assert_allclose(other, np.take_along_axis(plain, order, 1), atol=1e-9)


def test_cumulative_shares_that_would_cross_are_made_to_touch() -> None:
    """Shares stay non-negative: .2, .5, .4 become .2, .5, .5 and the third option gets nothing."""
    X = design([[0.25, 0.25, 0.25, 0.25]])

    (shares,) = Boundaries(X, Vocabulary.of(X, by_group=False)).shares(np.array([[0.2, 0.5, 0.4]]))

    assert_allclose(shares, [[0.2, 0.3, 0.0, 0.5]])


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("penalty", 0),
        ("loss", "huber"),
        ("n_iterations", 0),
        ("prior_weight", 2),
        ("scope", "all"),
    ],
)
def test_bad_setting_is_refused(setting: str, value: object) -> None:
    """The sentence names the parameter."""
    calibrator = CumulativeRegression().set_params(**{setting: value})

    with pytest.raises(ConfigError, match=f"The '{setting}' parameter of CumulativeRegression"):
        calibrator.check_params()
