"""What comes back from a server that speaks OpenAI's protocol, read as litellm reads it."""

from collections.abc import Mapping
from typing import Any

from distexp.model.http.failures import Failures
from distexp.model.http.reply_parts import TopLogprobs, content_of, logprobs_of
from distexp.model.http.verdicts import error_within
from distexp.request import Request, Response, Usage, whole_text

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


BROKEN_OFF = ("error", "ERROR", "abort", "cancelled", "failed", "timeout", "network_error")
"""Reasons for the end of a reply that is no answer: the host failed after 200 was sent."""
UNUSABLE = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError)
"""What reading raises where a reply is not of the form that is expected."""
MOST_TOKENS = 1 << 53
"""Counts beyond are none: not every program can hold them."""
LONGEST_NAME = 500
"""Characters of what a server says about itself that are kept."""


def read_reply(
    reply: object, request: Request, failures: Failures, price: tuple[float, float] | None
) -> Response:
    """Turn the JSON of a reply into a record.

    Raises
    ------
    TransientModelError
        If it holds no answer, whatever it does hold.
    RefusedPromptError
        If it holds an error about this prompt.
    ModelError
        If it holds an error that is final.
    """
    try:
        _raise_error_within(reply, failures)
        if not isinstance(reply, Mapping):
            raise failures.unusable(f"{_beginning(reply)} is no JSON object.")
        (choice, *_) = reply["choices"]
        _raise_error_within({"error": choice.get("error"), "choices": reply["choices"]}, failures)
        if choice.get("finish_reason") in BROKEN_OFF:
            raise failures.unusable(f"it ended with {choice['finish_reason']!r}.")
        text, thought = content_of(choice["message"])
        asked = request.body.get("logprobs")
        top_logprobs, tokens = logprobs_of(choice) if asked else (None, None)
        return make_response(
            text=whole_text(failures.secrets.struck(text)),
            thought=thought and whole_text(failures.secrets.struck(thought)),
            finish_reason=_finish_reason(choice),
            usage=_usage(reply.get("usage")),
            top_logprobs=top_logprobs,
            tokens=tokens,
            price=price,
            provider_model=said_name(reply.get("model"), failures),
            system_fingerprint=said_name(reply.get("system_fingerprint"), failures),
        )
    except UNUSABLE as exc:
        raise failures.unusable(f"a reply without an answer, {_beginning(reply)}") from exc


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


def _raise_error_within(part: object, failures: Failures) -> None:
    """Raise what a reply with status 200, or its choice, says in place of an answer."""
    found = error_within(part)
    if found is not None:
        said, asked_s, status = found
        raise failures.within(status, said, asked_s)


def _beginning(reply: object) -> str:
    try:
        return str(reply)[:100]
    except (RecursionError, ValueError):  # nested too deep, or a number of thousands of digits
        return "one that cannot be shown"


def said_name(value: object, failures: Failures) -> str | None:
    """Return what a server calls itself, if it is a text."""
    if not isinstance(value, str):
        return None
    return whole_text(failures.secrets.struck(value)[:LONGEST_NAME])


def _finish_reason(choice: Mapping[str, Any]) -> str:
    given = choice.get("finish_reason") or choice.get("finish_details")
    reason = FINISH_REASONS.get(given, "stop") if isinstance(given, str) else "stop"
    called = reason == "stop" and choice["message"].get("tool_calls")
    return "tool_calls" if called else reason


def _usage(reported: object) -> Usage | None:
    """Return the tokens; None where the server does not count, since no prompt has none."""
    if not isinstance(reported, Mapping):
        return None
    n_prompt, n_reply = reported.get("prompt_tokens"), reported.get("completion_tokens") or 0
    details = reported.get("completion_tokens_details")
    n_thought = details.get("reasoning_tokens") if isinstance(details, Mapping) else None
    return counted(n_prompt, n_reply, n_thought)


def counted(n_prompt: object, n_reply: object, n_thought: object = None) -> Usage | None:
    """Return counts of tokens; None where they are none. 0 thoughts are as good as not counted."""
    prompt, reply, thought = map(_count, (n_prompt, n_reply, n_thought))
    if not prompt or reply is None:
        return None
    return Usage(prompt_tokens=prompt, completion_tokens=reply, thinking_tokens=thought or None)


def _count(n_tokens: object) -> int | None:
    if isinstance(n_tokens, bool) or not isinstance(n_tokens, int | float):
        return None
    return int(n_tokens) if 0 <= n_tokens < MOST_TOKENS else None
