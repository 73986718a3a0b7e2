"""On real answers: estimates of questions taken away are those of a calibrator fitted by hand."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from numpy.testing import assert_allclose
from sklearn.linear_model import Ridge

from distexp.calibrator.regression import OptionRegression
from distexp.dataset.recorded import Recorded
from distexp.evaluation.layout import design_of
from tests.small_runs import ROOT, distexp

DATA = ROOT.parent / "shared/data/recorded_visible.parquet"
CONDITION = {"dataset": "opinionqa", "model": "llama3-70b", "elicitation": "verbalized"}


@pytest.mark.skipif(not DATA.exists(), reason="the recorded answers do not travel with distexp")
@pytest.mark.parametrize("seed", [0, 1])
def test_estimates_of_a_third_of_the_questions_are_those_fitted_by_hand(
    tmp_path: Path, seed: int
) -> None:
    """`distexp predict` on the file without their human answers, against ridge on the others."""
    chosen = [pl.col(name) == value for name, value in CONDITION.items()]
    table = pl.read_parquet(DATA).filter(*chosen, pl.col("prompt") == "persona")
    questions = table["question_id"].unique().sort()
    taken = questions.sample(len(questions) // 3, seed=seed)
    is_taken = pl.col("question_id").is_in(taken.implode())
    table.with_columns(
        human=pl.when(is_taken).then(None).otherwise("human"),
        n_respondents=pl.when(is_taken).then(None).otherwise("n_respondents"),
    ).write_parquet(tmp_path / "open.parquet")

    shown = distexp(
        tmp_path, "predict", "dataset=recorded", "dataset.path=open.parquet", "out=out.parquet",
        "calibrator=[ridge]", "evaluation.n_splits=5", "evaluation.n_bootstrap=50",
        "evaluation.extras=false", "progress=false",
    )  # fmt: skip

    assert shown.returncode == 0, shown.stderr
    (study,) = Recorded(str(tmp_path / "open.parquet")).load().studies
    X, y, readable = design_of(study)
    is_open = np.array([case.human is None for case in study.cases])
    by_hand = OptionRegression(Ridge()).fit(X.take(readable & ~is_open), y[readable & ~is_open])
    rows = readable & is_open
    expected = by_hand.predict(X.take(rows))[X.mask[rows]]
    found = pl.read_parquet(tmp_path / "out.parquet").drop_nulls("calibrated")
    found = found.filter(~pl.col("group").str.starts_with("all, over "))
    assert len(found) == len(expected) > 500
    assert_allclose(found["calibrated"].to_numpy(), expected, rtol=0, atol=1e-12)
