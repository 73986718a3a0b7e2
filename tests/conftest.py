"""Real parts that tests share: a local OpenAI-compatible server, and small surveys."""

import json
import signal
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from distexp.types import Case, Distribution, Group, Question

# A suite that is started in the background inherits an interrupt that is ignored.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# No test hangs on the clock: both cores may be busy.
settings.register_profile("distexp", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("distexp")

collect_ignore_glob = ["conftest.py", "*/conftest.py"]  # two modules cannot have one name

Reply = tuple[int, dict[str, Any]]


class OpenAIServer:
    """An HTTP server on the loopback that speaks enough of the OpenAI protocol.

    Attributes
    ----------
    requests : list of dict
        Bodies received, in order.
    api_keys : list of str
        The keys that came with them.
    answer : callable
        From a body and its number to an HTTP status and a JSON document.
    """

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.api_keys: list[str] = []
        self.headers: dict[str, str] = {}
        self.answer: Callable[[dict[str, Any], int], Reply] = lambda body, _: (200, chat(body))
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                server.requests.append(body)
                key = self.headers["Authorization"] or ""
                server.api_keys.append(key.removeprefix("Bearer "))
                status, document = server.answer(body, len(server.requests))
                payload = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(payload)))
                for name, value in server.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(payload)

            def log_message(self, *_: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )
        self._thread.start()

    @property
    def url(self) -> str:
        """Address to give as api_base."""
        return f"http://127.0.0.1:{self._http.server_address[1]}/v1"

    def close(self) -> None:
        """Stop listening."""
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


def chat(body: dict[str, Any], text: str = '{"A": 20, "B": 30, "C": 50}') -> dict[str, Any]:
    """Answer like the chat endpoint: log-probabilities where asked for, else a fixed text."""
    logprobs = None
    if body.get("logprobs"):
        top = [{"token": t, "logprob": lp, "bytes": None} for t, lp in TOP_LOGPROBS]
        logprobs = {"content": [{**top[0], "top_logprobs": top}], "refusal": None}
    return {
        "id": "chat-1",
        "object": "chat.completion",
        "created": 1,
        "model": "served-model",
        "system_fingerprint": "fp-1",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text},
                "finish_reason": "stop",
                "logprobs": logprobs,
            }
        ],
        "usage": {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18},
    }


ABLE = tuple(
    f"model.capabilities.{name}=true"
    for name in ("logprobs", "json_schema", "seed", "system_role")
)
"""Settings of a server that is known to do all, so that no probe asks."""
TOP_LOGPROBS = [("A", -1.0), (" A", -2.0), ("An", -2.5), ("B", -1.25), ("C", -3.0)]


@pytest.fixture
def openai_server() -> Iterator[OpenAIServer]:
    """Serve until the test ends."""
    server = OpenAIServer()
    yield server
    server.close()


@pytest.fixture
def question() -> Question:
    """Return a three-point scale."""
    return Question(
        question_id="SPACE",
        text="How much should be spent on space?",
        options=("Too little", "About right", "Too much"),
        ordinals=(1.0, 2.0, 3.0),
    )


@pytest.fixture
def group() -> Group:
    """Return one level of one attribute."""
    return Group(attribute="party", value="Democrat", phrase="a Democrat")


@pytest.fixture
def cases(group: Group) -> list[Case]:
    """Return ten three-point questions for two groups, whose shares differ."""
    other = Group(attribute="party", value="Republican", phrase="a Republican")
    return [
        Case(
            question=Question(
                question_id=f"Q{number}",
                text=f"Question {number}?",
                options=("Yes", "Maybe", "No"),
                ordinals=(1.0, 2.0, 3.0),
            ),
            group=one,
            human=Distribution.normalized([1 + number, 3, 12 - number + 3 * (one is other)]),
            n_respondents=100,
        )
        for number in range(10)
        for one in (group, other)
    ]
