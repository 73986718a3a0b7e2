"""Every metric is named once, and what is named is measured, shown and documented."""

from pathlib import Path

import numpy as np

from distexp.metrics.distance import BY_NAME, Scores, score
from distexp.metrics.names import DISTANCES, METRIC, METRICS, columns, keys
from distexp.metrics.shape import Shape
from distexp.metrics.tasks import Tasks

DOCS = Path(__file__).parents[2] / "docs"


def test_keys_are_different() -> None:
    """A key stands for one metric."""
    assert len(METRIC) == len(METRICS)


def test_every_distance_that_is_measured_has_a_name_and_a_function() -> None:
    """In one order, so that a new one cannot be forgotten in either place."""
    assert [metric.field for metric in DISTANCES] == list(Scores._fields) == list(BY_NAME)


def test_every_source_is_a_field_of_what_is_measured() -> None:
    """Metrics without a source are worked out from others."""
    rooms = {
        "distances": Scores._fields,
        "shape": Shape._fields,
        "tasks": Tasks._fields,
    }
    for metric in METRICS:
        if metric.source:
            room = metric.source.partition(".")[0]
            assert metric.field in rooms[room], metric.key


def test_every_metric_stands_in_one_table_of_the_report() -> None:
    """The worth in respondents at the end of its own."""
    shown = [*columns("distances"), *columns("shape"), *columns("use")]

    assert sorted(keys(shown)) == sorted(keys())
    assert shown[-1].key == "respondents"


def test_headings_say_where_the_interval_stands() -> None:
    """But for the worst group, whose cell is long enough."""
    for metric in METRICS:
        if metric.key != "worst_group":
            assert metric.heading.endswith("[interval]") == metric.shown.interval, metric.key


def test_every_metric_is_defined_in_the_documentation() -> None:
    """By its key."""
    text = (DOCS / "methods.md").read_text(encoding="utf-8")

    assert [metric.key for metric in METRICS if f"`{metric.key}`" not in text] == []


def test_every_distance_is_0_of_equal_shares_and_more_of_others() -> None:
    """But for the divergence, which smoothing keeps a little above 0."""
    shares, others = np.array([[0.5, 0.3, 0.2]]), np.array([[0.2, 0.3, 0.5]])
    ordinals, mask = np.array([[0.0, 0.5, 1.0]]), np.full((1, 3), fill_value=True)

    same, apart = (score(p, shares, ordinals, mask) for p in (shares, others))

    assert all(abs(distance[0]) < 1e-3 for distance in same)
    assert all(distance[0] > 0.1 for distance in apart)
