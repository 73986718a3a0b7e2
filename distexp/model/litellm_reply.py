"""What comes back from litellm, as records: replies and failures."""

import re
from collections.abc import Mapping
from typing import Any

from distexp.errors import ModelError
from distexp.model.http.failures import Failures
from distexp.model.http.reply import (
    BROKEN_OFF,
    UNUSABLE,
    TopLogprobs,
    counted,
    joined,
    make_response,
    missing_logprobs,
    said_name,
)
from distexp.model.verdicts import retry_info_s, status_within
from distexp.request import Request, whole_text
from distexp.types import REFUSED, Response, Usage

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
    ModelError
        If log-probabilities were asked for and are missing.
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
    content = choice.message.content or ""
    text = joined(content) if isinstance(content, list) else content
    reason = choice.finish_reason
    return make_response(
        text=whole_text(failures.secrets.struck(text)),
        finish_reason=reason if isinstance(reason, str) and reason != REFUSED else "stop",
        usage=_usage(getattr(raw, "usage", None)),
        top_logprobs=_top_logprobs(choice, failures) if request.body.get("logprobs") else None,
        price=price,
        provider_model=said_name(raw.model, failures),
        system_fingerprint=said_name(getattr(raw, "system_fingerprint", None), failures),
    )


def _usage(reported: Any) -> Usage | None:
    """Return the tokens. litellm says 0 where the server does not count; no prompt has none."""
    if not reported or not reported.prompt_tokens:
        return None
    return counted(reported.prompt_tokens, reported.completion_tokens)


def _top_logprobs(choice: Any, failures: Failures) -> TopLogprobs:
    content = getattr(getattr(choice, "logprobs", None), "content", None)
    if not content or not all(token.top_logprobs for token in content):
        raise missing_logprobs(failures.name)
    return tuple(
        tuple((top.token, float(top.logprob)) for top in token.top_logprobs) for token in content
    )
