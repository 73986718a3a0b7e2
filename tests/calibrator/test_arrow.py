"""The structured solver against the same regression with every feature written out."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distexp.calibrator.fitting.arrow import Arrow
from distexp.calibrator.fitting.hat import left_out
from distexp.calibrator.fitting.panels import Coefficients, Panel, Questions, predict
from distexp.types import FloatArray

RNG_SEEDS = st.integers(0, 2**32 - 1)
N_VARIABLES, N_CORE, N_OWN = 4, 6, 4


def random_arrow(
    seed: int, *, n_questions: int, n_groups: int, n_scales: int, n_words: int, fill: float
) -> tuple[Arrow, Panel, FloatArray, FloatArray]:
    """Return a regression on three panels, the first panel's case too, targets and weights."""
    rng = np.random.default_rng(seed)
    panels, n_rows = [], 0
    of_size = rng.integers(1, 4, n_questions)
    for n_boundaries in (1, 2, 3):
        asked = (rng.random((n_groups or 3, n_questions)) < fill) & (of_size == n_boundaries)
        group, question = np.nonzero(asked)
        rows = n_rows + np.arange(len(group) * n_boundaries).reshape(len(group), n_boundaries)
        n_rows += rows.size
        variables = rng.normal(size=(*rows.shape, N_VARIABLES))
        variables[..., 0] = 1
        panels.append(
            Panel(
                variables=variables,
                core=rng.normal(size=(n_boundaries, N_VARIABLES, N_CORE)),
                own=rng.normal(size=(n_boundaries, N_VARIABLES, N_OWN)),
                tilt=rng.normal(size=n_boundaries),
                group=group if n_groups else np.full(len(group), -1),
                question=question,
                rows=rows,
            )
        )
    questions = Questions(
        words=rng.normal(size=(n_questions, n_words)),
        scale=rng.integers(-1, n_scales, n_questions),
        n_scales=n_scales,
    )
    penalties = Coefficients(
        core=rng.uniform(0.1, 3, N_CORE),
        questions=rng.uniform(0.1, 3, 2 * n_scales + n_words),
        groups=rng.uniform(0.1, 3, (n_groups, N_OWN)),
    )
    target = rng.normal(size=n_rows)
    arrow = Arrow(panels, questions, n_groups, penalties, target)
    return arrow, panels[0], target, rng.uniform(0.1, 5, n_rows)


def written_out(arrow: Arrow, n_rows: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return all features of shape (n_rows, n_features), their penalties, and the questions."""
    questions, n_groups = arrow.questions, arrow.n_groups
    n_scales = questions.n_scales
    features = np.zeros(
        (n_rows, N_CORE + 2 * n_scales + questions.words.shape[1] + N_OWN * n_groups)
    )
    asked = np.zeros(n_rows)
    for panel in arrow.panels:
        for case, (group, question) in enumerate(zip(panel.group, panel.question, strict=True)):
            for j, row in enumerate(panel.rows[case]):
                parts = np.zeros(features.shape[1])
                parts[:N_CORE] = panel.variables[case, j] @ panel.core[j]
                if (scale := questions.scale[question]) >= 0:
                    parts[N_CORE + scale] = 1
                    parts[N_CORE + n_scales + scale] = panel.tilt[j]
                start = N_CORE + 2 * n_scales
                words = questions.words[question]
                parts[start : start + len(words)] = words
                if group >= 0:
                    place = start + len(words) + N_OWN * group
                    parts[place : place + N_OWN] = panel.variables[case, j] @ panel.own[j]
                features[row], asked[row] = parts, question
    of = arrow.penalties
    return features, np.concatenate([of.core, of.questions, of.groups.ravel()]), asked


def solved(
    features: FloatArray, target: FloatArray, weight: FloatArray, penalty: FloatArray
) -> FloatArray:
    """Solve the normal equations as they stand."""
    weighted = features.T * weight
    gram = weighted @ features + np.diag(penalty)
    return np.asarray(np.linalg.solve(gram, weighted @ target), dtype=np.float64)


DESIGNS = {
    "seed": RNG_SEEDS,
    "n_questions": st.integers(1, 9),
    "n_groups": st.integers(0, 4),
    "n_scales": st.integers(0, 3),
    "n_words": st.integers(0, 3),
    "fill": st.sampled_from([0.3, 0.8, 1.0]),
}


@settings(max_examples=60)
@given(**DESIGNS)
def test_structured_solver_finds_the_dense_coefficients(
    seed: int, n_questions: int, n_groups: int, n_scales: int, n_words: int, fill: float
) -> None:
    """Whatever questions, groups, scales and words there are, the arrow is the dense matrix."""
    arrow, _, target, weight = random_arrow(
        seed,
        n_questions=n_questions,
        n_groups=n_groups,
        n_scales=n_scales,
        n_words=n_words,
        fill=fill,
    )
    features, penalty, _ = written_out(arrow, len(target))

    found = arrow.solve(weight)
    fitted = np.empty_like(target)
    arrow.predict(found, fitted)

    wanted = solved(features, target, weight, penalty)
    in_one = np.concatenate([found.core, found.questions, found.groups.ravel()])
    np.testing.assert_allclose(in_one, wanted, atol=1e-9)
    np.testing.assert_allclose(fitted, features @ wanted, atol=1e-9)


@settings(max_examples=40)
@given(**DESIGNS)
def test_leaving_a_question_out_is_fitting_without_it(
    seed: int, n_questions: int, n_groups: int, n_scales: int, n_words: int, fill: float
) -> None:
    """What is predicted without a question is what the dense fit to the others predicts."""
    arrow, _, target, weight = random_arrow(
        seed,
        n_questions=n_questions,
        n_groups=n_groups,
        n_scales=n_scales,
        n_words=n_words,
        fill=fill,
    )
    features, penalty, asked = written_out(arrow, len(target))
    fitted = np.empty_like(target)
    arrow.predict(arrow.solve(weight), fitted)

    found = left_out(arrow, target, weight, target - fitted)

    for question in np.unique(asked):
        rows = asked == question
        coef = solved(features[~rows], target[~rows], weight[~rows], penalty)
        np.testing.assert_allclose(found[rows], features[rows] @ coef, atol=1e-9)


@settings(max_examples=20)
@given(
    seed=RNG_SEEDS,
    n_questions=st.integers(1, 12),
    n_groups=st.integers(41, 60),
    n_words=st.integers(0, 3),
    fill=st.sampled_from([0.3, 0.8, 1.0]),
)
def test_questions_with_many_rows_are_left_out_alike(
    seed: int, n_questions: int, n_groups: int, n_words: int, fill: float
) -> None:
    """Conjugate gradients find what the dense fit finds, whatever leverage a question has."""
    arrow, _, target, weight = random_arrow(
        seed, n_questions=n_questions, n_groups=n_groups, n_scales=2, n_words=n_words, fill=fill
    )
    features, penalty, asked = written_out(arrow, len(target))
    fitted = features @ solved(features, target, weight, penalty)

    found = left_out(arrow, target, weight, target - fitted)

    for question in np.unique(asked):
        rows = asked == question
        coef = solved(features[~rows], target[~rows], weight[~rows], penalty)
        np.testing.assert_allclose(found[rows], features[rows] @ coef, atol=1e-9)


def test_group_that_was_not_trained_on_has_no_effects() -> None:
    """A case of an unknown group is predicted by what all groups have in common."""
    arrow, panel, target, weight = random_arrow(
        1, n_questions=6, n_groups=3, n_scales=2, n_words=2, fill=1.0
    )
    coef = arrow.solve(weight)
    stranger = panel.take(np.arange(1))
    stranger.group[:] = -1
    predicted = np.full_like(target, np.nan)

    predict([stranger], arrow.questions, coef, predicted)

    without = Coefficients(coef.core, coef.questions, np.zeros_like(coef.groups))
    every = np.full_like(target, np.nan)
    predict(arrow.panels, arrow.questions, without, every)
    row = stranger.rows[0, 0]
    assert predicted[row] == pytest.approx(every[row], abs=1e-12)
    assert np.isnan(np.delete(predicted, row)).all()
