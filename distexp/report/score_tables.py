"""The tables of scores, shape and tasks."""

import math
from collections.abc import Callable, Mapping, Sequence

from distexp.evaluation.scores import CEILING, RAW, REFERENCE, Score
from distexp.report import markdown
from distexp.report.markdown import Markdown, escaped

LABELS = {
    RAW: "uncalibrated",
    "uniform": "uniform (ignores the model)",
    REFERENCE: "training mean (ignores the model)",
    CEILING: "human sampling ceiling",
}


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


def _table(scores: Sequence[Score], columns: Mapping[str, tuple[str, Cell]]) -> str:
    """Lay out a row a method and a column a metric, numbers to the right."""
    by_method: dict[str, dict[str, Score]] = {}
    for score in scores:
        by_method.setdefault(score.calibrator, {})[score.metric] = score
    header = list(map(Markdown, ["method", *columns]))
    rows = [
        [label(name), *(Markdown(cell(of.get(metric))) for metric, cell in columns.values())]
        for name, of in by_method.items()
    ]
    return markdown.table(header, rows, right=range(1, len(header)))


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
    return f"{_interval(1, scale=100)(score)} {escaped(score.detail)}"


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


def label(name: str) -> str:
    """Return what a table calls a method."""
    return Markdown(LABELS[name]) if name in LABELS else escaped(name)
