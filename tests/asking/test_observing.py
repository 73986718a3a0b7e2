"""A model whose draws all agree is said not to vary; one that varies is not."""

from hypothesis import given
from hypothesis import strategies as st

from distexp.asking.observing import LEAST_CASES, drawn_alike, never_varies
from distexp.types import Distribution, Reading

YES, NO = (Reading(distribution=Distribution(probabilities=p)) for p in ((1.0, 0.0), (0.0, 1.0)))
NATURAL, REVERSED = (0, 1), (1, 0)


@given(st.lists(st.lists(st.sampled_from([YES, NO, None]), max_size=4), max_size=12))
def test_a_note_stands_just_where_every_repeated_draw_agrees(
    cases: list[list[Reading | None]],
) -> None:
    """By definition: at least five cases with two readable draws, each with one answer."""
    found = [drawn_alike([NATURAL] * len(readings), readings) for readings in cases]
    drawn = [one for one in found if one is not None]

    repeated = [
        said for of_one in cases if len(said := [one for one in of_one if one is not None]) > 1
    ]
    alike = all(len({one.distribution.probabilities for one in said}) == 1 for said in repeated)
    assert bool(never_varies(drawn, "m", "self_random", "base")) == (
        len(repeated) >= LEAST_CASES and alike
    )


def test_draws_in_other_orders_are_no_repetitions() -> None:
    """That a model answers by position is another matter."""
    assert drawn_alike([NATURAL, REVERSED], [YES, YES]) is None
