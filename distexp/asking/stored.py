"""Cases whose answers are all in the cache, read by several processes where they are many."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Protocol

from distexp.asking.answers import Answer
from distexp.asking.hearing import Asked, Heard
from distexp.asking.packing import Place, packed, unpacked
from distexp.asking.processes import in_parts, n_processes
from distexp.asking.runner import Runner, unique_requests
from distexp.asking.uncollected import uncollected
from distexp.cache import Cache
from distexp.errors import DistexpError

MOST_AT_ONCE = 1000
"""Requests in a part."""
PARTS = 200
"""The smallest are so much of the whole."""
N_TRIED = 20
"""Cases that show whether most answers are stored."""
MOST_PROCESSES = 8
"""So many make results as fast as one puts them together."""


class Interviewing(Protocol):
    """Who asks and reads; see `distexp.asking.interview.Interview`."""

    retries: int
    places: Sequence[Place]

    def ask(self, answers: Mapping[str, Answer], places: Sequence[int]) -> list[Asked]:
        """Turn the cases at places into requests."""

    def read(self, asked: Sequence[Asked], answers: Mapping[str, Answer]) -> list[Heard]:
        """Read the replies."""


@uncollected()
def stored(
    interview: Interviewing, runner: Runner, answers: Mapping[str, Answer]
) -> tuple[list[Heard | None], dict[str, Answer]]:
    """Return what came of cases whose answers are all stored, and these answers.

    Whatever else there is to a case is not seen to here: None stands for those that lack an
    answer, need another draw, or are at fault; and for all where they are few, or most lack one.

    Parameters
    ----------
    interview : Interview
    runner : Runner
    answers : mapping of str to Answer
        Those to preparations.
    """
    n_readers = min(runner.processes or n_processes(), MOST_PROCESSES)
    cache = runner.cache.for_reading()
    n_places = len(interview.places)
    heard: list[Heard | None] = [None] * n_places
    if cache is None or not n_places:
        return heard, {}

    def read(places: Sequence[int]) -> list[Heard | None]:
        try:
            return _read(interview, cache, answers, places)
        except DistexpError:  # it is said in its turn, by who sees to the others
            return [None] * len(places)

    (first,) = interview.ask(answers, [0])
    n_requests = n_places * len(first.requests)
    if n_requests < max(1, runner.shared_from):
        return heard, {}
    parts = shared_out(n_places, n_requests, n_readers)
    with closing(cache):
        tried = read(range(0, n_places, -(-n_places // N_TRIED)))
        if 2 * tried.count(None) > len(tried):
            return heard, {}
        for number, found in in_parts(
            len(parts),
            lambda number: read(parts[number]),
            packed,
            lambda number, data: unpacked(data, map(interview.places.__getitem__, parts[number])),
            n_readers - 1,
        ):
            heard[parts[number].start : parts[number].stop] = found
    replies = (reply for one in heard if one is not None for reply in one.replies)
    return heard, {reply.key: Answer(reply.response, True) for reply in replies}


def shared_out(n_places: int, n_requests: int, n_readers: int) -> list[range]:
    """Cut places into parts, the last of them small, so that all processes end together."""
    parts, begin = list[range](), 0
    while begin < n_places:
        left = (n_places - begin) * n_requests // n_places
        size = min(MOST_AT_ONCE, max(n_requests // PARTS, left // (2 * n_readers)))
        end = min(n_places, begin + max(1, size * n_places // n_requests))
        parts.append(range(begin, end))
        begin = end
    return parts


def _read(
    interview: Interviewing, cache: Cache, answers: Mapping[str, Answer], places: Sequence[int]
) -> list[Heard | None]:
    asked = interview.ask(answers, places)
    requests = unique_requests(request for one in asked for request in one.requests)
    found = {
        key: Answer(response=response, hit=True) for key, response in cache.responses(requests)
    }
    heard = interview.read(asked, found)
    return [
        one if one.estimate.asked and not (interview.retries and one.unreadable) else None
        for one in heard
    ]
