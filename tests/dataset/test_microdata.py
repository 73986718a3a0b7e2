"""Respondents become cases: weighted shares, effective numbers and crossed groups."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from distexp.dataset.files.microdata import (
    NOT_ASKED,
    OFF_SCALE,
    choose_groups,
    cross,
    factors,
    tally,
)
from distexp.errors import ConfigError, DatasetError
from distexp.types import BoolArray, Case, Group, IntArray, Question

ALL = Group(attribute="everyone", value="everyone", phrase="a person")
MEN = Group(attribute="sex", value="Male", phrase="a man")
WOMEN = Group(attribute="sex", value="Female", phrase="a woman")
YOUNG = Group(attribute="age", value="18-29", phrase="a person aged 18 to 29")


def question(question_id: str = "q", n_options: int = 3) -> Question:
    """Make a question on a scale."""
    options = tuple("abcdefghij"[:n_options])
    ordinals = tuple(map(float, range(n_options)))
    return Question(question_id=question_id, text="?", options=options, ordinals=ordinals)


def everyone(n: int) -> dict[Group, BoolArray]:
    """Put all respondents in one group."""
    return {ALL: np.ones(n, dtype=np.bool_)}


def one_case(answers: list[int], weights: list[float] | None) -> Case:
    """Tally one question for all respondents."""
    w = None if weights is None else np.array(weights)
    found = np.array(answers)
    [case], _ = tally([question()], {"q": found}, everyone(len(found)), w, 1)
    return case


def test_shares_are_sums_of_weights_over_the_substantive_answers() -> None:
    """Weights 1, 2, 1 on options a, a, c: shares 3/4, 0, 1/4, whatever the refusals weigh."""
    case = one_case([0, 0, 2, OFF_SCALE, NOT_ASKED], [1, 2, 1, 5, 9])

    assert_allclose(case.answers.probabilities, [3 / 4, 0, 1 / 4])


def test_the_number_of_respondents_is_kish_effective_number() -> None:
    """(1 + 2 + 1)² / (1 + 4 + 1) = 8/3 of 3 answers: design effect 9/8."""
    case = one_case([0, 0, 2, OFF_SCALE, NOT_ASKED], [1, 2, 1, 5, 9])

    assert case.n_respondents == pytest.approx(8 / 3)
    assert case.design_effect == pytest.approx(9 / 8)


def test_off_scale_is_the_weighted_share_of_all_who_were_asked() -> None:
    """Weight 5 of 1 + 2 + 1 + 5; who was not asked does not count."""
    case = one_case([0, 0, 2, OFF_SCALE, NOT_ASKED], [1, 2, 1, 5, 9])

    assert case.off_scale == pytest.approx(5 / 9)


def test_without_weights_respondents_are_counted() -> None:
    """Counts 2, 0, 1 of three answers and one refusal."""
    case = one_case([0, 0, 2, OFF_SCALE, NOT_ASKED], None)

    assert_allclose(case.answers.probabilities, [2 / 3, 0, 1 / 3])
    assert (case.n_respondents, case.design_effect, case.off_scale) == (3.0, 1.0, 0.25)


def test_equal_weights_say_the_same_as_none() -> None:
    """The scale of the weights is of no consequence."""
    answers = [0, 1, 1, 2, OFF_SCALE]

    counted, weighted = one_case(answers, None), one_case(answers, [0.25] * 5)

    assert_allclose(weighted.answers.probabilities, counted.answers.probabilities)
    assert weighted.n_respondents == pytest.approx(counted.n_respondents)
    assert weighted.design_effect == pytest.approx(1)
    assert weighted.off_scale == pytest.approx(counted.off_scale)


def test_respondents_of_zero_weight_count_nowhere() -> None:
    """They are in the file but not in the sample."""
    assert one_case([0, 1, 2, OFF_SCALE], [1, 1, 0, 0]) == one_case([0, 1], [1, 1])


def test_small_cells_are_dropped_by_plain_number_and_counted() -> None:
    """Three women answered, though their effective number is under 3; two men are too few."""
    women = np.array([True, True, True, False, False])
    groups = {WOMEN: women, MEN: ~women}
    answers = {"q": np.array([0, 1, 2, 0, 1])}
    weights = np.array([10.0, 1, 1, 1, 1])

    cases, n_dropped = tally([question()], answers, groups, weights, 3)

    assert [case.group for case in cases] == [WOMEN]
    assert (cases[0].n_respondents or 0) < 3
    assert n_dropped == 1


def test_a_group_without_members_is_dropped_whatever_the_floor() -> None:
    """An empty cell has no distribution."""
    groups = {ALL: np.zeros(2, dtype=np.bool_)}

    assert tally([question()], {"q": np.array([0, 1])}, groups, None, 0) == ([], 1)


def test_cases_come_by_question_and_then_by_group() -> None:
    """In the orders that were given."""
    questions = [question("b"), question("a")]
    answers = {name: np.array([0, 1]) for name in "ab"}
    groups = {group: np.array([True, True]) for group in (WOMEN, MEN)}

    cases, _ = tally(questions, answers, groups, None, 1)

    order = [(case.question.question_id, case.group.value) for case in cases]
    assert order == [("b", "Female"), ("b", "Male"), ("a", "Female"), ("a", "Male")]


def test_each_question_may_have_its_own_weights() -> None:
    """Waves of a panel are weighted each by itself."""
    answers = {"a": np.array([0, 1]), "b": np.array([0, 1])}
    weights = {"a": np.array([1.0, 3.0]), "b": np.array([3.0, 1.0])}

    cases, _ = tally([question("a", 2), question("b", 2)], answers, everyone(2), weights, 1)

    assert [case.answers.probabilities for case in cases] == [(0.25, 0.75), (0.75, 0.25)]


def test_it_agrees_with_a_loop_over_respondents() -> None:
    """Random answers, groups and weights, counted one by one."""
    rng = np.random.default_rng(3)
    answers = {name: rng.integers(-2, 3, 400) for name in "ab"}
    groups = {group: rng.random(400) < 0.4 for group in (WOMEN, MEN, YOUNG)}
    weights = rng.gamma(2, size=400)

    cases, n_dropped = tally([question("a"), question("b")], answers, groups, weights, 1)

    assert (len(cases), n_dropped) == (6, 0)
    for case in cases:
        sums, squares, off = [0.0, 0.0, 0.0], 0.0, 0.0
        members = groups[case.group]
        for answer, member, w in zip(
            answers[case.question.question_id], members, weights, strict=True
        ):
            if member and answer >= 0:
                sums[answer] += w
                squares += w * w
            elif member and answer == OFF_SCALE:
                off += w
        assert_allclose(case.answers.probabilities, np.array(sums) / sum(sums))
        assert case.n_respondents == pytest.approx(sum(sums) ** 2 / squares)
        assert case.off_scale == pytest.approx(off / (off + sum(sums)))


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        pytest.param(
            [1, -2, -0.5], "2 of 3 values in .* are negative.* first is -2", id="negative"
        ),
        pytest.param([1, 1, np.nan], "1 of 3 values in .* missing.* first is nan", id="missing"),
        pytest.param([1, np.inf, 1], "infinite", id="infinite"),
        pytest.param([0, 0, 0], "All 3 values in .* are zero", id="zero"),
    ],
)
def test_weights_that_cannot_be_are_refused(weights: list[float], message: str) -> None:
    """The error says how many there are and of which question."""
    with pytest.raises(DatasetError, match=message) as raised:
        one_case([0, 1, 2], weights)

    assert "question 'q'" in str(raised.value)


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        pytest.param(np.array([], dtype=np.int64), "No respondents are left", id="nobody"),
        pytest.param(np.array([0, 3]), "is option 3: there is none", id="no-such-option"),
    ],
)
def test_answers_that_cannot_be_are_refused(answers: IntArray, message: str) -> None:
    """Each names the question."""
    with pytest.raises(DatasetError, match=message):
        tally([question()], {"q": answers}, everyone(len(answers)), None, 1)


def test_a_question_comes_once() -> None:
    """Two questions of one id would be one row in every table."""
    with pytest.raises(DatasetError, match="'q' comes twice"):
        tally([question(), question()], {"q": np.array([0])}, everyone(1), None, 1)


def test_crossed_groups_hold_who_is_in_both() -> None:
    """Attribute, value and phrase are joined."""
    groups = {MEN: np.array([True, True, False]), WOMEN: np.array([False, False, True])}

    crossed = cross(groups, {YOUNG: np.array([True, False, True])})

    men, women = crossed
    assert (men.attribute, men.value) == ("sex × age", "Male × 18-29")
    assert men.phrase == "a man and a person aged 18 to 29"
    assert crossed[men].tolist() == [True, False, False]
    assert crossed[women].tolist() == [False, False, True]


@pytest.mark.parametrize("name", ["sex × age", "sex x age", " sex  x age "])
def test_a_crossing_is_asked_for_by_name(name: str) -> None:
    """With the sign or with the letter."""
    known = {"sex": {MEN: np.array([True])}, "age": {YOUNG: np.array([True])}}

    chosen = choose_groups("Table", ["age", name], known)

    assert [group.attribute for group in chosen] == ["age", "sex × age"]


def test_the_letter_x_in_a_name_is_no_crossing() -> None:
    """Only one that stands alone is."""
    assert factors("Table", ["sex", "max x"], ["sex", "max x"]) == [("sex",), ("max x",)]


def test_everyone_comes_only_when_named() -> None:
    """The default is every attribute by itself."""
    assert factors("Table", None, ["everyone", "sex"]) == [("sex",)]
    assert factors("Table", ["everyone"], ["everyone", "sex"]) == [("everyone",)]


@pytest.mark.parametrize("name", ["sexx", "sex × party"])
def test_an_unknown_attribute_is_refused_with_the_known_ones(name: str) -> None:
    """Whether it stands alone or in a crossing."""
    with pytest.raises(ConfigError, match="list out of sex, age, or crossings") as raised:
        factors("Table", [name], ["sex", "age"])

    assert f"Got ['{name}'] instead" in str(raised.value)
