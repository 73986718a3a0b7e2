"""Contrasts of several runs know that fits vary with the questions: held to refits by hand."""

from collections.abc import Sequence

import numpy as np
import polars as pl
import pytest
from numpy.testing import assert_allclose
from scipy import stats
from sklearn.linear_model import Ridge

from distexp.calibrator.regression import OptionRegression
from distexp.evaluation.result import Result
from distexp.report import tables
from distexp.report.kept_tables import kept
from distexp.types import Study
from distexp.view.base import Runs
from distexp.view.pairs import ContrastView
from tests.evaluation.test_group_scores import EVALUATION, drawn_by_hand, study_of


def evaluated(study: Study) -> tuple[Study, Result]:
    """Evaluate ridge."""
    return study, EVALUATION.run(study, {"ridge": OptionRegression(Ridge())})


def runs(outcomes: Sequence[tuple[Study, Result]], *, keep: bool = True) -> Runs:
    """Make the tables of a run of two prompts, with what is kept of refits or without."""
    cases = pl.concat(tables.cases(study, result.per_case) for study, result in outcomes)
    trained = pl.lit(9).alias("n_train")
    refits = kept(outcomes)["refits.parquet"].with_columns(trained) if keep else None
    nothing = pl.DataFrame()
    return Runs(
        scores=nothing, cases=cases.with_columns(trained), predictions=nothing, refits=refits
    )


@pytest.mark.parametrize(("n_questions", "battery"), [(8, None), (12, 2)])
def test_two_prompts_differ_by_an_interval_of_fits_made_again(
    n_questions: int, battery: int | None
) -> None:
    """W1 of ridge with one prompt minus that with another, without each group in turn."""
    studies = [study_of(n_questions, battery, prompt) for prompt in ("p", "other")]
    by_hand = [drawn_by_hand(study) for study in studies]
    first, second = ((of["F"] + of["M"]) / 2 for of in by_hand)
    draws = first - second
    n = len(draws) - 1
    error = np.sqrt((n - 1) / n * ((draws[1:] - draws[1:].mean()) ** 2).sum())
    reach = error * stats.t.ppf(0.975, n - 1)
    view = ContrastView(name="n", question="q", column="prompt", metrics=["w1"])
    found = [evaluated(study) for study in studies]

    table = view.table(runs(found)).filter(calibrator="ridge")
    [row] = table.rows(named=True)
    [fixed] = view.table(runs(found, keep=False)).filter(calibrator="ridge").rows(named=True)

    numbers = [row["difference"], row["low"], row["high"], row["p"]]
    expected = [draws[0], draws[0] - reach, draws[0] + reach]
    p = 2 * stats.t.sf(abs(draws[0]) / error, n - 1)
    assert_allclose(numbers, [*expected, p], rtol=1e-4, atol=1e-6)
    assert (row["refitted"], fixed["refitted"], fixed["p"]) == (True, False, None)
    assert "fits as they are" in view.caption(view.table(runs(found, keep=False)))
    assert "fits as they are" not in view.caption(table)
    signs = n_questions if battery is None else n_questions // battery
    flips = row["p_flips"] * 2 ** (signs - 1)
    assert flips == pytest.approx(round(flips))


def test_two_methods_of_one_run_differ_by_the_interval_of_their_comparison() -> None:
    """The view and `comparisons.parquet` say the same."""
    study, result = evaluated(study_of(8))
    [expected] = [
        one for one in result.comparisons if (one.other, one.metric) == ("train_mean", "w1")
        and one.method == "ridge"
    ]  # fmt: skip
    pairs = [("ridge", "train_mean")]
    view = ContrastView(name="n", question="q", column="calibrator", pairs=pairs, metrics=["w1"])

    [row] = view.table(runs([(study, result)])).rows(named=True)

    for name in ("difference", "low", "high", "p", "p_flips"):
        assert_allclose(row[name], getattr(expected, name), rtol=1e-4, atol=1e-6)


def test_runs_that_dealt_their_questions_otherwise_take_fits_as_they_are() -> None:
    """Nothing is made up of groups of questions that are not the same."""
    outcomes = [evaluated(study_of(8)), evaluated(study_of(8, prompt="other"))]
    made = runs(outcomes)
    assert made.refits is not None
    mixed = made.refits.with_columns(
        pl.when(prompt="other")
        .then(7 - pl.col("left_out"))
        .otherwise("left_out")
        .alias("left_out")
    )
    other = Runs(scores=made.scores, cases=made.cases, predictions=made.predictions, refits=mixed)
    view = ContrastView(name="n", question="q", column="prompt", metrics=["w1"])

    assert view.table(made)["refitted"].all()
    assert not view.table(other)["refitted"].any()
