"""The stand-in for `scipy.stats`: not loaded for its importers, and there when it is wanted."""

import subprocess
import sys

SCRIPT = """
import sys
from distexp.cli.later import stand_in
stand_in()
import sklearn.linear_model, sklearn.feature_extraction.text
assert "scipy.stats._stats_py" not in sys.modules, "scikit-learn takes something else of it now"
from sklearn.metrics._ranking import rankdata  # bound while the stand-in was there
assert rankdata([3, 1, 2]).tolist() == [3, 1, 2]
from scipy import stats
import scipy.stats.distributions
assert stats is sys.modules["scipy.stats"] is scipy.stats
assert stats.norm is scipy.stats.distributions.norm
assert isinstance(stats.norm(), scipy.stats.distributions.rv_frozen)
stand_in()
assert stats is sys.modules["scipy.stats"]
"""


def test_scipy_stats_is_loaded_when_something_of_it_is_called() -> None:
    """Importing scikit-learn leaves it out; later it is the module itself, whatever is taken."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
