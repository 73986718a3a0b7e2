"""Paired comparisons: differences, exact p-values, and as few false alarms as promised."""

from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from distexp.evaluation.comparison import Comparison, compare, holm, sign_flip_test
from distexp.evaluation.declared import families, least_p, pairs, too_few_signs
from distexp.evaluation.jackknife import Jackknife, detectable
from distexp.evaluation.measures import Measures
from distexp.metrics.distance import Scores
from distexp.metrics.names import DISTANCES, keys
from distexp.types import FloatArray, IntArray


def scores(distances: FloatArray) -> Scores:
    """Use the same distances for every metric."""
    return Scores(*[distances] * len(Scores._fields))


def all_compared(
    per_case: Mapping[str, Scores],
    question: IntArray,
    chosen: Sequence[tuple[str, str]],
    n_flips: int = 1000,
    references: Sequence[str] = (),
    leading: str | None = None,
    judged: IntArray | None = None,
) -> tuple[Comparison, ...]:
    """Compare pairs of methods that were not fitted, each question left out in turn."""
    questions = np.unique(question)
    return compare(
        {name: Measures(of) for name, of in per_case.items()},
        question,
        chosen,
        resampling=Jackknife(questions, np.arange(len(questions))),
        shifts={},
        references=references,
        leading=leading or chosen[0][0],
        judged=question if judged is None else judged,
        n_flips=n_flips,
        seed=0,
        confidence=0.95,
    )


def compared(
    one: FloatArray, other: FloatArray, question: IntArray, n_flips: int = 10_000
) -> Comparison:
    """Compare two methods by W1."""
    methods = {"one": scores(one), "other": scores(other)}
    return all_compared(methods, question, [("one", "other")], n_flips)[0]


@pytest.mark.parametrize(
    ("p", "adjusted"),
    [
        # In order .005 * 4, .01 * 3, .03 * 2 and .04 * 1, which may not fall: .06.
        pytest.param([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02], id="by-hand"),
        # The documented example of pingouin.multicomp, which statsmodels repeats.
        pytest.param(
            [0.50, 0.003, 0.32, 0.054, 0.0003], [0.64, 0.012, 0.64, 0.162, 0.0015], id="pingouin"
        ),
        pytest.param([0.6, np.nan, 0.9], [1.0, np.nan, 1.0], id="undefined-does-not-count"),
        pytest.param([], [], id="empty"),
    ],
)
def test_holm_multiplies_by_what_is_left_and_never_falls(
    p: list[float], adjusted: list[float]
) -> None:
    """The least of n p-values counts n times, the next n - 1 times."""
    assert_allclose(holm(np.array(p, dtype=np.float64)), adjusted, atol=1e-12)


def test_few_questions_are_flipped_in_every_way() -> None:
    """With 7 questions the p-value is the share of all 128 flips that are as large."""
    sums = np.random.default_rng(0).normal(0.3, 1, (3, 7))
    flips = np.array(list(product([1, -1], repeat=7)))

    p = sign_flip_test(sums, n_flips=100, seed=0)

    expected = [(abs(flips @ one) >= abs(one.sum()) - 1e-12).mean() for one in sums]
    assert_allclose(p, expected)


def test_many_questions_are_flipped_at_random_and_p_is_never_zero() -> None:
    """Drawn flips come close to all of them; the flip observed counts as one."""
    sums = np.random.default_rng(1).normal(0.4, 1, (2, 14))

    exact, drawn = (sign_flip_test(sums, n, seed=0) for n in (2**13, 2**13 - 1))

    assert_allclose(drawn, exact, atol=0.01)
    assert_array_equal(sign_flip_test(np.ones((1, 40)), 999, seed=0), [1 / 1000])


def test_difference_is_that_of_the_means_over_the_cases_of_both() -> None:
    """(.1 - .3 + .2 - .1) / 2 = -.05; a case that one of them lacks counts for neither."""
    one, other = np.array([0.1, 0.2, 0.9, np.nan]), np.array([0.3, 0.1, np.nan, np.nan])

    found = compared(one, other, np.array([0, 1, 2, 3]))

    assert found.difference == pytest.approx(-0.05)
    # Without the one .1, without the other -.2: a standard error of .15, and 12.7 times it.
    reach = 12.706205 * 0.15
    assert (found.low, found.high) == pytest.approx((-0.05 - reach, -0.05 + reach))
    # t of one third, with one degree of freedom: 1 - 2 atan(1 / 3) / pi.
    assert found.p == pytest.approx(1 - 2 * np.arctan(1 / 3) / np.pi)
    assert found.p_flips == found.p_holm == 1.0  # of |.1| and |.3| over 2, both flips are as large
    assert found.n_questions == 2


def test_pairing_finds_what_the_intervals_of_each_method_hide() -> None:
    """A gain of .01 on every question is certain, though distances vary by ten times as much."""
    rng = np.random.default_rng(0)
    raw = rng.uniform(0, 0.4, 60)

    found = compared(raw - 0.01 + rng.normal(0, 0.005, 60), raw, np.arange(60))

    assert found.high < 0
    assert max(found.p, found.p_flips) < 0.001


def test_what_is_judged_as_a_whole_has_one_sign() -> None:
    """Six questions of three batteries favour one: 2 of 8 flips are as large, not 2 of 64."""
    methods = {"one": scores(np.full(6, 0.1)), "other": scores(np.full(6, 0.3))}
    of = [("one", "other")]

    (whole, *_), (alone, *_) = (
        all_compared(methods, np.arange(6), of, judged=judged)
        for judged in (np.array([4, 4, 4, 7, 7, 9]), np.arange(6))
    )

    assert (whole.p_flips, alone.p_flips) == (2 / 8, 2 / 64)
    assert whole.n_questions == 6


def test_swapping_the_methods_turns_the_difference_and_leaves_p() -> None:
    """The test has two sides."""
    one, other = np.random.default_rng(3).uniform(size=(2, 30))
    question = np.arange(30) // 2

    there, back = compared(one, other, question), compared(other, one, question)

    assert (there.difference, there.low) == pytest.approx((-back.difference, -back.high))
    assert (there.p, there.p_flips) == pytest.approx((back.p, back.p_flips))


def test_equal_methods_differ_by_nothing() -> None:
    """No difference is no evidence."""
    distances = np.linspace(0, 1, 40)

    found = compared(distances, distances, np.arange(40))

    assert (found.difference, found.p) == (0.0, 1.0)


def test_five_in_a_hundred_false_alarms_are_no_more_than_that() -> None:
    """Six groups of a question err together: by case twice as many are alarms, by question not."""
    rng = np.random.default_rng(0)
    question = np.repeat(np.arange(12), 6)
    p_question, p_case = [], []
    for _ in range(300):
        differences = rng.standard_t(5, 12)[question] + rng.normal(size=72)
        by_question = np.bincount(question, differences)
        p_question.append(sign_flip_test(by_question[None].astype(float), 2**11, seed=0)[0])
        p_case.append(sign_flip_test(differences[None], 300, seed=0)[0])

    # 300 exact tests give 15 alarms, more than 26 once in 500 times.
    assert 5 <= (np.array(p_question) <= 0.05).sum() <= 26
    assert (np.array(p_case) <= 0.05).sum() > 60


def drawn(names: Sequence[str], n: int = 20) -> dict[str, Scores]:
    """Return random distances for methods, the same for a name whatever the others are."""
    return {
        name: Scores(
            *np.random.default_rng(list(name.encode())).uniform(size=(len(Scores._fields), n))
        )
        for name in names
    }


REFERENCES = ("identity", "train_mean")


def test_primary_are_the_two_comparisons_of_the_leading_calibrator() -> None:
    """Holm adjusts the larger of both p-values for these two of a metric, and no other."""
    found = all_compared(
        drawn(["mine", "other", *REFERENCES]),
        np.arange(20),
        pairs(["mine", "other"], REFERENCES),
        references=REFERENCES,
    )

    for metric in keys(DISTANCES):
        family = [one for one in found if one.metric == metric and one.family == "primary"]
        assert [(one.method, one.other) for one in family] == [
            ("mine", "identity"), ("mine", "train_mean"),
        ]  # fmt: skip
        larger = [max(one.p, one.p_flips) for one in family]
        assert_allclose([one.p_holm for one in family], holm(np.array(larger)))


def test_one_more_calibrator_moves_no_number_of_another() -> None:
    """Neither p-values nor what they are adjusted to hang on what else is in the list."""
    few, many = (
        all_compared(
            drawn([*names, *REFERENCES]),
            np.arange(20),
            pairs(names, REFERENCES),
            references=REFERENCES,
        )
        for names in (["mine", "other"], ["mine", "other", "more", "yet_more"])
    )

    assert set(few) <= set(many)
    assert len(few) < len(many)


def test_pairs_of_calibrators_are_families_of_their_own() -> None:
    """So is what the raw prediction gains over the training mean."""
    chosen = pairs(["a", "b"], REFERENCES)

    named = dict(zip(chosen, families(chosen, REFERENCES), strict=True))

    assert named["a", "identity"] == named["a", "train_mean"] != named["b", "identity"]
    assert named["a", "b"] == ("a", "b")
    assert named["identity", "train_mean"] == ("identity", "train_mean")


@pytest.mark.parametrize(
    ("n_questions", "n_calibrators", "enough"),
    [
        pytest.param(5, 1, 7, id="1/16-twice"),  # 2 / 2 ** (n - 1) < .05 needs n = 7
        pytest.param(6, 1, 7, id="1/32-twice"),
        pytest.param(7, 1, None, id="1/64-twice"),
        pytest.param(5, 0, 6, id="1/16-once"),
        pytest.param(1, 3, 7, id="one-question"),
    ],
)
def test_too_few_signs_are_told_and_how_many_would_do(
    n_questions: int, n_calibrators: int, enough: int | None
) -> None:
    """The least p-value of n questions is 1 / 2 ** (n - 1), before it is adjusted."""
    said = too_few_signs(n_questions, 10_000, 0.95, n_calibrators)

    if enough is None:
        assert said is None
        assert 2 * least_p(n_questions, 10_000) < 0.05
    else:
        assert said is not None
        assert said.endswith(f"{enough} questions would do.")


def test_too_few_flips_are_told_too() -> None:
    """Thirty flips cannot give less than 1/31, however many questions there are."""
    said = too_few_signs(40, 30, 0.95, 1)

    assert said is not None
    assert said.endswith("Raise evaluation.n_flips.")


def test_detectable_difference_is_found_four_times_in_five() -> None:
    """Of 400 surveys of 20 questions with just that difference, about 320 find it."""
    rng = np.random.default_rng(4)
    error = 1 / np.sqrt(20)
    least = detectable(error, 19, 0.05)

    t = [
        stats.ttest_1samp(rng.normal(least, 1, 20), 0).pvalue  # an oracle that knows no jackknife
        for _ in range(400)
    ]

    assert 300 < (np.array(t) < 0.05).sum() < 340


def test_what_else_is_measured_moves_no_number_of_a_metric() -> None:
    """A distance more, or other values of one, leave the p-values of W1 as they are."""
    rng = np.random.default_rng(6)
    names = ("mine", "identity", "train_mean")
    w1 = {name: rng.uniform(size=30) for name in names}

    def rows_of_w1(others: FloatArray) -> list[Comparison]:
        found = all_compared(
            {name: scores(others)._replace(wasserstein=w1[name]) for name in names},
            np.arange(30) // 2,
            pairs(["mine"], REFERENCES),
            references=REFERENCES,
        )
        return [one for one in found if one.metric == "w1"]

    assert rows_of_w1(np.full(30, 0.5)) == rows_of_w1(rng.uniform(size=30))


def test_undefined_metric_has_no_p_value() -> None:
    """Nominal questions have no W1: nothing is compared, and other metrics are."""
    nothing, some = np.full(8, np.nan), np.linspace(0.1, 0.5, 8)

    found = all_compared(
        {
            "a": scores(some)._replace(wasserstein=nothing),
            "b": scores(some[::-1])._replace(wasserstein=nothing),
        },
        np.arange(8),
        [("a", "b")],
    )

    assert np.isnan([found[0].difference, found[0].p, found[0].p_holm]).all()
    assert found[0].n_questions == 0
    assert 0 < found[1].p_holm <= 1
