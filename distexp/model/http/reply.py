"""What comes back from a server that speaks OpenAI's protocol, read as litellm reads it."""

from collections.abc import Mapping
from typing import Any

from distexp.model.http.failures import Failures
from distexp.model.reply_parts import TopLogprobs, content_of, logprobs_of
from distexp.request import Request
from distexp.types import Response, Usage

FINISH_REASONS = {
    **dict.fromkeys(("length", "max_tokens", "MAX_TOKENS", "compaction"), "length"),
    **dict.fromkeys(("tool_calls", "tool_use"), "tool_calls"),
    "function_call": "function_call",
    **dict.fromkeys(
        (
            *("content_filter", "content_filtered", "refusal", "ERROR_TOXIC", "SAFETY"),
            *("RECITATION", "LANGUAGE", "OTHER", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII"),
            *("IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "NO_IMAGE", "IMAGE_RECITATION"),
            *("IMAGE_OTHER", "ESCALATION", "sensitive", "guardrail_intervened"),
        ),
        "content_filter",
    ),
}
"""litellm's words for why a reply ended; every other reason is a plain `stop`."""


def read_reply(
    reply: object, request: Request, failures: Failures, price: tuple[float, float] | None
) -> Response:
    """Turn the JSON of a reply into a record.

    Raises
    ------
    TransientModelError
        If it holds no answer.
    ModelError
        If it holds an error that is final.
    """
    if not isinstance(reply, Mapping):
        raise failures.broken(f"{str(reply)[:100]!r} is no JSON object.")
    _raise_error_within(reply, failures)
    try:
        (choice, *_) = reply["choices"]
        text, thought = content_of(choice["message"])
        usage = _usage(reply.get("usage"))
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        raise failures.broken(f"a reply without choices, {str(reply)[:100]}") from exc
    asked = request.body.get("logprobs")
    top_logprobs, tokens = logprobs_of(choice) if asked else (None, None)
    return make_response(
        text=text,
        thought=thought,
        finish_reason=_finish_reason(choice),
        usage=usage,
        top_logprobs=top_logprobs,
        tokens=tokens,
        price=price,
        provider_model=reply.get("model"),
        system_fingerprint=reply.get("system_fingerprint"),
    )


def make_response(
    *,
    text: str,
    finish_reason: str | None,
    usage: Usage | None,
    top_logprobs: TopLogprobs | None,
    price: tuple[float, float] | None,
    provider_model: str | None,
    system_fingerprint: str | None,
    thought: str | None = None,
    tokens: tuple[str, ...] | None = None,
) -> Response:
    """Return the record, with the cost where price and usage are known."""
    cost = None
    if price is not None and usage is not None:
        cost = price[0] * usage.prompt_tokens + price[1] * usage.completion_tokens
    return Response(
        text=text,
        finish_reason=finish_reason,
        usage=usage,
        top_logprobs=top_logprobs,
        cost_usd=cost,
        price_usd_per_token=price,
        provider_model=provider_model,
        system_fingerprint=system_fingerprint,
        thought=thought,
        tokens=tokens,
    )


def _raise_error_within(reply: Mapping[str, Any], failures: Failures) -> None:
    """Raise what a reply with status 200 says in place of an answer, as gateways do."""
    error = reply.get("error")
    if isinstance(error, Mapping):
        code, said = error.get("code"), error.get("message")
        if said or code is not None:
            raise failures.refused(code if isinstance(code, int) else 422, f"{said} {code}")
    elif error:
        raise failures.refused(422, str(error))


def _finish_reason(choice: Mapping[str, Any]) -> str:
    given = choice.get("finish_reason") or choice.get("finish_details")
    reason = FINISH_REASONS.get(given, "stop") if isinstance(given, str) else "stop"
    called = reason == "stop" and choice["message"].get("tool_calls")
    return "tool_calls" if called else reason


def _usage(reported: object) -> Usage | None:
    """Return the tokens; None where the server does not count, since no prompt has none."""
    if not isinstance(reported, Mapping) or not reported.get("prompt_tokens"):
        return None
    n_prompt, n_reply = reported["prompt_tokens"], reported.get("completion_tokens") or 0
    return Usage(prompt_tokens=int(n_prompt), completion_tokens=int(n_reply))
