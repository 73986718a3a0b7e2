"""Every metric once: its key in files, its words, how it is shown, and which way is better.

Tables, comparisons, sentences, views and cards read what they need from here. A new distance is
an entry of `METRICS` and a function, a field and a line in `distexp.metrics.distance`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import inf
from typing import Literal

Best = Literal["small", "great", "one"]
Table = Literal["distances", "shape", "use"]
Scale = Literal["plain", "log", "log_rest"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """How a value stands in a report."""

    digits: int
    scale: float = 1
    unit: str = ""
    interval: bool = False
    """Whether the interval stands beside the value."""
    people: bool = False
    """Whether it is a number of people: digits by size, and no upper end beyond the ceiling."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """What is to be known about one metric; `docs/methods.md` defines it."""

    key: str
    """Its name in files and settings."""
    label: str
    """What sentences call it."""
    heading: str
    """Of its column in a report; says so where the interval stands in it."""
    best: Best
    """Which values are better; `one`: those closer to 1."""
    table: Table
    """Of the report, in which it stands."""
    shown: Shown
    source: str = ""
    """Room and field of `distexp.evaluation.measures.Measures` whose mean it is; empty where
    `distexp.evaluation.scores` works it out. Those of `distances` are columns of `cases.parquet`,
    and compared by sign flips."""
    by_cell: bool = False
    """Whether the source has a value for each question and attribute in place of each case."""
    note: str = ""
    """What the report says it is."""
    headline: bool = False
    """Whether `summary.json` has it."""
    on_card: bool = False
    """Whether a card states it."""
    since: int = 1
    """The schema of the tables that first had it: one more than the last."""
    bounds: tuple[float, float] = (0.0, 1.0)
    """What no value lies beyond."""
    scale: Scale = "plain"
    """On which intervals are symmetric: that of the value, of its logarithm, or of the logarithm
    of what it lacks of 1. Means that cannot be negative are skewed, and so are their ratios."""
    last: bool = False
    """Whether it stands at the end of its table in a report, whatever its place in files."""

    @property
    def field(self) -> str:
        """The field of the source."""
        return self.source.partition(".")[2]

    def is_of(self, room: str) -> bool:
        """Return whether it is a mean of a field of `distances`, `shape` or `tasks`."""
        return self.source.startswith(f"{room}.")


ANY, POSITIVE, GAIN, CORRELATION = (-inf, inf), (0.0, inf), (-inf, 1.0), (-1.0, 1.0)
PERCENT = Shown(digits=1, scale=100, unit=" %")
PERCENT_INTERVAL = Shown(digits=1, scale=100, unit=" %", interval=True)

METRICS = (
    Metric(
        key="w1", label="W1", heading="W1 [interval]", best="small", table="distances",
        shown=Shown(digits=4, interval=True), source="distances.wasserstein",
        note="the Wasserstein distance on ordinals scaled to [0, 1], smaller is better",
        headline=True, on_card=True,
        scale="log",
    ),
    Metric(
        key="alignment", label="alignment", heading="alignment", best="great", table="distances",
        shown=Shown(digits=1, scale=100), note="1 − W1 in points", headline=True, on_card=True,
        scale="log_rest",
    ),
    Metric(
        key="w1_reduction", label="W1 reduction", heading="W1 reduction [interval]", best="great",
        table="distances", shown=PERCENT_INTERVAL, headline=True, on_card=True,
        bounds=GAIN,
        scale="log_rest",
    ),
    Metric(
        key="alignment_gain", label="alignment gain", heading="alignment gain", best="great",
        table="distances", shown=PERCENT,
        bounds=ANY,
    ),
    Metric(
        key="gap_closed", label="gap closed", heading="gap closed", best="great",
        table="distances", shown=Shown(digits=0, scale=100, unit=" %"),
        bounds=ANY,
    ),
    Metric(
        key="w1_skill", label="skill", heading="skill [interval]", best="great", table="distances",
        shown=PERCENT_INTERVAL, headline=True, on_card=True,
        bounds=GAIN,
        scale="log_rest",
    ),
    Metric(
        key="worst_group", label="alignment of the worst group",
        heading="alignment of the worst group", best="great", table="distances",
        shown=Shown(digits=1, scale=100, interval=True), scale="log_rest",
    ),
    Metric(
        key="tv", label="TV", heading="TV", best="small", table="distances",
        shown=Shown(digits=3), source="distances.total_variation", note="total variation",
        on_card=True,
        scale="log",
    ),
    Metric(
        key="kl", label="KL", heading="KL", best="small", table="distances",
        shown=Shown(digits=3), source="distances.kl_divergence", note="the divergence in nats",
        bounds=POSITIVE,
        scale="log",
    ),
    Metric(
        key="hellinger", label="Hellinger distance", heading="Hellinger", best="small",
        table="distances", shown=Shown(digits=3), source="distances.hellinger", since=2,
        note="that of the roots of the shares, in [0, 1]",
        scale="log",
    ),
    Metric(
        key="jensen_shannon", label="Jensen–Shannon distance", heading="Jensen–Shannon",
        best="small", table="distances", shown=Shown(digits=3), since=2,
        source="distances.jensen_shannon",
        note="the root of the divergence to base 2, in [0, 1]",
        scale="log",
    ),
    Metric(
        key="entropy_ratio", label="entropy ratio", heading="entropy ratio [interval]", best="one",
        table="shape", shown=Shown(digits=2, interval=True),
        bounds=POSITIVE,
        scale="log",
    ),
    Metric(
        key="peak_ratio", label="peak ratio", heading="peak ratio [interval]", best="one",
        table="shape",
        shown=Shown(digits=2, interval=True),
        bounds=POSITIVE,
        scale="log",
    ),
    Metric(
        key="option_correlation", label="option correlation",
        heading="option correlation [interval]",
        best="great", table="shape", shown=Shown(digits=2, interval=True),
        source="shape.correlation",
        bounds=CORRELATION,
    ),
    Metric(
        key="respondents", label="worth in respondents", heading="worth respondents [interval]",
        best="great", table="use", shown=Shown(digits=1, interval=True, people=True), last=True,
        bounds=POSITIVE,
    ),
    Metric(
        key="modal_accuracy", label="favourite answer", heading="favourite right [interval]",
        best="great",
        table="use", shown=PERCENT_INTERVAL, source="tasks.modal",
    ),
    Metric(
        key="mean_error", label="mean opinion", heading="mean opinion error [interval]",
        best="small",
        table="use", shown=Shown(digits=3, interval=True), source="tasks.mean_error",
        scale="log",
    ),
    Metric(
        key="group_ranking", label="ranking of groups", heading="group ranking [interval]",
        best="great",
        table="use", shown=Shown(digits=2, interval=True), source="tasks.ranking", by_cell=True,
        bounds=CORRELATION,
    ),
    Metric(
        key="population_error", label="whole population", heading="population error [interval]",
        best="small", table="use", shown=Shown(digits=3, interval=True),
        source="tasks.population", by_cell=True,
        scale="log",
    ),
)  # fmt: skip
"""In the order of `scores.parquet`."""
METRIC = {metric.key: metric for metric in METRICS}
DISTANCES = tuple(metric for metric in METRICS if metric.is_of("distances"))
"""Known case by case: columns of `cases.parquet`, and what comparisons are of."""
TASKS = tuple(metric for metric in METRICS if metric.is_of("tasks"))


def keys(metrics: Iterable[Metric] = METRICS) -> tuple[str, ...]:
    """Return the names in files."""
    return tuple(metric.key for metric in metrics)


def columns(table: Table) -> tuple[Metric, ...]:
    """Return the metrics of one table of the report, in the order of its columns."""
    of_table = (metric for metric in METRICS if metric.table == table)
    return tuple(sorted(of_table, key=lambda metric: metric.last))
