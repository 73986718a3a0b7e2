"""Asks a server a number of different questions, through a cache: a process to be interrupted.

python tests/faults/client.py URL CACHE N CONCURRENCY GRACE_S
"""

import sys
from pathlib import Path
from typing import Any

from distexp.asking import dispatch
from distexp.asking.runner import Runner
from distexp.cache import ResponseCache
from distexp.model.litellm import LiteLLMModel
from distexp.protocols import Capabilities
from distexp.request import Message, Prompt, Request


def model_at(url: str, **settings: Any) -> LiteLLMModel:
    """Make a model of a local server."""
    can = Capabilities(logprobs=True, json_schema=True, seed=True, system_role=True)
    return LiteLLMModel(
        **{"name": "m", "provider": "openai", "capabilities": can, "api_base": url, **settings}
    )


def requests(model: LiteLLMModel, n: int) -> list[Request]:
    """Make different requests."""
    return [
        model.request(
            Prompt(
                messages=(Message(role="user", content=f"question {number}"),),
                option_order=(0, 1),
                max_tokens=9,
            )
        )
        for number in range(n)
    ]


def main() -> None:
    """Ask; an interrupt waits for the calls in flight however slow the machine is."""
    url, cache, n, concurrency, grace_s = sys.argv[1:]
    dispatch.GRACE_S = float(grace_s)
    model = model_at(url, max_concurrency=int(concurrency), api_key_env="FAULTS_KEY")
    Runner(model, ResponseCache(Path(cache)), progress=True).run(requests(model, int(n)))


if __name__ == "__main__":
    main()
