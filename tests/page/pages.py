"""Runs of every kind that a page may be of, made by hand in a folder."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from distexp.asking.answers import Reply, Unreadable
from distexp.calibrator.baseline import TrainMean
from distexp.calibrator.regression import OptionRegression
from distexp.evaluation.evaluation import Evaluation
from distexp.protocols import Calibrator
from distexp.report.calls import Calls
from distexp.report.report import Report
from distexp.request import Message, Response
from distexp.types import (
    Case,
    Condition,
    Distribution,
    Estimate,
    Group,
    Question,
    Reading,
    Study,
    Survey,
)

HOSTILE = (
    "</script><script>document.title='taken'</script>",
    "<img src=x onerror=\"document.title='taken'\">",
    "=cmd|' /C calc'!A0",
    "[link](javascript:document.title='taken') https://example.org",
    "\x1b[31mred\x1b[0m \u202eright to left\u2066 \u2028 end ]]> <!-- ${1+1} {{7*7}}",
    "half a character \ud800, and مرحبا",
)
"""What a reply, a question or the name of a group may hold, and has to stay text."""


def report(
    words: Sequence[str] = ("Should this be?",), *, model: str = "m", n_questions: int = 12
) -> Report:
    """Return a report of an invented survey in which `words` stand wherever a text may stand."""
    rng, by_model = np.random.default_rng(0), np.random.default_rng(len(model))
    cases, estimates, replies = [], [], []
    for q in range(n_questions):
        word = words[q % len(words)].encode(errors="replace").decode()
        question = Question(
            question_id=f"q{q}",
            text=f"{q}: {word}",
            options=("No", f"Partly {word}", "Yes"),
            ordinals=(1.0, 2.0, 3.0),
            battery=f"battery {q % 2} {word}",
        )
        for g in range(2):
            group = Group(attribute="age", value=f"{g} {word}", phrase="someone")
            human, read = (
                Distribution.normalized(list(map(float, of.dirichlet([2, 2, 2]))))
                for of in (rng, by_model)
            )
            case = Case(question=question, group=group, human=human, n_respondents=50.0 + 200 * g)
            reply = _reply(case, read, words[q % len(words)], lost=q == 0 and g == 0)
            cases.append(case)
            replies.append(reply)
            reading = reply.read if isinstance(reply.read, Reading) else None
            estimates.append(
                Estimate(reading=reading, n_replies=1, n_unreadable=int(reading is None))
            )
    return _report(model, tuple(cases), tuple(estimates), tuple(replies))


def write(made: Report, folder: Path) -> Path:
    """Write a report as a run does, and return the folder."""
    config = "calibrator: {ridge: {}}\nprompt: {base: {system: null}}\nmodel: {name: mock}\n"
    made.write(folder, config=config, overrides="- model=mock\n", figures=False)
    return folder


def _reply(case: Case, read: Distribution, word: str, *, lost: bool) -> Reply:
    question = case.question
    return Reply(
        prompt="base",
        case=case,
        draw=0,
        option_order=(0, 1, 2),
        messages=(Message(role="user", content=f"{question.text} {case.group.value}"),),
        key=hashlib.sha256(f"{question.text}{case.group.value}".encode()).hexdigest(),
        model="mock",
        response=Response(text=f"reply: {word}", finish_reason="stop", thought=f"I think {word}"),
        read=None if lost else Reading(distribution=read, mass=0.9),
        reason=f"no share in {word!r}" if lost else None,
    )


def _report(
    model: str,
    cases: tuple[Case, ...],
    estimates: tuple[Estimate, ...],
    replies: tuple[Reply, ...],
) -> Report:
    evaluation = Evaluation(n_splits=5, n_bootstrap=100, n_flips=200, n_ceiling_draws=20)
    condition = Condition(dataset="town", model=model, elicitation="logprobs", prompt="base")
    study = Study(condition=condition, cases=cases, estimates=estimates)
    calibrators: dict[str, Calibrator] = {"ridge": _ridge(), "mean": TrainMean()}
    return Report(
        survey=Survey(name="town", cases=cases, digest="0", licence="ours", citation="Invented."),
        studies=[study],
        results=[evaluation.run(study, calibrators)],
        unreadable=[_unreadable(one) for one in replies if one.read is None],
        calls=Calls(
            total=len(replies), hits=0, misses=len(replies), parse_errors=1, cost_usd=None,
            original_cost_usd=None,
        ),
        request_keys=tuple(sorted(one.key for one in replies)),
        models=("m@1",),
        evaluation=evaluation,
        replies=replies,
    )  # fmt: skip


def _ridge() -> OptionRegression:
    from sklearn.linear_model import Ridge

    return OptionRegression(regressor=Ridge(alpha=1.0), layout="pooled", scope="pooled")


def _unreadable(one: Reply) -> Unreadable:
    return Unreadable(
        prompt=one.prompt,
        question_id=one.case.question.question_id,
        attribute=one.case.group.attribute,
        group=one.case.group.value,
        draw=one.draw,
        option_order="0 1 2",
        reason=one.reason or "",
        text=one.response.text,
        key=one.key,
    )
