"""Forked helpers: every part is made, whoever fails or dies, and none of them is left."""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable

import pytest

from distexp.asking.helpers import in_parts

PARENT = os.getpid()
N_PARTS = 12


def is_helper() -> bool:
    """Tell whether this is not the process that shares its work."""
    return multiprocessing.parent_process() is not None


def made(here: Callable[[int], tuple[int, bool]]) -> dict[int, tuple[int, bool]]:
    """Make the parts with two helpers, and see that each is yielded once."""
    found = list(
        in_parts(
            N_PARTS,
            here,
            lambda one: bytes([one[0], one[1]]),
            lambda _, data: (data[0], bool(data[1])),
            n_helpers=2,
        )
    )
    assert len(found) == len(dict(found))
    assert not multiprocessing.active_children()
    return dict(found)


def square(number: int) -> tuple[int, bool]:
    """Take a while, so that each helper takes a part; say whether it was made by one."""
    time.sleep(0.005)
    return number * number, is_helper()


def test_every_part_is_made_once_here_or_by_a_helper() -> None:
    """The numbers are those of the parts, and helpers have made some."""
    found = made(square)

    assert {number: made for number, (made, _) in found.items()} == {
        number: number * number for number in range(N_PARTS)
    }
    assert any(by_helper for _, by_helper in found.values())


@pytest.mark.parametrize("how", ["killed", "fails"])
def test_what_a_helper_leaves_is_made_here(how: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Be it killed, or wrong: that is silent, as it is said here where it is wrong here too."""

    def here(number: int) -> tuple[int, bool]:
        if is_helper():
            if how == "killed":
                os.kill(os.getpid(), signal.SIGKILL)
            raise ValueError(number)
        return square(number)

    assert made(here) == {number: (number * number, False) for number in range(N_PARTS)}
    assert capfd.readouterr() == ("", "")


def test_an_interrupt_ends_the_helpers(capfd: pytest.CaptureFixture[str]) -> None:
    """They leave an interrupt to their parent, which ends them."""

    def here(number: int) -> tuple[int, bool]:
        if is_helper():
            os.kill(os.getpid(), signal.SIGINT)
            return square(number)
        time.sleep(0.05)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        made(here)
    assert not multiprocessing.active_children()
    assert capfd.readouterr() == ("", "")
