"""What a server means when it answers no: a row of the table a test, in words found in public."""

from typing import Any

import pytest

from distexp.errors import ModelError, RefusedPromptError, ThrottledError, TransientModelError
from distexp.model.http.failures import Failures
from distexp.model.http.reply import read_reply
from distexp.model.http.secrets import Secrets
from distexp.model.http.verdicts import TABLE, Verdict, asked_in_words_s, error_within, verdict
from distexp.request import Request

REQUEST = Request(provider="openai", model="m", endpoint=None, body={})
SAID = [
    # status, words, what it means, row of the table that says so
    (429, "Request too large for gpt-4o on tokens per min (TPM): Limit 30000", "PROMPT", 0),
    (413, "Request too large for model `llama` on tokens per minute (TPM)", "PROMPT", 0),
    (401, "Incorrect API key provided", "MODEL", 1),
    (400, "API key not valid. Please pass a valid API key.", "MODEL", 1),
    (400, "The model `gpt-9` does not exist or you do not have access to it", "MODEL", 1),
    (403, "Your account was suspended: it violates our usage policies", "MODEL", 1),
    (404, "model 'llama9' not found, try pulling it first", "MODEL", 1),
    (400, "Unsupported parameter: 'max_tokens' is not supported with this model", "OURS", 2),
    (
        400,
        "max_tokens is too large: 99999. It supports at most 16384 completion tokens",
        "OURS",
        2,
    ),
    (422, "Extra inputs are not permitted", "OURS", 2),
    (403, "You are not allowed to request logprobs from this model", "OURS", 2),
    (400, "The response was filtered by Azure's content management policy", "PROMPT", 3),
    (400, "content_filter", "PROMPT", 3),
    (400, "Output data may contain inappropriate content. data_inspection_failed", "PROMPT", 3),
    (403, "Your input was flagged by the moderation endpoint", "PROMPT", 3),
    (None, "blockReason: PROHIBITED_CONTENT", "PROMPT", 3),
    (400, "This model's maximum context length is 8192 tokens", "PROMPT", 4),
    (500, "the request exceeds the available context size", "PROMPT", 4),
    (400, "prompt is too long: 210000 tokens > 200000 maximum", "PROMPT", 4),
    (429, "You exceeded your current quota, please check your plan", "QUOTA", 5),
    (400, "Your credit balance is too low to access the API", "QUOTA", 5),
    (403, "余额不足", "QUOTA", 5),
    (429, "Quota exceeded for requests per minute per model", "WAIT", 5),
    (429, "You exceeded your current quota. GenerateRequestsPerMinutePerProject", "WAIT", 5),
    (400, "Rate limit reached", "WAIT", 6),
    (403, "userRateLimitExceeded", "WAIT", 6),
    (500, "The engine is currently overloaded, please try again later", "WAIT", 6),
    (None, "rate_limit_exceeded", "WAIT", 6),
    (429, "", "WAIT", 7),
    (503, "Service Unavailable", "WAIT", 7),
    (529, "", "WAIT", 7),
    (401, "", "MODEL", 8),
    (403, "Forbidden", "MODEL", 8),
    (404, "404 page not found", "MODEL", 8),
    (402, "Requires money", "QUOTA", 9),
    (413, "Payload", "PROMPT", 10),
    (405, "Method Not Allowed", "OURS", 11),
    (307, "", "OURS", 11),
    (500, "Internal error", "AGAIN", 12),
    (408, "", "AGAIN", 12),
    (520, "", "AGAIN", 12),
    (503, "guardrail timed out", "WAIT", 7),
    (400, "Bad request", "UNSURE", 13),
    (422, "value is not a valid string", "UNSURE", 13),
    (None, "Something", "AGAIN", 14),
]


@pytest.mark.parametrize(("status", "said", "means", "row"), SAID)
def test_words_and_statuses_mean_what_the_table_says(
    status: int | None, said: str, means: str, row: int
) -> None:
    """The first row that fits decides; a quota that comes back by itself is a rate limit."""
    assert verdict(status, said) is Verdict[means]
    assert TABLE[row].verdict is Verdict[means] or means == "WAIT"


def test_every_row_of_the_table_has_its_test() -> None:
    """A row that nobody tries says nothing."""
    assert {row for *_, row in SAID} == set(range(len(TABLE)))


def test_quota_with_a_time_to_come_again_is_a_rate_limit() -> None:
    """In a header, in details, or in words; without one it is final."""
    said = "You exceeded your current quota."
    failures = Failures("m")

    for error in (
        failures.refused(429, said, {"retry-after": "20"}),
        failures.refused(429, said, {}, asked_s=20.0),
        failures.refused(429, f"{said} Please retry in 20s."),
    ):
        assert isinstance(error, ThrottledError)
        assert error.retry_after_s == 20.0
    assert type(failures.refused(429, said)) is ModelError


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("Please retry in 20.5s.", 20.5),
        ("Please try again in 6ms.", 0.006),
        ("try again in 1m30.5s", 90.5),
        ("Please retry after 10 seconds.", 10.0),
        ("wait 2 minutes", 120.0),
        ("available again in 1 hour", 3600.0),
        ("Limit 30000, Requested 40000. Visit https://x/rate-limits", None),
        ("retry " * 10_000, None),
        ("again " + "9" * 4000 + "s", None),
    ],
)
def test_time_to_come_again_is_read_from_words(said: str, seconds: float | None) -> None:
    """With its unit."""
    assert asked_in_words_s(said) == seconds


CHOICE = {"index": 0, "message": {"role": "assistant", "content": ""}, "finish_reason": "error"}


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        ({"error": {"code": 429, "message": "x"}}, ThrottledError),
        ({"error": {"code": "429", "message": "x"}}, ThrottledError),
        ({"error": {"code": "429 Too Many Requests", "message": "x"}}, ThrottledError),
        ({"error": {"code": "rate_limit_exceeded", "message": "x"}}, ThrottledError),
        ({"error": {"status": "RESOURCE_EXHAUSTED", "message": "x"}}, ThrottledError),
        ({"error": {"message": "Error code: 429 - {...}"}}, ThrottledError),
        ({"error": "Too many requests"}, ThrottledError),
        ([{"error": {"code": 429, "message": "x"}}], ThrottledError),
        ({"object": "error", "message": "x", "code": 503}, ThrottledError),
        ({"base_resp": {"status_code": 1002, "status_msg": "rate limit"}}, ThrottledError),
        ({"error": {"code": 502, "message": "x"}}, TransientModelError),
        ({"error": {"message": "Something"}}, TransientModelError),
        ({"choices": [{**CHOICE, "error": {"code": 502, "message": "x"}}]}, TransientModelError),
        ({"choices": [CHOICE]}, TransientModelError),
        ({"choices": [{**CHOICE, "error": {"code": 429, "message": "x"}}]}, ThrottledError),
        ({"error": {"code": "content_filter", "message": "x"}}, RefusedPromptError),
        ({"error": {"code": 400, "message": "x"}}, RefusedPromptError),
        ({"error": {"code": 401, "message": "x"}}, ModelError),
        ({"error": {"code": "401", "message": "x"}}, ModelError),
        ({"error": {"code": "invalid_api_key", "message": "x"}}, ModelError),
        ({"detail": "Unauthorized"}, ModelError),
        ({"errors": [{"message": "no such model"}]}, ModelError),
        (
            {"error": {"message": "Provider", "metadata": {"raw": "rate-limited upstream"}}},
            ThrottledError,
        ),
    ],
)
def test_error_within_a_reply_of_status_200_is_what_it_says(
    reply: Any, kind: type[ModelError]
) -> None:
    """Whether its code is a number, a text or a word, and wherever it stands."""
    with pytest.raises(ModelError) as raised:
        read_reply(reply, REQUEST, Failures("m"), price=None)

    assert type(raised.value) is kind or (
        kind is TransientModelError and isinstance(raised.value, kind)
    )


def test_retry_info_of_google_is_read() -> None:
    """It stands in the details of the error."""
    details = [{"@type": "x"}, {"@type": "RetryInfo", "retryDelay": "17s"}]

    found = error_within({"error": {"code": 429, "message": "quota", "details": details}})

    assert found == ("quota 429", 17.0, 429)


@pytest.mark.parametrize(
    "content",
    [
        [{"type": "text", "text": "A: 20, "}, {"type": "text", "text": "B: 80"}],
        ["A: 20, ", "B: 80"],
        [{"type": "thinking", "thinking": []}, {"type": "text", "text": "A: 20, B: 80"}],
        [{"text": "A: 20, "}, {"type": "reference", "id": 3}, {"text": "B: 80"}],
    ],
)
def test_content_in_parts_is_joined(content: list[Any]) -> None:
    """What is no text of the answer is left out."""
    reply = {"choices": [{"message": {"content": content}, "finish_reason": "stop"}]}

    assert read_reply(reply, REQUEST, Failures("m"), price=None).text == "A: 20, B: 80"


KEY = 'sk-marker/"0123+456é789'


@pytest.mark.parametrize("write", ["{}", "a {} b", "Bearer {},"])
def test_key_is_struck_out_in_every_form(write: str) -> None:
    """As it is, in JSON of any style, in addresses, HTML and Base64, and in a mixture."""
    import base64
    import html
    import json
    from urllib.parse import quote

    secrets = Secrets([KEY])
    by_number = "".join(f"\\u{ord(sign):04X}" for sign in KEY)
    forms = [
        *(KEY, json.dumps(KEY), json.dumps(KEY, ensure_ascii=False), json.dumps(json.dumps(KEY))),
        *(KEY.replace("/", r"\/"), KEY.replace("+", r"\u002B"), KEY.replace("+", r"\u002b")),
        *(quote(KEY), quote(KEY, safe=""), quote(KEY).lower(), by_number, html.escape(KEY)),
        *(base64.b64encode(b"user:"[:n] + KEY.encode() + b"!").decode() for n in range(5)),
        base64.urlsafe_b64encode(KEY.encode()).decode(),
    ]

    for form in forms:
        text = write.format(form)
        assert "[key]" in secrets.struck(text), form
        assert "123" not in secrets.struck(text)
        assert secrets.within(text.encode()), form
    assert not secrets.within(b"sk-marker and 0123+456")
