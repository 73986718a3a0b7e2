"""Requests as each provider's batches take them, and replies read: by litellm's own rules."""

import json
from collections.abc import Mapping
from copy import deepcopy
from functools import lru_cache
from typing import Any

from distexp.errors import ConfigError
from distexp.model.batch.anthropic import AnthropicBatches
from distexp.model.batch.gemini import GeminiBatches
from distexp.model.batch.openai import OpenAIBatches
from distexp.model.batch.wire import Endpoint
from distexp.model.http.failures import Failures
from distexp.model.http.reply import UNUSABLE, read_reply
from distexp.model.litellm_body import chat_body, is_plain
from distexp.model.litellm_reply import read_response
from distexp.model.prices import import_litellm
from distexp.request import Json, Request, Response

ENDPOINTS: dict[str, type[Endpoint]] = {
    "openai": OpenAIBatches,
    "anthropic": AnthropicBatches,
    "gemini": GeminiBatches,
}


def check_provider(name: str, provider: str) -> None:
    """Raise `ConfigError` if a provider has no batches that are known here."""
    if provider not in ENDPOINTS:
        msg = (
            f"Model {name} is served by {provider}, whose batches distexp does not know. "
            f"calls=batch serves {', '.join(ENDPOINTS)}; use calls=live."
        )
        raise ConfigError(msg)


def native_body(name: str, request: Request) -> dict[str, Json]:
    """Return the body of a request as the provider's own endpoint takes it."""
    body = dict(request.body)
    if request.provider == "openai" and is_plain(name, body):
        return chat_body(name, body)
    messages, seed = body.pop("messages"), body.pop("seed", None)
    extra: Any = body.pop("extra_body", None) or {}
    settings = json.dumps({**body, **({} if seed is None else {"seed": 0})}, sort_keys=True)
    params = deepcopy(_mapped(request.provider, name, settings))
    for place in (params, params.get("generationConfig", {})):
        if seed is not None and "seed" in place:
            place["seed"] = seed
    params |= params.pop("extra_body", None) or {}
    return {**_transformed(request.provider, name, deepcopy(messages), params), **extra}


@lru_cache(maxsize=256)
def _mapped(provider: str, name: str, settings: str) -> dict[str, Any]:
    """Return what litellm makes of settings; it raises where it would have to drop one."""
    mapped: dict[str, Any] = import_litellm().get_optional_params(
        model=name, custom_llm_provider=provider, **json.loads(settings)
    )
    return {key: value for key, value in mapped.items() if key not in ("stream", "json_mode")}


def _transformed(
    provider: str, name: str, messages: Any, params: dict[str, Any]
) -> dict[str, Any]:
    litellm = import_litellm()
    if provider == "gemini":
        from litellm.llms.vertex_ai.gemini.transformation import _transform_request_body

        made: Any = _transform_request_body(
            messages=messages,
            model=name,
            optional_params=params,
            custom_llm_provider="gemini",
            litellm_params={},
            cached_content=None,
        )
        return dict(made)
    from litellm.utils import ProviderConfigManager

    config: Any = ProviderConfigManager.get_provider_chat_config(
        name, litellm.LlmProviders(provider)
    )
    sent: dict[str, Any] = config.transform_request(
        model=name, messages=messages, optional_params=params, litellm_params={}, headers={}
    )
    return {key: value for key, value in sent.items() if key not in ("json_mode", "extra_body")}


def read_native(
    name: str,
    request: Request,
    reply: Mapping[str, Any],
    failures: Failures,
    price: tuple[float, float] | None,
) -> Response:
    """Read a reply as it stands in the results of a batch.

    Raises
    ------
    ModelError
        If it holds no answer.
    """
    if request.provider == "openai":
        return read_reply(reply, request, failures, price)
    import httpx

    litellm = import_litellm()
    raw = httpx.Response(200, json=reply)
    made = litellm.ModelResponse()
    try:
        if request.provider == "anthropic":
            config: Any = litellm.AnthropicConfig()
            made = config.transform_parsed_response(
                completion_response=dict(reply), raw_response=raw, model_response=made
            )
        else:
            made = _gemini_reply(name, dict(reply), raw, made)
    except (*UNUSABLE, litellm.exceptions.APIError) as exc:
        raise failures.unusable(f"{type(exc).__name__}: {exc}") from exc
    return read_response(made, request, failures, price)


class _NoLog:
    """What litellm writes its log to: nowhere."""

    def __init__(self) -> None:
        self.optional_params: dict[str, Any] = {}
        self.litellm_params: dict[str, Any] = {}

    def post_call(self, *_: object, **__: object) -> None:
        """Forget it."""


def _gemini_reply(name: str, reply: dict[str, Any], raw: Any, made: Any) -> Any:
    from litellm.llms.vertex_ai.gemini.vertex_and_google_ai_studio_gemini import (
        VertexGeminiConfig,
    )

    read = VertexGeminiConfig()._transform_google_generate_content_to_openai_model_response
    return read(
        completion_response=reply,
        model_response=made,
        model=name,
        logging_obj=_NoLog(),
        raw_response=raw,
    )
