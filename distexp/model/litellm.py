"""Any model that litellm reaches: hosted ones, and every OpenAI-compatible server."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property, lru_cache

from distexp.checks import (
    check_bool,
    check_int,
    check_number,
    check_text,
    parameter_error,
)
from distexp.model.abilities import abilities_of
from distexp.model.batch.native import check_provider
from distexp.model.batch.terms import Terms
from distexp.model.calling import Calling
from distexp.model.http.address import (
    check_address,
    check_alias,
    one_form,
)
from distexp.model.http.client import MAX_REPLY_BYTES, ChatClient
from distexp.model.litellm_settings import (
    check_body,
    check_names,
    check_no_detour,
    check_price,
    check_sampling,
    check_tier,
    check_top_p,
    check_variable,
    check_variables,
    request_body,
)
from distexp.model.prices import import_litellm, list_price, price_served
from distexp.model.probing import learnt, left_out, probe_body, told, unknown
from distexp.model.thinking import Thinking, check_efforts
from distexp.protocols import Capabilities, Limits
from distexp.request import Json, Prompt, Request, Response

FLEX_TIMEOUT_S = 900.0
"""What OpenAI advises for calls that wait for room."""


class LiteLLMModel(Calling):
    """A model called the way litellm knows.

    Servers that speak OpenAI's protocol get the same request over HTTP directly, because litellm
    takes seconds to import and milliseconds of processor time for each call; it makes the calls to
    all other providers, and those to models of OpenAI that it has rules of its own for.

    Parameters
    ----------
    name : str
        The model as the provider calls it; in tables followed by how much it is asked to think.
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
    thinking_budget : int, optional
        Tokens for thoughts, where the model takes a number in place of a level.
    thinking_tokens : int, optional
        Tokens added to the longest reply for thoughts; None adds what the level usually takes.
    efforts : sequence of str, optional
        Levels of thought that the model takes; None takes those of litellm's table.
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
    service_tier : {"flex"}, optional
        Calls at half the price that wait while the provider has no room for them; no part of the
        cache key.
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
        thinking_budget: int | None = None,
        thinking_tokens: int | None = None,
        efforts: Sequence[str] | None = None,
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
        service_tier: str | None = None,
        direct: bool = True,
        salt: str | None = None,
    ) -> None:
        owner = type(self).__name__
        for parameter, text in (("name", name), ("provider", provider)):
            check_text(owner, parameter, text)
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
        check_text(owner, "salt", "-" if salt is None else salt)
        if api_base is not None:
            check_address(owner, "api_base", api_base)
            api_base = one_form(api_base)
        if endpoint is not None:
            check_alias(owner, "endpoint", endpoint, api_base)
        check_efforts(owner, efforts)
        abilities = abilities_of(
            provider, name, own_server=api_base is not None or provider == "llamacpp"
        )
        self.thinking = Thinking(
            owner,
            name,
            effort=reasoning_effort,
            budget=thinking_budget,
            room=thinking_tokens,
            efforts=None if efforts is None else tuple(efforts),
            abilities=abilities,
        )
        takes = abilities.sampling if capabilities.sampling is None else capabilities.sampling
        self.sampling = takes and (abilities.samples_thinking or not self.thinking.is_on)
        check_top_p(owner, name, top_p, sampling=self.sampling)
        check_tier(owner, service_tier, provider, name, own_server=api_base is not None)
        self.service_tier = service_tier
        self.name = name
        self.provider = provider
        self.capabilities = self.able = capabilities
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
        self.timeout_s = timeout_s if service_tier is None else max(timeout_s, FLEX_TIMEOUT_S)
        self.max_reply_bytes = max_reply_bytes
        self.usd_per_million_tokens = usd_per_million_tokens
        self.direct = direct
        self.salt = salt
        self.probed: Response | None = None
        self._client: ChatClient | None = None

    @property
    def identity(self) -> str:
        """The model's full identity, as it enters the cache key."""
        return self.name

    @property
    def is_patient(self) -> bool:
        """Whether a call that is turned away for want of room waits as long as it takes."""
        return self.service_tier is not None

    @property
    def label(self) -> str:
        """The name, and how much the model is asked to think where it is."""
        return f"{self.name}{self.thinking.suffix}"

    def request(self, prompt: Prompt) -> Request:
        """Add the model's settings to a prompt.

        Raises
        ------
        ConfigError
            If the prompt asks for log-probabilities or a system message and the model has none,
            or none while it thinks, or for more alternatives of a token than are returned.
        """
        return Request(
            provider=self.provider,
            model=self.identity,
            endpoint=self.endpoint or self.api_base,
            body=request_body(
                prompt,
                name=self.name,
                capabilities=_as_asked(self.able, self.capabilities),
                max_top_logprobs=self.max_top_logprobs,
                seed=self.seed,
                thinking=self.thinking,
                sampling=self.sampling,
                top_p=self.top_p,
                extra_body=self.extra_body,
            ),
            draw=prompt.draw,
            salt=self.salt,
        )

    def terms(self) -> Terms:
        """Return on what terms the model is asked in batches.

        Raises
        ------
        ConfigError
            If batches of its provider are not known, or more than a price would have to differ.
        """
        check_provider(self.name, self.provider)
        price = self.price
        if self.usd_per_million_tokens is None and self.api_base is None:
            price = list_price(self.provider, self.name, "_batches")
        dropped = left_out(self.capabilities, self.able)
        return Terms(
            self.provider, self.name, self.api_base, self.api_key_env, price, left_out=dropped
        )

    def probe(self) -> Request | None:
        """Return the request that finds out what is not known of the server; None if all is."""
        if not unknown(self.capabilities):
            return None
        return Request(
            provider=self.provider,
            model=self.identity,
            endpoint=self.endpoint or self.api_base,
            body=probe_body(self.capabilities) | self.thinking.fields(),
            salt=self.salt,
        )

    def learn(self, response: Response) -> str:
        """Take in what a probe has found, and say it in a sentence; no key moves."""
        self.able, self.probed = learnt(self.capabilities, response), response
        return told(self.label, response)

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

    @cached_property
    def price(self) -> tuple[float, float] | None:
        """USD for a token of a prompt and of a reply: as given, else as listed, else None."""
        if self.usd_per_million_tokens is not None:
            per_prompt, per_reply = self.usd_per_million_tokens
            return per_prompt / 1e6, per_reply / 1e6
        if self.api_base is not None:
            return None
        return list_price(self.provider, self.name, "_flex" if self.service_tier else "")

    def price_served(self, tier: object) -> tuple[float, float] | None:
        """Return the price of a call that its reply says was served by a service tier."""
        if self.usd_per_million_tokens is not None or self.api_base is not None:
            return self.price
        return price_served(self.provider, self.name, self.price, tier)


@lru_cache(maxsize=64)
def _as_asked(able: Capabilities, stated: Capabilities) -> Capabilities:
    """Return what is known to be there, but for what a request says as it is stated."""
    return replace(able, json_schema=stated.json_schema, seed=stated.seed)
