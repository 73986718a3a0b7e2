"""`distexp cache batches` lists, collects and cancels what another process has handed over."""

import asyncio
import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from distexp.asking.batch.clerk import Clerk
from distexp.asking.storing import Recorder
from distexp.cache import ResponseCache
from distexp.cli.cache import main
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

    async def hand_over() -> None:
        cache = ResponseCache(tmp_path)
        with Recorder(cache) as recorder:
            clerk = Clerk(model.terms(), cache, recorder)
            for part in clerk.parts(requests_of(model, 3)):
                await clerk.hand_over(part)
            await clerk.endpoint.close()

    asyncio.run(hand_over())
    return tmp_path


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
