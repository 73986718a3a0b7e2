"""Processes that share work: each part is made, whoever dies, and none of them is left."""

import multiprocessing
import os
import resource
import signal
import time
from collections.abc import Callable

import pytest

from distexp.asking.processes import in_parts

PARENT = os.getpid()
N_PARTS = 12


def is_another() -> bool:
    """Tell whether this is not the process that shares its work."""
    return multiprocessing.parent_process() is not None


def made(here: Callable[[int], tuple[int, bool]]) -> dict[int, tuple[int, bool]]:
    """Make the parts with two others, and see that each is yielded once."""
    found = list(
        in_parts(
            N_PARTS,
            here,
            lambda one: bytes([one[0], one[1]]),
            lambda _, data: (data[0], bool(data[1])),
            n_others=2,
        )
    )
    assert len(found) == len(dict(found))
    assert not multiprocessing.active_children()
    return dict(found)


def square(number: int) -> tuple[int, bool]:
    """Take a while, so that each takes a part; say whether another made it."""
    time.sleep(0.005)
    return number * number, is_another()


def test_every_part_is_made_once_here_or_elsewhere() -> None:
    """The numbers are those of the parts, and others have made some."""
    found = made(square)

    assert {number: made for number, (made, _) in found.items()} == {
        number: number * number for number in range(N_PARTS)
    }
    assert any(by_another for _, by_another in found.values())


def test_what_one_leaves_that_is_killed_is_made_here() -> None:
    """As the system kills one for want of memory."""

    def here(number: int) -> tuple[int, bool]:
        if is_another():
            os.kill(os.getpid(), signal.SIGKILL)
        return square(number)

    assert made(here) == {number: (number * number, False) for number in range(N_PARTS)}


def test_what_fails_elsewhere_fails_here() -> None:
    """A mistake in somebody's own part is shown as it is, and ends all."""

    def here(number: int) -> tuple[int, bool]:
        if is_another():
            raise ZeroDivisionError
        return square(number)

    with pytest.raises(ZeroDivisionError):
        made(here)
    assert not multiprocessing.active_children()


def test_an_interrupt_ends_the_others(capfd: pytest.CaptureFixture[str]) -> None:
    """They leave an interrupt to their parent, which ends them."""

    def here(number: int) -> tuple[int, bool]:
        if is_another():
            os.kill(os.getpid(), signal.SIGINT)
            return square(number)
        time.sleep(0.05)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        made(here)
    assert not multiprocessing.active_children()
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("n_files", range(0, 16, 3))
def test_all_is_made_here_where_the_system_has_no_room_for_others(n_files: int) -> None:
    """Whether there is none for the first of them or for the next: none is left waiting."""
    lowest = os.dup(0)
    os.close(lowest)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest + n_files, hard))
    try:
        found = made(square)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    assert found.keys() == set(range(N_PARTS))
