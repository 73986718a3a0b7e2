"""Measures a cache of a million answers: storing, opening, reading, counting, passing on.

Reading stands beside plain diskcache, which gets a key at a time, on a sample of the same entries
in the same run.

    python benchmarks/cache.py [--answers 1000000] [--folder KEPT]
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

import diskcache

from distexp.cache import JSONDisk, Paid, ResponseCache
from distexp.request import Json, Request, Response, Usage
from distexp.sharing.archive import export, take_in

Row = tuple[str, str, object, object]
CHUNK = 10_000
N_SAMPLE = 50_000
MODELS = (
    ("openai", "gpt-4o-mini", None, (1.5e-07, 6e-07)),
    ("anthropic", "claude-haiku-4-5", None, (1e-06, 5e-06)),
    ("openai", "llama-3.3-70b", "http://gpu:8000/v1", None),
)
QUESTION = (
    "Question {number}: are we spending too much, too little, or about the right amount on it?\n"
    "Options:\nA. Too little\nB. About right\nC. Too much\n\n"
    "Imagine you are a Democrat. Estimate how many in 100 give each answer, as JSON."
)


def request(number: int) -> Request:
    """Make one of the requests, each model in turn."""
    provider, model, endpoint, _ = MODELS[number % len(MODELS)]
    content = QUESTION.format(number=number)
    body: dict[str, Json] = {
        "messages": [{"role": "user", "content": content}],
        "temperature": 0,
        "max_tokens": 256,
    }
    return Request(provider=provider, model=model, endpoint=endpoint, body=body)


def paid(number: int) -> Paid:
    """Make an answer as a server gives it."""
    _, model, _, price = MODELS[number % len(MODELS)]
    response = Response(
        text=f'{{"A": {number % 100}, "B": 30, "C": {70 - number % 50}}}',
        finish_reason="stop",
        usage=Usage(prompt_tokens=80, completion_tokens=20),
        cost_usd=price and 80 * price[0] + 20 * price[1],
        price_usd_per_token=price,
        provider_model=model,
        system_fingerprint="fp_44709d6fcb",
    )
    versions = {"distexp": "0.1.0", "aiohttp": "3.13.2"}
    return Paid(
        request=request(number), response=response, latency_s=0.4, attempts=1, versions=versions
    )


def chunks(n: int) -> Iterator[range]:
    """Cut the numbers of all answers into chunks."""
    return (range(first, min(first + CHUNK, n)) for first in range(0, n, CHUNK))


class Clock:
    """Adds up time, and how many were done in it."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.n = 0
        self.best = 0.0
        """Of what was done at once, in a second: the rest of the machine disturbs it least."""

    def time(self, act: Callable[[], int]) -> None:
        """Do something; it returns how many were done."""
        start = time.perf_counter()
        n = act()
        seconds = time.perf_counter() - start
        self.n += n
        self.seconds += seconds
        self.best = max(self.best, n / seconds)

    def __str__(self) -> str:
        if self.n > 1:
            return f"{self.n / self.seconds:,.0f}/s, at best {self.best:,.0f}/s"
        return f"{self.seconds:.2f} s" if self.seconds >= 1 else f"{self.seconds * 1000:.1f} ms"


def timed(act: Callable[[], int]) -> Clock:
    """Do something once."""
    clock = Clock()
    clock.time(act)
    return clock


def best(act: Callable[[], int], times: int = 5) -> Clock:
    """Do something several times and return the fastest."""
    return min((timed(act) for _ in range(times)), key=lambda clock: clock.seconds)


def fill(folder: Path, n: int) -> Clock:
    """Store all answers, those of a chunk in one transaction."""
    clock = Clock()
    with closing(ResponseCache(folder)) as cache:
        for numbers in chunks(n):
            answers = [paid(number) for number in numbers]
            assert all(answer.request.key for answer in answers)  # computed before, as in a run
            clock.time(partial(stored, cache, answers))
    return clock


def stored(cache: ResponseCache, answers: Sequence[Paid]) -> int:
    """Store answers, of those that there are."""
    return len(cache.put_many(answers))


def find_one(folder: Path) -> int:
    """Open the cache to read, and find one answer."""
    with closing(ResponseCache(folder, "replay")) as cache:
        return len(cache.known([request(0)]))


def open_to_write(folder: Path) -> int:
    """Open the cache to write."""
    with closing(ResponseCache(folder)) as cache:
        cache.check_writable()
    return 1


def command(folder: Path, name: str) -> int:
    """Run a command as its users do, imports and all."""
    arguments = [sys.executable, "-m", "distexp", "cache", name, "--path", str(folder)]
    subprocess.run(arguments, check=True, stdout=subprocess.DEVNULL)
    return 1


def read(folder: Path, n: int) -> dict[str, Clock]:
    """Read all, in the order of storing, in turns with plain diskcache; then some at random."""
    clocks = {name: Clock() for name in ("responses", "get", "known", "in", "at random")}
    sample = random.Random(0).sample(range(n), min(n, N_SAMPLE))
    step = -(-len(sample) * CHUNK // n)
    cache = ResponseCache(folder, "replay")
    plain = diskcache.Cache(str(folder), disk=JSONDisk, eviction_policy="none")
    for at, numbers in enumerate(chunks(n)):
        asked, some = with_keys(numbers), with_keys(sample[at * step : (at + 1) * step])
        clocks["responses"].time(partial(read_all, cache, asked))
        clocks["get"].time(partial(get_each, plain, some))
        clocks["known"].time(partial(know_all, cache, asked))
        clocks["in"].time(partial(know_each, plain, some))
    clocks["at random"].time(partial(read_all, cache, with_keys(sample)))
    plain.close()
    return clocks


def read_all(cache: ResponseCache, asked: Sequence[Request]) -> int:
    """Read answers as a run does."""
    return sum(1 for _ in cache.responses(asked))


def get_each(plain: diskcache.Cache, asked: Sequence[Request]) -> int:
    """Read answers as one would with diskcache alone: unverified, and as plain documents."""
    return len([json.loads(plain.get(request.key)) for request in asked])


def know_all(cache: ResponseCache, asked: Sequence[Request]) -> int:
    """Find out which answers there are, as a dry run does."""
    return len(cache.known(asked))


def know_each(plain: diskcache.Cache, asked: Sequence[Request]) -> int:
    """Find it out with diskcache alone."""
    return sum(request.key in plain for request in asked)


def with_keys(numbers: Iterable[int]) -> list[Request]:
    """Make requests whose keys are known: to compute them is no part of reading."""
    requests = [request(number) for number in numbers]
    for one in requests:
        assert one.key
    return requests


def passed_on(folder: Path, n: int) -> list[Row]:
    """Return rows about an archive of all answers, written and taken in by another cache."""
    with tempfile.TemporaryDirectory(dir=folder.parent) as made:
        file = Path(made) / "all.zip"
        exported = timed(lambda: export(folder, None, file))
        with closing(ResponseCache(Path(made) / "other")) as cache:
            imported = timed(lambda: take_in(file, cache).added)
    assert exported.n == imported.n == n
    return [("export", "20,000/s", exported, ""), ("import", "20,000/s", imported, "")]


def measure(folder: Path, n: int) -> list[Row]:
    """Return rows: what was done, what is to be reached, the figure, and plain diskcache's."""
    filled = "kept" if folder.exists() else fill(folder, n)
    clocks = read(folder, n)
    assert clocks["responses"].n == clocks["known"].n == n
    return [
        ("store, 10,000 in a transaction", "", filled, ""),
        ("open, and find one answer", "50 ms", best(lambda: find_one(folder)), ""),
        ("open to write", "50 ms", best(lambda: open_to_write(folder)), ""),
        ("read all, as stored", "50,000/s", clocks["responses"], clocks["get"]),
        ("read some, at random", "", clocks["at random"], clocks["get"]),
        ("find out what is there", "", clocks["known"], clocks["in"]),
        ("`distexp cache stats`", "5 s", best(lambda: command(folder, "stats"), 3), ""),
        ("`distexp cache verify`", "", timed(lambda: command(folder, "verify")), ""),
        *passed_on(folder, n),
    ]


def main() -> None:
    """Make the cache and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--answers", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="where to make the cache, or to use it again")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        folder = options.folder or Path(made) / "cache"
        rows = measure(folder, options.answers)
        size = sum(file.stat().st_size for file in folder.iterdir())
    print(f"{options.answers:,} answers, {size / 1e9:.2f} GB\n")
    print("| | to reach | distexp | plain diskcache, a key at a time |\n|---|---|---|---|")
    for row in rows:
        print(f"| {' | '.join(map(str, row))} |")


if __name__ == "__main__":
    main()
