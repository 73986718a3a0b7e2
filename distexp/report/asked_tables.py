"""Tables of what was asked and what came back, word for word: behind every score is a reply."""

import json
from collections.abc import Iterable, Sequence
from math import exp
from typing import TYPE_CHECKING

from distexp.asking.answers import Reply
from distexp.request import Message, Response, whole_text
from distexp.types import Reading, Study

if TYPE_CHECKING:
    import polars as pl

N_ALTERNATIVES = 8
"""Of the first token, the likeliest ones are kept."""


def replies_schema() -> "dict[str, pl.DataType | type[pl.DataType]]":
    """Return the columns of `replies.parquet`: a row a case and prompt about it.

    `messages` is JSON, a list of `role` and `content`; `alternatives` too, a list of tokens and
    their probabilities at the first place. `read` has a share an option, null where the reply
    did not say. Equal prompts about several groups are one request, and have one `key`.
    """
    import polars as pl

    return {
        "prompt": pl.String,
        "question_id": pl.String,
        "attribute": pl.String,
        "group": pl.String,
        "draw": pl.Int64,
        "option_order": pl.String,
        "key": pl.String,
        "status": pl.String,
        "reason": pl.String,
        "read": pl.List(pl.Float64),
        "mass": pl.Float64,
        "messages": pl.String,
        "text": pl.String,
        "thought": pl.String,
        "alternatives": pl.String,
        "finish_reason": pl.String,
        "provider_model": pl.String,
    }


def questions_schema() -> "dict[str, type[pl.DataType]]":
    """Return the columns of `questions.parquet`: a row a question."""
    import polars as pl

    names = ("dataset", "question_id", "question", "battery", "wording", "kind")
    return dict.fromkeys(names, pl.String)


def replies(given: Sequence[Reply]) -> "pl.DataFrame":
    """Lay out prompts and replies; texts that UTF-8 cannot hold have U+FFFD in their place."""
    import polars as pl

    laid: dict[str, tuple[str | None, ...]] = {}
    messages: dict[tuple[Message, ...], str] = {}
    orders: dict[tuple[int, ...], str] = {}
    rows = []
    for one in given:
        if one.messages not in messages:
            messages[one.messages] = _messages(one.messages)
        if one.option_order not in orders:
            orders[one.option_order] = " ".join(map(str, one.option_order))
        if one.key not in laid:
            laid[one.key] = _response(one.response)
        text, *rest = laid[one.key]
        rows.append(
            (
                *(one.prompt, one.case.question.question_id),
                *(one.case.group.attribute, one.case.group.value, one.draw),
                *(orders[one.option_order], one.key, one.status, one.reason),
                *_read(one),
                *(messages[one.messages], text, *rest),
            )
        )
    return pl.DataFrame(rows, schema=replies_schema(), orient="row")


def questions(studies: Iterable[Study]) -> "pl.DataFrame":
    """Lay out the questions of studies, each once: `dataset=runs` and pages read them back."""
    import polars as pl

    different = dict.fromkeys(
        (study.condition.dataset, case.question) for study in studies for case in study.cases
    )
    rows = [
        (dataset, q.question_id, q.text, q.battery, q.wording, q.kind) for dataset, q in different
    ]
    return pl.DataFrame(rows, schema=questions_schema(), orient="row")


def _messages(messages: Sequence[Message]) -> str:
    said = [{"role": one.role, "content": whole_text(one.content)} for one in messages]
    return json.dumps(said, ensure_ascii=False)


def _response(response: Response) -> tuple[str | None, ...]:
    thought = response.thought
    return (
        whole_text(response.text),
        None if thought is None else whole_text(thought),
        _alternatives(response),
        response.finish_reason,
        response.provider_model,
    )


def _alternatives(response: Response) -> str | None:
    if not response.top_logprobs:
        return None
    likeliest = sorted(response.top_logprobs[0], key=lambda one: -one[1])[:N_ALTERNATIVES]
    return json.dumps(
        [[whole_text(token), round(exp(min(p, 0.0)), 4)] for token, p in likeliest],
        ensure_ascii=False,
    )


def _read(one: Reply) -> tuple[list[float | None] | None, float | None]:
    if one.read is None:
        return None, None
    if isinstance(one.read, Reading):
        return list(one.read.distribution.probabilities), one.read.mass
    return list(one.read.shares), None
