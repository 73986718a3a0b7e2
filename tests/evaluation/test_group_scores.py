"""Numbers of groups of people: held to everything fitted again by hand."""

from dataclasses import replace

import numpy as np
from numpy.testing import assert_allclose
from scipy import stats
from sklearn.linear_model import Ridge

from distexp.calibrator.regression import OptionRegression
from distexp.evaluation.evaluation import Evaluation
from distexp.evaluation.jackknife import groups_of
from distexp.metrics.distance import wasserstein
from distexp.types import (
    BoolArray,
    Case,
    Condition,
    Distribution,
    Estimate,
    FloatArray,
    Group,
    IntArray,
    Question,
    Reading,
    Study,
)

PLACES = np.array([0.0, 0.5, 1.0])
EVALUATION = Evaluation(n_splits=4, n_ceiling_draws=2, n_flips=200, hold_out="question")


def study_of(n_questions: int, battery: int | None = None, prompt: str = "p") -> Study:
    """Draw questions with three options of two groups of people, and estimates."""
    rng, of_prompt = np.random.default_rng(3), np.random.default_rng(len(prompt))
    cases, estimates = [], []
    for number in range(n_questions):
        question = Question(
            question_id=f"q{number:02}",
            text=f"Question {number}?",
            options=("a", "b", "c"),
            ordinals=(1.0, 2.0, 3.0),
            battery=None if battery is None else f"battery {number // battery}",
        )
        for name in ("F", "M"):
            human, said = (of.dirichlet([1, 2, 1]) for of in (rng, of_prompt))
            group = Group(attribute="sex", value=name, phrase="a person")
            answers = Distribution.normalized(human.tolist())
            cases.append(Case(question=question, group=group, human=answers, n_respondents=50))
            guess = Distribution.normalized((0.5 * human + 0.5 * said).tolist())
            reading = Reading(distribution=guess)
            estimates.append(Estimate(reading=reading, n_replies=1, n_unreadable=0))
    condition = Condition(dataset="d", model="m", elicitation="e", prompt=prompt)
    return Study(condition=condition, cases=tuple(cases), estimates=tuple(estimates))


def held_to(draws: FloatArray) -> list[float]:
    """Return value and interval of one number and those without each group, by factors."""
    logs, n = np.log(draws[1:]), len(draws) - 1
    error = np.sqrt((n - 1) / n * ((logs - logs.mean()) ** 2).sum())
    reach = error * stats.t.ppf(0.975, n - 1)
    return [float(draws[0] * np.exp(of)) for of in (0, -reach, reach)]


def drawn_by_hand(study: Study) -> dict[str, FloatArray]:
    """Return W1 of each group and the spread's ratio with and without questions, all refitted."""
    units = EVALUATION.units(study.cases)
    design, human, readable = EVALUATION.laid_out(study)
    splits = EVALUATION.splits_of(study, design, readable, units)
    questions, group_of = groups_of(design.question, splits, units.clusters)
    left_out = [questions[group_of == number] for number in range(group_of.max() + 1)]

    def measured(train: BoolArray, test: BoolArray) -> tuple[FloatArray, FloatArray]:
        fit = OptionRegression(Ridge()).fit(design.take(train), human[train])
        shares = np.full(human.shape, np.nan)
        shares[test] = fit.predict(design.take(test))
        apart = wasserstein(shares, human, design.ordinals)
        return apart, (shares @ PLACES).reshape(-1, 2).std(axis=1)

    usual = [np.array([measured(s.train, s.test)[kind] for s in splits]) for kind in (0, 1)]
    moved: tuple[list[FloatArray], list[FloatArray]] = ([], [])
    for gone in left_out:
        kept = ~np.isin(design.question, gone)
        again = [measured(s.train & kept, s.test) for s in splits]
        for kind in (0, 1):
            gain = np.array([one[kind] for one in again]) - usual[kind]
            moved[kind].append(np.nanmean(gain, axis=0))
    w1, spread = (np.nanmean(of, axis=0) for of in usual)
    people = (human @ PLACES).reshape(-1, 2).std(axis=1)

    def means(values: FloatArray, gains: list[FloatArray], question: IntArray) -> FloatArray:
        found = [values.mean()]
        for gone, gain in zip(left_out, gains, strict=True):
            kept = ~np.isin(question, gone)
            found.append(values[kept].mean() + gain[kept].mean())
        return np.array(found)

    of_cell = design.question[::2]
    nothing = [np.zeros(len(people))] * len(left_out)
    return {
        name: means(w1[start::2], [gain[start::2] for gain in moved[0]], of_cell)
        for start, name in enumerate(("F", "M"))
    } | {"ratio": means(spread, moved[1], of_cell) / means(people, nothing, of_cell)}


def test_groups_and_spreads_have_intervals_of_fits_made_again() -> None:
    """Each question is left out of test and training; a battery as a whole where there are."""
    for study in (study_of(8), study_of(12, battery=2)):
        by_hand = drawn_by_hand(study)

        result = EVALUATION.run(study, {"ridge": OptionRegression(Ridge())})

        found = {one.group: one for one in result.group_scores if one.calibrator == "ridge"}
        for name in ("F", "M"):
            one = found[name]
            assert_allclose([one.w1, one.low, one.high], held_to(by_hand[name]), rtol=1e-5)
        [spread] = [one for one in result.spreads if one.calibrator == "ridge"]
        assert_allclose(
            [spread.ratio, spread.low, spread.high], held_to(by_hand["ratio"]), rtol=1e-5
        )


def test_one_group_of_people_has_a_score_and_nothing_to_be_apart_from() -> None:
    """The score of the only group is that of the survey, its interval too."""
    study = study_of(8)
    of_women = replace(study, cases=study.cases[::2], estimates=study.estimates[::2])

    result = EVALUATION.run(of_women, {"ridge": OptionRegression(Ridge())})

    one = next(one for one in result.group_scores if one.calibrator == "ridge")
    [w1] = [s for s in result.scores if (s.calibrator, s.metric) == ("ridge", "w1")]
    assert_allclose([one.w1, one.low, one.high], [w1.value, w1.low, w1.high])
    assert result.spreads == ()
