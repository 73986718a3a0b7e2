"""A server that speaks enough of OpenAI's protocol, slowly and with faults, in its own process.

    python tests/faults/server.py --delay 0.1 --faults 0.3

It writes its address when it is ready, answers `POST .../chat/completions`, and tells at
`GET /counts` what it has done. Which call fails how follows from its prompt and how often that
came, so a run can be repeated.
"""

import argparse
import asyncio
import hashlib
import json
import subprocess
import sys
from collections import Counter
from typing import Any, Self
from urllib.request import urlopen

FAULTS = ("throttle", "error", "reset", "stall", "truncate")


class Served:
    """The server in a child process; use it as a context manager.

    Parameters
    ----------
    **options
        Those of the command line, e.g. ``delay=0.1``.

    Attributes
    ----------
    url : str
        Address to give as api_base.
    """

    def __init__(self, **options: object) -> None:
        arguments = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
        self._child = subprocess.Popen(
            [sys.executable, __file__, *arguments], stdout=subprocess.PIPE, text=True
        )
        assert self._child.stdout is not None
        self._address = self._child.stdout.readline().strip()
        self.url = f"{self._address}/v1"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._child.stdout is not None
        self._child.kill()
        self._child.wait()
        self._child.stdout.close()

    def counts(self) -> dict[str, Any]:
        """Return what the server counts: see `Service.counts`."""
        with urlopen(f"{self._address}/counts") as reply:
            counts: dict[str, Any] = json.load(reply)
        return counts


class Service:
    """What all connections share: settings and counts."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.came: Counter[str] = Counter()
        self.delivered: Counter[str] = Counter()
        self.did: Counter[str] = Counter()
        self.in_flight = self.most_in_flight = 0

    def fate(self, prompt: str) -> str:
        """Return what becomes of the next call with this prompt."""
        self.came[prompt] += 1
        if self.in_flight > self.options.most:
            return "throttle"
        text = f"{self.options.seed} {self.came[prompt]} {prompt}"
        number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) / 2**64
        share, kinds = self.options.faults, self.options.kinds
        return kinds[int(number / share * len(kinds))] if number < share else "answer"

    def counts(self) -> dict[str, Any]:
        """Return the calls by what became of them, and the answers delivered in whole."""
        return {
            "calls": sum(self.came.values()),
            "did": dict(self.did),
            "delivered": sum(self.delivered.values()),
            "prompts_delivered": len(self.delivered),
            "most_in_flight": self.most_in_flight,
        }


class Connection(asyncio.Protocol):
    """One connection, over which one call comes after the other."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Start a call for each whole request that has come."""
        self.received += data
        while (end := self.received.find(b"\r\n\r\n")) >= 0:
            head = self.received[:end].lower()
            length = 0
            if b"content-length:" in head:
                length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
            if len(self.received) < end + 4 + length:
                return
            body = self.received[end + 4 : end + 4 + length]
            self.received = self.received[end + 4 + length :]
            if head.startswith(b"get"):
                self.transport.write(http(200, self.service.counts()))
            else:
                self.call(json.loads(body))

    def call(self, body: dict[str, Any]) -> None:
        """Decide what becomes of a call, and see to it after the delay."""
        service = self.service
        service.in_flight += 1
        service.most_in_flight = max(service.most_in_flight, service.in_flight)
        prompt = body["messages"][-1]["content"]
        fate = service.fate(prompt)
        delay = service.options.delay if fate in ("answer", "truncate") else 0.0
        loop = asyncio.get_running_loop()
        loop.call_later(delay, self.end, fate, prompt, body)

    def end(self, fate: str, prompt: str, body: dict[str, Any]) -> None:
        """Answer, or fail."""
        service = self.service
        service.in_flight -= 1
        service.did[fate] += 1
        if self.transport.is_closing() or fate == "stall":
            return
        if fate == "reset":
            self.transport.abort()
        elif fate == "throttle":
            asked = service.options.retry_after
            wait = {} if asked is None else {"Retry-After": asked}
            self.transport.write(http(429, {"error": {"message": "Too many requests"}}, wait))
        elif fate == "error":
            self.transport.write(http(500, {"error": {"message": "The server had an error"}}))
        else:
            reply = http(200, answer(body, prompt, service.options.reply))
            if fate == "truncate":
                self.transport.write(reply[:-9])
                self.transport.close()
            else:
                service.delivered[prompt] += 1
                self.transport.write(reply)


def answer(body: dict[str, Any], prompt: str, text: str | None) -> dict[str, Any]:
    """Answer with a text that follows from the prompt, or one that is always the same."""
    return {
        "id": "chat-1",
        "object": "chat.completion",
        "created": 1,
        "model": body["model"],
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text or f"answer to {prompt}"},
                "finish_reason": "stop",
                "logprobs": None,
            }
        ],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
    }


def http(status: int, document: dict[str, Any], headers: dict[str, str] | None = None) -> bytes:
    """Write a reply."""
    payload = json.dumps(document).encode()
    head = {"Content-Type": "application/json", "Content-Length": len(payload), **(headers or {})}
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
    return f"HTTP/1.1 {status} Said\r\n{lines}\r\n".encode() + payload


async def serve(options: argparse.Namespace) -> None:
    """Serve until killed."""
    service = Service(options)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(service), "127.0.0.1", 0, backlog=1024)
    host, port = server.sockets[0].getsockname()
    sys.stdout.write(f"http://{host}:{port}\n")
    sys.stdout.flush()
    await server.serve_forever()


def main() -> None:
    """Read the arguments and serve."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--delay", type=float, default=0.0, help="seconds an answer takes")
    parser.add_argument("--faults", type=float, default=0.0, help="share of calls that fail")
    parser.add_argument("--kinds", type=lambda text: text.split(","), default=FAULTS)
    parser.add_argument("--seed", type=int, default=0, help="another seed, other calls that fail")
    parser.add_argument("--retry-after", help="what a call that is turned away is told")
    parser.add_argument("--reply", help="what every answer says")
    parser.add_argument("--most", type=int, default=10**9, help="calls in flight that it takes")
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
