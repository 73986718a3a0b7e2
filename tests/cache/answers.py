"""Requests, answers and looks past the cache that its tests share."""

import hashlib
import math
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from distexp.cache import Cache, Paid, Record, ResponseCache
from distexp.errors import CacheError
from distexp.request import Request, Response, Usage

Opener = Callable[..., ResponseCache]
Command = Callable[..., tuple[int, str]]


class Bomb:
    """Makes a file when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.marker,)


VERSIONS = {"distexp": "0.1.0", "litellm": "1.106.2"}
FULL_RESPONSE = Response(
    text="Ünwilling \ud83d to say",  # half a surrogate pair, as a cut-off emoji leaves it
    finish_reason="stop",
    usage=Usage(prompt_tokens=11, completion_tokens=7),
    top_logprobs=((("A", -0.1), (" B", -2.302585092994046), ("", -math.inf)), ()),
    cost_usd=0.1 + 0.2,
    price_usd_per_token=(1.5e-07, 6e-07),
    provider_model="gpt-4o-mini-2024-07-18",
    system_fingerprint="fp_1",
)


def words(shown: str) -> str:
    """Return what a command shows, however it is laid out."""
    return " ".join(shown.split())


def ask(number: int = 0, text: str = "How much?") -> Request:
    """Return one of the requests that these tests make."""
    return Request(
        provider="openai",
        model="gpt-4o-mini",
        endpoint=None,
        body={"messages": [{"role": "user", "content": f"{text} {number}"}]},
    )


def put(
    cache: Cache, request: Request, text: str = "first", response: Response | None = None
) -> Record:
    """Store `text`, or a whole response, as the answer."""
    response = response or Response(text=text, finish_reason="stop")
    return cache.put(request, response, latency_s=1.5, attempts=1, versions=VERSIONS)


def paid(number: int, text: str = "paid") -> Paid:
    """Return an answer that has just come."""
    return Paid(
        request=ask(number),
        response=Response(text=text, finish_reason="stop"),
        latency_s=1.5,
        attempts=1,
        versions=VERSIONS,
    )


def text_of(cache: Cache, request: Request) -> str:
    """Return the text of the stored answer."""
    return cache.get_many([request])[request.key].response.text


def digest_of(text: str) -> str:
    """Return the SHA-256 that belongs beside a text."""
    return hashlib.sha256(text.encode()).hexdigest()


def sql(folder: Path, statement: str, *values: object) -> list[tuple[Any, ...]]:
    """Run a statement on the database, past the cache."""
    with closing(sqlite3.connect(folder / "cache.db")) as connection, connection:
        return connection.execute(statement, values).fetchall()


def listing(folder: Path) -> dict[str, tuple[int, int]]:
    """Return size and modification time of every file in a folder."""
    return {
        str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in folder.rglob("*")
    }


def error_line(act: Callable[[], object]) -> str:
    """Return the message of the `CacheError` that `act` raises, which must be one line."""
    with pytest.raises(CacheError) as caught:
        act()
    (line,) = str(caught.value).splitlines()
    return line
