"""Scores are out of sample, paired, and equal to what one works out by hand."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Self

import numpy as np
import pytest
from numpy.testing import assert_allclose

from distexp.calibrator.baseline import TrainMean
from distexp.errors import ConfigError, DatasetError
from distexp.evaluation.evaluation import Evaluation, cross_fit, design_of
from distexp.evaluation.scores import Score
from distexp.evaluation.splits import question_splits
from distexp.types import (
    Case,
    Condition,
    Design,
    Distribution,
    Estimate,
    FloatArray,
    Group,
    Question,
    Reading,
    Study,
)

SMALL = Evaluation(n_splits=10, n_bootstrap=200, n_ceiling_draws=50)
UNIFORM = Distribution.normalized([1, 1, 1])


class Recorder:
    """A calibrator that predicts what it was given and remembers what it was shown."""

    scope = "pooled"

    def __init__(self) -> None:
        self.trained: list[set[int]] = []
        self.tested: list[set[int]] = []

    def check_params(self) -> None:
        """Need nothing."""

    def fit(self, X: Design, y: FloatArray, sample_weight: FloatArray | None = None) -> Self:
        """Remember the training questions."""
        self.trained.append(set(X.question.tolist()))
        return self

    def predict(self, X: Design) -> FloatArray:
        """Remember the test questions."""
        self.tested.append(set(X.question.tolist()))
        return X.predicted


def study(cases: Sequence[Case], predicted: Sequence[Distribution | None]) -> Study:
    """Put cases and estimates together; None stands for one that could not be read."""
    return Study(
        condition=Condition(dataset="d", model="m", elicitation="e", prompt="p"),
        cases=tuple(cases),
        estimates=tuple(
            Estimate(
                reading=None if p is None else Reading(distribution=p),
                n_replies=1,
                n_unreadable=int(p is None),
            )
            for p in predicted
        ),
    )


def by_name(scores: Sequence[Score]) -> dict[tuple[str, str], Score]:
    """Index scores by calibrator and metric."""
    return {(score.calibrator, score.metric): score for score in scores}


def test_no_question_is_trained_and_tested_in_one_split(cases: list[Case]) -> None:
    """All groups of a question are on one side."""
    recorder = Recorder()

    SMALL.run(study(cases, [UNIFORM] * len(cases)), {"recorder": recorder})

    for trained, tested in zip(recorder.trained, recorder.tested, strict=True):
        assert not trained & tested
        assert len(trained | tested) == 10
        assert len(tested) == 2


def test_calibrators_share_splits(cases: list[Case]) -> None:
    """Differences between calibrators are paired."""
    one, other = Recorder(), Recorder()

    SMALL.run(study(cases, [UNIFORM] * len(cases)), {"one": one, "other": other})

    assert one.tested == other.tested


def test_human_answers_of_test_questions_change_no_prediction(cases: list[Case]) -> None:
    """What is predicted for a held-out case does not depend on the held-out answers."""
    design, human, _ = design_of(study(cases, [UNIFORM] * len(cases)))
    (split,) = question_splits(design.question, 1, 0.2, 0)
    spoiled = human.copy()
    spoiled[split.test] = spoiled[split.test][:, ::-1]

    honest = cross_fit(TrainMean(), design, human, [split])
    other = cross_fit(TrainMean(), design, spoiled, [split])

    assert_allclose(honest[0][split.test], other[0][split.test], rtol=0, atol=0)
    assert np.isnan(honest[0][split.train]).all()


def test_scores_equal_those_worked_out_by_hand() -> None:
    """Two binary questions, one group: W1 of .1 and .3 have mean .2, alignment .8, TV .2."""
    group = Group(attribute="a", value="b", phrase="c")
    cases = [
        Case(
            question=Question(question_id=name, text="?", options=("y", "n"), ordinals=(1.0, 2.0)),
            group=group,
            human=Distribution.normalized([share, 1 - share]),
            n_respondents=50,
        )
        for name, share in (("q", 0.6), ("r", 0.2))
    ]
    half = Distribution.normalized([1, 1])
    evaluation = Evaluation(n_splits=2, test_size=0.5, n_bootstrap=500, n_ceiling_draws=10)

    scores = by_name(evaluation.run(study(cases, [half, half]), {}).scores)

    assert scores["identity", "w1"].value == pytest.approx(0.2)
    assert scores["identity", "alignment"].value == pytest.approx(0.8)
    assert scores["identity", "tv"].value == pytest.approx(0.2)
    # The standard error of log W1 is half of log .3 - log .1, which t of one degree of freedom
    # takes 12.7 times: down to .2 * 3 ** -6.35, and up beyond 1.
    low = 0.2 * 3 ** (-12.706205 / 2)
    assert scores["identity", "w1"].low == pytest.approx(low)
    assert scores["identity", "w1"].high == 1
    # The training mean of either split is the other question: |.6 - .2| = .4 both times.
    assert scores["train_mean", "w1"].value == pytest.approx(0.4)
    assert scores["train_mean", "w1_reduction"].value == pytest.approx((0.2 - 0.4) / 0.2)
    assert scores["train_mean", "alignment_gain"].value == pytest.approx((0.6 - 0.8) / 0.8)
    assert scores["uniform", "w1_skill"].value == pytest.approx((0.4 - 0.2) / 0.4)
    ceiling = scores["ceiling", "alignment"].value
    assert scores["uniform", "gap_closed"].value == pytest.approx(0, abs=1e-12)
    assert scores["train_mean", "gap_closed"].value == pytest.approx(-0.2 / (ceiling - 0.8))


def test_perfect_predictions_reach_the_whole_reduction(cases: list[Case]) -> None:
    """A calibrator that returns the human distributions has W1 0 and a reduction of 1."""
    _, human, _ = design_of(study(cases, [UNIFORM] * len(cases)))

    class Oracle(Recorder):
        def predict(self, X: Design) -> FloatArray:
            return human[
                [2 * question + group for question, group in zip(X.question, X.group, strict=True)]
            ]

    scores = by_name(SMALL.run(study(cases, [UNIFORM] * len(cases)), {"oracle": Oracle()}).scores)

    assert scores["oracle", "w1"].value == pytest.approx(0, abs=1e-15)
    assert scores["oracle", "w1_reduction"].value == pytest.approx(1)
    assert scores["oracle", "gap_closed"].value > 1  # the sample itself, which no predictor knows
    assert 0 < scores["ceiling", "w1"].value < scores["identity", "w1"].value


def test_interval_resamples_questions_and_not_cases(cases: list[Case]) -> None:
    """Copies of the same groups add cases but no information: the interval stays as wide."""
    copies = [
        Case(
            question=case.question,
            group=Group(attribute=f"copy {n}", value=case.group.value, phrase="x"),
            human=case.human,
            n_respondents=case.n_respondents,
        )
        for case in cases
        for n in range(5)
    ]

    once = by_name(SMALL.run(study(cases, [UNIFORM] * len(cases)), {}).scores)["identity", "w1"]
    often = by_name(SMALL.run(study(copies, [UNIFORM] * len(copies)), {}).scores)["identity", "w1"]

    assert (often.value, often.low, often.high) == pytest.approx((once.value, once.low, once.high))
    assert once.low < once.value < once.high
    assert (once.n_questions, once.n_groups, often.n_groups) == (10, 2, 10)


def test_nominal_questions_enter_tv_and_never_w1(cases: list[Case]) -> None:
    """Turning half of the questions nominal halves the questions behind W1 and not those of TV."""
    mixed = [
        case
        if index % 4 < 2
        else Case(
            question=Question(
                question_id=case.question.question_id,
                text="?",
                options=case.question.options,
                ordinals=None,
            ),
            group=case.group,
            human=case.human,
            n_respondents=case.n_respondents,
        )
        for index, case in enumerate(cases)
    ]

    scores = by_name(SMALL.run(study(mixed, [UNIFORM] * len(mixed)), {}).scores)

    assert scores["identity", "w1"].n_questions == 5
    assert scores["identity", "tv"].n_questions == 10


def test_same_seed_gives_the_same_scores_and_another_seed_others(cases: list[Case]) -> None:
    """Runs can be repeated to the last bit."""
    predicted = [Distribution.normalized([2, 1, 1])] * len(cases)

    first, second = (SMALL.run(study(cases, predicted), {}).scores for _ in range(2))
    third = Evaluation(n_splits=10, n_bootstrap=200, n_ceiling_draws=50, seed=1).run(
        study(cases, predicted), {}
    )

    assert repr(first) == repr(second)  # a number that is not defined equals none
    assert by_name(first)["ceiling", "tv"] != by_name(third.scores)["ceiling", "tv"]


def test_every_method_stands_beside_raw_baselines_and_ceiling(cases: list[Case]) -> None:
    """Nobody has to ask for the comparison."""
    scores = SMALL.run(study(cases, [UNIFORM] * len(cases)), {"mine": Recorder()}).scores

    names = [
        a.calibrator for a, b in pairwise([*scores, scores[0]]) if a.calibrator != b.calibrator
    ]
    assert names == ["identity", "mine", "uniform", "train_mean", "ceiling"]


def test_too_few_questions_are_refused(cases: list[Case]) -> None:
    """One question cannot be split."""
    with pytest.raises(DatasetError, match="The dataset holds 1: select more"):
        SMALL.splits(cases[:2])


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("n_splits", 0),
        ("n_splits", "many"),
        ("test_size", 1.5),
        ("test_size", 0),
        ("seed", -1),
        ("n_bootstrap", 0),
        ("n_ceiling_draws", 2.5),
        ("confidence", 1.0),
        ("n_flips", 0),
        ("extras", 1),
        ("weights", "size"),
        ("unreadable", "guess"),
    ],
)
def test_bad_setting_is_refused(setting: str, value: object) -> None:
    """The sentence names the parameter and what it got."""
    with pytest.raises(
        ConfigError, match=f"'{setting}' parameter of evaluation must be .*{value!r}"
    ):
        Evaluation(**{setting: value})  # type: ignore[arg-type]


def test_unreadable_estimates_are_left_out_of_training_and_test(cases: list[Case]) -> None:
    """A question whose estimates are all unreadable is on neither side, and the splits stay."""
    lost: list[Distribution | None] = [
        None if case.question.question_id == "Q3" else UNIFORM for case in cases
    ]
    recorder, reference = Recorder(), Recorder()

    result = SMALL.run(study(cases, lost), {"recorder": recorder})
    SMALL.run(study(cases, [UNIFORM] * len(cases)), {"recorder": reference})

    assert [t - {3} for t in reference.trained] == recorder.trained
    assert by_name(result.scores)["identity", "w1"].n_questions == 9
    assert np.isnan(result.calibrated["identity"][6:8]).all()


def test_unreadable_estimates_can_be_scored_as_uniform(cases: list[Case]) -> None:
    """The literature's convention gives the score of an even guess."""
    evaluation = Evaluation(n_splits=10, n_bootstrap=200, n_ceiling_draws=50, unreadable="uniform")
    lost: list[Distribution | None] = [None, *[UNIFORM] * (len(cases) - 1)]

    filled = evaluation.run(study(cases, lost), {})

    uniform = SMALL.run(study(cases, [UNIFORM] * len(cases)), {}).scores
    assert repr(filled.scores) == repr(uniform)  # a number that is not defined equals none


def test_nothing_readable_is_noted(cases: list[Case]) -> None:
    """There are no scores, and the note says how few could be read."""
    result = SMALL.run(study(cases, [None] * len(cases)), {})

    assert result.scores == ()
    assert result.note.startswith("Only 0 of 20 estimates could be read")


def test_ceiling_is_over_the_cases_that_were_tested(cases: list[Case]) -> None:
    """With one split, two of ten questions count, for the ceiling as for all methods."""
    one = replace(SMALL, n_splits=1, n_ceiling_draws=5)
    many = [replace(case, n_respondents=4) for case in cases]
    (split,) = one.splits(many)
    untested = [
        replace(case, n_respondents=10**6) if train else case
        for case, train in zip(many, split.train, strict=True)
    ]

    scores, same = (
        by_name(one.run(study(c, [UNIFORM] * len(c)), {}).scores) for c in (many, untested)
    )

    assert scores["ceiling", "w1"].n_questions == 2
    assert scores["ceiling", "w1"].value > 0.05
    assert same["ceiling", "w1"].value > 0.05


@pytest.mark.parametrize("name", ["ceiling", "identity", "uniform", "train_mean"])
def test_reserved_names_are_refused(cases: list[Case], name: str) -> None:
    """A calibrator must not hide behind the name of a baseline."""
    with pytest.raises(ConfigError, match=f"The name '{name}' stands for something else"):
        SMALL.check(cases, {name: Recorder()})


def test_calibrator_that_cannot_be_fitted_fails_in_the_check(cases: list[Case]) -> None:
    """Nobody pays for answers that the calibrator then cannot use."""

    class Broken(Recorder):
        def predict(self, X: Design) -> FloatArray:
            msg = "Expected n_neighbors <= n_samples_fit"
            raise ValueError(msg)

    with pytest.raises(ConfigError, match="Calibrator broken cannot be fitted to 16 cases: Expec"):
        SMALL.check(cases, {"broken": Broken()})


def test_ceiling_is_left_open_where_the_number_of_respondents_is_unknown(
    cases: list[Case],
) -> None:
    """Without n there is no sampling error to resample."""
    unknown = [replace(case, n_respondents=None) for case in cases]

    scores = by_name(SMALL.run(study(unknown, [UNIFORM] * len(cases)), {}).scores)

    assert np.isnan(scores["ceiling", "w1"].value)
    assert np.isnan(scores["train_mean", "gap_closed"].value)
    assert scores["train_mean", "w1"].value > 0


def test_questions_that_prompts_showed_are_never_tested(cases: list[Case]) -> None:
    """Their human answers are known to the model: they serve for training alone."""
    recorder = Recorder()
    few_shot = replace(study(cases, [UNIFORM] * len(cases)), shown=frozenset({"Q2", "Q7"}))

    SMALL.run(few_shot, {"recorder": recorder})

    assert all({2, 7} <= trained for trained in recorder.trained)
    assert not any({2, 7} & tested for tested in recorder.tested)


def test_fewer_training_questions_are_part_of_more(cases: list[Case]) -> None:
    """Curves over the number of examples add questions; test sets stay as they are."""
    shown = {}
    for n_train in (1, 3, 50, None):
        shown[n_train] = Recorder()
        evaluation = replace(SMALL, n_train=n_train)
        evaluation.run(study(cases, [UNIFORM] * len(cases)), {"recorder": shown[n_train]})

    assert all(len(trained) == 3 for trained in shown[3].trained)
    assert all(a < b for a, b in zip(shown[1].trained, shown[3].trained, strict=True))
    assert shown[50].trained == shown[None].trained
    assert shown[1].tested == shown[None].tested


def weighted(cases: Sequence[Case], weights: str) -> float:
    """Return the W1 of the training mean, trained with these weights."""
    evaluation = replace(SMALL, n_splits=3, test_size=0.3, weights=weights)
    return by_name(evaluation.run(study(cases, [UNIFORM] * len(cases)), {}).scores)[
        "train_mean", "w1"
    ].value


def test_training_cases_weigh_as_many_people_as_answered(cases: list[Case]) -> None:
    """Three questions, each predicted from the two others: (.2, 100), (.5, 300) and (.8, 100)."""
    three = [
        replace(case, human=Distribution.normalized([share, 0, 1 - share]), n_respondents=n)
        for case, share, n in zip(cases[:6:2], (0.2, 0.5, 0.8), (100, 300, 100), strict=True)
    ]

    # Weighted means .575, .5 and .425 of the others, unweighted ones .65, .5 and .35.
    assert weighted(three, "respondents") == pytest.approx((0.375 + 0 + 0.375) / 3)
    assert weighted(three, "equal") == pytest.approx((0.45 + 0 + 0.45) / 3)


def test_equal_numbers_of_respondents_weigh_nothing(cases: list[Case]) -> None:
    """Weights are 1 on average, so that penalties mean the same."""
    assert weighted(cases, "respondents") == weighted(cases, "equal")


def test_weights_need_every_number_of_respondents(cases: list[Case]) -> None:
    """The check says which is missing, before anything is paid for."""
    unknown = [*cases[:-1], replace(cases[-1], n_respondents=None)]

    with pytest.raises(
        ConfigError, match="question 'Q9' for party 'Republican' is unknown, as of"
    ):
        replace(SMALL, weights="respondents").check(unknown, {})


def test_calibrators_are_compared_with_raw_training_mean_and_each_other(cases: list[Case]) -> None:
    """The differences are those of the scores."""
    result = SMALL.run(
        study(cases, [UNIFORM] * len(cases)), {"one": Recorder(), "mean": TrainMean("per_group")}
    )
    scores = by_name(result.scores)

    pairs = [(one.method, one.other) for one in result.comparisons if one.metric == "w1"]
    assert pairs == [
        ("one", "identity"), ("one", "train_mean"), ("mean", "identity"), ("mean", "train_mean"),
        ("one", "mean"), ("identity", "train_mean"),
    ]  # fmt: skip
    for one in result.comparisons:
        apart = scores[one.method, one.metric].value - scores[one.other, one.metric].value
        assert one.difference == pytest.approx(apart, abs=1e-12)
        assert one.p <= one.p_holm <= 1
    assert result.ignoring == {"mean", "uniform", "train_mean"}
