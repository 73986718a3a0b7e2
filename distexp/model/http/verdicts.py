"""What a server means when it answers no: one table, for statuses, codes and words alike."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum


class Verdict(Enum):
    """What follows from a failure."""

    WAIT = "the endpoint gets too many calls: all of them wait, and this one is made again"
    AGAIN = "a fault that may pass: this call is made again"
    PROMPT = "this prompt is refused for good; others are asked"
    UNSURE = "a bad request that gives no reason: the prompt's if others are answered"
    MODEL = "it holds for every prompt: the model is given up"
    QUOTA = "the account is empty: the model is given up"
    OURS = "it is asked in a way that the server does not take: the model is given up"


@dataclass(frozen=True, slots=True)
class Row:
    """One row: what is found first decides."""

    verdict: Verdict
    words: str = ""
    """Pattern of what the server says, in small letters; empty for any words."""
    statuses: frozenset[int | None] = frozenset()
    """Statuses for which the row is meant, None where it is not known; empty for any."""


def _of(*statuses: int) -> frozenset[int | None]:
    return frozenset(statuses)


_FAULTS = frozenset({408, 409, 425, 460, 499, *range(500, 600)}) - {501, 505}

_NO_FAULT = frozenset({None, *range(400, 500)}) - {408, 409, 425, 429}

TABLE = (
    Row(Verdict.PROMPT, r"request (?:is )?too large for"),  # more tokens than a minute may have
    Row(
        Verdict.MODEL,
        r"invalid[_ ](?:api[_ ])?key|incorrect (?:api )?key|api[_ ]key (?:not valid|not found|inv)"
        r"|invalid x-api-key|(?:api[_ ]key|token|credentials?) (?:has |have |is )?expired|expired"
        r"[_ ](?:api[_ ]?key|token|credentials?)|security token"
        r"|unauthori[sz]ed|unauthenticated|authentication[_ ](?:error|failed)"
        r"|(?:account|organi[sz]ation|api key|project)\b.{0,60}(?:deactivated|suspended|disabled"
        r"|banned|terminated|violat)|model[_ ]not[_ ](?:found|exist)|(?:no such|unknown|invalid) "
        r"model|model\b.{0,80}(?:does not exist|not found|not exist|decommissioned|deprecated)"
        r"|deployment\b.{0,60}(?:does not exist|not found)|not a valid model",
    ),
    Row(
        Verdict.OURS,
        r"max_(?:completion_)?tokens\S* (?:is )?(?:too large|exceeds)|at most \d+ completion"
        r"|unsupported[_ ](?:parameter|value|country)|unrecognized request argument"
        r"|unknown (?:field|parameter|argument|name)|extra[_ ](?:inputs|fields|forbidden)"
        r"|top_logprobs|logprobs must|must contain the word|roles? must alternate|only user and "
        r"assistant roles|unexpected keyword|not allowed to (?:sample|request) logprobs"
        r"|(?:does|do) not support|(?:is|are) not supported|not supported (?:by|with|for)",
    ),
    Row(
        Verdict.PROMPT,
        r"content[_ -]?(?:filter|policy|management|moderation|violation|safety)|responsibleai"
        r"|data_?inspection_?failed|inappropriate[_ -]content|prohibited_content|sensitive"
        r"[_ ](?:content|words?)|content exists risk|high[_ ]risk|敏感内容"
        r"|敏感词|违规|不安全|涉及敏感"
        r"|guardrail|moderation|(?:was|were|been|is|are) flagged|flagged (?:as|by"
        r"|for)|safety (?:system|filter|settings|policy|reasons|guidelines)|usage polic|jailbreak"
        r"|blocked by|block_?reason|violates? (?:our|the|openai|usage|content)",
        _NO_FAULT,
    ),
    Row(
        Verdict.PROMPT,
        r"context_length_exceeded|context[_ ](?:length|window|size)|exceed_context_size"
        r"|(?:prompt|input|message|messages)\S* (?:is |are )?too (?:long|large)"
        r"|input token count .{0,20}exceeds|(?:prompt|input) (?:contains|has) .{0,20}tokens"
        r"|inputs\W.{0,60}must (?:have less|be <=)|超长|过长|超过.{0,12}(?:长度|上下文)"
        r"|input_too_long|too many (?:input|prompt) tokens|string_above_max_length"
        r"|reduce the length|max_model_len|maximum (?:input|prompt|sequence) (?:length|tokens)",
    ),
    Row(
        Verdict.QUOTA,
        r"insufficient[_ ](?:user[_ ])?(?:quota|funds|balance|credits?)|credit balance is too low"
        r"|used all available credits|(?:monthly|hard) spending limit"
        r"|exceeded your (?:current|monthly|assigned) (?:quota|usage|budget|spend)"
        r"|out of credits?|quota[_ ](?:exceeded|exhausted)|exceeded.{0,40} quota|more credits"
        r"|billing[_ ](?:hard[_ ]limit|not[_ ]active)|payment required|arrears"
        r"|balance (?:is )?(?:insufficient|not enough)|余额不足|欠费",
    ),
    Row(
        Verdict.WAIT,
        r"rate[_ -]?limit|too[_ ]many[_ ](?:requests|connections)|throttl|resource[_ ]exhaust"
        r"|overloaded|over capacity|at capacity|slow[_ ]down|(?:requests|tokens) per (?:min|sec"
        r"|hour|day)|\b[rt]p[smd]\b|concurren(?:t|cy)[_ ](?:request|limit|call)"
        r"|server (?:is )?busy|queue (?:is )?full|速率限制|请求频率"
        r"|频率限制|请求过多|并发|限流|负载|访问量过大",
    ),
    Row(Verdict.WAIT, statuses=_of(429, 498, 503, 529)),
    Row(Verdict.MODEL, statuses=_of(401, 403, 404, 410, 451)),
    Row(Verdict.QUOTA, statuses=_of(402)),
    Row(Verdict.PROMPT, statuses=_of(413)),
    Row(Verdict.OURS, statuses=_of(405, 406, 411, 415, 501, 505, *range(300, 400))),
    Row(Verdict.AGAIN, statuses=_FAULTS),
    Row(
        Verdict.AGAIN,
        r"timed?[_ -]?out|model (?:is |has )?(?:not|still|being) ?(?:loaded|loading)"
        r"|is (?:currently |being |still )?load(?:ed|ing)",
    ),
    Row(Verdict.UNSURE, statuses=frozenset(range(400, 500))),
    Row(Verdict.AGAIN),
)
"""Read from the top. A quota that comes back by itself is a rate limit: see `verdict`."""

PASSING_QUOTA = re.compile(
    r"per[_ -]?(?:minute|second|min|sec|hour)|/ ?(?:min|sec)|\b[rt]p[ms]\b|rate[_ -]?limit"
)
_STATUS = re.compile(
    r"^\s*\(?([345]\d\d)\b|(?:http|status|code|error)(?: (?:status|code))*\W{0,3}([345]\d\d)\b"
)
LONGEST_SAID = 4000
"""Characters of what a server says that are looked at."""
_WORDS = tuple(re.compile(row.words) if row.words else None for row in TABLE)
_IN_WORDS = re.compile(
    r"(?:retry|again|wait|available|reset)\D{0,24}?(?:(\d{1,4})m)?(\d{1,9}(?:\.\d{1,9})?) ?"
    r"(ms|milliseconds?|s|secs?|seconds?|m|mins?|minutes?|h|hours?)\b"
)
_SECONDS = {"ms": 1e-3, "m": 60.0, "h": 3600.0, "s": 1.0}


def verdict(status: int | None, said: str, *, retry: bool = False) -> Verdict:
    """Return what a failure means.

    Parameters
    ----------
    status : int or None
        HTTP status, or the number of the kind that a reply of status 200 gives in its body.
    said : str
        All that the server says: message, code and type.
    retry : bool
        Whether it says when to come again.
    """
    words = said[:LONGEST_SAID].lower()
    for row, pattern in zip(TABLE, _WORDS, strict=True):
        if row.statuses and status not in row.statuses:
            continue
        if pattern is not None and not pattern.search(words):
            continue
        if row.verdict is Verdict.QUOTA and (retry or PASSING_QUOTA.search(words)):
            return Verdict.WAIT
        return row.verdict
    raise AssertionError(TABLE)


def asked_in_words_s(said: str) -> float | None:
    """Return how long a text asks to be left alone, in seconds; None if it does not."""
    found = _IN_WORDS.search(said[:LONGEST_SAID].lower())
    if found is None:
        return None
    minutes, number, unit = found.groups()
    unit = "ms" if unit.startswith(("ms", "milli")) else unit[0]
    return 60.0 * float(minutes or 0.0) + float(number) * _SECONDS[unit]


def retry_info_s(error: Mapping[str, object]) -> float | None:
    """Return what the details of an error of Google's ask for, in seconds: RetryInfo."""
    details = error.get("details")
    for detail in details if isinstance(details, list) else ():
        delay = detail.get("retryDelay") if isinstance(detail, Mapping) else None
        if isinstance(delay, str) and (found := re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)s", delay)):
            return float(found[1])
    return None


def error_within(reply: object) -> tuple[str, float | None, int | None] | None:
    """Find the error that a reply holds in place of an answer, in the forms that gateways use.

    Returns
    -------
    str, float or None, int or None
        All that it says, how long it asks to be left alone in seconds, and the status it names.
        None where there is no error.
    """
    if isinstance(reply, list):  # Google's streaming form
        return next(filter(None, map(error_within, reply[:1])), None)
    if not isinstance(reply, Mapping):
        return None
    error = reply.get("error") or reply.get("errors") or _bare(reply)
    if isinstance(error, list) and error:
        error = error[0]
    if not error:
        return None
    if not isinstance(error, Mapping):
        return str(error)[:LONGEST_SAID], None, status_within(error)
    inner = error.get("metadata")
    raw = inner.get("raw") if isinstance(inner, Mapping) else None
    told = [error.get(name) for name in ("message", "msg", "code", "type", "status")]
    said = [str(part) for part in (*told, raw) if part]
    if not said and reply.get("choices"):
        return None  # a form that is filled in with nothing
    status = status_within(error) or status_within({"code": reply.get("code")})
    return " ".join(said or [str(error)])[:LONGEST_SAID], retry_info_s(error), status


def _bare(reply: Mapping[object, object]) -> object:
    """Return the error of a reply that is one itself; None for any that has choices."""
    if reply.get("choices"):
        return None
    if reply.get("object") == "error" or {"message", "code"} <= reply.keys():
        return reply
    base = reply.get("base_resp")
    if isinstance(base, Mapping) and base.get("status_code"):
        return {"code": base["status_code"], "message": base.get("status_msg")}
    return reply.get("detail") or reply.get("message") or reply.get("error_msg")


def status_within(error: object) -> int | None:
    """Return the HTTP status that an error within a reply names, as number or text; else None."""
    if isinstance(error, Mapping):
        for name in ("code", "status", "status_code", "statusCode", "http_status", "error_code"):
            if (status := status_within(error.get(name))) is not None:
                return status
        return status_within(error.get("message"))
    if isinstance(error, int | float) and not isinstance(error, bool):
        return int(error) if 300 <= error < 600 and error == int(error) else None
    if isinstance(error, str) and (found := _STATUS.search(error[:LONGEST_SAID].lower())):
        return int(found[1] or found[2])
    return None
