import hashlib
import json
import math
import signal
import sqlite3
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import diskcache
import pytest
from hydra.utils import instantiate
from omegaconf import OmegaConf

from distexp.cache import JSONDisk, Record, ResponseCache, network_file_system
from distexp.cache.reading import Reader
from distexp.errors import CacheCorruptError, CacheError, ConfigError
from distexp.types import Request, Response, Usage

VERSIONS = {"distexp": "0.1.0", "litellm": "1.106.2"}
FULL_RESPONSE = Response(
    text="Ünwilling \ud83d to say",  # half a surrogate pair, as a cut-off emoji leaves it
    finish_reason="stop",
    usage=Usage(prompt_tokens=11, completion_tokens=7),
    top_logprobs=((("A", -0.1), (" B", -2.302585092994046), ("", -math.inf)), ()),
    cost_usd=0.1 + 0.2,
    price_usd_per_token=(1.5e-07, 6e-07),
    provider_model="gpt-4o-mini-2024-07-18",
    system_fingerprint="fp_1",
)


def ask(number: int = 0, text: str = "How much?") -> Request:
    """Return one of the requests that these tests make."""
    return Request(
        provider="openai",
        model="gpt-4o-mini",
        endpoint=None,
        body={"messages": [{"role": "user", "content": f"{text} {number}"}]},
    )


def put(cache: ResponseCache, request: Request, text: str = "first") -> Record:
    """Store `text` as the answer."""
    response = Response(text=text, finish_reason="stop")
    return cache.put(request, response, latency_s=1.5, attempts=1, versions=VERSIONS)


def text_of(cache: ResponseCache, request: Request) -> str:
    """Return the text of the stored answer."""
    return cache.get_many([request])[request.key].response.text


def sql(folder: Path, statement: str, *values: object) -> list[tuple[Any, ...]]:
    """Run a statement on the database, past the cache."""
    with closing(sqlite3.connect(folder / "cache.db")) as connection, connection:
        return connection.execute(statement, values).fetchall()


def listing(folder: Path) -> dict[str, tuple[int, int]]:
    """Return size and modification time of every file in a folder."""
    return {
        str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in folder.rglob("*")
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder of a cache that does not exist yet."""
    return tmp_path / "cache"


Opener = Callable[..., ResponseCache]


@pytest.fixture
def opened(folder: Path) -> Iterator[Opener]:
    """Return a function that opens a cache, which is closed when the test ends."""
    caches = []

    def opener(mode: str = "use", path: Path = folder) -> ResponseCache:
        caches.append(ResponseCache(path, mode))
        return caches[-1]

    yield opener
    for cache in caches:
        cache.close()


@pytest.fixture
def filled(folder: Path) -> Path:
    """Return the folder of a closed cache with the answers `answer 0` to `answer 9`."""
    with closing(ResponseCache(folder)) as cache:
        for number in range(10):
            put(cache, ask(number), f"answer {number}")
    return folder


# The record


@pytest.mark.parametrize(
    "response", [FULL_RESPONSE, Response(text="", finish_reason=None)], ids=["full", "bare"]
)
def test_a_record_survives_json_exactly(response: Response) -> None:
    """Floats, tuples, nulls and odd text come back as they were, and so does the text."""
    record = Record(
        request=ask(text='"quoted", {"é": 1}').document,
        response=response,
        created="2026-01-02T03:04:05.678+00:00",
        latency_s=0.1 + 0.7,
        attempts=2,
        versions=VERSIONS,
        generation=3,
    )

    text = record.to_json()

    assert Record.from_json(text) == record
    assert Record.from_json(text).to_json() == text


def test_a_record_holds_what_was_passed_and_nothing_else(
    folder: Path, opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Question and answer lie side by side in plain JSON; no key of the environment joins them."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-do-not-store-me")

    record = opened().put(
        ask(), FULL_RESPONSE, latency_s=1.25, attempts=2, versions={"distexp": "0.1.0"}
    )

    [(text,)] = sql(folder, "SELECT value FROM Cache")
    assert json.loads(text) == {
        "request": {
            "schema": 1,
            "provider": "openai",
            "model": "gpt-4o-mini",
            "endpoint": None,
            "body": {"messages": [{"role": "user", "content": "How much? 0"}]},
            "draw": 0,
            "salt": None,
        },
        "response": {
            "text": "Ünwilling \ud83d to say",
            "finish_reason": "stop",
            "usage": {"prompt_tokens": 11, "completion_tokens": 7},
            "top_logprobs": [[["A", -0.1], [" B", -2.302585092994046], ["", None]], []],
            "cost_usd": 0.30000000000000004,
            "price_usd_per_token": [1.5e-07, 6e-07],
            "provider_model": "gpt-4o-mini-2024-07-18",
            "system_fingerprint": "fp_1",
        },
        "created": record.created,
        "latency_s": 1.25,
        "attempts": 2,
        "versions": {"distexp": "0.1.0"},
        "generation": 0,
    }
    assert not any(b"sk-do-not" in path.read_bytes() for path in folder.iterdir())


def test_a_number_that_json_has_not_is_refused(opened: Opener) -> None:
    """NaN is an error when it is stored, not when it is read, and it stores nothing."""
    response = replace(FULL_RESPONSE, cost_usd=math.nan)

    with pytest.raises(CacheError, match=ask().key):
        opened().put(ask(), response, latency_s=1, attempts=1, versions={})

    assert not opened().known([ask()])


# The modes


def test_an_answer_is_given_back_after_reopening(opened: Opener) -> None:
    """What is read is what was put, and only for requests that were put."""
    first = opened()
    records = {ask(n).key: put(first, ask(n), f"answer {n}") for n in range(10)}
    first.close()

    assert opened().get_many([ask(n) for n in range(12)]) == records
    assert opened().known([ask(n) for n in range(12)]) == set(records)
    assert opened().get_many([]) == {}


def test_more_requests_than_one_query_holds_are_answered(opened: Opener) -> None:
    """A bulk read is cut into queries of 5000 keys without a loss at the seams."""
    stored = {put(opened(), ask(number)).request for number in (0, 4999, 5000, 9999, 10_000)}
    requests = [ask(number) for number in range(10_001)]

    records = opened().get_many(requests)

    assert {record.request for record in records.values()} == stored
    assert opened().known(requests) == set(records)


def test_the_first_answer_wins(opened: Opener) -> None:
    """A second answer to the same request is dropped, and the caller is given the first."""
    first = put(opened(), ask(), "first")

    second = put(opened(), ask(), "second")

    assert second == first
    assert text_of(opened(), ask()) == "first"


def test_refresh_asks_again_and_keeps_the_old_answers(folder: Path, opened: Opener) -> None:
    """Each refresh is the next generation; the ones before keep their text and digest."""
    first = put(opened(), ask(), "first")
    refreshing = opened("refresh")

    assert refreshing.get_many([ask()]) == {}
    assert refreshing.known([ask()]) == set()
    second, third = put(refreshing, ask(), "second"), put(refreshing, ask(), "third")

    assert [record.generation for record in (first, second, third)] == [0, 1, 2]
    assert opened().get_many([ask()]) == {ask().key: third}
    rows = {key: row for key, *row in sql(folder, "SELECT key, tag, value FROM Cache")}
    for suffix, record in {"/0": first, "/1": second, "": third}.items():
        tag, text = rows[ask().key + suffix]
        assert Record.from_json(text) == record
        assert tag == digest_of(text)
    assert len(rows) == 3


def test_refresh_of_a_new_request_is_generation_zero(opened: Opener) -> None:
    """There is nothing to keep where nothing was."""
    record = put(opened("refresh"), ask())

    assert record.generation == 0
    assert opened().get_many([ask()]) == {ask().key: record}


def test_a_refresh_that_fails_changes_nothing(folder: Path, opened: Opener) -> None:
    """Old and new generation are written together or not at all."""
    first = put(opened(), ask())
    bad = replace(FULL_RESPONSE, cost_usd=math.inf)

    with pytest.raises(CacheError):
        opened("refresh").put(ask(), bad, latency_s=1, attempts=1, versions={})

    assert opened().get_many([ask()]) == {ask().key: first}
    assert sql(folder, "SELECT count(*) FROM Cache") == [(1,)]


def test_off_leaves_no_trace(folder: Path, opened: Opener) -> None:
    """Nothing is read, nothing written, no folder made; the answer is handed through."""
    cache = opened("off")

    cache.check_writable()
    record = put(cache, ask(), "paid")

    assert record.response.text == "paid"
    assert cache.get_many([ask()]) == {}
    assert not folder.exists()


@pytest.mark.parametrize("mode", ["use", "replay", "refresh"])
def test_reading_makes_no_folder(folder: Path, opened: Opener, mode: str) -> None:
    """A cache that does not exist answers nothing and is not made by asking it."""
    cache = opened(mode)

    assert cache.get_many([ask()]) == {}
    assert cache.known([ask()]) == set()
    assert not folder.exists()


@pytest.mark.parametrize("mode", ["use", "replay"])
def test_reading_changes_no_file(filled: Path, opened: Opener, mode: str) -> None:
    """Names, sizes and times of all files stay, in a folder that allows no writing either."""
    before = listing(filled)
    filled.chmod(0o555)  # binds everyone but root; the listing binds root too
    (filled / "cache.db").chmod(0o444)

    texts = [text_of(opened(mode), ask(number)) for number in range(10)]

    assert texts == [f"answer {number}" for number in range(10)]
    assert len(opened(mode).known([ask(number) for number in range(20)])) == 10
    assert list(before) == [str(filled / "cache.db")]
    assert listing(filled) == before
    filled.chmod(0o755)


def test_replay_writes_nothing(filled: Path, opened: Opener) -> None:
    """Storing an answer in replay mode is an error that names the mode."""
    before = listing(filled)

    with pytest.raises(CacheError, match=r"cache\.mode=replay"):
        put(opened("replay"), ask(99))

    assert listing(filled) == before


def test_a_reader_sees_what_a_writer_has_just_stored(opened: Opener) -> None:
    """Answers that still lie in the write-ahead log are answers."""
    writer, reader = opened(), opened("replay")

    for number in range(5):
        put(writer, ask(number), f"answer {number}")
        assert text_of(reader, ask(number)) == f"answer {number}"


def test_a_copy_taken_while_writing_is_complete(
    folder: Path, opened: Opener, tmp_path: Path
) -> None:
    """The database and its log, copied as they are, hold every answer stored so far."""
    writer = opened()
    for number in range(5):
        put(writer, ask(number), f"answer {number}")
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in folder.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())

    assert (copy / "cache.db-wal").stat().st_size > 0
    assert len(opened("replay", copy).get_many([ask(number) for number in range(9)])) == 5


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"mode": "cached"}, "'mode' parameter of ResponseCache must be one of use, replay,"),
        ({"mode": True}, "Got True instead."),
        ({"path": ""}, "'path' parameter of ResponseCache must be a non-empty str. Got ''"),
        ({"path": None}, "'path' parameter of ResponseCache must be a non-empty str. Got None"),
    ],
)
def test_parameters_are_checked(settings: dict[str, Any], sentence: str, folder: Path) -> None:
    """A bad setting is named with the value it got, before anything is opened."""
    with pytest.raises(ConfigError, match=sentence):
        ResponseCache(**{"path": folder} | settings)


def test_the_configuration_makes_a_cache(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """conf/cache/disk.yaml takes its folder from DISTEXP_CACHE, and a bare `off` means off."""
    config = OmegaConf.load(Path(__file__).parents[1] / "conf" / "cache" / "disk.yaml")
    monkeypatch.setenv("DISTEXP_CACHE", str(folder))

    cache = instantiate(config)
    off = instantiate(OmegaConf.merge(config, OmegaConf.create("mode: off")))
    monkeypatch.delenv("DISTEXP_CACHE")

    assert (cache.path, cache.mode) == (folder, "use")
    assert off.mode == "off"
    assert instantiate(config).path == Path("outputs/cache")


def test_variables_and_home_in_the_path_are_expanded(
    tmp_path: Path, opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reader and writer agree on where `~` and `$VARIABLE` lead."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TEAM", "survey 1%?#")
    cache = opened(path=Path("~/$TEAM/cache"))

    put(cache, ask())
    cache.close()

    assert (tmp_path / "survey 1%?#" / "cache" / "cache.db").exists()
    assert text_of(cache, ask()) == "first"


# Nothing is lost


def test_nothing_is_evicted(folder: Path, opened: Opener) -> None:
    """A tiny size limit and settings of another disk, left by other hands, drop no answer."""
    settings = {"disk": diskcache.JSONDisk, "disk_compress_level": 1, "size_limit": 1}
    with closing(diskcache.Cache(str(folder), **settings)) as other:
        for number in range(100):
            other[number] = "x" * 1000
        assert len(other) < 20  # as it stands, that limit evicts
    cache = opened()

    for number in range(2000):
        put(cache, ask(number))

    assert len(cache.known([ask(number) for number in range(2000)])) == 2000


def test_a_long_answer_is_compressed_and_restored(folder: Path, opened: Opener) -> None:
    """Text of any length stays in the database: there are no other files."""
    long = "Ä lot. " * 100_000
    put(opened(), ask(), long)

    assert text_of(opened(), ask()) == long
    [(kind, stored, tag)] = sql(folder, "SELECT typeof(value), value, tag FROM Cache")
    assert kind == "blob"
    assert len(stored) < len(long) / 100
    assert tag == hashlib.sha256(zlib.decompress(stored)).hexdigest()
    assert {path.name for path in folder.iterdir()} <= {
        "cache.db",
        "cache.db-wal",
        "cache.db-shm",
    }


WRITER = """
import sys
from pathlib import Path
from distexp.cache import ResponseCache
from distexp.types import Request, Response

name, folder, start, stop = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
print("ready", flush=True)
sys.stdin.readline()
cache = ResponseCache(folder)
for number in range(start, stop):
    request = Request(
        provider="openai",
        model="gpt-4o-mini",
        endpoint=None,
        body={"messages": [{"role": "user", "content": f"How much? {number}"}]},
    )
    response = Response(text=f"{name} {number}", finish_reason="stop")
    record = cache.put(request, response, latency_s=1, attempts=1, versions={})
    print(record.response.text, flush=True)
    if name == "closing" and number % 7 == 0:
        cache.close()
cache.close()
"""


class Process:
    """A process that stores answers to `numbers` once it is told to."""

    def __init__(self, name: str, folder: Path, numbers: range) -> None:
        self.popen = subprocess.Popen(
            [sys.executable, "-c", WRITER, name, folder, str(numbers.start), str(numbers.stop)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.line() == "ready"

    def go(self) -> None:
        """Let it start."""
        assert self.popen.stdin is not None
        self.popen.stdin.write("go\n")
        self.popen.stdin.flush()

    def line(self) -> str:
        """Wait for the next line that it prints."""
        assert self.popen.stdout is not None
        return self.popen.stdout.readline().strip()

    def end(self) -> tuple[list[str], str]:
        """Wait for its end and return what else it printed, and what it complained of."""
        printed, complaints = self.popen.communicate(timeout=60)
        return printed.splitlines(), complaints


@pytest.fixture
def start(folder: Path) -> Iterator[Callable[[str, range], Process]]:
    """Return a function that starts processes, which are killed when the test ends."""
    processes = []

    def starter(name: str, numbers: range) -> Process:
        processes.append(Process(name, folder, numbers))
        return processes[-1]

    yield starter
    for process in processes:
        process.popen.kill()
        process.popen.communicate()


Starter = Callable[[str, range], Process]


def test_two_processes_write_at_once(start: Starter, opened: Opener) -> None:
    """They make the cache together and lose nothing; to equal requests one answer is given."""
    numbers = {"left": range(200), "right": range(100, 300)}
    processes = {name: start(name, each) for name, each in numbers.items()}

    for process in processes.values():
        process.go()
    outputs = {name: process.end() for name, process in processes.items()}

    stored = opened("replay").get_many([ask(number) for number in range(300)])
    for name, (given, complaints) in outputs.items():
        assert complaints == ""
        assert given == [stored[ask(number).key].response.text for number in numbers[name]]
    assert len(stored) == 300


def test_reading_while_another_process_comes_and_goes(start: Starter, opened: Opener) -> None:
    """A writer that opens, writes back its log and closes in the middle of a read harms none."""
    process = start("closing", range(300))
    reader, requests, counts = opened("replay"), [ask(number) for number in range(300)], [0]

    process.go()
    while process.popen.poll() is None:
        counts.append(len(reader.get_many(requests)))

    assert process.end()[1] == ""
    assert counts == sorted(counts)
    assert len(set(counts)) > 2
    assert len(reader.get_many(requests)) == 300


def test_what_was_read_while_a_writer_came_and_went_is_read_again(
    filled: Path,
) -> None:
    """A lock-free read counts only if the file is the same after it; here it is not, once."""

    class OvertakenReader(Reader):
        """Is overtaken by another process between its first read and the look back."""

        looks = 0

        def state(self) -> tuple[int, ...] | None:
            self.looks += 1
            if self.looks == 2:
                with closing(ResponseCache(filled)) as other:
                    put(other, ask(10))
            return super().state()

    keys = [ask(number).key for number in range(11)]
    (found,) = OvertakenReader(filled).by_key("key", keys)
    assert {key for (key,) in found} == set(keys)


def test_a_killed_process_loses_no_answer_that_it_reported(
    folder: Path, start: Starter, opened: Opener
) -> None:
    """After kill -9 all stored answers are read, and the next process writes on."""
    process = start("killed", range(1_000_000))

    process.go()
    reported = [process.line() for _ in range(150)]
    process.popen.kill()
    reported += process.end()[0][:-1]  # the last line may be cut

    assert process.popen.returncode == -signal.SIGKILL
    names = sorted(path.name for path in folder.iterdir())
    requests = [ask(number) for number in range(len(reported))]
    stored = opened("replay").get_many(requests)
    assert [stored[request.key].response.text for request in requests] == reported
    assert sorted(path.name for path in folder.iterdir()) == names
    put(opened(), ask(-1), "went on")
    assert text_of(opened(), ask(-1)) == "went on"
    assert len(opened().known(requests)) == len(reported)


# Nothing false is served, and nothing planted is run


class Bomb:
    """Makes a file when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.marker,)


def test_a_planted_pickle_is_not_executed(folder: Path, tmp_path: Path, opened: Opener) -> None:
    """CVE-2025-69872: the row is refused by reading, storing and refreshing, and runs nothing."""
    marker = tmp_path / "executed"
    with closing(diskcache.Cache(str(folder))) as attacker:
        attacker[ask().key] = Bomb(marker)
        _ = attacker[ask().key]
        assert marker.exists()  # diskcache itself runs it
        marker.unlink()

    for act in (
        lambda: opened("use").get_many([ask()]),
        lambda: opened("replay").get_many([ask()]),
        lambda: put(opened("use"), ask()),
        lambda: put(opened("refresh"), ask()),
    ):
        with pytest.raises(CacheCorruptError, match=r"a pickle or a file.*neither"):
            act()
    assert not marker.exists()


def test_the_disk_class_opens_neither_pickles_nor_files(folder: Path, tmp_path: Path) -> None:
    """Through diskcache's own methods too, planted keys and values are refused unopened."""
    marker = tmp_path / "executed"
    with closing(diskcache.Cache(str(folder), disk_min_file_size=10)) as attacker:
        attacker["value"] = Bomb(marker)
        attacker["file"] = "x" * 100
        attacker[frozenset({1})] = "a pickled key"
    before = [path for path in listing(folder) if path.endswith(".val")]

    with closing(diskcache.Cache(str(folder), disk=JSONDisk)) as cache:
        for key in ("value", "file"):
            with pytest.raises(CacheCorruptError, match="a pickle or a file"):
                cache.get(key)
        with pytest.raises(CacheCorruptError, match="a key that distexp never wrote"):
            list(cache.iterkeys())
        cache["file"] = '{"an": "answer"}'
        assert cache["file"] == '{"an": "answer"}'
    assert not marker.exists()
    assert len(before) == 3
    assert set(before) <= set(listing(folder))  # files that rows name are left alone


def digest_of(text: str) -> str:
    """Return the SHA-256 that belongs beside a text."""
    return hashlib.sha256(text.encode()).hexdigest()


DOCUMENT = ask(0).document
TAMPERED: Mapping[str, tuple[str, tuple[object, ...]]] = {
    "text changed": ("value = replace(value, 'answer 0', 'answer 1')", ()),
    "digest changed": ("tag = ?", ("0" * 64,)),
    "digest lost": ("tag = NULL", ()),
    "value lost": ("value = NULL", ()),
    "a number": ("value = 7", ()),
    "cut short": ("value = substr(value, 1, length(value) - 9)", ()),
    "not UTF-8": ("value = CAST(x'7bff' AS TEXT)", ()),
    "compressed and cut": ("value = ?", (zlib.compress(b"{}" * 100)[:-20],)),
    "of another request": (
        "(value, tag) = (SELECT value, tag FROM Cache WHERE key = ?)",
        (ask(1).key,),
    ),
    **{
        name: ("value = ?, tag = ?", (text, digest_of(text)))
        for name, text in {
            "no response": f'{{"request":{DOCUMENT}}}',
            "not JSON": f'{{"request":{DOCUMENT},"response":',
            "another record": f'{{"request":{DOCUMENT},"response":{{"reply":"B"}}}}',
            "not quite JSON": f'{{"request":{DOCUMENT};"response":{{"text":"B"}}}}',
            "longer request": f'{{"request":{DOCUMENT} ,"response":{{"text":"B"}}}}',
        }.items()
    },
}


@pytest.mark.parametrize("change", TAMPERED)
def test_an_entry_that_is_not_what_was_written_is_refused(
    filled: Path, opened: Opener, change: str
) -> None:
    """It is an error that names entry, cache and remedy; the other entries can still be read."""
    assignment, values = TAMPERED[change]
    sql(filled, f"UPDATE Cache SET {assignment} WHERE key = ?", *values, ask(0).key)

    with pytest.raises(CacheCorruptError) as caught:
        opened("use").get_many([ask(0)])

    message = str(caught.value)
    assert message.startswith(f"Entry {ask(0).key} of the response cache {filled} is not what")
    assert "Restore cache.db from a copy" in message
    assert text_of(opened(), ask(1)) == "answer 1"


def test_swapped_entries_are_refused(filled: Path, opened: Opener) -> None:
    """An answer is never served to another question, though text and digest fit each other."""
    for old, new in [(ask(0).key, "x"), (ask(1).key, ask(0).key), ("x", ask(1).key)]:
        sql(filled, "UPDATE Cache SET key = ? WHERE key = ?", new, old)

    for number in (0, 1):
        with pytest.raises(CacheCorruptError, match="it answers another request"):
            opened().get_many([ask(number)])


# Errors are one clear line


def error_line(act: Callable[[], object]) -> str:
    """Return the message of the `CacheError` that `act` raises, which must be one line."""
    with pytest.raises(CacheError) as caught:
        act()
    (line,) = str(caught.value).splitlines()
    return line


def test_a_folder_that_cannot_be_written_is_found_before_a_call(
    tmp_path: Path, opened: Opener
) -> None:
    """The check names the folder, the reason and the setting to change."""
    (tmp_path / "file").touch()
    cache = opened(path=tmp_path / "file" / "cache")

    line = error_line(cache.check_writable)

    assert line.startswith(f"The response cache {tmp_path / 'file' / 'cache'} cannot be used: ")
    assert line.endswith("Choose a folder that can be written with cache.path=FOLDER.")
    assert cache.get_many([ask()]) == {}


def test_a_folder_that_can_be_written_passes_the_check(folder: Path, opened: Opener) -> None:
    """The check leaves an empty cache behind, and repeats."""
    cache = opened()

    cache.check_writable()
    cache.check_writable()

    assert (folder / "cache.db").exists()
    assert cache.get_many([ask()]) == {}


@pytest.mark.parametrize("act", ["get_many", "known", "check_writable"])
def test_a_file_that_is_no_database_is_reported(folder: Path, opened: Opener, act: str) -> None:
    """Reading and writing say that it is damaged, and leave it as it is."""
    folder.mkdir()
    (folder / "cache.db").write_bytes(b"not a database " * 1000)
    cache = opened()
    acts = {
        "get_many": lambda: cache.get_many([ask()]),
        "known": lambda: cache.known([ask()]),
        "check_writable": cache.check_writable,
    }

    line = error_line(acts[act])

    assert "file is not a database. Restore cache.db from a copy" in line
    assert (folder / "cache.db").read_bytes() == b"not a database " * 1000


def test_a_database_that_was_cut_short_is_reported(filled: Path, opened: Opener) -> None:
    """A lost half is damage, not a set of misses."""
    data = (filled / "cache.db").read_bytes()
    (filled / "cache.db").write_bytes(data[: len(data) // 2])

    line = error_line(lambda: opened().get_many([ask(number) for number in range(10)]))

    assert "malformed. Restore cache.db from a copy" in line


def test_a_full_disk_is_reported_and_loses_nothing(filled: Path, opened: Opener) -> None:
    """The answer that did not fit is not half there; with room again, storing goes on."""
    [(pages,)] = sql(filled, "PRAGMA page_count")
    setting = "INSERT OR REPLACE INTO Settings VALUES ('sqlite_max_page_count', ?)"
    sql(filled, setting, pages)  # diskcache hands this to SQLite: its disk is as good as full
    noise = "".join(hashlib.sha256(bytes([n])).hexdigest() for n in range(256))
    cache = opened()

    line = error_line(lambda: put(cache, ask(10), noise))
    cache.close()
    sql(filled, setting, pages + 1000)

    assert "is full. Free some disk space, then run the same command again." in line
    assert len(opened().get_many([ask(number) for number in range(11)])) == 10
    assert put(cache, ask(10), noise).response.text == text_of(opened(), ask(10)) == noise


class ImpatientCache(ResponseCache):
    """Waits hardly at all."""

    busy_timeout_s = 0.01


def test_a_locked_database_is_reported(filled: Path) -> None:
    """A writer that holds on longer than the time-out is named as the reason; reading goes on."""
    with (
        closing(ImpatientCache(filled)) as cache,
        closing(sqlite3.connect(filled / "cache.db", isolation_level=None)) as other,
    ):
        cache.check_writable()
        other.execute("BEGIN IMMEDIATE")

        line = error_line(lambda: put(cache, ask(10)))

        assert "database is locked. Run again when no other process is writing" in line
        assert text_of(cache, ask(9)) == "answer 9"


MOUNTS = """\
/dev/vda / ext4 rw 0 0
server:/export /home nfs4 rw 0 0
/dev/vdb /home/local\\040disk ext4 rw 0 0
//server/share /srv cifs rw 0 0
/dev/vdc /srv xfs rw 0 0
me@server: /home/me/far fuse.sshfs rw 0 0
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/data/cache", None),
        ("/home/me/cache", "nfs4"),
        ("/homestead/cache", None),
        ("/home/local disk/cache", None),
        ("/srv/cache", None),
        ("/home/me/far/../far", "fuse.sshfs"),
    ],
)
def test_network_file_systems_are_known(tmp_path: Path, path: str, kind: str | None) -> None:
    """The innermost mount around a path counts, and on one folder the last."""
    mounts = tmp_path / "mounts"
    mounts.write_text(MOUNTS)

    assert network_file_system(Path(path), mounts) == kind
    assert network_file_system(Path(path), tmp_path / "none") is None


def test_a_cache_on_a_network_file_system_is_refused_except_for_replay(filled: Path) -> None:
    """Locks do not hold there: writing and shared reading are refused, a finished copy is not."""
    mounts = filled.with_name("mounts")
    mounts.write_text(f"server:/export {filled} nfs4 rw 0 0\n")

    class RemoteCache(ResponseCache):
        """Believes that its folder is remote."""

    RemoteCache.mounts = mounts

    shared, asking_again = RemoteCache(filled), RemoteCache(filled, "refresh")
    acts: list[Callable[[], object]] = [
        lambda: shared.get_many([ask()]),
        shared.check_writable,
        lambda: put(asking_again, ask()),
    ]
    for act in acts:
        assert "(nfs4)" in error_line(act)
    assert text_of(RemoteCache(filled, "replay"), ask(0)) == "answer 0"
