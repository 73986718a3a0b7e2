"""The tables of scores, shape and tasks."""

import math
from collections.abc import Sequence

from distexp.evaluation.baselines import LABELS
from distexp.evaluation.scores import Score
from distexp.metrics.names import Metric, columns
from distexp.report import markdown
from distexp.report.markdown import Markdown, escaped
from distexp.visible import within

NOTHING = "–"


def score_table(scores: Sequence[Score]) -> str:
    """Lay distances, gains and the worst group out as a Markdown table, a row a method."""
    return _table(scores, columns("distances"))


def shape_table(scores: Sequence[Score]) -> str:
    """Lay out how decided the predictions are beside the human answers."""
    return _table(scores, columns("shape"))


def task_table(scores: Sequence[Score]) -> str:
    """Lay out what the predictions are good for."""
    return _table(scores, columns("use"))


def _table(scores: Sequence[Score], metrics: Sequence[Metric]) -> str:
    """Lay out a row a method and a column a metric, numbers to the right."""
    by_method: dict[str, dict[str, Score]] = {}
    for score in scores:
        by_method.setdefault(score.calibrator, {})[score.metric] = score
    header = [Markdown(text) for text in ("method", *(metric.heading for metric in metrics))]
    rows = [
        [label(name), *(Markdown(_cell(metric, of.get(metric.key))) for metric in metrics)]
        for name, of in by_method.items()
    ]
    return markdown.table(header, rows, right=range(1, len(header)))


def _cell(metric: Metric, score: Score | None) -> str:
    """Show a score as its metric is shown, with the group of people that it names."""
    shown = metric.shown
    if score is not None and shown.people:
        return _respondents(score)
    if score is None or math.isnan(score.value):
        return NOTHING

    def written(number: float) -> str:
        return f"{shown.scale * number:.{shown.digits}f}"

    value = written(score.value)
    interval = within(score.low, score.high, written) if shown.interval else ""
    named = f" {escaped(score.detail)}" if score.detail and metric.key == "worst_group" else ""
    return f"{value}{shown.unit}{interval}{named}"


def _respondents(score: Score) -> str:
    """Show a number of people; beyond the ceiling it has no upper end."""
    if math.isnan(score.value) and math.isnan(score.low):
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
