"""Measures the cache on a Redis server beside the one on disk: speed, memory, and its limits.

The answers are those of the embedded survey, with its real prompts. The server runs on this
machine, so nothing is waited for on a network; what a command costs the server's processor is
what bounds many workers together.

    .venv-cluster/bin/python benchmarks/shared_cache.py [--answers 50000]
"""

import argparse
import importlib.util
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_module
from hydra.utils import instantiate

from distexp.cache import Cache, Paid, ResponseCache
from distexp.cache.redis.store import RedisCache
from distexp.request import Request, Response, Usage

BATCH = 64
"""Answers that arrive, and are stored, together."""
N_CLAIMS = 5_000
SYNC = {"Redis, written to disk each second": "everysec", "Redis, at once": "always"}
CONFIG = [
    *("model=openai_compatible", "model.name=llama-3.3-70b", "model.api_base=http://gpu:8000/v1"),
    *("elicitation=verbalized", "prompt=[sociodemographic]"),
]


def main() -> None:
    """Measure all places, and print a row for each thing that was done."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--answers", type=int, default=50_000)
    answers = paid(parser.parse_args().answers)
    with tempfile.TemporaryDirectory() as folder:
        columns = {"disk": on_disk(Path(folder), answers)}
    if shutil.which("redis-server") and importlib.util.find_spec("redis"):
        for name, sync in SYNC.items():
            with tempfile.TemporaryDirectory() as folder:
                columns[name] = on_redis(Path(folder), sync, answers)
    else:
        print("Redis is left out: it needs redis-server, and `make cluster`.\n")
    text = sum(len(one.record("").to_json()) for one in answers) / len(answers)
    print(f"{len(answers):,} answers of {text:,.0f} bytes of JSON, stored {BATCH} at a time\n")
    print(f"| | {' | '.join(columns)} |\n|---|{'---:|' * len(columns)}")
    for row in dict.fromkeys(name for column in columns.values() for name in column):
        print(f"| {row} | {' | '.join(column.get(row, '') for column in columns.values())} |")


def paid(n: int) -> list[Paid]:
    """Return answers to prompts of the embedded survey, with as many draws as it takes."""
    with initialize_config_module("distexp.conf", version_base="1.3"):
        config = compose("config", overrides=CONFIG)
    parts = instantiate(config, _convert_="all")
    survey = parts.dataset.load()
    prompts = [
        prompt
        for style in (style.bind(survey) for style in parts.prompt.values())
        for case in survey.cases
        for prompt in parts.elicitation.prompts(case.question, case.group, style)
    ]
    draws = (replace(prompts[at % len(prompts)], draw=at // len(prompts)) for at in range(n))
    answers = [answer(parts.model.request(prompt), at) for at, prompt in enumerate(draws)]
    assert len({one.request.key for one in answers}) == n
    return answers


def answer(request: Request, number: int) -> Paid:
    """Return an answer as a server gives it."""
    first, second = number % 61, number * 7 % 37
    response = Response(
        text=f'{{"A": {first}, "B": {second}, "C": {100 - first - second}}}',
        finish_reason="stop",
        usage=Usage(prompt_tokens=120 + number % 40, completion_tokens=19),
        provider_model=request.model,
        system_fingerprint="fp_44709d6fcb",
    )
    versions = {"distexp": "0.1.0", "aiohttp": "3.14.5"}
    return Paid(
        request=request,
        response=response,
        latency_s=0.4 + number % 1000 / 1000,
        attempts=1,
        versions=versions,
    )


def on_disk(folder: Path, answers: Sequence[Paid]) -> dict[str, str]:
    """Measure the cache in a folder."""
    found = measured(lambda: ResponseCache(folder / "cache"), answers, lambda: 0.0)
    size = sum(path.stat().st_size for path in folder.glob("cache/*"))
    return found | {"bytes of disk an answer": f"{size / len(answers):,.0f}"}


def on_redis(folder: Path, sync: str, answers: Sequence[Paid]) -> dict[str, str]:
    """Measure the cache on a server of its own, and what that takes."""
    from redis import Redis

    settings = ("--appendonly", "yes", "--appendfsync", sync)
    with served(folder, *settings) as port, Redis(port=port) as client:
        before: dict[str, Any] = client.info()

        def server_s() -> float:
            used: dict[str, Any] = client.info("cpu")
            return float(used["used_cpu_user"] + used["used_cpu_sys"])

        url = f"redis://127.0.0.1:{port}/0"
        found = measured(lambda: RedisCache(url), answers, server_s)
        after: dict[str, Any] = client.info()
        memory = (after["used_memory"] - before["used_memory"]) / len(answers)
        found["bytes of memory an answer"] = f"{memory:,.0f}"
        client.bgrewriteaof()
        while client.info("persistence")["aof_rewrite_in_progress"]:
            time.sleep(0.1)
    size = sum(path.stat().st_size for path in folder.glob("appendonlydir/*"))
    found["bytes of disk an answer"] = f"{size / len(answers):,.0f}"
    start = time.perf_counter()
    with served(folder, *settings):
        seconds = time.perf_counter() - start
    return found | {"answers a second when the server starts": f"{len(answers) / seconds:,.0f}"}


def measured(
    opened: Callable[[], Cache], answers: Sequence[Paid], server_s: Callable[[], float]
) -> dict[str, str]:
    """Do with a cache what runs do: how many a second, and what each costs the server's CPU."""
    found: dict[str, str] = {}
    asked = [one.request for one in answers]

    def clocked(what: str, n: int, act: Callable[[], object], times: int = 3) -> None:
        best, used, before = float("inf"), 0.0, server_s()
        for _ in range(times):
            start = time.perf_counter()
            act()
            best = min(best, time.perf_counter() - start)
        used = (server_s() - before) / times
        found[what] = f"{n / best:,.0f}" + (f" ({1e6 * used / n:.1f} µs)" if used else "")

    with closing(opened()) as cache:
        cache.check_writable()
        store = partial(store_all, cache, answers)
        clocked("stored a second", len(answers), store, times=1)
    with closing(opened()) as cache:
        some = asked[:N_CLAIMS]
        clocked("looked up a second", len(asked), lambda: cache.known(asked))
        clocked("read a second", len(asked), lambda: consume(cache.responses(asked)))
        clocked("claimed and released a second", len(some), partial(one_by_one, cache, some))
        clocked(f"... {BATCH} at a time", len(some), partial(together, cache, some))
    return found


def store_all(cache: Cache, answers: Sequence[Paid]) -> None:
    """Store in batches."""
    for at in range(0, len(answers), BATCH):
        cache.put_many(answers[at : at + BATCH])


def consume(responses: Iterator[object]) -> None:
    """Read to the end."""
    for _ in responses:
        pass


def one_by_one(cache: Cache, asked: Sequence[Request]) -> None:
    """Claim and release."""
    for request in asked:
        cache.claim(request)
        cache.release(request)


def together(cache: Cache, asked: Sequence[Request]) -> None:
    """Claim and release in batches."""
    for at in range(0, len(asked), BATCH):
        cache.claim_many(asked[at : at + BATCH])
        cache.release_many(asked[at : at + BATCH])


@contextmanager
def served(folder: Path, *settings: str) -> Iterator[int]:
    """Yield the port of a server that has its data in a folder, once it has read them."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    own = ("--bind", "127.0.0.1", "--port", str(port), "--dir", str(folder), "--save", "")
    process = subprocess.Popen(["redis-server", *own, *settings], stdout=subprocess.DEVNULL)
    try:
        while not ready(port):
            time.sleep(0.005)
        yield port
    finally:
        process.terminate()
        process.wait()


def ready(port: int) -> bool:
    """Tell whether a server answers."""
    try:
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith(b"+PONG")
    except OSError:
        return False


if __name__ == "__main__":
    main()
