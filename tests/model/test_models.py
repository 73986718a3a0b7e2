"""Each file of conf/model is true: litellm knows the way, takes the request, and has its price."""

import asyncio
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_module
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import DictConfig
from omegaconf.errors import MissingMandatoryValue

from distexp.errors import ConfigError, ModelError
from distexp.model.abilities import EFFORTS, abilities_of
from distexp.model.litellm import LiteLLMModel
from distexp.model.prices import import_litellm
from distexp.request import Json, Prompt, Response, Usage
from distexp.types import Group, Question
from tests.conftest import TOP_LOGPROBS, OpenAIServer

ROOT = Path(__file__).parents[2]
NO_LITELLM = {"gguf", "mock", "smollm2"}
FILES = sorted(
    path.stem
    for path in (ROOT / "conf" / "model").glob("*.yaml")
    if not path.name.startswith("_") and path.stem not in NO_LITELLM
)
LIMITS = ("max_tokens", "max_completion_tokens", "max_output_tokens", "maxTokens")
SPEAKS_OPENAI = {"openai", "mistral", "together_ai", "openrouter"}


@cache
def config_of(name: str) -> DictConfig:
    """Compose the file, with the defaults and a name where it has none."""
    with initialize_config_module("distexp.conf", version_base="1.3"):
        config = compose("config", overrides=[f"model={name}", "elicitation=verbalized"])
    model: DictConfig = config.model
    if "???" in str(model._get_node("name")):
        model.name = "m"
    if name == "openai_compatible":
        model.api_base = "http://127.0.0.1:1/v1"
    return model


def model_of(name: str, **settings: Any) -> LiteLLMModel:
    """Make the model that the file describes."""
    made = instantiate(config_of(name), _convert_="all", **settings)
    assert isinstance(made, LiteLLMModel)
    return made


HOSTED = [name for name in FILES if config_of(name).api_base is None]
LOGPROBS = [name for name in FILES if config_of(name).capabilities.logprobs is not False]


@pytest.fixture
def asked(question: Question, group: Group) -> dict[str, Prompt]:
    """Return what each elicitation, as configured, asks about a question."""
    made = {}
    for name in ("verbalized", "logprobs"):
        with initialize_config_module("distexp.conf", version_base="1.3"):
            config = compose("config", overrides=["model=mock", f"elicitation={name}"])
        style = instantiate(config.prompt.base, _convert_="all")
        elicitation = instantiate(config.elicitation, _convert_="all")
        made[name] = elicitation.prompts(question, group, style)[0]
    return made


def as_litellm_takes_it(model: LiteLLMModel, body: Mapping[str, Json]) -> dict[str, Any]:
    """Map the request as litellm does before it sends it; what it does not take is an error."""
    litellm = import_litellm()
    fields = {key: body[key] for key in body if key not in ("messages", "extra_body")}
    known = litellm.get_supported_openai_params(model.name, custom_llm_provider=model.provider)
    assert set(fields) <= set(known)
    mapped: dict[str, Any] = litellm.get_optional_params(
        model=model.name, custom_llm_provider=model.provider, **fields
    )
    return mapped


@pytest.mark.parametrize("name", FILES)
def test_litellm_knows_the_way(name: str) -> None:
    """Provider and name lead to that provider and that name, not to another."""
    model = model_of(name)

    found, provider, *_ = import_litellm().get_llm_provider(f"{model.provider}/{model.name}")

    assert (found, provider) == (model.name, model.provider)


@pytest.mark.parametrize("name", FILES)
def test_every_setting_of_a_verbalized_request_is_taken(
    name: str, asked: dict[str, Prompt]
) -> None:
    """No setting is refused or dropped: temperature and length arrive under some name."""
    model, prompt = model_of(name), asked["verbalized"]

    body = model.request(prompt).body
    sent = as_litellm_takes_it(model, body)

    assert ("temperature" in body) == model.sampling
    assert sent.get("temperature", 1.0) == body.get("temperature", 1.0)
    assert [sent[key] for key in LIMITS if key in sent] == [
        prompt.max_tokens + model.thinking.room
    ]


@pytest.mark.parametrize("name", HOSTED)
def test_files_say_what_the_table_says_of_sampling(name: str) -> None:
    """Keys do not hang on a table that changes: a file without sampling says so itself."""
    config, model = config_of(name), model_of(name)
    silent = not abilities_of(model.provider, model.name).sampling

    assert model.sampling == (config.capabilities.sampling is not False)
    assert not (silent and model.sampling)


@pytest.mark.parametrize("name", HOSTED)
def test_every_level_that_a_model_is_said_to_take_arrives(
    name: str, asked: dict[str, Prompt]
) -> None:
    """Each arrives: litellm takes the request, and no two become one request."""
    levels = config_of(name).efforts or abilities_of(*_named(name)).efforts or ()
    least = {"none", "minimal"} if model_of(name).provider == "gemini" else set()

    sent = {}
    for level in levels:
        model = model_of(name, reasoning_effort=level)
        mapped = as_litellm_takes_it(model, model.request(asked["verbalized"]).body)
        kept = {k: v for k, v in mapped.items() if k not in (*LIMITS, "temperature")}
        sent[level] = json.dumps(kept, sort_keys=True)

    assert len(set(sent.values())) == len(sent) or least <= set(sent)


@pytest.mark.parametrize("name", HOSTED)
def test_level_that_would_be_changed_on_the_way_is_refused_in_the_plan(name: str) -> None:
    """So are a budget where there is none to set, and nucleus sampling where it is not taken."""
    levels = config_of(name).efforts or abilities_of(*_named(name)).efforts
    if levels is not None:
        for level in set(EFFORTS) - set(levels):
            with pytest.raises(InstantiationException, match="would be changed or dropped"):
                model_of(name, reasoning_effort=level)
    if not model_of(name).sampling:
        with pytest.raises(InstantiationException, match="top_p"):
            model_of(name, top_p=0.9)


def _named(name: str) -> tuple[str, str]:
    return config_of(name).provider, config_of(name).name


@pytest.mark.parametrize("name", LOGPROBS)
def test_every_setting_of_a_logprobs_request_is_taken(name: str, asked: dict[str, Prompt]) -> None:
    """The alternatives are asked for, as many as the elicitation wants."""
    model, prompt = model_of(name), asked["logprobs"]

    sent = as_litellm_takes_it(model, model.request(prompt).body)

    assert (sent["logprobs"], sent["top_logprobs"]) == (True, prompt.top_logprobs)
    assert sent["temperature"] == prompt.temperature
    assert [sent[key] for key in LIMITS if key in sent] == [prompt.max_tokens]


@pytest.mark.parametrize("name", [name for name in FILES if name not in LOGPROBS])
def test_others_refuse_logprobs_in_the_plan(name: str, asked: dict[str, Prompt]) -> None:
    """Without log-probabilities there is nothing to pay for."""
    with pytest.raises(ConfigError, match=r"returns no\s+log-probabilities"):
        model_of(name).request(asked["logprobs"])


@pytest.mark.parametrize("name", HOSTED)
def test_a_schema_is_asked_for_only_where_litellm_knows_of_one(name: str) -> None:
    """What a file claims is in litellm's table; less may be claimed, and the file says why."""
    model = model_of(name)

    known = import_litellm().supports_response_schema(model.name, model.provider)

    assert known or not model.capabilities.json_schema


@pytest.mark.parametrize("name", HOSTED)
def test_missing_credentials_are_named_before_any_call(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each hosted model needs some, and the message has all that are missing."""
    model = model_of(name)
    needed = [variable for variable in (model.api_key_env, *model.required_env) if variable]
    for variable in needed:
        monkeypatch.delenv(variable, raising=False)

    with pytest.raises(ModelError) as caught:
        model.preflight()

    assert needed
    assert ", ".join(needed) in str(caught.value)


@pytest.mark.parametrize("name", HOSTED)
def test_credentials_are_in_no_request(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither their values nor the names of their variables: the cache is passed on."""
    model = model_of(name)
    for variable in filter(None, (model.api_key_env, *model.required_env)):
        monkeypatch.setenv(variable, "sk-marker")

    model.preflight()
    document = model.request(Prompt(messages=(), option_order=(0, 1), max_tokens=1)).document

    assert "sk-marker" not in document
    assert not any(variable in document for variable in ("_KEY", "AWS_"))


@pytest.mark.parametrize("name", HOSTED)
def test_price_is_known(name: str) -> None:
    """A dollar or so for a million tokens, by litellm's own table; OpenRouter's is not in it."""
    model = model_of(name)

    price = model.price

    if model.provider == "openrouter":
        assert price is None
    else:
        assert price is not None
        assert 1e-8 < price[0] <= price[1] < 1e-4


@pytest.mark.parametrize("name", [name for name in FILES if name not in HOSTED])
def test_own_server_has_an_address_and_needs_no_key(name: str) -> None:
    """Without an address litellm would ask OpenAI, and send it the questions."""
    model = model_of(name)

    model.preflight()

    assert model.api_base is not None
    assert model.api_base.startswith("http://127.0.0.1:")


def test_general_file_refuses_to_run_without_an_address() -> None:
    """It has no address of its own, and none is made up."""
    with initialize_config_module("distexp.conf", version_base="1.3"):
        config = compose("config", overrides=["model=openai_compatible", "model.name=m"])

    with pytest.raises(MissingMandatoryValue, match=r"model\.api_base"):
        _ = config.model.api_base


def complete(model: LiteLLMModel, prompt: Prompt) -> Response:
    """Make one call."""

    async def call() -> Response:
        try:
            return await model.complete(model.request(prompt))
        finally:
            await model.close()

    return asyncio.run(call())


@pytest.mark.parametrize(
    "name", [name for name in FILES if config_of(name).provider in SPEAKS_OPENAI]
)
def test_verbalized_call_arrives_and_its_answer_is_read(
    name: str,
    asked: dict[str, Prompt],
    openai_server: OpenAIServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Over HTTP, wherever the provider speaks OpenAI's protocol: key, model name, answer."""
    model = model_of(name, api_base=openai_server.url)
    if model.api_key_env:
        monkeypatch.setenv(model.api_key_env, "sk-marker")

    response = complete(model, asked["verbalized"])

    (body,) = openai_server.requests
    assert (body["model"], body.get("temperature")) == (
        model.name,
        0.0 if model.sampling else None,
    )
    assert openai_server.api_keys == ["sk-marker" if model.api_key_env else "none"]
    assert ("response_format" in body) == (model.capabilities.json_schema is not False)
    assert response.usage == Usage(prompt_tokens=11, completion_tokens=7)


@pytest.mark.parametrize("name", LOGPROBS)
def test_logprobs_call_arrives_and_its_answer_is_read(
    name: str,
    asked: dict[str, Prompt],
    openai_server: OpenAIServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The alternatives come back, through litellm, as the server gave them."""
    model = model_of(name, api_base=openai_server.url)
    if model.api_key_env:
        monkeypatch.setenv(model.api_key_env, "sk-marker")

    response = complete(model, asked["logprobs"])

    assert openai_server.requests[0]["top_logprobs"] == asked["logprobs"].top_logprobs
    assert response.top_logprobs == (tuple(TOP_LOGPROBS),)


def test_bedrock_call_is_signed_and_its_answer_is_read(
    asked: dict[str, Prompt], openai_server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The credentials sign the call, and no key takes their place."""
    values = {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "s", "AWS_REGION_NAME": "r"}
    for variable, value in values.items():
        monkeypatch.setenv(variable, value)
    openai_server.answer = lambda *_: (
        200,
        {
            "output": {"message": {"role": "assistant", "content": [{"text": "Yes."}]}},
            "stopReason": "end_turn",
            "usage": {"inputTokens": 3, "outputTokens": 2, "totalTokens": 5},
            "metrics": {"latencyMs": 1},
        },
    )
    model = model_of("bedrock-llama-3.3-70b", api_base=openai_server.url)

    response = complete(model, asked["verbalized"])

    assert response.text == "Yes."
    assert openai_server.api_keys[0].startswith("AWS4-HMAC-SHA256 Credential=AKID/")
    assert openai_server.requests[0]["inferenceConfig"] == {"temperature": 0.0, "maxTokens": 200}


def test_documentation_lists_every_file_as_it_is() -> None:
    """The table of docs/models.md has one row for each file, and its abilities are the file's."""
    lines = (ROOT / "docs" / "models.md").read_text().splitlines()
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if "| `" in line]
    listed = {row[0].strip("`"): row[3:7] for row in rows}

    assert listed == {name: _documented(model_of(name)) for name in FILES}


def _documented(model: LiteLLMModel) -> list[str]:
    can = model.capabilities
    names = [name for name in (model.api_key_env, *model.required_env) if name]
    said = {True: "yes", False: "no", None: "found out"}
    abilities = [said[able] for able in (can.logprobs, can.json_schema, can.seed)]
    return [", ".join(f"`{name}`" for name in names) or "none", *abilities]
