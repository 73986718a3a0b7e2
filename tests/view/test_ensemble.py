"""Stacks against what they are made of, worked out by hand."""

from typing import Any

import polars as pl
import pytest
from numpy.testing import assert_allclose

from distexp.errors import ConfigError
from distexp.view.base import Runs
from distexp.view.ensemble import EnsembleView

W1 = {
    ("x", "e", "p"): {"identity": 0.5, "auto": 0.2},
    ("x", "e", "q"): {"identity": 0.3, "auto": 0.4},
    ("y", "e", "p"): {"identity": 0.7, "auto": 0.6},
    ("y", "f", "p"): {"identity": 0.9, "auto": 0.8},
    ("x", "e", "own"): {"identity": 0.35, "auto": 0.1},
    ("y", "own", "p"): {"identity": 0.75, "auto": 0.5},
    ("all", "all", "all"): {"identity": 0.25, "auto": 0.05},
}
"""Mean distance by model, elicitation and prompt; two stacks of one model's, one of all."""


def runs(distances: dict[tuple[str, str, str], dict[str, float]]) -> Runs:
    """Make runs with one question."""
    rows: list[dict[str, Any]] = [
        dict(zip(("model", "elicitation", "prompt"), parts, strict=True))
        | {"dataset": "d", "question_id": "q", "attribute": "sex", "group": "F", "n_train": 9}
        | {"calibrator": calibrator, "w1": w1, "tv": w1, "kl": w1}
        for parts, by_calibrator in distances.items()
        for calibrator, w1 in (by_calibrator | {"train_mean": 0.0, "ceiling": 0.0}).items()
    ]
    return Runs(scores=pl.DataFrame(), cases=pl.DataFrame(rows), predictions=pl.DataFrame())


def made(**settings: Any) -> EnsembleView:
    """Make the view of the two kinds of stack."""
    defaults = {"name": "n", "question": "Does it help?", "stacks": ["own", "all"]}
    return EnsembleView(**defaults | settings)


def differences(table: pl.DataFrame, stack: str) -> dict[tuple[str, str], float]:
    """Return what a stack differs by from what."""
    rows = table.filter(pl.col("stack") == stack, pl.col("metric") == "w1")
    return dict(
        zip(zip(rows["first"], rows["second"], strict=True), rows["difference"], strict=True)
    )


def test_stack_is_compared_with_each_of_its_members() -> None:
    """x: .35 against .5 and .3; y: .75 against .7 and .9: a mean of -.05 over four members.

    Calibrated .1 against .2 and .4, .5 against .6 and .8: -.2. Best alone are .3 and .7
    uncalibrated, +.05 and +.05, and .2 and .6 calibrated.
    """
    table = made(metrics=["w1"]).table(runs(W1))

    assert differences(table, "own") == pytest.approx(
        {
            ("plain mean", "single"): -0.05,
            ("plain mean", "best single"): 0.05,
            ("plain mean", "single with auto"): 0.05,
            ("stack with auto", "plain mean"): -0.25,
            ("stack with auto", "single with auto"): -0.2,
            ("stack with auto", "best single with auto"): -0.1,
        }
    )
    assert table.filter(pl.col("stack") == "own")["n_conditions"].to_list() == [4, 2, 4, 2, 4, 2]


def test_stack_of_all_has_every_single_estimate_as_member() -> None:
    """Four singles of .5, .3, .7 and .9 have a mean of .6; the best is .3."""
    table = made(metrics=["w1"]).table(runs(W1))

    found = differences(table, "all")
    assert_allclose(found["plain mean", "single"], 0.25 - 0.6)
    assert_allclose(found["plain mean", "best single"], 0.25 - 0.3)
    assert_allclose(found["stack with auto", "best single with auto"], 0.05 - 0.2)
    assert "- all, plain mean against single: " in made().caption(table)


def test_equal_stacks_are_told_once() -> None:
    """With one model, its own estimates are all that there are."""
    one_model = {key: W1[key] for key in W1 if key[0] == "x"} | {
        ("x", "e", "all"): W1["x", "e", "own"]
    }

    table = made().table(runs(one_model))

    assert set(table["stack"]) == {"own"}


def test_runs_without_a_stack_have_nothing_to_compare() -> None:
    """The caption says so."""
    table = made().table(runs({("x", "e", "p"): W1["x", "e", "p"]}))

    assert table.is_empty()
    assert "There is nothing to compare" in made().caption(table)


@pytest.mark.parametrize(
    ("settings", "message"), [({"stacks": "own"}, "'stacks'"), ({"metrics": []}, "'metrics'")]
)
def test_bad_setting_is_refused(settings: dict[str, Any], message: str) -> None:
    """The sentence names the parameter."""
    with pytest.raises(ConfigError, match=message):
        made(**settings)
