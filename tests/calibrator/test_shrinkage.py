from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from distexp.calibrator.barycentre import Barycentre
from distexp.calibrator.fitting.base import uniform
from distexp.calibrator.shrinkage import (
    GROUP_QUESTIONS,
    MEAN_QUESTIONS,
    Shrinkage,
    least_distant,
)
from distexp.errors import ConfigError
from distexp.metrics.distance import distance, wasserstein
from distexp.types import Design
from tests.calibrator.designs import design, random_design

THIRDS = [1 / 3, 1 / 3, 1 / 3]


def moved_to_uniform(X: Design, weight: float) -> Any:
    """Return the barycentres of predictions and uniform distributions."""
    return Barycentre("uniform", weight=weight).fit(X, X.predicted).predict(X)


def test_a_fixed_weight_mixes_with_the_mean_of_the_training_cases() -> None:
    """The mean of .2 and .6 from two questions and of the prior's 1/2; three options: uniform."""
    X = design([[0.5, 0.5], [0.5, 0.5]])
    y = np.array([[0.2, 0.8], [0.6, 0.4]])
    X_test = design([[1, 0, 0], [0.8, 0.2]])
    mean = (0.2 + 0.6 + MEAN_QUESTIONS * 0.5) / (2 + MEAN_QUESTIONS)

    predicted = Shrinkage("train_mean", weight=0.3).fit(X, y).predict(X_test)

    first = 0.7 * 0.8 + 0.3 * mean
    assert_allclose(predicted, [[0.8, 0.1, 0.1], [first, 1 - first, 0]])


def test_questions_count_in_a_mean_by_the_weights_of_their_cases() -> None:
    """Weights 3 and 1 put the mean of .2 and .6 at .3, and it is still that of two questions."""
    X = design([[0.5, 0.5], [0.5, 0.5]])
    y = np.array([[0.2, 0.8], [0.6, 0.4]])

    model = Shrinkage("train_mean", weight=1).fit(X, y, np.array([3.0, 1.0]))

    mean = (2 * 0.3 + MEAN_QUESTIONS * 0.5) / (2 + MEAN_QUESTIONS)
    assert_allclose(model.means_[2], [mean, 1 - mean])


def test_the_mean_of_a_group_is_shrunk_to_that_of_all() -> None:
    """Groups 0 and 1 answered .2 and .6 in one question; group 2 never, so it has the mean."""
    X = replace(design([[0.5, 0.5]] * 2), question=np.zeros(2, dtype=int), group=np.arange(2))
    y = np.array([[0.2, 0.8], [0.6, 0.4]])
    X_test = replace(design([[1.0, 0.0]] * 3), group=np.arange(3))

    predicted = Shrinkage("group_mean", weight=1).fit(X, y).predict(X_test)

    overall = (0.4 + MEAN_QUESTIONS * 0.5) / (1 + MEAN_QUESTIONS)
    own = [(mean + GROUP_QUESTIONS * overall) / (1 + GROUP_QUESTIONS) for mean in (0.2, 0.6)]
    assert_allclose(predicted[:, 0], [*own, overall])


def test_many_questions_find_the_weight() -> None:
    """Humans are .4 of the model and .6 uniform, on scales and without."""
    X, _ = random_design(200, seed=0)
    X.ordinals[::3] = np.nan
    y = 0.4 * X.predicted + 0.6 * uniform(X)

    model = Shrinkage("uniform").fit(X, y)

    assert_allclose(model.weight_, 0.6)
    assert_allclose(model.predict(X), y)


def test_the_learnt_weight_is_the_best_of_all() -> None:
    """No weight on a fine grid has less mean distance and pull, of ordinal and nominal cases."""
    X, y = random_design(12, seed=1)
    X.ordinals[::3] = np.nan
    case_weight = np.random.default_rng(2).uniform(0.5, 2, 12)
    grid, even = np.linspace(0, 1, 2001), uniform(X)
    room = distance(X.predicted, even, X.ordinals) @ case_weight
    objective = [
        distance((1 - w) * X.predicted + w * even, y, X.ordinals) @ case_weight
        + 3 / 12 * room * (w - 0.2) ** 2
        for w in grid
    ]

    model = Shrinkage("uniform").fit(X, y, case_weight)

    assert 0.2 < model.weight_ < 1
    assert_allclose(model.weight_, grid[np.argmin(objective)], atol=5e-4)


@pytest.mark.parametrize("family", [Shrinkage, Barycentre])
@pytest.mark.parametrize("towards", ["uniform", "train_mean", "group_mean"])
@pytest.mark.parametrize(("human", "moved"), [(0.5, 1 / 6), (1.0, -1 / 6)])
def test_one_question_moves_the_weight_by_a_sixth(
    family: type[Shrinkage], towards: str, human: float, moved: float
) -> None:
    """Whether it speaks for or against the target, which is uniform without the question."""
    X = design([[0.8, 0.2]])

    model = family(towards).fit(X, np.array([[human, 1 - human]]))

    assert_allclose(model.weight_, 0.2 + moved)


def test_a_question_does_not_speak_for_its_own_mean() -> None:
    """Humans at random: the mean of the others is no better for them than the model's .5."""
    rng = np.random.default_rng(3)
    n = 6
    X = design([[0.5, 0.5]] * n)
    first = rng.random(n)
    y = np.column_stack([first, 1 - first])
    others = (first.sum() - first + MEAN_QUESTIONS * 0.5) / (n - 1 + MEAN_QUESTIONS)
    held_out = np.column_stack([others, 1 - others])
    grid = np.linspace(0, 1, 1001)
    room = distance(X.predicted, held_out, X.ordinals).sum()
    objective = [
        distance((1 - w) * X.predicted + w * held_out, y, X.ordinals).sum()
        + 3 / n * room * (w - 0.2) ** 2
        for w in grid
    ]

    model = Shrinkage("train_mean").fit(X, y)

    assert_allclose(model.weight_, grid[np.argmin(objective)], atol=1e-3)


def test_a_prediction_at_its_target_leaves_the_weight_at_its_prior() -> None:
    """Where the target is the prediction itself no weight is better than another."""
    X = design([THIRDS, [0.5, 0.5]])

    model = Shrinkage("uniform", prior_weight=0.4).fit(X, np.array([[1.0, 0, 0], [0, 1.0, 0]]))

    assert model.weight_ == 0.4


def test_the_median_is_the_minimum() -> None:
    """Against a search of the objective, for many terms at random."""
    rng = np.random.default_rng(4)
    grid = np.linspace(0, 1, 4001)
    for strength in (1e-6, 0.1, 10.0):
        start, slope = rng.normal(size=(2, 31))
        length = rng.random(31)
        value = (length * np.abs(start + grid[:, None] * slope)).sum(axis=1)
        value += strength * (length * np.abs(slope)).sum() * (grid - 0.3) ** 2

        least = least_distant(start, slope, length, 0.3, strength)

        assert_allclose(least, grid[np.argmin(value)], atol=2.5e-4)


def test_two_peaks_become_one_between_them() -> None:
    """Half way from the lowest of three options to uniform: thirds at 0, 1/4 and 1/2."""
    predicted = moved_to_uniform(design([[1.0, 0, 0]]), weight=0.5)

    assert_allclose(predicted, [[1 / 2, 1 / 2, 0]])


def test_a_barycentre_at_the_ends_is_one_of_both() -> None:
    """Weight 0 leaves the prediction, weight 1 the target."""
    X, _ = random_design(40, seed=5)

    assert_allclose(moved_to_uniform(X, 0), X.predicted, atol=1e-12)
    assert_allclose(moved_to_uniform(X, 1), uniform(X), atol=1e-12)


def test_a_barycentre_averages_quantiles() -> None:
    """Its mean is that of the averaged quantile functions, taken at many places."""
    X, _ = random_design(30, seed=6)
    places = (np.arange(20000) + 0.5) / 20000
    quantiles = [
        np.array(
            [
                np.nan_to_num(x)[np.searchsorted(np.cumsum(p), places).clip(max=k - 1)]
                for x, p, k in zip(X.ordinals, shares, X.n_options, strict=True)
            ]
        )
        for shares in (X.predicted, uniform(X))
    ]
    averaged = 0.7 * quantiles[0] + 0.3 * quantiles[1]
    # What lies between two neighbours goes to each in proportion to its nearness.
    nearness = 1 - np.abs(averaged[:, :, None] - X.ordinals[:, None]) * (
        X.n_options[:, None, None] - 1
    )
    expected = np.nan_to_num(np.maximum(nearness, 0)).mean(axis=1)

    assert_allclose(moved_to_uniform(X, 0.3), expected, atol=2e-4)


def test_a_barycentre_lies_on_the_way() -> None:
    """On six options a weight of .4 moves two of the five steps from end to end."""
    X = design([[1.0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 1.0]])
    y = X.predicted[[1, 1]]
    model = Barycentre("train_mean", weight=0.4).fit(X, y)
    model.means_[6] = y[0]

    predicted = model.predict(X)

    assert_allclose(predicted, [[0, 0, 1, 0, 0, 0], [0, 0, 0, 0, 0, 1]], atol=1e-12)
    assert_allclose(wasserstein(predicted, X.predicted, X.ordinals), [0.4, 0], atol=1e-12)


def test_a_barycentre_follows_positions_not_the_list() -> None:
    """Options in another order give the same distribution in that order."""
    shares = np.random.default_rng(7).dirichlet(np.ones(4), 20)
    X = replace(design(shares.tolist()), ordinals=np.tile([0, 0.2, 0.5, 1], (20, 1)))
    shuffle = [2, 0, 3, 1]
    other = replace(X, predicted=shares[:, shuffle], ordinals=X.ordinals[:, shuffle])

    assert_allclose(moved_to_uniform(other, 0.4), moved_to_uniform(X, 0.4)[:, shuffle])


def test_tied_options_share_as_in_the_mixture() -> None:
    """Half of all is moved to the position of two options, .6 and .2 of the mixture's .8."""
    X = replace(design([[0.0, 1.0, 0.0]]), ordinals=np.array([[0.0, 1.0, 1.0]]))

    predicted = moved_to_uniform(X, 0.6)

    # Two thirds of the target are at 1 as is the prediction, one third at 0: it meets at 0.4.
    mixture = np.array([0.2, 0.6, 0.2])
    at_one = 2 / 3 + 0.4 / 3
    assert_allclose(predicted, [[1 - at_one, *(at_one * mixture[1:] / 0.8)]])


def test_a_nominal_question_has_no_barycentre_but_the_mixture() -> None:
    """Without a scale there is no way along it, and total variation is learnt from."""
    X, y = random_design(20, seed=8)
    X = replace(X, ordinals=np.full_like(X.ordinals, np.nan))

    moved = Barycentre().fit(X, y)
    mixed = Shrinkage().fit(X, y)

    assert moved.weight_ == mixed.weight_
    assert_array_equal(moved.predict(X), mixed.predict(X))


def test_a_barycentre_learns_how_far_humans_are() -> None:
    """Humans that are moved by .5, on scales of 41 options where hardly anything is split."""
    rng = np.random.default_rng(9)
    shares = rng.dirichlet(np.full(41, 0.2), 60)
    X = design(shares.tolist())
    y = moved_to_uniform(X, 0.5)

    model = Barycentre("uniform").fit(X, y)

    assert_allclose(model.weight_, 0.5, atol=0.01)


@pytest.mark.parametrize("family", [Shrinkage, Barycentre])
@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"towards": "mean"}, "'towards' .* one of uniform, train_mean, group_mean. Got 'mean'"),
        ({"weight": 1.5}, r"'weight' .* a number in \[0, 1\]. Got 1.5"),
        ({"prior_weight": -0.1}, r"'prior_weight' .* \[0, 1\]. Got -0.1"),
        ({"prior_questions": 0}, "'prior_questions' .* > 0. Got 0"),
        ({"scope": "each"}, "'scope' .* Got 'each'"),
    ],
)
def test_wrong_settings_are_refused(
    family: type[Shrinkage], setting: dict[str, Any], message: str
) -> None:
    """Before any fit, by name and value."""
    with pytest.raises(ConfigError, match=message):
        family(**setting).check_params()


def test_a_survey_of_fewer_options_can_be_predicted() -> None:
    """What was learnt of four options has no place among two."""
    X, y = random_design(20, seed=10)
    X_test = replace(design([[0.9, 0.1]]), group=np.array([1]))

    predicted = Shrinkage("group_mean", weight=0.5).fit(X, y).predict(X_test)

    assert predicted.shape == (1, 2)
    assert_allclose(predicted.sum(), 1)
