"""Who may ask, where several want the same answer."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from distexp.cache.disk.claims import Claims
from tests.cache.answers import Opener, ask

KEY = ask().key
HOLDER = """
import os, sys
from pathlib import Path
from distexp.cache.disk.claims import Claims

claims = Claims(Path(sys.argv[1]))
print(claims.take(sys.argv[2]), flush=True)
if sys.argv[3] == "forks":
    if not os.fork():
        claims.drop(sys.argv[2])  # it is not the child's
        print(claims.take(sys.argv[2]), flush=True)
        claims.close()
        os._exit(0)
    os.wait()
    print("child ended", flush=True)
sys.stdin.readline()
"""


class Holder:
    """A process that holds the claim of a key until it is ended."""

    def __init__(self, folder: Path, how: str) -> None:
        self.popen = subprocess.Popen(
            [sys.executable, "-c", HOLDER, folder, KEY, how],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.line() == "True"

    def line(self) -> str:
        """Wait for the next line that it prints."""
        assert self.popen.stdout is not None
        return self.popen.stdout.readline().strip()


@pytest.fixture
def holder(folder: Path, request: pytest.FixtureRequest) -> Iterator[Holder]:
    """Return a process that holds a claim."""
    held = Holder(folder, getattr(request, "param", "stays"))
    yield held
    held.popen.kill()
    held.popen.communicate()


def taken(claims: Claims, within_s: float = 60.0) -> bool:
    """Try again until the claim is made or time is up."""
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        if claims.take(KEY):
            return True
        time.sleep(0.01)
    return False


def test_of_many_threads_one_may_ask(opened: Opener) -> None:
    """However they interleave, each question has one payer."""
    cache, requests = opened(), [ask(number) for number in range(300)]
    together = threading.Barrier(4)

    def claimed() -> int:
        together.wait()
        return sum(map(cache.claim, requests))

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    with ThreadPoolExecutor(4) as threads:
        counts = [threads.submit(claimed) for _ in range(4)]
    sys.setswitchinterval(interval)

    assert sum(count.result() for count in counts) == 300


def test_of_two_caches_in_one_process_one_may_ask(opened: Opener) -> None:
    """As jobs of a sweep in one process are; when the one lets go, the other may."""
    one, other = opened(), opened()

    assert one.claim(ask())
    assert not other.claim(ask())
    assert other.claim(ask(1))
    one.release(ask())
    assert other.claim(ask())


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_a_process_that_is_killed_lets_go_at_once(
    folder: Path, holder: Holder, end: signal.Signals
) -> None:
    """The system frees its claims; nobody waits for a lease to run out."""
    claims = Claims(folder)
    assert not claims.take(KEY)

    holder.popen.send_signal(end)
    holder.popen.wait()

    assert taken(claims)
    claims.close()


def test_a_process_that_hangs_is_passed_over_when_its_lease_has_run_out(
    folder: Path, holder: Holder
) -> None:
    """A stopped process keeps its claim, but holds others up no longer than a call can take."""
    os.kill(holder.popen.pid, signal.SIGSTOP)
    patient, impatient = Claims(folder), Claims(folder, lease_s=0.2)

    start = time.monotonic()
    assert not impatient.take(KEY)
    assert taken(impatient)

    assert time.monotonic() - start >= 0.2
    assert not patient.take(KEY)
    for claims in (patient, impatient):
        claims.close()


@pytest.mark.parametrize("jump_s", [3e8, -3e8])
def test_a_clock_that_jumps_expires_no_claim(
    folder: Path, holder: Holder, monkeypatch: pytest.MonkeyPatch, jump_s: float
) -> None:
    """Ten years forwards or backwards on the wall are no time at all."""
    claims, wall = Claims(folder, lease_s=60.0), time.time
    assert not claims.take(KEY)

    monkeypatch.setattr("time.time", lambda: wall() + jump_s)

    assert not claims.take(KEY)
    assert holder.popen.poll() is None
    claims.close()


@pytest.mark.parametrize("holder", ["forks"], indirect=True)
def test_a_child_has_no_part_in_the_claims_of_its_parent(folder: Path, holder: Holder) -> None:
    """It can neither let go of them nor make them once more, and its end does not end them."""
    assert holder.line() == "False"
    assert holder.line() == "child ended"
    claims = Claims(folder)

    assert not claims.take(KEY)

    claims.close()
