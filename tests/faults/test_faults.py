"""Against a server that fails: every answer once in the cache, none paid twice, none missing."""

import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from distexp.asking.backoff import Backoff
from distexp.asking.runner import Runner
from distexp.cache import ResponseCache
from tests.faults.client import model_at, requests
from tests.faults.server import FAULTS, Served

CLIENT = Path(__file__).with_name("client.py")
QUICK = Backoff(first_s=0.01, longest_s=0.1)


def assert_each_answered_once(served: Served, cache: Path, n: int) -> None:
    """Check the server's counts against the cache."""
    asked = requests(model_at(served.url), n)
    stored = ResponseCache(cache, "replay").get_many(asked)
    texts = [stored[request.key].response.text for request in asked]
    assert texts == [f"answer to question {number}" for number in range(n)]
    counts = served.counts()
    assert counts["delivered"] == counts["prompts_delivered"] == n


def ask(served: Served, cache: Path, n: int, **settings: Any) -> None:
    """Ask a number of questions."""
    model = model_at(served.url, **{"max_concurrency": 32, "timeout_s": 2.0, **settings})
    Runner(model, ResponseCache(cache), backoff=QUICK).run(requests(model, n))


def test_mixed_faults(tmp_path: Path) -> None:
    """Three in ten calls fail, in five ways at once."""
    with Served(faults=0.3, delay=0.005, retry_after=0.01) as served:
        ask(served, tmp_path, 300)

        assert_each_answered_once(served, tmp_path, 300)
        assert set(served.counts()["did"]) == {"answer", *FAULTS}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_alone(tmp_path: Path, fault: str) -> None:
    """Half of all calls fail in the same way."""
    n = 8 if fault == "stall" else 60
    with Served(faults=0.5, kinds=fault, retry_after=0.01) as served:
        ask(served, tmp_path, n)

        assert_each_answered_once(served, tmp_path, n)


def test_through_litellm(tmp_path: Path) -> None:
    """The calls that litellm makes are retried by the same rules."""
    with Served(faults=0.3, retry_after=0.01) as served:
        ask(served, tmp_path, 60, direct=False, timeout_s=1.0)

        assert_each_answered_once(served, tmp_path, 60)


def test_server_that_takes_few_calls_at_once_is_soon_asked_no_more_than_these(
    tmp_path: Path,
) -> None:
    """Of 64 calls at once it takes 8 and turns the others away."""
    with Served(delay=0.01, most=8) as served:
        ask(served, tmp_path, 300, max_concurrency=64)

        assert_each_answered_once(served, tmp_path, 300)
        assert served.counts()["calls"] < 450


@contextmanager
def client(
    served: Served, cache: Path, n: int, concurrency: int, grace_s: float = 60.0
) -> Iterator["subprocess.Popen[str]"]:
    """Run the client in a process of its own until it has some answers."""
    settings = (served.url, str(cache), str(n), str(concurrency), str(grace_s))
    arguments = [sys.executable, str(CLIENT), *settings]
    child = subprocess.Popen(
        arguments,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "FAULTS_KEY": "sk-marker-in-the-environment"},
    )
    assert child.stderr is not None
    try:
        yield child
    finally:
        child.kill()
        child.wait()
        child.stderr.close()


def wait_for(served: Served, name: str, least: int) -> None:
    """Wait until the server has counted so many."""
    deadline = time.monotonic() + 120.0
    while served.counts()[name] < least:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_twenty_kills_lose_only_the_calls_in_flight(tmp_path: Path) -> None:
    """After each the cache is sound; the same run goes on, and in the end nothing is missing.

    A call is in flight until its answer is stored, and no more than twice as many calls are as
    may be at the server at once.
    """
    n, concurrency = 600, 8
    with Served(delay=0.02) as served:
        asked = requests(model_at(served.url), n)
        lost = [0]
        for kill in range(20):
            with client(served, tmp_path, n, concurrency) as child:
                wait_for(served, "delivered", served.counts()["delivered"] + 1 + 2 * (kill % 10))
                child.send_signal(signal.SIGKILL)
                child.wait()
            assert integrity(tmp_path) == "ok"
            stored = ResponseCache(tmp_path, "replay").get_many(asked)
            lost.append(served.counts()["delivered"] - len(stored))

        ask(served, tmp_path, n)

        stored = ResponseCache(tmp_path, "replay").get_many(asked)
        assert len(stored) == n
        assert served.counts()["delivered"] == n + lost[-1]
    assert all(0 <= after - before <= 2 * concurrency for before, after in pairwise(lost))


def integrity(cache: Path) -> str:
    """Return what SQLite says about the database."""
    with closing(sqlite3.connect(cache / "cache.db")) as database:
        (said,) = database.execute("PRAGMA integrity_check").fetchone()
    return str(said)


def test_processes_that_ask_the_same_pay_once(tmp_path: Path) -> None:
    """Four start together on one cache with the same questions; each ends with all answers."""
    with Served(delay=0.02) as served, ExitStack() as stack:
        children = [stack.enter_context(client(served, tmp_path, 200, 8)) for _ in range(4)]
        shown = [child.communicate(timeout=120)[1] for child in children]

        assert [child.returncode for child in children] == [0] * 4
        assert_each_answered_once(served, tmp_path, 200)
    paid = [int(re.findall(r"(\d+) of \d+ calls", text)[-1]) for text in shown]
    assert sum(paid) == 200


def test_what_a_killed_process_was_asking_is_asked_by_the_next(tmp_path: Path) -> None:
    """While it lives its four calls are waited for; its death is noticed without a clock."""
    with Served(delay=1.0) as served, client(served, tmp_path, 4, 4) as child:
        wait_for(served, "calls", 4)
        calls_while_it_lived = []

        def kill() -> None:
            calls_while_it_lived.append(served.counts()["calls"])
            child.kill()

        timer = threading.Timer(0.4, kill)
        timer.start()

        ask(served, tmp_path, 4, timeout_s=5.0)

        timer.join()
        assert calls_while_it_lived == [4]
        assert served.counts()["calls"] == 8
        assert_each_answered_once(served, tmp_path, 4)


def test_interrupt_keeps_what_is_in_flight(tmp_path: Path) -> None:
    """Calls that end within a second are waited for: all that was asked is stored."""
    with Served(delay=0.3) as served:
        with client(served, tmp_path, 300, 8) as child:
            wait_for(served, "delivered", 16)
            child.send_signal(signal.SIGINT)
            child.wait(120)

        n_asked = served.counts()["calls"]
        stored = ResponseCache(tmp_path).known(requests(model_at(served.url), 300))
        assert len(stored) == n_asked < 300


def test_interrupt_does_not_wait_for_a_server_that_says_nothing(tmp_path: Path) -> None:
    """It has long ended when the server would answer."""
    with Served(delay=600) as served, client(served, tmp_path, 300, 8, 0.7) as child:
        wait_for(served, "calls", 8)
        child.send_signal(signal.SIGINT)
        child.wait(120)

        assert child.returncode != 0
