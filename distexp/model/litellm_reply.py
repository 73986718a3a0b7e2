"""What comes back from litellm, as records: replies and failures."""

from collections.abc import Mapping
from typing import Any

from distexp.errors import ModelError
from distexp.model.http.failures import Failures
from distexp.model.http.reply import make_response
from distexp.model.reply_parts import content_of, logprobs_of
from distexp.request import Request
from distexp.types import Response, Usage


def translated_error(exc: Any, failures: Failures) -> ModelError:
    """Turn an exception of litellm into ours: a passing one, or one that is final."""
    reason = str(exc)
    if "Connection error" in reason or "Cannot connect" in reason:
        return failures.unreachable(reason)
    body = getattr(exc, "body", None)
    if isinstance(body, Mapping):  # the message alone may not tell a quota from a rate limit
        reason += " ".join(f" {body[name]}" for name in ("code", "type") if body.get(name))
    # Its own response has no headers: litellm makes it up.
    headers = getattr(exc, "litellm_response_headers", None)
    return failures.refused(getattr(exc, "status_code", None), reason, headers)


def read_response(
    raw: Any, request: Request, failures: Failures, price: tuple[float, float] | None
) -> Response:
    """Turn litellm's object into a record.

    Raises
    ------
    TransientModelError
        If the reply holds no answer.
    """
    if not raw.choices:
        raise failures.broken("a reply without choices.")
    choice = raw.choices[0]
    struck = failures.secrets.struck
    text, thought = content_of(_message(choice))
    asked = request.body.get("logprobs")
    top_logprobs, tokens = logprobs_of(_plain(choice)) if asked else (None, None)
    fingerprint = getattr(raw, "system_fingerprint", None)
    return make_response(
        text=struck(text),
        thought=thought and struck(thought),
        finish_reason=choice.finish_reason,
        usage=_usage(getattr(raw, "usage", None)),
        top_logprobs=top_logprobs,
        tokens=tokens,
        price=price,
        provider_model=raw.model and struck(raw.model),
        system_fingerprint=fingerprint and struck(fingerprint),
    )


def _usage(reported: Any) -> Usage | None:
    """Return the tokens. litellm says 0 where the server does not count; no prompt has none."""
    if not reported or not reported.prompt_tokens:
        return None
    return Usage(
        prompt_tokens=reported.prompt_tokens, completion_tokens=reported.completion_tokens
    )


def _message(choice: Any) -> dict[str, Any]:
    """Return the parts of a message that litellm has split already."""
    message = choice.message
    return {
        "content": message.content,
        "reasoning_content": getattr(message, "reasoning_content", None),
    }


def _plain(choice: Any) -> dict[str, Any]:
    """Return the log-probabilities as plain lists and mappings."""
    given = getattr(choice, "logprobs", None)
    return {"logprobs": given.model_dump() if hasattr(given, "model_dump") else given}
