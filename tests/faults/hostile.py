"""A server that answers each call in one of many wrong ways: see `MODES`."""

import gzip
import json
import socket
import struct
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.conftest import chat

STATUSES = (
    *(100, 102, 201, 202, 204, 206, 226, 300, 301, 302, 303, 304, 305, 307, 308, 400, 401, 402),
    *(403, 404, 405, 406, 407, 408, 409, 410, 411, 413, 415, 418, 421, 422, 425, 426, 429, 431),
    *(451, 499, 500, 501, 502, 503, 504, 505, 507, 511, 520, 524, 529, 599, 600, 999),
)
ODD: dict[str, Any] = {
    "null": None,
    "true": True,
    "minus one": -1,
    "2^63": 1 << 63,
    "10^400": 10**400,
    "1e308": 1e308,
    "NaN": float("nan"),
    "infinity": float("inf"),
    "empty": "",
    "half a pair": "\ud800",
    "zero": "\0",
    "text": "text",
    "list": [],
    "list of lists": [[]],
    "object": {},
    "object of object": {"a": {"b": None}},
    "long": "A" * 100_000,
}
PLACES: dict[str, tuple[str | int, ...]] = {
    "choices": ("choices",),
    "choice": ("choices", 0),
    "message": ("choices", 0, "message"),
    "content": ("choices", 0, "message", "content"),
    "reason": ("choices", 0, "finish_reason"),
    "logprobs": ("choices", 0, "logprobs"),
    "tokens": ("choices", 0, "logprobs", "content"),
    "top": ("choices", 0, "logprobs", "content", 0, "top_logprobs"),
    "token": ("choices", 0, "logprobs", "content", 0, "top_logprobs", 0, "token"),
    "logprob": ("choices", 0, "logprobs", "content", 0, "top_logprobs", 0, "logprob"),
    "usage": ("usage",),
    "prompt tokens": ("usage", "prompt_tokens"),
    "completion tokens": ("usage", "completion_tokens"),
    "model": ("model",),
    "fingerprint": ("system_fingerprint",),
    "error": ("error",),
    "part": ("choices", 0, "message", "content", "parts"),
}
WHOLE = json.dumps(chat({"logprobs": True})).encode()
BODIES: dict[str, bytes] = {
    "nothing": b"",
    "blanks": b" \r\n\t ",
    "null": b"null",
    "number": b"17",
    "text": b'"text"',
    "list": b"[1, 2]",
    "empty object": b"{}",
    "cut off": WHOLE[:-9],
    "twice": WHOLE * 2,
    "deep lists": b"[" * 200_000,
    "deep lists that end": b"[" * 90_000 + b"]" * 90_000,
    "deep objects": b'{"a":' * 90_000 + b"1" + b"}" * 90_000,
    "deep content": WHOLE.replace(b'"stop"', b"[" * 50_000 + b"]" * 50_000),
    "number of 100,000 digits": b'{"choices": ' + b"9" * 100_000 + b"}",
    "no UTF-8": b'{"choices": "\xff\xfe\xfd"}',
    "half a character": WHOLE.replace(b"served-model", b"\xe2\x82"),
    "UTF-16": WHOLE.decode().encode("utf-16"),
    "byte order mark": b"\xef\xbb\xbf" + WHOLE,
    "zeros": b"\0" * 1000,
    "HTML": b"<html><body><h1>502 Bad Gateway</h1></body></html>",
    "events": b'data: {"choices": []}\n\ndata: [DONE]\n\n',
    "names twice": b'{"choices": [], "choices": null, "error": null, "error": 1}',
    "error text": b'{"error": "Something"}',
    "error number": b'{"error": 429}',
    "error of 429 in words": b'{"error": {"message": "Error code: 429 - slow down"}}',
    "error without words": b'{"error": {"code": null, "type": null, "message": "x"}}',
    "errors": b'{"errors": [{"message": "x"}]}',
    "list of errors": b'[{"error": {"code": 503, "message": "x"}}]',
    "error in the choice": b'{"choices": [{"error": {"code": 502, "message": "x"}}]}',
    "detail": b'{"detail": [{"loc": ["body"], "msg": "x", "type": "y"}]}',
    "error that is deep": b'{"error": ' + b"[" * 900 + b"]" * 900 + b"}",
    "ended by an error": WHOLE.replace(b'"stop"', b'"error"'),
    "filtered": b'{"error": {"code": "content_filter", "message": "no"}}',
    "too large": WHOLE + b" " * (5 << 20),
}


def changed(place: tuple[str | int, ...], value: Any) -> bytes:
    """Return a good reply with one value in place of another."""
    document: Any = chat({"logprobs": True})
    if place[-1] == "parts":
        place = place[:-1]
        value = [value, {"type": "text", "text": value}, {"type": value}]
    part = document
    for name in place[:-1]:
        part = part[name]
    part[place[-1]] = value
    return json.dumps(document).encode()


def http(body: bytes, status: int = 200, *headers: str, length: int | None = None) -> bytes:
    """Return a reply as it goes over the wire."""
    lines = [f"HTTP/1.1 {status} Said", *headers]
    lines.append(f"Content-Length: {len(body) if length is None else length}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def _wire() -> Iterator[tuple[str, bytes]]:
    """Yield replies that are wrong as HTTP."""
    bomb = gzip.compress(b" " * (64 << 20))
    yield "bomb", http(bomb, 200, "Content-Encoding: gzip")
    yield "bomb that is an error", http(bomb, 500, "Content-Encoding: gzip")
    yield "gzip cut off", http(gzip.compress(WHOLE)[:-20], 200, "Content-Encoding: gzip")
    yield "gzip that is none", http(WHOLE, 200, "Content-Encoding: gzip")
    yield "deflate", http(zlib.compress(WHOLE), 200, "Content-Encoding: deflate")
    yield "brotli", http(WHOLE, 200, "Content-Encoding: br")
    yield "coding unknown", http(WHOLE, 200, "Content-Encoding: \xe4, gzip, gzip")
    yield "shorter than it says", http(WHOLE, length=len(WHOLE) + 99)
    yield "longer than it says", http(WHOLE, length=len(WHOLE) - 99)
    yield "length below 0", http(WHOLE, length=-5)
    yield "length of 10^30", http(WHOLE, length=10**30)
    yield "no status", b"Hello\r\n\r\n"
    yield "no HTTP", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 9
    yield "status of letters", b"HTTP/1.1 abc Said\r\n\r\n"
    yield "status below 0", b"HTTP/1.1 -200 Said\r\n\r\n"
    yield "version 9", b"HTTP/9.9 200 Said\r\nContent-Length: 2\r\n\r\n{}"
    yield "header of 1 MB", http(WHOLE, 200, "X-A: " + "a" * (1 << 20))
    yield "10,000 headers", http(WHOLE, 200, *(f"X-{n}: 1" for n in range(10_000)))
    yield "header without colon", http(WHOLE, 200, "no colon here")
    yield "header with zeros", http(WHOLE, 200, "X-A: a\0b")
    yield "header of Latin-1", http(WHOLE, 200, "X-\xe4: \xff")
    yield "two lengths", http(WHOLE, 200, "Content-Length: 3")
    yield "cookie", http(WHOLE, 200, "Set-Cookie: a=b; Domain=\xff", "Set-Cookie: ;;;=")
    chunked = b"HTTP/1.1 200 Said\r\nTransfer-Encoding: chunked\r\n\r\n"
    yield "chunk of no length", chunked + b"zz\r\n{}\r\n0\r\n\r\n"
    yield "chunk below 0", chunked + b"-1\r\n{}\r\n0\r\n\r\n"
    yield "chunk that never comes", chunked + b"ffffffffffffffff\r\n{"
    yield "chunk cut off", chunked + b"40\r\n{"
    yield "charset unknown", http(WHOLE, 200, "Content-Type: text/html; charset=\xff")
    for asked in ("nan", "inf", "-1", "1e999", "9" * 400, "soon", "", "Fri, 99 Foo 99999 99:99"):
        yield f"retry after {asked[:20]!r}", http(b"{}", 429, f"Retry-After: {asked}")
    for target in ("", "/v1/chat/completions", "//", "http://[::1", "\xff", "file:///etc/passwd"):
        yield f"redirect to {target!r}", http(b"{}", 307, f"Location: {target}")


MODES: dict[str, bytes | None] = {
    **{
        f"status {status}": http(b'{"error": {"message": "x", "code": "y"}}', status)
        for status in STATUSES
    },
    **{
        f"status {status} in HTML": http(b"<html>\xff</html>", status)
        for status in (400, 404, 500)
    },
    **{f"body {name}": http(body) for name, body in BODIES.items()},
    **{
        f"{place} is {name}": http(changed(where, value))
        for place, where in PLACES.items()
        for name, value in ODD.items()
    },
    **dict(_wire()),
    "closed at once": b"",
    "reset": None,
}
"""What is sent in answer to every call, by the name of the mode; None resets the connection."""


@contextmanager
def hostile(mode: str) -> Iterator[str]:
    """Serve in one mode on this machine, and yield the address."""
    reply = MODES[mode]
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
        ending = threading.Event()

        def serve() -> None:
            while not ending.is_set():
                connection, _ = listening.accept()
                with connection:
                    if not ending.is_set():
                        _answer(connection, reply)

        thread = threading.Thread(target=serve)
        thread.start()
        port = listening.getsockname()[1]
        try:
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            ending.set()
            socket.create_connection(("127.0.0.1", port)).close()
            thread.join()


def _answer(connection: socket.socket, reply: bytes | None) -> None:
    """Read a request to its end, send the reply and close."""
    connection.settimeout(10)
    try:
        received = b""
        while b"\r\n\r\n" not in received:
            part = connection.recv(65536)
            if not part:
                return
            received += part
        head, _, body = received.partition(b"\r\n\r\n")
        length = 0
        if b"content-length:" in head.lower():
            length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        while len(body) < length and (part := connection.recv(65536)):
            body += part
        if reply is None:
            linger = struct.pack("ii", 1, 0)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        else:
            connection.sendall(reply)
    except OSError:
        return  # the client has gone: it need not read it all
