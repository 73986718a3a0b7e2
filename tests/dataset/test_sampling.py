"""Samples drawn by strata and sampling units: how many people they are worth."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from distexp.dataset.files.microdata import NOT_ASKED, OFF_SCALE, tally
from distexp.dataset.files.sampling import SampleDesign, units
from distexp.errors import DatasetError
from distexp.types import BoolArray, Case, FloatArray, Group, IntArray, Question

QUESTION = Question(question_id="q", text="q?", options=("a", "b", "c"), ordinals=(1.0, 2.0, 3.0))
WOMEN = Group(attribute="sex", value="F", phrase="a woman")


def of_design(
    answers: IntArray, weight: FloatArray | None, mask: BoolArray, design: SampleDesign | None
) -> Case:
    """Return the case of one group."""
    ([case], _) = tally([QUESTION], {"q": answers}, {WOMEN: mask}, weight, 1, "drop", design)
    return case


def drawn(seed: int, n: int = 240, n_strata: int = 6) -> tuple[IntArray, ...]:
    """Return strata, units that answer alike, answers and a group that misses some units."""
    rng = np.random.default_rng(seed)
    stratum = rng.integers(0, n_strata, n)
    psu = rng.integers(0, 4, n)
    lean = rng.random((n_strata, 4))[stratum, psu]
    answer = np.clip((lean * 3 + rng.normal(0, 0.6, n)).astype(np.int64), 0, 2)
    group = (rng.random(n) < 0.4) & (psu != 3)
    return stratum, psu, answer, group.astype(np.int64)


def test_people_drawn_one_by_one_are_as_many_as_they_are() -> None:
    """Without strata, units and weights the effective number is the plain one."""
    answers = np.array([0, 0, 1, 2, 2, OFF_SCALE, NOT_ASKED])
    everyone = np.ones(7, dtype=bool)

    case = of_design(answers, None, everyone, SampleDesign.of(None, None, 5 + 2))

    # Outsiders are units with a sum of 0, so n - 1 becomes N - 1: 7/6 in place of 5/4.
    assert case.n_respondents == pytest.approx(5 * (5 / 4) / (7 / 6))
    case = of_design(answers[:5], None, everyone[:5], SampleDesign.of(None, None, 5))
    assert case.n_respondents == pytest.approx(5)
    assert case.design_effect == pytest.approx(1)
    assert case.people == 5


def test_units_of_one_mind_count_as_one_person() -> None:
    """Three units of four who all answer alike: sums of z are 4/12 of those of one person."""
    answers = np.repeat([0, 1, 2], 4)
    psu = np.repeat([0, 1, 2], 4)

    case = of_design(answers, None, np.ones(12, dtype=bool), SampleDesign.of(None, psu, 12))

    # V of a share: 3/2 ((1/3 · 2/3)² + 2 (1/3 · 1/3)²) = 1/9; p (1 − p) = 2/9; 12/11 · 2 = 24/11
    assert case.n_respondents == pytest.approx(24 / 11)
    assert case.design_effect == pytest.approx(5.5)


def test_strata_that_differ_tell_more() -> None:
    """Two strata, each of nearly one mind: the differences between them are no error."""
    answers, stratum = np.array([0, 0, 0, 1, 1, 1, 1, 0]), np.repeat([0, 1], 4)

    case = of_design(answers, None, np.ones(8, dtype=bool), SampleDesign.of(stratum, None, 8))

    # V of a share: 2 strata of 4/3 (3 (1/32)² + (3/32)²) = 1/32; p (1 − p) = 1/4; 8/7 · 8
    assert case.n_respondents == pytest.approx(64 / 7)


def test_a_unit_alone_in_its_stratum_is_compared_with_the_mean_of_all() -> None:
    """As R's survey with lonely.psu = "adjust": it adds the square of its sum."""
    answers, stratum = np.array([0, 1, 0]), np.array([0, 0, 1])
    design = SampleDesign.of(stratum, None, 3)

    case = of_design(answers, None, np.ones(3, dtype=bool), design)

    # z of the first option: 1/9, −2/9, 1/9. V = 2 (1/9² + 2/9² − (1/9)²/2) + 1/9² = 10/81; twice.
    assert design.n_lonely == 1
    assert case.n_respondents == pytest.approx(3 / 2 * (2 / 9) / (10 / 81))


def test_what_says_nothing_leaves_the_number_of_the_weights() -> None:
    """One person, or all of one mind: Kish's number, whatever the design."""
    everyone, weight = np.ones(3, dtype=bool), np.array([1.0, 2.0, 1.0])

    case = of_design(np.zeros(3, dtype=int), weight, everyone, SampleDesign.of(None, None, 3))

    assert case.n_respondents == pytest.approx(16 / 6)
    assert case.size == 4


def test_units_of_two_strata_are_two_though_they_bear_one_number() -> None:
    """Many files number the units of each stratum from 1."""
    design = SampleDesign.of(np.array([1, 1, 2, 2]), np.array([1, 2, 1, 2]), 4)

    assert design.psu.tolist() == [0, 1, 2, 3]
    assert design.stratum.tolist() == [0, 0, 1, 1]


@given(st.integers(0, 10_000))
def test_the_scale_of_weights_and_the_names_of_units_are_of_no_consequence(seed: int) -> None:
    """Ten times the weights, other numbers and another order of people say the same."""
    stratum, psu, answers, group = drawn(seed, n=60)
    weight = np.random.default_rng(seed).uniform(0.2, 3, 60)
    order = np.random.default_rng(seed + 1).permutation(60)
    first = of_design(answers, weight, group == 1, SampleDesign.of(stratum, psu, 60))

    again = of_design(
        answers[order], 10 * weight[order], group[order] == 1,
        SampleDesign.of(9 - stratum[order], 7 - psu[order], 60),
    )  # fmt: skip

    assert first.n_respondents == pytest.approx(again.n_respondents)


@pytest.mark.parametrize("seed", range(6))
def test_variances_are_those_of_a_survey_library(seed: int) -> None:
    """The trace of svy's Taylor variances of a group's shares, with a unit alone in a stratum."""
    svy = pytest.importorskip("svy", reason="the library is for this oracle only: pip install svy")
    stratum, psu, answers, group = drawn(seed)
    stratum[0], psu[0] = 99, 0
    weight = np.random.default_rng(seed).uniform(0.2, 3, len(answers))
    frame = pl.DataFrame(
        {"stratum": stratum, "psu": psu + 10 * stratum, "w": weight, "q": answers, "g": group}
    )
    design = svy.Design(stratum="stratum", psu="psu", wgt="w", singleton="center")
    found = svy.Sample(frame, design=design).estimation.prop("q", by="g")
    of_group = found.to_polars().filter(pl.col("g") == 1)

    case = of_design(answers, weight, group == 1, SampleDesign.of(stratum, psu, len(answers)))

    n, p = int(group.sum()), np.array(case.answers.probabilities)
    variance = n / (n - 1) * (p * (1 - p)).sum() / case.n_respondents
    assert_allclose(p, of_group["est"], rtol=1e-12)
    assert_allclose(variance, (of_group["se"] ** 2).sum(), rtol=1e-9)


def test_blank_units_are_refused_with_their_number(tmp_path: Path) -> None:
    """A respondent without a unit is of none."""
    table = pl.DataFrame({"v": ["1", "", None, "2"]})

    with pytest.raises(DatasetError, match=r"2 of 4 values in column 'v'.*names it as psu"):
        units("v", table, tmp_path / "f.csv", "psu")
    assert units("v", table[[0, 3, 0]], tmp_path / "f.csv", "psu").tolist() == [0, 1, 0]
