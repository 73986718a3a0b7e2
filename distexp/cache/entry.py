"""Whether a text is a record that distexp would have written under a name: nothing is believed.

Entries come in from other caches and archives, which anyone may have written. What passes here
has the types that the rest of the program relies on, and is the one way to write what it says.
"""

import json
import re
from collections.abc import Iterable
from datetime import datetime

from distexp.cache.record import Record
from distexp.errors import CacheError, ConfigError
from distexp.types import Response, Usage, canonical_json

_NAME = re.compile("([0-9a-f]{64})(?:/(0|[1-9][0-9]{0,8}))?")
_NUMBER = (int, float)
_TEXT_OR_NONE = (str, type(None))
_REQUEST = {
    "schema": int,
    "provider": str,
    "model": str,
    "endpoint": _TEXT_OR_NONE,
    "body": dict,
    "draw": int,
    "salt": _TEXT_OR_NONE,
}
_RECORD = {
    "created": str,
    "latency_s": _NUMBER,
    "attempts": int,
    "versions": dict,
    "generation": int,
}
_RESPONSE = {
    "text": str,
    "finish_reason": _TEXT_OR_NONE,
    "usage": (Usage, type(None)),
    "cost_usd": (*_NUMBER, type(None)),
    "provider_model": _TEXT_OR_NONE,
    "system_fingerprint": _TEXT_OR_NONE,
}
_USAGE = {"prompt_tokens": int, "completion_tokens": int}


def next_generation(names: Iterable[str]) -> int:
    """Return which answer comes after the replaced ones, by the names of a request's entries."""
    parts = filter(None, map(_NAME.fullmatch, names))
    return 1 + max((int(part[2]) for part in parts if part[2]), default=-1)


def checked(name: str, text: str) -> Record:
    """Return the record that `text` holds, once it is what distexp would have stored as `name`.

    Raises
    ------
    ValueError, KeyError, TypeError, AttributeError, RecursionError
        With the reason, if it is not.
    """
    named = _NAME.fullmatch(name)
    if named is None:
        msg = "its name is not that of an entry"
        raise ValueError(msg)
    record = Record.from_json(text)
    if record.key != named[1]:
        msg = "it answers another request"
        raise ValueError(msg)
    _check_types(record)
    if named[2] not in (None, str(record.generation)):
        msg = f"it says that it is generation {record.generation}"
        raise ValueError(msg)
    try:
        is_canonical = canonical_json(json.loads(record.request)) == record.request
        if not is_canonical or record.to_json() != text:
            raise ValueError("it is written in another way than distexp writes")
    except (CacheError, ConfigError) as exc:  # a number that JSON has not
        raise ValueError(str(exc)) from exc
    return record


def _check_types(record: Record) -> None:
    """Raise ValueError unless every value is of the type that it is declared to have."""
    request = json.loads(record.request)
    if not isinstance(request, dict) or request.keys() != _REQUEST.keys():
        msg = "its request has other fields than a request"
        raise ValueError(msg)
    _check("request", request, _REQUEST)
    _check("record", _attributes(record, _RECORD), _RECORD)
    _check("versions", record.versions, dict.fromkeys(record.versions, str))
    response = record.response
    _check("response", _attributes(response, _RESPONSE), _RESPONSE)
    if response.usage is not None:
        _check("usage", _attributes(response.usage, _USAGE), _USAGE)
    if datetime.fromisoformat(record.created).utcoffset() is None:
        msg = "its date has no time zone"
        raise ValueError(msg)
    _check_numbers(response)


def _check_numbers(response: Response) -> None:
    price = response.price_usd_per_token
    if price is not None and (len(price) != 2 or not all(map(_is_number, price))):
        msg = "its price is not two numbers"
        raise ValueError(msg)
    for alternatives in response.top_logprobs or ():
        for token, logprob in alternatives:
            if not isinstance(token, str) or not _is_number(logprob):
                msg = "its log-probabilities are not numbers beside tokens"
                raise ValueError(msg)


def _check(what: str, values: object, types: object) -> None:
    """Raise ValueError unless each value of a mapping has its type; true is not a number."""
    assert isinstance(values, dict)
    assert isinstance(types, dict)
    for name, kind in types.items():
        if not isinstance(values[name], kind) or isinstance(values[name], bool):
            msg = f"the {name!r} of its {what} is {values[name]!r:.80}"
            raise ValueError(msg)


def _attributes(of: object, names: object) -> dict[str, object]:
    assert isinstance(names, dict)
    return {name: getattr(of, name) for name in names}


def _is_number(value: object) -> bool:
    return isinstance(value, _NUMBER) and not isinstance(value, bool)
