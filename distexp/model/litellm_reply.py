"""What comes back from litellm, as records: replies and failures."""

import re
from collections.abc import Mapping
from typing import Any

from distexp.errors import ModelError
from distexp.model.http.failures import Failures
from distexp.model.http.reply import (
    BROKEN_OFF,
    UNUSABLE,
    counted,
    make_response,
    said_name,
)
from distexp.model.http.reply_parts import content_of, logprobs_of
from distexp.model.http.verdicts import retry_info_s, status_within
from distexp.request import REFUSED, Request, Response, Usage, whole_text

NO_ANSWER = ("Invalid response object", "Empty or invalid response", "aw keys: ")
"""What it says of a reply that it cannot make an object of."""
NAMED = {
    "ContextWindowExceededError": " context_length_exceeded",
    "ContentPolicyViolationError": " content_filter",
}
"""What the names of its exceptions say beyond the words of the server."""
_PREFIX = re.compile(r"^(?:litellm\.\w+: )?(?:\w+(?:Error|Exception)(?:: | - ))*")


def translated_error(exc: Any, failures: Failures) -> ModelError:
    """Turn an exception of litellm into ours: a passing one, or one that is final."""
    reason = str(exc)
    if "Connection error" in reason or "Cannot connect" in reason:
        return failures.unreachable(reason)
    if any(sign in reason for sign in NO_ANSWER):
        return failures.unusable(reason)
    kind, status = type(exc).__name__, getattr(exc, "status_code", None)
    said = _PREFIX.sub("", reason)  # the names of its exceptions are no words of the server
    body = getattr(exc, "body", None)
    asked_s = None
    if isinstance(body, Mapping):  # the message alone may not tell a quota from a rate limit
        said += "".join(f" {body[name]}" for name in ("code", "type") if body.get(name))
        asked_s = retry_info_s(body)
    said += NAMED.get(kind, "")
    if "Error in response object" in reason:  # status 422 is litellm's own, not the server's
        return failures.within(None, said, asked_s)
    if not isinstance(status, int):  # the code of an error within a reply, as the server has it
        return failures.within(status_within(status), said, asked_s)
    # Its own response has no headers: litellm makes it up.
    headers = getattr(exc, "litellm_response_headers", None)
    return failures.refused(status, said, headers, asked_s)


def read_response(
    raw: Any, request: Request, failures: Failures, price: tuple[float, float] | None
) -> Response:
    """Turn litellm's object into a record.

    Raises
    ------
    TransientModelError
        If the reply holds no answer.
    """
    try:
        return _read_response(raw, request, failures, price)
    except UNUSABLE as exc:
        raise failures.unusable(f"a reply without an answer, {type(exc).__name__}: {exc}") from exc


def _read_response(
    raw: Any, request: Request, failures: Failures, price: tuple[float, float] | None
) -> Response:
    if not raw.choices:
        raise failures.unusable("a reply without choices.")
    choice = raw.choices[0]
    if choice.finish_reason in BROKEN_OFF:
        raise failures.unusable(f"it ended with {choice.finish_reason!r}.")
    text, thought = content_of(_message(choice))
    asked = request.body.get("logprobs")
    top_logprobs, tokens = logprobs_of(_plain(choice)) if asked else (None, None)
    reason = choice.finish_reason
    return make_response(
        text=whole_text(failures.secrets.struck(text)),
        thought=thought and whole_text(failures.secrets.struck(thought)),
        finish_reason=reason if isinstance(reason, str) and reason != REFUSED else "stop",
        usage=_usage(getattr(raw, "usage", None)),
        top_logprobs=top_logprobs,
        tokens=tokens,
        price=price,
        provider_model=said_name(raw.model, failures),
        system_fingerprint=said_name(getattr(raw, "system_fingerprint", None), failures),
    )


def tier_of(raw: Any) -> object:
    """Return the service tier that a reply says has served it, in the words of its provider."""
    if (tier := getattr(raw, "service_tier", None)) is not None:
        return tier
    hidden = getattr(raw, "_hidden_params", None)
    fields = hidden.get("provider_specific_fields") if isinstance(hidden, Mapping) else None
    return fields.get("traffic_type") if isinstance(fields, Mapping) else None


def _usage(reported: Any) -> Usage | None:
    """Return the tokens. litellm says 0 where the server does not count; no prompt has none."""
    if not reported or not reported.prompt_tokens:
        return None
    details = getattr(reported, "completion_tokens_details", None)
    n_thought = getattr(details, "reasoning_tokens", None)
    return counted(reported.prompt_tokens, reported.completion_tokens, n_thought)


def _message(choice: Any) -> dict[str, Any]:
    """Return the parts of a message that litellm has split already."""
    message = choice.message
    return {
        "content": message.content,
        "reasoning_content": getattr(message, "reasoning_content", None),
    }


def _plain(choice: Any) -> dict[str, Any]:
    """Return the log-probabilities as plain lists and mappings."""
    given: Any = getattr(choice, "logprobs", None)
    return {"logprobs": given.model_dump() if hasattr(given, "model_dump") else given}
