"""One payer for each answer: what another process is asking for is waited for."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from distexp.asking.backoff import Backoff
from distexp.asking.outcome import Outcome
from distexp.asking.progress import Progress
from distexp.asking.runner import Runner
from distexp.asking.schedule import Schedule
from distexp.cache import ResponseCache
from distexp.errors import ModelError
from distexp.model.mock import MockModel
from distexp.protocols import Limits, Model
from distexp.request import Message, Prompt, Request, Response


class CountingModel(MockModel):
    """A mock that counts its calls; the request it is told to refuse fails for good."""

    def __init__(self, name: str = "mock", refused: Request | None = None) -> None:
        super().__init__(name=name, max_concurrency=4)
        self.asked: list[Request] = []
        self.refused = refused

    async def complete(self, request: Request) -> Response:
        """Count, and refuse or answer."""
        self.asked.append(request)
        if request == self.refused:
            msg = "refused"
            raise ModelError(msg)
        return await super().complete(request)


def requests(n: int, model: MockModel | None = None) -> list[Request]:
    """Make different requests."""
    return [
        (model or MockModel()).request(
            Prompt(
                messages=(Message(role="user", content=f"{number}?\nA. Yes\nB. No"),),
                option_order=(0, 1),
                max_tokens=9,
            )
        )
        for number in range(n)
    ]


def run(path: Path, calls: list[tuple[Model, Request]], mode: str = "use") -> Outcome:
    """Make calls by a schedule with a cache of its own, as another process has one."""
    schedule = Schedule(ResponseCache(path, mode), backoff=Backoff(first_s=0.001))
    return schedule.run(calls, Progress("asking", total=len(calls), shown=False))


@contextmanager
def another(
    path: Path, request: Request, end: Callable[[ResponseCache], object], after_s: float = 0.3
) -> Iterator[None]:
    """Claim a request as another process would, and end that after a time."""
    claimed = threading.Event()

    def ask() -> None:
        with closing(ResponseCache(path)) as cache:
            assert cache.claim(request)
            claimed.set()
            time.sleep(after_s)
            end(cache)

    thread = threading.Thread(target=ask)
    thread.start()
    assert claimed.wait(60)
    yield
    thread.join()


def store(request: Request) -> Callable[[ResponseCache], object]:
    """Have the answer stored that the other process paid for."""
    response = Response(text="paid by another", finish_reason="stop")
    return lambda cache: cache.put(request, response, latency_s=0, attempts=1, versions={})


def test_what_another_is_asking_for_is_waited_for(tmp_path: Path) -> None:
    """The others are asked meanwhile; its answer is taken once it is stored."""
    model, asked = CountingModel(), requests(6)

    with another(tmp_path, asked[2], store(asked[2])):
        outcome = run(tmp_path, [(model, request) for request in asked])

    assert asked[2] not in model.asked
    assert len(model.asked) == 5
    assert outcome.responses[asked[2].key].text == "paid by another"
    assert outcome.shared == {asked[2].key}
    assert len(outcome.responses) == 6


def test_answer_that_another_paid_for_is_a_hit(tmp_path: Path) -> None:
    """It cost nothing here."""
    (request, other) = requests(2)

    with another(tmp_path, request, store(request)):
        answers = Runner(CountingModel(), ResponseCache(tmp_path)).run([request, other])

    assert [answers[r.key].hit for r in (request, other)] == [True, False]


def test_what_another_gives_up_is_asked(tmp_path: Path) -> None:
    """It let go of its claim, or died, and left no answer."""
    model, (request,) = CountingModel(), requests(1)

    with another(tmp_path, request, lambda _: None, after_s=0.1):
        outcome = run(tmp_path, [(model, request)])

    assert model.asked == [request]
    assert outcome.shared == set()


def test_what_has_just_been_stored_is_not_asked(tmp_path: Path) -> None:
    """The cache is looked at once more after a claim."""
    model, asked = CountingModel(), requests(9)
    run(tmp_path, [(MockModel(), request) for request in asked[:5]])

    outcome = run(tmp_path, [(model, request) for request in asked])

    assert model.asked == asked[5:]
    assert outcome.shared == {request.key for request in asked[:5]}


@pytest.mark.parametrize("mode", ["refresh", "off"])
def test_whoever_asks_anew_asks_for_itself(tmp_path: Path, mode: str) -> None:
    """Claims of others do not matter: none of their answers would be taken."""
    model, (request,) = CountingModel(), requests(1)

    with another(tmp_path, request, store(request)):
        outcome = run(tmp_path, [(model, request)], mode)

    assert model.asked == [request]
    assert outcome.shared == set()


def test_claims_of_a_model_that_is_given_up_are_let_go_at_once(tmp_path: Path) -> None:
    """Another may ask for its answers while the run goes on with other models."""
    refused = requests(4, CountingModel("refusing"))
    free: list[bool] = []

    class Slow(CountingModel):
        async def complete(self, request: Request) -> Response:
            deadline = time.monotonic() + 60
            with closing(ResponseCache(tmp_path)) as other:
                while not all(map(other.claim, refused)) and time.monotonic() < deadline:
                    other.close()
                    await asyncio.sleep(0.01)
                free.append(all(not other.claim(one) for one in refused))
            return await super().complete(request)

    bad, slow = CountingModel("refusing", refused[0]), Slow("slow")

    run(tmp_path, [*((bad, one) for one in refused), *((slow, one) for one in requests(1, slow))])

    assert free == [True]


def test_no_more_is_claimed_than_is_soon_asked(tmp_path: Path) -> None:
    """The rest is left to others: at 3 calls a minute, the first of 20 and two more are taken."""

    class Limited(CountingModel):
        limits = Limits(max_concurrency=4, requests_per_minute=3)

    model = Limited()
    asked = requests(20)
    free: list[int] = []

    class Watching(CountingModel):
        async def complete(self, request: Request) -> Response:
            await asyncio.sleep(0.2)
            with closing(ResponseCache(tmp_path)) as other:
                free.append(sum(map(other.claim, asked)))
            raise ZeroDivisionError

    watching = Watching("watching")
    elsewhere = [
        Request(provider="mock", model=one.model, endpoint="http://other", body=one.body)
        for one in requests(1, watching)
    ]

    with pytest.raises(ZeroDivisionError):
        run(tmp_path, [*((model, one) for one in asked), *((watching, one) for one in elsewhere)])

    assert free == [20 - 2]  # the first is answered by then
