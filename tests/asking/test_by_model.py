"""What is kept for each of several models."""

import gc
from dataclasses import dataclass
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from distexp.asking.by_model import ByModel, each_once
from distexp.protocols import Model


@dataclass
class Alike:
    """Equals others, and has no hash."""

    name: str = "m"


@given(st.lists(st.tuples(st.integers(0, 3), st.integers()), max_size=12))
def test_equal_models_are_told_apart(pairs: list[tuple[int, int]]) -> None:
    """As a dictionary of their numbers would."""
    models = cast("list[Model]", [Alike() for _ in range(4)])
    kept = ByModel((models[number], value) for number, value in pairs)
    oracle = dict(pairs)
    assert [value for _, value in kept.items()] == [*oracle.values()]
    assert all((model in kept) == (number in oracle) for number, model in enumerate(models))
    assert all(kept[models[number]] == value for number, value in oracle.items())
    once = each_once(models[number] for number, _ in pairs)
    assert [next(n for n, one in enumerate(models) if one is m) for m in once] == [*oracle]


def test_model_that_is_gone_lends_its_place_to_no_other() -> None:
    """An identity is used again once its object is gone, so the mapping holds the object."""
    kept: ByModel[int] = ByModel()
    for number in range(100):
        kept[cast("Any", Alike(str(number)))] = number
        gc.collect()
    assert [*kept.values()] == [*range(100)]
    assert cast("Any", Alike()) not in kept
