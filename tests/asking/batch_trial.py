"""Batches whose process is killed again and again: every answer once, none paid twice, none lost.

`python -m tests.asking.batch_trial 20000 20` hands over so many requests of each protocol, a tenth
of whose rows fail, and kills the process so often at random moments. Names
of protocols may follow.
"""

import asyncio
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from distexp.asking.batch.clerk import Clerk
from distexp.asking.batch.desk import Desk
from distexp.asking.budget import Budget
from distexp.asking.progress import Progress
from distexp.asking.storing import Recorder
from distexp.cache import ResponseCache
from distexp.cache.disk.batches import OPEN
from distexp.model.batch.native import ENDPOINTS
from distexp.model.litellm import LiteLLMModel
from distexp.protocols import Capabilities
from distexp.request import Message, Prompt, Request
from tests.asking.batch_server import BatchServer, Faults

NAMES = {"openai": "m", "anthropic": "claude-haiku-4-5-20251001", "gemini": "gemini-3.5-flash"}
PATHS = {"openai": "/v1", "anthropic": "", "gemini": "/v1beta"}
ROOT = Path(__file__).parents[2]


def model_at(url: str, protocol: str) -> LiteLLMModel:
    """Return the model that is asked."""
    return LiteLLMModel(
        name=NAMES[protocol],
        provider=protocol,
        capabilities=Capabilities(logprobs=False, json_schema=True, seed=False, system_role=True),
        api_base=url + PATHS[protocol],
        usd_per_million_tokens=[1.0, 2.0],
        max_retries=4,
    )


def requests_of(model: LiteLLMModel, n_requests: int) -> list[Request]:
    """Return so many different requests."""
    return [
        model.request(
            Prompt(
                messages=(Message(role="user", content=f"Question {number}?"),),
                option_order=(0, 1),
                max_tokens=10,
            )
        )
        for number in range(n_requests)
    ]


def child(url: str, folder: str, n_requests: int, n_batches: int, protocol: str) -> None:
    """Have all requests answered, unless killed before."""
    ENDPOINTS[protocol].most_requests = -(-n_requests // n_batches)
    model, cache = model_at(url, protocol), ResponseCache(folder)
    requests = requests_of(model, n_requests)
    model.terms().prepare()
    sys.stdout.write("begun\n")
    sys.stdout.flush()
    for _ in range(4):
        known = cache.known(requests)
        missing = [request for request in requests if request.key not in known]
        with Recorder(cache) as recorder:
            desk = Desk(
                cache=cache,
                recorder=recorder,
                budget=Budget(),
                progress=Progress("", total=len(missing), shown=False),
                poll_s=(0.02, 0.1),
                grace_s=0.5,
            )
            outcome = asyncio.run(desk.finish([(model, request) for request in missing]))
            assert outcome.stopped is None
            if not outcome.failures:
                return
            asyncio.run(forget_lost(model, cache, recorder))
    raise AssertionError(outcome.failures)


async def forget_lost(model: LiteLLMModel, cache: ResponseCache, recorder: Recorder) -> None:
    """Do what the error asks for, as its reader would: the server's list is true at once."""
    clerk = Clerk(model.terms(), cache, recorder, grace_s=0.0)
    try:
        for batch in await clerk.open():
            if batch.remote is None:
                await clerk.forget(batch)
    finally:
        await clerk.endpoint.close()


def trial(
    folder: Path, *, n_requests: int, n_kills: int, n_batches: int, protocol: str
) -> list[str]:
    """Run a trial and return what is wrong."""
    server = BatchServer(Faults(failing=0.1, duplicated=0.05, polls=2))
    arguments = [server.url, str(folder), str(n_requests), str(n_batches), protocol]
    chance = random.Random(n_requests)
    command = [sys.executable, "-m", "tests.asking.batch_trial", "child", *arguments]
    longest_s = 0.3 + n_requests / 2000
    try:
        for kill in range(n_kills + 1):
            process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
            assert process.stdout is not None
            process.stdout.readline()
            if kill < n_kills:
                time.sleep(chance.uniform(0.0, longest_s))
                process.kill()
            process.wait()
            process.stdout.close()
        return _wrong(server, folder, n_requests, protocol, process.returncode)
    finally:
        server.close()


def _wrong(
    server: BatchServer, folder: Path, n_requests: int, protocol: str, code: int
) -> list[str]:
    cache = ResponseCache(folder)
    requests = requests_of(model_at(server.url, protocol), n_requests)
    stored = cache.get_many(requests)
    wrong = [] if code == 0 else [f"the last run ended with {code}"]
    wrong += [f"{r.key} is lost" for r in requests if r.key not in stored]
    wrong += [
        f"{key} has the answer {record.response.text!r}"
        for key, record in stored.items()
        if record.response.text != f"A {key[:16]}"
    ]
    wrong += [f"{key} was paid {n} times" for key, n in server.paid.items() if n != 1]
    wrong += [f"{b.label} is {b.state}" for b in cache.batches() if b.state in OPEN]
    return wrong[:20]


def main(n_requests: int, n_kills: int, *protocols: str) -> None:
    """Run the trial of each protocol and print what was found."""
    for protocol in protocols or NAMES:
        with tempfile.TemporaryDirectory() as folder:
            begun = time.monotonic()
            wrong = trial(
                Path(folder),
                n_requests=n_requests,
                n_kills=n_kills,
                n_batches=max(2, n_kills // 2),
                protocol=protocol,
            )
            found = {"protocol": protocol, "requests": n_requests, "kills": n_kills}
            found |= {"seconds": round(time.monotonic() - begun), "wrong": wrong}
            sys.stdout.write(json.dumps(found) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    if sys.argv[1] == "child":
        child(sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]), sys.argv[6])
    else:
        main(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:])
