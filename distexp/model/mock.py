"""A model made of a hash function: answers at once, always the same, and knows nothing."""

import hashlib
import json
import math
import re
from bisect import bisect_right
from collections.abc import Mapping
from itertools import accumulate
from typing import cast

from distexp.checks import check_int, check_text
from distexp.protocols import Capabilities
from distexp.request import Json, Prompt, Request, Response, Usage

_LETTERED_LINE = re.compile(r"^([A-Z])\. (.+)$", re.MULTILINE)
_NUMBERED_LINE = re.compile(r"^(\d{1,2})\. (.+)$", re.MULTILINE)
_BARE_LINE = re.compile(r"^- (.+)$", re.MULTILINE)


class MockModel:
    """Stands in for a model to try a configuration, or distexp itself, without one.

    Its answers follow from a hash of the prompt, so they are stable and meaningless: shares where
    shares or log-probabilities are asked for, a text for each text that a JSON schema asks for,
    and else a letter.

    Parameters
    ----------
    name : str
        Name in tables; another name is another set of answers.
    """

    capabilities = Capabilities(logprobs=True, json_schema=True, seed=True, system_role=True)
    max_retries = 0

    def __init__(self, *, name: str = "mock", max_concurrency: int = 64) -> None:
        check_text("MockModel", "name", name)
        check_int("MockModel", "max_concurrency", max_concurrency, minimum=1)
        self.name = name
        self.max_concurrency = max_concurrency

    def request(self, prompt: Prompt) -> Request:
        """Add the model's name to a prompt."""
        messages: list[Json] = [{"role": m.role, "content": m.content} for m in prompt.messages]
        body: dict[str, Json] = {"messages": messages, "top_logprobs": prompt.top_logprobs}
        if prompt.top_logprobs is None and not _asks_for_shares(prompt.json_schema):
            body["json_schema"] = prompt.json_schema
        return Request(
            provider="mock", model=self.name, endpoint=None, body=body, draw=prompt.draw
        )

    def preflight(self) -> None:
        """Need nothing."""

    async def complete(self, request: Request) -> Response:
        """Answer from the hash of the request."""
        return mock_response(request)

    def versions(self) -> dict[str, str]:
        """Return nothing: no other software takes part."""
        return {}

    async def close(self) -> None:
        """Hold nothing."""


def mock_response(request: Request) -> Response:
    """Return what follows from a hash of the request and of each option in its place."""
    (message, *_) = cast("list[dict[str, str]]", request.body["messages"])[-1:]
    options = _last_options(message["content"])
    weights = {letter: 1 + _hash(f"{request.key} {text}") for letter, text in options.items()}
    total = sum(weights.values())
    usage = Usage(prompt_tokens=len(request.document) // 4, completion_tokens=1)
    if "json_schema" in request.body:
        text = _text(request, options)
    elif request.body.get("top_logprobs") is None:
        text = json.dumps({letter: 100 * w / total for letter, w in weights.items()})
    else:
        top = tuple((letter, math.log(0.9 * w / total)) for letter, w in weights.items())
        return Response(
            text=max(weights, key=weights.__getitem__),
            finish_reason="length",
            usage=usage,
            top_logprobs=(top,),
            provider_model="mock",
        )
    return Response(text=text, finish_reason="stop", usage=usage, provider_model="mock")


def _asks_for_shares(schema: Mapping[str, Json] | None) -> bool:
    properties = cast("Mapping[str, Mapping[str, Json]]", (schema or {}).get("properties", {}))
    return any(entry["type"] == "integer" for entry in properties.values())


def _last_options(content: str) -> dict[str, str]:
    """Return the options of the question itself, which comes after any example."""
    start = max(content.rfind("\nA. "), 0)
    lettered = dict(_LETTERED_LINE.findall(content, start))
    if lettered:
        return lettered
    numbered = dict(_NUMBERED_LINE.findall(content, max(content.rfind("\n1. "), 0)))
    return numbered or {text: text for text in _BARE_LINE.findall(content)}


def _text(request: Request, options: Mapping[str, str]) -> str:
    """Draw a letter, or what the schema asks for under each of its keys."""
    messages = request.body["messages"]
    chances = [1 + _hash(f"{messages} {text}") for text in options.values()]

    def draw(key: str, entry: Mapping[str, Json]) -> str:
        if "enum" not in entry:
            return f"Wording {key} of {request.key[:8]}?"
        at = _hash(f"{request.key} {key}") * sum(chances) / 100
        return list(options)[bisect_right(list(accumulate(chances)), at)]

    schema = cast("Mapping[str, Mapping[str, Mapping[str, Json]]]", request.body["json_schema"])
    if schema is None:
        return draw("", {"enum": list(options)})
    return json.dumps({key: draw(key, entry) for key, entry in schema["properties"].items()})


def _hash(text: str) -> int:
    """Return a number from 0 to 99."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) % 100
