"""Settings of a model: what is checked of them, and the body of a request that they make."""

import os
import re
from collections.abc import Mapping, Sequence

from distexp.checks import check_int, check_mapping, check_number, check_text, parameter_error
from distexp.errors import ConfigError, ModelError
from distexp.model.http.redaction import check_no_secret
from distexp.model.prices import table_entry
from distexp.model.thinking import Thinking
from distexp.protocols import Capabilities
from distexp.request import Json, Prompt


def request_body(
    prompt: Prompt,
    *,
    name: str,
    capabilities: Capabilities,
    max_top_logprobs: int | None,
    seed: int | None,
    thinking: Thinking,
    sampling: bool,
    top_p: float | None,
    extra_body: Mapping[str, Json] | None,
) -> dict[str, Json]:
    """Return the body of the request that a prompt becomes; settings as in `LiteLLMModel`.

    Raises
    ------
    ConfigError
        If the prompt needs what the model lacks.
    """
    messages: list[Json] = [{"role": m.role, "content": m.content} for m in prompt.messages]
    body: dict[str, Json] = {
        "messages": messages,
        "max_tokens": prompt.max_tokens + thinking.room,
    }
    if sampling:
        body["temperature"] = prompt.temperature
    if capabilities.system_role is False and any(m.role == "system" for m in prompt.messages):
        msg = f"Model {name} takes no system message. Choose another prompt."
        raise ConfigError(msg)
    if prompt.top_logprobs is not None:
        if not sampling:
            msg = (
                f"Model {name} takes no sampling settings{' while it thinks' * thinking.is_on}, "
                "and returns no log-probabilities then. Use elicitation=verbalized"
                f"{', or model.reasoning_effort=none' * thinking.is_on}."
            )
            raise ConfigError(msg)
        _check_top_logprobs(name, prompt.top_logprobs, capabilities, max_top_logprobs)
        body |= {"logprobs": True, "top_logprobs": prompt.top_logprobs}
    if prompt.json_schema is not None and capabilities.json_schema is not False:
        body["response_format"] = _reply_format(prompt.json_schema)
    if seed is not None and capabilities.seed is not False:
        body["seed"] = seed + prompt.draw
    if fields := thinking.fields():
        body |= fields
    if top_p is not None:
        body["top_p"] = top_p
    if extra_body:
        body["extra_body"] = extra_body
    return body


_formats: dict[int, tuple[Mapping[str, Json], dict[str, Json]]] = {}
"""Formats of schemas by their identity, each beside its schema, whose place no other takes."""
MOST_FORMATS = 100


def _reply_format(schema: Mapping[str, Json]) -> dict[str, Json]:
    """Return the format of a reply, one object for all prompts that share the schema."""
    known = _formats.get(id(schema))
    if known is not None:
        return known[1]
    made: dict[str, Json] = {
        "type": "json_schema",
        "json_schema": {"name": "reply", "strict": True, "schema": schema},
    }
    if len(_formats) < MOST_FORMATS:
        _formats[id(schema)] = (schema, made)
    return made


def _check_top_logprobs(name: str, wanted: int, can: Capabilities, at_most: int | None) -> None:
    if can.logprobs is False:
        msg = (
            f"Model {name} returns no log-probabilities. "
            "Use elicitation=verbalized, or a model that has them."
        )
        raise ConfigError(msg)
    if at_most is not None and wanted > at_most:
        msg = (
            f"Model {name} returns at most {at_most} alternatives of a "
            f"token; {wanted} were asked for. Lower elicitation.top_logprobs, or raise "
            "model.max_top_logprobs if the server allows more."
        )
        raise ConfigError(msg)


def check_variables(name: str, api_key_env: str | None, required_env: Sequence[str]) -> None:
    """Raise `ModelError` if an environment variable that the model needs is not set."""
    needed = (api_key_env, *required_env)
    missing = [variable for variable in needed if variable and not os.environ.get(variable)]
    if missing:
        msg = (
            f"Model {name} needs {'an API key' if api_key_env else 'credentials'}. "
            f"Set the environment variable{'s' * (len(missing) > 1)} {', '.join(missing)}, "
            "or use cache.mode=replay."
        )
        raise ModelError(msg)


def check_no_detour(name: str, provider: str) -> None:
    """Raise `ModelError` if the environment leads to another address than the provider's."""
    stem = provider.upper()
    for variable in (f"{stem}_API_BASE", f"{stem}_BASE_URL"):
        if os.environ.get(variable):
            msg = (
                f"The environment variable {variable} would send the calls of {name} "
                "to another address, and the cache would take its answers for the provider's. "
                "Unset it, or give the address as model.api_base."
            )
            raise ModelError(msg)


def check_sampling(
    owner: str,
    max_top_logprobs: object,
    reasoning_effort: object,
    seed: object,
    top_p: object,
) -> None:
    """Refuse settings out of range; None, which sends nothing, is allowed for each."""
    if max_top_logprobs is not None:
        check_int(owner, "max_top_logprobs", max_top_logprobs, minimum=1)
    if reasoning_effort is not None:
        check_text(owner, "reasoning_effort", reasoning_effort)
    if seed is not None:
        check_int(owner, "seed", seed, minimum=0)
    if top_p is not None:
        check_number(owner, "top_p", top_p, low=0, high=1, low_open=True)


def check_top_p(owner: str, name: str, top_p: float | None, *, sampling: bool) -> None:
    """Refuse nucleus sampling where the model takes none, so that it would be dropped."""
    if top_p is not None and not sampling:
        wanted = f"null: {name} takes no sampling settings as it is asked"
        raise parameter_error(owner, "top_p", wanted, top_p)


TIERED = ("openai", "gemini", "bedrock")
"""Providers that litellm sends the tier to in their own words; others refuse or ignore it."""


def check_tier(
    owner: str, tier: str | None, provider: str, name: str, *, own_server: bool
) -> None:
    """Refuse a tier that the provider does not have, and would ignore or charge in full."""
    if tier is None:
        return
    if tier != "flex":
        raise parameter_error(owner, "service_tier", "flex or null", tier)
    listed = (table_entry(provider, name) or {}).get("input_cost_per_token_flex")
    on_trust = own_server and provider == "openai"
    if provider not in TIERED or not (on_trust or listed is not None):
        wanted = f"null: {name} at {provider} has no flex calls that distexp knows"
        raise parameter_error(owner, "service_tier", wanted, tier)


def check_variable(owner: str, parameter: str, value: object) -> None:
    """Refuse what would write a secret into configurations and tables."""
    named = isinstance(value, str) and re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", value)
    if value is not None and not named:
        msg = (
            f"The {parameter!r} parameter of {owner} must be the name of an environment variable, "
            "or null: never the key itself."
        )
        raise ConfigError(msg)


def check_body(owner: str, extra: Mapping[str, Json] | None) -> None:
    """Refuse what is no mapping, or holds what looks like a secret."""
    if extra is not None:
        check_mapping(owner, "extra_body", extra)
        check_no_secret(owner, "extra_body", extra)


def check_price(owner: str, value: object) -> None:
    """Refuse what is neither None nor two numbers >= 0."""
    if value is None:
        return
    if not isinstance(value, list | tuple) or len(value) != 2:
        wanted = "two numbers, for prompts and for replies, or null"
        raise parameter_error(owner, "usd_per_million_tokens", wanted, value)
    for number in value:
        check_number(owner, "usd_per_million_tokens", number, low=0)


def check_names(owner: str, parameter: str, value: object) -> None:
    """Refuse what is no list of names."""
    if not isinstance(value, list | tuple) or not all(isinstance(v, str) and v for v in value):
        raise parameter_error(owner, parameter, "a list of non-empty str", value)
