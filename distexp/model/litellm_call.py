"""One call made by litellm: to every provider that does not speak OpenAI's protocol."""

from collections.abc import Callable
from copy import deepcopy

from distexp.model.http.address import bypass_proxies
from distexp.model.http.failures import Failures
from distexp.model.http.reply import UNUSABLE
from distexp.model.litellm_reply import read_response, tier_of, translated_error
from distexp.model.prices import import_litellm
from distexp.request import Request, Response


async def call(
    request: Request,
    *,
    model: str,
    api_base: str | None,
    key: str | None,
    timeout_s: float,
    failures: Failures,
    price: Callable[[object], tuple[float, float] | None],
    service_tier: str | None = None,
) -> Response:
    """Have litellm make a call; `model` is the route and the name.

    `price` is that of a token of a prompt and of a reply, by the service tier that a reply names.

    Raises
    ------
    ModelError
        As `LiteLLMModel.complete`.
    """
    litellm = import_litellm()
    import openai

    if api_base is not None:
        bypass_proxies(api_base)
    try:
        raw = await litellm.acompletion(
            model=model,
            api_base=api_base,
            api_key=key,
            timeout=timeout_s,
            num_retries=0,
            max_retries=0,
            **({"service_tier": service_tier} if service_tier else {}),
            **deepcopy(dict(request.body)),  # it changes what it is given, for some providers
        )
    except openai.APIError as exc:
        raise translated_error(exc, failures) from exc
    except UNUSABLE as exc:  # what it makes of a reply that it does not expect
        raise failures.unusable(f"{type(exc).__name__}: {exc}") from exc
    return read_response(raw, request, failures, price(tier_of(raw)))
