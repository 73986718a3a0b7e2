"""Calibrators as JSON: what is read predicts what was fitted, and nothing else is ever made."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hydra.utils import instantiate
from numpy.testing import assert_allclose
from omegaconf import OmegaConf
from sklearn import ensemble, linear_model, neighbors, tree
from sklearn.isotonic import IsotonicRegression

from distexp.calibrator.baseline import TrainMean
from distexp.calibrator.fitting.exported import exported
from distexp.calibrator.regression import OptionRegression
from distexp.calibrator.search import QuestionCV
from distexp.card.state import Setting, from_json, tells_groups_apart, to_json
from distexp.errors import ConfigError
from distexp.types import Design, FloatArray
from tests.calibrator.designs import random_design

FILES = sorted(Path(__file__).parents[2].glob("conf/calibrator/*.yaml"))
LINEAR = [
    linear_model.Ridge(),
    linear_model.Lasso(alpha=0.01),
    linear_model.ElasticNet(alpha=0.01, fit_intercept=False),
    linear_model.HuberRegressor(),
    linear_model.SGDRegressor(random_state=0),
]
TREES = [
    tree.DecisionTreeRegressor(),
    ensemble.RandomForestRegressor(n_estimators=7, random_state=0),
    ensemble.ExtraTreesRegressor(n_estimators=7, random_state=0),
    ensemble.GradientBoostingRegressor(n_estimators=7, loss="huber", random_state=0),
    ensemble.HistGradientBoostingRegressor(max_iter=7, loss="absolute_error"),
]


def cases(n_cases: int, seed: int) -> tuple[Design, FloatArray]:
    """Return cases of questions with and without a scale, three of them to a question."""
    X, y = random_design(n_cases, seed)
    ordinals = X.ordinals.copy()
    ordinals[::5] = np.nan
    return replace(X, ordinals=ordinals, question=X.question // 3), y


def as_text(document: Any) -> Any:
    """Write and read JSON as a file would."""
    return json.loads(json.dumps(document, allow_nan=False))


def shipped(path: Path, scope: str | None) -> Any:
    """Make what a file describes, in another scope where it has one."""
    settings = OmegaConf.load(path)
    if scope is not None:
        if "scope" not in settings:
            pytest.skip("has no scope")
        settings["scope"] = scope
    return instantiate(settings, _convert_="all")


@pytest.mark.parametrize("scope", [None, "per_group"])
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_what_is_read_predicts_what_was_fitted(path: Path, scope: str | None) -> None:
    """To 1e-12 and for new questions, sizes and groups; and it is written as it was read."""
    calibrator = shipped(path, scope)
    X, y = cases(60, seed=0)
    X_new, _ = cases(40, seed=1)
    X_new = replace(X_new, group=X_new.group + 1)
    calibrator.fit(X, y)

    document = to_json(calibrator)
    read = from_json(as_text(document))

    assert_allclose(read.predict(X_new), calibrator.predict(X_new), rtol=0, atol=1e-12)
    assert as_text(to_json(read)) == as_text(document)


@pytest.mark.parametrize("regressor", [*LINEAR, *TREES], ids=lambda one: type(one).__name__)
def test_arrays_predict_what_scikit_learn_does(regressor: Any) -> None:
    """Linear models, trees and sums of trees, at points that were not fitted to."""
    rng = np.random.default_rng(0)
    X, new = rng.random((300, 3)), rng.random((500, 3))
    regressor.fit(X, np.sin(5 * X[:, 0]) + X[:, 1])

    assert_allclose(exported(regressor).predict(new), regressor.predict(new), rtol=0, atol=1e-12)


@pytest.mark.parametrize("regressor", [LINEAR[0], TREES[1]], ids=lambda one: type(one).__name__)
def test_several_targets_are_predicted_at_once(regressor: Any) -> None:
    """A joint regressor's predictions have a column a target."""
    rng = np.random.default_rng(1)
    X, new = rng.random((200, 2)), rng.random((50, 2))
    regressor.fit(X, np.c_[X[:, 0], X[:, 1] ** 2, X.sum(axis=1)])

    assert_allclose(exported(regressor).predict(new), regressor.predict(new), rtol=0, atol=1e-12)


def test_isotonic_regression_is_its_points() -> None:
    """Between them it interpolates, outside of them it is constant."""
    x = np.linspace(0.2, 0.8, 30)
    regressor = IsotonicRegression(out_of_bounds="clip").fit(x, np.sin(6 * x))
    new = np.linspace(0, 1, 101)

    assert_allclose(exported(regressor).predict(new), regressor.predict(new), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    "regressor",
    [
        neighbors.KNeighborsRegressor(),
        linear_model.PoissonRegressor(),
        ensemble.AdaBoostRegressor(),
        ensemble.HistGradientBoostingRegressor(loss="poisson"),
        ensemble.HistGradientBoostingRegressor(categorical_features=[0], min_samples_leaf=1),
        IsotonicRegression(),
    ],
    ids=lambda one: type(one).__name__,
)
def test_what_has_no_arrays_is_refused_by_name(regressor: Any) -> None:
    """Nothing is written that would predict otherwise."""
    X = np.repeat(np.arange(4.0), 30)[:, None]
    regressor.fit(X, (X[:, 0] - 1.2) ** 2)

    with pytest.raises(ConfigError, match=f"{type(regressor).__name__}|categor"):
        exported(regressor)


def test_the_place_of_what_cannot_be_written_is_named() -> None:
    """The line leads to the attribute that holds it."""
    X, y = random_design(20, seed=2)
    calibrator = OptionRegression(neighbors.KNeighborsRegressor(n_neighbors=3)).fit(X, y)

    with pytest.raises(ConfigError, match=r"In calibrator\.regressor_: A fitted KNeighborsReg"):
        to_json(calibrator)


def test_calibrators_of_elsewhere_are_refused() -> None:
    """A card that only its writer could read would be none."""

    class Mine(TrainMean):
        pass

    with pytest.raises(ConfigError, match="it is no calibrator of distexp's own"):
        to_json(Mine())


def test_numbers_of_options_and_groups_stay_whole_numbers() -> None:
    """JSON has no such keys, so they are written as pairs; infinity has a word."""
    X, y = random_design(40, seed=3)
    fitted = TrainMean(scope="per_group").fit(X, y)

    document = as_text(to_json(fitted))
    read: Any = from_json(document)

    assert list(read.by_group_) == [0, 1, 2]
    assert set(read.means_) == {2, 3, 4, 5}
    assert as_text(to_json(TrainMean().fit(X, y)))["state"]["prior_questions_"] == {"float": "inf"}


def test_settings_are_shown_and_never_made() -> None:
    """The regressor as it was set is a name with parameters; what a search tried is left out."""
    X, y = random_design(40, seed=4)
    inner = OptionRegression(linear_model.Ridge(alpha=3.0)).fit(X, y)
    search = QuestionCV(inner, {"regressor__alpha": [1.0, 2.0]}).fit(X, y)

    document = as_text(to_json(search))
    read: Any = from_json(document)

    assert document["params"]["calibrator"]["state"] == {}
    assert isinstance(read.calibrator.regressor, Setting)
    assert read.calibrator.regressor.params["alpha"] == 3.0
    assert read.settings_ == search.settings_


def test_nan_is_not_written() -> None:
    """A fit that failed is no card; the line says where."""
    fitted = TrainMean().fit(*random_design(20, seed=5))
    fitted.means_[3] = np.full(3, np.nan)

    with pytest.raises(ConfigError, match=r"calibrator\.means_\[3\] is not a number"):
        to_json(fitted)


def test_whether_groups_are_told_apart_is_seen_in_what_was_learnt() -> None:
    """By the scope, that of a calibrator inside, or what was learnt by group."""
    X, y = random_design(40, seed=6)
    by_group = next(path for path in FILES if path.stem == "shrink_group_mean")

    assert not tells_groups_apart(TrainMean().fit(X, y))
    assert tells_groups_apart(TrainMean(scope="per_group").fit(X, y))
    assert tells_groups_apart(shipped(by_group, None).fit(X, y))


def array(**changes: Any) -> dict[str, Any]:
    """Return two numbers as an array, changed."""
    return {"array": "float64", "shape": [2], "values": [0.5, 0.5], **changes}


def mean(of_two: Any = None, **changes: Any) -> dict[str, Any]:
    """Return a training mean for two options, changed."""
    pairs = [[2, array() if of_two is None else of_two]]
    return {
        "calibrator": "distexp.calibrator.baseline.TrainMean",
        "params": {"scope": "pooled"},
        "state": {"means_": {"dict": pairs}, "by_group_": {"dict": []}},
        **changes,
    }


def one_split(**changes: Any) -> dict[str, Any]:
    """Return a tree of one split, changed."""
    nodes = {
        "roots": array(array="int64", shape=[1], values=[0]),
        "feature": array(array="int64", shape=[3], values=[0, 0, 0]),
        "threshold": array(shape=[3], values=[0.5, 0.0, 0.0]),
        "left": array(array="int64", shape=[3], values=[1, -1, -1]),
        "right": array(array="int64", shape=[3], values=[2, -1, -1]),
        "value": array(shape=[3], values=[0.0, 0.1, 0.9]),
        "base": array(shape=[], values=[0.0]),
        "mean": True,
        "single": True,
    }
    return {"arrays": "Trees", "fields": {**nodes, **changes}}


def test_the_forms_below_are_read_where_they_are_right() -> None:
    """What the refusals change is otherwise in order."""
    X, _ = random_design(10, seed=7)

    assert_allclose(from_json(mean()).predict(X)[X.n_options == 2, :2], 0.5)
    assert from_json(mean(one_split()))


@pytest.mark.parametrize(
    ("document", "message"),
    [
        pytest.param(mean(calibrator="os.system"), "must be a class of calibrators", id="system"),
        pytest.param(
            mean(calibrator="distexp.cache.ResponseCache"), "must be a class of", id="cache"
        ),
        pytest.param(
            mean(calibrator="distexp.card.state.import_module"), "a class of", id="function"
        ),
        pytest.param(
            mean(calibrator="distexp.calibrator.fitting.base.Scoped"), "a class of", id="abstract"
        ),
        pytest.param(
            mean(calibrator="distexp.calibrator.nosuch.X"), "a class of", id="no module"
        ),
        pytest.param(mean(calibrator=["x"]), "a class of", id="no name"),
        pytest.param(mean(params={"nosuch": 1}), "unexpected keyword", id="parameter"),
        pytest.param(mean(state={"predict": 1}), "end in an underscore", id="method"),
        pytest.param(mean(state={"__class__": 1}), "end in an underscore", id="dunder"),
        pytest.param(mean(extra=1), "one of the sets of keys", id="extra field"),
        pytest.param(mean(array(shape=[3])), "2 values, but has the shape", id="shape"),
        pytest.param(mean(array(shape=[-2, -1])), "has the shape", id="negative shape"),
        pytest.param(mean(array(array="object")), "an array of one of", id="dtype"),
        pytest.param(mean(array(values=[0.5, "x"])), "holds something else", id="text"),
        pytest.param(mean(array(values=[0.5, float("nan")])), "something else", id="nan"),
        pytest.param(mean(array(values=[0.5, [0.5]])), "something else", id="ragged"),
        pytest.param(mean(array(values=[0.5, True])), "something else", id="bool"),
        pytest.param(
            mean(array(array="int64", values=[1, 10**30])), "is no array", id="too large"
        ),
        pytest.param(mean({"dict": [[2.5, 1]]}), "list of pairs", id="key"),
        pytest.param(mean({"float": "nan"}), "one of inf, -inf", id="float"),
        pytest.param(mean(float("inf")), "a finite number", id="infinite"),
        pytest.param(
            mean(one_split(left=array(array="int64", shape=[3], values=[0, -1, -1]))),
            "do not make up trees", id="cycle",
        ),
        pytest.param(
            mean(one_split(right=array(array="int64", shape=[3], values=[3, -1, -1]))),
            "do not make up trees", id="child outside",
        ),
        pytest.param(mean(one_split(feature=array())), "do not fit together", id="nodes"),
        pytest.param(mean(one_split(mean=None, roots="x")), "is no Trees", id="no arrays"),
        pytest.param(mean({"arrays": "Linear", "fields": {}}), "is no Linear", id="no fields"),
        pytest.param([1], "must be a calibrator", id="list"),
        pytest.param({"setting": "x", "params": {}}, "must be a calibrator", id="setting"),
    ],
)  # fmt: skip
def test_what_to_json_does_not_write_is_refused(document: Any, message: str) -> None:
    """The line says what is wrong, and nothing of it is run."""
    with pytest.raises(ConfigError, match=message):
        from_json(document)


def test_endless_nesting_is_refused() -> None:
    """It would exhaust the stack."""
    document: Any = 1
    for _ in range(100_000):
        document = [document]

    with pytest.raises(ConfigError, match="nested too deeply"):
        from_json(document)
