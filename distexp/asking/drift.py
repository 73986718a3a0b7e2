"""Whether a model answers as it did: estimates of two generations of answers, compared."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from distexp.asking.answers import Answer
from distexp.asking.interview import Asked, Interview
from distexp.errors import ParseError
from distexp.metrics.distance import distance, scaled_ordinals
from distexp.types import FloatArray, Reading, Shares

N_SWAPS = 999
N_BOOTSTRAP = 2000
ALPHA = 0.05
CONFIDENCE = 0.95
SEED = 0

Readings = list[Reading | Shares | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """How far two generations are apart."""

    prompt: str
    question: str | None
    """None stands for the whole study."""
    n_cases: int
    """Cases that both generations answer."""
    w1: float
    """Mean over cases of the distance between the estimates of the two: Wasserstein-1, of nominal
    questions total variation. NaN where there are no cases."""
    low: float
    high: float
    """Interval of it over questions; of one question NaN."""
    noise: float
    """What it would be on average if nothing had changed; NaN without repeated draws."""
    p: float
    """Chance of so large a distance if nothing had changed; NaN without repeated draws."""
    first: int = 0
    second: int = 1

    def between(self, first: int, second: int) -> Self:
        """Return the same as being between two generations, unless it is named already."""
        return (
            self
            if (self.first, self.second) != (0, 1)
            else replace(self, first=first, second=second)
        )

    @property
    def has_drifted(self) -> bool:
        """Whether more changed than draws vary; without repeated draws, whether anything did."""
        if np.isnan(self.p):
            return bool(self.w1 > 0)
        return self.p < ALPHA


def drift(
    interview: Interview, first: Mapping[str, Answer], second: Mapping[str, Answer]
) -> list[Drift]:
    """Compare two generations of the answers of an interview.

    Answers to one prompt are swapped between the generations at random: if nothing has changed,
    that changes nothing but the luck of the draw. The distances of 999 such swaps are the noise,
    and the share of them that are as large the p-value. Without repeated draws of a prompt there
    is no luck to measure, and any difference is one of the model.

    Parameters
    ----------
    interview : Interview
    first, second : mapping of str to Answer
        By request key. Cases that either lacks are left out.

    Returns
    -------
    list of Drift
        For each prompt style the whole study, then its questions.
    """
    before, after = interview.ask(first), interview.ask(second)
    found: list[Drift] = []
    for style in interview.styles:
        pairs = [
            (one, other)
            for one, other in zip(before, after, strict=True)
            if one.style == style and _complete(one, first) and _complete(other, second)
        ]
        found += _study(interview, style, pairs, first, second)
    return found


def _complete(one: Asked, answers: Mapping[str, Answer]) -> bool:
    return bool(one.requests) and all(request.key in answers for request in one.requests)


def _study(
    interview: Interview,
    style: str,
    pairs: Sequence[tuple[Asked, Asked]],
    first: Mapping[str, Answer],
    second: Mapping[str, Answer],
) -> list[Drift]:
    rng = np.random.default_rng(SEED)
    names: list[str] = []
    rows: list[FloatArray] = []
    repeated = False
    for one, other in pairs:
        a, b = _readings(interview, one, first), _readings(interview, other, second)
        if len(a) != len(b):
            continue
        orders = [prompt.option_order for prompt in one.prompts]
        again = len(set(orders)) < len(orders)
        distances = _distances(interview, one, a, b, rng if again else None)
        if distances is not None:
            repeated |= again
            names.append(one.case.question.question_id)
            rows.append(distances)
    table = np.array(rows).reshape(len(rows), -1)
    whole = _drift(style, None, table, repeated=repeated)
    questions = dict.fromkeys(names)
    each = np.array(names)
    by_question = [
        _drift(style, name, table[each == name], repeated=repeated) for name in questions
    ]
    means = np.array([one.w1 for one in by_question])
    if len(means) > 1:
        drawn = rng.integers(len(means), size=(N_BOOTSTRAP, len(means)))
        sizes = np.array([one.n_cases for one in by_question], dtype=float)
        resampled = (means * sizes)[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
        tail = (1 - CONFIDENCE) / 2
        low, high = np.quantile(resampled, [tail, 1 - tail]).tolist()
        whole = replace(whole, low=low, high=high)
    return [whole, *by_question]


def _drift(style: str, name: str | None, table: FloatArray, *, repeated: bool) -> Drift:
    """Sum up rows of distances, the observed one first and those of swaps behind it."""
    means = table.mean(axis=0) if len(table) else np.array([np.nan])
    swapped = means[1:]
    known = repeated and len(swapped) > 0
    as_large = int(np.count_nonzero(swapped >= means[0] - 1e-12)) if known else 0
    return Drift(
        prompt=style,
        question=name,
        n_cases=len(table),
        w1=float(means[0]),
        low=np.nan,
        high=np.nan,
        noise=float(swapped.mean()) if known else np.nan,
        p=(1 + as_large) / (1 + len(swapped)) if known else np.nan,
    )


def _readings(interview: Interview, one: Asked, answers: Mapping[str, Answer]) -> Readings:
    found: Readings = []
    for prompt, request in zip(one.prompts, one.requests, strict=True):
        response = answers[request.key].response
        try:
            if response.is_refusal:
                found.append(None)
            else:
                found.append(interview.elicitation.read(one.case.question, prompt, response))
        except ParseError:
            found.append(None)
    return found


def _distances(
    interview: Interview, one: Asked, a: Readings, b: Readings, rng: np.random.Generator | None
) -> FloatArray | None:
    """Return the distance of a case, and those after random swaps; None if it cannot be told."""
    combine = interview.elicitation.combine
    pairs = [(combine(a), combine(b))]
    swaps = rng.integers(2, size=(N_SWAPS, len(a))) if rng is not None else np.empty((0, len(a)))
    for swap in swaps:
        mixed = [(y, x) if s else (x, y) for x, y, s in zip(a, b, swap, strict=True)]
        pairs.append((combine([x for x, _ in mixed]), combine([y for _, y in mixed])))
    if pairs[0][0] is None or pairs[0][1] is None:
        return None
    whole = [pair if None not in pair else pairs[0] for pair in pairs]
    left, right = (
        np.array([pair[side].distribution.probabilities for pair in whole])  # type: ignore[union-attr]
        for side in (0, 1)
    )
    ordinals = scaled_ordinals(one.case.question.ordinals)
    width = left.shape[1]
    row = np.full(width, np.nan) if ordinals is None else np.array(ordinals)
    return distance(left, right, np.broadcast_to(row, left.shape))
