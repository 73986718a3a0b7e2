"""Generations of answers are told apart where the model changed, and not where draws vary."""

import json
import random
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from distexp.asking.answers import Answer
from distexp.asking.drift import Drift, drift
from distexp.asking.interview import Interview
from distexp.asking.observing import who_answered
from distexp.asking.snapshots import snapshots
from distexp.cache import Paid, ResponseCache
from distexp.cache.audit.generations import generations
from distexp.cache.disk.reader import Reader
from distexp.elicitation.paraphrase import Paraphrase
from distexp.elicitation.reply.rewriting import Rewriting
from distexp.elicitation.reworded import Reworded
from distexp.elicitation.self_random import SelfRandom
from distexp.elicitation.verbalized import Verbalized
from distexp.model.mock import MockModel
from distexp.prompt.template import PromptTemplate
from distexp.request import Request, Response
from distexp.types import Case, Survey

STYLE = PromptTemplate(layout="{question}\n{options}\n{task}", audience="people")


def interview(cases: Sequence[Case], n_samples: int) -> Interview:
    """Ask with so many draws; with one, for percentages."""
    survey = Survey(name="s", cases=tuple(cases), digest="0" * 64, licence="", citation="")
    asks = (
        Verbalized(task="Percentages.")
        if n_samples == 1
        else SelfRandom(task="Which?", n_samples=n_samples)
    )
    return Interview(survey=survey, model=MockModel(), elicitation=asks, prompt={"base": STYLE})


def answered(requests: Sequence[Request], seed: int, weights: Sequence[int]) -> dict[str, Answer]:
    """Draw an answer to each request."""
    chance = random.Random(seed)
    return {
        request.key: Answer(
            response=Response(text=chance.choices("ABC", weights)[0], finish_reason="stop"),
            hit=True,
        )
        for request in requests
    }


def whole(found: Sequence[Drift]) -> Drift:
    """Return the row of the study."""
    (one,) = [one for one in found if one.question is None]
    return one


def test_draws_of_an_unchanged_model_are_noise(cases: list[Case]) -> None:
    """Of twenty pairs of generations at most a few look changed at 5 %."""
    asked = interview(cases, 8)
    requests = asked.needed()

    found = [
        whole(
            drift(
                asked,
                answered(requests, 2 * k, [4, 3, 3]),
                answered(requests, 2 * k + 1, [4, 3, 3]),
            )
        )
        for k in range(20)
    ]

    assert sum(one.has_drifted for one in found) <= 4
    assert all(one.w1 == pytest.approx(one.noise, abs=0.1) for one in found)


def test_changed_model_is_told_from_noise(cases: list[Case]) -> None:
    """Its distance lies beyond that of swapped answers, in the study and in most questions."""
    asked = interview(cases, 8)
    requests = asked.needed()

    found = drift(asked, answered(requests, 1, [8, 1, 1]), answered(requests, 2, [1, 1, 8]))

    study = whole(found)
    assert (study.has_drifted, study.p) == (True, 0.001)
    assert study.w1 > study.noise + 0.2
    assert study.low < study.w1 < study.high


def test_single_draws_differ_or_not_without_a_test(cases: list[Case]) -> None:
    """Where nothing is repeated there is no noise to hold a change against."""
    asked = interview(cases, 1)
    shares = ['{"A": 20, "B": 30, "C": 50}', '{"A": 30, "B": 30, "C": 40}']
    first, second = (
        {
            request.key: Answer(response=Response(text=text, finish_reason="stop"), hit=True)
            for request in asked.needed()
        }
        for text in shares
    )

    same, other = whole(drift(asked, first, first)), whole(drift(asked, first, second))

    assert (same.w1, same.has_drifted) == (0.0, False)
    assert other.w1 == pytest.approx(0.1)  # a tenth of the people move the length of the scale
    assert other.has_drifted
    assert other.p != other.p


def test_who_answered_is_said_where_it_is_not_who_was_asked(tmp_path: Path) -> None:
    """Another name, several names, several fingerprints: a sentence each; else none."""

    def notes(*said: tuple[str | None, str | None]) -> list[str]:
        answers = {
            str(n): Answer(
                response=Response(
                    text="A", finish_reason="stop", provider_model=name, system_fingerprint=mark
                ),
                hit=False,
            )
            for n, (name, mark) in enumerate(said)
        }
        return who_answered(dict.fromkeys(answers, "gpt-9"), answers)

    assert notes(("gpt-9-2027-01-01", "a"), ("gpt-9-2027-01-01", "a"), (None, None)) == []
    assert "`gpt-8` (1)" in notes(("gpt-8", None))[0]
    assert "`gpt-9-b` (1)" in notes(("gpt-9-a", None), ("gpt-9-b", None))[0]
    assert "2 fingerprints: `a` (1), `b` (1)" in notes(("gpt-9", "a"), ("gpt-9", "b"))[0]


class Dated(ResponseCache):
    """A cache whose clock goes on a second with every transaction."""

    at = 0

    def _now(self) -> str:
        Dated.at += 1
        return datetime.fromtimestamp(1.8e9 + Dated.at, UTC).isoformat(timespec="milliseconds")


def store(
    folder: Path, requests: Sequence[Request], mode: str, text: Callable[[int], str | None]
) -> None:
    """Store replies to requests; None is a refusal."""
    requests = [*{request.key: request for request in requests}.values()]
    replies = map(text, range(len(requests)))
    with closing(Dated(folder, mode)) as cache:
        cache.put_many(
            [
                Paid(
                    request=request,
                    response=Response.refusal("no")
                    if reply is None
                    else Response(text=reply, finish_reason="stop"),
                    latency_s=0.1,
                    attempts=1,
                    versions={},
                )
                for request, reply in zip(requests, replies, strict=True)
            ]
        )


def seen(asked: Interview, folder: Path) -> dict[int, Drift]:
    """Return the drift of the study from each generation to the newest answers."""
    found = snapshots(asked, partial(generations, Reader(folder)))
    return {
        generation: whole(drift(asked, earlier, found.newest))
        for generation, earlier in found.earlier.items()
    }


def test_refresh_that_was_ended_early_mixes_no_times(cases: list[Case], tmp_path: Path) -> None:
    """Each generation is held against the last answers of the cases that have later ones."""
    asked = interview(cases, 8)
    requests = asked.needed()
    half = requests[: len(requests) // 2]
    keys = {request.key for request in half}
    n_half = sum(keys.issuperset(r.key for r in one.requests) for one in asked.ask({}))

    store(tmp_path, requests, "use", lambda n: "AAAB"[n % 4])
    store(tmp_path, half, "refresh", lambda n: "AAAB"[n % 4])
    store(tmp_path, requests, "refresh", lambda n: "CCCB"[n % 4])
    found = seen(asked, tmp_path)

    assert {g: one.n_cases for g, one in found.items()} == {0: len(cases), 1: n_half}
    assert all(one.has_drifted and one.w1 > 0.5 for one in found.values())


def test_model_that_begins_to_refuse_has_drifted(cases: list[Case], tmp_path: Path) -> None:
    """No case is left to be compared, and that is said instead."""
    asked = interview(cases, 8)
    requests = asked.needed()

    store(tmp_path, requests, "use", lambda n: "AAAB"[n % 4])
    store(tmp_path, requests, "refresh", lambda _: None)
    (found,) = seen(asked, tmp_path).values()

    assert (found.n_cases, found.only_first, found.only_second) == (0, len(cases), 0)
    assert found.has_drifted


@pytest.mark.parametrize("changed", [False, True])
def test_wordings_that_differ_between_generations_are_compared(
    changed: bool, cases: list[Case], tmp_path: Path
) -> None:
    """Paraphrases are made anew: answers belong to the wordings that were made before them."""
    survey = Survey(name="s", cases=tuple(cases), digest="0" * 64, licence="", citation="")
    asks = Paraphrase(rewrite="Reword.", task="Which?", n_wordings=6, min_wordings=2)
    asked = Interview(survey=survey, model=MockModel(), elicitation=asks, prompt={"base": STYLE})
    preparations = asked.needed()

    def wordings(n_wordings: int, generation: int) -> str:
        texts = {f"{n}": f"Wording {n} of {generation}?" for n in range(1, n_wordings)}
        return json.dumps(texts | {f"{n_wordings}": "The same wording in both?"})

    for generation, (n_wordings, answer) in enumerate([(6, "AABBAA"), (5, "CCBBCC")]):
        mode = "refresh" if generation else "use"
        reply = wordings(n_wordings, generation)
        store(tmp_path, preparations, mode, lambda _, reply=reply: reply)  # type: ignore[misc]
        made = {
            request.key: Answer(response=Response(text=reply, finish_reason="stop"), hit=True)
            for request in preparations
        }
        requests = [request for one in asked.ask(made) for request in one.requests]
        said = answer if changed else "AABBAA"
        store(tmp_path, requests, mode, lambda n, said=said: said[n % 5])  # type: ignore[misc]

    (found,) = seen(asked, tmp_path).values()

    assert found.n_cases == len(cases)
    assert found.has_drifted == changed
    assert (found.w1 > 0.5) == changed


def test_question_that_was_reworded_anew_is_another_question(cases: list[Case]) -> None:
    """A model that answers each wording in its way has not drifted; same words are compared."""
    survey = Survey(name="s", cases=tuple(cases), digest="0" * 64, licence="", citation="")
    asks = Reworded(
        SelfRandom(task="Which?", n_samples=4), number=1, rewriting=Rewriting(rewrite="Reword.")
    )
    asked = Interview(survey=survey, model=MockModel(), elicitation=asks, prompt={"base": STYLE})
    preparations = {request.key: request for request in asked.needed()}
    kept = next(iter(preparations))

    def answers(generation: int) -> dict[str, Answer]:
        made = {
            key: said(json.dumps([f"Wording {0 if key == kept else generation} of {key[:9]}?"]))
            for key in preparations
        }
        requests = [request for one in asked.ask(made) for request in one.requests]
        return made | {
            request.key: said("A" if "Wording 0" in request.document else "C")
            for request in requests
        }

    first, second = answers(0), answers(1)
    n_kept = sum(one.requests[0].key in second for one in asked.ask(first))
    found = whole(drift(asked, first, second))

    assert 0 < n_kept < len(cases)
    assert (found.n_cases, found.reworded) == (n_kept, len(cases) - n_kept)
    assert not found.has_drifted
    assert whole(drift(asked, first, first)).reworded == 0


def said(text: str) -> Answer:
    """Return an answer of the cache."""
    return Answer(response=Response(text=text, finish_reason="stop"), hit=True)
