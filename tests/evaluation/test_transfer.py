"""What is learnt elsewhere is learnt on the same questions, never on those that are tested."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.linear_model import Ridge

from distexp.calibrator.baseline import Identity, TrainMean
from distexp.calibrator.cumulative import CumulativeRegression
from distexp.calibrator.fitting.base import cross_predict
from distexp.calibrator.regression import OptionRegression
from distexp.errors import ConfigError
from distexp.evaluation.evaluation import Evaluation
from distexp.evaluation.layout import design_of
from distexp.evaluation.stacking import stack
from distexp.evaluation.transfer import check_transfer, joined, transferred
from distexp.protocols import Calibrator
from distexp.types import (
    Case,
    Condition,
    Distribution,
    Estimate,
    FloatArray,
    Group,
    Question,
    Reading,
    Study,
)

EVALUATION = Evaluation(n_splits=5, n_bootstrap=20, n_ceiling_draws=2, extras=False)


def ridge() -> OptionRegression:
    """Return a weakly penalised ridge."""
    return OptionRegression(regressor=Ridge(alpha=0.01))


def study(cases: Sequence[Case], seed: int = 0, **condition: str) -> Study:
    """Return estimates drawn at random."""
    rng = np.random.default_rng(seed)
    parts = {"dataset": "d", "model": "m", "elicitation": "e", "prompt": "p"} | condition
    shares = [rng.dirichlet(np.ones(len(case.question.options))) for case in cases]
    return Study(
        condition=Condition(**parts),
        cases=tuple(cases),
        estimates=tuple(
            Estimate(
                reading=Reading(distribution=Distribution.normalized(p.tolist())),
                n_replies=1,
                n_unreadable=0,
            )
            for p in shares
        ),
    )


def flat(cases: Sequence[Case], questions: Sequence[str]) -> list[Case]:
    """Give the humans of some questions other answers."""
    even = Distribution.normalized([1, 1, 1])
    return [
        replace(case, human=even) if case.question.question_id in questions else case
        for case in cases
    ]


def elsewhere(target: Study, source: Study, one: Calibrator, along: str = "model") -> Calibrator:
    """Return the one calibrator that is learnt on `source`."""
    made = transferred(target, [target, source], {"one": one}, EVALUATION, along=along)
    return made[f"one from {getattr(source.condition, along)}"]


def held_out(target: Study, calibrator: Calibrator) -> FloatArray:
    """Return the predictions of each split, NaN for cases that it trained on."""
    design, human, _ = design_of(target)
    splits = EVALUATION.splits(target.cases)
    train, test = (np.array([getattr(s, side) for s in splits]) for side in ("train", "test"))
    return cross_predict(calibrator, design, human, train, test)


@pytest.mark.parametrize("calibrator", [ridge(), CumulativeRegression(scope="partial")])
def test_from_a_twin_the_same_is_learnt_as_here(cases: list[Case], calibrator: Calibrator) -> None:
    """Two models that say the same teach the same correction, split by split."""
    target, twin = study(cases, model="a"), study(cases, model="b")

    learnt_there = held_out(target, elsewhere(target, twin, calibrator))

    assert_allclose(learnt_there, held_out(target, calibrator), atol=1e-9)


def test_human_answers_to_test_questions_teach_nothing(cases: list[Case]) -> None:
    """Whatever the source's humans answered to a split's test questions, predictions stand."""
    target = study(cases, model="a")
    split = EVALUATION.splits(cases)[0]
    tested = {c.question.question_id for c, test in zip(cases, split.test, strict=True) if test}
    trained = {case.question.question_id for case in cases} - tested

    honest, changed_test, changed_train = (
        held_out(target, elsewhere(target, study(humans, seed=1, model="b"), ridge()))[0]
        for humans in (cases, flat(cases, sorted(tested)), flat(cases, sorted(trained)))
    )

    assert_allclose(changed_test, honest, atol=1e-12)
    assert np.nanmax(np.abs(changed_train - honest)) > 0.01


def test_human_answers_of_the_target_teach_nothing(cases: list[Case]) -> None:
    """Only the source's cases are learnt from, though the target's are trained on as well."""
    source = study(cases, seed=1, model="b")
    everything = sorted({case.question.question_id for case in cases})
    predictions = [
        held_out(target, elsewhere(target, source, ridge()))
        for target in (study(cases, model="a"), study(flat(cases, everything), model="a"))
    ]

    assert_allclose(predictions[0], predictions[1], atol=1e-12)


def test_from_another_survey_all_questions_are_learnt_from(cases: list[Case]) -> None:
    """A fit to all of the source, applied to the target, is what every split predicts."""
    target, source = study(cases, dataset="here"), study(wider(cases), seed=1, dataset="there")
    design, human, _ = design_of(source)
    fitted = ridge().fit(design, human)

    learnt_there = held_out(target, elsewhere(target, source, ridge(), "dataset"))

    expected = np.broadcast_to(fitted.predict(design_of(target)[0]), learnt_there.shape)
    tested = ~np.isnan(learnt_there)
    assert_allclose(learnt_there[tested], expected[tested], atol=1e-9)


def test_fit_and_predict_do_what_is_done_for_all_splits_at_once(cases: list[Case]) -> None:
    """The two ways of the calibrator contract agree."""
    target = study(cases, model="a")
    design, human, _ = design_of(target)
    calibrator = elsewhere(target, study(cases, seed=1, model="b"), ridge())
    split = EVALUATION.splits(cases)[0]

    one_by_one = calibrator.fit(design.take(split.train), human[split.train]).predict(design)

    tested = held_out(target, calibrator)[0]
    assert_allclose(one_by_one[split.test], tested[split.test], atol=1e-9)


def test_without_a_source_case_predictions_stay_as_they_are(cases: list[Case]) -> None:
    """Where the source could read none of the training questions there is nothing to learn."""
    target, source = study(cases, model="a"), study(cases, seed=1, model="b")
    unreadable = Estimate(reading=None, n_replies=1, n_unreadable=1)
    silent = replace(source, estimates=(unreadable,) * len(cases))

    predicted = held_out(target, elsewhere(target, silent, ridge()))

    raw = held_out(target, Identity())
    assert_allclose(predicted, raw)


def test_unreadable_estimates_of_the_source_are_left_out(cases: list[Case]) -> None:
    """A case that the source could not read might as well not be there."""
    target, source = study(cases, model="a"), study(cases, seed=1, model="b")
    unreadable = Estimate(reading=None, n_replies=1, n_unreadable=1)
    gap = replace(source, estimates=(unreadable, *source.estimates[1:]))
    without = replace(source, cases=source.cases[1:], estimates=source.estimates[1:])

    predictions = [held_out(target, elsewhere(target, s, ridge())) for s in (gap, without)]

    assert_allclose(predictions[0], predictions[1], atol=1e-12)


def test_groups_are_known_by_name_and_questions_never_shared(cases: list[Case]) -> None:
    """A source with one group of two more teaches each group by its name; widths are padded."""
    stranger = Group(attribute="party", value="Anarchist", phrase="an anarchist")
    more = [*cases, *(replace(case, group=stranger) for case in cases[::2])]
    target, source = study(cases, model="a"), study(more, seed=1, model="b")
    calibrator = elsewhere(target, source, ridge())
    design = design_of(target)[0]

    both = joined(calibrator.source, design)  # type: ignore[attr-defined]

    n = len(more)
    named = [(case.group.value, number) for case, number in zip(more, both.group[:n], strict=True)]
    assert len(set(named)) == 3
    assert set(zip((c.group.value for c in cases), design.group.tolist(), strict=True)) < set(
        (value, int(number)) for value, number in named
    )
    assert not set(both.question[:n]) & set(both.question[n:])
    assert joined(design_of(study(wider(cases)))[0], design).predicted.shape == (40, 4)


def test_every_ordered_pair_that_differs_in_one_part_alone(cases: list[Case]) -> None:
    """Other models with the same elicitation and prompt are sources; stacks are not."""
    a, b, c = (study(cases, model=model) for model in "abc")
    other_prompt = study(cases, model="b", prompt="q")
    studies = [a, b, c, other_prompt, stack([a, b], "all")]
    calibrators: dict[str, Calibrator] = {
        "ridge": ridge(),
        "identity": Identity(),
        "train_mean": TrainMean(),
    }

    names = [
        list(transferred(target, studies, calibrators, EVALUATION, along="model"))
        for target in studies
    ]

    assert names == [
        ["ridge from b", "ridge from c"],
        ["ridge from a", "ridge from c"],
        ["ridge from a", "ridge from b"],
        [],
        [],
    ]
    assert transferred(a, studies, calibrators, EVALUATION, along=None) == {}


def test_between_surveys_the_training_mean_is_transferred_too(cases: list[Case]) -> None:
    """What the source's humans answered on average stands beside what its model adds."""
    here, there = study(cases, dataset="here"), study(cases, dataset="there")

    calibrators: dict[str, Calibrator] = {"ridge": ridge()}
    made = transferred(here, [here, there], calibrators, EVALUATION, along="dataset")

    assert list(made) == ["ridge from there", "train_mean from there"]


def test_transferred_calibrators_are_scored_like_others(cases: list[Case]) -> None:
    """On the same held-out cases as the calibrator that is learnt here."""
    target, source = study(cases, model="a"), study(cases, seed=1, model="b")
    made = transferred(target, [target, source], {"ridge": ridge()}, EVALUATION, along="model")

    result = EVALUATION.run(target, {"ridge": ridge(), **made})

    here, there = (result.per_case[n].wasserstein for n in ("ridge", "ridge from b"))
    assert not np.isnan(there).any()
    assert not np.allclose(here, there)
    assert result.scopes["ridge from b"] == "pooled"


def test_without_a_pair_the_run_is_refused(cases: list[Case]) -> None:
    """The message says what there is; without transfer nothing is asked for."""
    studies = [study(cases, model="a"), study(cases, model="b", prompt="q")]

    with pytest.raises(ConfigError, match=r"differ in the model alone.*d/a/e/p, d/b/e/q"):
        check_transfer(studies, "model")
    check_transfer(studies, None)
    check_transfer([*studies, study(cases, model="b")], "model")


def wider(cases: Sequence[Case]) -> list[Case]:
    """Ask other questions, on a scale of four."""
    made = []
    for number, case in enumerate(cases):
        question = Question(
            question_id=f"W{number // 2}",
            text="Wider?",
            options=("A", "B", "C", "D"),
            ordinals=(1, 2, 3, 4),
        )
        shares = Distribution.normalized([1 + number % 7, 2, 3, 9 - number % 5])
        made.append(replace(case, question=question, human=shares))
    return made
