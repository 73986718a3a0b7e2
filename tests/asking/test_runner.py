"""Calls are made once, retried where that helps, stored as they come, and answered in order."""

import asyncio
import re
from pathlib import Path

import pytest

from distexp.asking.backoff import Backoff
from distexp.asking.budget import Budget
from distexp.asking.runner import Runner
from distexp.cache import ResponseCache
from distexp.errors import CacheMissError, ModelError, TransientModelError
from distexp.model.mock import MockModel
from distexp.request import Message, Prompt, Request, Response

QUICK = Backoff(first_s=0.001)


class CountingModel(MockModel):
    """A mock that counts its calls and fails as told."""

    max_retries = 2

    def __init__(self, failures: list[ModelError] | None = None, max_concurrency: int = 4) -> None:
        super().__init__(max_concurrency=max_concurrency)
        self.failures = failures or []
        self.asked: list[str] = []
        self.in_flight = 0
        self.most_in_flight = 0
        self.closed = 0

    async def complete(self, request: Request) -> Response:
        """Fail with the next failure, or answer."""
        self.asked.append(request.key)
        if self.failures:
            raise self.failures.pop(0)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        await asyncio.sleep(0)
        self.in_flight -= 1
        return await super().complete(request)

    async def close(self) -> None:
        """Count."""
        self.closed += 1


def requests(n: int) -> list[Request]:
    """Make different requests."""
    return [
        MockModel().request(
            Prompt(
                messages=(Message(role="user", content=f"{number}?\nA. Yes\nB. No"),),
                option_order=(0, 1),
                max_tokens=9,
            )
        )
        for number in range(n)
    ]


def passing() -> TransientModelError:
    """Make a failure that passes."""
    return TransientModelError("busy", retry_after_s=0.0)


def test_answers_stand_under_the_keys_of_their_requests(tmp_path: Path) -> None:
    """Whatever order calls end in, each answer is that to its request."""
    asked = requests(20)

    answers = Runner(CountingModel(), ResponseCache(tmp_path)).run(asked)

    alone = [Runner(MockModel(), ResponseCache(tmp_path, mode="off")).run([r]) for r in asked]
    assert [answers[r.key] for r in asked] == [a[r.key] for a, r in zip(alone, asked, strict=True)]


def test_equal_requests_are_asked_once(tmp_path: Path) -> None:
    """Three equal requests are one call and one answer."""
    model = CountingModel()
    (request,) = requests(1)

    answers = Runner(model, ResponseCache(tmp_path)).run([request] * 3)

    assert len(model.asked) == len(answers) == 1


def test_second_run_asks_nothing(tmp_path: Path) -> None:
    """What is in the cache is not paid for again, and says that it is a hit."""
    first, second = CountingModel(), CountingModel()

    paid = Runner(first, ResponseCache(tmp_path)).run(requests(5))
    stored = Runner(second, ResponseCache(tmp_path)).run(requests(5))

    assert second.asked == []
    assert [a.hit for a in paid.values()] == [False] * 5
    assert [a.hit for a in stored.values()] == [True] * 5
    assert {k: a.response for k, a in stored.items()} == {k: a.response for k, a in paid.items()}


def test_only_what_is_missing_is_asked(tmp_path: Path) -> None:
    """Going from 5 to 8 requests pays for 3."""
    Runner(MockModel(), ResponseCache(tmp_path)).run(requests(5))
    model = CountingModel()

    Runner(model, ResponseCache(tmp_path)).run(requests(8))

    assert sorted(model.asked) == sorted(r.key for r in requests(8)[5:])


def test_calls_in_flight_are_bounded(tmp_path: Path) -> None:
    """No more calls are in flight than the model allows."""
    model = CountingModel(max_concurrency=3)

    Runner(model, ResponseCache(tmp_path)).run(requests(12))

    assert model.most_in_flight == 3


def test_passing_failure_is_retried(tmp_path: Path) -> None:
    """Two failures and an answer are one answer after three attempts, and are recorded so."""
    model = CountingModel(failures=[passing(), passing()], max_concurrency=1)
    cache = ResponseCache(tmp_path)
    (request,) = requests(1)

    Runner(model, cache).run([request])

    assert len(model.asked) == 3
    assert cache.get_many([request])[request.key].attempts == 3


def test_failure_for_good_is_not_retried_and_keeps_what_was_answered(tmp_path: Path) -> None:
    """Answers that came before the failure are stored; the next run goes on from there."""
    asked = requests(6)

    class Refusing(CountingModel):
        async def complete(self, request: Request) -> Response:
            if request.key == asked[3].key:
                msg = "refused"
                raise ModelError(msg)
            return await super().complete(request)

    with pytest.raises(ModelError, match=r"refused\. 3 of 6 calls were answered and are kept"):
        Runner(Refusing(max_concurrency=1), ResponseCache(tmp_path)).run(asked)

    after = CountingModel()
    Runner(after, ResponseCache(tmp_path)).run(asked)
    assert len(after.asked) == 3


def test_failure_that_does_not_pass_ends_the_run(tmp_path: Path) -> None:
    """After `max_retries` more attempts the failure is told."""
    model = CountingModel(failures=[passing() for _ in range(9)])

    with pytest.raises(ModelError, match=r"busy\. 0 of 1 calls were answered"):
        Runner(model, ResponseCache(tmp_path), backoff=QUICK).run(requests(1))

    assert len(model.asked) == 3
    assert model.closed == 1


def test_replay_makes_no_call_and_counts_what_is_missing(tmp_path: Path) -> None:
    """A missing answer is an error that says how many and how to fill them."""
    Runner(MockModel(), ResponseCache(tmp_path)).run(requests(2))
    model = CountingModel()

    with pytest.raises(CacheMissError, match=r"3 of 5 answers .* cache\.mode=use"):
        Runner(model, ResponseCache(tmp_path, mode="replay")).run(requests(5))

    assert model.asked == []


def test_refresh_asks_again(tmp_path: Path) -> None:
    """Refresh pays for every request, and later runs get the newer answers."""
    Runner(MockModel(), ResponseCache(tmp_path)).run(requests(3))
    model = CountingModel()

    answers = Runner(model, ResponseCache(tmp_path, mode="refresh")).run(requests(3))

    assert len(model.asked) == 3
    assert [a.hit for a in answers.values()] == [False] * 3


def test_off_neither_reads_nor_writes(tmp_path: Path) -> None:
    """Without a cache every run pays."""
    cache = ResponseCache(tmp_path / "cache", mode="off")

    for model in (CountingModel(), CountingModel()):
        Runner(model, cache).run(requests(2))
        assert len(model.asked) == 2

    assert not (tmp_path / "cache").exists()


def test_plan_counts_without_asking(tmp_path: Path) -> None:
    """Distinct requests, hits and misses are known before the first call."""
    Runner(MockModel(), ResponseCache(tmp_path)).run(requests(2))
    model = CountingModel()

    plan = Runner(model, ResponseCache(tmp_path)).plan([*requests(5), *requests(5)])

    assert (plan.n_requests, plan.n_hits, plan.n_misses) == (5, 2, 3)
    assert model.asked == []


def test_budget_is_never_exceeded_and_what_was_answered_is_kept(tmp_path: Path) -> None:
    """It says how far it came; with a larger budget it goes on from there."""
    model = CountingModel()
    budget = Budget(calls=5)

    runner = Runner(model, ResponseCache(tmp_path), budget=budget)
    answers = runner.run(requests(12))

    assert len(model.asked) == len(answers) == 5
    assert re.search(r"budget\.calls=5 is spent\. .* 5 of 12 calls .* kept", str(runner.stopped))
    after = CountingModel()
    Runner(after, ResponseCache(tmp_path), budget=Budget(calls=7)).run(requests(12))
    assert len(after.asked) == 7


def test_budget_holds_over_all_runs_that_share_it(tmp_path: Path) -> None:
    """A sweep has one budget; answers from the cache take nothing of it."""
    budget = Budget(calls=5)
    Runner(CountingModel(), ResponseCache(tmp_path), budget=budget).run(requests(4))
    Runner(CountingModel(), ResponseCache(tmp_path), budget=budget).run(requests(4))

    runner = Runner(CountingModel(), ResponseCache(tmp_path), budget=budget)
    runner.run(requests(7))

    assert "1 of 3 calls" in str(runner.stopped)


def test_budget_that_is_just_enough_is_enough(tmp_path: Path) -> None:
    """The last call that is allowed is the last that is needed."""
    budget = Budget(calls=6)

    assert len(Runner(MockModel(), ResponseCache(tmp_path), budget=budget).run(requests(6))) == 6


def test_defect_of_a_model_is_no_failure_of_a_call(tmp_path: Path) -> None:
    """An error that is not distexp's comes out as it is, and the model is closed."""

    class Defective(CountingModel):
        async def complete(self, request: Request) -> Response:
            raise ZeroDivisionError

    model = Defective()

    with pytest.raises(ZeroDivisionError):
        Runner(model, ResponseCache(tmp_path)).run(requests(9))

    assert model.closed == 1
