"""Measures what a bad connection costs: 10,000 calls to a local server of which 30 % fail.

They are turned away with status 429, fail with status 500, are reset, never answered, or answered
in part. In the end every answer must be in the cache, and the server have delivered none twice.

    python benchmarks/faults.py [--calls 10000] [--faults 0.3] [--concurrency 64]
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from distexp.cache import ResponseCache
from distexp.runner import Runner
from tests.faults.client import model_at, requests
from tests.faults.server import Served


def main() -> None:
    """Make the calls, compare cache and server, and print the counts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--faults", type=float, default=0.3, help="share of calls that fail")
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with (
        Served(delay=0.02, faults=options.faults, retry_after=0.05, seed=options.seed) as served,
        tempfile.TemporaryDirectory() as folder,
    ):
        model = model_at(served.url, max_concurrency=options.concurrency, timeout_s=2.0)
        asked = requests(model, options.calls)
        start = time.perf_counter()
        Runner(model, ResponseCache(folder), progress=True).run(asked)
        seconds = time.perf_counter() - start
        records = ResponseCache(folder, "replay").get_many(asked)
        counts = served.counts()
    right = sum(
        records[request.key].response.text == f"answer to question {number}"
        for number, request in enumerate(asked)
        if request.key in records
    )
    attempts = sum(record.attempts for record in records.values())
    print(f"{options.calls:,} questions, {counts['calls']:,} calls in {seconds:.0f} s")
    print("what became of the calls:", ", ".join(f"{k} {v:,}" for k, v in counts["did"].items()))
    print(f"answers in the cache     {len(records):8,}, of which right {right:,}")
    print(f"answers delivered        {counts['delivered']:8,}")
    print(f"questions answered twice {counts['delivered'] - counts['prompts_delivered']:8,}")
    print(f"attempts recorded        {attempts:8,}")
    if not options.calls == len(records) == right == counts["delivered"] or (
        counts["delivered"] != counts["prompts_delivered"]
    ):
        sys.exit("An answer is missing, wrong or paid for twice.")


if __name__ == "__main__":
    main()
