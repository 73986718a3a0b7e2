"""Calls that go round litellm: the same request, and the same record of the same reply."""

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from distexp.errors import ModelError, TransientModelError
from distexp.model.http.client import account_headers
from distexp.model.http.reply import FINISH_REASONS
from distexp.model.litellm import LiteLLMModel
from distexp.model.prices import import_litellm, price_table
from distexp.protocols import Capabilities
from distexp.request import Message, Prompt, Response
from tests.conftest import TOP_LOGPROBS, chat

CAN = Capabilities(logprobs=True, json_schema=True, seed=True, system_role=True)
SCHEMA = {
    "type": "object",
    "properties": {"A": {"type": "integer", "minimum": 0}},
    "required": ["A"],
    "additionalProperties": False,
}
Received = tuple[str, str, dict[str, Any]]


class Capture:
    """A server that keeps path, key and body of each call, and replies as told."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.headers: list[dict[str, str]] = []
        self.reply: Any = chat({})
        capture = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                capture.received.append((self.path, self.headers["Authorization"], body))
                capture.headers.append({k.lower(): v for k, v in self.headers.items()})
                payload = json.dumps(capture.reply).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(payload)))
                self.end_headers()
                self.wfile.write(payload)

            def log_message(self, *_: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}/v1"
        self._thread = threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop."""
        self.http.shutdown()
        self.http.server_close()
        self._thread.join()


@pytest.fixture(scope="module")
def server() -> Iterator[Capture]:
    """Serve until the file is through."""
    capture = Capture()
    yield capture
    capture.close()


@pytest.fixture(autouse=True)
def fresh(server: Capture) -> None:
    """Forget what was received before."""
    server.received.clear()
    server.headers.clear()
    server.reply = chat({})


def prompt(**fields: Any) -> Prompt:
    """Make a prompt."""
    message = Message(role="user", content="Café “ja” 否?\nA. x")
    return Prompt(**{"messages": (message,), "option_order": (0, 1), "max_tokens": 5, **fields})


def both_ways(server: Capture, asked: Prompt, **settings: Any) -> list[Response | ModelError]:
    """Make the same call directly and through litellm, and return what comes of it."""
    ways = {"name": "m", "provider": "openai", "capabilities": CAN, "api_base": server.url}

    async def call(model: LiteLLMModel) -> Response | ModelError:
        try:
            return await model.complete(model.request(asked))
        except ModelError as exc:
            return exc
        finally:
            await model.close()

    direct = LiteLLMModel(**{**ways, **settings})
    through_litellm = LiteLLMModel(**{**ways, **settings, "direct": False})
    assert direct._goes_direct
    assert not through_litellm._goes_direct
    return [asyncio.run(call(direct)), asyncio.run(call(through_litellm))]


SYSTEM = (Message(role="system", content="Be brief."), Message(role="user", content="?"))
TALK = (*SYSTEM, Message(role="assistant", content="Yes."), Message(role="user", content="Why?"))


@pytest.mark.parametrize(
    ("fields", "settings"),
    [
        ({}, {}),
        ({"temperature": 0.7, "draw": 3}, {"seed": 7}),
        ({"messages": SYSTEM}, {"seed": None}),
        ({"messages": TALK}, {"top_p": 0.9}),
        ({"top_logprobs": 20}, {}),
        ({"json_schema": SCHEMA, "max_tokens": 500}, {}),
        ({}, {"extra_body": {"top_k": 0, "min_p": 0.0}}),
        ({}, {"extra_body": {"stop": ["\n", "B"]}}),
        ({}, {"extra_body": {"provider": {"only": ["x"]}, "max_tokens": 9}}),
        ({"temperature": 1}, {"reasoning_effort": "low"}),
        ({}, {"name": "meta-llama/Llama-3.2-3B-Instruct"}),
        ({}, {"name": "openai/gpt-oss-20b"}),
        ({}, {"name": "llama3.2:3b"}),
        ({"top_logprobs": 20}, {"name": "gpt-4o-2024-11-20"}),
        ({"json_schema": SCHEMA}, {"name": "gpt-4o-mini-2024-07-18"}),
        ({"top_logprobs": 5}, {"name": "gpt-4.1-2025-04-14"}),
        ({}, {"name": "ft:gpt-4o-mini-2024-07-18:us::x"}),
        ({"top_logprobs": 20}, {"name": "gpt-5.4-mini-2026-03-17", "reasoning_effort": "none"}),
        ({"json_schema": SCHEMA}, {"name": "gpt-5.5-2026-04-23", "reasoning_effort": "none"}),
        ({"temperature": 0.5}, {"name": "gpt-5.1", "reasoning_effort": "none", "top_p": 0.5}),
    ],
    ids=lambda value: json.dumps(value, default=str)[:60],
)
def test_server_receives_what_litellm_would_send(
    server: Capture, fields: dict[str, Any], settings: dict[str, Any]
) -> None:
    """The same path, key and body; so an answer does not depend on the way it came."""
    server.reply = chat({"logprobs": "top_logprobs" in fields})

    direct, through_litellm = both_ways(server, prompt(**fields), **settings)

    assert server.received[0] == server.received[1]
    assert isinstance(direct, Response)
    assert direct == through_litellm


@pytest.mark.parametrize("suffix", ["", "/", "/v1", "/v1/"])
def test_address_is_read_alike(server: Capture, suffix: str) -> None:
    """With or without a slash at its end."""
    both_ways(server, prompt(), api_base=server.url.removesuffix("/v1") + suffix)

    assert server.received[0] == server.received[1]


@pytest.mark.parametrize("variable", ["OPENAI_ORGANIZATION", "OPENAI_ORG_ID"])
def test_account_that_openai_bills_is_named_alike(
    server: Capture, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    """Organisation and project come from the environment, as litellm and OpenAI's client do it."""
    for name in ("OPENAI_ORGANIZATION", "OPENAI_ORG_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, "org-1")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "project-1")
    both_ways(server, prompt())

    sent_by_litellm = server.headers[1]

    for header, value in account_headers().items():
        assert sent_by_litellm[header.lower()] == value
    assert len(account_headers()) == 2
    assert "openai-organization" not in server.headers[0]  # it is no business of other servers


def reply(**changes: Any) -> dict[str, Any]:
    """Make a reply with some of its parts changed, or left out where they are `...`."""
    whole = chat({})
    choice = whole["choices"][0]
    for name, value in changes.items():
        where = whole if name in whole else choice if name in choice else choice["message"]
        if name == "error":
            where = whole
        if value is ...:
            where.pop(name, None)
        else:
            where[name] = value
    return whole


CALLED = [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]


@pytest.mark.parametrize(
    "document",
    [
        reply(content="B"),
        reply(content=None),
        reply(content=...),
        reply(content=None, refusal="I cannot."),
        reply(content="<think>Hm.\nWell.</think>\n\nB"),
        reply(content="<thinking>Hm</thinking>B"),
        reply(content="<think>never ends"),
        reply(content="B <think>late</think>"),
        reply(content="B", reasoning_content="Hm."),
        reply(content="<think>x</think>B", reasoning="Hm."),
        reply(content=None, tool_calls=CALLED),
        reply(role=None),
        reply(usage=None),
        reply(usage=...),
        reply(usage={}),
        reply(usage={"prompt_tokens": 3}),
        reply(usage={"prompt_tokens": 3, "completion_tokens": 0, "total_tokens": 3}),
        reply(usage={"prompt_tokens": 3, "completion_tokens": None, "total_tokens": 3}),
        reply(model="a/b"),
        reply(model=None),
        reply(model=...),
        reply(system_fingerprint=None),
        reply(system_fingerprint=...),
        reply(finish_reason=None),
        reply(finish_reason=...),
        reply(error={"message": "", "code": None}),
        reply(error=None),
    ],
    ids=lambda document: json.dumps(
        {k: v for k, v in document.items() if v != chat({}).get(k)}, default=str
    )[:70],
)
def test_reply_becomes_the_record_that_litellm_makes_of_it(
    server: Capture, document: dict[str, Any]
) -> None:
    """Text without thoughts, tokens where they are counted, names and reasons."""
    server.reply = document

    direct, through_litellm = both_ways(server, prompt())

    assert isinstance(direct, Response)
    assert direct == through_litellm


def test_log_probabilities_are_read_alike(server: Capture) -> None:
    """Every alternative of every token, in the server's order."""
    server.reply = chat({"logprobs": True})

    direct, through_litellm = both_ways(server, prompt(top_logprobs=20))

    assert isinstance(direct, Response)
    assert direct.top_logprobs == (tuple(TOP_LOGPROBS),)
    assert direct == through_litellm


@pytest.mark.parametrize(
    ("document", "kind"),
    [
        (reply(error={"message": "Too many requests", "code": 429}), TransientModelError),
        (reply(error={"message": "No such model", "code": 404}), ModelError),
        (reply(error={"message": "Wrong", "code": "wrong"}), TransientModelError),
        (reply(error="Wrong"), TransientModelError),
        (reply(choices=[]), TransientModelError),
        (reply(choices=None), TransientModelError),
        (reply(choices=...), TransientModelError),
        (reply(choices=[{"index": 0}]), TransientModelError),
        ({"detail": "Not found"}, TransientModelError),
        ([1, 2], TransientModelError),
    ],
    ids=lambda value: json.dumps(value, default=str)[:70],
)
def test_reply_without_an_answer_is_the_same_kind_of_error(
    server: Capture, document: Any, kind: type[ModelError]
) -> None:
    """Some servers put an error, or nothing, into a reply that says it is well."""
    server.reply = document

    direct, through_litellm = both_ways(server, prompt())

    assert type(direct) in (kind, *kind.__subclasses__())
    assert type(direct) is type(through_litellm)


def test_reasons_for_the_end_of_a_reply_are_those_of_litellm() -> None:
    """All that litellm knows, and `stop` for all others."""
    import_litellm()
    from litellm.litellm_core_utils.core_helpers import _FINISH_REASON_MAP

    assert {
        reason: FINISH_REASONS.get(reason, "stop") for reason in _FINISH_REASON_MAP
    } == _FINISH_REASON_MAP
    assert set(FINISH_REASONS) <= set(_FINISH_REASON_MAP)


@pytest.mark.parametrize(
    "settings",
    [
        {"name": "o3-mini"},
        {"name": "o1-pro"},
        {"name": "gpt-5-nano", "reasoning_effort": "low"},
        {"name": "gpt-5.4-mini-2026-03-17", "reasoning_effort": "low"},
        {"name": "gpt-5.5-2026-04-23"},
        {"name": "gpt-5.5-pro", "reasoning_effort": "none", "efforts": ["none"]},
        {"name": "gpt-5-codex"},
        {"name": "gpt-4"},
        {"name": "gpt-4o-audio-preview"},
        {"name": "gpt-4o-search-preview"},
        {"name": "gpt-4o-2024-11-20", "reasoning_effort": "none", "efforts": ["none"]},
        {"name": "responses/gpt-4o"},
        {"provider": "mistral"},
        {"provider": "anthropic"},
        {"direct": False},
    ],
    ids=str,
)
def test_litellm_makes_the_calls_that_it_has_rules_for(settings: dict[str, Any]) -> None:
    """Other protocols, and OpenAI's models whose requests it changes or refuses in part."""
    named: dict[str, Any] = {"name": "m", "provider": "openai", "capabilities": CAN, **settings}

    assert not LiteLLMModel(**named)._goes_direct


@pytest.mark.parametrize("variable", ["SSL_VERIFY", "SSL_SECURITY_LEVEL", "SSL_ECDH_CURVE"])
def test_settings_that_litellm_alone_understands_are_left_to_it(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    """Whoever set them expects them to hold."""
    monkeypatch.setenv(variable, "x")

    assert not LiteLLMModel(name="m", provider="openai", capabilities=CAN)._goes_direct


def test_proxy_that_only_litellm_can_pass_is_left_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """SOCKS is one."""
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("all_proxy", "socks5://127.0.0.1:9")

    assert not LiteLLMModel(name="m", provider="openai", capabilities=CAN)._goes_direct


def test_price_table_is_the_one_that_litellm_reads() -> None:
    """Read from its file, without the seconds that its import takes."""
    litellm = import_litellm()

    table = price_table()

    fields = ("input_cost_per_token", "output_cost_per_token", "litellm_provider", "mode")
    for name, entry in litellm.model_cost.items():
        if entry.get("litellm_provider") in ("openai", "anthropic", "mistral", "gemini"):
            assert {f: table[name].get(f) for f in fields} == {f: entry.get(f) for f in fields}


def test_versions_name_the_software_that_makes_the_calls() -> None:
    """They are kept beside each answer."""
    named: dict[str, Any] = {"name": "m", "provider": "openai", "capabilities": CAN}

    assert list(LiteLLMModel(**named).versions()) == ["aiohttp"]
    assert list(LiteLLMModel(**named, direct=False).versions()) == ["litellm"]


ASKED_WITHOUT = """
import sys, tempfile
from distexp.cache import ResponseCache
from distexp.model.litellm import LiteLLMModel
from distexp.asking.runner import Runner
from tests.model.test_direct import CAN, prompt

model = LiteLLMModel(name="gpt-4o-2024-11-20", provider="openai", capabilities=CAN, api_base=URL)
runner = Runner(model, ResponseCache(tempfile.mkdtemp()))
(answer,) = runner.run([model.request(prompt())]).values()
hosted = LiteLLMModel(name="gpt-4o-2024-11-20", provider="openai", capabilities=CAN)
print(answer.response.provider_model, hosted.price, "litellm" in sys.modules)
"""


def test_calls_and_prices_need_no_litellm(server: Capture) -> None:
    """Its import takes seconds: a run that can do without it never sees it."""
    code = f"URL = {server.url!r}\n{ASKED_WITHOUT}"
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
        cwd=Path(__file__).parents[2],
    )

    assert done.stdout.split("\n")[0] == "served-model (2.5e-06, 1e-05) False"
