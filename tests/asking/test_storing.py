"""Answers are stored together, and none is lost with another."""

import asyncio
import math
import shutil
import sqlite3
import threading
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from distexp.asking.storing import Recorder
from distexp.cache import Paid, Record, ResponseCache
from distexp.errors import CacheError, UnstorableError
from distexp.request import Request, Response, Usage


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

    assert [type(outcome) for outcome in outcomes] == [Record, Record, UnstorableError, Record]
    stored = ResponseCache(tmp_path).known([one.request for one in answers])
    assert stored == {one.request.key for one in answers if one.latency_s == 0.1}


class ImpatientCache(ResponseCache):
    """Waits hardly at all for another process that writes."""

    busy_timeout_s = 0.01


def test_what_could_not_be_stored_is_tried_once_more_at_the_end(tmp_path: Path) -> None:
    """Another process held the database and let go of it; what came meanwhile is not lost."""
    answers = [paid(number) for number in range(5)]

    async def put_while_it_is_held(recorder: Recorder) -> tuple[list[Any], dict[str, Record]]:
        with closing(sqlite3.connect(tmp_path / "cache.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            failed = await asyncio.gather(*map(recorder.put, answers), return_exceptions=True)
        return failed, await recorder.drain()

    with Recorder(ImpatientCache(tmp_path)) as recorder:
        recorder.check().result()
        failed, rescued = asyncio.run(put_while_it_is_held(recorder))

    assert {str(exc) for exc in failed} == {str(recorder.trouble)}
    assert "database is locked" in str(recorder.trouble)
    assert set(rescued) == {one.request.key for one in answers}
    assert recorder.unstored == []
    assert ResponseCache(tmp_path).known([one.request for one in answers]) == set(rescued)


def test_what_still_cannot_be_stored_is_kept_count_of(tmp_path: Path) -> None:
    """An answer that JSON cannot hold is not stored at the second attempt either."""

    async def put_and_drain(recorder: Recorder) -> dict[str, Record]:
        answers = [paid(0), paid(1, latency_s=math.nan)]
        await asyncio.gather(*map(recorder.put, answers), return_exceptions=True)
        return await recorder.drain()

    with Recorder(ResponseCache(tmp_path)) as recorder:
        assert asyncio.run(put_and_drain(recorder)) == {}

    assert [one.request for one in recorder.unstored] == [paid(1).request]
    assert recorder.trouble is None


@pytest.mark.parametrize("n", [1, 5])
def test_answers_that_came_after_the_folder_was_deleted_are_stored_anew(
    tmp_path: Path, n: int
) -> None:
    """One or many: they are in the new database, and what happened is told all the same."""
    folder = tmp_path / "cache"
    answers = [paid(number) for number in range(n)]

    async def put_after_all_is_deleted(recorder: Recorder) -> list[Record]:
        shutil.rmtree(folder)
        return await asyncio.gather(*map(recorder.put, answers))

    with Recorder(ResponseCache(folder)) as recorder:
        recorder.check().result()
        records = asyncio.run(put_after_all_is_deleted(recorder))

    assert [record.key for record in records] == [one.request.key for one in answers]
    assert "was deleted or replaced while it was in use" in str(recorder.trouble)
    assert ResponseCache(folder).known([one.request for one in answers]) == {
        record.key for record in records
    }


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


class DefectCache(ResponseCache):
    """Fails to store in a way that nobody foresaw."""

    def put_many(self, answers: Sequence[Paid]) -> list[Record]:
        """Fail."""
        raise KeyError("size")


def test_defect_while_storing_ends_the_wait_for_it(tmp_path: Path) -> None:
    """Whoever has put an answer is told, and so is whoever comes later."""

    async def put(recorder: Recorder) -> list[Any]:
        answers = [recorder.put(paid(number)) for number in range(3)]
        return await asyncio.gather(*answers, return_exceptions=True)

    with Recorder(DefectCache(tmp_path)) as recorder:
        outcomes = asyncio.run(put(recorder))

    assert [type(outcome) for outcome in outcomes] == [KeyError] * 3


@pytest.mark.parametrize(
    "changes",
    [
        {"usage": Usage(prompt_tokens=1 << 63, completion_tokens=1)},
        {"cost_usd": 1e300},
        {"cost_usd": math.inf},
        {"provider_model": 17},
        {"system_fingerprint": ["a"]},
        {"text": None},
        {"top_logprobs": (((17, -1.0),),)},
        {"top_logprobs": ((("a", math.nan),),)},
    ],
)
def test_what_a_reader_would_refuse_is_never_stored(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    """The answer beside it is, and nothing else is wrong with the cache."""
    bad = paid(0)
    bad = replace(bad, response=replace(bad.response, **changes))

    outcomes = store(ResponseCache(tmp_path), [bad, paid(1)])

    assert [type(outcome) for outcome in outcomes] == [UnstorableError, Record]
    assert ResponseCache(tmp_path).known([bad.request, paid(1).request]) == {paid(1).request.key}
