"""Answers are stored together, and none is lost with another."""

import asyncio
import math
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from distexp.cache import Paid, Record, ResponseCache
from distexp.errors import CacheError
from distexp.recording import Recorder
from distexp.types import Request, Response


class WatchedCache(ResponseCache):
    """A cache that notes which thread stores what."""

    def __init__(self, path: Path, mode: str = "use") -> None:
        super().__init__(path, mode)
        self.threads: set[str] = set()

    def put_many(self, answers: Sequence[Paid]) -> list[Record]:
        """Note the thread, and store."""
        self.threads.add(threading.current_thread().name)
        return super().put_many(answers)


def paid(number: int, latency_s: float = 0.1) -> Paid:
    """Make an answer."""
    request = Request(provider="p", model="m", endpoint=None, body={"number": number})
    response = Response(text=f"answer {number}", finish_reason="stop")
    return Paid(
        request=request, response=response, latency_s=latency_s, attempts=2, versions={"v": "1"}
    )


def store(cache: ResponseCache, answers: list[Paid]) -> list[Record | BaseException]:
    """Put all at once, and return what came of each."""

    async def put_all(recorder: Recorder) -> list[Record | BaseException]:
        return await asyncio.gather(*map(recorder.put, answers), return_exceptions=True)

    with Recorder(cache) as recorder:
        recorder.check().result()
        return asyncio.run(put_all(recorder))


def test_all_that_is_put_is_stored(tmp_path: Path) -> None:
    """With what stands beside it, by one thread that is not the one of the calls."""
    cache = WatchedCache(tmp_path)
    answers = [paid(number) for number in range(50)]

    records = store(cache, answers)

    stored = ResponseCache(tmp_path).get_many([one.request for one in answers])
    assert [stored[one.request.key] for one in answers] == records
    assert {record.attempts for record in stored.values()} == {2}
    assert len(cache.threads) == 1
    assert threading.current_thread().name not in cache.threads


def test_one_bad_answer_does_not_take_the_others_with_it(tmp_path: Path) -> None:
    """They share a transaction; where that fails each is stored by itself."""
    answers = [paid(0), paid(1), paid(2, latency_s=math.nan), paid(3)]

    outcomes = store(ResponseCache(tmp_path), answers)

    assert [type(outcome) for outcome in outcomes] == [Record, Record, CacheError, Record]
    stored = ResponseCache(tmp_path).known([one.request for one in answers])
    assert stored == {one.request.key for one in answers if one.latency_s == 0.1}


def test_first_answer_wins(tmp_path: Path) -> None:
    """Where another process was faster, its answer is the one that is returned."""
    store(ResponseCache(tmp_path), [paid(1)])
    other = Response(text="another", finish_reason="stop")
    later = Paid(request=paid(1).request, response=other, latency_s=0, attempts=1, versions={})

    (record,) = store(ResponseCache(tmp_path), [later])

    assert isinstance(record, Record)
    assert record.response.text == "answer 1"


def test_refresh_keeps_the_old_answers(tmp_path: Path) -> None:
    """Also where many are stored at once."""
    answers = [paid(number) for number in range(5)]
    store(ResponseCache(tmp_path), answers)

    records = store(ResponseCache(tmp_path, "refresh"), answers)

    assert [record.generation for record in records if isinstance(record, Record)] == [1] * 5


def test_without_a_cache_nothing_is_written(tmp_path: Path) -> None:
    """Mode `off` returns the answers as they are."""
    records = store(ResponseCache(tmp_path / "cache", "off"), [paid(1), paid(2)])

    assert [isinstance(record, Record) for record in records] == [True, True]
    assert not (tmp_path / "cache").exists()


def test_answer_of_a_call_that_was_cancelled_is_stored(tmp_path: Path) -> None:
    """It is paid for."""

    async def put_and_cancel(recorder: Recorder) -> None:
        task = asyncio.create_task(recorder.put(paid(1)))
        await asyncio.sleep(0)
        task.cancel()
        await recorder.drain()

    with Recorder(ResponseCache(tmp_path)) as recorder:
        asyncio.run(put_and_cancel(recorder))

    assert ResponseCache(tmp_path).known([paid(1).request]) == {paid(1).request.key}


def test_call_that_is_cancelled_leaves_the_others_alone(tmp_path: Path) -> None:
    """They were to be stored together."""

    async def put_two_and_cancel_one(recorder: Recorder) -> Record:
        one, other = (asyncio.create_task(recorder.put(paid(number))) for number in (1, 2))
        await asyncio.sleep(0)
        one.cancel()
        return await other

    with Recorder(ResponseCache(tmp_path)) as recorder:
        record = asyncio.run(put_two_and_cancel_one(recorder))

    assert record.response.text == "answer 2"


def test_cache_that_cannot_be_written_is_told_before_anything_is_paid_for(tmp_path: Path) -> None:
    """A file lies where the folder should be."""
    (tmp_path / "cache").write_text("")

    with (
        Recorder(ResponseCache(tmp_path / "cache")) as recorder,
        pytest.raises(CacheError, match="cannot be used"),
    ):
        recorder.check().result()
