"""Sums over options are NumPy's own, faster."""

import numpy as np
import pytest

from distexp.metrics.options import counted, largest, running, total


@pytest.mark.parametrize("n_options", range(1, 12))
def test_sums_over_options_are_those_of_numpy_to_the_bit(n_options: int) -> None:
    """Numbers of any size, in any order, and NaN in a row."""
    rng = np.random.default_rng(n_options)
    values = rng.normal(size=(3, 500, n_options)) * 10 ** rng.uniform(-6, 6, (3, 500, n_options))
    values[0, 0] = np.nan

    np.testing.assert_array_equal(total(values), values.sum(axis=-1), strict=True)
    np.testing.assert_array_equal(running(values), np.cumsum(values, axis=-1), strict=True)
    np.testing.assert_array_equal(largest(values), values.max(axis=-1), strict=True)
    counts = (values > 0).sum(axis=-1, keepdims=True)
    np.testing.assert_array_equal(counted(values > 0), counts.astype(float), strict=True)
