"""The same results on other processors, as far as one processor can tell."""

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest
from numpy.testing import assert_allclose

from distexp.report.software import arithmetic

CHOICES = ("OPENBLAS_CORETYPE", "NPY_DISABLE_CPU_FEATURES")
ENVIRONMENT = """
import os
before = set(os.environ)
import distexp, distexp.cli.main
print(*sorted(set(os.environ) - before))
import distexp.experiment, distexp.calibrator.regression
print(*sorted(set(os.environ) - before))
"""
RESULTS = """
import json, sys
import numpy as np
from dataclasses import replace
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.linear_model import Ridge
from distexp.calibrator.auto import Auto
from distexp.calibrator.baseline import Identity
from distexp.calibrator.regression import OptionRegression
from distexp.calibrator.search import QuestionCV
from distexp.calibrator.shrinkage import Shrinkage
from distexp.report.software import arithmetic
from tests.calibrator.designs import design

# Whole percentages, as they are stated: many are equal, and so are sums of them.
rng = np.random.default_rng(0)
stated, told = rng.multinomial(20, np.ones(4) / 4, (2, 90)) / 20
shares = np.exp(np.log(stated + 0.05))
case = np.arange(90)
X = design((shares / shares.sum(axis=1, keepdims=True)).tolist())
X = replace(X, question=case // 5, group=case % 5)
y = told
boosted = HistGradientBoostingRegressor(
    loss="absolute_error", max_iter=30, max_leaf_nodes=6, early_stopping=False, random_state=0
)
forest = RandomForestRegressor(n_estimators=5, min_samples_leaf=5, random_state=0)
ridge = OptionRegression(Ridge(alpha=1.0))
calibrators = {
    "boosting": OptionRegression(boosted, features="several"),
    "forest": OptionRegression(forest, layout="joint", scope="per_group"),
    "search": QuestionCV(ridge, {"regressor__alpha": [1e-9, 1e-8, 1e-7]}),
    "auto": Auto({"identity": Identity(), "shrunk": Shrinkage("uniform", 0.5), "ridge": ridge},
        {"identity": 1, "shrunk": 1, "ridge": 1}, n_standard_errors=0.0),
}
weights = (rng.random((3, 90)) < 0.7).astype(float)
found = {name: one.fit_predict(X, y, weights).tolist() for name, one in calibrators.items()}
raw = rng.random((60, 60))
print(json.dumps([arithmetic(), (raw @ raw).tolist(), np.log(raw).tolist(), found]))
"""


def said(code: str, **environment: str) -> str:
    """Return what a new process says."""
    without = {name: value for name, value in os.environ.items() if name not in CHOICES}
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**without, "PYTHONPATH": str(Path(__file__).parents[1]), **environment},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_an_import_sets_nothing_in_the_environment() -> None:
    """The arithmetic of somebody's process is their own."""
    at_first, with_parts = said(ENVIRONMENT).splitlines()

    assert at_first == ""
    assert not [name for name in with_parts.split() if name.startswith(("OPENBLAS", "NPY"))]


def test_the_code_in_use_is_told() -> None:
    """It names the kind of processor, and is the same each time."""
    assert arithmetic().split()[0] == platform.machine()
    assert arithmetic() == arithmetic()


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the names are those of x86-64")
@pytest.mark.parametrize("kernel", ["Nehalem", "Prescott"])  # none that may crash: see docs
def test_results_do_not_hang_on_the_last_bit(kernel: str) -> None:
    """Another kernel has other last bits; trees and choices are the same, numbers to 1e-9."""
    here, *usual, results = json.loads(said(RESULTS))
    there, *other, found = json.loads(
        said(RESULTS, OPENBLAS_CORETYPE=kernel, NPY_DISABLE_CPU_FEATURES="X86_V3 X86_V4")
    )

    assert here != there
    assert usual != other
    for name, predicted in results.items():
        assert_allclose(found[name], predicted, rtol=0, atol=1e-9, err_msg=name)
