"""What is the same question, what is a battery, and that both are held out as a whole."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from distexp.calibrator.cumulative import CumulativeRegression
from distexp.calibrator.decomposed import Decomposed
from distexp.calibrator.fitting.left_out import LeavesOut
from distexp.calibrator.shrinkage import Shrinkage
from distexp.errors import ConfigError, DatasetError
from distexp.evaluation.bootstrap import Bootstrap
from distexp.evaluation.evaluation import Evaluation
from distexp.evaluation.layout import design_of
from distexp.evaluation.units import Units, clusters_of, proposed, together, twins
from distexp.report.topics import promises
from distexp.types import Case, Distribution, Group, Question, Study
from tests.evaluation.test_leaks import GROUPS, asked, cases_of, honest, study

YES_NO = ("Yes", "No")
EVALUATION = Evaluation(n_splits=50, n_bootstrap=50, n_ceiling_draws=2, extras=False)


def question(
    text: str, name: str = "", options: Sequence[str] = YES_NO, **fields: Any
) -> Question:
    """Return a nominal question; its text is its id where no other is given."""
    return Question(
        question_id=name or text, text=text, options=tuple(options), ordinals=None, **fields
    )


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Is the economy good in 2018?", "Is the ECONOMY good, in 2020", True),
        ("Do you support the new programs?", "Would you support new program?", True),
        ("Should abortion be legal?", "Should abortion be illegal?", False),
        ("Should abortion be legal?", "Should abortion not be legal?", False),
        ("Too much or too little on welfare?", "Too much or too little on defence?", False),
        ("您对政府的工作满意吗", "您对政府的工作满意吗?", True),
        ("您对政府的工作满意吗", "您对法院的工作满意吗", False),
        ("Q12 3", "q12.3", False),  # a name, and no wording
        ("", "", False),
    ],
)
def test_questions_are_the_same_in_wording(one: str, other: str, *, same: bool) -> None:
    """Case, signs, years and the smallest words do not matter; any other word does."""
    found = twins([question(one, "a"), question(other, "b")])

    assert (found[0] == found[1]) == same


def test_other_options_make_another_question() -> None:
    """Whatever its order, a scale is the same; one stem with other statements is not."""
    stem = "Which statement is closest to your view?"
    first, turned, other = (
        question(stem, name, options)
        for name, options in [("a", ("x", "y")), ("b", ("Y.", "X.")), ("c", ("z", "w"))]
    )

    assert twins([first, turned, other]) == [0, 0, 2]


@given(st.lists(st.text(max_size=40), min_size=1, max_size=6), st.data())
def test_what_is_the_same_as_the_same_is_the_same(texts: list[str], data: st.DataObject) -> None:
    """Ids and wordings of any script: places come first, and order changes no partition."""
    questions = [question(text, f"q{number}") for number, text in enumerate(texts)]
    order = data.draw(st.permutations(range(len(texts))))

    found, other = twins(questions), twins([questions[place] for place in order])

    pairs = [(a, b) for a in range(len(texts)) for b in range(len(texts))]
    assert all(found[place] <= place for place in range(len(texts)))
    assert all((found[order[a]] == found[order[b]]) == (other[a] == other[b]) for a, b in pairs)


def test_batteries_are_proposed_by_stem_and_options() -> None:
    """Items of one stem are one; other options, another stem, and waves are not."""
    stem = "How much do you trust the following people:"
    trust = [question(f"{stem} {who}") for who in ("doctors", "nurses", "neighbours")]
    others = [
        question(f"{stem} journalists", options=("A lot", "Not at all")),
        question("Have you ever been to a museum of science?"),
        question("Is life in this country good in 2018?"),
        question("Is life in this country good in 2020?"),
    ]

    found = proposed([*trust, *others])

    assert set(found) == {one.question_id for one in trust}
    assert set(found.values()) == {"how much do you trust the following people"}


def test_each_battery_is_held_out_once_and_trains_no_twin() -> None:
    """A question of another battery that is the same in wording is not trained on either."""
    cases = list(cases_of(asked(2019), honest))
    twin = replace(cases[0].question, question_id="other", battery="roads")
    cases.append(replace(cases[0], question=twin))

    splits = Evaluation(hold_out="battery").splits(cases)

    batteries = np.array([case.question.battery for case in cases])
    assert [set(batteries[split.test]) for split in splits] == [
        {"parks"}, {"roads"}, {"schools"}, {"trains"},
    ]  # fmt: skip
    assert not splits[3].train[-1]
    assert not any((split.train & split.test).any() for split in splits)


def test_too_few_batteries_are_an_error_before_anything_is_asked(cases: list[Case]) -> None:
    """It says what to do."""
    with pytest.raises(DatasetError, match=r"at least 2 of them.*hold_out=question"):
        Evaluation(hold_out="battery").check(cases, {})


@pytest.mark.parametrize(
    "calibrator",
    [
        Shrinkage(towards="train_mean", weight=1.0),
        Shrinkage(towards="group_mean", weight=1.0),
        Decomposed(),
        CumulativeRegression(loss="squared", scope="pooled"),
    ],
)
def test_a_unit_is_left_out_as_by_a_fit_without_it(calibrator: LeavesOut) -> None:
    """What is said of a battery without it is what a fit to the others says of it."""
    cases = cases_of(asked(2019), honest)
    X, y, _ = design_of(study(cases, "now"))
    X = replace(X, unit=Units.by_battery(cases).inner)

    _, left_out = calibrator.fit_leave_out(X, y, np.ones((1, len(y))))

    for unit in np.unique(X.together):
        rows = X.together == unit
        alone = calibrator.fit_predict(X, y, (~rows).astype(float)[None])[0]
        # Slopes of `Decomposed` rest on bases that another battery less would move a little.
        atol = 0.03 if isinstance(calibrator, Decomposed) else 1e-9
        assert_allclose(left_out[0, rows], alone[rows], atol=atol)
    assert np.abs(left_out[0] - calibrator.fit_predict(X, y, np.ones((1, len(y))))[0]).max() > 1e-3


def of_topics() -> Study:
    """Return a model that knows nothing of humans whose answers depend on the topic."""
    return study(cases_of(asked(2019), honest), "now")


def test_both_promises_are_kept_apart() -> None:
    """By default the second evaluation stands beside the first, and moves none of its numbers."""
    calibrators = {"mean": Shrinkage(towards="train_mean", weight=1.0)}

    both = EVALUATION.run(of_topics(), calibrators)
    only = replace(EVALUATION, hold_out="question").run(of_topics(), calibrators)
    by_battery = replace(EVALUATION, hold_out="battery").run(of_topics(), calibrators)

    assert repr(both.scores) == repr(only.scores)
    assert only.new_topics is None
    assert both.new_topics is not None
    assert both.new_topics.batteries == ("parks", "roads", "schools", "trains")
    values = {(s.calibrator, s.metric): s.value for s in both.new_topics.scores}
    for score in by_battery.scores:
        if score.calibrator != "ceiling" and score.metric != "gap_closed":
            assert_array_equal(values[score.calibrator, score.metric], score.value)
    said = promises(both)
    assert said is not None
    assert said.index("For questions like these, mean") < said.index("For a new topic it")
    assert "4 batteries" in said


@pytest.mark.parametrize(
    ("batteries", "whole"),
    [
        ("aabbccdd", True),
        ("aaabbbccc", False),  # three
        ("aaaaaaaaaabcde", False),  # one of them is nearly all: 1.9 of like size
        ("abcdefgh", True),
    ],
)
@pytest.mark.parametrize("named", [True, False])
def test_intervals_leave_out_whole_batteries_where_these_can_vouch(
    batteries: str, *, whole: bool, named: bool
) -> None:
    """With fewer than four of like size nobody can tell how they differ, named or proposed."""
    human = Distribution.normalized([1.0, 1.0])
    everyone = Group(attribute="a", value="b", phrase="c")
    cases = [
        Case(
            question=question(
                f"In {name} matters, what of item {number}?", battery=name if named else None
            ),
            group=everyone,
            human=human,
        )
        for number, name in enumerate(batteries)
    ]

    found = clusters_of(cases)

    if not whole or not (named or len(set(batteries)) < len(batteries)):
        assert found is None
    else:
        assert found is not None
        same = np.equal.outer(found, found)
        assert_array_equal(same, np.equal.outer([*batteries], [*batteries]))


@pytest.mark.parametrize("hold_out", ["question", "battery"])
@pytest.mark.parametrize("n_batteries", [6, 7])
def test_what_has_a_sign_is_counted_where_verdicts_are_possible(
    hold_out: str, n_batteries: int
) -> None:
    """Twenty-four questions of six batteries have 32 flips; twice 1 of 32 is more than .05."""
    human = Distribution.normalized([1.0, 2.0])
    everyone = Group(attribute="a", value="b", phrase="c")
    cases = [
        Case(question=question(f"{number}", battery=f"{number % n_batteries}"), group=everyone,
             human=human)
        for number in range(24)
    ]  # fmt: skip
    calibrators = {"mean": Shrinkage(towards="train_mean", weight=1.0)}

    said = Evaluation(hold_out=hold_out, n_splits=20).check(cases, calibrators)

    if n_batteries == 6:
        assert said is not None
        assert said.startswith("No verdict is possible with 6 batteries")
        assert "7 batteries" in said
    else:
        assert said is None


@pytest.mark.parametrize(("n_scaled", "said"), [(4, "4 questions:"), (2, "2 questions with a")])
def test_questions_without_a_scale_are_told_from_those_counted(n_scaled: int, said: str) -> None:
    """Who gave four questions and reads of two has to see which two are meant."""
    everyone = Group(attribute="a", value="b", phrase="c")
    cases = [
        Case(
            question=replace(
                question(f"{number}"), ordinals=(1.0, 2.0) if number < n_scaled else None
            ),
            group=everyone,
            human=Distribution.normalized([1.0, 2.0]),
        )
        for number in range(4)
    ]
    calibrators = {"mean": Shrinkage(towards="train_mean", weight=1.0)}

    told = Evaluation(n_splits=20).check(cases, calibrators)

    assert told is not None
    assert told.startswith(f"No verdict is possible with {said}")


@given(st.lists(st.integers(0, 4), min_size=1, max_size=12))
def test_what_is_one_cluster_is_redrawn_together(clusters: list[int]) -> None:
    """Each redraw has a battery as often as any other of its questions, and as many batteries."""
    cluster = np.array(clusters)

    times = Bootstrap(np.arange(len(cluster)), 20, 0, cluster).times

    assert_array_equal(times[0], 1)
    names, first = np.unique(cluster, return_index=True)
    assert_array_equal(times, times[:, first][:, np.searchsorted(names, cluster)])
    assert_array_equal(times[:, first].sum(axis=1), len(names))


@pytest.mark.parametrize("n_large", [1, 20])
def test_a_battery_that_is_nearly_all_gives_no_interval_for_new_topics(n_large: int) -> None:
    """Five batteries of which one has 20 of 24 questions tell as much as 1.4 of equal size."""
    batteries = [*"abcd", *("e" * n_large)]
    questions = [
        question(f"{number}", options="xyz", battery=name) for number, name in enumerate(batteries)
    ]
    cases = cases_of(questions, honest)
    calibrators = {"mean": Shrinkage(towards="train_mean", weight=1.0)}

    topics = EVALUATION.run(study(cases, "now"), calibrators).new_topics

    assert topics is not None
    (tv,) = [s for s in topics.scores if (s.calibrator, s.metric) == ("identity", "tv")]
    assert np.isnan(tv.low) == (n_large > 1)


def test_surveys_are_held_out_as_a_whole() -> None:
    """Each is predicted from the others, but for what they ask alike."""
    first, second = (
        study(cases_of(questions, honest), name)
        for name, questions in [
            ("first", asked(2019)),
            ("second", [*asked(2021, "again_")[:2], question("Is there a way?", options="xy")]),
        ]
    )
    (both,) = together([first, second])

    splits = Evaluation(hold_out="dataset").splits(both.cases)

    assert both.condition.dataset == "first+second"
    surveys = np.array([case.question.question_id.split(" › ")[0] for case in both.cases])
    assert [set(surveys[split.test]) for split in splits] == [{"first"}, {"second"}]
    assert splits[0].train.sum() == 2  # the one question of both groups that is asked there alone
    with pytest.raises(ConfigError, match="needs two surveys"):
        together([first])


def test_intervals_leave_out_each_question_without_a_battery_by_itself() -> None:
    """Batteries stay whole; what fits vary with is not one lump of all that is never tested."""
    questions = [
        question("Is rain good?", battery="weather"),
        question("Is snow good?", battery="weather"),
        question("Are taxes fair?", battery="money"),
        question("Should dogs vote?"),
        question("Should cats vote?"),
    ]
    even = Distribution.normalized([1.0, 1.0])

    units = Units.by_battery(cases_of(questions, lambda *_: even)[:: len(GROUPS)])

    assert units.tested.tolist() == [1, 1, 0, -1, -1]
    assert units.redrawn[:3].tolist() == [1, 1, 0]
    assert len(set(units.redrawn.tolist())) == 4
