"""What is stored is read by several processes, and what comes of it is what comes of one."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distexp.asking.budget import Budget
from distexp.asking.interview import Interview, Interviewed
from distexp.asking.packing import packed, unpacked
from distexp.asking.runner import Runner
from distexp.asking.stored import shared_out, stored
from distexp.cache import Paid, ResponseCache
from distexp.elicitation.logprobs import Logprobs
from distexp.elicitation.per_option import PerOption
from distexp.elicitation.self_random import SelfRandom
from distexp.elicitation.verbalized import Verbalized
from distexp.errors import CacheCorruptError, CacheMissError
from distexp.model.mock import MockModel, mock_response
from distexp.prompt.template import PromptTemplate
from distexp.protocols import Elicitation
from distexp.request import Request, Response
from distexp.types import Case, Distribution, Group, Question, Survey

OPTIONS = ("A", "B", "no one")
ASK = "Q: {question}\n{options}\n{task}"
STYLES = {
    "base": PromptTemplate(layout=ASK, audience="people"),  # equal prompts about all groups
    "sociodemographic": PromptTemplate(layout=f"You are {{group}}. {ASK}", audience="you"),
}
ELICITATIONS: Sequence[Elicitation] = (
    Verbalized(task="Say percentages."),
    Verbalized(
        task="Say percentages.",
        n_samples=2,
        temperature=1.0,
        option_orders=("natural", "reversed"),
    ),
    SelfRandom(task="Say a letter.", n_samples=3),
    PerOption(task="How many say {option}?"),
    Logprobs(task="Say a letter."),
)


class Alone(MockModel):
    """A model that is asked one thing at a time, so that a budget ends where it ends."""

    def __init__(self) -> None:
        super().__init__(max_concurrency=1)


def survey(n_questions: int, n_groups: int, is_open: Sequence[bool]) -> Survey:
    """Return a survey some of whose cases nobody has answered."""
    questions = [
        Question(
            question_id=f"q{n}", text=f"Who is {n}é?", options=OPTIONS[: 2 + n % 2], ordinals=None
        )
        for n in range(n_questions)
    ]
    cases = [
        Case(question=question, group=Group(attribute="a", value=f"g{n}", phrase=f"a {n}"))
        for question in questions
        for n in range(n_groups)
    ]
    human = [Distribution.normalized([1.0] * len(case.question.options)) for case in cases]
    answered = [
        case if is_open[at % len(is_open)] else replace(case, human=human[at], n_respondents=9.0)
        for at, case in enumerate(cases)
    ]
    return Survey(name="s", cases=tuple(answered), digest="", licence="", citation="")


def said(request: Request, how: str) -> Response:
    """Return what the cache is to have."""
    if how == "refused":
        return Response.refusal("not here")
    if how == "unreadable":
        return Response(text="No. \ud83d\n", finish_reason="stop", cost_usd=0.1)
    return replace(mock_response(request), provider_model="mock-2", thought="Hm. ")


def filled(folder: Path, requests: Sequence[Request], kinds: Sequence[str]) -> None:
    """Store answers of some kinds to requests, in turn."""
    cache = ResponseCache(folder)
    unique = {request.key: request for request in requests}.values()
    kept = [
        Paid(request=one, response=said(one, how), latency_s=0.1, attempts=1, versions={})
        for one, how in zip(unique, cycle(kinds), strict=False)
        if how != "missing"
    ]
    cache.put_many(kept)
    cache.close()


def interviewed(
    interview: Interview, folder: Path, processes: int, calls: int | None, mode: str = "use"
) -> tuple[Interviewed, str | None]:
    """Read in parts from the first request on where there are several processes, else never."""
    runner = Runner(
        interview.model,
        ResponseCache(folder, mode),
        budget=Budget(calls=calls),
        processes=processes,
    )
    runner.shared_from = 0 if processes > 1 else 10**9
    return interview.run(runner), runner.stopped


@settings(max_examples=8, deadline=None)
@given(
    n_questions=st.integers(1, 6),
    n_groups=st.integers(1, 5),
    is_open=st.lists(st.booleans(), min_size=1, max_size=3),
    kinds=st.lists(
        st.sampled_from(["ok", "ok", "ok", "unreadable", "refused", "missing"]),
        min_size=1,
        max_size=12,
    ),
    elicitation=st.sampled_from(ELICITATIONS),
    retries=st.integers(0, 1),
    calls=st.none() | st.integers(0, 9),
)
def test_several_processes_find_what_one_does(
    n_questions: int,
    n_groups: int,
    is_open: list[bool],
    kinds: list[str],
    elicitation: Elicitation,
    retries: int,
    calls: int | None,
) -> None:
    """Whatever is stored, missing, refused or unreadable, repeated, open, or ended by a budget."""
    interview = Interview(
        survey=survey(n_questions, n_groups, is_open),
        model=Alone(),
        elicitation=elicitation,
        prompt=STYLES,
        retries=retries,
    )
    with TemporaryDirectory() as folder:
        here, there = Path(folder, "here"), Path(folder, "there")
        filled(here, interview.needed(), kinds)
        shutil.copytree(here, there)
        one, why = interviewed(interview, here, 1, calls)
        several, why_there = interviewed(interview, there, 3, calls)

    assert several == one
    read = interview.read(interview.ask({}), one.answers)
    heard = [one if one.estimate.asked else None for one in read]
    assert unpacked(packed(heard), interview.places) == heard
    assert why_there == why


def plain() -> Interview:
    """Return an interview of 60 requests that differ, and 12 that several cases have."""
    return Interview(
        survey=survey(12, 5, [False]), model=Alone(), elicitation=ELICITATIONS[0], prompt=STYLES
    )


def test_what_is_stored_is_heard_and_what_is_not_is_left(tmp_path: Path) -> None:
    """A case is heard elsewhere if each of its answers is there; if most are not, none is."""
    interview = plain()
    filled(tmp_path / "most", interview.needed(), ["ok", "ok", "missing"])
    filled(tmp_path / "few", interview.needed(), ["missing", "missing", "ok"])
    runner = Runner(interview.model, ResponseCache(tmp_path / "most"), processes=2)
    runner.shared_from = 0
    known = runner.plan(interview.needed()).known
    keys = [one.requests[0].key for one in interview.ask({})]

    heard, answers = stored(interview, runner, {})
    assert [one is not None for one in heard] == [key in known for key in keys]
    assert answers.keys() == known
    runner.cache = ResponseCache(tmp_path / "few")
    assert stored(interview, runner, {}) == ([None] * len(keys), {})


def test_what_is_wrong_is_said_as_by_one_process(tmp_path: Path) -> None:
    """An answer that is missing in replay, and one that is not what was written."""
    import sqlite3

    interview = plain()
    filled(tmp_path / "cache", interview.needed(), ["ok"] * 9 + ["missing"])

    def error(processes: int, mode: str) -> str:
        with pytest.raises((CacheMissError, CacheCorruptError)) as caught:
            interviewed(interview, tmp_path / "cache", processes, None, mode)
        return str(caught.value)

    assert error(2, "replay") == error(1, "replay")
    assert error(2, "replay").startswith("7 of 72 answers are not in")
    with sqlite3.connect(tmp_path / "cache" / "cache.db") as database:
        database.execute("UPDATE Cache SET tag = 'x' WHERE rowid = 30")
    database.close()
    assert error(2, "use") == error(1, "use")
    assert "is not what was written" in error(2, "use")


@given(st.integers(1, 3000), st.integers(1, 50), st.integers(1, 8))
def test_parts_are_all_places_in_their_order(n_places: int, n_each: int, n: int) -> None:
    """However many requests a case has."""
    parts = shared_out(n_places, n_places * n_each, n)

    assert [place for part in parts for place in part] == [*range(n_places)]
    assert all(parts)
