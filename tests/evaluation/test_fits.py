"""Fits to many splits of many cases."""

import numpy as np
import pytest
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import Ridge
from threadpoolctl import threadpool_info

from distexp.calibrator.regression import OptionRegression
from distexp.evaluation.duration import Effort, lengthy, sized
from distexp.evaluation.fits import MANY, cross_fit, one_thread
from distexp.evaluation.splits import Split
from distexp.types import Design


def test_splits_that_threads_share_are_those_that_are_fitted_alone() -> None:
    """However many cases and splits there are, each split's predictions are of its own fit."""
    rng = np.random.default_rng(0)
    n_cases, n_splits = MANY // 10, 10
    first = rng.uniform(size=n_cases)
    X = Design(
        predicted=np.column_stack([first, 1 - first]),
        n_options=np.full(n_cases, 2),
        ordinals=np.tile([0.0, 1.0], (n_cases, 1)),
        question=np.arange(n_cases) // 50,
        group=np.arange(n_cases) % 50,
    )
    y = X.predicted[:, ::-1] * 0.5 + 0.25
    tests = [np.isin(X.question % n_splits, split) for split in range(n_splits)]
    splits = [Split(train=~test, test=test) for test in tests]
    ridge = OptionRegression(Ridge())

    together = cross_fit(ridge, X, y, splits)

    alone = [cross_fit(ridge, X, y, [split])[0] for split in splits]
    np.testing.assert_allclose(together, alone, rtol=0, atol=1e-12)


def test_linear_algebra_is_in_one_thread_until_the_outer_block_ends() -> None:
    """Blocks within blocks change nothing, and afterwards all is as it was."""

    def threads() -> list[int]:
        return [one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"]

    before = threads()
    with one_thread():
        with one_thread():
            assert set(threads()) == {1}
        assert set(threads()) == {1}
    assert threads() == before


@pytest.mark.parametrize(
    ("n_splits", "n_refits", "ways"),
    [(50, 48, ("n_splits=10", "intervals=bootstrap")), (50, 0, ("n_splits=10",)), (5, 0, ())],
)
def test_long_analyses_say_what_would_shorten_them(
    n_splits: int, n_refits: int, ways: tuple[str, ...]
) -> None:
    """Only settings that would change something are named, and nothing where it is quick."""
    said = lengthy({"ridge": Effort(1.0), "forest": Effort(99.0)}, n_splits, n_refits)

    assert said is not None
    assert "99 % of that is forest" in said
    settings = ("n_splits=10", "intervals=bootstrap")
    assert [way for way in settings if way in said] == list(ways)
    assert lengthy({"ridge": Effort(0.1)}, n_splits, n_refits) is None


def test_what_a_search_tries_counts_and_intervals_do_not_search() -> None:
    """A minute for a rehearsal of 2 of 20 settings: 10 minutes a fit, 1 a refit."""
    said = lengthy({"tuned": Effort(60.0, 10.0, 20)}, 50, 48)

    assert said is not None
    assert "about 548 minutes" in said
    assert "tuned, which tries 20 settings in each of the 50" in said
    assert "298 with tuning.n_trials=10, and 148 with evaluation.n_splits=10" in said
    assert "500 with evaluation.intervals=bootstrap" in said


def test_settings_that_do_not_help_alone_are_named_together() -> None:
    """A forest of 20 s a fit takes 24 minutes; 10 with fewer splits, 4 from a tenth as well."""
    said = lengthy({"forest": Effort(20.0, thinned=8.0)}, 50, 21)

    assert said is not None
    ways = [
        "It would be 9 with calibrator.forest.regressor.max_samples=0.1",
        "10 with evaluation.n_splits=10",
        "4 with both",
        "17 with evaluation.intervals=bootstrap, whose intervals are too narrow.",
    ]
    assert said.endswith(", and ".join(ways))


def test_reports_of_large_studies_say_how_often_was_fitted() -> None:
    """By sizes alone: the same in every run, nothing where a study is small or settings few."""
    forest = OptionRegression(RandomForestRegressor())
    made = {"forest": forest, "ridge": OptionRegression(Ridge())}

    said = sized(made, 72_000, 50, 21)

    assert said.startswith("Each calibrator is fitted 50 + 21 times")
    assert "n_splits=10 leaves 10 + 21; " in said
    assert "calibrator.forest.regressor.max_samples=0.1" in said
    assert "tuning" not in said
    assert sized(made, 1_000, 50, 52) == ""
    assert "too long" not in sized({"ridge": made["ridge"]}, 1_000_000, 5, 0)
