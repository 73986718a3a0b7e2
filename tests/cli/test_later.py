"""Stand-ins for modules: not loaded for their importers, and there when they are wanted."""

import subprocess
import sys

SCRIPT = """
import sys
from distexp.cli.later import CALLED_LATER, stand_in
stand_in()
import numpy as np, sklearn.linear_model, sklearn.feature_extraction.text
for own in (
    "scipy.stats._stats_py", "scipy.optimize._minimize", "scipy.interpolate._bsplines",
    "scipy.integrate._quadrature", "scipy.spatial._kdtree", "numpy.f2py.crackfortran",
):
    assert own not in sys.modules, f"scikit-learn takes something else now: {own}"
from sklearn.metrics._ranking import rankdata  # bound while the stand-in was there
assert rankdata([3, 1, 2]).tolist() == [3, 1, 2]
x = np.linspace(0, 1, 9)[:, None]
assert sklearn.linear_model.Ridge(alpha=1e-9, positive=True).fit(x, x[:, 0]).coef_.round(6) == 1
assert sklearn.linear_model.QuantileRegressor().fit(x, x[:, 0]).intercept_ is not None
assert sklearn.metrics.pairwise_distances(x, metric="cityblock")[0, -1] == 1
assert sklearn.metrics.auc([0, 1], [1, 1]) == 1
from sklearn.preprocessing import SplineTransformer
assert SplineTransformer(n_knots=3).fit_transform(x).shape == (9, 5)
from scipy import stats
import scipy.stats.distributions, scipy.optimize, scipy.spatial.distance, numpy.f2py
assert stats is sys.modules["scipy.stats"] is scipy.stats
assert stats.norm is scipy.stats.distributions.norm
assert isinstance(stats.norm(), scipy.stats.distributions.rv_frozen)
assert scipy.optimize.minimize(lambda v: (v - 2) ** 2, 0).x.round(3) == 2
assert issubclass(scipy.optimize.OptimizeResult, dict)
assert scipy.spatial.cKDTree(x).query([[0]])[0] == 0
assert callable(np.f2py.get_include)
stand_in()
for name in CALLED_LATER:
    assert type(__import__(name, fromlist=["x"])).__name__ == "module", name
"""


def test_modules_are_loaded_when_something_of_them_is_called() -> None:
    """Importing scikit-learn leaves them out; later they are themselves, whatever is taken."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


EACH = """
import importlib, os, sys
from distexp.cli.later import stand_in
stand_in()
import sklearn.linear_model
for name in (
    "scipy.spatial.distance", "scipy.cluster", "scipy.integrate._ode", "scipy.interpolate._rbf",
    "scipy.interpolate._bsplines", "scipy.optimize._zeros_py", "scipy.stats._stats_py",
    "numpy.f2py.crackfortran", "scipy.signal", "sklearn.gaussian_process", "sklearn.ensemble",
):
    child = os.fork()
    if not child:
        try:
            module = importlib.import_module(name)
            assert sys.modules[name] is module, name
            assert module.__spec__.name == name
        except BaseException as exc:
            print(name, exc, flush=True)
        os._exit(0)
    os.waitpid(child, 0)
"""


def test_modules_of_theirs_can_be_imported_first() -> None:
    """Whichever of scipy and scikit-learn it is: nothing goes round in a circle."""
    done = subprocess.run(
        [sys.executable, "-c", EACH], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
