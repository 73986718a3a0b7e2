"""Work within which Python searches for no cycles."""

import gc

import pytest

from distexp.asking.uncollected import uncollected


def test_search_is_on_again_afterwards_whatever_happens() -> None:
    """Within another one, and after an error, too."""
    with uncollected():
        with uncollected():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()
    with pytest.raises(ValueError, match="it"), uncollected():
        raise ValueError("it")
    assert gc.isenabled()


def test_search_that_was_off_stays_off() -> None:
    """Who calls has the last word."""
    gc.disable()
    try:
        with uncollected():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
