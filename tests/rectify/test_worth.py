"""What estimates are worth in respondents: by hand, in made worlds, and what nothing hangs on."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from distexp.rectify.simulation import SIZES, simulated
from distexp.rectify.worth import (
    DOUBT,
    Deviations,
    by_question,
    by_size,
    deviations,
    with_interval,
    without_each,
    worth,
)
from distexp.types import FloatArray, IntArray

COVERAGES = (0.5, 0.9)


def world(
    n_questions: int, quality: float, *, k: int = 4, n_groups: int = 3, nominal: bool = False
) -> tuple[FloatArray, FloatArray, FloatArray, IntArray]:
    """Return estimates of a quality from 0 to 1, the truth, positions and questions."""
    rng = np.random.default_rng(int(1000 * quality) + n_questions)
    human = rng.dirichlet(np.ones(k), n_questions * n_groups)
    noise = rng.dirichlet(np.ones(k), n_questions * n_groups)
    ordinals = np.tile(np.full(k, np.nan) if nominal else np.linspace(0, 1, k), (len(human), 1))
    question = np.repeat(np.arange(n_questions), n_groups)
    return quality * human + (1 - quality) * noise, human, ordinals, question


def test_worth_is_the_prior_weight_that_loses_least_whatever_the_size_of_the_pilot() -> None:
    """Searched for by brute force on the expected squared error of the cumulative shares."""
    predicted, human, ordinals, question = world(400, 0.6)
    of = by_question(deviations(predicted, human, ordinals), question)
    weights = np.linspace(0.5, 60, 4000)[:, None]

    for n in (3, 30):
        expected = (weights**2 * of.error + n * of.variance) / (weights + n) ** 2
        best = weights[expected.sum(axis=1).argmin(), 0]

        assert worth(of) == pytest.approx(best, rel=0.02)


def test_variance_and_error_of_a_scale_are_those_of_cumulative_shares() -> None:
    """Three options at 0, 0.25 and 1: below them .2 and .7 of people, estimated .5 and .7."""
    human, predicted = np.array([[0.2, 0.5, 0.3]]), np.array([[0.5, 0.2, 0.3]])
    order = [2, 0, 1]
    places = np.array([[0, 0.25, 1]])

    of = deviations(predicted, human, places)
    shuffled = deviations(predicted[:, order], human[:, order], places[:, order])
    nominal = deviations(predicted, human, np.full((1, 3), np.nan))

    assert_allclose(of, [[0.25 * 0.16 + 0.75 * 0.21], [0.25 * 0.09]])
    assert_allclose(shuffled, of)
    assert_allclose(nominal, [[1 - 0.04 - 0.25 - 0.09], [0.09 + 0.09]])


def test_few_questions_promise_little_however_right_they_are() -> None:
    """A perfect model is worth 4 people after one question, and more with each that follows."""
    right = [worth(Deviations(np.full(n, 0.2), np.zeros(n))) for n in (1, 10, 100)]

    assert_allclose(right, [2 * DOUBT, 11 * DOUBT, 101 * DOUBT])


def test_no_variance_at_all_is_worth_next_to_nothing() -> None:
    """Where everybody answers alike an estimate off the mark must not be believed."""
    assert worth(Deviations(np.zeros(5), np.full(5, 0.3))) == pytest.approx(0.1)
    assert without_each(Deviations(np.zeros(1), np.zeros(1))) == pytest.approx(DOUBT)


def test_the_worth_without_a_question_is_that_of_all_the_others() -> None:
    """For each of them, as if it had not been there."""
    predicted, human, ordinals, question = world(9, 0.5)
    of = by_question(deviations(predicted, human, ordinals), question)

    by_hand = [worth(Deviations(*(np.delete(v, q) for v in of))) for q in range(9)]

    assert_allclose(without_each(of), by_hand)


def test_what_a_model_adds_is_told_from_nothing_only_where_it_is_there() -> None:
    """The interval of the difference is above 0 for a good model and holds 0 for a twin."""
    predicted, human, ordinals, question = world(80, 0.8)
    other = world(80, 0.4)[0]
    good, poor = (
        by_question(deviations(shares, human, ordinals), question) for shares in (predicted, other)
    )

    assert with_interval(good, poor).low > 0
    assert with_interval(poor, good).high < 0
    assert with_interval(good, good) == (0, 0, 0)


@pytest.mark.parametrize("n_questions", [2, 4, 12])
def test_of_two_equally_good_estimates_few_are_said_to_be_worth_more(n_questions: int) -> None:
    """Of 1000 pairs 7 to 9 %; resampled questions told half of them apart by two questions."""
    rng = np.random.default_rng(n_questions)
    variance = rng.uniform(0.1, 0.3, (1000, n_questions))
    errors = variance[:, None] / 10 * rng.gamma(1.5, 1 / 1.5, (1000, 2, n_questions))

    told = [
        with_interval(*(Deviations(v, error) for error in pair))
        for v, pair in zip(variance, errors, strict=True)
    ]

    assert np.mean([one.low > 0 or one.high < 0 for one in told]) < 0.09


def test_one_question_says_nothing_of_how_sure_it_is() -> None:
    """Its interval goes as far as any."""
    once = Deviations(np.array([0.2]), np.array([0.01]))

    assert with_interval(once).low < 0.1
    assert with_interval(once).high > 1000


@settings(max_examples=30)
@given(seed=st.integers(0, 10**6))
def test_nothing_hangs_on_the_order_of_questions_or_of_options_without_one(seed: int) -> None:
    """Rows permuted anyhow, and options of nominal questions, give the same worth."""
    rng = np.random.default_rng(seed)
    predicted, human, ordinals, question = world(6, 0.5, nominal=True)
    rows, options = rng.permutation(len(human)), rng.permutation(4)

    plain = worth(by_question(deviations(predicted, human, ordinals), question))
    shuffled = worth(
        by_question(
            deviations(
                predicted[rows][:, options], human[rows][:, options], ordinals[rows][:, options]
            ),
            question[rows],
        )
    )

    assert shuffled == pytest.approx(plain, rel=1e-9)


@pytest.mark.parametrize("differ", [True, False])
def test_groups_have_a_worth_of_their_own_where_it_pays(differ: bool) -> None:
    """Small groups estimated badly and large ones well; or all alike, where nothing is gained."""
    good, human, ordinals, question = world(60, 0.9)
    bad = world(60, 0.2)[0]
    group = np.tile(np.arange(3), 60)
    predicted = np.where((group == 0)[:, None] & differ, bad, good)
    of = deviations(predicted, human, ordinals)

    found, without = by_size(of, question, group, np.array([20.0, 200, 2000])[group])

    assert bool(found) is differ
    if differ:
        assert found[0] < found[1] / 2
        assert without[group == 0].max() < without[group == 1].min()
    else:
        assert_allclose(without, without_each(by_question(of, question))[question])


def test_sizes_that_are_not_known_tell_no_groups_apart() -> None:
    """Nor do two groups, or two questions."""
    predicted, human, ordinals, question = world(30, 0.5)
    of = deviations(predicted, human, ordinals)
    group = np.tile(np.arange(3), 30)

    assert by_size(of, question, group, np.full(90, np.nan))[0] == {}
    assert by_size(of, question, group % 2, np.full(90, 9.0))[0] == {}
    for n in (1, 2):
        few = question < n
        part = Deviations(*(values[few] for values in of))
        assert by_size(part, question[few], group[few], np.full(few.sum(), 9.0))[0] == {}


@pytest.mark.parametrize("k", [2, 5])
@pytest.mark.parametrize("quality", [0.0, 0.7, 1.0])
@pytest.mark.parametrize("nominal", [False, True])
def test_a_pilot_joined_with_any_model_is_no_worse_than_alone(
    k: int, quality: float, nominal: bool
) -> None:
    """Useless, good or perfect: less error at 5, none lost at 1000, nine of ten shares held."""
    predicted, human, ordinals, question = world(60, quality, k=k, nominal=nominal)
    mean = np.tile(human.mean(axis=0), (len(human), 1))
    weights = tuple(
        without_each(by_question(deviations(one, human, ordinals), question))[question]
        for one in (predicted, mean)
    )

    of_size = {
        one.n: one
        for one in simulated(
            predicted, mean, human, ordinals, np.full(len(human), k), question,
            (weights[0], weights[1]), COVERAGES,
        )
    }  # fmt: skip

    assert of_size[5].error < of_size[5].error_alone
    for n in SIZES[1:]:
        assert of_size[n].error < of_size[n].error_alone * 1.02
        assert of_size[n].covered[1] > 0.86
        assert of_size[n].width[1] < of_size[n].width_alone[1] * 1.03
    assert of_size[1000].covered[1] < 0.94


def test_the_simulation_is_seeded() -> None:
    """Equal seeds give equal numbers, others differ; widths shrink with the number asked."""
    predicted, human, ordinals, question = world(20, 0.7)
    settings_ = (predicted, human, human, ordinals, np.full(len(human), 4), question)
    weights = np.full(len(human), 8.0), np.full(len(human), 3.0)

    first, again, other = (simulated(*settings_, weights, COVERAGES, seed) for seed in (1, 1, 2))

    assert repr(first) == repr(again) != repr(other)
    widths = [one.width[1] for one in first]
    assert widths == sorted(widths, reverse=True)
    assert [one.n for one in first] == list(SIZES)
