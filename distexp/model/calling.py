"""Calls to one model: over HTTP where its server speaks OpenAI's protocol, else by litellm."""

import os
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from importlib.metadata import version

from distexp.model import litellm_call
from distexp.model.http.address import proxy_for
from distexp.model.http.client import OPENAI, ChatClient
from distexp.model.http.failures import Failures
from distexp.model.http.reply import read_reply
from distexp.model.http.reply_parts import FirstReplies
from distexp.model.http.secrets import Secrets
from distexp.model.litellm_body import chat_body, is_plain
from distexp.model.prices import import_litellm
from distexp.model.probing import PROBE, left_out, probe, wanted
from distexp.model.thinking import Thinking
from distexp.protocols import Capabilities
from distexp.request import Json, Request, Response

TLS_SETTINGS = ("SSL_VERIFY", "SSL_CERTIFICATE", "SSL_SECURITY_LEVEL", "SSL_ECDH_CURVE")
"""Environment variables that litellm alone understands: where one is set, it makes the calls."""


class Calling(ABC):
    """What makes the calls of a model; its settings are those of `LiteLLMModel`."""

    name: str
    provider: str
    api_base: str | None
    api_key_env: str | None
    required_env: tuple[str, ...]
    reasoning_effort: str | None
    capabilities: Capabilities
    able: Capabilities
    """The capabilities with what a probe has found."""
    thinking: Thinking
    sampling: bool
    service_tier: str | None
    timeout_s: float
    max_reply_bytes: int
    direct: bool
    _client: ChatClient | None = None

    @property
    @abstractmethod
    def price(self) -> tuple[float, float] | None:
        """USD for a token of a prompt and of a reply; None where it is not known."""

    @abstractmethod
    def price_served(self, tier: object) -> tuple[float, float] | None:
        """Return the price of a call that its reply says was served by a service tier."""

    async def complete(self, request: Request) -> Response:
        """Make the call.

        Raises
        ------
        TransientModelError
            After a rate limit, a time-out, a server fault, a lost connection or a broken body.
        ModelError
            If the server refuses the request, or never returns log-probabilities where asked to.
        """
        if PROBE in request.body:
            return await self._probe(request)
        request = self.sent(request)
        return await self._call(request, model=self.name, api_base=self.api_base)

    def sent(self, request: Request) -> Request:
        """Return a request without what a probe has found to be refused or ignored.

        The key stays that of the request as it was made: what is found out moves no key.
        """
        dropped = left_out(self.capabilities, self.able)
        if not dropped or not any(name in request.body for name in dropped):
            return request
        body = {name: value for name, value in request.body.items() if name not in dropped}
        return replace(request, body=body)

    async def _probe(self, request: Request) -> Response:
        """Make the calls that a probe stands for."""

        async def call(body: Mapping[str, Json]) -> Response:
            sent = {**body, **self.thinking.fields()}
            if not self.sampling:
                sent.pop("temperature", None)
            one = replace(request, body=sent)
            return await self._call(one, model=self.name, api_base=self.api_base)

        return await probe(wanted(request.body), call, self.thinking.room)

    async def _call(self, request: Request, *, model: str, api_base: str | None) -> Response:
        key = self._api_key(api_base)
        failures = Failures(self.name, api_base, self._secrets)
        if not self._goes_direct:
            response = await litellm_call.call(
                request,
                model=f"{self._route}/{model}",
                api_base=api_base,
                key=key,
                timeout_s=self.timeout_s,
                failures=failures,
                price=self.price_served,
                service_tier=self.service_tier,
            )
            return self._watched(request, response)
        client = await self._client_at(api_base)
        body = chat_body(model, request.body)
        if self.service_tier is not None:
            body["service_tier"] = self.service_tier
        reply = await client.post(body, key, failures)
        tier = reply.get("service_tier") if isinstance(reply, dict) else None
        return self._watched(
            request, read_reply(reply, request, failures, self.price_served(tier))
        )

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
        """The provider, by the name that litellm routes by."""
        return self.provider

    def versions(self) -> dict[str, str]:
        """Return the versions of the software that makes the calls, and what is not sent."""
        caller = "aiohttp" if self._goes_direct else "litellm"
        dropped = left_out(self.capabilities, self.able)
        said = {"not sent": ", ".join(dropped)} if dropped else {}
        return {caller: version(caller)} | said

    async def close(self) -> None:
        """Close the connections, those that litellm keeps as well."""
        await self._close_client()
        if "litellm" in sys.modules and not self._goes_direct:
            await import_litellm().close_litellm_async_clients()

    async def _close_client(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.close()
