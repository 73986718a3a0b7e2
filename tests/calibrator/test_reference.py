"""Against alignments of the same methods that were computed without this package."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import Lasso, Ridge

from distexp.calibrator.regression import OptionRegression
from distexp.dataset.recorded import Recorded
from distexp.evaluation.evaluation import Evaluation
from distexp.protocols import Calibrator
from distexp.types import Study

DATA = Path(__file__).parents[2].parent / "shared" / "data"
RECORDED, REFERENCE = DATA / "recorded_visible.parquet", DATA / "reference_alignment.csv"
TOLERANCE = 0.005
"""Half a point of alignment: the splits are other ones, and so are the forests' draws."""

pytestmark = pytest.mark.skipif(
    not (RECORDED.exists() and REFERENCE.exists()),
    reason=f"the recorded answers, which may not be passed on, are not in {DATA}",
)


@pytest.fixture(scope="module")
def studies() -> list[Study]:
    """Return the studies without examples in their prompts, ordinal questions only."""
    recorded = Recorded(str(RECORDED), prompts=["base", "persona"]).load().studies
    return [ordinal(study) for study in recorded]


def ordinal(study: Study) -> Study:
    """Leave the nominal questions out."""
    pairs = zip(study.cases, study.estimates, strict=True)
    kept = [(case, estimate) for case, estimate in pairs if case.question.kind != "nominal"]
    cases, estimates = zip(*kept, strict=True)
    return replace(study, cases=cases, estimates=estimates)


def differences(
    studies: list[Study], calibrators: Mapping[str, Calibrator], n_splits: int
) -> pl.DataFrame:
    """Return one row per study and method: alignment here minus the reference."""
    evaluation = Evaluation(
        n_splits=n_splits,
        intervals="bootstrap",
        n_bootstrap=1,
        n_ceiling_draws=1,
        unreadable="uniform",
        extras=False,
    )
    rows = []
    for study in studies:
        alignment = {
            score.calibrator: score.value
            for score in evaluation.run(study, calibrators).scores
            if score.metric == "alignment"
        }
        where = {name: getattr(study.condition, name) for name in KEYS[:-1]}
        rows += [{**where, "method": name, "here": alignment[name]} for name in calibrators]
        rows.append({**where, "method": "uncal", "here": alignment["identity"]})
    table = pl.DataFrame(rows).join(pl.read_csv(REFERENCE), on=KEYS, validate="1:1")
    assert len(table) == len(rows)
    return table.with_columns(difference=pl.col("here") - pl.col("A"))


KEYS = ["dataset", "model", "elicitation", "prompt", "method"]


@pytest.mark.parametrize(
    ("name", "n_splits", "calibrator"),
    [
        ("ridge_pool", 50, OptionRegression(Ridge(alpha=1.0))),
        ("lasso_a1e-3", 50, OptionRegression(Lasso(alpha=0.001))),
        # One split fits up to 21 regressors: fewer splits keep the test short.
        ("ridge_pos", 20, OptionRegression(Ridge(alpha=1.0), layout="per_position")),
        ("ridge_multi", 20, OptionRegression(Ridge(alpha=1.0), layout="joint")),
    ],
)
def test_linear_regressors_score_as_in_the_reference(
    studies: list[Study], name: str, n_splits: int, calibrator: Calibrator
) -> None:
    """In every one of the 36 studies, and so does the uncalibrated prediction."""
    table = differences(studies, {name: calibrator}, n_splits)

    assert len(table) == 2 * 36
    assert table.filter(pl.col("difference").abs() > TOLERANCE).rows(named=True) == []


@pytest.mark.parametrize(("name", "leaf"), [("rf_pool", 1), ("rf_leaf20", 20)])
def test_forests_score_as_in_the_reference(studies: list[Study], name: str, leaf: int) -> None:
    """In every sixth study; with five splits, as there, chance alone makes up to 0.8 points."""
    forest = RandomForestRegressor(n_estimators=20, min_samples_leaf=leaf, random_state=0)

    table = differences(studies[::6], {name: OptionRegression(forest)}, n_splits=20)

    assert len(table) == 2 * 6
    assert table.filter(pl.col("difference").abs() > TOLERANCE).rows(named=True) == []
