"""`distexp cache batches` lists, collects and cancels what another process has handed over."""

import asyncio
import contextlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from distexp.asking.batch.clerk import Clerk
from distexp.asking.storing import Recorder
from distexp.cache import ResponseCache
from distexp.cli.cache import main
from distexp.model.litellm import LiteLLMModel
from distexp.request import Request
from tests.asking.batch_server import BatchServer, Faults
from tests.asking.batch_trial import model_at, requests_of


@pytest.fixture
def server() -> Iterator[BatchServer]:
    """Serve until the test ends."""
    serving = BatchServer(Faults(polls=1))
    yield serving
    serving.close()


@pytest.fixture
def handed_over(server: BatchServer, tmp_path: Path) -> Path:
    """Return a cache that a process left with a batch of three in flight."""
    model = model_at(server.url, "openai")
    hand_over(model, requests_of(model, 3), tmp_path)
    return tmp_path


def hand_over(model: LiteLLMModel, requests: Sequence[Request], folder: Path) -> None:
    """Hand requests over, and wait for nothing."""

    async def begin() -> None:
        cache = ResponseCache(folder)
        with Recorder(cache) as recorder:
            clerk = Clerk(model.terms(), cache, recorder)
            for part in clerk.parts(requests):
                await clerk.hand_over(part)
            await clerk.endpoint.close()

    asyncio.run(begin())


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, object]]:
    """Run the command and return what it prints as JSON."""
    capsys.readouterr()
    with contextlib.suppress(SystemExit):
        main(["batches", *arguments, "--json"])
    found: list[dict[str, object]] = json.loads(capsys.readouterr().out)["batches"]
    return found


def test_collected_where_no_configuration_is(
    handed_over: Path, capsys: pytest.CaptureFixture[str], server: BatchServer
) -> None:
    """The requests are in the cache: nothing but it and the key is needed."""
    path = ("--path", str(handed_over))
    (listed,) = told(capsys, *path)
    assert (listed["requests"], listed["state"], listed["model"]) == (3, "in flight", "m")

    (first,) = told(capsys, "collect", *path)
    (second,) = told(capsys, "collect", *path)

    assert first["now"] == "in_progress"
    assert (second["now"], second["answered"]) == ("collected", 3)
    assert told(capsys, "collect", *path) == told(capsys, *path) == []
    requests = requests_of(model_at(server.url, "openai"), 3)
    assert len(ResponseCache(handed_over).get_many(requests)) == 3


def test_cancelled_by_its_label(
    handed_over: Path, capsys: pytest.CaptureFixture[str], server: BatchServer
) -> None:
    """Nothing is paid for any more."""
    path = ("--path", str(handed_over))
    (listed,) = told(capsys, *path)

    told(capsys, "cancel", str(listed["label"]), *path)

    assert [made.state for made in server.batches.values()] == ["cancelled"]
    assert not server.paid


def test_one_provider_that_is_away_keeps_no_answer_of_another_back(
    handed_over: Path, capsys: pytest.CaptureFixture[str], server: BatchServer
) -> None:
    """What can be collected is, and the error stands beside the batch that it is about."""
    other = BatchServer(Faults(polls=0))
    model = model_at(other.url, "openai")
    hand_over(model, requests_of(model, 2), handed_over)
    path = ("--path", str(handed_over))
    server.close()

    rows = {row["requests"]: row for row in told(capsys, "collect", *path)}
    other.close()

    assert (rows[2]["now"], rows[2]["answered"]) == ("collected", 2)
    assert rows[3]["now"] == "failed"
    assert "cannot be reached" in str(rows[3]["error"])
    assert len(ResponseCache(handed_over).get_many(requests_of(model, 2))) == 2


def test_of_several_forgotten_one_that_arrived_is_collected(
    handed_over: Path, capsys: pytest.CaptureFixture[str], server: BatchServer
) -> None:
    """They are told in one table."""
    model = model_at(server.url, "openai")
    server.faults = Faults(polls=0, lose_calls=1)
    hand_over(model, requests_of(model, 5)[3:], handed_over)
    for made in server.batches.values():
        made.polls_left = 0
    path = ("--path", str(handed_over))
    labels = [str(row["label"]) for row in told(capsys, *path)]

    main(["batches", "forget", *labels, *path])

    shown = capsys.readouterr().out
    assert "collected" in shown
    assert "forgotten" in shown


def test_batch_that_is_over_is_collected_where_it_was_to_be_cancelled(
    handed_over: Path, capsys: pytest.CaptureFixture[str], server: BatchServer
) -> None:
    """A provider refuses to cancel what is over; its answers are paid for."""
    usual = server.answer
    (made,) = server.batches.values()
    made.polls_left = 0

    def answer(method: str, path: str, body: bytes) -> tuple[int, Any, bool]:
        if path.endswith("/cancel"):
            return 409, {"error": {"message": "Cannot cancel a completed batch."}}, False
        return usual(method, path, body)

    server.answer = answer  # type: ignore[method-assign]
    (told_of,) = told(capsys, "cancel", "--path", str(handed_over))

    assert (told_of["now"], told_of["answered"]) == ("collected", 3)


def test_batch_that_another_process_collects_is_left_to_it(
    handed_over: Path, capsys: pytest.CaptureFixture[str], server: BatchServer
) -> None:
    """It is said to be so, and is collected afterwards."""
    (made,) = server.batches.values()
    made.polls_left = 0
    other = ResponseCache(handed_over)
    (batch,) = other.batches()
    path = ("--path", str(handed_over))

    assert other.hold(batch.label)
    (held,) = told(capsys, "collect", *path)
    other.let_go(batch.label)
    (free,) = told(capsys, "collect", *path)

    assert (held["now"], free["now"]) == ("another process is at it", "collected")
