import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from distexp.cache import Record
from distexp.errors import CacheError
from distexp.request import Response
from tests.cache.answers import FULL_RESPONSE, VERSIONS, Opener, ask, sql


@pytest.mark.parametrize(
    "response", [FULL_RESPONSE, Response(text="", finish_reason=None)], ids=["full", "bare"]
)
def test_a_record_survives_json_exactly(response: Response) -> None:
    """Floats, tuples, nulls and odd text come back as they were, and so does the text."""
    record = Record(
        request=ask(text='"quoted", {"é": 1}').document,
        response=response,
        created="2026-01-02T03:04:05.678+00:00",
        latency_s=0.1 + 0.7,
        attempts=2,
        versions=VERSIONS,
        generation=3,
    )

    text = record.to_json()

    assert Record.from_json(text) == record
    assert Record.from_json(text).to_json() == text


def test_a_record_holds_what_was_passed_and_nothing_else(
    folder: Path, opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Question and answer lie side by side in plain JSON; no key of the environment joins them."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-do-not-store-me")

    record = opened().put(
        ask(), FULL_RESPONSE, latency_s=1.25, attempts=2, versions={"distexp": "0.1.0"}
    )

    [(text,)] = sql(folder, "SELECT value FROM Cache")
    assert json.loads(text) == {
        "request": {
            "schema": 1,
            "provider": "openai",
            "model": "gpt-4o-mini",
            "endpoint": None,
            "body": {"messages": [{"role": "user", "content": "How much? 0"}]},
            "draw": 0,
            "salt": None,
        },
        "response": {
            "text": "Ünwilling \ud83d to say",
            "finish_reason": "stop",
            "usage": {"prompt_tokens": 11, "completion_tokens": 7},
            "top_logprobs": [[["A", -0.1], [" B", -2.302585092994046], ["", None]], []],
            "cost_usd": 0.30000000000000004,
            "price_usd_per_token": [1.5e-07, 6e-07],
            "provider_model": "gpt-4o-mini-2024-07-18",
            "system_fingerprint": "fp_1",
        },
        "created": record.created,
        "latency_s": 1.25,
        "attempts": 2,
        "versions": {"distexp": "0.1.0"},
        "generation": 0,
    }
    assert not any(b"sk-do-not" in path.read_bytes() for path in folder.iterdir())


def test_a_number_that_json_has_not_is_refused(opened: Opener) -> None:
    """NaN is an error when it is stored, not when it is read, and it stores nothing."""
    response = replace(FULL_RESPONSE, cost_usd=math.nan)

    with pytest.raises(CacheError, match=ask().key):
        opened().put(ask(), response, latency_s=1, attempts=1, versions={})

    assert not opened().known([ask()])
