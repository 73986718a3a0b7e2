"""Fits that are made once: the same numbers, and never those of something else."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distexp.calibrator.blind import Blind
from distexp.calibrator.cumulative import CumulativeRegression
from distexp.calibrator.fitting import once, written_out
from distexp.calibrator.fitting.base import uniform
from distexp.types import Design, FloatArray
from tests.calibrator.designs import random_design

CHANGES = ("nothing", "prediction", "human", "weights", "setting", "scale", "text", "unit")


def both(
    penalty: float, X: Design, y: FloatArray, weights: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return what is predicted with and without each question, by a fit of its own."""
    withheld = replace(X, predicted=uniform(X), inputs=None)
    return CumulativeRegression(penalty=penalty).fit_leave_out(withheld, y, weights)


@settings(max_examples=30)
@given(seed=st.integers(0, 999), change=st.sampled_from(CHANGES), large=st.booleans())
def test_whatever_changes_is_fitted_anew(seed: int, change: str, large: bool) -> None:
    """After a fit, one that differs in a single thing is what it would be by itself.

    Of large fits the coefficients are kept, of small ones what they predict.
    """
    with pytest.MonkeyPatch.context() as patch:
        if large:
            patch.setattr(once, "MOST", 0)
            patch.setattr(written_out, "MOST", 0)
        check_anew(seed, change)


def check_anew(seed: int, change: str) -> None:
    """Fit, change one thing, and fit again."""
    rng = np.random.default_rng(seed)
    X, y = random_design(9, seed)
    weights = (rng.random((3, 9)) < 0.7).astype(float)
    Blind(CumulativeRegression(penalty=3.0)).fit_leave_out(X, y, weights)
    penalty = 2.0 if change == "setting" else 3.0
    y = y[::-1].copy() if change == "human" else y
    weights = 1 - weights if change == "weights" else weights
    others: dict[str, dict[str, object]] = {
        "prediction": {"predicted": uniform(X)},
        "scale": {"scale": rng.integers(0, 2, 9)},
        "text": {"text": np.array([["a", "b"]] * 9, dtype=object)},
        "unit": {"unit": np.arange(9) // 3},
    }
    X = replace(X, **others.get(change, {}))  # type: ignore[arg-type]

    blind = Blind(CumulativeRegression(penalty=penalty))
    found = blind.fit_leave_out(X, y, weights)
    each = np.array(list(blind.each_fit(X, y, weights)))

    wanted = both(penalty, X, y, weights)
    np.testing.assert_array_equal(found, wanted)
    np.testing.assert_array_equal(each, wanted[0])


def test_only_the_last_fits_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory does not grow with the number of surveys, nor with the size of one."""
    X, y = random_design(6, 0)
    for number in range(once.KEPT + 3):
        Blind(CumulativeRegression(penalty=1.0 + number)).fit_leave_out(X, y, np.ones((1, 6)))
    assert len(once._kept) == once.KEPT
    monkeypatch.setattr(once, "MOST", 1)
    before = list(once._kept)
    Blind(CumulativeRegression(penalty=99.0)).fit_leave_out(X, y, np.ones((1, 6)))
    assert list(once._kept) == before


def test_blind_alone_leaves_nothing_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Questions are left out where a mixture asks for it, whose fits then serve `blind` too."""
    X, y = random_design(7, 3)
    weights, asked = np.ones((2, 7)), []
    left_out = CumulativeRegression.fit_leave_out

    def counted(
        self: CumulativeRegression, X: Design, y: FloatArray, weights: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        asked.append(len(weights))
        return left_out(self, X, y, weights)

    monkeypatch.setattr(CumulativeRegression, "fit_leave_out", counted)
    blind = Blind(CumulativeRegression(penalty=7.25))
    alone = list(blind.each_fit(X, y, weights))
    assert not asked
    beside, _ = blind.fit_leave_out(X, y, weights)
    np.testing.assert_array_equal(alone, beside)
    assert asked == [2]
    np.testing.assert_array_equal(list(blind.each_fit(X, y, weights)), beside)
    assert asked == [2]
