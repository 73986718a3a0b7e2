"""One paid answer with its question beside it, as JSON text and back."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Any, Self

from distexp.cache.rows import HEAD, digest
from distexp.errors import CacheError
from distexp.request import Request, Response, Usage

_AFTER_RESPONSE = b', "created": '
_ENCODER = json.JSONEncoder(allow_nan=False)
_USAGE = tuple(field.name for field in fields(Usage))
_RESPONSE = tuple(field.name for field in fields(Response))
_OF_RESPONSE = attrgetter(*_RESPONSE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One paid answer, with its question beside it."""

    request: str
    """The request's document: its SHA-256 is the key."""
    response: Response
    created: str
    """When the answer arrived: UTC, ISO 8601."""
    latency_s: float
    """How long the call took that was answered, in seconds."""
    attempts: int
    """Calls made until one was answered."""
    versions: Mapping[str, str]
    """Versions of the software that made the call."""
    generation: int = 0
    """How often the question had been asked anew before, by `refresh`."""

    @property
    def key(self) -> str:
        """The request's key."""
        return digest(self.request.encode())

    def to_json(self) -> str:
        """Write the record as a JSON object that begins with the request's document, unchanged.

        A log-probability of minus infinity is written as null.

        Raises
        ------
        CacheError
            If another number of the response is infinite, or NaN.
        """
        try:
            # ASCII escapes keep what UTF-8 cannot hold, e.g. half a surrogate pair in a reply.
            text = _ENCODER.encode(_after_request(self))
        except ValueError as exc:
            msg = f"The response to request {self.key} holds a number that JSON has not: {exc}."
            raise CacheError(msg) from exc
        return f"{HEAD}{self.request},{text[1:]}"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` wrote; the two are exact inverses.

        Raises
        ------
        ValueError, TypeError, KeyError
            If `text` is not a record.
        """
        if not text.startswith(HEAD):
            msg = f"A record begins with {HEAD}"
            raise ValueError(msg)
        _, end = json.JSONDecoder().raw_decode(text, len(HEAD))
        return cls.from_parts(text[len(HEAD) : end], text[end:])

    @classmethod
    def from_parts(cls, document: str, after: str) -> Self:
        """Read a record whose request is known: its document need not be parsed."""
        record = json.loads(f"{HEAD}null{after}")
        record |= {"request": document, "response": _response_from_json(record["response"])}
        return cls(**record)


@dataclass(frozen=True, slots=True, kw_only=True)
class Paid:
    """An answer that has just come, with what is kept beside it."""

    request: Request
    response: Response
    latency_s: float
    """How long the call took that was answered, in seconds."""
    attempts: int
    """Calls made until one was answered."""
    versions: Mapping[str, str]
    """Versions of the software that made the call."""

    def record(self, created: str) -> Record:
        """Return the record to be stored, with the time when the answer came: UTC, ISO 8601."""
        return Record(
            request=self.request.document,
            response=self.response,
            created=created,
            latency_s=self.latency_s,
            attempts=self.attempts,
            versions=dict(self.versions),
        )


_LATER = ("thought", "tokens")
"""Fields that older records lack: they are written only where they hold something."""
_AFTER_REQUEST = [field.name for field in fields(Record) if field.name != "request"]
_OF_RECORD = attrgetter(*_AFTER_REQUEST)


def _after_request(record: Record) -> dict[str, Any]:
    rest = dict(zip(_AFTER_REQUEST, _OF_RECORD(record), strict=True))
    rest["response"] = _response_to_json(record.response)
    rest["versions"] = dict(record.versions)
    return rest


def read_responses(afters: Sequence[bytes]) -> list[Response]:
    """Read the responses alone, from what follows the requests' documents in their records.

    One call of the parser for many: a third of the time of as many calls.

    Raises
    ------
    ValueError, TypeError, KeyError
        If one of them is not as `Record.to_json` writes it.
    """
    parts = [_response_part(after) for after in afters]
    documents = json.loads(b"[" + b",".join(parts) + b"]")
    if len(documents) != len(afters):
        msg = f"{len(afters)} texts hold {len(documents)} responses"
        raise ValueError(msg)
    return [_response_from_json(document) for document in documents]


def _response_part(after: bytes) -> bytes:
    """Cut the response out. In a JSON string no quote follows a comma and a blank unescaped."""
    start, end = len(b',"response": '), after.rfind(_AFTER_RESPONSE)
    part = after[start:end]
    if end < 0 or not part.startswith(b"{") or not part.endswith(b"}"):
        msg = "it has no response where one is expected"
        raise ValueError(msg)
    return part


def _response_to_json(response: Response) -> dict[str, Any]:
    document = dict(zip(_RESPONSE, _OF_RESPONSE(response), strict=True))
    for name in _LATER:
        if document[name] is None:
            del document[name]
    if response.usage is not None:
        counts = {name: getattr(response.usage, name) for name in _USAGE}
        if counts["thinking_tokens"] is None:
            del counts["thinking_tokens"]  # as older records lack it
        document["usage"] = counts
    if response.top_logprobs is not None:
        document["top_logprobs"] = [
            [(token, None if lp == -math.inf else lp) for token, lp in alternatives]
            for alternatives in response.top_logprobs
        ]
    return document


def _response_from_json(document: dict[str, Any]) -> Response:
    if document["usage"] is not None:
        document["usage"] = Usage(**document["usage"])
    if document["top_logprobs"] is not None:
        document["top_logprobs"] = tuple(
            [
                tuple([(token, -math.inf if lp is None else lp) for token, lp in alternatives])
                for alternatives in document["top_logprobs"]
            ]
        )
    if document.get("tokens") is not None:
        document["tokens"] = tuple(document["tokens"])
    if document["price_usd_per_token"] is not None:
        document["price_usd_per_token"] = tuple(document["price_usd_per_token"])
    return Response(**document)
