import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hydra.utils import instantiate
from numpy.testing import assert_allclose, assert_array_equal
from omegaconf import OmegaConf
from sklearn.linear_model import Lasso, Ridge
from sklearn.neighbors import KNeighborsRegressor

from distexp.calibrator.baseline import TrainMean
from distexp.calibrator.fitting.base import question_folds
from distexp.calibrator.fitting.training import Training
from distexp.calibrator.regression import OptionRegression
from distexp.calibrator.search import QuestionCV
from distexp.calibrator.tuned import Tuned
from distexp.errors import ConfigError
from distexp.metrics.distance import kl_divergence, total_variation, wasserstein
from distexp.tuning.optuna import OptunaTuning
from distexp.types import Design, FloatArray
from tests.calibrator.designs import random_design

CONF = Path(__file__).parents[2] / "conf"
ALPHA = {"low": 0.001, "high": 100.0, "log": True}


def tuned(space: dict[str, Any] | None = None, **settings: Any) -> Tuned:
    """Return a search for the penalty and layout of a ridge, in few trials."""
    space = {"layout": ["pooled", "joint"], "regressor__alpha": ALPHA} if space is None else space
    candidates = {"ridge": {"calibrator": OptionRegression(Ridge()), "space": space}}
    search = OptunaTuning(**{"n_trials": 6, "progress": False} | settings)
    return Tuned(candidates, search=search)


def survey(n_questions: int = 30, seed: int = 0) -> tuple[Design, FloatArray]:
    """Return questions of two groups that answer half as the model says."""
    X, y = random_design(n_questions, seed)
    rows = np.repeat(np.arange(n_questions), 2)
    noise = np.random.default_rng(seed).random((2 * n_questions, y.shape[1])) * X.mask[rows]
    y = (3 * y[rows] + noise / noise.sum(axis=1, keepdims=True)) / 4
    return replace(X.take(rows), group=np.tile([0, 1], n_questions)), y


def training_and_test(X: Design) -> tuple[FloatArray, FloatArray]:
    """Hold out every fifth question."""
    test = X.question % 5 == 0
    return (~test).astype(float), test.astype(float)


class TestNothingOfTheTestIsSeen:
    """What is chosen, and predicted, is a matter of the training questions."""

    @pytest.mark.parametrize("file", ["tuned", "ridge_tuned"])
    def test_human_answers_to_test_questions_change_nothing(self, file: str) -> None:
        """Permuted among the test cases, they change no trial, choice or prediction."""
        X, y = survey()
        train, test = training_and_test(X)
        calibrator = shipped(file, n_trials=5)
        cases = np.flatnonzero(test)
        permuted = y.copy()
        permuted[cases] = y[np.random.default_rng(1).permutation(cases)]

        predicted = calibrator.fit_predict(X, y, train[None])
        trials = calibrator.trials_
        again = calibrator.fit_predict(X, permuted, train[None])

        assert not np.array_equal(permuted, y)
        assert calibrator.trials_ == trials
        assert_array_equal(again, predicted)

    def test_human_answers_to_training_questions_do(self) -> None:
        """The same permutation of the training cases changes every trial."""
        X, y = survey()
        train, _ = training_and_test(X)
        calibrator = tuned()
        cases = np.flatnonzero(train)
        permuted = y.copy()
        permuted[cases] = y[np.random.default_rng(1).permutation(cases)]

        calibrator.fit_predict(X, y, train[None])
        trials = calibrator.trials_
        calibrator.fit_predict(X, permuted, train[None])

        assert all(
            a["value"] != b["value"] for a, b in zip(trials, calibrator.trials_, strict=True)
        )

    def test_groups_of_a_question_are_never_in_two_folds(self) -> None:
        """The nearest neighbour is the same question of another group: alone it looks perfect."""
        X, _ = survey()
        noise = np.random.default_rng(2).random(X.predicted.shape)[X.question] * X.mask
        y = noise / noise.sum(axis=1, keepdims=True)  # nothing that the model knows
        neighbours = OptionRegression(KNeighborsRegressor())
        space = {"regressor__n_neighbors": [1, 40]}
        candidates = {"neighbours": {"calibrator": neighbours, "space": space}}
        calibrator = Tuned(candidates, search=OptunaTuning(progress=False))

        chosen = calibrator.fit(X, y).settings_
        leaky = calibrator.fit(replace(X, question=np.arange(60)), y).settings_

        assert chosen == {"regressor__n_neighbors": 40}
        assert leaky == {"regressor__n_neighbors": 1}


def shipped(file: str, **settings: Any) -> Any:
    """Return what a file of conf/calibrator describes, with a search."""
    calibrator = instantiate(OmegaConf.load(CONF / f"calibrator/{file}.yaml"), _convert_="all")
    return calibrator.set_params(search=OptunaTuning(progress=False, **settings))


def n_stored(path: str) -> int:
    """Return how many trials Optuna finds in a journal."""
    storage = OptunaTuning(storage=path).open_storage()
    assert storage is not None
    return sum(storage.get_n_trials(study._study_id) for study in storage.get_all_studies())


class TestChoice:
    """The setting whose held-out distributions are nearest to the human ones is taken."""

    def test_a_finite_space_ends_in_the_choice_of_a_grid(self) -> None:
        """As `QuestionCV`, which tries every setting by other code."""
        X, y = survey()
        grid: dict[str, Any] = {
            "layout": ["pooled", "joint"], "regressor__alpha": [1e6, 3.0, 0.1],
        }  # fmt: skip
        expected = QuestionCV(OptionRegression(Ridge()), grid).fit(X, y)

        calibrator = tuned(grid, n_trials=100).fit(X, y)

        assert calibrator.settings_ == expected.settings_
        assert len(calibrator.trials_) == 6
        assert_array_equal(calibrator.predict(X), expected.predict(X))

    @pytest.mark.parametrize("objective", ["distance", "w1", "tv", "kl"])
    def test_trials_are_valued_by_the_objective(self, objective: str) -> None:
        """The mean over all held-out cases; W1 leaves nominal questions out."""
        X, y = survey()
        nominal = X.question < 8
        X = replace(X, ordinals=np.where(nominal[:, None], np.nan, X.ordinals))
        total = 0.0
        for train, test in question_folds(X.question, 5):
            p = OptionRegression(Ridge()).fit(X.take(train), y[train]).predict(X.take(test))
            w1 = wasserstein(p, y[test], X.ordinals[test])
            tv = total_variation(p, y[test])
            kl = kl_divergence(y[test], p, X.mask[test])
            of_one = {"distance": np.where(nominal[test], tv, w1), "w1": w1, "tv": tv, "kl": kl}
            total += np.nansum(of_one[objective])

        calibrator = tuned({}).set_params(objective=objective).fit(X, y)

        (trial,) = calibrator.trials_
        n_cases = (~nominal).sum() if objective == "w1" else 60
        assert trial["value"] == pytest.approx(total / n_cases)

    def test_each_candidate_has_a_space_of_its_own(self) -> None:
        """A lasso that ignores the model loses to a ridge, and its penalty is not the ridge's."""
        X, y = survey()
        candidates = {
            "lasso": {
                "calibrator": OptionRegression(Lasso()),
                "space": {"regressor__alpha": {"low": 1.0, "high": 2.0}},
            },
            "ridge": tuned().candidates["ridge"],
        }

        calibrator = Tuned(candidates, search=OptunaTuning(progress=False, n_trials=12)).fit(X, y)

        tried = [(t["candidate"], json.loads(t["params"])) for t in calibrator.trials_]
        lassos = [params for name, params in tried if name == "lasso"]
        assert calibrator.candidate_ == "ridge"
        assert set(calibrator.settings_) == {"layout", "regressor__alpha"}
        assert len(lassos) > 1
        assert all(1 <= params["regressor__alpha"] <= 2 for params in lassos)

    def test_the_best_complete_trial_is_fitted_on_all_training_cases(self) -> None:
        """The least value is marked as chosen, and the calibrator is fitted with its setting."""
        X, y = survey()

        calibrator = tuned(n_trials=15).fit(X, y)

        trials = calibrator.trials_
        (chosen,) = [trial for trial in trials if trial["chosen"]]
        values = [trial["value"] for trial in trials if trial["state"] == "complete"]
        layout, alpha = calibrator.settings_["layout"], calibrator.settings_["regressor__alpha"]
        assert chosen["value"] == min(values) < values[0]
        assert json.loads(chosen["params"]) == calibrator.settings_
        expected = OptionRegression(Ridge(alpha), layout).fit(X, y)  # type: ignore[arg-type]
        assert_array_equal(calibrator.predict(X), expected.predict(X))

    def test_hopeless_settings_are_pruned(self) -> None:
        """Penalties that flatten every prediction are given up, and are never chosen."""
        X, y = survey()
        space = {"regressor__alpha": [0.1, 0.2, 0.3, 0.4, 0.5, 1e8]}

        calibrator = tuned(space).fit(X, y)

        assert [trial["state"] for trial in calibrator.trials_] == ["complete"] * 5 + ["pruned"]

    def test_fewer_questions_than_folds_are_fitted_as_given(self) -> None:
        """Four questions of five folds: nothing is tried."""
        X, y = survey(n_questions=4)

        calibrator = tuned().fit(X, y)

        assert (calibrator.candidate_, calibrator.settings_) == ("ridge", {})
        assert calibrator.trials_ == []
        assert_array_equal(calibrator.predict(X), OptionRegression(Ridge()).fit(X, y).predict(X))

    def test_without_a_search_the_first_candidate_is_fitted_as_given(self) -> None:
        """`tuning=none`."""
        X, y = survey()

        calibrator = tuned().set_params(search=None).fit(X, y)

        assert (calibrator.candidate_, calibrator.settings_) == ("ridge", {})
        assert_array_equal(calibrator.predict(X), OptionRegression(Ridge()).fit(X, y).predict(X))

    def test_weights_count_in_choice_and_fit(self) -> None:
        """A case of weight 2 is like two cases of its question."""
        X, y = survey(n_questions=12)
        weight = np.where(X.question < 5, 2.0, 1.0)
        repeated = np.r_[0:24, 0:10]

        weighted = tuned(n_folds=12).fit(X, y, weight)
        expected = tuned(n_folds=12).fit(X.take(repeated), y[repeated])

        values = [trial["value"] for trial in expected.trials_]
        assert [trial["value"] for trial in weighted.trials_] == pytest.approx(values)
        assert_allclose(weighted.predict(X), expected.predict(X), atol=1e-6)


class TestManySplits:
    """All splits of an evaluation are searched in one call."""

    def test_each_split_is_searched_as_if_it_were_alone(self) -> None:
        """Predictions and trials are those of as many fits."""
        X, y = survey()
        weights = np.array([X.question % 5 != fold for fold in range(3)], dtype=float)
        calibrator = tuned()

        predicted = calibrator.fit_predict(X, y, weights)

        trials = calibrator.trials_
        assert [trial["split"] for trial in trials] == [0] * 6 + [1] * 6 + [2] * 6
        for split, weight in enumerate(weights):
            calibrator.fit(X, y, weight)
            assert_array_equal(predicted[split], calibrator.predict(X))
            of_split = trials[6 * split : 6 * split + 6]
            assert of_split == [{**trial, "split": split} for trial in calibrator.trials_]

    def test_a_stored_search_is_not_repeated(self, tmp_path: Path) -> None:
        """Another calibrator with the same settings and data finds the trials; others do not."""
        X, y = survey()
        storage = str(tmp_path / "tuning.log")
        first = tuned(storage=storage).fit(X, y)

        assert tuned(storage=storage).fit(X, y).trials_ == first.trials_
        assert n_stored(storage) == 6
        tuned(storage=storage).set_params(objective="kl").fit(X, y)
        tuned({"regressor__alpha": ALPHA}, storage=storage).fit(X, y)
        tuned(storage=storage).fit(X, y[::-1].copy())
        tuned(storage=storage).fit(X, y, np.where(X.group == 0, 2.0, 1.0))
        assert n_stored(storage) == 5 * 6

    def test_a_rehearsal_tries_each_candidate_once_and_keeps_nothing(self, tmp_path: Path) -> None:
        """What is checked before anything is paid for leaves no trace."""
        X, y = survey()
        storage = tmp_path / "tuning.log"
        calibrator = shipped("tuned", n_trials=30, storage=str(storage))

        rehearsed = calibrator.rehearsal().fit(X, y)

        names = [trial["candidate"] for trial in rehearsed.trials_]
        assert names == list(calibrator.candidates)
        assert not storage.exists()


@pytest.mark.parametrize(
    ("regressor", "n_at_once"), [(Ridge(), [2, 3]), (KNeighborsRegressor(), [2, 3])]
)
def test_folds_that_are_fitted_together_are_judged_together(
    regressor: Any, n_at_once: list[int]
) -> None:
    """Those that may end a trial come first; the last mean is over all cases."""
    X, y = survey()

    steps = list(Training(X, y, None).losses(OptionRegression(regressor), "tv", 5))

    assert [len(step) for step in steps] == n_at_once


@pytest.mark.parametrize(
    ("space", "message"),
    [
        (
            {"alpha": [1.0]},
            "In candidate 'ridge' of Tuned: OptionRegression has no parameter 'alpha'",
        ),
        (
            {"regressor__alpha": {"low": 2.0, "high": 1.0}},
            "The 'candidates.ridge.space.regressor__alpha' parameter of Tuned must be a range of "
            "numbers with low < high. Got {'low': 2.0, 'high': 1.0} instead.",
        ),
        ({"layout": []}, "The 'candidates.ridge.space.layout' parameter of Tuned must be a list"),
        ({"layout": ["pooled", "jiont"]}, "In candidate 'ridge' of Tuned: The 'layout' parameter"),
        (
            {"regressor__alpha": {"low": -1.0, "high": 1.0}},
            "In candidate 'ridge' of Tuned: The 'alpha' parameter of Ridge must be",
        ),
        (["layout"], "The 'candidates.ridge.space' parameter of Tuned must be a mapping"),
    ],
)
def test_a_wrong_space_is_refused(space: Any, message: str) -> None:
    """It is named before any model call is paid, whether the search would come to it or not."""
    with pytest.raises(ConfigError) as caught:
        tuned(space).check_params()

    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"objective": "w2"}, "The 'objective' parameter of Tuned must be one of distance, w1"),
        ({"candidates": {}}, "The 'candidates' parameter of Tuned must be a mapping of names"),
        ({"candidates": {"a": {"space": {}}}}, "The 'candidates' parameter of Tuned must be"),
        (
            {"candidates": {"a": {"calibrator": TrainMean(), "space": {}}}},
            "The 'candidates.a.calibrator' parameter of Tuned must be a calibrator that is",
        ),
        ({"search": "optuna"}, "The 'search' parameter of Tuned must be null or a file of"),
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, Any], message: str) -> None:
    """The message names the parameter and what it got."""
    with pytest.raises(ConfigError, match=message):
        tuned().set_params(**settings).check_params()


def test_a_storage_that_is_no_journal_is_refused_before_any_call(tmp_path: Path) -> None:
    """`check_params` opens it."""
    path = tmp_path / "notes.txt"
    path.write_text("hello\n")

    with pytest.raises(ConfigError, match="The 'storage' parameter of tuning must be"):
        tuned(storage=str(path)).check_params()


def test_w1_needs_an_ordinal_question() -> None:
    """Nothing could be compared otherwise."""
    X, y = survey()
    X = replace(X, ordinals=np.full_like(X.ordinals, np.nan))

    with pytest.raises(ConfigError, match="The 'objective' parameter of Tuned must be distance"):
        tuned().set_params(objective="w1").fit(X, y)


def test_a_setting_that_cannot_be_fitted_is_named() -> None:
    """More neighbours than examples are no mistake of the space by itself."""
    X, y = survey()
    candidates = {
        "neighbours": {
            "calibrator": OptionRegression(KNeighborsRegressor(), layout="joint"),
            "space": {"regressor__n_neighbors": [2, 500]},
        }
    }

    with pytest.raises(ConfigError, match=r"'neighbours' of Tuned cannot be fitted at .*: 500"):
        Tuned(candidates, search=OptunaTuning(progress=False)).fit(X, y)
