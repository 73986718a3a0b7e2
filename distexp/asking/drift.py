"""Whether a model answers as it did: estimates of two generations of answers, compared."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from distexp.asking.answers import Answer
from distexp.asking.hearing import Asked
from distexp.asking.interview import Interview
from distexp.elicitation.reworded import Reworded
from distexp.errors import ParseError
from distexp.metrics.distance import distance, scaled_ordinals
from distexp.types import FloatArray, Reading, Shares

N_SWAPS = 999
FEWEST_SWAPS = 99
MOST_SWAPS = 1_000_000
"""Of all cases of a study together."""
N_BOOTSTRAP = 2000
ALPHA = 0.05
CONFIDENCE = 0.95
SEED = 0

Readings = list[Reading | Shares | None]
Place = tuple[tuple[int, ...], int]
"""An order of options, and the how-manieth prompt in that order."""


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
    only_first: int = 0
    only_second: int = 0
    """Cases with an estimate in one of the two alone: the other refused, or could not be read."""
    reworded: int = 0
    """Cases left out, of the whole study: the model worded their question otherwise each time."""
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
        """Whether more changed than draws vary; without repeated draws, whether anything did.

        Estimates that are missing in one generation count as well: in pairs of cases, by a sign
        test.
        """
        from scipy.stats import binomtest

        lost = self.only_first + self.only_second
        if lost and binomtest(self.only_first, lost).pvalue < ALPHA:
            return True
        if np.isnan(self.p):
            return bool(self.w1 > 0)
        return self.p < ALPHA


def drift(
    interview: Interview, first: Mapping[str, Answer], second: Mapping[str, Answer]
) -> list[Drift]:
    """Compare two generations of the answers of an interview.

    Answers to one prompt are swapped between the generations at random: if nothing has changed,
    that changes nothing but the luck of the draw. The distances of 999 such swaps (fewer of many
    cases) are the noise, and the share of them that are as large the p-value. Wordings that a
    model made are swapped for all groups at once. Without repeated draws of a prompt there is no
    luck to measure, and any difference is one of the model. A question that `prompt.wording` has
    reworded, all draws alike, is another question where the words differ: how much that moves
    estimates cannot be told from a change of the model, and such cases are left out.

    Parameters
    ----------
    interview : Interview
    first, second : mapping of str to Answer
        By request key. Cases that either has not asked in full are left out.

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
            if one.style == style and one.is_answered(first) and other.is_answered(second)
        ]
        found += _study(interview, style, pairs, first, second)
    return found


def _worded_otherwise(interview: Interview, one: Asked, other: Asked) -> bool:
    reworded = isinstance(interview.elicitation, Reworded)
    return reworded and bool(one.prompts and other.prompts) and one.prompts != other.prompts


def _study(
    interview: Interview,
    style: str,
    pairs: Sequence[tuple[Asked, Asked]],
    first: Mapping[str, Answer],
    second: Mapping[str, Answer],
) -> list[Drift]:
    rng = np.random.default_rng(SEED)
    repeated = any(len({prompt.draw for prompt in one.prompts}) > 1 for one, _ in pairs)
    n_swaps = min(N_SWAPS, max(FEWEST_SWAPS, MOST_SWAPS // max(1, len(pairs)))) * repeated
    seeds = {one.case.question: seed for seed, (one, _) in enumerate(pairs)}
    names: list[str] = []
    rows: list[FloatArray] = []
    lost: list[Counter[str]] = [Counter(), Counter()]
    n_reworded = 0
    for one, other in pairs:
        if _worded_otherwise(interview, one, other):
            n_reworded += 1
            continue
        question = one.case.question
        together = bool(interview.elicitation.preparations(question))
        of_case = np.random.default_rng([SEED, seeds[question]]) if together else rng
        a = _place(one), _readings(interview, one, first)
        b = _place(other), _readings(interview, other, second)
        distances = _distances(interview, one, a, b, of_case, n_swaps)
        if isinstance(distances, int):
            lost[distances][question.question_id] += 1
        elif distances is not None:
            names.append(question.question_id)
            rows.append(distances)
    table = np.array(rows).reshape(len(rows), 1 + n_swaps)
    whole = _drift(style, None, table, [of.total() for of in lost])
    whole = replace(whole, reworded=n_reworded)
    each = np.array(names)
    by_question = [
        _drift(style, name, table[each == name], [of[name] for of in lost])
        for name in dict.fromkeys([*names, *lost[0], *lost[1]])
    ]
    sizes = np.array([one.n_cases for one in by_question if one.n_cases], dtype=float)
    means = np.array([one.w1 for one in by_question if one.n_cases])
    if len(means) > 1:
        drawn = rng.integers(len(means), size=(N_BOOTSTRAP, len(means)))
        resampled = (means * sizes)[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
        tail = (1 - CONFIDENCE) / 2
        low, high = np.quantile(resampled, [tail, 1 - tail]).tolist()
        whole = replace(whole, low=low, high=high)
    return [whole, *by_question]


def _drift(style: str, name: str | None, table: FloatArray, lost: Sequence[int]) -> Drift:
    """Sum up rows of distances, the observed one first and those of swaps behind it."""
    means = table.mean(axis=0) if len(table) else np.array([np.nan])
    swapped = means[1:]
    known = len(swapped) > 0
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
        only_first=lost[1],
        only_second=lost[0],
    )


def _place(one: Asked) -> list[Place]:
    """Return, for each prompt, its order of options and the how-manieth it is in that order."""
    seen: Counter[tuple[int, ...]] = Counter()
    places: list[Place] = []
    for prompt in one.prompts:
        places.append((prompt.option_order, seen[prompt.option_order]))
        seen[prompt.option_order] += 1
    return places


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
    interview: Interview,
    one: Asked,
    first: tuple[list[Place], Readings],
    second: tuple[list[Place], Readings],
    rng: np.random.Generator,
    n_swaps: int,
) -> FloatArray | int | None:
    """Return the distance of a case, and those after random swaps.

    Where one side has no estimate, its place is returned, and None where neither has.
    """
    combine = interview.elicitation.combine
    (of_a, a), (of_b, b) = first, second
    pairs = [(combine(a) if a else None, combine(b) if b else None)]
    without = [side for side in (0, 1) if pairs[0][side] is None]
    if without:
        return without[0] if len(without) == 1 else None
    there = {place: at for at, place in enumerate(of_b)}
    both = [(at, there[place]) for at, place in enumerate(of_a) if place in there]
    for swap in rng.integers(2, size=(n_swaps, len(both))):
        mixed_a, mixed_b = [*a], [*b]
        for (at, there_at), changes in zip(both, swap.tolist(), strict=True):
            if changes:
                mixed_a[at], mixed_b[there_at] = b[there_at], a[at]
        pairs.append((combine(mixed_a), combine(mixed_b)))
    whole = [pair if None not in pair else pairs[0] for pair in pairs]
    left, right = (
        np.array([pair[side].distribution.probabilities for pair in whole])  # type: ignore[union-attr]
        for side in (0, 1)
    )
    ordinals = scaled_ordinals(one.case.question.ordinals)
    width = left.shape[1]
    row = np.full(width, np.nan) if ordinals is None else np.array(ordinals)
    return distance(left, right, np.broadcast_to(row, left.shape))
