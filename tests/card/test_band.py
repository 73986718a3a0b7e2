"""The band: half-widths by hand, and coverage where questions are exchangeable."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distexp.card.band import COVERAGES, KINDS, MIN_QUESTIONS, Band
from distexp.card.conformal import SCALES, angle, apart, half_width
from distexp.errors import ConfigError
from distexp.types import BoolArray, FloatArray, IntArray


def test_one_share_a_question_gives_the_textbook_quantile() -> None:
    """Split conformal: the ceil((n + 1) c)-th smallest of n residuals."""
    residuals = np.random.default_rng(0).random(57)

    for coverage in COVERAGES:
        rank = math.ceil(58 * coverage)
        assert half_width(residuals, np.arange(57), coverage) == np.sort(residuals)[rank - 1]


def test_questions_weigh_alike_however_many_cases_they_have() -> None:
    """Four questions of weight 1/5, one of them in a hundred cases: .7 is reached at its .3."""
    residuals = np.r_[np.full(100, 0.3), 0.1, 0.2, 0.9]
    question = np.r_[np.zeros(100, dtype=int), 1, 2, 3]

    assert half_width(residuals, question, 0.4) == 0.2
    assert half_width(residuals, question, 0.6) == 0.3
    assert half_width(residuals, question, 0.8) == 0.9


def test_few_questions_say_nothing() -> None:
    """Eight questions cannot vouch for 90 %: 8/9 is less, so the band is all there is."""
    residuals = np.full(9, 0.01)

    assert half_width(residuals[:8], np.arange(8), 0.9) == 1.0
    assert half_width(residuals, np.arange(9), 0.9) == 0.01


def simulated(rng: np.random.Generator, n_questions: int) -> tuple[FloatArray, IntArray, IntArray]:
    """Return residuals of exchangeable questions: some are hard, and hard ones have few cases."""
    hard = rng.random(n_questions) < 0.3
    n_cases = np.where(hard, 1, rng.integers(5, 12, n_questions))
    question = np.repeat(np.arange(n_questions), n_cases)
    scale = np.where(hard, 0.3, 0.05) * rng.random(n_questions)
    return np.abs(rng.normal(0, scale[question])).clip(max=1), question, n_cases


def test_a_share_of_a_new_question_is_covered_as_often_as_stated() -> None:
    """Drawn from the same population of questions, 0.9 of the time and at most 1/(n + 1) more."""
    rng = np.random.default_rng(0)
    covered, by_case = [], []
    for _ in range(1500):
        residuals, question, _ = simulated(rng, 31)
        known, new = question < 30, question == 30
        width = half_width(residuals[known], question[known], 0.9)
        covered.append((residuals[new] <= width).mean())
        by_case.append((residuals[new] <= np.quantile(residuals[known], 0.9)).mean())

    assert 0.9 - 0.015 < np.mean(covered) < 0.9 + 1 / 31 + 0.015
    assert np.mean(by_case) < 0.87  # counting cases instead of questions would promise too much


def fitted(n_by_size: dict[int, int]) -> tuple[Band, FloatArray, IntArray, IntArray, BoolArray]:
    """Return a band of questions of several sizes, with residuals around a tenth of the size."""
    sizes = np.concatenate([np.full(n, k) for k, n in n_by_size.items()])
    question = np.arange(len(sizes))
    rng = np.random.default_rng(1)
    residuals = sizes[:, None] / 10 + rng.normal(0, 0.01, (len(sizes), max(n_by_size)))
    tested = np.ones(len(sizes), dtype=bool)
    return Band.fitted(residuals, sizes, question, tested), residuals, sizes, question, tested


def test_sizes_with_enough_questions_have_half_widths_of_their_own() -> None:
    """Others take those of all questions together."""
    band, *_ = fitted({2: MIN_QUESTIONS, 5: MIN_QUESTIONS, 3: MIN_QUESTIONS - 1})

    assert set(band.by_size) == {2, 5}
    assert band.half_width(2) == pytest.approx(0.2, abs=0.04)
    assert band.half_width(5) == pytest.approx(0.5, abs=0.04)
    assert band.half_width(3) == band.half_width(4) == band.pooled.half_widths[2]
    assert band.half_width(2, 0.5) < band.half_width(2, 0.95)


def test_only_held_out_cases_and_options_that_exist_count() -> None:
    """The padding and cases never held out are as if they were not there."""
    band, residuals, sizes, question, tested = fitted({2: 30, 3: 5})
    residuals[sizes == 2, 2] = np.nan
    residuals[:4] = np.nan
    tested[:4] = False

    again = Band.fitted(residuals, sizes, question, tested)
    without = Band.fitted(residuals[4:], sizes[4:], question[4:], tested[4:])

    assert again == without
    assert again.by_size[2].n_questions == 26
    assert band.by_size[2].n_questions == 30


@given(st.data())
def test_bands_are_nested(data: st.DataObject) -> None:
    """More coverage is no narrower, all options no narrower than one, `auto` the wider of both."""
    n = data.draw(st.integers(2, 30))
    shares = st.floats(0, 1, allow_subnormal=False)
    residuals = np.array([data.draw(st.lists(shares, min_size=3, max_size=3)) for _ in range(n)])
    sizes = np.array([data.draw(st.integers(2, 3)) for _ in range(n)])
    battery = np.array([data.draw(st.integers(0, 3)) for _ in range(n)])
    question, tested = np.arange(n), np.ones(n, dtype=bool)

    band = Band.fitted(residuals, sizes, question, tested, (residuals / 2, battery))

    for k in (2, 3):
        for kind in KINDS:
            widths = [band.half_width(k, c, of=kind, topic="auto") for c in COVERAGES]
            assert widths == sorted(widths)
        for c in COVERAGES:
            same, new, auto = (band.half_width(k, c, topic=t) for t in ("same", "new", "auto"))
            assert auto == max(same, new)
            assert band.half_width(k, c, of="joint") >= same
    assert Band.read(json.loads(json.dumps(band.document()))) == band


def test_the_band_is_read_as_it_was_written() -> None:
    """Half-widths are angles up to a right one, one for each coverage."""
    band, *_ = fitted({2: 25, 3: 5})

    document = json.loads(json.dumps(band.document()))

    assert Band.read(document) == band
    for wrong in ([0.1], [0.1, 0.2, 0.3, 2.0], [0.1, 0.2, 0.3, float("nan")], "x"):
        with pytest.raises(ConfigError, match="half_widths must be"):
            Band.read(document | {"pooled": {"n_questions": 30, "half_widths": wrong}})


def test_the_joint_band_of_a_question_holds_its_groups_too() -> None:
    """Its residual is the worst of them: .2 and .6 of two questions of two groups each."""
    residuals = np.array([[0.1, 0.2], [0.2, 0.1], [0.3, 0.6], [0.1, 0.1]])
    band = Band.fitted(residuals, np.full(4, 2), np.array([0, 0, 1, 1]), np.ones(4, dtype=bool))

    assert band.half_width(2, 0.5, of="question") == 0.6
    assert band.half_width(2, 0.5, of="joint") == 0.2  # of cases .1, .2, .2, .6, a sixth each
    assert band.half_width(2, 0.8, of="question") == SCALES["angle"]


@given(st.floats(0, 1), st.floats(0, 1.6))
def test_ends_are_shares_on_both_sides(share: float, width: float) -> None:
    """Of either scale; a share that is as far as the band is wide lies at an end."""
    band, *_ = fitted({2: 25})

    for scale in SCALES:
        low, high = replace(band, scale=scale).around(share, width)

        assert 0 <= low <= share <= high <= 1
    inside = np.linspace(low := band.around(share, width)[0], band.around(share, width)[1], 5)
    assert (np.abs(angle(inside) - angle(np.array(share))) <= width + 1e-6).all()
    assert low >= 0


def test_a_band_is_wide_around_one_half_and_narrow_near_the_ends() -> None:
    """Cos 2(a ± w) with cos 2a = .8 and sin 2w = .2: .8 √.96 ∓ .6 · .2, p is half off 1."""
    band, *_ = fitted({2: 25})
    width = math.asin(0.2) / 2

    assert band.around(0.5, width) == pytest.approx((0.4, 0.6))
    assert band.around(0.1, width) == pytest.approx((0.048082, 0.168082), abs=1e-6)
    assert band.around(0.0, width) == pytest.approx((0.0, math.sin(width) ** 2))


def test_the_band_of_a_new_topic_is_the_wider_of_both_scales() -> None:
    """Two batteries off by .2 at .1: as an angle that is little at .5, and there .2 it stays."""
    human, said = np.array([[0.1, 0.9], [0.5, 0.5]]), np.array([[0.3, 0.7], [0.45, 0.55]])
    tested, battery = np.ones(2, dtype=bool), np.arange(2)
    residuals = apart(said, human)
    fitted = (np.full(2, 2), np.arange(2), tested, (residuals, battery))

    band = Band.fitted(residuals, *fitted, abs(said - human))
    angles_alone = Band.fitted(residuals, *fitted)

    assert band.least_reach(0.9, topic="same") == 0.0
    assert band.least_reach(0.9, topic="new") == pytest.approx(0.2)
    for share in (0.0, 0.05, 0.5, 0.97):
        half_width = band.half_width(2, topic="new")
        low, high = band.around(share, half_width, band.least_reach(0.9, topic="new"))
        by_angle = angles_alone.around(share, half_width)
        assert low == pytest.approx(min(by_angle[0], max(share - 0.2, 0)))
        assert high == pytest.approx(max(by_angle[1], min(share + 0.2, 1)))
    assert band.around(0.0, 0.1, 0.2)[1] == 0.2 > angles_alone.around(0.0, 0.1)[1]
    assert Band.read(json.loads(json.dumps(band.document()))) == band
