"""What a sweep asks for its jobs, a part at a time."""

import json
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distexp.asking.budget import Budget
from distexp.cache import ResponseCache
from distexp.request import Json, Request
from distexp.sweep import job as job_module
from distexp.sweep import parent
from distexp.sweep.job import Waiting, packed, unpacked
from tests.conftest import OpenAIServer

TEXTS = st.text(st.characters(), max_size=8)
VALUES: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS.filter(lambda text: not any("\ud800" <= c <= "\udfff" for c in text)),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from("bcaéz"), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
MODEL = json.dumps({"_target_": "distexp.model.mock.MockModel", "name": "m"})


def request(number: int) -> Request:
    """Return one of some requests to the mock."""
    body: dict[str, Json] = {
        "messages": [{"role": "user", "content": f"{number}? A. yes B. no"}],
        "max_tokens": 5,
    }
    return Request(provider="mock", model="m", endpoint=None, body=body)


def waiting(
    number: int,
    requests: list[Request],
    *,
    cache: str = "{}",
    model: str = MODEL,
    kept: bool = True,
) -> Waiting:
    """Return a job that waits for the answers to requests."""
    return Waiting(
        number=number,
        packed=packed(requests),
        n_requests=len(requests),
        n_hits=0,
        n_answered=0,
        model=model,
        cache=cache,
        budget=Budget(),
        progress=False,
        is_kept=kept,
    )


@given(st.lists(st.dictionaries(st.sampled_from(["x", "b", "a"]), VALUES), max_size=4))
def test_requests_of_a_job_come_to_the_sweep_as_they_are(bodies: list[dict[str, Json]]) -> None:
    """Same keys, and the same order of fields, which a model may heed."""
    requests = [
        Request(provider="p", model="m", endpoint=None, body=body, draw=n)
        for n, body in enumerate(bodies)
    ]
    again = [one for pack in packed(requests) for one in unpacked(pack)]
    assert [one.key for one in again] == [one.key for one in requests]
    assert [json.dumps(one.body) for one in again] == [json.dumps(one.body) for one in requests]


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(1, 3 * parent.MOST_AT_ONCE)), min_size=1
    )
)
def test_each_part_of_a_sweep_is_limited_and_has_of_all_models(
    jobs: list[tuple[str, int]],
) -> None:
    """No more than the limit and one job's; no model waits while another is asked twice."""
    left = [
        Waiting(
            number=number, packed=(), n_requests=n, n_hits=0, n_answered=0, model=model,
            cache="", budget=Budget(), progress=False, is_kept=True,
        )
        for number, (model, n) in enumerate(jobs)
    ]  # fmt: skip
    seen = []
    while left:
        now, later = parent.apart(left)
        assert now
        assert sum(job.n_requests for job in now[:-1]) < parent.MOST_AT_ONCE
        taken, untaken = Counter(j.model for j in now), {j.model for j in later}
        assert all(taken[model] >= max(taken.values()) - 1 for model in untaken)
        seen += now
        left = later
    assert sorted(job.number for job in seen) == list(range(len(jobs)))


@given(
    st.lists(st.lists(st.integers(0, 6), max_size=9), max_size=4),
    st.booleans(),
)
@settings(max_examples=20, deadline=None)
def test_jobs_of_any_size_are_asked_in_parts_and_each_answer_is_paid_for_once(
    jobs: list[list[int]], kept: bool
) -> None:
    """By whichever job names it first; none of them is left without."""
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(parent, "MOST_AT_ONCE", 4)
        patch.setattr(job_module, "IN_A_PACK", 2)
        patch.setattr(parent, "IN_A_PACK", 2)
        cache = json.dumps({"_target_": "distexp.cache.ResponseCache", "path": folder})
        wanted = [[*dict.fromkeys(numbers)] for numbers in jobs]
        all_of = [
            waiting(n, [request(one) for one in numbers], cache=cache, kept=kept)
            for n, numbers in enumerate(wanted)
            if numbers
        ]
        sizes = [sum(map(len, map(unpacked, packs))) for packs in packs_of(all_of)]
        asking = parent.Asking()
        asking.begin(all_of)
        given = asking.answer(all_of)
        stored = ResponseCache(folder).known([request(n) for n in range(7)])
    assert not asking.failed
    assert sum(sizes) == sum(map(len, wanted))
    assert all(size <= 5 for size in sizes) or not kept
    assert stored == {request(n).key for numbers in wanted for n in numbers}
    paid = Counter(key for of_job in given.values() for key in of_job.paid)
    paid.update(
        key for of in given.values() for key, answer in of.answers.items() if not answer.hit
    )
    assert paid == Counter(stored)
    if not kept:  # then the sweep has to bring them
        assert all({request(n).key for n in wanted[job]} == {*given[job].answers} for job in given)


def packs_of(jobs: list[Waiting]) -> list[list[bytes]]:
    """Return what each part holds."""
    return [[pack for _, pack in part] for part in parent.in_parts(jobs)]


def test_what_is_kept_nowhere_is_asked_at_once() -> None:
    """A later part could not find the answers of an earlier one, and would pay for them again."""
    jobs = [waiting(n, [request(n)] * parent.MOST_AT_ONCE, kept=False) for n in range(2)]
    assert parent.apart(jobs) == (jobs, [])


def test_what_jobs_of_different_parts_share_is_paid_for_once(tmp_path: Path) -> None:
    """The cache has it by then."""
    cache = json.dumps({"_target_": "distexp.cache.ResponseCache", "path": str(tmp_path / "c")})
    asking = parent.Asking()
    jobs = [
        waiting(0, [request(0), request(1)], cache=cache),
        waiting(1, [request(1), request(2)], cache=cache),
    ]
    asking.begin(jobs)
    first = asking.answer(jobs[:1])[0]
    second = asking.answer(jobs[1:])[1]
    assert first.paid == {request(0).key, request(1).key}
    assert second.paid == {request(2).key}  # the other is a hit
    assert not first.answers
    assert not second.answers  # the job reads them where they are kept
    assert len(ResponseCache(tmp_path / "c").known([request(n) for n in range(3)])) == 3


def test_model_that_failed_for_good_is_not_asked_in_a_later_part(
    openai_server: OpenAIServer, tmp_path: Path
) -> None:
    """The reason of the first part holds for its jobs in all others."""
    openai_server.answer = lambda *_: (401, {"error": {"message": "wrong key"}})
    able = dict.fromkeys(("logprobs", "json_schema", "seed", "system_role"), True)
    of_model = {
        "_target_": "distexp.model.litellm.LiteLLMModel",
        "name": "m",
        "provider": "openai",
        "api_base": openai_server.url,
        "capabilities": {"_target_": "distexp.protocols.Capabilities", **able},
    }
    cache = json.dumps({"_target_": "distexp.cache.ResponseCache", "path": str(tmp_path / "c")})
    jobs = [waiting(n, [request(n)], cache=cache, model=json.dumps(of_model)) for n in range(2)]
    asking = parent.Asking()
    asking.begin(jobs)
    asking.answer(jobs[:1])
    n_calls = len(openai_server.requests)
    asking.answer(jobs[1:])
    assert len(openai_server.requests) == n_calls > 0
    assert all("wrong key" in asking.failed[number] for number in (0, 1))
