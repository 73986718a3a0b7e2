from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from distexp.calibrator.decomposed import DEVIATION_SQUARE, LEVEL_SQUARE, Decomposed
from distexp.calibrator.fitting.base import uniform
from distexp.errors import ConfigError
from distexp.metrics.distance import wasserstein
from distexp.types import Design, FloatArray
from tests.calibrator.designs import design

N_GROUPS = 4


def exaggerated(
    n_questions: int, seed: int, level_slope: float, deviation_slope: float
) -> tuple[Design, FloatArray]:
    """Return a survey of four options whose humans differ less than the model says.

    Every question has a mirror image, so that the mean human distribution is uniform.
    """
    rng = np.random.default_rng(seed)
    half = n_questions // 2
    levels = 0.25 + (rng.dirichlet(np.full(4, 4.0), half) - 0.25) * 0.5
    deviations = rng.normal(0, 0.02, (half, N_GROUPS, 4))
    deviations -= deviations.mean(axis=1, keepdims=True)
    deviations -= deviations.mean(axis=2, keepdims=True)
    levels, deviations = np.r_[levels, 0.5 - levels], np.r_[deviations, -deviations]
    shares = (levels[:, None] + deviations).reshape(-1, 4)
    human = 0.25 + level_slope * (levels[:, None] - 0.25) + deviation_slope * deviations
    X = design(shares.tolist())
    case = np.arange(len(shares))
    return replace(X, question=case // N_GROUPS, group=case % N_GROUPS), human.reshape(-1, 4)


@pytest.mark.parametrize("loss", ["squared", "wasserstein"])
@pytest.mark.parametrize("nominal", [False, True])
@pytest.mark.parametrize("slopes", [(0.7, 0.3), (0.4, 1.2)])
def test_slopes_are_found(loss: str, nominal: bool, slopes: tuple[float, float]) -> None:
    """Exaggeration of questions and of groups is told apart, on scales and without."""
    X, y = exaggerated(200, seed=0, level_slope=slopes[0], deviation_slope=slopes[1])
    if nominal:
        X = replace(X, ordinals=np.full_like(X.ordinals, np.nan))

    model = Decomposed(loss, prior_questions=1e-3).fit(X, y)

    assert_allclose([model.level_slope_, model.deviation_slope_], slopes, atol=0.02)
    assert_allclose(model.predict(X), y, atol=0.01)


def test_the_squared_loss_is_solved_in_closed_form() -> None:
    """As by least squares with the priors as two examples more, on cumulative shares."""
    X, y = exaggerated(6, seed=1, level_slope=0.5, deviation_slope=0.2)
    y = y + np.random.default_rng(2).normal(0, 0.05, y.shape)
    y /= y.sum(axis=1, keepdims=True)
    question = np.repeat(np.arange(6), N_GROUPS)
    level = np.repeat(X.predicted.reshape(6, N_GROUPS, 4).mean(axis=1), N_GROUPS, axis=0)
    others = np.array([y[question != q].mean(axis=0) for q in question])
    base = (5 * others + 2 * 0.25) / 7
    below = [
        np.cumsum(shares, axis=1)[:, :3].ravel()
        for shares in (level - base, X.predicted - level, y - base)
    ]
    scale = np.sqrt(1 / 3 / N_GROUPS)  # three boundaries, and groups that make up one question
    root = np.sqrt(np.array([3 * LEVEL_SQUARE, 3 * DEVIATION_SQUARE]))
    rows = np.r_[scale * np.column_stack(below[:2]), np.diag(root)]
    expected, *_ = np.linalg.lstsq(rows, np.r_[scale * below[2], root * [0.8, 0.5]], rcond=None)

    model = Decomposed("squared", prior_questions=3.0).fit(X, y)

    assert_allclose([model.level_slope_, model.deviation_slope_], expected)


def test_level_and_deviation_are_shrunk_by_themselves() -> None:
    """Without evidence: .8 of what tells the question from uniform, half of a group's own."""
    X, y = exaggerated(4, seed=3, level_slope=1, deviation_slope=1)
    test = replace(design([[0.9, 0.1], [0.5, 0.5]]), question=np.zeros(2, dtype=int))

    predicted = Decomposed(prior_questions=1e9).fit(X, y).predict(test)

    level = 0.5 + 0.8 * (0.7 - 0.5)
    assert_allclose(predicted[:, 0], [level + 0.1, level - 0.1])


def test_slopes_of_one_are_the_identity() -> None:
    """The base drops out, whatever the training questions say."""
    X, y = exaggerated(10, seed=4, level_slope=0.2, deviation_slope=0.2)

    model = Decomposed(level_prior=1.0, deviation_prior=1.0, prior_questions=1e9).fit(X, y)

    assert_allclose(model.predict(X), X.predicted, atol=1e-6)


def test_slopes_of_zero_are_the_shrunk_training_mean() -> None:
    """Of 3 options, one question answered .6 .3 .1 and the prior's two of thirds."""
    X = design([[0.2, 0.3, 0.5]])
    y = np.array([[0.6, 0.3, 0.1]])

    model = Decomposed(level_prior=0.0, deviation_prior=0.0, prior_questions=1e9).fit(X, y)

    assert_allclose(model.bases_[3], (y[0] + 2 / 3) / 3)
    assert_allclose(model.predict(X), model.bases_[3][None], atol=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_one_question_helps_and_does_not_decide(seed: int) -> None:
    """Where the model exaggerates both, the priors alone bring it nearer to the humans."""
    X, y = exaggerated(60, seed, level_slope=0.5, deviation_slope=0.3)
    train = X.question == 0

    model = Decomposed().fit(X.take(train), y[train])

    calibrated, raw = (
        wasserstein(shares, y, X.ordinals)[~train].mean()
        for shares in (model.predict(X), X.predicted)
    )
    assert abs(model.level_slope_ - 0.8) < 0.3
    assert abs(model.deviation_slope_ - 0.5) < 0.3
    assert calibrated < 0.9 * raw


def test_absolute_errors_withstand_a_few_contrary_questions() -> None:
    """One question in five is answered the wrong way round; the others' slope is .8."""
    X, y = exaggerated(100, seed=5, level_slope=0.8, deviation_slope=0.8)
    contrary = X.question % 50 < 10
    y[contrary] = y[contrary][:, ::-1]

    squared = Decomposed("squared", prior_questions=1e-3).fit(X, y).level_slope_
    absolute = Decomposed("wasserstein", prior_questions=1e-3).fit(X, y).level_slope_

    assert squared < 0.66
    assert 0.72 < absolute < 0.8


def test_groups_alone_have_no_deviation() -> None:
    """With scope=per_group a group's level is its prediction, and the slope stays at its prior."""
    X, y = exaggerated(20, seed=6, level_slope=0.6, deviation_slope=0.3)

    model = Decomposed(scope="per_group").fit(X, y)

    assert len(model.by_group_) == N_GROUPS
    assert {member.deviation_slope_ for member in model.by_group_.values()} == {0.5}
    assert abs(model.deviation_slope_ - 0.5) > 0.01


def test_shares_below_zero_are_cut_off() -> None:
    """A deviation that is stretched beyond 0 leaves a distribution."""
    X = replace(design([[0.0, 1.0], [0.6, 0.4]]), question=np.zeros(2, dtype=int))

    model = Decomposed(deviation_prior=3.0, prior_questions=1e9).fit(X, uniform(X))

    assert_allclose(model.predict(X)[0], [0, 1])


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"loss": "tv"}, "'loss' parameter of Decomposed .* wasserstein, squared. Got 'tv'"),
        ({"n_iterations": 0}, "'n_iterations' .* an int >= 1. Got 0"),
        ({"level_prior": -1}, "'level_prior' .* >= 0. Got -1"),
        ({"deviation_prior": "half"}, "'deviation_prior' .* >= 0. Got 'half'"),
        ({"prior_questions": 0}, "'prior_questions' .* > 0. Got 0"),
        ({"base_questions": 0}, "'base_questions' .* > 0. Got 0"),
        ({"scope": "each"}, "'scope' .* Got 'each'"),
    ],
)
def test_wrong_settings_are_refused(setting: dict[str, Any], message: str) -> None:
    """Before any fit, by name and value."""
    with pytest.raises(ConfigError, match=message):
        Decomposed(**setting).check_params()
