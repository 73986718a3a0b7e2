"""Any model that litellm reaches: hosted ones, and every OpenAI-compatible server."""

import os
import sys
from collections.abc import Mapping, Sequence
from copy import deepcopy
from functools import cached_property
from importlib.metadata import version

from distexp.checks import (
    check_bool,
    check_int,
    check_number,
    check_text,
    parameter_error,
)
from distexp.model.http.address import (
    bypass_proxies,
    check_address,
    check_alias,
    one_form,
    proxy_for,
)
from distexp.model.http.client import MAX_REPLY_BYTES, OPENAI, ChatClient
from distexp.model.http.failures import Failures
from distexp.model.http.reply import UNUSABLE, read_reply
from distexp.model.http.reply_parts import FirstReplies
from distexp.model.http.secrets import Secrets
from distexp.model.litellm_body import chat_body, is_plain
from distexp.model.litellm_reply import read_response, translated_error
from distexp.model.litellm_settings import (
    check_body,
    check_names,
    check_no_detour,
    check_price,
    check_sampling,
    check_variable,
    check_variables,
    request_body,
)
from distexp.model.prices import import_litellm, list_price
from distexp.protocols import Capabilities, Limits
from distexp.request import Json, Prompt, Request
from distexp.types import Response

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
        check_names(owner, "required_env", required_env)
        check_variable(owner, "api_key_env", api_key_env)
        check_sampling(owner, max_top_logprobs, reasoning_effort, seed, top_p)
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
        check_body(owner, extra_body)
        check_price(owner, usd_per_million_tokens)
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
            body=request_body(
                prompt,
                name=self.name,
                capabilities=self.capabilities,
                max_top_logprobs=self.max_top_logprobs,
                seed=self.seed,
                reasoning_effort=self.reasoning_effort,
                top_p=self.top_p,
                extra_body=self.extra_body,
            ),
            draw=prompt.draw,
            salt=self.salt,
        )

    def preflight(self) -> None:
        """Check that the API key and what else the provider needs is in the environment.

        Raises
        ------
        ModelError
            If something is missing; names every variable that is. Also if the environment would
            lead litellm to another address than the provider's.
        """
        check_variables(self.name, self.api_key_env, self.required_env)
        if self.api_base is None:
            check_no_detour(self.name, self.provider)
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
        """USD for a token of a prompt and of a reply: as given, else as listed, else None."""
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
