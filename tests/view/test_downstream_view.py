"""What predictions are used for, before and after, worked out by hand and against the scores."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import polars as pl
import pytest
from numpy.testing import assert_allclose

from distexp.calibrator.baseline import TrainMean
from distexp.errors import ConfigError
from distexp.evaluation.evaluation import Evaluation
from distexp.protocols import Calibrator
from distexp.report import tables
from distexp.types import Case, Condition, Distribution, Estimate, Reading, Study
from distexp.view.base import Runs
from distexp.view.downstream import DownstreamView

CALIBRATED = {"calibrated_identity": pl.Float64, "calibrated_ridge": pl.Float64}


def runs(rows: list[dict[str, Any]]) -> Runs:
    """Make runs of which only the predictions count."""
    schema = tables.predictions_schema() | CALIBRATED | {"n_train": pl.Int64}
    full = [{name: row.get(name) for name in schema} for row in rows]
    table = pl.DataFrame(full, schema=schema)
    return Runs(scores=pl.DataFrame(), cases=pl.DataFrame(), predictions=table)


def options(
    shares: Mapping[str, Sequence[float | None]], ordinals: list[float | None], **fields: Any
) -> list[dict[str, Any]]:
    """Make the rows of one case."""
    common = {
        "dataset": "d", "model": "m", "elicitation": "e", "prompt": "p", "question_id": "q",
        "attribute": "sex", "group": "F", "status": "ok", "n_train": 9, "n_respondents": 10.0,
        "design_effect": 1.0,
    } | fields  # fmt: skip
    return [
        common
        | {"option_index": i, "ordinal": ordinal}
        | {name: values[i] for name, values in shares.items()}
        for i, ordinal in enumerate(ordinals)
    ]


TWO_GROUPS = [
    *options(
        {"human": [0.2, 0.8], "calibrated_identity": [0.6, 0.4], "calibrated_ridge": [0.3, 0.7]},
        [1.0, 5.0],
    ),
    *options(
        {"human": [0.4, 0.6], "calibrated_identity": [0.5, 0.5], "calibrated_ridge": [0.5, 0.5]},
        [1.0, 5.0],
        group="M",
        n_respondents=10.0,
        design_effect=3.0,
    ),
]
"""Mean opinions of F and M: .8 and .6; the model says .4 and .5, calibrated .7 and .5."""


def test_every_task_before_and_after() -> None:
    """Favourite: wrong for F, even for M, .25; then right and even, .75.

    Mean opinion: off by .4 and .1; then by .1 and .1. Ranking: reversed, then right. The whole,
    with M three times as many: .65 of the humans, .475 and .55 by the model.
    """
    table = DownstreamView(name="n", question="Better?").table(runs(TWO_GROUPS))

    assert table["metric"].to_list() == [
        "modal_accuracy", "mean_error", "group_ranking", "population_error",
    ]  # fmt: skip
    assert_allclose(table["mean_first"], [0.75, 0.1, 1, 0.1], atol=1e-9)
    assert_allclose(table["mean_second"], [0.25, 0.25, -1, 0.175], atol=1e-9)
    assert table.select("first", "second", "n_train").row(0) == ("ridge", "identity", 9)


def test_nominal_and_untested_and_unreadable_cases() -> None:
    """A nominal question has but a favourite answer; what was not tested counts for nothing."""
    nominal = options(
        {"human": [0.9, 0.1], "calibrated_identity": [0.2, 0.8], "calibrated_ridge": [0.6, 0.4]},
        [None, None],
        question_id="nominal",
    )
    nothing: dict[str, Sequence[float | None]] = {
        "human": [0.9, 0.1],
        "calibrated_identity": [None] * 2,
        "calibrated_ridge": [None] * 2,
    }
    untested = options(nothing, [1.0, 2.0], question_id="untested")
    unreadable = options(nothing, [1.0, 2.0], question_id="lost", status="parse_error")

    table = DownstreamView(name="n", question="Better?").table(
        runs([*nominal, *untested, *unreadable])
    )

    assert table.select("metric", "mean_first", "mean_second", "n_questions").rows() == [
        ("modal_accuracy", 1.0, 0.0, 1)
    ]


def test_with_one_split_the_tasks_are_those_of_the_scores(cases: list[Case]) -> None:
    """Then the mean of the held-out predictions is the one prediction that was scored."""
    shares = [Distribution.normalized([1 + i % 3, 2 + i % 2, 3]) for i in range(len(cases))]
    study = Study(
        condition=Condition(dataset="d", model="m", elicitation="e", prompt="p"),
        cases=tuple(replace(case, design_effect=1.5) for case in cases),
        estimates=tuple(
            Estimate(reading=Reading(distribution=p), n_replies=1, n_unreadable=0) for p in shares
        ),
    )
    calibrators: dict[str, Calibrator] = {"mean": TrainMean(scope="per_group")}
    result = Evaluation(n_splits=1, test_size=0.5, n_bootstrap=20, n_ceiling_draws=2).run(
        study, calibrators
    )
    predictions = tables.predictions(study, result.calibrated)

    found = DownstreamView(name="n", question="Better?").table(
        Runs(
            scores=pl.DataFrame(),
            cases=pl.DataFrame(),
            predictions=predictions.with_columns(n_train=pl.lit(5)),
        )
    )

    scores = {(s.calibrator, s.metric): s.value for s in result.scores}
    for name, column in (("mean", "mean_first"), ("identity", "mean_second")):
        assert_allclose(found[column], [scores[name, task] for task in found["metric"]])


def test_calibrators_are_compared_with_each_of_the_others() -> None:
    """With the training mean too, to see what the model is good for; it is no calibrator."""
    schema = tables.predictions_schema() | CALIBRATED | {"n_train": pl.Int64}
    rows = [{name: row.get(name) for name in schema} for row in TWO_GROUPS]
    table = pl.DataFrame(rows, schema=schema).with_columns(
        pl.col("human").alias("calibrated_train_mean")
    )
    view = DownstreamView(name="n", question="q", against=["identity", "train_mean"])

    found = view.table(Runs(scores=pl.DataFrame(), cases=pl.DataFrame(), predictions=table))

    assert found.select("first", "second").unique(maintain_order=True).rows() == [
        ("ridge", "identity"),
        ("ridge", "train_mean"),
    ]
    assert_allclose(found["mean_second"][4:], [1, 0, 1, 0], atol=1e-9)


def test_without_calibrators_there_is_nothing_to_compare() -> None:
    """The baselines are no calibrators, and those chosen may not be there."""
    view = DownstreamView(name="n", question="Better?", calibrators=["auto"])

    table = view.table(runs(TWO_GROUPS))

    assert table.is_empty()
    assert "There is nothing to compare" in view.caption(table)


def test_bad_setting_is_refused() -> None:
    """The sentence names the parameter."""
    with pytest.raises(ConfigError, match="'calibrators'"):
        DownstreamView(name="n", question="q", calibrators="auto")
