"""What reaches a server, what comes back, and what failures become: against a real server."""

import asyncio
import os
from functools import cache
from typing import Any

import pytest
from hydra import compose, initialize_config_module
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import DictConfig

from distexp.errors import ConfigError, ModelError, ThrottledError, TransientModelError
from distexp.model.http.reply_parts import FIRST_REPLIES
from distexp.model.litellm import LiteLLMModel
from distexp.protocols import Capabilities
from distexp.request import Message, Prompt, Request, Response, Usage
from tests.conftest import TOP_LOGPROBS, OpenAIServer, chat

both_ways = pytest.mark.parametrize("direct", [True, False], ids=["direct", "through litellm"])
SCHEMA = {"type": "object", "properties": {"A": {"type": "integer"}}}


@cache
def openai_compatible() -> DictConfig:
    """Compose the configuration file, once."""
    with initialize_config_module("distexp.conf", version_base="1.3"):
        return compose("config", overrides=["model=openai_compatible"]).model


def model_at(url: str, **settings: Any) -> LiteLLMModel:
    """Make the model of openai_compatible.yaml."""
    own = {"name": "m", "api_base": url, **settings}
    made = instantiate(openai_compatible(), _convert_="all", **own)
    assert isinstance(made, LiteLLMModel)
    return made


def prompt(**fields: Any) -> Prompt:
    """Make a prompt."""
    message = Message(role="user", content="Hello?")
    return Prompt(**{"messages": (message,), "option_order": (0, 1), "max_tokens": 5, **fields})


def complete(model: LiteLLMModel, request: Request) -> Response:
    """Make one call."""

    async def call() -> Response:
        try:
            return await model.complete(request)
        finally:
            await model.close()

    return asyncio.run(call())


def test_server_receives_what_the_request_says(openai_server: OpenAIServer) -> None:
    """Everything in the request's body reaches the server, and nothing else that matters."""
    model = model_at(openai_server.url, extra_body={"top_k": 0}, top_p=1.0, seed=7)
    request = model.request(prompt(temperature=0.5, draw=2, json_schema=SCHEMA))

    complete(model, request)

    (body,) = openai_server.requests
    assert body == {
        "model": "m",
        "messages": [{"role": "user", "content": "Hello?"}],
        "temperature": 0.5,
        "max_tokens": 5,
        "seed": 9,
        "top_p": 1.0,
        "top_k": 0,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "reply", "strict": True, "schema": SCHEMA},
        },
    }


def test_response_keeps_text_usage_and_what_the_server_says_it_is(
    openai_server: OpenAIServer,
) -> None:
    """The record has all that the server told; the price of one's own server is unknown."""
    model = model_at(openai_server.url)

    response = complete(model, model.request(prompt()))

    assert response == Response(
        text='{"A": 20, "B": 30, "C": 50}',
        finish_reason="stop",
        usage=Usage(prompt_tokens=11, completion_tokens=7),
        cost_usd=None,
        provider_model="served-model",
        system_fingerprint="fp-1",
    )


def test_logprobs_are_asked_for_and_kept(openai_server: OpenAIServer) -> None:
    """The alternatives of the first token come back unchanged."""
    model = model_at(openai_server.url)

    response = complete(model, model.request(prompt(top_logprobs=20)))

    assert response.top_logprobs == (tuple(TOP_LOGPROBS),)
    assert openai_server.requests[0]["logprobs"] is True
    assert openai_server.requests[0]["top_logprobs"] == 20


@both_ways
def test_a_server_that_never_returns_logprobs_is_found_out(
    openai_server: OpenAIServer, direct: bool
) -> None:
    """One reply without them is a reply; twenty, and no other, are the end of the model."""
    openai_server.answer = lambda body, _: (200, chat({**body, "logprobs": False}))
    model = model_at(openai_server.url, direct=direct)

    for _ in range(FIRST_REPLIES - 1):
        assert complete(model, model.request(prompt(top_logprobs=20))).top_logprobs is None
    with pytest.raises(ModelError, match=r"returned none in 20 replies.*logprobs=false"):
        complete(model, model.request(prompt(top_logprobs=20)))


@both_ways
@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 529])
def test_passing_failures_may_be_retried(
    openai_server: OpenAIServer, status: int, direct: bool
) -> None:
    """Rate limits and server faults are transient; the server's wish to be left alone is kept."""
    openai_server.answer = lambda *_: (status, {"error": {"message": "busy"}})
    openai_server.headers = {"Retry-After": "3"}
    model = model_at(openai_server.url, direct=direct)

    with pytest.raises(TransientModelError, match="busy") as caught:
        complete(model, model.request(prompt()))

    assert len(openai_server.requests) == 1
    assert caught.value.retry_after_s == 3.0
    assert isinstance(caught.value, ThrottledError) == (status in (429, 503, 529))


@both_ways
@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_refusals_are_final(openai_server: OpenAIServer, status: int, direct: bool) -> None:
    """The same request would be refused again."""
    openai_server.answer = lambda *_: (status, {"error": {"message": "no such thing"}})
    model = model_at(openai_server.url, direct=direct)

    with pytest.raises(ModelError, match="no such thing") as caught:
        complete(model, model.request(prompt()))

    assert not isinstance(caught.value, TransientModelError)


@both_ways
@pytest.mark.parametrize(
    "error",
    [
        {"message": "You exceeded your current quota", "code": None},
        {"message": "Pay first", "code": "insufficient_quota"},
        {"message": "Pay first", "type": "insufficient_quota"},
    ],
    ids=["message", "code", "type"],
)
def test_exhausted_quota_is_no_rate_limit(
    openai_server: OpenAIServer, error: dict[str, str | None], direct: bool
) -> None:
    """Waiting does not bring money; whichever part of the reply says so."""
    openai_server.answer = lambda *_: (429, {"error": error})
    model = model_at(openai_server.url, direct=direct)

    with pytest.raises(ModelError, match="no quota left") as caught:
        complete(model, model.request(prompt()))

    assert not isinstance(caught.value, TransientModelError)


@both_ways
def test_unreachable_server_is_named(openai_server: OpenAIServer, direct: bool) -> None:
    """The message has the address and what to check."""
    openai_server.close()
    model = model_at(openai_server.url, direct=direct)

    with pytest.raises(TransientModelError, match=r"127\.0\.0\.1.*cannot be reached.*api_base"):
        complete(model, model.request(prompt()))


def test_api_key_is_sent_and_enters_no_key(
    openai_server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key comes from the environment variable, and is in no request record."""
    monkeypatch.setenv("SOME_KEY", "sk-marker")
    model = model_at(openai_server.url, api_key_env="SOME_KEY")
    request = model.request(prompt())

    complete(model, request)

    assert openai_server.api_keys == ["sk-marker"]
    assert "sk-marker" not in request.document
    assert "SOME_KEY" not in request.document


def test_missing_api_key_names_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is sent without the key."""
    monkeypatch.delenv("SOME_KEY", raising=False)

    with pytest.raises(ModelError, match="environment variable SOME_KEY"):
        model_at("http://127.0.0.1:1/v1", api_key_env="SOME_KEY").preflight()


def test_two_servers_never_share_answers() -> None:
    """The endpoint is part of the key."""
    one, other = model_at("http://127.0.0.1:1/v1"), model_at("http://127.0.0.1:2/v1")

    assert one.request(prompt()).key != other.request(prompt()).key


def test_transport_settings_leave_the_key_alone() -> None:
    """Concurrency, retries, time-outs and the key's variable do not change the answer."""
    settings = {"max_concurrency": 1, "max_retries": 0, "timeout_s": 1.0, "api_key_env": "K"}
    settings |= {"requests_per_minute": 9, "tokens_per_minute": 9, "direct": False}
    settings |= {"usd_per_million_tokens": [1, 2]}

    changed = model_at("http://127.0.0.1:1/v1", **settings).request(prompt())

    assert changed.key == model_at("http://127.0.0.1:1/v1").request(prompt()).key


@pytest.mark.parametrize(
    ("lacks", "fields", "message"),
    [
        ("logprobs", {"top_logprobs": 5}, "returns no log-probabilities"),
        ("system_role", {"messages": (Message(role="system", content="x"),)}, "no system message"),
    ],
)
def test_asking_for_what_a_model_lacks_fails_in_the_plan(
    lacks: str, fields: dict[str, Any], message: str
) -> None:
    """Building the request fails, before any call."""
    can = {"logprobs": True, "json_schema": True, "seed": True, "system_role": True, lacks: False}
    model = LiteLLMModel(name="m", provider="openai", capabilities=Capabilities(**can))

    with pytest.raises(ConfigError, match=message):
        model.request(prompt(**fields))


def test_schema_and_seed_are_left_out_where_a_model_takes_none() -> None:
    """The prompt says the shape in words as well, so a schema is a help and no need."""
    can = Capabilities(logprobs=False, json_schema=False, seed=False, system_role=False)
    model = LiteLLMModel(name="m", provider="openai", capabilities=can)

    body = model.request(prompt(json_schema=SCHEMA)).body

    assert set(body) == {"messages", "temperature", "max_tokens"}


def hosted(**settings: Any) -> LiteLLMModel:
    """Make a hosted model without any ability."""
    can = Capabilities(logprobs=False, json_schema=False, seed=False, system_role=False)
    return LiteLLMModel(**{"name": "m", "provider": "openai", "capabilities": can, **settings})


def test_asking_for_more_alternatives_than_the_endpoint_returns_fails_in_the_plan() -> None:
    """The sentence names the limit and what to lower; the limit itself is allowed."""
    model = model_at("http://127.0.0.1:1/v1", max_top_logprobs=5)

    assert model.request(prompt(top_logprobs=5)).body["top_logprobs"] == 5
    with pytest.raises(ConfigError, match=r"at most 5 .*; 6 were .*elicitation\.top_logprobs"):
        model.request(prompt(top_logprobs=6))


def test_thinking_is_part_of_the_request(openai_server: OpenAIServer) -> None:
    """How much a model thinks first changes its answers, so it is sent and is part of the key."""
    model = model_at(openai_server.url, reasoning_effort="none")
    request = model.request(prompt())

    complete(model, request)

    assert openai_server.requests[0]["reasoning_effort"] == "none"
    assert request.key != model_at(openai_server.url).request(prompt()).key


def test_every_missing_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """One look at the message is enough to set them all; those that are set are not in it."""
    for name in ("SOME_ID", "SOME_SECRET"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SOME_REGION", "us-east-1")
    model = hosted(required_env=["SOME_ID", "SOME_REGION", "SOME_SECRET"])

    with pytest.raises(ModelError, match="environment variables SOME_ID, SOME_SECRET, or"):
        model.preflight()


@pytest.mark.parametrize(
    ("provider", "variable"),
    [
        ("openai", "OPENAI_BASE_URL"),
        ("openai", "OPENAI_API_BASE"),
        ("anthropic", "ANTHROPIC_BASE_URL"),
        ("gemini", "GEMINI_API_BASE"),
        ("together_ai", "TOGETHER_AI_API_BASE"),
        ("openrouter", "OPENROUTER_API_BASE"),
    ],
)
def test_address_in_the_environment_is_refused(
    monkeypatch: pytest.MonkeyPatch, provider: str, variable: str
) -> None:
    """Each of these leads litellm elsewhere; the cache key must have the address."""
    monkeypatch.setenv(variable, "http://127.0.0.1:1/v1")

    hosted(provider=provider, api_base="http://127.0.0.1:1/v1").preflight()
    with pytest.raises(ModelError, match=rf"{variable} would send .* model\.api_base"):
        hosted(provider=provider).preflight()


@both_ways
def test_no_key_of_a_provider_reaches_another_address(
    openai_server: OpenAIServer, monkeypatch: pytest.MonkeyPatch, direct: bool
) -> None:
    """Left to itself, litellm sends the key of OpenAI to every server that speaks its protocol."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-marker")
    model = model_at(openai_server.url, direct=direct)

    complete(model, model.request(prompt()))

    assert openai_server.api_keys == ["none"]


@both_ways
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_this_machine_is_reached_without_a_proxy(
    openai_server: OpenAIServer, monkeypatch: pytest.MonkeyPatch, host: str, direct: bool
) -> None:
    """A proxy that the environment names for all hosts knows nothing of this machine's servers."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nobody listens there
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "example.org")
    model = model_at(openai_server.url.replace("127.0.0.1", host), direct=direct)

    complete(model, model.request(prompt()))

    assert len(openai_server.requests) == 1
    if not direct:
        assert os.environ["NO_PROXY"] == os.environ["no_proxy"] == f"example.org,{host}"


@both_ways
def test_other_machines_keep_their_proxy(
    openai_server: OpenAIServer, monkeypatch: pytest.MonkeyPatch, direct: bool
) -> None:
    """The proxy is left out for this machine only."""
    monkeypatch.setenv("http_proxy", openai_server.url.removesuffix("/v1"))
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    model = model_at("http://models.example.org/v1", direct=direct)

    complete(model, model.request(prompt()))

    assert len(openai_server.requests) == 1
    assert "NO_PROXY" not in os.environ


def test_price_is_the_one_of_the_provider_that_sends_the_bill() -> None:
    """The same name has another price elsewhere, so no other provider's price is taken."""
    assert hosted(provider="openai", name="gpt-4o-2024-11-20").price == (2.5e-6, 1e-5)
    assert hosted(provider="mistral", name="gpt-4o-2024-11-20").price is None


def test_price_that_is_given_is_the_price() -> None:
    """Of a million tokens, as price lists have it; also for a server of one's own, free or not."""
    price = hosted(name="gpt-4o-2024-11-20", usd_per_million_tokens=[1, 4.5]).price

    assert price == (1e-6, 4.5e-6)
    assert model_at("http://127.0.0.1:1/v1").price is None
    assert model_at("http://127.0.0.1:1/v1", usd_per_million_tokens=[0, 0]).price == (0, 0)


def test_cost_is_of_the_tokens_that_the_server_counts(openai_server: OpenAIServer) -> None:
    """11 and 7 tokens; unknown where it counts none."""
    model = model_at(openai_server.url, usd_per_million_tokens=[1, 10])

    counted = complete(model, model.request(prompt()))
    openai_server.answer = lambda body, _: (200, {**chat(body), "usage": None})
    uncounted = complete(model, model.request(prompt()))

    assert counted.cost_usd == pytest.approx(81e-6)
    assert counted.price_usd_per_token == (1e-6, 1e-5)
    assert uncounted.cost_usd is None


def test_unknown_price_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    """A line in the log for the model, not one for each of its calls."""
    prices = [hosted(name="nobody-knows-this-model").price for _ in range(3)]

    assert prices == [None, None, None]
    assert [record.getMessage() for record in caplog.records] == [
        "The price of nobody-knows-this-model is unknown: its costs stay empty."
    ]


@pytest.mark.parametrize(
    ("setting", "value", "wanted"),
    [
        ("max_concurrency", 0, "an int >= 1"),
        ("max_retries", -1, "an int >= 0"),
        ("requests_per_minute", 0, "an int >= 1"),
        ("tokens_per_minute", 1.5, "an int >= 1"),
        ("usd_per_million_tokens", 3, "two numbers"),
        ("usd_per_million_tokens", [1], "two numbers"),
        ("usd_per_million_tokens", [1, -1], "a number >= 0"),
        ("direct", "yes", "true or false"),
        ("timeout_s", 0, "a number > 0"),
        ("provider", "", "a non-empty str"),
        ("seed", "lots", "an int >= 0"),
        ("seed", True, "an int >= 0"),
        ("top_p", "hi", r"a number in \(0, 1\]"),
        ("extra_body", "hello", "a mapping"),
        ("salt", 3, "a non-empty str"),
        ("capabilities", None, "a Capabilities"),
        ("api_base", "127.0.0.1:8000", "an http or https address"),
        ("api_base", "http://user:hunter2@host/v1", "an http or https address"),
        ("api_key_env", "sk-live-abc", "the name of an environment variable"),
        ("required_env", "AWS_PROFILE", "a list of non-empty str"),
        ("max_top_logprobs", 0, "an int >= 1"),
        ("reasoning_effort", "", "a non-empty str"),
    ],
)
def test_bad_setting_is_refused(setting: str, value: object, wanted: str) -> None:
    """The sentence names the parameter, what it must be, and what it got."""
    with pytest.raises(Exception, match=f"'{setting}' parameter of LiteLLMModel must be {wanted}"):
        model_at("http://127.0.0.1:1/v1", **{setting: value})


@both_ways
def test_secrets_are_in_no_message(
    openai_server: OpenAIServer, monkeypatch: pytest.MonkeyPatch, direct: bool
) -> None:
    """A server may repeat the key, and an address may hold a password: neither is shown."""
    monkeypatch.setenv("SOME_KEY", "sk-marker")
    openai_server.answer = lambda *_: (401, {"error": {"message": "bad key Bearer sk-marker"}})
    model = model_at(openai_server.url, api_key_env="SOME_KEY", direct=direct)

    with pytest.raises(ModelError) as refused:
        complete(model, model.request(prompt()))
    with pytest.raises(InstantiationException) as mistyped:
        model_at("http://user:hunter2@host/v1")
    with pytest.raises(InstantiationException) as pasted:
        model_at(openai_server.url, api_key_env="sk-live-abc")

    assert "bad key Bearer [key]" in str(refused.value)
    assert "hunter2" not in str(mistyped.value.__cause__)
    assert "sk-live-abc" not in str(pasted.value.__cause__)


def test_capability_is_true_or_false() -> None:
    """`maybe` is no capability."""
    with pytest.raises(ConfigError, match="'logprobs' parameter of Capabilities must be true or"):
        Capabilities(logprobs="maybe", json_schema=True, seed=True, system_role=True)  # type: ignore[arg-type]
