"""Many small fits written out, against the arrows that large designs are solved by."""

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from distexp.calibrator.fitting.axes import along, axes_of
from distexp.calibrator.fitting.boundaries import Boundaries
from distexp.calibrator.fitting.coefficients import in_parts
from distexp.calibrator.fitting.panels import Questions
from distexp.calibrator.fitting.reweighted import one_by_one
from distexp.calibrator.fitting.vocabulary import Vocabulary
from distexp.calibrator.fitting.written_out import MOST, n_at_once, written_out
from tests.calibrator.designs import random_design


@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_questions=st.integers(1, 9),
    n_groups=st.integers(1, 4),
    n_words=st.lists(st.integers(0, 3), min_size=1, max_size=4),
    by_group=st.booleans(),
    n_axes=st.integers(0, 3),
    n_reweightings=st.integers(0, 3),
    units=st.booleans(),
    asked=st.sampled_from([0.4, 1.0]),
)
def test_fits_written_out_are_the_arrows(
    seed: int,
    n_questions: int,
    n_groups: int,
    n_words: list[int],
    by_group: bool,
    n_axes: int,
    n_reweightings: int,
    units: bool,
    asked: float,
) -> None:
    """Predictions with and without each question, or unit of several, agree in every fit."""
    rng = np.random.default_rng(seed)
    X, y = random_design(n_questions, seed % 1000)
    question, group = np.divmod(np.arange(n_questions * n_groups), n_groups)
    X, y = X.take(question), y[question]
    said = X.predicted * rng.uniform(0.2, 1, X.predicted.shape)
    X = replace(
        X,
        predicted=said / said.sum(axis=1, keepdims=True),
        group=group,
        scale=rng.integers(0, 3, n_questions)[question],
    )
    vocabulary = Vocabulary.of(X, by_group=by_group, n_axes=n_axes)
    boundaries = Boundaries(X, vocabulary)
    weights = rng.uniform(0.5, 2, (len(n_words), len(y))) * (rng.random(len(y)) < asked)
    weights[:, question == 0] *= rng.random((len(n_words), 1)) < 0.5  # tested in some fits
    fixed = in_parts(boundaries.penalties, boundaries)
    known = [
        (
            Questions(rng.normal(size=(n_questions, n)), boundaries.scale, len(vocabulary.scales))
            .restricted(boundaries.scales(weight > 0)),
            replace(fixed, questions=np.append(fixed.questions, np.full(n, 5.0))),
            along(boundaries, axes_of(boundaries, weight > 0)),
        )
        for n, weight in zip(n_words, weights, strict=True)
    ]  # fmt: skip
    unit = np.where(units & (question % 3 > 0), question % 3, -1)[boundaries.case]
    target = boundaries.cumulative(y) - boundaries.even
    given = (boundaries, known, target, weights, n_reweightings, unit)

    moved, without = written_out(*given)

    wanted, wanted_without = one_by_one(*given)
    assert_allclose(moved, wanted, atol=1e-9)
    assert without is not None
    assert wanted_without is not None
    assert_allclose(without, wanted_without, atol=1e-9)


def test_large_designs_are_not_written_out() -> None:
    """The matrices of all fits at once would take more time than the arrows, and memory."""
    assert n_at_once(300, 70) > 10
    assert n_at_once(MOST // 100, 10) == 1
    assert n_at_once(MOST // 100 + 1, 10) == 0
