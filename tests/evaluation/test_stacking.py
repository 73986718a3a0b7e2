"""Studies put together: a plain mean where there is something to average."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Self

import numpy as np
import pytest
from numpy.testing import assert_allclose

from distexp.errors import ConfigError
from distexp.evaluation.evaluation import Evaluation, design_of
from distexp.evaluation.stacking import stack
from distexp.types import (
    Case,
    Condition,
    Design,
    Distribution,
    Estimate,
    FloatArray,
    Reading,
    Study,
)


def study(cases: Sequence[Case], shares: Sequence[float] | None, **condition: str) -> Study:
    """Return a study that predicts the same for every case, or could not be read at all."""
    named = {"dataset": "d", "model": "m", "elicitation": "e", "prompt": "p", **condition}
    reading = (
        None if shares is None else Reading(distribution=Distribution.normalized(shares), mass=0.5)
    )
    estimate = Estimate(reading=reading, n_replies=2, n_unreadable=2 * (reading is None))
    return Study(
        condition=Condition(**named), cases=tuple(cases), estimates=(estimate,) * len(cases)
    )


def test_estimates_are_the_plain_mean_of_the_members(cases: list[Case]) -> None:
    """Replies of all are counted, and calibrators see the mean and what it is made of."""
    one, other = study(cases, [1, 0, 0], model="a"), study(cases, [0, 1, 3], model="b")

    stacked = stack([one, other])
    design, _, readable = design_of(stacked)

    assert stacked.condition == Condition(dataset="d", model="a+b", elicitation="e", prompt="p")
    assert stacked.members == (one, other)
    assert (stacked.estimates[0].n_replies, stacked.estimates[0].n_unreadable) == (4, 0)
    assert readable.all()
    assert_allclose(design.predicted[3], [0.5, 0.125, 0.375])
    assert design.inputs is not None
    assert_allclose(design.inputs[3], np.array([[1, 0, 0], [0, 0.25, 0.75]]))


def test_unreadable_members_are_replaced_by_the_mean_of_the_readable(cases: list[Case]) -> None:
    """A case is lost only where nobody could be read."""
    read, lost = study(cases, [1, 0, 0]), study(cases, None, prompt="q")
    half = replace(lost, estimates=(*read.estimates[:2], *lost.estimates[2:]))

    design, _, readable = design_of(stack([read, lost, read]))
    _, _, partly = design_of(stack([lost, half]))

    assert readable.all()
    assert design.inputs is not None
    assert_allclose(design.inputs, np.broadcast_to([1, 0, 0], (len(cases), 3, 3)))
    assert partly.tolist() == [True] * 2 + [False] * (len(cases) - 2)


def test_lost_cases_are_an_even_guess_of_every_member_where_asked_for(cases: list[Case]) -> None:
    """`unreadable=uniform` fills what calibrators see of the members too."""
    seen = []

    class Recorder:
        scope = "pooled"

        def check_params(self) -> None:
            pass

        def fit(self, X: Design, y: FloatArray, sample_weight: object = None) -> Self:
            return self

        def predict(self, X: Design) -> FloatArray:
            seen.append(X.stacked)
            return X.predicted

    lost = stack([study(cases, None, model="a"), study(cases, None, model="b")])
    evaluation = Evaluation(
        n_splits=2, intervals="bootstrap", n_bootstrap=2, n_ceiling_draws=2, unreadable="uniform"
    )
    evaluation.run(lost, {"recorder": Recorder()})

    assert_allclose(np.concatenate(seen), np.full((8, 2, 3), 1 / 3))


def test_shared_cases_keep_the_order_of_the_first(cases: list[Case]) -> None:
    """What one member was not asked is left out of all."""
    one, other = study(cases[4:], [1, 1, 1], model="a"), study(cases[:6][::-1], [1, 1, 1])

    stacked = stack([one, other])

    assert stacked.cases == tuple(cases[4:6])
    assert all(member.cases == stacked.cases for member in stacked.members)
    assert len(stacked.estimates) == 2


def test_questions_shown_by_one_member_are_shown_by_the_stack(cases: list[Case]) -> None:
    """They are never tested, for the stack neither."""
    few_shot = replace(study(cases, [1, 1, 1], prompt="few"), shown=frozenset({"Q1"}))

    assert stack([study(cases, [1, 1, 1]), few_shot]).shown == {"Q1"}


def test_name_stands_for_the_parts_that_differ(cases: list[Case]) -> None:
    """What the members have in common keeps its name."""
    members = [study(cases, [1, 1, 1], model=model, prompt=model) for model in ("a", "b")]

    condition = stack(members, "both").condition

    assert condition == Condition(dataset="d", model="both", elicitation="e", prompt="both")


def test_what_cannot_be_stacked_is_refused(cases: list[Case]) -> None:
    """The message names what the studies do not share."""
    one = study(cases[:4], [1, 1, 1])

    with pytest.raises(ConfigError, match=r"Only studies of one dataset .* Got d and x"):
        stack([one, study(cases, [1, 1, 1], dataset="x")])
    with pytest.raises(ConfigError, match=r"share no case.*: m e p, m e q"):
        stack([one, study(cases[4:], [1, 1, 1], prompt="q")])
    with pytest.raises(ConfigError, match="at least one study"):
        stack([])
