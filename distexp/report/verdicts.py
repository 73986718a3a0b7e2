"""Comparisons put into sentences, and the warnings of an evaluation."""

from collections.abc import Iterator, Sequence

from distexp.evaluation.baselines import LABELS, RAW, REFERENCE
from distexp.evaluation.comparison import Comparison
from distexp.evaluation.evaluation import Result
from distexp.metrics.names import METRIC
from distexp.metrics.ties import least
from distexp.report.markdown import escaped

SHORT = LABELS | {REFERENCE: "the training mean"}


def findings(result: Result, alpha: float) -> str:
    """Say in words what the comparisons show, and no more, and what makes a fit suspect.

    Parameters
    ----------
    result : Result
    alpha : float
        A difference is one whose adjusted p-value is below and whose interval leaves 0 out.
    """
    verdicts = _Verdicts(result, alpha).lines() if result.comparisons else iter(())
    return "\n".join(
        [*verdicts, *(f"- Warning: {escaped(warning)}" for warning in result.warnings)]
    )


class _Verdicts:
    """What the comparisons of the leading metric say: W1, total variation without a scale."""

    def __init__(self, result: Result, alpha: float) -> None:
        self.result, self.alpha = result, alpha
        ordinal = any(one.metric == "w1" and one.n_questions for one in result.comparisons)
        self.metric = "w1" if ordinal else "tv"
        self.name = METRIC[self.metric].label
        leading = [one for one in result.comparisons if one.metric == self.metric]
        self.found = {(one.method, one.other): one for one in leading}
        self.calibrators = list(dict.fromkeys(one.method for one in leading if one.method != RAW))

    def lines(self) -> Iterator[str]:
        if not self._model_adds():
            rivals = self._rivals()
            yield (
                "- **The model adds nothing that this survey can show**: no method that asks it "
                f"is closer to the human answers than {self._named(rivals)}, which never "
                f"{'asks' if len(rivals) == 1 else 'ask'} it."
            )
        for name in [RAW, *self.calibrators]:
            others = [REFERENCE] if name == RAW else [RAW, REFERENCE]
            verdicts = [self._verdict(self.found[name, other]) for other in others]
            yield f"- **{_short(name)}** {'; it '.join(verdicts)}."
        if len(self.calibrators) > 1:
            yield self._best()

    def _model_adds(self) -> bool:
        """Whether a method that asks the model beats all that never do."""
        asking = [name for name in [RAW, *self.calibrators] if name not in self.result.ignoring]
        return any(all(self._closer(name, rival) for rival in self._rivals()) for name in asking)

    def _rivals(self) -> list[str]:
        ignoring = [name for name in self.calibrators if name in self.result.ignoring]
        return [REFERENCE, *ignoring]

    def _closer(self, name: str, other: str) -> bool:
        """Whether `name` is closer to the human answers, beyond chance."""
        turned = (name, other) not in self.found
        one = self.found[(other, name) if turned else (name, other)]
        return self._certain(one) and (one.difference > 0) == turned

    def _certain(self, one: Comparison) -> bool:
        return one.p_holm < self.alpha and not one.low <= 0 <= one.high

    def _verdict(self, one: Comparison) -> str:
        other = _short(one.other)
        numbers = (
            f"{self.name} {one.difference:+.4f} [{one.low:+.4f}, {one.high:+.4f}], "
            f"{_p_value(one.p_holm)}"
        )
        if not self._certain(one):
            return f"cannot be told from {other} ({numbers})"
        nearer = "closer to" if one.difference < 0 else "further from"
        return f"is {nearer} the human answers than {other} ({numbers})"

    def _best(self) -> str:
        """Say which calibrator has the least distance, and of which others that is certain."""
        values = {
            score.calibrator: score.value
            for score in self.result.scores
            if score.metric == self.metric
        }
        best = self.calibrators[least([values[name] for name in self.calibrators])]
        others = [name for name in self.calibrators if name != best]
        beaten = [name for name in others if self._closer(best, name)]
        alike = [name for name in others if name not in beaten]
        said = [f"is closer than {self._named(beaten)}"] if beaten else []
        said += [f"cannot be told from {self._named(alike)}"] if alike else []
        return (
            f"- Of {len(self.calibrators)} calibrators **{escaped(best)}** has the least "
            f"{self.name}; it {' and '.join(said)}. Picked by these scores, it looks better "
            "than it is."
        )

    def _named(self, names: Sequence[str]) -> str:
        return ", ".join(map(_short, names))


def _short(name: str) -> str:
    """Return what a sentence calls a method."""
    return SHORT[name] if name in SHORT else escaped(name)


def _p_value(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"
