"""What replies show of the model behind them: whether it varies, and who says that it answered."""

from collections import Counter
from collections.abc import Mapping, Sequence

from distexp.asking.answers import Answer
from distexp.request import Request
from distexp.types import Reading, Response, Shares

LEAST_CASES = 5
"""Of fewer cases nothing is said: their draws may agree by chance."""
MOST_NAMED = 5


class Draws:
    """Counts the cases whose draws all say the same, where there is more than one."""

    def __init__(self) -> None:
        self.n_cases = 0
        self.n_alike = 0
        self.n_draws = 0

    def count(
        self, orders: Sequence[tuple[int, ...]], readings: Sequence[Reading | Shares | None]
    ) -> None:
        """Count a case: the order in which each draw showed the options, and what it said."""
        said: dict[tuple[int, ...], list[Reading | Shares]] = {}
        for order, reading in zip(orders, readings, strict=True):
            if reading is not None:
                said.setdefault(order, []).append(reading)
        repeated = [of_one for of_one in said.values() if len(of_one) > 1]
        if repeated:
            self.n_cases += 1
            self.n_draws += sum(map(len, repeated))
            self.n_alike += all(one == of_one[0] for of_one in repeated for one in of_one)

    def note(self, model: str, elicitation: str, style: str) -> str | None:
        """Say that a model does not vary; None where it does, or too little is known."""
        if self.n_cases < LEAST_CASES or self.n_alike < self.n_cases:
            return None
        return (
            f"**The model does not vary: all draws agree in each of {self.n_cases} cases "
            f"({self.n_draws:,} draws; {model}, {elicitation}, prompt {style}).** Shares of such "
            "draws are one answer each and no distribution; use verbalized or sequence."
        )


def who_answered(
    requests: Sequence[Request], answers: Mapping[str, Answer]
) -> tuple[tuple[str, str | None, str | None, int], ...]:
    """Return who says that it answered: model asked, name and fingerprint said, answers."""
    found: Counter[tuple[str, str | None, str | None]] = Counter()
    for request in {request.key: request for request in requests}.values():
        answer = answers.get(request.key)
        if answer is not None and not answer.response.is_refusal:
            found[request.model, *_said(answer.response)] += 1
    return tuple((*who, n) for who, n in sorted(found.items(), key=str))


def _said(response: Response) -> tuple[str | None, str | None]:
    return response.provider_model, response.system_fingerprint
