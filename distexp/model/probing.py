"""What a server can do, found out by asking: log-probabilities, schema, seed, system message."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from distexp.errors import ModelError, ThrottledError, TransientModelError
from distexp.protocols import Capabilities
from distexp.request import Json, Response, Usage

PROBE = "probe"
"""Field of the body of a request that stands for all calls of a probe; its value is a version."""
VERSION = 1
NAMES = {
    "logprobs": "log-probabilities",
    "json_schema": "JSON schema",
    "seed": "seed",
    "system_role": "system message",
}
FIELDS = {"json_schema": "response_format", "seed": "seed"}
"""What is left out where it does not work; without the others nothing can be asked."""
_SCHEMA: Json = {
    "type": "object",
    "properties": {"A": {"type": "integer", "minimum": 0, "maximum": 100}},
    "required": ["A"],
    "additionalProperties": False,
}

Call = Callable[[Mapping[str, Json]], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Found:
    """Whether one thing works, and what was seen."""

    works: bool
    said: str


def unknown(can: Capabilities) -> list[str]:
    """Return the capabilities that have to be found out."""
    return [name for name in NAMES if getattr(can, name) is None]


def probe_body(can: Capabilities) -> dict[str, Json]:
    """Return the body of the request that stands for a probe."""
    return {PROBE: VERSION, "finds_out": unknown(can)}


def wanted(body: Mapping[str, Json]) -> list[str]:
    """Return what the request of a probe is to find out."""
    names = body.get("finds_out")
    return [name for name in NAMES if isinstance(names, list | tuple) and name in names]


async def probe(wanted: Sequence[str], call: Call, room: int) -> Response:
    """Try each capability, and return what was found as the text of one response.

    A capability that a server refuses is one that it lacks, if it answers a plain call right
    after.

    Parameters
    ----------
    wanted : sequence of str
    call : callable
        Sends a body.
    room : int
        Tokens that the model may take to think.

    Raises
    ------
    ModelError
        If plain calls fail.
    """
    plain = _body("Reply with the letter A.", 16 + room)
    replies = [await call(plain)]
    found = {}
    for name in wanted:
        try:
            seen = [await call(body) for body in _tries(name, room)]
        except ThrottledError:
            raise
        except ModelError as exc:
            replies.append(await call(plain))
            if isinstance(exc, TransientModelError):  # was it bad luck?
                try:
                    seen = [await call(body) for body in _tries(name, room)]
                except ThrottledError:
                    raise
                except ModelError as again:
                    replies.append(await call(plain))
                    found[name] = Found(False, f"refused: {again}")
                    continue
            else:
                found[name] = Found(False, f"refused: {exc}")
                continue
        replies += seen
        found[name] = _CHECKS[name](seen)
    said = {name: {"works": one.works, "said": one.said} for name, one in found.items()}
    return _summed(json.dumps(said, sort_keys=True), replies)


def learnt(can: Capabilities, response: Response) -> Capabilities:
    """Return the capabilities with what a probe has found."""
    found = read(response)
    return replace(can, **{name: found[name].works for name in unknown(can) if name in found})


@lru_cache(maxsize=64)
def left_out(can: Capabilities, able: Capabilities) -> tuple[str, ...]:
    """Return the fields of a body that are not sent, because a probe has found them of no use."""
    return tuple(
        field
        for name, field in FIELDS.items()
        if getattr(can, name) is None and getattr(able, name) is False
    )


def read(response: Response) -> dict[str, Found]:
    """Read what a probe has found; nothing of what is no probe's response."""
    try:
        said = json.loads(response.text)
        return {
            name: Found(bool(one["works"]), str(one["said"]))
            for name, one in said.items()
            if name in NAMES
        }
    except (ValueError, TypeError, KeyError, AttributeError):
        return {}


def told(label: str, response: Response) -> str:
    """Say what a probe has found, in a sentence."""
    parts = [
        f"{NAMES[name]} {'yes' if one.works else 'no'}" + f" ({one.said})" * bool(one.said)
        for name, one in read(response).items()
    ]
    return f"Found out about {label} by a probe: {'; '.join(parts)}."


def _body(text: str, max_tokens: int, **settings: Json) -> dict[str, Json]:
    message: Json = {"role": "user", "content": text}
    body: dict[str, Json] = {"messages": [message], "temperature": 0.0, "max_tokens": max_tokens}
    return body | settings


def _tries(name: str, room: int) -> list[dict[str, Json]]:
    """Return the bodies that try a capability."""
    if name == "logprobs":
        return [_body("Reply with the letter A.", 1 + room, logprobs=True, top_logprobs=5)]
    if name == "json_schema":
        form: Json = {"name": "reply", "strict": True, "schema": _SCHEMA}
        wanted: Json = {"type": "json_schema", "json_schema": form}
        return [_body("Tell me in two words how you are.", 64 + room, response_format=wanted)]
    if name == "seed":
        body = _body("Write down five random words.", 32 + room, seed=7) | {"temperature": 1.0}
        return [body, body]
    system: Json = {"role": "system", "content": "You always reply with the one word BLUE."}
    body = _body("Which day is it?", 16 + room)
    return [body | {"messages": [system, *body["messages"]]}]  # type: ignore[misc]


def _logprobs(replies: Sequence[Response]) -> Found:
    return Found(bool(replies[0].top_logprobs), "" if replies[0].top_logprobs else "none came")


def _json_schema(replies: Sequence[Response]) -> Found:
    try:
        held = isinstance(json.loads(replies[0].text)["A"], int)
    except (ValueError, TypeError, KeyError):
        held = False
    return Found(held, "" if held else "the reply did not keep to it")


def _seed(replies: Sequence[Response]) -> Found:
    alike = replies[0].text == replies[1].text
    return Found(True, "" if alike else "taken, but two replies to one seed differ")


def _system_role(replies: Sequence[Response]) -> Found:
    followed = "blue" in replies[0].text.lower()
    return Found(True, "" if followed else "taken, but not followed")


_CHECKS = {
    "logprobs": _logprobs,
    "json_schema": _json_schema,
    "seed": _seed,
    "system_role": _system_role,
}


def _summed(text: str, replies: Sequence[Response]) -> Response:
    """Return a response that costs what all replies did."""
    usages = [one.usage for one in replies if one.usage is not None]
    costs = [one.cost_usd for one in replies if one.cost_usd is not None]
    whole = len(usages) == len(replies)
    usage = Usage(
        prompt_tokens=sum(one.prompt_tokens for one in usages),
        completion_tokens=sum(one.completion_tokens for one in usages),
    )
    return replace(
        replies[0],
        text=text,
        finish_reason="stop",
        thought=None,
        tokens=None,
        usage=usage if whole else None,
        cost_usd=sum(costs) if len(costs) == len(replies) else None,
    )
