"""Whether the nearest row of a sweep is told from the others, beside an oracle."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_rel

from distexp.evaluation.comparison import holm
from distexp.page.answer import HOW_FAR, of_sweep
from distexp.page.nearest import ALPHA, untold


@given(st.integers(0, 10**6), st.integers(2, 12), st.integers(1, 6))
def test_rows_are_told_apart_as_by_paired_t_tests(seed: int, n: int, n_others: int) -> None:
    """Which the jackknife is where all questions have equally many cases."""
    rng = np.random.default_rng(seed)
    nearest = rng.random(n)
    others = nearest + rng.normal(0.2, 0.3, (n_others, n))

    p = np.array([ttest_rel(one, nearest).pvalue for one in others])

    assert untold([1] * n, nearest.tolist(), others.tolist()) == (holm(p) >= ALPHA).sum()


def test_of_one_question_nothing_is_told_from_anything() -> None:
    """However far apart."""
    assert untold([3], [0.1], [[0.9], [0.8]]) == 2


@pytest.mark.parametrize(
    ("further", "said"),
    [
        (0.0, "cannot be told from 1 of the 1 others"),
        (0.3, "is told from all 1 others that ask the model, beyond chance"),
    ],
)
def test_the_answer_of_a_sweep_says_it(further: float, said: str) -> None:
    """Beside how far off the nearest is."""
    near = [0.11, 0.1, 0.12, 0.1, 0.09, 0.1]
    far = [x + further + 0.01 * (-1) ** place for place, x in enumerate(near)]
    rows = [
        {"condition": ["town", model, "e", "p"], "name": "ridge", "label": "ridge", "asks": True,
         "kind": "level", "adds": None, "sums": sums}
        for model, sums in (("m", near), ("n", far))
    ]  # fmt: skip
    survey = {"name": "town", "counts": [1] * 6, "rows": rows}

    [(_, text)] = dict(of_sweep({"surveys": [survey], "jobs": [None]}))[HOW_FAR]

    assert said in text
