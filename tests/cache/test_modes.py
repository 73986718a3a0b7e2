import hashlib
import math
import zlib
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import diskcache
import pytest
from hydra.utils import instantiate
from omegaconf import OmegaConf

from distexp.cache import Record, ResponseCache
from distexp.errors import CacheError, ConfigError
from tests.cache.answers import FULL_RESPONSE, Opener, ask, digest_of, listing, put, sql, text_of


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
    config = OmegaConf.load(Path(__file__).parents[2] / "conf" / "cache" / "disk.yaml")
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
