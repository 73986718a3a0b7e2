"""Functions of scipy that are written out, against scipy."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.special import gammaln, stdtr, stdtrit

from distexp.metrics.special import FARTHEST, log_factorial, student_cdf, student_quantile

DEGREES = st.floats(0.1, 500)


@given(st.floats(-1e6, 1e6) | st.floats(-4, 4), DEGREES)
def test_chances_of_students_t_are_those_of_scipy(t: float, df: float) -> None:
    """Of small tails too: they are p-values."""
    assert_allclose(student_cdf(t, df), stdtr(df, t), rtol=1e-9, atol=0)


@given(st.floats(1e-6, 1 - 1e-6), DEGREES)
def test_quantiles_of_students_t_have_their_share_below(share: float, df: float) -> None:
    """As scipy's, except next to 0, where a share of one half is all that is known of it."""
    assert_allclose(student_quantile(share, df), stdtrit(df, share), rtol=1e-9, atol=1e-12)


@given(st.floats(1e-9, 0.49), st.floats(1e-5, 1))
def test_hardly_any_degrees_of_freedom_have_quantiles_far_out(share: float, df: float) -> None:
    """As where all questions but one are of one battery; past all numbers they are very large."""
    found, known = -student_quantile(share, df), -stdtrit(df, share)
    if known < FARTHEST:
        assert_allclose(found, known, rtol=1e-9)
    else:
        assert FARTHEST <= found < np.inf


@given(st.lists(st.integers(0, 10**7), min_size=1))
def test_logarithms_of_factorials_are_those_of_the_gamma_function(n: list[int]) -> None:
    """From the first, of which the logarithm is 0, to those of the largest surveys."""
    numbers = np.array(n, dtype=np.float64)
    assert_allclose(log_factorial(numbers), gammaln(numbers + 1), rtol=1e-12, atol=1e-15)
