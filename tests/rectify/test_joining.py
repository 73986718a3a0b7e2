"""Pilot and prior joined: where the estimate lies, and what intervals hold."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.stats import beta

from distexp.rectify.allocation import allocated, left
from distexp.rectify.joining import SMOOTHING, alone, covered, credible, joined
from distexp.types import FloatArray

OPTIONS = st.integers(2, 6)


@st.composite
def cells(draw: st.DrawFn) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Draw a prior, counts and a weight; nobody asked, one option alone and halves among them."""
    k = draw(OPTIONS)
    shares = st.lists(st.floats(0, 1), min_size=k, max_size=k).filter(lambda one: sum(one) > 0.01)
    prior = np.array(draw(shares))
    counts = draw(st.lists(st.sampled_from([0, 0, 0.5, 1, 3, 40, 2000]), min_size=k, max_size=k))
    weight = draw(st.floats(0.1, 500))
    return (prior / prior.sum())[None], np.array([counts], dtype=float), np.array([weight])


@given(cell=cells())
def test_the_estimate_lies_between_prior_and_pilot_and_in_its_interval(
    cell: tuple[FloatArray, FloatArray, FloatArray],
) -> None:
    """Option by option; it is a distribution, and with nobody asked the prior itself."""
    prior, counts, weight = cell
    n, k = counts.sum(), np.array([float(prior.shape[1])])

    estimate = joined(prior, counts, weight)
    low, high = credible(prior, counts, weight, k, 0.9)

    assert estimate.sum() == pytest.approx(1)
    pilot = counts / n if n else prior
    assert (estimate >= np.minimum(prior, pilot) - 1e-12).all()
    assert (estimate <= np.maximum(prior, pilot) + 1e-12).all()
    assert (low >= 0).all()
    assert (low <= estimate).all()
    assert (estimate <= high).all()
    assert (high <= 1).all()


@given(cell=cells(), seed=st.integers(0, 1000))
def test_options_in_another_order_give_the_same(
    cell: tuple[FloatArray, FloatArray, FloatArray], seed: int
) -> None:
    """Estimates, credible intervals and those without a model go with their options."""
    prior, counts, weight = cell
    order = np.random.default_rng(seed).permutation(prior.shape[1])
    k = np.array([float(prior.shape[1])])

    for straight, turned in zip(
        (*credible(prior, counts, weight, k, 0.8), *alone(counts, 0.8)),
        (
            *credible(prior[:, order], counts[:, order], weight, k, 0.8),
            *alone(counts[:, order], 0.8),
        ),
        strict=True,
    ):
        assert_allclose(turned, straight[:, order], atol=1e-9)


def test_intervals_are_the_quantiles_of_the_marginal_beta_posterior() -> None:
    """Weight 10 and 6 answers: option 0 has 10 · 0.5 + 4 of 16, smoothed by 2 %."""
    prior, counts = np.array([[0.5, 0.3, 0.2]]), np.array([[4.0, 1.0, 1.0]])
    low, high = credible(prior, counts, np.array([10.0]), np.array([3.0]), 0.9)

    smooth = (1 - SMOOTHING) * prior[0] + SMOOTHING / 3
    posterior = beta(10 * smooth + counts[0], 16 - 10 * smooth - counts[0])
    assert_allclose(low[0], posterior.ppf(0.05))
    assert_allclose(high[0], posterior.ppf(0.95))


def test_what_nobody_chose_reaches_to_nothing_and_holds_as_much_of_the_posterior() -> None:
    """Where the pilot outweighs the prior: one tail instead of two, and mirrored at 1.

    With two options a prior of 10 people counts as 8.
    """
    prior, counts = np.array([[0.5, 0.5]]), np.array([[0.0, 30.0]])
    low, high = credible(prior, counts, np.array([10.0]), np.array([2.0]), 0.9)

    assert low[0, 0] == 0
    assert high[0, 0] == pytest.approx(beta(4, 34).ppf(0.9))
    assert high[0, 1] == 1
    assert low[0, 1] == pytest.approx(1 - high[0, 0])


def test_whether_a_share_is_covered_is_what_the_interval_says() -> None:
    """On a grid of shares, also where the interval has but one tail."""
    prior = np.repeat([[0.5, 0.3, 0.2]], 99, axis=0)
    counts = np.repeat([[0.0, 2.0, 18.0]], 99, axis=0)
    weight, k = np.full(99, 6.0), np.full(99, 3.0)
    shares = np.tile(np.linspace(0.005, 0.995, 99)[:, None], (1, 3))

    low, high = credible(prior, counts, weight, k, 0.8)
    (inside,) = covered(shares, prior, counts, weight, k, (0.8,))

    assert (inside == ((shares >= low) & (shares <= high))).all()
    assert inside.any()
    assert not inside.all()


def test_answers_alone_have_jeffreys_intervals() -> None:
    """3 of 10 is Beta(3.5, 7.5); none of 10 begins at 0; of nobody all is possible."""
    low, high = alone(np.array([[3.0, 7.0], [0.0, 10.0], [0.0, 0.0]]), 0.9)

    assert_allclose([low[0, 0], high[0, 0]], beta(3.5, 7.5).ppf([0.05, 0.95]))
    assert low[1, 0] == 0
    assert high[1, 1] == 1
    assert_allclose([low[2], high[2]], [[0, 0], [1, 1]])


@settings(max_examples=40)
@given(
    cells_=st.lists(
        st.tuples(st.sampled_from([0.0, 0.01, 0.1, 0.25]), st.floats(0.5, 60)),
        min_size=2, max_size=4,
    ),
    n=st.integers(1, 12),
)  # fmt: skip
def test_answers_are_dealt_so_that_no_other_way_leaves_less(
    cells_: list[tuple[float, float]], n: int
) -> None:
    """Against every way to deal them."""
    variance, worth = map(np.array, zip(*cells_, strict=True))
    dealt = allocated(variance, worth, n)

    def every(cells_left: int, n_left: int) -> list[tuple[int, ...]]:
        if cells_left == 1:
            return [(n_left,)]
        return [(i, *r) for i in range(n_left + 1) for r in every(cells_left - 1, n_left - i)]

    best = min(left(variance, worth, np.array(way)).sum() for way in every(len(variance), n))
    assert dealt.sum() == n
    assert (dealt >= 0).all()
    assert left(variance, worth, dealt).sum() == pytest.approx(best, rel=1e-9, abs=1e-15)


def test_equal_cells_share_alike_and_a_better_estimate_saves_people() -> None:
    """Numbers and worth together go with the standard deviation."""
    even = allocated(np.full(4, 0.2), np.full(4, 5.0), 102)
    saved = allocated(np.full(2, 0.25), np.array([10.0, 50.0]), 1000)

    assert even.tolist() == [26, 26, 25, 25]
    assert saved.sum() == 1000
    scale = np.sqrt(np.array([10 / 11, 50 / 51]))
    assert_allclose(
        (saved + np.array([10, 50])) / scale, np.full(2, 1060 / scale.sum()), rtol=0.002
    )
