"""A mixture by evidence: towards the model where it is right, to what is right where it is not."""

from dataclasses import replace
from importlib.resources import files
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hydra.utils import instantiate
from numpy.testing import assert_allclose, assert_array_equal
from omegaconf import OmegaConf

from distexp.calibrator.baseline import Identity
from distexp.calibrator.blind import Blind
from distexp.calibrator.cumulative import CumulativeRegression
from distexp.calibrator.decomposed import Decomposed
from distexp.calibrator.evidence import Evidence, _drawn
from distexp.calibrator.fitting.base import cross_predict, uniform
from distexp.calibrator.fitting.left_out import LeavesOut
from distexp.calibrator.shrinkage import Shrinkage
from distexp.errors import ConfigError
from distexp.metrics.distance import distance
from distexp.protocols import BatchCalibrator
from distexp.types import Design, FloatArray
from tests.calibrator.designs import random_design

MEMBERS: dict[str, LeavesOut] = {
    "identity": Identity(),
    "mean": Shrinkage("train_mean", weight=1.0),
    "cumulative": CumulativeRegression(),
}


def survey(n_questions: int, seed: int, n_groups: int = 2) -> tuple[Design, FloatArray]:
    """Return questions asked of some groups, and humans half way between model and noise."""
    X, y = random_design(n_groups * n_questions, seed)
    question, group = np.divmod(np.arange(n_groups * n_questions), n_groups)
    n_options = X.n_options[::n_groups].repeat(n_groups)
    keep = np.arange(X.predicted.shape[1]) < n_options[:, None]
    shares = [np.where(keep, of + 0.01, 0) for of in (X.predicted, y)]
    predicted, y = (of / of.sum(axis=1, keepdims=True) for of in shares)
    place = np.arange(X.predicted.shape[1]) / (n_options[:, None] - 1)
    ordinals = np.where(keep, place, np.nan)
    made = replace(
        X, predicted=predicted, n_options=n_options, ordinals=ordinals, question=question,
        group=group,
    )  # fmt: skip
    return made, y


def evidence(**settings: Any) -> Evidence:
    """Return a mixture of three with an even prior."""
    return Evidence(MEMBERS, {name: 0.5 for name in MEMBERS}, **settings)


def shipped() -> Evidence:
    """Return the default calibrator."""
    text = (files("distexp.conf") / "calibrator" / "auto.yaml").read_text()
    made: Evidence = instantiate(OmegaConf.create(text), _convert_="all")
    return made


def noisy(X: Design, seed: int, n_respondents: int = 200) -> FloatArray:
    """Return a sample of people from what the model says: it is exactly right."""
    rng = np.random.default_rng(seed)
    shares = X.predicted / X.predicted.sum(axis=1, keepdims=True)
    return rng.multinomial(n_respondents, shares) / n_respondents


@pytest.mark.parametrize("n_questions", [1, 2, 8, 24])
@pytest.mark.parametrize("seed", range(3))
def test_an_exact_model_is_left_alone_from_the_first_question(n_questions: int, seed: int) -> None:
    """Human answers that are samples of the model's own keep it within a hundredth of W1."""
    X, _ = survey(n_questions, seed)
    X_test, _ = survey(40, seed + 100)
    y_test = noisy(X_test, seed)

    predicted = shipped().fit(X, noisy(X, seed)).predict(X_test)

    raw, calibrated = (
        distance(of, y_test, X_test.ordinals).mean() for of in (X_test.predicted, predicted)
    )
    assert calibrated < raw + 0.01 * (1 if n_questions > 2 else 2)


def test_a_model_that_knows_nothing_is_given_up() -> None:
    """Where the humans answer one thing always, the weight of the model ends at nothing."""
    X, _ = survey(40, seed=0)
    y = np.where(np.arange(X.predicted.shape[1]) == 0, 0.8, 0.2 / (X.n_options[:, None] - 1))
    y = np.where(X.mask, y, 0)

    fitted = evidence().fit(X, y)

    assert fitted.weights_["identity"] < 0.02
    assert fitted.losses_["mean"] < fitted.losses_["identity"] / 4


def test_the_say_of_the_model_falls_as_questions_speak_against_it() -> None:
    """With 1, 3, 9 and 27 questions that it says nothing about it falls: there is no cliff."""
    X, _ = survey(27, seed=1)
    y = uniform(X)

    said = [
        evidence().fit(X.take(X.question < n), y[X.question < n]).weights_["identity"]
        for n in (1, 3, 9, 27)
    ]

    assert all(later <= before + 0.05 for before, later in pairwise(said))
    assert said[-1] < 0.02


def test_weights_are_shares() -> None:
    """They are non-negative and sum to 1, whatever the evidence."""
    X, y = survey(6, seed=2)

    weights = evidence().fit(X, y).weights_

    assert sum(weights.values()) == pytest.approx(1)
    assert min(weights.values()) >= 0


def test_without_a_gain_the_first_member_is_all() -> None:
    """A perfect model has weight 1, and its predictions come out to the last digit."""
    X, _ = survey(12, seed=3)

    fitted = evidence().fit(X, X.predicted)

    assert fitted.weights_["identity"] == 1
    assert_array_equal(fitted.predict(X), X.predicted)


@pytest.mark.parametrize("n_questions", [1, 2, 9, 40])
def test_many_fits_at_once_equal_fits_one_by_one(n_questions: int) -> None:
    """Batching changes no number, with weights and with questions of weight 0."""
    X, y = survey(n_questions, seed=5)
    rng = np.random.default_rng(0)
    weights = rng.integers(0, 2, (4, n_questions))
    weights[:, 0] = 1
    by_case = weights[:, X.question] * rng.uniform(0.5, 2, len(y))
    mixture = evidence()

    at_once = mixture.fit_predict(X, y, by_case)

    assert isinstance(mixture, BatchCalibrator)
    for weight, predicted in zip(by_case, at_once, strict=True):
        assert_allclose(predicted, mixture.fit(X, y, weight).predict(X), atol=1e-9)


def test_human_answers_of_test_questions_teach_nothing() -> None:
    """Permuting the test questions' answers moves no prediction."""
    X, y = survey(30, seed=6)
    train = X.question < 20
    permuted = y.copy()
    permuted[~train] = np.random.default_rng(0).permutation(y[~train])

    honest, other = (
        cross_predict(shipped(), X, target, train[None], ~train[None]) for target in (y, permuted)
    )

    assert not np.array_equal(y, permuted)
    assert_array_equal(honest, other)


@pytest.mark.parametrize(
    ("member", "tolerance"),
    [
        (Identity(), 1e-12),
        (Shrinkage("train_mean", weight=1.0), 1e-12),
        (Shrinkage("group_mean", weight=0.5), 1e-12),
        (Decomposed(loss="squared"), 0.01),
        (CumulativeRegression(loss="squared", scope="pooled"), 1e-9),
        (CumulativeRegression(loss="squared", scope="partial"), 1e-9),
        (Blind(CumulativeRegression(loss="squared", scope="pooled")), 1e-9),
        (CumulativeRegression(), 0.05),
        (Decomposed(), 0.05),
    ],
    ids=repr,
)
@pytest.mark.parametrize("n_questions", [2, 12])
def test_left_out_is_what_a_fit_without_the_question_predicts(
    member: LeavesOut, tolerance: float, n_questions: int
) -> None:
    """To rounding where errors are squared; nearly so where their weights stay those of all."""
    X, y = survey(n_questions, seed=7)
    X = replace(X, n_options=X.n_options, scale=None)

    _, left_out = member.fit_leave_out(X, y, np.ones((1, len(y))))

    for question in range(n_questions):
        rows = X.question == question
        again = member.fit(X.take(~rows), y[~rows]).predict(X.take(rows))
        assert_allclose(left_out[0, rows], again, atol=tolerance)


def test_left_out_does_not_know_the_answers_left_out() -> None:
    """Other answers to a question leave what is predicted without it where it is."""
    X, y = survey(8, seed=8)
    other = y.copy()
    rows = X.question == 3
    other[rows] = uniform(X)[rows]
    squared = CumulativeRegression(loss="squared")

    both = [squared.fit_leave_out(X, of, np.ones((1, len(y))))[1] for of in (y, other)]

    assert_allclose(both[0][0, rows], both[1][0, rows], atol=1e-9)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"members": {}}, "'members' parameter of Evidence must be a mapping"),
        ({"members": {"barycentre": "ridge"}}, "'members' parameter of Evidence must be"),
        (
            {"members": {"identity": Decomposed(scope="partial")}},
            "'members.identity.scope' parameter of Evidence must be pooled",
        ),
        ({"concentration": {}}, "'concentration' parameter of Evidence must be"),
        ({"concentration": {"identity": 0}}, "'concentration.identity' parameter of Evidence"),
        ({"sharpness": 0}, "'sharpness' parameter of Evidence must be"),
        ({"caution": -1}, "'caution' parameter of Evidence must be"),
        ({"prior_gain": -1}, "'prior_gain' parameter of Evidence must be"),
        ({"good_distance": -1}, "'good_distance' parameter of Evidence must be"),
        ({"prior_error": 0}, "'prior_error' parameter of Evidence must be"),
        ({"prior_questions": 0}, "'prior_questions' parameter of Evidence must be"),
        (
            {"members": {"identity": CumulativeRegression(penalty=-1)}},
            "In member 'identity' of Evidence: The 'penalty'",
        ),
    ],
)
def test_bad_setting_is_refused(settings: dict[str, Any], message: str) -> None:
    """The sentence names the parameter, of a member too."""
    good: dict[str, Any] = {"members": {"identity": Identity()}, "concentration": {"identity": 1}}

    with pytest.raises(ConfigError, match=message):
        Evidence(**good | settings).check_params()


def test_draws_weighed_by_their_density_have_the_mean_of_the_prior() -> None:
    """Half are drawn for one member each: weighed, they speak for none, and some reach it."""
    concentration = np.array(list(shipped().concentration.values()))

    drawn, counts = _drawn(tuple(concentration))

    assert_allclose(counts @ drawn / counts.sum(), concentration / concentration.sum(), atol=0.03)
    assert_allclose(drawn.sum(axis=1), 1)
    assert (drawn.max(axis=0) > 0.9).all()
