"""What comes back from litellm, as records: replies and failures."""

from collections.abc import Mapping
from typing import Any

from distexp.errors import ModelError
from distexp.model.http.failures import Failures
from distexp.model.http.reply import TopLogprobs, make_response, missing_logprobs
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
    ModelError
        If log-probabilities were asked for and are missing.
    """
    if not raw.choices:
        raise failures.broken("a reply without choices.")
    choice = raw.choices[0]
    struck = failures.secrets.struck
    fingerprint = getattr(raw, "system_fingerprint", None)
    return make_response(
        text=struck(choice.message.content or ""),
        finish_reason=choice.finish_reason,
        usage=_usage(getattr(raw, "usage", None)),
        top_logprobs=_top_logprobs(choice, failures) if request.body.get("logprobs") else None,
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


def _top_logprobs(choice: Any, failures: Failures) -> TopLogprobs:
    content = getattr(getattr(choice, "logprobs", None), "content", None)
    if not content or not all(token.top_logprobs for token in content):
        raise missing_logprobs(failures.name)
    return tuple(
        tuple((top.token, float(top.logprob)) for top in token.top_logprobs) for token in content
    )
