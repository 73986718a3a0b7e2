"""A call, its key and its response.

The key is the SHA-256 of the one JSON text that stands for everything in the call.
"""

import hashlib
import json
import marshal
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Generic, Self, TypeVar

from distexp.errors import ConfigError

Json = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]

REQUEST_SCHEMA = 1
"""Version of the key document. Raising it orphans every cache: a decision, listed in CHANGELOG."""
REFUSED = "refused"
"""Finish reason of what is kept in place of an answer where a server refused a prompt for good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One chat message."""

    role: str
    """`system`, `user` or `assistant`."""
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """What an elicitation asks, before a model adds its own settings."""

    messages: tuple[Message, ...]
    option_order: tuple[int, ...]
    """Position shown to option index: `(2, 1, 0)` shows a three-point scale reversed."""
    max_tokens: int
    temperature: float = 0.0
    draw: int = 0
    """Which repetition of the same question this is: each draw is paid for and kept by itself."""
    top_logprobs: int | None = None
    """How many alternatives of each token to return; None asks for no log-probabilities."""
    json_schema: Mapping[str, Json] | None = None
    """Shape of the reply, sent only to models that can be held to one."""
    part: int | None = None
    """Index of the one option that it asks about; None asks about all. It says how to read the
    reply: it is not sent, and no part of the request's key."""


Of = TypeVar("Of")


class _Once(Generic[Of]):
    """A property that is computed when it is first read, and then an attribute like any other.

    As `functools.cached_property` from Python 3.12 on: that of 3.11 takes a lock each time, which
    costs more than a hash.
    """

    def __init__(self, compute: "Callable[[Request], Of]") -> None:
        self._compute = compute
        self._name = compute.__name__
        self.__doc__ = compute.__doc__

    def __get__(self, request: "Request", owner: type | None = None) -> Of:
        value = self._compute(request)
        object.__setattr__(request, self._name, value)  # not by `__dict__`, which takes a dict
        return value


@dataclass(frozen=True, kw_only=True)
class Request:
    """One call, as far as it can change the answer. Secrets and transport settings stay out."""

    provider: str
    """How the call is made, e.g. `openai`, `anthropic`, `llamacpp`."""
    model: str
    """The full identity of the model; for a local file it includes the file's SHA-256."""
    endpoint: str | None
    """Address of the server or a declared alias for it; None is the provider's own."""
    body: Mapping[str, Json]
    """Everything else that the provider sees: messages, sampling settings, output constraints."""
    draw: int = 0
    """Index of the repetition."""
    salt: str | None = None
    """Any text: a request with another salt has another key, so it is asked anew."""

    @_Once
    def document(self) -> str:
        """Return the canonical JSON text that is hashed into `key` and stored beside answers."""
        around = _around(self.provider, self.model, self.endpoint, self.draw, self.salt)
        return f'{{"body":{canonical_object(self.body)},{around}'  # of all names the first

    @_Once
    def key(self) -> str:
        """Return the SHA-256 of `document`, 64 hexadecimal digits."""
        return hashlib.sha256(self.document.encode()).hexdigest()


@lru_cache(maxsize=1024, typed=True)
def _around(provider: str, model: str, endpoint: str | None, draw: int, salt: str | None) -> str:
    """Return the part of a document after the body. It is remembered: most requests share it."""
    fields: dict[str, Json] = {
        "schema": REQUEST_SCHEMA,
        "provider": provider,
        "model": model,
        "endpoint": endpoint,
        "draw": draw,
        "salt": salt,
    }
    return canonical_json(fields)[1:]


_ENCODER = json.JSONEncoder(
    sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":")
)
_quoted = json.encoder.encode_basestring
_ATOMS = frozenset({str, int, bool, type(None)})
MOST_REMEMBERED = 1000


_remembered: dict[bytes, str] = {}
"""Canonical texts of nested objects by their content, which many requests have in common."""
_remembered_around: dict[bytes, tuple[str, str]] = {}
"""Likewise what stands before and after the messages of an object."""


def canonical_json(value: Json) -> str:
    """Write `value` as the one JSON text that stands for it.

    Keys are sorted, whole floats are written as integers (0 and 0.0 are one value), text is in
    Unicode normal form NFC, tuples are lists.

    Raises
    ------
    ConfigError
        If a number is NaN or infinite, or a value has no JSON form.

    Examples
    --------
    >>> canonical_json({"b": 0.0, "a": (1, 2.5)})
    '{"a":[1,2.5],"b":0}'
    """
    try:
        text = _ENCODER.encode(value) if _is_plain(value) else ""
        # Normal as a whole, it is normal in each of its parts. The reverse does not hold.
        if not text or not (text.isascii() or unicodedata.is_normalized("NFC", text)):
            text = _ENCODER.encode(_canonical(value))
        if not text.isascii():
            text.encode()  # half a surrogate pair has no UTF-8
    except (TypeError, ValueError) as exc:
        msg = f"A request holds a value that has no JSON form ({exc}): {value!r}"
        raise ConfigError(msg) from exc
    return text


def whole_text(text: str) -> str:
    """Return the text with each lone surrogate, which UTF-8 cannot hold, as U+FFFD."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def canonical_object(members: Mapping[str, Json]) -> str:
    """Return the same text as `canonical_json`, faster where objects share their members.

    Raises
    ------
    ConfigError
        As `canonical_json`, with the member that is at fault.
    """
    names = _names(tuple(members))
    if names is None:
        return canonical_json(members)
    messages = members.get("messages")
    if type(messages) is list and (text := _messages(messages)) is not None:
        before, after = _around_messages(members, names)
        return f"{before}{text}{after}"
    return "{" + ",".join([start + _text(members[name]) for name, start in names]) + "}"


def _around_messages(
    members: Mapping[str, Json], names: Sequence[tuple[str, str]]
) -> tuple[str, str]:
    """Return the parts of an object before and after its messages: many have them in common."""
    try:
        content = marshal.dumps({**members, "messages": None}, 2)
    except ValueError:  # something else than the plain types of JSON
        content = b""
    around = _remembered_around.get(content)
    if around is None:
        texts = [start + _text(members[name]) for name, start in names if name != "messages"]
        at = [name for name, _ in names].index("messages")
        before = "".join(text + "," for text in texts[:at])
        after = "".join("," + text for text in texts[at:])
        around = f'{{{before}"messages":', f"{after}}}"
        if content and len(_remembered_around) < MOST_REMEMBERED:
            _remembered_around[content] = around
    return around


@lru_cache(maxsize=1024, typed=True)
def _names(names: tuple[str, ...]) -> list[tuple[str, str]] | None:
    """Return names in order, each with how its member begins; None if that takes more care."""
    if not all([type(name) is str and name.isascii() for name in names]):
        return None
    return [(name, canonical_json(name) + ":") for name in sorted(names)]


def _text(value: Json) -> str:
    if type(value) is int:
        return repr(value)
    if type(value) is float and value.is_integer():
        return repr(int(value))
    if type(value) is list and (text := _messages(value)) is not None:
        return text
    if not isinstance(value, dict):
        return canonical_json(value)
    try:
        content = marshal.dumps(value, 2)
    except ValueError:  # something else than the plain types of JSON
        return canonical_json(value)
    text = _remembered.get(content)
    if text is None:
        text = canonical_json(value)
        if len(_remembered) < MOST_REMEMBERED:
            _remembered[content] = text
    return text


def _messages(value: list[Json]) -> str | None:
    """Write a list of chat messages as `canonical_json` does; None if it is something else."""
    parts = []
    for one in value:
        if type(one) is not dict or len(one) != 2:
            return None
        content, role = one.get("content"), one.get("role")
        if type(content) is not str or type(role) is not str:
            return None
        parts.append(f'{{"content":{_quoted(content)},"role":{_quoted(role)}}}')
    text = f"[{','.join(parts)}]"
    if text.isascii():
        return text
    return None if _is_surrogate(text) or not unicodedata.is_normalized("NFC", text) else text


def _is_surrogate(text: str) -> bool:
    """Tell whether a text holds half a surrogate pair, which has no UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def _is_plain(value: object) -> bool:
    """Tell whether `json` writes a value in canonical form, if its text is in form NFC."""
    kind = type(value)
    if kind in _ATOMS:
        return True
    if kind is float:
        return not value.is_integer()  # type: ignore[attr-defined]
    if kind is dict:
        for name, inner in value.items():  # type: ignore[attr-defined]
            if type(name) is not str or (type(inner) not in _ATOMS and not _is_plain(inner)):
                return False
        return True
    if kind is list or kind is tuple:
        return all([type(inner) in _ATOMS or _is_plain(inner) for inner in value])  # type: ignore[attr-defined]
    return False


def _canonical(value: Json) -> Json:
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    if isinstance(value, str):
        # Not the whole text at once: a combining mark would fuse with the n of an escaped "\\n".
        return unicodedata.normalize("NFC", value)
    if isinstance(value, Mapping):
        return {unicodedata.normalize("NFC", key): _canonical(value[key]) for key in value}
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return [_canonical(item) for item in value]
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens that a call was billed for."""

    prompt_tokens: int
    completion_tokens: int
    thinking_tokens: int | None = None
    """How many of those of the reply were thoughts; None where the server does not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What a model sent back. A refusal is a response; an error is not."""

    text: str
    finish_reason: str | None
    usage: Usage | None = None
    top_logprobs: tuple[tuple[tuple[str, float], ...], ...] | None = None
    """For each generated token its most likely alternatives: (token, natural log-probability)."""
    cost_usd: float | None = None
    """Price of the call; None where the price is unknown, never 0 for unknown."""
    price_usd_per_token: tuple[float, float] | None = None
    """List prices of a prompt token and a completion token that `cost_usd` rests on."""
    provider_model: str | None = None
    """The model name that the server reported."""
    system_fingerprint: str | None = None
    thought: str | None = None
    """What the model said to itself, where the reply had it apart; never read as an answer."""
    tokens: tuple[str, ...] | None = None
    """The tokens that were drawn at the positions of `top_logprobs`, where there are several."""

    @classmethod
    def refusal(cls, said: str) -> Self:
        """Return what stands for a prompt that a server refused: its words, and no answer."""
        return cls(text=said, finish_reason=REFUSED, cost_usd=0.0)

    @property
    def is_refusal(self) -> bool:
        """Whether the server refused the prompt; a model that declines has answered."""
        return self.finish_reason == REFUSED
