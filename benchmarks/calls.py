"""Measures what calls cost: 1,000 of them, 64 at once, to a local server that takes 100 ms.

Each candidate runs in processes of its own, each time on an empty cache: aiohttp alone, which
keeps nothing and is as fast as client and server can be here, distexp, distexp with all calls
through litellm, and, with --peers, DSPy and inspect-ai from virtual environments that are
made for them below outputs/peers. Time counts from the first request to the last stored answer;
what has to be imported for it is a column of its own.

    python benchmarks/calls.py [--peers] [--calls 1000] [--concurrency 64] [--repeats 3]
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
from tests.faults.server import Served  # noqa: E402

PEERS = {"DSPy": ["dspy==3.4.1"], "inspect-ai": ["inspect-ai==0.3.285", "openai"]}
BARE = ("aiohttp alone", "distexp")
Measured = dict[str, float]


def main() -> None:
    """Measure each candidate and print the table."""
    options = arguments()
    if options.candidate:
        print(json.dumps(CANDIDATES[options.candidate](options, options.url)))
        return
    ideal = options.calls * options.delay / options.concurrency
    print(
        f"| {options.calls:,} calls, {options.concurrency} at once, {options.delay:g} s each "
        f"(ideal {ideal:.2f} s) | seconds: least, median, most | × ideal | calls/s | "
        "CPU, ms a call | import, s |"
    )
    print("|---|---|---|---|---|---|")
    for name in CANDIDATES:
        if (name in PEERS and not options.peers) or (options.bare and name not in BARE):
            continue
        runs = [run(name, options) for _ in range(options.repeats)]
        best = min(runs, key=lambda measured: measured["wall"])
        walls = [measured["wall"] for measured in runs]
        spread = ", ".join(f"{wall:.2f}" for wall in (min(walls), median(walls), max(walls)))
        print(
            f"| {name} | {spread} | {best['wall'] / ideal:.2f} | "
            f"{options.calls / best['wall']:,.0f} | "
            f"{1000 * best['cpu'] / options.calls:.2f} | {best['import']:.2f} |",
            flush=True,
        )


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--delay", type=float, default=0.1, help="seconds an answer takes")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--bare", action="store_true", help="measure distexp and aiohttp alone")
    parser.add_argument("--peers", action="store_true", help="measure other software too")
    parser.add_argument("--candidate", choices=list(CANDIDATES), help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    return parser.parse_args()


def run(name: str, options: argparse.Namespace) -> Measured:
    """Run one candidate against a server of its own."""
    given = [f"--{name}={getattr(options, name)}" for name in ("calls", "concurrency")]
    with Served(delay=options.delay) as served, tempfile.TemporaryDirectory() as folder:
        measured = in_process(__file__, name, [*given, f"--url={served.url}"], Path(folder))
        counts = served.counts()
    if counts["delivered"] != options.calls or counts["prompts_delivered"] != options.calls:
        raise SystemExit(f"{name} made other calls than it should have: {counts}")
    return measured


def in_process(script: str, candidate: str, arguments: list[str], folder: Path) -> Measured:
    """Run a candidate of a benchmark in a process of its own, and return what it measured."""
    python = peer(candidate) if candidate in PEERS else Path(sys.executable)
    command = [str(python), str(Path(script).resolve()), "--candidate", candidate, *arguments]
    variables = ("HOME", "DSPY_CACHEDIR", "XDG_CACHE_HOME", "XDG_DATA_HOME", "INSPECT_LOG_DIR")
    environment = {"PATH": "/usr/bin:/bin", **dict.fromkeys(variables, str(folder))}
    done = subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.PIPE)
    measured: Measured = json.loads(done.stdout.splitlines()[-1])
    return measured


def peer(name: str) -> Path:
    """Install a peer, unless it is there, and return the interpreter that has it."""
    folder = ROOT / "outputs" / "peers" / name.lower()
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PEERS[name]], check=True)
    return python


def timed(imported_s: float, make_calls: Callable[[], object]) -> Measured:
    """Return wall-clock and processor seconds of the calls."""
    wall, cpu = time.perf_counter(), time.process_time()
    make_calls()
    return {
        "wall": time.perf_counter() - wall,
        "cpu": time.process_time() - cpu,
        "import": imported_s,
    }


def ours(options: argparse.Namespace, url: str, *, direct: bool = True) -> Measured:
    """Make the calls by distexp, with its cache on disk."""
    start = time.perf_counter()
    from distexp.asking.runner import Runner
    from distexp.cache import ResponseCache
    from distexp.model.litellm import LiteLLMModel
    from distexp.protocols import Capabilities
    from distexp.request import Message, Prompt

    model = LiteLLMModel(
        name="m",
        provider="openai",
        capabilities=Capabilities(logprobs=True, json_schema=True, seed=True, system_role=True),
        api_base=url,
        max_concurrency=options.concurrency,
        direct=direct,
    )
    model.preflight()  # imports what makes the calls
    imported_s = time.perf_counter() - start
    prompts = [
        Prompt(messages=(Message(role="user", content=text),), option_order=(0, 1), max_tokens=20)
        for text in questions(options)
    ]
    runner = Runner(model, ResponseCache("cache"))
    return timed(imported_s, lambda: runner.run([model.request(prompt) for prompt in prompts]))


def by_aiohttp(options: argparse.Namespace, url: str) -> Measured:
    """Make the calls by aiohttp alone: as many workers as calls at once, and nothing is kept."""
    import asyncio

    start = time.perf_counter()
    import aiohttp

    imported_s = time.perf_counter() - start

    async def all_calls() -> None:
        waiting = iter(questions(options))
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector) as session:

            async def work() -> None:
                for text in waiting:
                    body = {"model": "m", "messages": [{"role": "user", "content": text}]}
                    async with session.post(f"{url}/chat/completions", json=body) as reply:
                        json.loads(await reply.read())

            await asyncio.gather(*(work() for _ in range(options.concurrency)))

    return timed(imported_s, lambda: asyncio.run(all_calls()))


def through_litellm(options: argparse.Namespace, url: str) -> Measured:
    """Make the calls by distexp, and all of them through litellm."""
    return ours(options, url, direct=False)


def by_dspy(options: argparse.Namespace, url: str) -> Measured:
    """Make the calls by DSPy, with its cache on disk."""
    import asyncio

    start = time.perf_counter()
    import dspy  # type: ignore[import-not-found]

    lm = dspy.LM("openai/m", api_base=url, api_key="none", temperature=0.0, max_tokens=20)
    imported_s = time.perf_counter() - start

    async def all_calls() -> None:
        free = asyncio.Semaphore(options.concurrency)

        async def one(text: str) -> None:
            async with free:
                await lm.acall(text)

        await asyncio.gather(*map(one, questions(options)))

    return timed(imported_s, lambda: asyncio.run(all_calls()))


def by_inspect(options: argparse.Namespace, url: str) -> Measured:
    """Make the calls by inspect-ai, with its cache on disk."""
    start = time.perf_counter()
    from inspect_ai import Task, eval  # type: ignore[import-not-found]
    from inspect_ai.dataset import Sample  # type: ignore[import-not-found]
    from inspect_ai.model import GenerateConfig, get_model  # type: ignore[import-not-found]
    from inspect_ai.solver import generate  # type: ignore[import-not-found]

    config = GenerateConfig(
        temperature=0.0, max_tokens=20, max_connections=options.concurrency, cache=True
    )
    model = get_model("openai/m", base_url=url, api_key="none", config=config, responses_api=False)
    imported_s = time.perf_counter() - start
    task = Task(
        dataset=[Sample(input=text, id=text) for text in questions(options)],
        solver=generate(cache=True),
    )
    return timed(
        imported_s,
        lambda: eval(task, model=model, display="none", max_samples=options.concurrency),
    )


def questions(options: argparse.Namespace) -> list[str]:
    """Return different prompts."""
    return [f"What share of people agrees with statement {n}?" for n in range(options.calls)]


CANDIDATES: dict[str, Callable[[argparse.Namespace, str], Any]] = {
    "aiohttp alone": by_aiohttp,
    "distexp": ours,
    "distexp through litellm": through_litellm,
    "DSPy": by_dspy,
    "inspect-ai": by_inspect,
}

if __name__ == "__main__":
    main()
