"""Searches for cycles go on as before, whoever did without them last."""

import gc

from distexp.asking.uncollected import GARBAGE, seldom_collected


def test_who_leaves_last_restores_what_was_before() -> None:
    """As of two threads of a server that ask at a time: the first to come is the first to go."""
    before = gc.get_threshold()
    one, other = seldom_collected(), seldom_collected()

    one.__enter__()
    other.__enter__()
    one.__exit__(None, None, None)
    assert gc.get_threshold() == GARBAGE
    other.__exit__(None, None, None)

    assert gc.get_threshold() == before
