"""What holds for every cache, wherever it keeps its answers."""

import json
import math
import pickle
import signal
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from distexp.cache import Cache, Paid, Record
from distexp.errors import CacheCorruptError, CacheError, ConfigError
from distexp.request import Response
from tests.cache.answers import FULL_RESPONSE, VERSIONS, ask, digest_of, put, text_of
from tests.cache.places import (
    PATIENCE_S,
    QUICK_LEASE_S,
    DiskPlace,
    Place,
    RedisPlace,
    opened,
    text_and_digest,
)
from tests.cache.real_redis import MISSING, RedisServer, redis_server

NUMBERS = count()


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    """Serve while the tests of this file run."""
    with redis_server("--appendonly", "yes") as one:
        yield one


@pytest.fixture(params=["disk"] if MISSING else ["disk", "redis"])  # test_redis.py tells why
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """Return a place for a cache that does not exist yet."""
    if request.param == "disk":
        one: Place = DiskPlace(tmp_path / "cache")
    else:
        one = RedisPlace(request.getfixturevalue("server"), f"test{next(NUMBERS)}")
    yield one
    for cache in one.caches:
        cache.close()


def paid(number: int, text: str = "paid", **changes: Any) -> Paid:
    """Return an answer to be stored."""
    response = replace(Response(text=text, finish_reason="stop"), **changes)
    return Paid(
        request=ask(number), response=response, latency_s=1.0, attempts=1, versions=VERSIONS
    )


# What is stored is what was answered


def test_what_was_put_is_given_back_and_nothing_else(place: Place) -> None:
    """Also after reopening, and only for requests that were put."""
    records = {record.key: record for record in place.fill(10)}
    asked = [ask(number) for number in range(12)]

    for mode in ("use", "replay"):
        cache = place.open(mode)
        assert cache.get_many(asked) == records
        assert dict(cache.responses(asked)) == {
            key: record.response for key, record in records.items()
        }
        assert cache.known(asked) == set(records)
        assert cache.get_many([]) == {}
        assert list(cache.responses([])) == []
        assert cache.known([]) == set()


def test_odd_text_and_numbers_survive(place: Place) -> None:
    """Half a surrogate pair, no-break spaces, an infinite log-probability, sums of decimals."""
    record = put(place.open(), ask(), response=FULL_RESPONSE)

    found = place.open("replay").get_many([ask()])[ask().key]

    assert found == record
    assert found.response == FULL_RESPONSE
    assert found.response.top_logprobs is not None
    assert found.response.top_logprobs[0][2] == ("", -math.inf)


def test_entry_holds_question_and_answer_and_no_secret(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is plain JSON with its SHA-256 beside it."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-do-not-store-me")

    put(place.open(), ask(), response=FULL_RESPONSE)

    [(name, (digest, text))] = place.entries().items()
    assert name == ask().key
    assert digest == digest_of(text.decode())
    assert json.loads(text)["request"] == json.loads(ask().document)
    assert json.loads(text)["versions"] == VERSIONS
    assert b"sk-do-not" not in text


def test_long_answer_is_restored(place: Place) -> None:
    """It is compressed on the way."""
    long = "Ä lot. " * 100_000

    put(place.open(), ask(), long)

    assert text_of(place.open(), ask()) == long


def test_more_requests_than_one_query_holds_are_answered(place: Place) -> None:
    """No answer is lost at the seams."""
    numbers = (0, 4999, 5000, 9999, 10_000)
    place.open().put_many([paid(number) for number in numbers])
    asked = [ask(number) for number in range(10_001)]

    assert set(place.open().get_many(asked)) == {ask(number).key for number in numbers}
    assert place.open().known(asked) == {ask(number).key for number in numbers}


# The modes


def test_first_answer_wins(place: Place) -> None:
    """A second one is dropped, and whoever brought it is given the first."""
    first = put(place.open(), ask(), "first")

    second = put(place.open(), ask(), "second")

    assert second == first
    assert text_of(place.open(), ask()) == "first"


def test_first_answer_wins_among_those_stored_together_too(place: Place) -> None:
    """What others have stored, and equal requests within one batch, stand beside what is new."""
    old = put(place.open(), ask(1), "old")

    records = place.open().put_many([paid(0, "a"), paid(1, "b"), paid(2, "c"), paid(2, "d")])

    assert [record.response.text for record in records] == ["a", "old", "c", "c"]
    assert records[1] == old
    assert place.open().get_many([ask(n) for n in range(3)]) == {
        record.key: record for record in records
    }


def test_refresh_asks_again_and_keeps_the_old_answers(place: Place) -> None:
    """Each is the next generation; the ones before keep their text and digest."""
    first = put(place.open(), ask(), "first")
    refreshing = place.open("refresh")

    assert refreshing.get_many([ask()]) == {}
    assert list(refreshing.responses([ask()])) == []
    assert refreshing.known([ask()]) == set()
    second, third = put(refreshing, ask(), "second"), put(refreshing, ask(), "third")

    assert [record.generation for record in (first, second, third)] == [0, 1, 2]
    assert place.open().get_many([ask()]) == {ask().key: third}
    entries = place.entries()
    assert len(entries) == 3
    for suffix, record in {"/0": first, "/1": second, "": third}.items():
        digest, text = entries[ask().key + suffix]
        assert Record.from_json(text.decode()) == record
        assert digest == digest_of(text.decode())


def test_refresh_of_many_numbers_each_by_itself(place: Place) -> None:
    """New requests begin at 0, and equal ones follow each other."""
    put(place.open(), ask(0), "old")

    records = place.open("refresh").put_many([paid(0), paid(1), paid(0), paid(2)])

    assert [record.generation for record in records] == [1, 0, 2, 0]
    assert set(place.entries()) == {
        ask(0).key, f"{ask(0).key}/0", f"{ask(0).key}/1", ask(1).key, ask(2).key,
    }  # fmt: skip


@pytest.mark.parametrize("mode", ["use", "refresh"])
def test_answers_are_stored_all_or_none(place: Place, mode: str) -> None:
    """One of them holds a number that JSON has not: what was there is as it was."""
    before = place.fill(2) and place.entries()

    with pytest.raises(CacheError, match=ask(3).key):
        place.open(mode).put_many([paid(0), paid(2), paid(3, cost_usd=math.nan), paid(4)])

    assert place.entries() == before


def test_replay_writes_nothing(place: Place) -> None:
    """Storing an answer is an error that names the mode, and so is the check."""
    before = place.fill(2) and place.entries()
    cache = place.open("replay")

    for act in (lambda: put(cache, ask(9)), cache.check_writable):
        with pytest.raises(CacheError, match=r"not written to with cache\.mode=replay"):
            act()

    assert place.entries() == before


def test_off_leaves_no_trace(place: Place) -> None:
    """Nothing is read, nothing written; the answer is handed through."""
    cache = place.open("off")

    cache.check_writable()
    record = put(cache, ask(), "handed through")

    assert record.response.text == "handed through"
    assert cache.get_many([ask()]) == {}
    assert cache.known([ask()]) == set()
    assert place.entries() == {}


def test_mode_is_checked(place: Place) -> None:
    """A bad one is named with the choices, and a bare `off` of YAML is off."""
    with pytest.raises(ConfigError, match=r"must be one of use, replay, .* Got 'cached'"):
        place.open("cached")

    assert opened(place.words, False).mode == "off"  # type: ignore[arg-type]


def test_check_passes_where_answers_can_be_stored(place: Place) -> None:
    """It leaves no entry, and can be made again."""
    cache = place.open()

    cache.check_writable()
    cache.check_writable()

    assert place.entries() == {}


def test_reader_sees_what_a_writer_has_just_stored(place: Place) -> None:
    """Also while both are open."""
    writer, reader = place.open(), place.open("replay")

    for number in range(5):
        put(writer, ask(number), f"answer {number}")
        assert text_of(reader, ask(number)) == f"answer {number}"


def test_cache_can_be_used_after_it_was_closed(place: Place) -> None:
    """It opens again by itself."""
    cache = place.open()
    put(cache, ask(), "first")
    cache.close()
    cache.close()

    assert text_of(cache, ask()) == "first"
    assert cache.claim(ask(1))


# Nothing false is served, and nothing planted is run


class Bomb:
    """Makes a file when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.marker,)


def test_planted_pickle_is_not_executed(place: Place, tmp_path: Path) -> None:
    """It is refused by reading, storing and refreshing, and runs nothing."""
    place.fill(1)
    bomb = pickle.dumps(Bomb(tmp_path / "executed"))
    place.plant(ask(0).key, digest_of("x"), bomb)

    for act in (
        lambda: place.open().get_many([ask(0)]),
        lambda: list(place.open("replay").responses([ask(0)])),
        lambda: put(place.open(), ask(0)),
        lambda: put(place.open("refresh"), ask(0)),
    ):
        with pytest.raises(CacheCorruptError, match=ask(0).key):
            act()
    assert not (tmp_path / "executed").exists()


TEXT = Record(
    request=ask(0).document,
    response=Response(text="answer 0", finish_reason="stop"),
    created="2026-01-02T03:04:05.678+00:00",
    latency_s=1.0,
    attempts=1,
    versions={},
).to_json()
BEGINNING = f'{{"request":{ask(0).document}'
TAMPERED: dict[str, tuple[str, bytes]] = {
    "text changed": (digest_of(TEXT), TEXT.replace("answer 0", "answer 1").encode()),
    "digest changed": (digest_of("x"), TEXT.encode()),
    "digest lost": ("", TEXT.encode()),
    "value lost": (digest_of(TEXT), b""),
    "cut short": (digest_of(TEXT), TEXT.encode()[:-9]),
    "not UTF-8": (digest_of(TEXT), b"{\xff"),
    "compressed and cut": (digest_of(TEXT), zlib.compress(TEXT.encode())[:-20]),
    "of another request": text_and_digest(TEXT.replace(ask(0).document, ask(1).document)),
    "no response": text_and_digest(f"{BEGINNING}}}"),
    "not JSON": text_and_digest(f'{BEGINNING},"response":'),
    "another record": text_and_digest(f'{BEGINNING},"response":{{"reply":"B"}}}}'),
    "not quite JSON": text_and_digest(f'{BEGINNING};"response":{{"text":"B"}}}}'),
}


@pytest.mark.parametrize("change", TAMPERED)
def test_entry_that_is_not_what_was_written_is_refused(place: Place, change: str) -> None:
    """It is one line that names entry, cache and remedy; the other entries can still be read."""
    place.fill(2)
    place.plant(ask(0).key, *TAMPERED[change])
    cache = place.open()

    for act in (lambda: cache.get_many([ask(0)]), lambda: list(cache.responses([ask(0)]))):
        with pytest.raises(CacheCorruptError) as caught:
            act()
        (line,) = str(caught.value).splitlines()
        assert line.startswith(f"Entry {ask(0).key} of the response cache {cache.path} is not")
        assert "from a copy" in line
    assert text_of(cache, ask(1)) == "answer 1"


def test_batch_that_meets_a_damaged_entry_stores_nothing(place: Place) -> None:
    """The first answer to one of its requests cannot be given back: none of it is stored."""
    place.fill(1)
    place.plant(ask(0).key, digest_of("x"), b"{}")

    with pytest.raises(CacheCorruptError):
        place.open().put_many([paid(1), paid(0)])

    assert set(place.entries()) == {ask(0).key}


def test_swapped_entries_are_refused(place: Place) -> None:
    """An answer is never served to another question, though text and digest fit each other."""
    place.fill(2)
    entries = place.entries()
    place.plant(ask(0).key, *entries[ask(1).key])
    place.plant(ask(1).key, *entries[ask(0).key])

    for number in (0, 1):
        with pytest.raises(CacheCorruptError, match="it answers another request"):
            place.open().get_many([ask(number)])


# One question, one payer


def test_claim_keeps_others_away_until_it_is_released(place: Place) -> None:
    """Whoever claims, another cache or the same, is told no; other questions are free."""
    owner, other = place.open(), place.open()

    assert owner.claim(ask(0))
    assert not owner.claim(ask(0))
    assert not other.claim(ask(0))
    assert other.claim(ask(1))
    owner.release(ask(0))
    assert other.claim(ask(0))


def test_many_are_claimed_and_released_at_once(place: Place) -> None:
    """Those are allowed that nobody has, and equal requests once."""
    owner, other = place.open(), place.open()
    other.claim(ask(1))
    asked = [ask(0), ask(1), ask(2), ask(2)]

    assert owner.claim_many(asked) == {ask(0).key, ask(2).key}
    assert owner.claim_many(asked) == set()
    assert owner.claim_many([]) == set()
    owner.release_many([ask(0), ask(1)])
    assert other.claim_many(asked) == {ask(0).key}


def test_only_the_owner_releases(place: Place) -> None:
    """What another lets go of without having it stays claimed."""
    owner, other = place.open(), place.open()
    owner.claim(ask())

    other.release(ask())
    other.close()

    assert not place.open().claim(ask())


def test_closing_lets_go_of_all_claims(place: Place) -> None:
    """Others need not wait."""
    owner = place.open()
    assert all(owner.claim(ask(number)) for number in range(20))

    owner.close()

    assert all(place.open().claim(ask(number)) for number in range(20))


@pytest.mark.parametrize("mode", ["refresh", "replay", "off"])
def test_claims_are_for_mode_use(place: Place, mode: str) -> None:
    """Elsewhere each asks for itself, and nobody stands in the way."""
    place.open().claim(ask())

    assert place.open(mode).claim(ask())
    assert place.open(mode).claim(ask())
    assert place.entries() == {}


def test_claim_lasts_as_long_as_its_owner_lives(place: Place) -> None:
    """A call may take longer than the lease after which the claims of the dead are gone."""
    owner, other = place.open(), place.open()
    owner.claim(ask())

    until = time.monotonic() + 1.5 * QUICK_LEASE_S
    while time.monotonic() < until:
        assert not other.claim(ask())
        time.sleep(0.02)


# Several processes


class Process:
    """A process that works on a cache once it is told to."""

    def __init__(self, place: Place, name: str, n: int) -> None:
        command = [sys.executable, "-m", "tests.cache.places", *place.words, name, str(n)]
        self.popen = subprocess.Popen(
            command,
            cwd=Path(__file__).parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def go(self) -> None:
        """Wait until it is ready, and let it start."""
        assert self.popen.stdin is not None
        assert self.line() == "ready"
        self.popen.stdin.write("go\n")
        self.popen.stdin.flush()

    def line(self) -> str:
        """Wait for the next line that it prints."""
        assert self.popen.stdout is not None
        return self.popen.stdout.readline().strip()

    def end(self) -> list[str]:
        """Wait for its end and return what else it printed."""
        printed, complaints = self.popen.communicate(timeout=300)
        assert complaints == ""
        return printed.splitlines()

    def kill(self) -> list[str]:
        """Kill it at once, and return what else it printed."""
        self.popen.kill()
        printed = self.end()
        assert self.popen.returncode == -signal.SIGKILL
        return printed


Starter = Callable[[str, int], Process]


@pytest.fixture
def start(place: Place) -> Iterator[Starter]:
    """Return a function that starts processes, which are killed when the test ends."""
    processes: list[Process] = []

    def starter(name: str, n: int) -> Process:
        processes.append(Process(place, name, n))
        return processes[-1]

    yield starter
    for process in processes:
        process.popen.kill()
        process.popen.communicate()


def test_processes_with_the_same_questions_pay_for_each_once(place: Place, start: Starter) -> None:
    """Three of them, all at once: what they asked, added up, is every question."""
    processes = [start(f"process {number}", 50) for number in range(3)]

    for process in processes:
        process.go()
    asked = [line for process in processes for line in process.end()]

    assert sorted(asked) == sorted(f"asked {number}" for number in range(50))
    assert len(place.open().known([ask(number) for number in range(50)])) == 50


def test_claims_of_a_killed_process_are_gone_with_it(place: Place, start: Starter) -> None:
    """After kill -9 others may ask what it was asking, within its lease."""
    holder, other = start("hold", 3), place.open()
    holder.go()
    assert holder.line() == "claimed True True True"
    assert not other.claim(ask(0))

    holder.kill()
    died = time.monotonic()
    while not other.claim(ask(0)):
        assert time.monotonic() < died + PATIENCE_S
        time.sleep(0.01)


def test_killed_process_loses_no_answer_that_it_reported(place: Place, start: Starter) -> None:
    """After kill -9 all that it stored is read, and the next writes on."""
    process = start("write", 1_000_000)
    process.go()
    reported = [process.line() for _ in range(100)]
    reported += process.kill()[:-1]  # the last line may be cut

    asked = [ask(number) for number in range(len(reported))]
    stored = place.open("replay").get_many(asked)

    assert [stored[request.key].response.text for request in asked] == reported
    assert put(place.open(), ask(-1), "went on").response.text == "went on"
    assert len(place.open().known(asked)) == len(reported)


def test_processes_write_at_once_without_loss(place: Place, start: Starter) -> None:
    """Each is given the answer that was first, whoever stored it."""
    processes = [start("write", 100) for _ in range(2)]

    for process in processes:
        process.go()
    given = [process.end() for process in processes]

    stored = place.open("replay").get_many([ask(number) for number in range(100)])
    texts = [stored[ask(number).key].response.text for number in range(100)]
    assert given == [texts, texts]


def test_processes_that_refresh_at_once_keep_every_answer(place: Place) -> None:
    """Two caches in two threads: generations without a gap, and none is overwritten."""
    from concurrent.futures import ThreadPoolExecutor

    def refresh(_: int) -> list[int]:
        cache: Cache = opened(place.words, "refresh")
        try:
            return [put(cache, ask()).generation for _ in range(25)]
        finally:
            cache.close()

    with ThreadPoolExecutor(2) as threads:
        generations = [n for each in threads.map(refresh, range(2)) for n in each]

    assert sorted(generations) == list(range(50))
    assert set(place.entries()) == {ask().key, *(f"{ask().key}/{n}" for n in range(49))}
