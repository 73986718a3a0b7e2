"""What a Redis server brings with it: memory that fills, replicas, passwords, restarts."""

import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hydra.utils import instantiate
from omegaconf import OmegaConf

from distexp.cache import ResponseCache
from distexp.cache.redis.store import RedisCache
from distexp.errors import CacheCorruptError, CacheError, ConfigError
from tests.cache.answers import Command, ask, digest_of, error_line, put, text_of
from tests.cache.places import PATIENCE_S, QuickRedisCache
from tests.cache.real_redis import MISSING, RedisServer, redis_server

if MISSING:
    pytest.skip(MISSING, allow_module_level=True)

NUMBERS = count()
NOISE = "".join(digest_of(str(number)) for number in range(2000))


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    """Serve while the tests of this file run."""
    with redis_server("--appendonly", "yes") as one:
        yield one


@pytest.fixture
def raw(server: RedisServer) -> Iterator[Any]:
    """Return a connection past the cache; what was set with it is as it was afterwards."""
    with server.client(decode_responses=True) as client:
        names = ("maxmemory", "maxmemory-policy")
        before = {name: client.config_get(name)[name] for name in names}
        yield client
        for name, value in before.items():
            client.config_set(name, value)


Opener = Callable[..., RedisCache]


@pytest.fixture
def opened(server: RedisServer) -> Iterator[Opener]:
    """Return a function that opens a cache, which is closed when the test ends."""
    caches = []
    prefix = f"redis{next(NUMBERS)}"

    def opener(mode: str = "use", **settings: Any) -> RedisCache:
        caches.append(
            QuickRedisCache(**{"url": server.url, "prefix": prefix, "mode": mode, **settings})
        )
        return caches[-1]

    yield opener
    for cache in caches:
        cache.close()


# Where it is


def test_configuration_makes_a_cache(server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """conf/cache/redis.yaml takes the address from DISTEXP_REDIS."""
    config = OmegaConf.load(Path(__file__).parents[2] / "conf" / "cache" / "redis.yaml")
    monkeypatch.setenv("DISTEXP_REDIS", server.url)

    with closing(instantiate(config)) as cache:
        cache.check_writable()

    assert cache.mode == "use"
    assert str(cache.path) == f"{server.url}#distexp"


def test_caches_of_different_prefixes_share_a_server(opened: Opener) -> None:
    """None sees answers or claims of another."""
    one, other = opened(prefix="one"), opened(prefix="other")

    put(one, ask(), "one")
    one.claim(ask(1))

    assert other.known([ask()]) == set()
    assert other.claim(ask(1))
    assert put(other, ask(), "other").response.text == "other"
    assert text_of(one, ask()) == "one"


def test_databases_of_a_server_are_apart(server: RedisServer, opened: Opener) -> None:
    """The number at the end of the address is heeded."""
    put(opened(), ask(), "in 0")

    assert opened(url=server.url[:-1] + "3").known([ask()]) == set()


def test_server_is_reached_through_a_socket() -> None:
    """On the same machine, without a port; the database is named behind a question mark."""
    with redis_server("--unixsocket", "socket") as server:
        url = f"unix://{server.folder / 'socket'}?db=2#distexp"
        writer = [sys.executable, "-m", "tests.cache.places", "redis", url, "write", "1"]
        subprocess.run(writer, cwd=Path(__file__).parents[2], input=b"go\n", check=True)

        with closing(RedisCache(server.url[:-1] + "2", mode="replay")) as cache:
            assert text_of(cache, ask()) == "write 0"


# Nothing is dropped


def test_long_answer_takes_little_memory(opened: Opener, raw: Any) -> None:
    """It is compressed."""
    cache = opened()
    put(cache, ask(), "Ä lot. " * 100_000)

    name = f"{cache.path.split('#')[1]}:{ask().key}"
    assert raw.strlen(name) < 10_000


def test_only_claims_ever_expire(opened: Opener, raw: Any) -> None:
    """Answers have no end, replaced ones neither."""
    cache = opened()
    put(cache, ask())
    put(opened("refresh"), ask())
    cache.claim(ask(1))

    names = list(raw.scan_iter(f"{cache.path.split('#')[1]}:*"))

    assert {name.split(":")[1] for name in names if raw.ttl(name) != -1} == {"_claim"}
    assert {name.split(":")[1] for name in names} - {ask().key, f"{ask().key}/0"} == {
        "_claim",
        "_mark",
    }


def test_server_that_was_emptied_in_the_middle_is_told(opened: Opener, raw: Any) -> None:
    """What was stored before is gone, and a run that goes on would end well without it."""
    cache = opened()
    cache.check_writable()
    put(cache, ask(0))
    raw.flushall()

    with pytest.raises(CacheError, match="was emptied while it was in use"):
        put(cache, ask(1))

    put(cache, ask(2))
    assert cache.known([ask(number) for number in range(3)]) == {ask(1).key, ask(2).key}


POLICIES = ["allkeys-lru", "allkeys-random", "volatile-lru", "volatile-ttl"]


@pytest.mark.parametrize("policy", POLICIES)
def test_server_that_evicts_is_refused(opened: Opener, raw: Any, policy: str) -> None:
    """Before the first call and the first answer; a finished cache may be read from it."""
    put(opened(), ask(), "kept")
    raw.config_set("maxmemory-policy", policy)

    for act in (
        lambda: opened().check_writable(),
        lambda: opened().get_many([ask()]),
        lambda: put(opened("refresh"), ask()),
    ):
        line = error_line(act)
        assert f"(maxmemory-policy {policy})" in line
        assert "maxmemory-policy noeviction" in line
    assert text_of(opened("replay"), ask()) == "kept"


def test_full_memory_is_reported_and_loses_nothing(opened: Opener, raw: Any) -> None:
    """A batch that did not fit is not half there; with more memory, storing goes on."""
    cache = opened()
    put(cache, ask(0), "first")
    raw.config_set("maxmemory", "1mb")

    line = error_line(lambda: put(cache, ask(1), NOISE))
    asking_again = error_line(lambda: put(opened("refresh"), ask(0), NOISE))
    before_calls = error_line(lambda: opened().check_writable())

    for message in (line, asking_again, before_calls):
        assert "Raise its maxmemory, then run the same command again." in message
    assert cache.known([ask(0), ask(1)]) == {ask(0).key}
    assert text_of(cache, ask(0)) == "first"
    raw.config_set("maxmemory", "0")
    assert put(cache, ask(1), NOISE).response.text == text_of(cache, ask(1)) == NOISE


def test_server_that_cannot_save_is_reported() -> None:
    """It takes nothing more while what it writes to disk fails: said before the first call."""
    with redis_server("--save", "3600 1", "--dbfilename", "taken") as server:
        (server.folder / "taken").mkdir()
        with closing(RedisCache(server.url)) as cache, server.client() as client:
            put(cache, ask())
            client.bgsave()
            while client.info("persistence")["rdb_bgsave_in_progress"]:
                time.sleep(0.01)

            assert "Its disk may be full" in error_line(cache.check_writable)
            assert text_of(cache, ask()) == "first"


def test_server_without_persistence_is_warned_of_once(caplog: pytest.LogCaptureFixture) -> None:
    """One that writes to disk, whichever way, is not."""
    with redis_server() as fleeting, caplog.at_level(logging.WARNING, "distexp"):
        for _ in range(3):
            with closing(RedisCache(fleeting.url)) as cache:
                put(cache, ask())
        (record,) = caplog.records
        assert "keeps paid answers in memory alone" in record.getMessage()
        assert "appendonly yes" in record.getMessage()

        with fleeting.client() as client:
            client.config_set("save", "3600 1")
        with closing(RedisCache(fleeting.url, prefix="other")) as cache:
            put(cache, ask())
        assert len(caplog.records) == 1


def test_server_that_is_started_again_costs_no_answer() -> None:
    """What is stored while it is down waits for it, and what was stored before is there."""
    settings = ("--appendonly", "yes", "--appendfsync", "always")
    with redis_server(*settings) as server, closing(RedisCache(server.url)) as cache:
        put(cache, ask(0), "before")
        server.stop(signal.SIGKILL)
        later = threading.Timer(0.3, server.start)
        later.start()

        put(cache, ask(1), "meanwhile")
        later.join()

        assert [text_of(cache, ask(number)) for number in (0, 1)] == ["before", "meanwhile"]


def test_claim_survives_a_restart_of_the_server() -> None:
    """The owner is still asking: its renewal puts the claim back."""
    with (
        redis_server() as server,
        closing(QuickRedisCache(server.url)) as owner,
        closing(QuickRedisCache(server.url)) as other,
        server.client() as client,
    ):
        owner.claim(ask())
        server.stop()
        server.start()
        until = time.monotonic() + PATIENCE_S
        while not client.exists(f"distexp:_claim:{ask().key}"):
            assert time.monotonic() < until
            time.sleep(0.01)

        assert not other.claim(ask())


# Errors are one clear line


class HastyCache(RedisCache):
    """Does not wait for a server that was there."""

    retries = 0


def test_server_that_is_not_there_is_reported_at_once(server: RedisServer) -> None:
    """By reading, storing, claiming and the check before a call."""
    with closing(RedisCache("redis://127.0.0.1:1/0")) as cache:
        for act in (
            lambda: cache.get_many([ask()]),
            lambda: put(cache, ask()),
            lambda: cache.claim(ask()),
            cache.check_writable,
        ):
            line = error_line(act)
            assert line.startswith("The response cache redis://127.0.0.1:1/0#distexp cannot be")
            assert "Start the server, or set cache.url to where it is." in line


def test_server_that_never_answered_is_tried_a_few_times_only() -> None:
    """Patience is for a server that was there: each call gives up long before it would run out."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        tried: list[object] = []

        def end_each_connection() -> None:
            with suppress(OSError):  # closed below
                while True:
                    connection, address = listening.accept()
                    tried.append(address)
                    connection.close()

        threading.Thread(target=end_each_connection, daemon=True).start()
        port = listening.getsockname()[1]
        with closing(RedisCache(f"redis://127.0.0.1:{port}/0")) as cache:
            for act in (
                lambda: cache.get_many([ask()]),
                lambda: put(cache, ask()),
                lambda: cache.claim(ask()),
                cache.check_writable,
            ):
                tried.clear()
                assert "cannot be used" in error_line(act)
                assert 0 < len(tried) < RedisCache.retries
        listening.shutdown(socket.SHUT_RDWR)


def test_server_that_goes_away_for_good_is_reported() -> None:
    """After the patience with one that is started again; closing is quiet."""
    with redis_server() as server:
        cache = HastyCache(server.url)
        put(cache, ask())
        cache.claim(ask(1))
        server.stop()

        assert "Start the server" in error_line(lambda: put(cache, ask(2)))
        cache.release(ask(1))
        cache.close()


def test_password_comes_from_the_environment_and_goes_nowhere(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Right, wrong, missing, or its variable not set: no message holds it."""
    monkeypatch.setenv("TEAM_REDIS", "hunter2")
    monkeypatch.setenv("OTHER_REDIS", "letmein7")
    with redis_server("--requirepass", "hunter2") as server:
        with closing(RedisCache(server.url, password_env="TEAM_REDIS")) as cache:
            put(cache, ask(), "answer")
            assert text_of(cache, ask()) == "answer"
            assert "hunter2" not in f"{cache.path} {vars(cache)} {vars(cache._server)}"
        lines = []
        for name in ("OTHER_REDIS", None):
            with closing(RedisCache(server.url, password_env=name)) as cache:
                lines.append(error_line(cache.check_writable))
        with pytest.raises(ConfigError, match="NOT_SET, which cache"):
            RedisCache(server.url, password_env="NOT_SET").check_writable()

    for line in [*lines, caplog.text]:
        assert "hunter2" not in line
        assert "letmein7" not in line
    assert all("cache.password_env=NAME" in line for line in lines)


def test_user_with_the_rights_that_are_documented_can_do_all(
    server: RedisServer, raw: Any, monkeypatch: pytest.MonkeyPatch, opened: Opener
) -> None:
    """docs/scaling.md lists them; one without the right to store is told so before a call."""
    document = (Path(__file__).parents[2] / "docs" / "scaling.md").read_text()
    (line,) = (row for row in document.splitlines() if row.startswith("ACL SETUSER distexp "))
    raw.execute_command(*line.replace("PASSWORD", "pw").split())
    raw.acl_setuser("reader", enabled=True, passwords=["+pw"], keys=["*"], commands=["+info"])
    monkeypatch.setenv("PW", "pw")
    address = server.url.replace("://", "://distexp@")

    cache = opened(url=address, password_env="PW", prefix="distexp")
    cache.check_writable()
    put(cache, ask(), "first")
    put(opened("refresh", url=address, password_env="PW", prefix="distexp"), ask(), "second")
    assert text_of(cache, ask()) == "second"
    assert cache.known([ask()]) == {ask().key}
    assert cache.claim(ask(1))
    cache.release(ask(1))
    assert len(dict(cache.entries())) == 2

    reading = opened(url=server.url.replace("://", "://reader@"), password_env="PW")
    assert "what the user must be allowed" in error_line(reading.check_writable)


def test_replica_is_read_and_not_written(server: RedisServer, opened: Opener) -> None:
    """It says so before the first call."""
    put(opened(), ask(), "replicated")
    with redis_server("--replicaof", f"127.0.0.1 {server.port}") as replica:
        reader, writer = (opened(mode, url=replica.url) for mode in ("replay", "use"))
        until = time.monotonic() + PATIENCE_S
        while not reader.known([ask()]):
            assert time.monotonic() < until
            time.sleep(0.02)

        assert text_of(reader, ask()) == "replicated"
        assert "It is a replica: set cache.url to its primary" in error_line(writer.check_writable)


def test_cluster_is_refused() -> None:
    """Its parts do not store together."""
    with (
        redis_server("--cluster-enabled", "yes") as cluster,
        closing(RedisCache(cluster.url)) as cache,
    ):
        line = error_line(cache.check_writable)

    assert "is a Redis Cluster" in line
    assert "Set cache.url to a single server." in line


def test_what_is_no_string_is_refused(opened: Opener, raw: Any) -> None:
    """A list under the name of an answer is neither read over nor waited for."""
    cache = opened()
    name = f"{cache.path.split('#')[1]}:{ask().key}"
    raw.rpush(name, "planted")

    with pytest.raises(CacheCorruptError, match="it is a list"):
        put(cache, ask())
    with pytest.raises(CacheCorruptError, match=r"another with cache\.prefix=NAME"):
        cache.known([ask()])
    assert raw.lrange(name, 0, -1) == ["planted"]


# Claims


def test_owner_that_slept_through_its_lease_takes_nothing_from_the_next(
    server: RedisServer, opened: Opener, raw: Any
) -> None:
    """A stopped process loses its claim; when it goes on, and lets go, the other's stays."""
    prefix = opened().path.split("#")[1]
    words = ["redis", f"{server.url}#{prefix}", "hold", "1"]
    with subprocess.Popen(
        [sys.executable, "-m", "tests.cache.places", *words],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as sleeper:
        assert sleeper.stdout is not None
        assert sleeper.stdin is not None
        assert sleeper.stdout.readline() == "ready\n"
        sleeper.stdin.write("go\n")
        sleeper.stdin.flush()
        assert sleeper.stdout.readline() == "claimed True\n"
        sleeper.send_signal(signal.SIGSTOP)
        next_owner, until = opened(), time.monotonic() + PATIENCE_S
        while not next_owner.claim(ask(0)) and time.monotonic() < until:
            time.sleep(0.01)
        token = raw.get(f"{prefix}:_claim:{ask(0).key}")

        sleeper.send_signal(signal.SIGCONT)
        sleeper.stdin.write("release\n")
        sleeper.stdin.flush()
        released = sleeper.stdout.readline()
        sleeper.kill()

    assert released == "released\n"
    assert raw.get(f"{prefix}:_claim:{ask(0).key}") == token
    assert not next_owner.claim(ask(0))


def test_child_of_a_fork_has_none_of_its_parents_claims(opened: Opener) -> None:
    """It cannot drop them, and its own end with it."""
    parent, other = opened(), opened()
    parent.claim(ask(0))

    child = os.fork()
    if child == 0:  # pragma: no cover
        with suppress(BaseException):
            parent.release(ask(0))
            ok = not parent.claim(ask(0)) and parent.claim(ask(1))
            parent.close()
            os._exit(0 if ok else 1)
        os._exit(2)
    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 0
    assert not other.claim(ask(0))
    assert other.claim(ask(1))


# From here to a disk


def test_entries_move_into_a_cache_on_disk(opened: Opener, tmp_path: Path) -> None:
    """All of them, replaced ones too, word for word: a server is where a campaign is run."""
    cache = opened()
    for number in range(50):
        put(cache, ask(number), f"answer {number}")
    put(opened("refresh"), ask(0), "newer")

    with closing(ResponseCache(tmp_path / "cache")) as disk:
        adopted = disk.adopt(cache.entries())
        again = disk.adopt(cache.entries())
        assert (adopted.added, again.added, again.present) == (51, 0, 51)
        asked = [ask(number) for number in range(50)]
        assert disk.get_many(asked) == cache.get_many(asked)


def test_cache_on_a_server_is_merged_into_one_on_disk_by_command(
    opened: Opener, tmp_path: Path, command: Command
) -> None:
    """`distexp cache merge redis://...#PREFIX FOLDER`; the server needs not be written to."""
    cache = opened()
    for number in range(5):
        put(cache, ask(number), f"answer {number}")

    code, shown = command("merge", cache.path, tmp_path / "cache", "--json")

    assert code == 0
    (merged,) = json.loads(shown)["from"]
    assert (merged["path"], merged["added"]) == (cache.path, 5)
    assert text_of(ResponseCache(tmp_path / "cache", "replay"), ask(3)) == "answer 3"


def test_damaged_entry_stops_the_move(opened: Opener, raw: Any) -> None:
    """It is named."""
    cache = opened()
    put(cache, ask(), "answer")
    raw.set(f"{cache.path.split('#')[1]}:{ask().key}", digest_of("x") + "{}")

    with pytest.raises(CacheCorruptError, match=ask().key):
        list(cache.entries())


def test_new_answer_is_numbered_after_those_that_were_replaced(opened: Opener, raw: Any) -> None:
    """Where the newest was deleted by hand, the ones before it are not overwritten."""
    put(opened(), ask(), "zero")
    put(opened("refresh"), ask(), "one")
    raw.delete(f"{opened().path.split('#')[1]}:{ask().key}")

    third = put(opened(), ask(), "again")
    fourth = put(opened("refresh"), ask(), "once more")

    raw.delete(f"{opened().path.split('#')[1]}:{ask().key}")
    fifth = put(opened("refresh"), ask(), "and again")

    assert [record.generation for record in (third, fourth, fifth)] == [1, 2, 2]
    names = dict(opened().entries())
    assert set(names) == {ask().key, f"{ask().key}/0", f"{ask().key}/1"}
    assert '"zero"' in names[f"{ask().key}/0"]


def test_a_replaced_answer_is_never_overwritten(opened: Opener, raw: Any) -> None:
    """If its name is taken, refreshing is an error and changes nothing."""
    put(opened(), ask(), "first")
    prefix = opened().path.split("#")[1]
    raw.set(f"{prefix}:{ask().key}/0", "planted")
    before = raw.get(f"{prefix}:{ask().key}")

    with pytest.raises(CacheError, match=f"{ask().key}/0"):
        put(opened("refresh"), ask(), "second")

    assert raw.get(f"{prefix}:{ask().key}/0") == "planted"
    assert raw.get(f"{prefix}:{ask().key}") == before
