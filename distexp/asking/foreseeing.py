"""What a run will ask after preparations that nobody has answered yet, about."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, runtime_checkable

from distexp.asking.answers import Answer
from distexp.asking.runner import Runner
from distexp.request import Request, Response
from distexp.types import Question


@runtime_checkable
class Foreseeing(Protocol):
    """An elicitation that knows about what the replies to its preparations will be like."""

    def stand_ins(self, question: Question) -> tuple[Response, ...]:
        """Return one for each preparation: how many prompts follow, and how long they are."""
        ...


def following(
    elicitation: object,
    first: Mapping[Question, Sequence[Request]],
    runner: Runner,
    needed: Callable[[Mapping[str, Answer]], Sequence[Request]],
) -> tuple[Request, ...]:
    """Return what the answers to preparations that are missing lead to; empty where nobody knows.

    Parameters
    ----------
    elicitation : Elicitation
    first : mapping of Question to sequence of Request
        The preparations.
    runner : Runner
    needed : callable
        Returns the preparations, and the requests that answers to them lead to.
    """
    if not isinstance(elicitation, Foreseeing):
        return ()
    plan = runner.plan([request for of in first.values() for request in of])
    answers: dict[str, Answer] = {}
    known = []
    for question, requests in first.items():
        stands = elicitation.stand_ins(question)
        for request, response in zip(requests, stands, strict=True):
            answers[request.key] = Answer(response=response, hit=True)
            known += [request] * (request.key in plan.known)
    missing = runner.plan(needed(answers | runner.run(known))).missing
    return tuple(request for request in missing if request.key not in answers)
