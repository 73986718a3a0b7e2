"""Any model that litellm reaches: hosted ones, and every OpenAI-compatible server."""

import os
import re
import sys
from collections.abc import Mapping, Sequence
from copy import deepcopy
from functools import cached_property
from importlib.metadata import version

from distexp.checks import (
    check_bool,
    check_int,
    check_mapping,
    check_number,
    check_text,
    parameter_error,
)
from distexp.errors import ConfigError, ModelError
from distexp.model.http.address import (
    bypass_proxies,
    check_address,
    check_alias,
    one_form,
    proxy_for,
)
from distexp.model.http.body import chat_body, is_plain
from distexp.model.http.client import MAX_REPLY_BYTES, OPENAI, ChatClient
from distexp.model.http.failures import Failures
from distexp.model.http.redaction import check_no_secret
from distexp.model.http.reply import UNUSABLE, read_reply
from distexp.model.http.reply_parts import FirstReplies
from distexp.model.http.secrets import Secrets
from distexp.model.litellm_reply import read_response, translated_error
from distexp.model.prices import import_litellm, list_price
from distexp.protocols import Capabilities, Limits
from distexp.request import Json, Request
from distexp.types import Prompt, Response

TLS_SETTINGS = ("SSL_VERIFY", "SSL_CERTIFICATE", "SSL_SECURITY_LEVEL", "SSL_ECDH_CURVE")
"""Environment variables that litellm alone understands: where one is set, it makes the calls."""


class LiteLLMModel:
    """A model called the way litellm knows.

    Servers that speak OpenAI's protocol get the same request over HTTP directly, because litellm
    takes seconds to import and milliseconds of processor time for each call; it makes the calls to
    all other providers, and those to models of OpenAI that it has rules of its own for.

    Parameters
    ----------
    name : str
        The model as the provider calls it; also its name in the tables.
    provider : str
        litellm's name of the provider; `openai` serves every OpenAI-compatible server.
    capabilities : Capabilities
        What the endpoint can do.
    api_base : str, optional
        Address of the server; part of the cache key, a slash at its end left out. None is the
        provider's own.
    endpoint : str, optional
        Name for the server of `api_base`, which takes its place in the cache key: answers stay
        when the server moves to another host or port.
    api_key_env : str, optional
        Name of the environment variable that holds the API key; None sends no key.
    required_env : sequence of str
        Names of further environment variables that must be set; litellm reads them itself.
    max_top_logprobs : int, optional
        How many alternatives of a token the endpoint returns at most; None sets no limit.
    reasoning_effort : str, optional
        How much the model thinks before it answers, in litellm's words; None sends nothing.
    seed : int, optional
        Seed of the provider's sampler, sent plus the draw index where the model accepts one.
    top_p : float, optional
        Nucleus sampling; None leaves the provider's default.
    extra_body : mapping, optional
        Further fields of the request body, part of the cache key.
    max_concurrency, max_retries : int
        Calls in flight at once, and repetitions after a passing failure.
    requests_per_minute, tokens_per_minute : int, optional
        What the endpoint takes from all its models together; None sets no limit.
    timeout_s : float
        How long one call may take, in seconds.
    max_reply_bytes : int
        How long a reply may be, unfolded; where litellm makes the calls, nothing limits it.
    usd_per_million_tokens : sequence of two floats, optional
        Price of a million tokens of prompts and of replies; None takes it from litellm's table,
        where it is unknown for a server of one's own.
    direct : bool
        False has litellm make all calls.
    salt : str, optional
        Any text: keeps the answers apart from those given under another salt.
    """

    def __init__(
        self,
        *,
        name: str,
        provider: str,
        capabilities: Capabilities,
        api_base: str | None = None,
        endpoint: str | None = None,
        api_key_env: str | None = None,
        required_env: Sequence[str] = (),
        max_top_logprobs: int | None = None,
        reasoning_effort: str | None = None,
        seed: int | None = 0,
        top_p: float | None = None,
        extra_body: Mapping[str, Json] | None = None,
        max_concurrency: int = 16,
        max_retries: int = 4,
        requests_per_minute: int | None = None,
        tokens_per_minute: int | None = None,
        timeout_s: float = 60.0,
        max_reply_bytes: int = MAX_REPLY_BYTES,
        usd_per_million_tokens: Sequence[float] | None = None,
        direct: bool = True,
        salt: str | None = None,
    ) -> None:
        owner = type(self).__name__
        check_text(owner, "name", name)
        check_text(owner, "provider", provider)
        _check_names(owner, "required_env", required_env)
        _check_variable(owner, "api_key_env", api_key_env)
        if max_top_logprobs is not None:
            check_int(owner, "max_top_logprobs", max_top_logprobs, minimum=1)
        if reasoning_effort is not None:
            check_text(owner, "reasoning_effort", reasoning_effort)
        self.limits = Limits(
            max_concurrency=max_concurrency,
            requests_per_minute=requests_per_minute,
            tokens_per_minute=tokens_per_minute,
        )
        self.limits.check(owner)
        check_int(owner, "max_retries", max_retries, minimum=0)
        check_number(owner, "timeout_s", timeout_s, low=0, low_open=True)
        check_int(owner, "max_reply_bytes", max_reply_bytes, minimum=1)
        if not isinstance(capabilities, Capabilities):
            raise parameter_error(owner, "capabilities", "a Capabilities", capabilities)
        if seed is not None:
            check_int(owner, "seed", seed, minimum=0)
        if top_p is not None:
            check_number(owner, "top_p", top_p, low=0, high=1, low_open=True)
        _check_body(owner, extra_body)
        _check_price(owner, usd_per_million_tokens)
        check_bool(owner, "direct", direct)
        if salt is not None:
            check_text(owner, "salt", salt)
        if api_base is not None:
            check_address(owner, "api_base", api_base)
            api_base = one_form(api_base)
        if endpoint is not None:
            check_alias(owner, "endpoint", endpoint, api_base)
        self.name = name
        self.provider = provider
        self.capabilities = capabilities
        self.api_base = api_base
        self.endpoint = endpoint
        self.api_key_env = api_key_env
        self.required_env = tuple(required_env)
        self.max_top_logprobs = max_top_logprobs
        self.reasoning_effort = reasoning_effort
        self.seed = seed
        self.top_p = top_p
        self.extra_body = extra_body
        self.max_concurrency = max_concurrency
        self.max_retries = max_retries
        self.timeout_s = timeout_s
        self.max_reply_bytes = max_reply_bytes
        self.usd_per_million_tokens = usd_per_million_tokens
        self.direct = direct
        self.salt = salt
        self._client: ChatClient | None = None

    @property
    def identity(self) -> str:
        """The model's full identity, as it enters the cache key."""
        return self.name

    def request(self, prompt: Prompt) -> Request:
        """Add the model's settings to a prompt.

        Raises
        ------
        ConfigError
            If the prompt asks for log-probabilities or a system message and the model has none,
            or for more alternatives of a token than the endpoint returns.
        """
        return Request(
            provider=self.provider,
            model=self.identity,
            endpoint=self.endpoint or self.api_base,
            body=self._body(prompt),
            draw=prompt.draw,
            salt=self.salt,
        )

    def _body(self, prompt: Prompt) -> dict[str, Json]:
        can = self.capabilities
        messages: list[Json] = [{"role": m.role, "content": m.content} for m in prompt.messages]
        body: dict[str, Json] = {
            "messages": messages,
            "temperature": prompt.temperature,
            "max_tokens": prompt.max_tokens,
        }
        if any(m.role == "system" for m in prompt.messages) and not can.system_role:
            msg = f"Model {self.name} takes no system message. Choose another prompt."
            raise ConfigError(msg)
        if prompt.top_logprobs is not None:
            self._check_top_logprobs(prompt.top_logprobs)
            body |= {"logprobs": True, "top_logprobs": prompt.top_logprobs}
        if prompt.json_schema is not None and can.json_schema:
            body["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": "reply", "strict": True, "schema": prompt.json_schema},
            }
        if self.seed is not None and can.seed:
            body["seed"] = self.seed + prompt.draw
        if self.reasoning_effort is not None:
            body["reasoning_effort"] = self.reasoning_effort
        if self.top_p is not None:
            body["top_p"] = self.top_p
        if self.extra_body:
            body["extra_body"] = self.extra_body
        return body

    def _check_top_logprobs(self, wanted: int) -> None:
        if not self.capabilities.logprobs:
            msg = (
                f"Model {self.name} returns no log-probabilities. "
                "Use elicitation=verbalized, or a model that has them."
            )
            raise ConfigError(msg)
        if self.max_top_logprobs is not None and wanted > self.max_top_logprobs:
            msg = (
                f"Model {self.name} returns at most {self.max_top_logprobs} alternatives of a "
                f"token; {wanted} were asked for. Lower elicitation.top_logprobs, or raise "
                "model.max_top_logprobs if the server allows more."
            )
            raise ConfigError(msg)

    def preflight(self) -> None:
        """Check that the API key and what else the provider needs is in the environment.

        Raises
        ------
        ModelError
            If something is missing; names every variable that is. Also if the environment would
            lead litellm to another address than the provider's.
        """
        needed = (self.api_key_env, *self.required_env)
        missing = [name for name in needed if name and not os.environ.get(name)]
        if missing:
            msg = (
                f"Model {self.name} needs {'an API key' if self.api_key_env else 'credentials'}. "
                f"Set the environment variable{'s' * (len(missing) > 1)} {', '.join(missing)}, "
                "or use cache.mode=replay."
            )
            raise ModelError(msg)
        stem = self.provider.upper()
        for variable in (f"{stem}_API_BASE", f"{stem}_BASE_URL"):
            if self.api_base is None and os.environ.get(variable):
                msg = (
                    f"The environment variable {variable} would send the calls of {self.name} "
                    "to another address, and the cache would take its answers for the provider's. "
                    "Unset it, or give the address as model.api_base."
                )
                raise ModelError(msg)
        # Imports take a while, in which a run that has begun could not be stopped.
        if self._goes_direct:
            import aiohttp  # noqa: F401
        else:
            import_litellm()

    async def complete(self, request: Request) -> Response:
        """Make the call.

        Raises
        ------
        TransientModelError
            After a rate limit, a time-out, a server fault, a lost connection or a broken body.
        ModelError
            If the server refuses the request, or never returns log-probabilities where asked to.
        """
        return await self._call(request, model=self.name, api_base=self.api_base)

    async def _call(self, request: Request, *, model: str, api_base: str | None) -> Response:
        key = self._api_key(api_base)
        failures = Failures(self.name, api_base, self._secrets)
        if not self._goes_direct:
            return await self._call_litellm(request, model, api_base, key, failures)
        client = await self._client_at(api_base)
        reply = await client.post(chat_body(model, request.body), key, failures)
        return self._watched(request, read_reply(reply, request, failures, self.price))

    async def _call_litellm(
        self,
        request: Request,
        model: str,
        api_base: str | None,
        key: str | None,
        failures: Failures,
    ) -> Response:
        litellm = import_litellm()
        import openai

        if api_base is not None:
            bypass_proxies(api_base)
        try:
            raw = await litellm.acompletion(
                model=f"{self._route}/{model}",
                api_base=api_base,
                api_key=key,
                timeout=self.timeout_s,
                num_retries=0,
                max_retries=0,
                **deepcopy(dict(request.body)),  # it changes what it is given, for some providers
            )
        except openai.APIError as exc:
            raise translated_error(exc, failures) from exc
        except UNUSABLE as exc:  # what it makes of a reply that it does not expect
            raise failures.unusable(f"{type(exc).__name__}: {exc}") from exc
        return self._watched(request, read_response(raw, request, failures, self.price))

    @cached_property
    def _first_replies(self) -> FirstReplies:
        """Whether any reply has had log-probabilities."""
        return FirstReplies()

    def _watched(self, request: Request, response: Response) -> Response:
        """Return the response; give the model up where it never returns log-probabilities."""
        if request.body.get("logprobs"):
            self._first_replies.check(response.top_logprobs, self.name)
        return response

    @cached_property
    def _goes_direct(self) -> bool:
        """Whether calls need no litellm."""
        if not self.direct or self._route != "openai" or any(map(os.environ.get, TLS_SETTINGS)):
            return False
        proxy = proxy_for(self.api_base or OPENAI)
        if proxy is not None and not proxy.startswith("http"):
            return False
        return is_plain(self.name, {"reasoning_effort": self.reasoning_effort})

    async def _client_at(self, api_base: str | None) -> ChatClient:
        """Return the client for an address; an embedded server may come back at another."""
        if self._client is None or self._client.api_base != api_base:
            await self._close_client()
            self._client = ChatClient(
                api_base, timeout_s=self.timeout_s, max_reply_bytes=self.max_reply_bytes
            )
        return self._client

    def _api_key(self, api_base: str | None) -> str | None:
        """Return the key to send.

        None lets litellm look for the credentials of the provider by itself. At another address
        that would send, say, the key of OpenAI to whoever serves there: hence a word in its place.
        """
        if self.api_key_env is not None:
            return os.environ.get(self.api_key_env, "")
        return None if api_base is None or self.required_env else "none"

    @cached_property
    def _secrets(self) -> Secrets:
        """What the environment holds for this model and nobody else may see."""
        names = (self.api_key_env, *self.required_env)
        return Secrets(os.environ.get(name) for name in names if name)

    @property
    def _route(self) -> str:
        """Return the provider by the name that litellm routes by."""
        return self.provider

    @cached_property
    def price(self) -> tuple[float, float] | None:
        """USD for a token of a prompt and of a reply; None where it is not known.

        It is the price that was given, or the list price; unknown on one's own server.
        """
        if self.usd_per_million_tokens is not None:
            per_prompt, per_reply = self.usd_per_million_tokens
            return per_prompt / 1e6, per_reply / 1e6
        return None if self.api_base is not None else list_price(self.provider, self.name)

    def versions(self) -> dict[str, str]:
        """Return the versions of the software that makes the calls."""
        caller = "aiohttp" if self._goes_direct else "litellm"
        return {caller: version(caller)}

    async def close(self) -> None:
        """Close the connections, those that litellm keeps as well."""
        await self._close_client()
        if "litellm" in sys.modules and not self._goes_direct:
            await import_litellm().close_litellm_async_clients()

    async def _close_client(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.close()


def _check_variable(owner: str, parameter: str, value: object) -> None:
    """Refuse what would write a secret into configurations and tables."""
    named = isinstance(value, str) and re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", value)
    if value is not None and not named:
        msg = (
            f"The {parameter!r} parameter of {owner} must be the name of an environment variable, "
            "or null: never the key itself."
        )
        raise ConfigError(msg)


def _check_body(owner: str, extra: Mapping[str, Json] | None) -> None:
    if extra is not None:
        check_mapping(owner, "extra_body", extra)
        check_no_secret(owner, "extra_body", extra)


def _check_price(owner: str, value: object) -> None:
    if value is None:
        return
    if not isinstance(value, list | tuple) or len(value) != 2:
        wanted = "two numbers, for prompts and for replies, or null"
        raise parameter_error(owner, "usd_per_million_tokens", wanted, value)
    for number in value:
        check_number(owner, "usd_per_million_tokens", number, low=0)


def _check_names(owner: str, parameter: str, value: object) -> None:
    if not isinstance(value, list | tuple) or not all(isinstance(v, str) and v for v in value):
        raise parameter_error(owner, parameter, "a list of non-empty str", value)
