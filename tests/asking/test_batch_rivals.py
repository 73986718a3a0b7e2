"""Batches beside calls, other processes, and providers that are not what they should be."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from distexp.asking.batch.inside import Inside
from distexp.asking.progress import Progress
from distexp.asking.schedule import Schedule
from distexp.cache import ResponseCache
from distexp.cache.disk.batches import GIVEN_UP, IN_FLIGHT, OPEN, PREPARING, Batch
from distexp.model.mock import MockModel
from distexp.request import Request, Response
from tests.asking.batch_server import BatchServer, Faults
from tests.asking.test_batches import (
    PROTOCOLS,
    ask,
    check_all_right,
    forget,
    model_at,
    requests_of,
    server,
)
from tests.asking.test_claiming import another, requests

__all__ = ["server"]


def batch_of(*asked: Request, state: str = IN_FLIGHT, label: str = "distexp-1") -> Batch:
    """Return a batch that holds requests."""
    return Batch(
        label=label,
        remote="batch_1" if state == IN_FLIGHT else None,
        state=state,
        created="2027-01-15T08:00:00.000+00:00",
        about={"provider": "openai", "name": "m", "api_base": None},
        keys=tuple(one.key for one in asked),
        documents=tuple(one.document for one in asked),
    )


class InterruptedModel(MockModel):
    """A mock during whose first call something happens."""

    def __init__(self, happens: Callable[[], object]) -> None:
        super().__init__(name="mock", max_concurrency=1)
        self.happens: Callable[[], object] | None = happens
        self.asked: list[Request] = []

    async def complete(self, request: Request) -> Response:
        """Have it happen once, and answer."""
        self.asked.append(request)
        if self.happens is not None:
            await asyncio.to_thread(self.happens)
            self.happens = None
        return await super().complete(request)


def hand_over(folder: Path, batch: Batch) -> None:
    """Write a batch down as another process would."""
    with closing(ResponseCache(folder)) as cache:
        assert cache.reserve(batch)


def test_call_sees_a_batch_that_was_handed_over_after_the_run_began(tmp_path: Path) -> None:
    """What it holds is not paid for once more, and what was answered is kept."""
    asked = requests(9)
    model = InterruptedModel(lambda: hand_over(tmp_path, batch_of(asked[8])))

    outcome = Schedule(ResponseCache(tmp_path)).run(
        [(model, request) for request in asked], Progress("", total=9, shown=False)
    )

    ((_, error),) = outcome.failures
    assert str(error).startswith("1 request is in a batch in flight, and paid for.")
    assert asked[8] not in model.asked
    assert outcome.responses.keys() == {request.key for request in model.asked}
    assert ResponseCache(tmp_path).get_many(asked).keys() == outcome.responses.keys()


def test_batch_leaves_out_what_a_call_claims_and_takes_its_answer(
    server: BatchServer, tmp_path: Path
) -> None:
    """The call of another process is paid for by that process."""
    model = model_at(server, "openai")
    asked = requests_of(model, 5)
    answer = Response(text=f"A {asked[2].key[:16]}", finish_reason="stop")

    def answered(cache: ResponseCache) -> None:
        cache.put(asked[2], answer, latency_s=0.1, attempts=1, versions={})

    with another(tmp_path, asked[2], answered):
        outcome = ask(model, asked, tmp_path)

    check_all_right(asked, outcome, tmp_path)
    assert outcome.shared == {asked[2].key}
    assert sum(len(made.rows) for made in server.batches.values()) == 4


@pytest.mark.parametrize("in_batches", [True, False])
def test_batch_whose_process_died_while_preparing_it_holds_nobody_up(
    in_batches: bool, server: BatchServer, tmp_path: Path
) -> None:
    """Nothing of it had left that costs, so nobody is asked about it."""
    model = model_at(server, "openai")
    asked = requests_of(model, 3)
    hand_over(tmp_path, batch_of(*asked, state=PREPARING))

    if in_batches:
        about = dict(model.terms().about())
        with closing(ResponseCache(tmp_path)) as cache:
            cache.save_batch(replace(batch_of(*asked, state=PREPARING), about=about))
        check_all_right(asked, ask(model, asked, tmp_path), tmp_path)
    else:
        with closing(ResponseCache(tmp_path)) as cache:
            assert Inside(cache).of(request.key for request in asked) == set()

    states = {one.label: one.state for one in ResponseCache(tmp_path).batches()}
    assert states["distexp-1"] == GIVEN_UP


def test_batch_that_a_living_process_prepares_is_respected(tmp_path: Path) -> None:
    """Its requests are nobody else's as long as it lives."""
    asked = requests(3)
    batch = batch_of(*asked, state=PREPARING)
    with closing(ResponseCache(tmp_path)) as owner, closing(ResponseCache(tmp_path)) as other:
        assert owner.hold(batch.label)
        assert owner.reserve(batch)

        assert Inside(other).of([asked[1].key, "0" * 64]) == {asked[1].key}
        assert not other.reserve(batch_of(asked[2], label="distexp-2"))

        owner.let_go(batch.label)
        assert Inside(other).of([asked[1].key]) == set()
        assert other.reserve(batch_of(asked[2], label="distexp-2"))


def test_of_a_call_and_a_batch_at_the_same_time_at_most_one_pays(tmp_path: Path) -> None:
    """Whatever the order of their steps, never both."""
    both_paid = []
    for turn in range(25):
        (asked,) = requests(1)
        folder = tmp_path / str(turn)
        paid: list[str] = []
        start = threading.Barrier(2)

        def call(folder: Path, asked: Request, paid: list[str], start: threading.Barrier) -> None:
            with closing(ResponseCache(folder)) as cache:
                cache.check_writable()
                start.wait()
                if cache.claim(asked) and not Inside(cache).of([asked.key]):
                    paid.append("call")
                    answer = Response(text="A", finish_reason="stop")
                    cache.put(asked, answer, latency_s=0.1, attempts=1, versions={})

        def batch(folder: Path, asked: Request, paid: list[str], start: threading.Barrier) -> None:
            with closing(ResponseCache(folder)) as cache:
                cache.check_writable()
                start.wait()
                if cache.reserve(batch_of(asked)):
                    paid.append("batch")

        rivals = [threading.Thread(target=of, args=(folder, asked, paid, start))
                  for of in (call, batch)]  # fmt: skip
        for rival in rivals:
            rival.start()
        for rival in rivals:
            rival.join()
        both_paid += [turn] if len(paid) > 1 else []

    assert both_paid == []


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_rows_of_nobody_are_passed_over(
    protocol: str, server: BatchServer, tmp_path: Path
) -> None:
    """Neither a key that was not handed over nor a name that is none is stored."""
    server.faults = Faults(foreign=True, duplicated=0.3, failing=0.3)
    model = model_at(server, protocol)
    asked = requests_of(model, 20)

    check_all_right(asked, ask(model, asked, tmp_path), tmp_path)

    assert set(server.paid.values()) == {1}


def test_answers_that_come_after_the_errors_are_waited_for(
    server: BatchServer, tmp_path: Path
) -> None:
    """OpenAI has a file for each: that of errors may be there first, and be the longer one."""
    server.faults = Faults(late_results=1, failing=0.7, polls=0)
    model = model_at(server, "openai", max_retries=20)
    asked = requests_of(model, 30)

    check_all_right(asked, ask(model, asked, tmp_path), tmp_path)

    assert set(server.paid.values()) == {1}


@pytest.mark.parametrize("protocol", ["openai", "gemini"])
def test_answer_that_cannot_be_stored_spoils_no_other(
    protocol: str, server: BatchServer, tmp_path: Path
) -> None:
    """It is left out, and asked for in the next run."""
    server.faults = Faults(huge=True, polls=0)
    model = model_at(server, protocol, price=[1e7, 1e7])
    asked = requests_of(model, 6)

    outcome = ask(model, asked, tmp_path)

    assert outcome.failures == []
    assert len(ResponseCache(tmp_path).get_many(asked)) == 5
    assert sum(one.is_refusal for one in outcome.responses.values()) == 1


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_batch_that_the_provider_has_no_more_is_handed_over_again_once_somebody_says_so(
    protocol: str, server: BatchServer, tmp_path: Path
) -> None:
    """Results go after a month, and an account may be another: nobody but a person can tell."""
    model = model_at(server, protocol)
    asked = requests_of(model, 4)
    hand_over(tmp_path, batch_of(*asked))
    with closing(ResponseCache(tmp_path)) as cache:
        there = replace(batch_of(*asked), remote="batches/gone", about=model.terms().about())
        cache.save_batch(there)

    first = ask(model, asked, tmp_path)
    forget(there.label, tmp_path)
    again = ask(model, asked, tmp_path)

    assert "is no longer at" in str(first.failures[0][1])
    assert f"distexp cache batches forget {there.label}" in str(first.failures[0][1])
    check_all_right(asked, again, tmp_path)
    assert not [one for one in ResponseCache(tmp_path).batches() if one.state in OPEN]


@pytest.mark.parametrize("created", ["1999-01-01T00:00:00+00:00", "2999-01-01T00:00:00+00:00"])
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_clock_that_was_wrong_keeps_nobody_waiting_and_loses_no_batch(
    created: str, protocol: str, server: BatchServer, tmp_path: Path
) -> None:
    """A batch of which it is not known whether it arrived is found, or asked about."""
    server.faults = Faults(lose_replies=1, hidden=True)
    model = model_at(server, protocol)
    asked = requests_of(model, 4)
    ask(model, asked, tmp_path)
    with closing(ResponseCache(tmp_path)) as cache:
        (lost,) = cache.batches(only_open=True)
        whole = cache.batch(lost.label)
        assert whole is not None
        cache.save_batch(replace(whole, created=created))

    hidden = ask(model, asked, tmp_path)
    server.faults.hidden = False
    found = ask(model, asked, tmp_path)

    assert "is not known" in str(hidden.failures[0][1])
    check_all_right(asked, found, tmp_path)
    assert len(server.batches) == 1
