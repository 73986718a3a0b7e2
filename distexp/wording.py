"""Scores and comparisons put into tables and sentences."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence

from distexp.comparison import Comparison
from distexp.evaluation import Result
from distexp.scoring import CEILING, RAW, REFERENCE, Score

LABELS = {
    RAW: "uncalibrated",
    "uniform": "uniform (ignores the model)",
    REFERENCE: "training mean (ignores the model)",
    CEILING: "human sampling ceiling",
}
SHORT = LABELS | {REFERENCE: "the training mean"}
NOTHING = "–"

Cell = Callable[[Score | None], str]


def score_table(scores: Sequence[Score]) -> str:
    """Lay distances, gains and the worst group out as a Markdown table, a row a method."""
    return _table(
        scores,
        {
            "W1 [interval]": ("w1", _interval(4)),
            "alignment": ("alignment", _number(1, scale=100)),
            "W1 reduction [interval]": ("w1_reduction", _interval(1, scale=100, unit=" %")),
            "alignment gain": ("alignment_gain", _number(1, scale=100, unit=" %")),
            "gap closed": ("gap_closed", _number(0, scale=100, unit=" %")),
            "skill [interval]": ("w1_skill", _interval(1, scale=100, unit=" %")),
            "worst group": ("worst_group", _worst),
            "TV": ("tv", _number(3)),
            "KL": ("kl", _number(3)),
        },
    )


def shape_table(scores: Sequence[Score]) -> str:
    """Lay out how decided the predictions are beside the human answers."""
    return _table(
        scores,
        {
            "entropy ratio [interval]": ("entropy_ratio", _interval(2)),
            "peak ratio [interval]": ("peak_ratio", _interval(2)),
            "option correlation [interval]": ("option_correlation", _interval(2)),
        },
    )


def task_table(scores: Sequence[Score]) -> str:
    """Lay out what the predictions are good for."""
    return _table(
        scores,
        {
            "favourite right [interval]": ("modal_accuracy", _interval(1, scale=100, unit=" %")),
            "mean opinion error [interval]": ("mean_error", _interval(3)),
            "group ranking [interval]": ("group_ranking", _interval(2)),
            "population error [interval]": ("population_error", _interval(3)),
            "worth respondents [interval]": ("respondents", _respondents),
        },
    )


def findings(result: Result, alpha: float) -> str:
    """Say in words what the comparisons show, and no more, and what makes a fit suspect.

    Parameters
    ----------
    result : Result
    alpha : float
        A difference is one whose adjusted p-value is below and whose interval leaves 0 out.
    """
    verdicts = _Verdicts(result, alpha).lines() if result.comparisons else iter(())
    return "\n".join([*verdicts, *(f"- Warning: {warning}" for warning in result.warnings)])


class _Verdicts:
    """What the comparisons of the leading metric say: W1, total variation without a scale."""

    def __init__(self, result: Result, alpha: float) -> None:
        self.result, self.alpha = result, alpha
        ordinal = any(one.metric == "w1" and one.n_questions for one in result.comparisons)
        self.metric, self.name = ("w1", "W1") if ordinal else ("tv", "TV")
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
            yield f"- **{SHORT.get(name, name)}** {'; it '.join(verdicts)}."
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
        other = SHORT.get(one.other, one.other)
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
        best = min(self.calibrators, key=values.__getitem__)
        others = [name for name in self.calibrators if name != best]
        beaten = [name for name in others if self._closer(best, name)]
        alike = [name for name in others if name not in beaten]
        said = [f"is closer than {self._named(beaten)}"] if beaten else []
        said += [f"cannot be told from {self._named(alike)}"] if alike else []
        return (
            f"- Of {len(self.calibrators)} calibrators **{best}** has the least {self.name}; it "
            f"{' and '.join(said)}. Picked by these scores, it looks better than it is."
        )

    def _named(self, names: Sequence[str]) -> str:
        return ", ".join(SHORT.get(name, name) for name in names)


def _table(scores: Sequence[Score], columns: Mapping[str, tuple[str, Cell]]) -> str:
    """Lay out a row a method and a column a metric, numbers to the right."""
    by_method: dict[str, dict[str, Score]] = {}
    for score in scores:
        by_method.setdefault(score.calibrator, {})[score.metric] = score
    header = ["method", *columns]
    rows = [
        [LABELS.get(name, name), *(cell(of.get(metric)) for metric, cell in columns.values())]
        for name, of in by_method.items()
    ]
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    lines = [
        [row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))]
        for row in [header, rule, *rows]
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _number(digits: int, *, scale: float = 1, unit: str = "") -> Cell:
    def cell(score: Score | None) -> str:
        if score is None or math.isnan(score.value):
            return NOTHING
        return f"{scale * score.value:.{digits}f}{unit}"

    return cell


def _interval(digits: int, *, scale: float = 1, unit: str = "") -> Cell:
    number = _number(digits, scale=scale, unit=unit)

    def cell(score: Score | None) -> str:
        if score is None or math.isnan(score.value):
            return NOTHING
        low, high = (f"{scale * x:.{digits}f}" for x in (score.low, score.high))
        return f"{number(score)} [{low}, {high}]"

    return cell


def _worst(score: Score | None) -> str:
    if score is None or math.isnan(score.value):
        return NOTHING
    return f"{_interval(1, scale=100)(score)} {score.detail}"


def _respondents(score: Score | None) -> str:
    """Show a number of people; beyond the ceiling it has no upper end."""
    if score is None or (math.isnan(score.value) and math.isnan(score.low)):
        return NOTHING
    value, low, high = map(_people, (score.value, score.low, score.high))
    return f"{value} [{low}, {high}{')' if math.isnan(score.high) else ']'}"


def _people(n: float) -> str:
    if math.isnan(n):
        return "∞"
    if n < 1:
        return "<1"
    return f"{n:.1f}" if n < 9.95 else f"{n:.0f}"


def _p_value(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"
