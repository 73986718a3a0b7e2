"""What came of cases on its way between processes: plain values, made into the objects again."""

import marshal
from collections.abc import Iterable, Sequence
from dataclasses import fields
from operator import attrgetter
from typing import Any

from distexp.asking.answers import Reply, Unreadable
from distexp.asking.hearing import Heard
from distexp.asking.observing import Drawn
from distexp.request import Message, Response, Usage
from distexp.types import Case, Distribution, Estimate, Reading, Shares

Place = tuple[str, Case]
"""A prompt style and a case."""
Known = dict[tuple[int, float | None], Reading]
"""Readings of one part by the identity of their probabilities: equal replies share them."""

_UNREADABLE = [field.name for field in fields(Unreadable)]
_OF_UNREADABLE = attrgetter(*_UNREADABLE)
_RESPONSE = [field.name for field in fields(Response) if field.name != "usage"]
_OF_RESPONSE = attrgetter(*_RESPONSE)


def packed(heard: Sequence[Heard | None]) -> bytes:
    """Return what came of some places as bytes, for another process of the same program."""
    return marshal.dumps([None if one is None else _row(one) for one in heard])


def unpacked(data: bytes, places: Iterable[Place]) -> list[Heard | None]:
    """Return what was packed, given the same places."""
    rows, known = marshal.loads(data), Known()
    return [
        None if row is None else _heard(row, *place, known)
        for row, place in zip(rows, places, strict=True)
    ]


def _row(one: Heard) -> tuple[Any, ...]:
    estimate, replies, unreadable, drawn = one
    alone = len(replies) == 1 and estimate.reading is replies[0].read
    return (
        [_reply_row(reply) for reply in replies],
        alone or _read_row(estimate.reading),
        estimate.n_replies,
        estimate.n_unreadable,
        estimate.n_refused,
        [_OF_UNREADABLE(lost) for lost in unreadable],
        drawn and tuple(drawn),
    )


def _heard(row: tuple[Any, ...], style: str, case: Case, known: Known) -> Heard:
    reply_rows, read, n_replies, n_unreadable, n_refused, lost, drawn = row
    replies = tuple([_reply(of_one, style, case, known) for of_one in reply_rows])
    estimate = Estimate(
        reading=replies[0].read if read is True else _read(read, known),  # type: ignore[arg-type]
        n_replies=n_replies,
        n_unreadable=n_unreadable,
        n_refused=n_refused,
    )
    unreadable = [Unreadable(**dict(zip(_UNREADABLE, one, strict=True))) for one in lost]
    return Heard(estimate, replies, tuple(unreadable), drawn and Drawn(*drawn))


def _reply_row(reply: Reply) -> tuple[Any, ...]:
    _, _, draw, option_order, messages, key, model, response, read, reason = reply
    usage = response.usage
    return (
        *(draw, option_order, [(message.role, message.content) for message in messages]),
        *(key, model, _OF_RESPONSE(response)),
        usage and (usage.prompt_tokens, usage.completion_tokens, usage.thinking_tokens),
        *(_read_row(read), reason),
    )


def _reply(row: tuple[Any, ...], style: str, case: Case, known: Known) -> Reply:
    draw, order, messages, key, model, said, counts, read, reason = row
    return Reply(
        style,
        case,
        draw,
        order,
        tuple([Message(role=role, content=content) for role, content in messages]),
        key,
        model,
        _response(*said, usage=counts and _usage(*counts)),
        _read(read, known),
        reason,
    )


def _response(
    text: str,
    finish_reason: str | None,
    top_logprobs: Any,
    cost_usd: float | None,
    price: tuple[float, float] | None,
    provider_model: str | None,
    system_fingerprint: str | None,
    thought: str | None,
    tokens: tuple[str, ...] | None,
    *,
    usage: Usage | None,
) -> Response:
    return Response(
        text=text,
        finish_reason=finish_reason,
        usage=usage,
        top_logprobs=top_logprobs,
        cost_usd=cost_usd,
        price_usd_per_token=price,
        provider_model=provider_model,
        system_fingerprint=system_fingerprint,
        thought=thought,
        tokens=tokens,
    )


def _usage(prompt_tokens: int, completion_tokens: int, thinking_tokens: int | None) -> Usage:
    return Usage(
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
        thinking_tokens=thinking_tokens,
    )


def _read_row(read: Reading | Shares | None) -> tuple[Any, ...] | None:
    if isinstance(read, Reading):
        return read.distribution.probabilities, read.mass
    return None if read is None else (read.shares,)


def _read(row: tuple[Any, ...] | None, known: Known) -> Reading | Shares | None:
    if row is None:
        return None
    if len(row) == 1:
        return Shares(shares=row[0])
    probabilities, mass = row
    reading = known.get((id(probabilities), mass))
    if reading is None:
        reading = Reading(distribution=Distribution(probabilities=probabilities), mass=mass)
        known[id(probabilities), mass] = reading
    return reading
