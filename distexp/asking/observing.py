"""What replies show of the model behind them: whether it varies, and who says that it answered."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from distexp.asking.answers import Answer
from distexp.protocols import Model, price_of
from distexp.types import Reading, Shares

LEAST_CASES = 5
"""Of fewer cases nothing is said: their draws may agree by chance."""
MOST_NAMED = 5


class Drawn(NamedTuple):
    """The draws of a case that showed the options in the same order as another, and were read."""

    n_draws: int
    alike: bool
    """Whether those of an order all say the same."""


def drawn_alike(
    orders: Sequence[tuple[int, ...]], readings: Sequence[Reading | Shares | None]
) -> Drawn | None:
    """Return how many draws of a case can be compared, and whether they agree; None without any.

    Parameters
    ----------
    orders : sequence of tuple of int
        In which each draw showed the options.
    readings : sequence of Reading, Shares or None
        What each said.
    """
    said: dict[tuple[int, ...], list[Reading | Shares]] = {}
    for order, reading in zip(orders, readings, strict=True):
        if reading is not None:
            said.setdefault(order, []).append(reading)
    repeated = [of_one for of_one in said.values() if len(of_one) > 1]
    if not repeated:
        return None
    alike = all(one == of_one[0] for of_one in repeated for one in of_one)
    return Drawn(sum(map(len, repeated)), alike)


def never_varies(drawn: Sequence[Drawn], model: str, elicitation: str, style: str) -> list[str]:
    """Say that a model does not vary, given what it drew in each case; else nothing.

    Nothing is said either where too little is known.
    """
    if len(drawn) < LEAST_CASES or not all(one.alike for one in drawn):
        return []
    n_draws = sum(one.n_draws for one in drawn)
    return [
        f"**The model does not vary: all draws agree in each of {len(drawn)} cases "
        f"({n_draws:,} draws; {model}, {elicitation}, prompt {style}).** Shares of such "
        "draws are one answer each and no distribution; use verbalized or sequence."
    ]


def who_answered(names: Mapping[str, str], answers: Mapping[str, Answer]) -> list[str]:
    """Say where servers called the model by another name than it was asked by, or by several.

    Names are compared without the paths, dates and addresses around them.

    Parameters
    ----------
    names : mapping of str to str
        Of the model that was asked, by the key of the request.
    answers : mapping of str to Answer
    """
    said_names: dict[str, Counter[str]] = {}
    prints: dict[str, Counter[str]] = {}
    counted = Counter(
        (name, response.provider_model, response.system_fingerprint)
        for key, name in names.items()
        if key in answers and not (response := answers[key].response).is_refusal
    )
    for (name, *both), n in counted.items():
        for said, of in zip(both, (said_names, prints), strict=True):
            if said is not None:
                of.setdefault(name, Counter())[said] += n
    notes = []
    for asked, said_of in said_names.items():
        others = [said for said in said_of if not _same(asked, said)]
        if others or len(said_of) > 1:
            notes.append(
                f"**Asked was {_code(asked)}; {_counts(said_of)} said that it answered.**"
            )
    notes += [
        f"**{_code(asked)} answered with {len(of)} fingerprints: {_counts(of)}.** Its provider "
        "changed something behind it."
        for asked, of in prints.items()
        if len(of) > 1
    ]
    return notes


def served_dearer(model: Model, answers: Mapping[str, Answer]) -> list[str]:
    """Say how many calls of a run a provider has served at a higher price than was asked for.

    Each answer has the price of the service tier that its reply names.
    """
    price = price_of(model)
    if price is None:
        return []
    dearer, paid = 0.0, 0
    for answer in answers.values():
        response = answer.response
        served, usage = response.price_usd_per_token, response.usage
        if answer.hit or served is None or usage is None or sum(served) <= sum(price):
            continue
        paid += 1
        dearer += (served[0] - price[0]) * usage.prompt_tokens
        dearer += (served[1] - price[1]) * usage.completion_tokens
    if not paid:
        return []
    n = sum(not answer.hit for answer in answers.values())
    return [
        f"**{paid:,} of {n:,} calls were served by a dearer service tier than was asked for**, by "
        f"what the replies say, and cost {dearer:.4g} USD more: costs and budgets count that."
    ]


def _same(asked: str, said: str) -> bool:
    one, other = asked.casefold(), said.casefold()
    return one in other or other in one


def _counts(of: Counter[str]) -> str:
    named = [f"{_code(said)} ({n:,})" for said, n in of.most_common(MOST_NAMED)]
    return ", ".join(named) + ", ..." * (len(of) > MOST_NAMED)


def _code(said: str) -> str:
    """Write what a server said as code: no markup of its own."""
    return "`" + " ".join(said.split())[:100].replace("`", "'") + "`"
