"""Why a request was a miss: the stored request that is nearest to it, and where they differ."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from distexp.cache.disk.reader import Reader
from distexp.cache.disk.store import ResponseCache
from distexp.cache.rows import HEAD, REFUSED, stored_bytes
from distexp.request import Json, Request

NEWEST = 10_000
"""How many entries are looked at where the answer must come at once."""
TEXTS = ("body.messages", "body.prompt")
"""Where a request says what is asked; the rest are settings."""
ABSENT = "nothing"
_EXCERPT = 60

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A field in which two requests differ."""

    field: str
    stored: Json
    asked: Json

    def excerpts(self) -> tuple[str, str]:
        """Write both values, of long texts what surrounds the first difference."""
        stored, asked = _written(self.stored), _written(self.asked)
        if max(len(stored), len(asked)) <= _EXCERPT:
            return stored, asked
        start = max(0, _common(stored, asked) - _EXCERPT // 3)
        return _excerpt(stored, start), _excerpt(asked, start)

    def __str__(self) -> str:
        stored, asked = self.excerpts()
        return f"{self.field} is {stored} instead of {asked}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Near:
    """A stored request that resembles one that is missing."""

    key: str
    differences: tuple[Difference, ...]
    """The last is in the text, if any is."""

    @property
    def other_text(self) -> bool:
        """Whether it asks something else."""
        return any(each.field.startswith(TEXTS) for each in self.differences)


def why_missing(cache: object, request: Request) -> str:
    """Say in a sentence what the nearest of the newest entries differs in, where it can be told.

    Returns
    -------
    str
        Begins with a blank; "" where the cache is empty or is not on this disk.
    """
    if not isinstance(cache, ResponseCache):
        return ""
    near = nearest(Reader(cache.path), request, most=NEWEST)
    if near is None:
        return ""
    first, *others = near.differences
    more = f"; {len(others)} more fields differ" if others else ""
    return f" Nearest to it is the stored request {near.key[:12]}, where {first}{more}."


def nearest(reader: Reader, request: Request, most: int | None = None) -> Near | None:
    """Return the stored request that is nearest to a missing one.

    It asks the same, with the fewest other settings; where none does, it is the one with the
    same settings, or the fewest others, whose text is most alike.

    Parameters
    ----------
    reader : Reader
    request : Request
    most : int, optional
        How many of the newest entries to look at; None looks at all.
    """
    same = with_same_text(reader, [request], most)
    return same.get(request.key) or most_alike(reader, request, most)


def with_same_text(
    reader: Reader, requests: Sequence[Request], most: int | None = None
) -> dict[str, Near]:
    """Return, by their keys, the nearest stored requests that ask the same in another way."""
    wanted: dict[str, list[Request]] = {}
    for request in requests:
        wanted.setdefault(_text(json.loads(request.document)), []).append(request)
    found: dict[str, Near] = {}
    for key, document in _stored(reader, most):
        for request in wanted.get(_text(document), ()):
            differing = differences(document, json.loads(request.document))
            before = found.get(request.key)
            if before is None or len(differing) < len(before.differences):
                found[request.key] = Near(key=key, differences=differing)
    return found


def most_alike(reader: Reader, request: Request, most: int | None = None) -> Near | None:
    """Return the stored request with the fewest other settings, and of those the text most alike.

    `most` is how many of the newest entries are looked at; None looks at all.
    """
    asked = json.loads(request.document)
    text, settings = _text(asked), _settings(asked)
    best: tuple[int, int] | None = None
    near = None
    for key, document in _stored(reader, most):
        others = _settings(document)
        n_other = sum(
            settings.get(name, ...) != others.get(name, ...) for name in {**settings, **others}
        )
        if best is not None and n_other > best[0]:
            continue
        rank = (n_other, -_likeness(text, _text(document)))
        if best is None or rank < best:
            best, near = rank, (key, document)
    return near and Near(key=near[0], differences=differences(near[1], asked))


def differences(stored: Document, asked: Document) -> tuple[Difference, ...]:
    """Return the fields in which two key documents differ, the weightiest first."""
    there, here = dict(_leaves(stored)), dict(_leaves(asked))
    fields = [name for name in {**here, **there} if there.get(name, ...) != here.get(name, ...)]
    return tuple(
        Difference(field=name, stored=there.get(name, ABSENT), asked=here.get(name, ABSENT))
        for name in sorted(fields, key=_weight)
    )


def _stored(reader: Reader, most: int | None) -> Iterator[tuple[str, Document]]:
    """Yield keys and documents of the stored requests, as far as they can be read."""
    first = 0
    if most is not None:
        for (newest,) in reader.query("SELECT max(rowid) FROM Cache"):
            first = (newest or 0) - most
    decode = json.JSONDecoder().raw_decode
    for _, key, *stored in reader.scan("key, mode, filename, CAST(value AS BLOB)", after=first):
        if len(key) == 64:  # not a replaced answer, whose request is that of its successor
            try:
                document, _ = decode(stored_bytes(*stored).decode(), len(HEAD))
                if isinstance(document["body"], dict):
                    yield key, document
            except REFUSED:
                continue  # 'distexp cache verify' tells


def _text(document: Document) -> str:
    """Return what is asked, as JSON, without the settings around it."""
    body = document["body"]
    return json.dumps([body.get("messages"), body.get("prompt")], sort_keys=True)


def _settings(document: Document) -> dict[str, Any]:
    body = {k: v for k, v in document["body"].items() if k not in ("messages", "prompt")}
    return {**document, **{f"body.{name}": value for name, value in body.items()}, "body": None}


def _leaves(node: Json, name: str = "") -> Iterator[tuple[str, Json]]:
    """Yield the values of a document that hold no others, and the names that lead to them."""
    if isinstance(node, Mapping) and node:
        for key, value in node.items():
            yield from _leaves(value, f"{name}.{key}" if name else key)
    elif isinstance(node, list) and node:
        for place, value in enumerate(node):
            yield from _leaves(value, f"{name}[{place}]")
    else:
        yield name, node


def _weight(name: str) -> tuple[int, str]:
    """Sort the model before settings, and settings before texts."""
    order = ("provider", "model", "endpoint", "salt", "draw", "schema")
    if name in order:
        return order.index(name), name
    return len(order) + name.startswith(TEXTS), name


def _likeness(one: str, other: str) -> int:
    """Return how many characters two texts share at beginning and end."""
    return _common(one, other) + _common(one[::-1], other[::-1])


def _common(one: str, other: str) -> int:
    """Return how many characters two texts begin with in common."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _written(value: Json) -> str:
    return value if value == ABSENT else json.dumps(value, ensure_ascii=False)


def _excerpt(text: str, start: int) -> str:
    end = start + _EXCERPT
    return f"{'…' if start else ''}{text[start:end]}{'…' if end < len(text) else ''}"
