"""A good server beside a hostile one keeps all its answers, and what is stored can be read."""

import json
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distexp.asking.backoff import Backoff
from distexp.asking.progress import Progress
from distexp.asking.schedule import Schedule
from distexp.cache import ResponseCache
from distexp.cache.audit.verifying import verify
from distexp.cache.base import Cache
from distexp.cache.disk.reader import Reader
from distexp.errors import ModelError
from distexp.model.http.failures import Failures
from distexp.model.http.reply import read_reply
from distexp.protocols import Model
from distexp.request import Message, Prompt, Request, Response
from distexp.sharing.archive import export
from tests.conftest import OpenAIServer, chat
from tests.faults.client import model_at
from tests.faults.hostile import MODES, ODD, PLACES, changed, hostile

QUICK = Backoff(first_s=0.001, longest_s=0.01, give_up_s=0.05)
N_GOOD, N_BAD = 16, 3
AT_ONCE = 40
"""Modes beside one good server in one run."""


def asked(model: Model, n: int) -> list[tuple[Model, Request]]:
    """Ask for log-probabilities, a different question each time."""
    return [
        (
            model,
            model.request(
                Prompt(
                    messages=(Message(role="user", content=f"question {number}"),),
                    option_order=(0, 1),
                    max_tokens=9,
                    top_logprobs=2,
                )
            ),
        )
        for number in range(n)
    ]


def test_there_are_as_many_modes_as_were_asked_for() -> None:
    """Of statuses, bodies, values in every place, and of what is wrong as HTTP."""
    assert len(MODES) >= 143


@pytest.mark.parametrize("first", range(0, len(MODES), AT_ONCE))
def test_good_server_beside_hostile_ones_keeps_all_its_answers(
    openai_server: OpenAIServer, tmp_path: Path, first: int
) -> None:
    """Their calls fail with their reasons, or are answered with what can be stored."""
    modes = list(MODES)[first : first + AT_ONCE]
    good = model_at(openai_server.url, name="good")
    schedule = Schedule(ResponseCache(tmp_path / "cache"), backoff=QUICK)
    with ExitStack() as stack:
        bad = [
            model_at(
                stack.enter_context(hostile(mode)),
                **{"name": mode, "max_retries": 1, "max_concurrency": 1, "timeout_s": 0.5},
            )
            for mode in modes
        ]
        calls = [call for model in bad for call in asked(model, N_BAD)] + asked(good, N_GOOD)

        outcome = schedule.run(calls, Progress("asking", total=len(calls), shown=False))

    kept = {request.key for _, request in asked(good, N_GOOD)}
    assert outcome.stopped is None
    assert kept <= outcome.responses.keys()
    assert all(failed is not good and " " in str(exc) for failed, exc in outcome.failures)
    stored = ResponseCache(tmp_path / "cache", "replay").get_many([one for _, one in calls])
    assert kept <= stored.keys()
    assert all(stored[key].response == outcome.responses[key] for key in stored)
    n_rows, faults = verify(Reader(tmp_path / "cache"))
    assert (n_rows, faults) == (len(stored), [])
    assert export(tmp_path / "cache", None, tmp_path / "archive.zip") == len(stored)


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(st.characters(exclude_categories=()), max_size=20)
    | st.sampled_from(list(ODD.values())),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["text", "type", "error", "code", "message", "content", "x"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)


@settings(max_examples=300)
@given(place=st.sampled_from(list(PLACES.values())), value=values, logprobs=st.booleans())
def test_whatever_a_reply_holds_it_is_an_answer_or_an_error_of_its_call(
    place: tuple[str | int, ...], value: object, logprobs: bool
) -> None:
    """And an answer is one that can be stored and read back, and written anywhere as UTF-8."""
    reply = json.loads(changed(place, value))
    body: dict[str, object] = {"messages": [], "logprobs": True} if logprobs else {}
    request = Request(provider="openai", model="m", endpoint=None, body=body)  # type: ignore[arg-type]

    try:
        response = read_reply(reply, request, Failures("m"), price=(1e-6, 1e-6))
    except ModelError as exc:
        str(exc).encode()
        return

    assert isinstance(response, Response)
    f"{response.text}{response.provider_model}{response.system_fingerprint}".encode()
    assert round_trip(request, response) == response


def round_trip(request: Request, response: Response) -> Response:
    """Store a response in a cache that is never written, and read it back."""
    from distexp.cache.record import Paid, Record

    record = Paid(
        request=request, response=response, latency_s=0.1, attempts=1, versions={"a": "1"}
    ).record("2026-01-01T00:00:00.000+00:00")
    text = Cache._readable(ResponseCache("unused"), record.key, record)
    return Record.from_json(text).response


def test_a_good_reply_is_an_answer() -> None:
    """Else the tests above would say nothing."""
    request = Request(provider="openai", model="m", endpoint=None, body={"logprobs": True})

    response = read_reply(chat({"logprobs": True}), request, Failures("m"), price=None)

    assert response.text == '{"A": 20, "B": 30, "C": 50}'
    assert response.top_logprobs
