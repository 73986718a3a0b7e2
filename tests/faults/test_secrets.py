"""Keys and passwords are in nothing that is written or shown, whatever a server says."""

import asyncio
import os
import sqlite3
import subprocess
import sys
import threading
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from distexp.errors import ConfigError, ModelError
from distexp.model.litellm import LiteLLMModel
from distexp.model.llama import server as llama_server
from distexp.model.llama.server import LlamaServer
from distexp.request import Message, Prompt, Response
from distexp.trust import checked
from tests.conftest import ABLE, OpenAIServer, chat
from tests.faults.client import model_at

KEY = 'sk-marker/"0123456789'
"""With signs that JSON and addresses write in another way."""
MARKER = b"0123456789"


def written(folder: Path) -> bytes:
    """Return all that lies in a folder, the compressed entries of a cache unfolded."""
    parts = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    for path in folder.rglob("cache.db"):
        with closing(sqlite3.connect(path)) as database:
            values = [value for (value,) in database.execute("SELECT value FROM Cache")]
        parts += [zlib.decompress(value) for value in values if isinstance(value, bytes)]
        assert values
    return b"\n".join(parts)


def distexp(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[bytes]":
    """Run the command with a key in its environment."""
    command = [sys.executable, "-m", "distexp", "model.api_key_env=SOME_KEY", *arguments]
    environment = {**os.environ, "SOME_KEY": KEY, "HYDRA_FULL_ERROR": "1"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=False)


def complete(model: LiteLLMModel) -> Response:
    """Make one call."""
    message = Message(role="user", content="?")
    prompt = Prompt(messages=(message,), option_order=(0, 1), max_tokens=9)

    async def call() -> Response:
        try:
            return await model.complete(model.request(prompt))
        finally:
            await model.close()

    return asyncio.run(call())


def asked_of(server: OpenAIServer) -> list[str]:
    """Ask a server about 12 questions for each of the embedded survey's groups."""
    return [
        *("model=openai_compatible", *ABLE, "model.name=m", f"model.api_base={server.url}"),
        *("elicitation=verbalized", "prompt=base", "calibrator=ridge"),
        *(
            "evaluation.n_splits=2",
            "evaluation.n_bootstrap=20",
            "evaluation.intervals=bootstrap",
            "model.max_concurrency=1",
        ),
    ]


def test_key_is_in_nothing_that_a_run_leaves_or_shows(
    openai_server: OpenAIServer, tmp_path: Path
) -> None:
    """The server repeats it in faults, in errors within replies, and in the replies themselves."""

    def answer(body: dict[str, Any], number: int) -> tuple[int, dict[str, Any]]:
        key = openai_server.api_keys[-1]
        if number == 1:
            return 500, {"error": {"message": f"fault for {key}", "code": key}}
        if number == 2:
            return 200, {"error": {"message": f"busy for {key}", "code": 429}}
        if number == 3:
            return 200, {"unexpected": "x" * 80 + key}
        options = body["response_format"]["json_schema"]["schema"]["properties"]
        shares = ", ".join(f'"{letter}": {place}' for place, letter in enumerate(options, 1))
        padding = " " * 8192 * (number == 4)  # one that is stored compressed
        document = chat(body, f"{{{shares}}}{padding} you are {key}")
        return 200, {**document, "model": f"served to {key}", "system_fingerprint": key}

    openai_server.answer = answer

    shown = distexp(tmp_path, *asked_of(openai_server), "model.max_retries=9")

    left = written(tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert set(openai_server.api_keys) == {KEY}
    assert b"3 attempts failed" in shown.stderr
    assert b"you are [key]" in left
    assert b"served to [key]" in left
    assert b"SOME_KEY" in left
    assert MARKER not in shown.stdout + shown.stderr + left


def test_key_is_not_in_the_error_that_ends_a_run(
    openai_server: OpenAIServer, tmp_path: Path
) -> None:
    """Nor in the configuration that a sweep or a help text shows."""
    openai_server.answer = lambda *_: (
        401,
        {"error": {"message": f"Incorrect key {openai_server.api_keys[-1]}"}},
    )

    shown = distexp(tmp_path, *asked_of(openai_server))
    config = distexp(tmp_path, *asked_of(openai_server), "--cfg", "job", "--resolve")

    assert shown.returncode == 1
    assert b"status 401: Incorrect key [key]" in shown.stderr
    assert b"api_key_env: SOME_KEY" in config.stdout
    assert MARKER not in shown.stdout + shown.stderr + config.stdout + config.stderr


@pytest.mark.parametrize(
    "address",
    [
        "http://user:sk-0123456789@host/v1",
        "http://host/v1?api-key=sk-0123456789",
        "http://host/v1#sk-0123456789",
        "host/v1?api-key=sk-0123456789",
    ],
)
def test_address_with_a_secret_is_refused_without_showing_it(address: str) -> None:
    """It would be part of every cache key and table."""
    with pytest.raises(ConfigError, match="without user, password and query") as refused:
        model_at(address)

    assert "0123456789" not in str(refused.value)


@pytest.mark.parametrize(
    "body",
    [
        {"api_key": "sk-0123456789"},
        {"extra_headers": {"X-Key": "sk-0123456789"}},
        {"tools": [{"server": {"Authorization": "Bearer sk-0123456789"}}]},
    ],
)
def test_credentials_in_the_body_are_refused_without_showing_them(body: dict[str, Any]) -> None:
    """All of it is stored with each answer."""
    with pytest.raises(ConfigError, match="stored with each answer") as refused:
        model_at("http://127.0.0.1:1/v1", extra_body=body)

    assert "0123456789" not in str(refused.value)


@pytest.mark.parametrize("direct", [True, False], ids=["direct", "through litellm"])
def test_key_is_struck_out_of_replies(
    openai_server: OpenAIServer, monkeypatch: pytest.MonkeyPatch, direct: bool
) -> None:
    """Of the answer, and of what stands beside it."""
    monkeypatch.setenv("SOME_KEY", KEY)
    openai_server.answer = lambda body, _: (
        200,
        {**chat(body, f"you are {KEY}"), "model": f"m {KEY}", "system_fingerprint": KEY},
    )

    response = complete(model_at(openai_server.url, api_key_env="SOME_KEY", direct=direct))

    assert (response.text, response.provider_model) == ("you are [key]", "m [key]")
    assert response.system_fingerprint == "[key]"


def test_word_that_is_no_secret_stays_in_the_answer(
    openai_server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Servers of one's own take any word as a key; the answer may hold it."""
    monkeypatch.setenv("SOME_KEY", "none")
    openai_server.answer = lambda body, _: (200, chat(body, "none of these"))
    model = model_at(openai_server.url, api_key_env="SOME_KEY")

    assert complete(model).text == "none of these"


class Proxy(BaseHTTPRequestHandler):
    """A proxy that wants another password, and repeats the one that it got."""

    def do_CONNECT(self) -> None:
        """Turn the call away."""
        self.send_response(407, f"Not {self.headers['Proxy-Authorization']}")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def proxy() -> Iterator[str]:
    """Serve as a proxy."""
    with HTTPServer(("127.0.0.1", 0), Proxy) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_password_of_a_proxy_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither as the address has it nor as the header that it becomes."""
    with proxy() as address:
        monkeypatch.setenv("https_proxy", f"http://user:hunter2-0123456789@{address}")

        with pytest.raises(ModelError) as refused:
            complete(model_at("https://host.invalid/v1"))

    shown = str(refused.value)
    assert "407" in shown
    assert "[key]" in shown
    assert "hunter2" not in shown
    assert "dXNlcjpodW50ZXIy" not in shown


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("elicitation.instruction=${oc.env:SOME_WORD}", "holds the value of the environment"),
        ("model.salt=${oc.env:SOME_WORD}", "holds the value of the environment"),
        ("model.salt=${oc.decode:${oc.env:SOME_WORD}}", "holds the value of the environment"),
        ("model.salt=${oc.${model.provider}:SOME_WORD}", "holds the value of the environment"),
        ("model.api_base=http://${oc.env:SOME_KEY}", "which is secret by its name"),
        ("cache.path=${oc.env:SOME_KEY}", "which is secret by its name"),
    ],
)
def test_environment_reaches_no_prompt_and_no_key(
    monkeypatch: pytest.MonkeyPatch, override: str, said: str
) -> None:
    """A file from elsewhere may say where things are, and read nothing else."""
    monkeypatch.setenv("SOME_WORD", "hunter2hunter2")
    monkeypatch.setenv("SOME_KEY", KEY)
    name, _, value = override.partition("=")
    config = OmegaConf.create(
        {"model": {"salt": None, "provider": "env", "api_base": None}, "cache": {"path": None}}
    )
    OmegaConf.update(config, name, value, force_add=True)

    with pytest.raises(ConfigError, match=said) as refused:
        checked(config)

    assert "hunter2" not in str(refused.value)
    assert "0123456789" not in str(refused.value)


def test_environment_says_where_things_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders, addresses and what is named for distexp."""
    monkeypatch.setenv("SOME_PLACE", "http://gpu-1/v1")
    monkeypatch.setenv("DISTEXP_SALT", "two words")
    config = OmegaConf.create(
        {
            "model": {"api_base": "${oc.env:SOME_PLACE}", "salt": "${oc.env:DISTEXP_SALT}"},
            "cache": {"path": "${oc.env:NOT_SET,outputs/cache}"},
        }
    )

    assert checked(config) == {
        "model": {"api_base": "http://gpu-1/v1", "salt": "two words"},
        "cache": {"path": "outputs/cache"},
    }


def test_child_that_serves_weights_has_no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told what it needs, and inherits the rest without what is secret by name."""
    for name in ("SOME_KEY", "HF_TOKEN", "AWS_SECRET_ACCESS_KEY", "PGPASSWORD"):
        monkeypatch.setenv(name, KEY)
    monkeypatch.setattr(llama_server, "CHILD", Path(__file__).with_name("show_environment.py"))
    server = LlamaServer({"path": "none"}, start_timeout_s=60.0)

    server.start()
    child = server.child
    server.stop()

    assert child is not None
    assert server.address == "[]"
