"""Whether a text is a record that distexp would have written under a name: nothing is believed.

Entries come in from other caches and archives, which anyone may have written. What passes here
has the types that the rest of the program relies on, and is the one way to write what it says.
"""

import json
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from operator import attrgetter, itemgetter
from typing import Any

from distexp.cache.record import Record
from distexp.cache.rows import HEAD
from distexp.errors import CacheError, ConfigError
from distexp.request import Response, canonical_json

Types = Mapping[str, tuple[type, ...]]

LARGEST = 1 << 53
"""Numbers beyond are no counts, seconds or prices, and not every program can hold them."""

_NAME = re.compile("([0-9a-f]{64})(?:/(0|[1-9][0-9]{0,8}))?")
_NUMBER = (float, int)
_TEXT = (str,)
_NUMBERS, _TEXTS = frozenset(_NUMBER), frozenset(_TEXT)
_COUNT = (int,)
_TEXT_OR_NONE = (str, type(None))
_REQUEST: Types = {
    "schema": _COUNT,
    "provider": _TEXT,
    "model": _TEXT,
    "endpoint": _TEXT_OR_NONE,
    "body": (dict,),
    "draw": _COUNT,
    "salt": _TEXT_OR_NONE,
}
_RECORD: Types = {
    "created": _TEXT,
    "latency_s": _NUMBER,
    "attempts": _COUNT,
    "versions": (dict,),
    "generation": _COUNT,
}
_RESPONSE: Types = {
    "text": _TEXT,
    "finish_reason": _TEXT_OR_NONE,
    "cost_usd": (*_NUMBER, type(None)),
    "provider_model": _TEXT_OR_NONE,
    "system_fingerprint": _TEXT_OR_NONE,
    "thought": _TEXT_OR_NONE,
}
_USAGE: Types = {
    "prompt_tokens": _COUNT,
    "completion_tokens": _COUNT,
    "thinking_tokens": (int, type(None)),
}
_OF_REQUEST = itemgetter(*_REQUEST)
_OF_RECORD, _OF_RESPONSE, _OF_USAGE = (attrgetter(*of) for of in (_RECORD, _RESPONSE, _USAGE))


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
    return checked_as(name, text, *read(text))


def check_own(name: str, text: str, record: Record) -> None:
    """Do what `checked` does for the text that `record.to_json` has just written.

    Where it is read back as the same record there is no other way to write it, and it need not be
    written once more to see that.

    Raises
    ------
    ValueError, KeyError, TypeError, AttributeError, RecursionError
        As `checked`.
    """
    request, found = read(text)
    if found == record:
        _checked(name, request, found)
    else:
        checked_as(name, text, request, found)


def read(text: str) -> tuple[Any, Record]:
    """Return the parsed request and the record of a text, for `checked_as`.

    Raises
    ------
    ValueError, KeyError, TypeError, AttributeError, RecursionError
        If it is no record.
    """
    if not text.startswith(HEAD):
        raise ValueError(f"A record begins with {HEAD}")
    request, end = _DECODER.raw_decode(text, len(HEAD))
    return request, Record.from_parts(text[len(HEAD) : end], text[end:])


def checked_as(name: str, text: str, request: Any, record: Record) -> Record:
    """Check as `checked` does what `read` has made of a text."""
    _checked(name, request, record)
    try:
        if record.to_json() != text:
            raise ValueError(_OTHERWISE)
    except CacheError as exc:  # a number that JSON has not
        raise ValueError(str(exc)) from exc
    return record


_OTHERWISE = "it is written in another way than distexp writes"


def _checked(name: str, request: Any, record: Record) -> None:
    """Check all but how what follows the request is written."""
    named = _NAME.fullmatch(name)
    if named is None:
        raise ValueError("its name is not that of an entry")
    if record.key != named[1]:
        raise ValueError("it answers another request")
    _check_types(request, record)
    if named[2] not in (None, str(record.generation)):
        raise ValueError(f"it says that it is generation {record.generation}")
    try:
        if not _is_canonical(request, record.request):
            raise ValueError(_OTHERWISE)
    except ConfigError as exc:  # a number that JSON has not
        raise ValueError(str(exc)) from exc


def check_sizes(record: Record) -> None:
    """Raise ValueError if a number is none that every program can hold."""
    response = record.response
    usage = response.usage
    numbers = (
        *((usage.prompt_tokens, usage.completion_tokens) if usage else ()),
        (usage and usage.thinking_tokens) or 0,
        *(response.price_usd_per_token or ()),
        response.cost_usd or 0,
        record.attempts,
        record.latency_s,
        record.generation,
    )
    if max(map(abs, numbers)) > LARGEST:
        raise ValueError("it holds a number that is too large")


def _fraction(text: str) -> float:
    """Read a number that is not whole: a canonical text has the others as integers."""
    value = float(text)
    if value.is_integer():
        raise ValueError(f"it has {text} where distexp writes {int(value)}")
    return value


_DECODER = json.JSONDecoder(parse_float=_fraction)
_ENCODER = json.JSONEncoder(
    sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":")
)


def _is_canonical(request: Any, document: str) -> bool:
    """Tell whether a document is what `canonical_json` writes, whose numbers are known to be."""
    if document.isascii() or unicodedata.is_normalized("NFC", document):
        return _ENCODER.encode(request) == document
    return canonical_json(request) == document


def _check_types(request: Any, record: Record) -> None:
    """Raise ValueError unless every value is of the type that it is declared to have."""
    if not isinstance(request, dict) or request.keys() != _REQUEST.keys():
        raise ValueError("its request has other fields than a request")
    response, values = record.response, _OF_REQUEST(request)
    kinds = (*map(type, (*values, *_OF_RECORD(record), *_OF_RESPONSE(response))),)
    if kinds not in _right:
        _check("request", values, _REQUEST)
        _check("record", _OF_RECORD(record), _RECORD)
        _check("response", _OF_RESPONSE(response), _RESPONSE)
        _right.add(kinds)
    if not _TEXTS.issuperset(map(type, record.versions.values())):
        raise ValueError("its versions are not texts")
    if datetime.fromisoformat(record.created).utcoffset() is None:
        raise ValueError("its date has no time zone")
    if response.usage is not None:
        _check("usage", _OF_USAGE(response.usage), _USAGE)
    _check_numbers(response)


def _check_numbers(response: Response) -> None:
    price = response.price_usd_per_token
    if price is not None and (len(price) != 2 or not _NUMBERS.issuperset(map(type, price))):
        raise ValueError("its price is not two numbers")
    if not _TEXTS.issuperset(map(type, response.tokens or ())):
        raise ValueError("its tokens are not texts")
    for alternatives in response.top_logprobs or ():
        for token, logprob in alternatives:
            if type(token) is not str or type(logprob) not in _NUMBER:
                raise ValueError("its log-probabilities are not numbers beside tokens")


_right: set[tuple[object, ...]] = set()
"""Types of request, record and response that were found to be right: they are few."""


def _check(what: str, values: Sequence[object], types: Types) -> None:
    """Raise ValueError unless each value has one of its types; true is not a number."""
    for value, (name, kinds) in zip(values, types.items(), strict=True):
        if type(value) not in kinds:
            raise ValueError(f"the {name!r} of its {what} is {value!r:.80}")
