"""Generations of an interview's answers, put together so that two of them can be compared."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from distexp.asking.answers import Answer
from distexp.asking.interview import Interview
from distexp.cache import Record

Stored = Callable[[Sequence[str]], dict[int, dict[str, Record]]]
"""Returns the answers to requests, given their keys, by generation and key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshots:
    """What is there to be compared."""

    generations: Mapping[int, Mapping[str, Record]]
    """Answers by generation; of an elicitation with preparations, those to these."""
    earlier: Mapping[int, Mapping[str, Answer]]
    """By generation, its answers to the requests that were answered again later."""
    newest: Mapping[str, Answer]
    """The last answer to each request."""


def snapshots(interview: Interview, stored: Stored) -> Snapshots:
    """Find the earlier answers of an interview, and the newest of each request.

    A refresh that was ended early leaves requests with fewer generations than others. So each
    generation is held against the last answer of the same requests, whichever number that has.
    Where prompts are made of answers to preparations, those belong to a generation that were
    given last before the next answer to its preparation.
    """
    found = stored([request.key for request in interview.needed()])
    latest = {key: record for of in found.values() for key, record in of.items()}
    earlier = {}
    for generation, of in found.items():
        first = {key: one for key, one in of.items() if latest[key].generation > generation}
        if first:
            after = [of for number, of in found.items() if number > generation]
            later = {key: next(of[key].created for of in after if key in of) for key in first}
            earlier[generation] = _whole(interview, stored, first, later)
    newest = _whole(interview, stored, latest, {})
    return Snapshots(generations=found, earlier=earlier, newest=newest)


def _whole(
    interview: Interview, stored: Stored, first: Mapping[str, Record], later: Mapping[str, str]
) -> dict[str, Answer]:
    """Return the answers to preparations together with those to what was made of them."""
    answers = {key: Answer(response=one.response, hit=True) for key, one in first.items()}
    asked = [one for one in interview.ask(answers) if one.asked]
    prepared = {
        one.case.question: [interview.model.request(prompt).key for prompt in prompts]
        for one in asked
        if (prompts := interview.elicitation.preparations(one.case.question))
    }
    made = [one for one in asked if one.case.question in prepared]
    keys = dict.fromkeys(request.key for one in made for request in one.requests)
    by_key: dict[str, list[Record]] = {}
    for of in stored([*keys]).values() if keys else ():
        for key, record in of.items():
            by_key.setdefault(key, []).append(record)
    for one in made:
        until = min((later[k] for k in prepared[one.case.question] if k in later), default=None)
        for key in (request.key for request in one.requests):
            given = [r for r in by_key.get(key, ()) if until is None or r.created < until]
            if given:
                last = max(given, key=lambda record: record.generation)
                answers[key] = Answer(response=last.response, hit=True)
    return answers
