"""Views pick, order and compare what runs left; the numbers are worked out by hand."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from distexp.cli.summarize import main as summarize
from distexp.errors import ConfigError, DatasetError
from distexp.metrics.names import DISTANCES, METRICS, Metric, keys
from distexp.report.kept_tables import group_scores_schema, spreads_schema
from distexp.report.tables import (
    cases_schema,
    cut,
    predictions_schema,
    scores_schema,
)
from distexp.terminal.texts import rendered
from distexp.view.base import Runs, View, markdown_table, write
from distexp.view.brief import lines
from distexp.view.groups import ExaggerationView, GroupView
from distexp.view.pairs import ContrastView
from distexp.view.scores import ScoreView
from distexp.view.summary import load_view
from distexp.view.variance import VarianceView

CONF = Path(__file__).parents[2] / "conf"
CONDITION = {"dataset": "d", "model": "m", "elicitation": "e", "prompt": "p"}


def frame(rows: list[dict[str, Any]], schema: dict[str, Any]) -> pl.DataFrame:
    """Make a table with a schema's columns; what a row leaves out is null."""
    return pl.DataFrame([{name: row.get(name) for name in schema} for row in rows], schema=schema)


def runs(
    scores: list[dict[str, Any]] | None = None,
    cases: list[dict[str, Any]] | None = None,
    predictions: list[dict[str, Any]] | None = None,
    group_scores: list[dict[str, Any]] | None = None,
    spreads: list[dict[str, Any]] | None = None,
) -> Runs:
    """Make runs out of rows."""
    calibrated = {"calibrated_identity": pl.Float64, "calibrated_ridge": pl.Float64}
    trained = {"n_train": pl.Int64}
    return Runs(
        scores=frame(scores or [], scores_schema()),
        cases=frame(cases or [], cases_schema()),
        predictions=frame(predictions or [], predictions_schema() | calibrated),
        group_scores=frame(group_scores or [], group_scores_schema() | trained),
        spreads=frame(spreads or [], spreads_schema() | trained),
    )


def score(value: float, **fields: Any) -> dict[str, Any]:
    """Make a row of scores."""
    row = {**CONDITION, "calibrator": "identity", "scope": "pooled", "metric": "alignment"}
    return {**row, "value": value, "low": value - 0.1, "high": value + 0.1, "n_train": 5, **fields}


def test_scores_are_ordered_by_the_first_metric_the_best_first() -> None:
    """Alignment falls, distances rise; each metric brings its interval."""
    rows = [score(0.7, model="a"), score(0.9, model="b"), score(0.8, model="a", metric="tv")]

    table = ScoreView(name="n", question="q", metrics=["alignment", "tv"]).table(runs(rows))
    reverse = ScoreView(name="n", question="q", metrics=["w1"]).table(
        runs([{**row, "metric": "w1"} for row in rows[:2]])
    )

    assert table["model"].to_list() == ["b", "a"]
    assert table["tv"].to_list() == [None, 0.8]
    assert table.row(0, named=True)["alignment_low"] == pytest.approx(0.8)
    assert reverse["model"].to_list() == ["a", "b"]


@pytest.mark.parametrize("metric", METRICS, ids=keys())
def test_the_best_value_of_every_metric_comes_first(metric: Metric) -> None:
    """Of .05, .4, .9 and 1.6: the least distance, the greatest gain, the ratio nearest to 1."""
    rows = [score(v, model=str(v), metric=metric.key) for v in (0.4, 1.6, 0.05, 0.9)]

    table = ScoreView(name="n", question="q", metrics=[metric.key]).table(runs(rows))

    assert (
        table["model"].to_list()
        == {
            "small": ["0.05", "0.4", "0.9", "1.6"],
            "great": ["1.6", "0.9", "0.4", "0.05"],
            "one": ["0.9", "0.4", "1.6", "0.05"],
        }[metric.best]
    )


def test_errors_and_distances_are_the_metrics_that_are_best_small() -> None:
    """A gain, an accuracy, an order and a worth are best great; shapes are best as they are."""
    small = {metric.key for metric in METRICS if metric.best == "small"}

    assert {"w1", "tv", "kl", "mean_error", "population_error"} <= small
    assert small - {"mean_error", "population_error"} == set(keys(DISTANCES))
    assert {m.key for m in METRICS if m.best == "one"} == {"entropy_ratio", "peak_ratio"}


def test_calibrators_are_chosen_and_left_out() -> None:
    """A view shows what it is about."""
    rows = [score(0.5, calibrator=name) for name in ("identity", "ridge", "uniform")]

    chosen = ScoreView(name="n", question="q", metrics=["alignment"], calibrators=["ridge"])
    rest = ScoreView(name="n", question="q", metrics=["alignment"], leave_out=["uniform"])

    assert chosen.table(runs(rows))["calibrator"].to_list() == ["ridge"]
    assert rest.table(runs(rows))["calibrator"].to_list() == ["identity", "ridge"]


def test_curves_run_along_the_number_of_training_questions() -> None:
    """With `x`, rows go by it and not by the metric."""
    rows = [score(value, n_train=n) for n, value in ((5, 0.9), (1, 0.95), (2, 0.8))]

    table = ScoreView(name="n", question="q", metrics=["alignment"], x="n_train").table(runs(rows))

    assert table["n_train"].to_list() == [1, 2, 5]


def test_variance_holds_the_other_choices_fixed() -> None:
    """Over models: sd(.6, .8) with elicitation e and sd(.5, .9) with f average to .2121."""
    rows = [
        score(0.6, model="a"),
        score(0.8, model="b"),
        score(0.5, model="a", elicitation="f"),
        score(0.9, model="b", elicitation="f"),
        score(0.1, model="a", calibrator="uniform"),
    ]

    table = VarianceView().table(runs(rows))

    assert table.row(0, named=True) == {
        "calibrator": "identity",
        "over": "model",
        "sd": pytest.approx((0.02**0.5 + 0.08**0.5) / 2),
        "n_sets": 2,
        "n_scores": 4,
    }
    assert table["over"].to_list() == ["model", "elicitation"]
    assert "Over model: 0.2121 uncalibrated" in VarianceView().caption(table)


def test_worst_served_group_comes_first() -> None:
    """A W1 of .3 is an alignment of .7, and the ends of its interval change places."""
    of_group = {**CONDITION, "calibrator": "identity", "attribute": "sex", "n_questions": 2}
    rows = [
        of_group | {"group": "F", "w1": 0.1, "low": 0.05, "high": 0.2},
        of_group | {"group": "M", "w1": 0.3, "low": 0.2, "high": 0.45},
        of_group | {"group": "M", "w1": 0.5, "low": 0.4, "high": 0.6, "calibrator": "uniform"},
    ]

    table = GroupView().table(runs(group_scores=rows))

    assert table["group"].to_list() == ["M", "F"]
    assert table["alignment"].to_list() == pytest.approx([0.7, 0.9])
    assert (table["low"][0], table["high"][0]) == pytest.approx((0.55, 0.8))
    assert "M (sex) 0.700 [0.550, 0.800]; mean over groups 0.800" in GroupView().caption(table)


def test_groups_asked_nothing_with_a_scale_are_no_worst_ones(tmp_path: Path) -> None:
    """They have no distance; and where a run lacks an interval, the mean of both has none."""
    of_group = {**CONDITION, "calibrator": "identity", "attribute": "sex", "n_train": 5}
    rows = [
        of_group | {"group": "F", "w1": 0.1, "low": 0.05, "high": 0.2, "n_questions": 2},
        of_group | {"group": "F", "w1": 0.5, "n_questions": 1},
        of_group | {"group": "M", "n_questions": 0},
    ]

    text = write(GroupView(), runs(group_scores=rows), tmp_path)

    assert "F (sex) 0.700; mean over groups 0.700" in text
    assert "M (sex)" not in text
    assert "without a scale" in write(GroupView(), runs(group_scores=rows[2:]), tmp_path)


def test_exaggeration_is_told_where_the_whole_interval_is_above_1() -> None:
    """Runs of one condition that differ in a seed have the mean of their numbers and ends."""
    of_sex = {**CONDITION, "calibrator": "identity", "attribute": "sex", "n_questions": 9}
    of_sex |= {"human_sd": 0.1, "predicted_sd": 0.3, "n_train": 5}
    rows = [
        of_sex | {"ratio": ratio, "low": ratio - 1.5, "high": ratio + 1.5} for ratio in (2.8, 3.2)
    ]

    table = ExaggerationView().table(runs(spreads=rows))

    [row] = table.rows(named=True)
    assert (row["ratio"], row["ratio_low"], row["ratio_high"]) == pytest.approx((3.0, 1.5, 4.5))
    assert "exaggerates it in 1 and flattens it in 0 of 1" in ExaggerationView().caption(table)


def test_where_people_of_all_groups_think_alike_nothing_is_said_to_include_1() -> None:
    """There is no ratio, and no interval of one."""
    of_sex = {**CONDITION, "calibrator": "identity", "attribute": "sex", "n_questions": 9}

    table = ExaggerationView().table(runs(spreads=[of_sex | {"human_sd": 0, "predicted_sd": 0.3}]))

    assert "in 0 of 0 sets" in ExaggerationView().caption(table)


@pytest.mark.parametrize("view", [GroupView(), ExaggerationView()], ids=lambda view: view.name)
def test_runs_without_numbers_of_groups_are_said_to_have_none(view: View, tmp_path: Path) -> None:
    """Table and figure are empty, and the text says how to get them for nothing."""
    assert "cache.mode=replay" in write(view, runs(), tmp_path)


@pytest.mark.parametrize("name", ["leaderboard", "variance"])
def test_view_leaves_table_text_and_figure(tmp_path: Path, name: str) -> None:
    """The Markdown file has the caption, the table and the figure."""
    view = load_view(name)
    rows = [score(0.7, model="a"), score(0.9, model="b")]

    text = write(view, runs(rows), tmp_path)

    assert {path.name for path in tmp_path.iterdir()} == {
        f"{name}.parquet", f"{name}.md", f"{name}.svg",
    }  # fmt: skip
    assert text in (tmp_path / f"{name}.md").read_text()
    assert_frame_equal(pl.read_parquet(tmp_path / f"{name}.parquet"), view.table(runs(rows)))


def test_people_read_uncalibrated_where_files_say_identity(tmp_path: Path) -> None:
    """In the Markdown table, the caption and the figure; the key in the file stays."""
    view = ScoreView(name="n", question="q", metrics=["alignment"])

    text = write(view, runs([score(0.9), score(0.7, calibrator="ridge")]), tmp_path)

    figure = (tmp_path / "n.svg").read_text()
    assert "identity" not in text + figure
    assert "prompt p, uncalibrated: alignment 0.900" in text
    assert "uncalibrated" in figure
    assert pl.read_parquet(tmp_path / "n.parquet")["calibrator"].to_list() == ["identity", "ridge"]


def test_markdown_shows_nothing_for_what_is_undefined() -> None:
    """Numbers have four digits and null is an empty cell."""
    text = markdown_table(pl.DataFrame({"name": ["a", "b"], "x": [0.5, None]}))

    assert text.splitlines()[2:] == ["| a    | 0.5000 |", "| b    |        |"]


def test_summarize_joins_every_run_below_its_folders(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two runs in two folders are one leaderboard, and equal rows stand once."""
    for place, model in (("x/1", "a"), ("y/2", "b"), ("y/3", "b")):
        folder = tmp_path / place
        folder.mkdir(parents=True)
        made = runs([score(0.7, model=model)])
        for name in ("scores", "cases", "predictions"):
            getattr(made, name).write_parquet(folder / f"{name}.parquet")

    summarize([str(tmp_path / "x"), str(tmp_path / "y"), "--out", str(tmp_path / "out")])

    assert pl.read_parquet(tmp_path / "out" / "leaderboard.parquet")["model"].to_list() == [
        "a",
        "b",
    ]
    assert "leaderboard.md" in capsys.readouterr().out


def older(made: Runs, folder: Path) -> Path:
    """Write the tables as the first version of their schema had them, which stated none."""
    folder.mkdir(parents=True)
    cut(made.scores, 1).write_parquet(folder / "scores.parquet")
    cut(made.cases, 1).write_parquet(folder / "cases.parquet")
    made.predictions.drop("design_effect", "off_scale").write_parquet(
        folder / "predictions.parquet"
    )
    (folder / "summary.json").write_text('{"calls": {}}')
    return folder


def some_run(model: str) -> Runs:
    """Make the tables of one run with all metrics of three methods on four questions."""
    methods, questions = ("identity", "ridge", "auto"), [f"q{i}" for i in range(4)]
    scores = [
        score(0.5, model=model, calibrator=name, metric=key, n_questions=4)
        for name in methods
        for key in keys()
    ]
    cases = [
        {**CONDITION, "model": model, "question_id": question, "calibrator": name}
        | {"attribute": "sex", "group": group}
        | {key: 0.1 + i / 10 for key in keys(DISTANCES)}
        for i, question in enumerate(questions)
        for group in ("M", "F")
        for name in methods
    ]
    predictions = [
        {**CONDITION, "model": model, "question_id": question, "attribute": "sex", "group": group}
        | {"kind": "binary", "status": "ok", "ordinal": float(option), "option_index": option}
        | {"n_respondents": 20.0, "human": 0.4 + option / 5 if group == "M" else 0.5}
        | {f"calibrated_{name}": 0.5 for name in ("identity", "ridge")}
        for question in questions
        for group in ("M", "F")
        for option in (0, 1)
    ]
    of_people = [
        {**CONDITION, "model": model, "attribute": "sex", "group": "M", "calibrator": "identity"}
        | {"w1": 0.1, "ratio": 2.0}
    ]
    return runs(scores, cases, predictions, of_people, of_people)


@pytest.mark.parametrize("name", sorted(path.stem for path in (CONF / "view").glob("*.yaml")))
def test_every_view_reads_runs_of_an_earlier_version_and_says_what_they_lack(
    tmp_path: Path, name: str
) -> None:
    """No view needs a column that was not always there."""
    folder = older(some_run("a"), tmp_path / "runs" / "1")

    text = write(load_view(name), Runs.read([folder]), tmp_path, figure=False)

    assert "1 of 1 runs have tables of schema 1, before today's 3, and lack" in text
    assert "hellinger, jensen_shannon" in text


def test_a_metric_that_some_runs_lack_is_shown_of_the_others(tmp_path: Path) -> None:
    """Of an old and a new run a view of the new metric tells the new one, and says so."""
    old, new = older(some_run("a"), tmp_path / "1"), tmp_path / "2"
    new.mkdir()
    made = some_run("b")
    for name in ("scores", "cases", "predictions"):
        getattr(made, name).write_parquet(new / f"{name}.parquet")
    found = Runs.read([old, new])

    ranked = ScoreView(name="n", question="q", metrics=["hellinger"]).table(found)
    pairs = ContrastView(name="n", question="q", column="calibrator", metrics=["hellinger"])

    assert ranked.filter(pl.col("hellinger").is_not_null())["model"].unique().to_list() == ["b"]
    assert pairs.table(found)["n_conditions"].to_list() == [1]
    assert found.lacking.startswith("1 of 2 runs")
    assert Runs.read([new]).lacking == ""


def test_a_row_holds_the_scores_of_one_run(tmp_path: Path) -> None:
    """Runs that differ in a seed are rows of their own; a run that is there twice is one."""
    for folder, value in (("1", 0.1), ("2", 0.2), ("3", 0.2)):
        made = some_run("a")
        (tmp_path / folder).mkdir()
        made.scores.with_columns(value=value).write_parquet(tmp_path / folder / "scores.parquet")
        for name in ("cases", "predictions"):
            getattr(made, name).write_parquet(tmp_path / folder / f"{name}.parquet")

    table = ScoreView(name="n", question="q", metrics=["w1", "tv", "kl"]).table(
        Runs.read([tmp_path])
    )

    shown = table.filter(calibrator="ridge").select("w1", "tv", "kl").rows()
    assert sorted(shown) == [(0.1, 0.1, 0.1), (0.2, 0.2, 0.2)]


@pytest.mark.parametrize("metric", ["hellinger", "jensen_shannon"])
def test_views_of_a_metric_that_no_run_has_are_empty(tmp_path: Path, metric: str) -> None:
    """Table, text and figure are made all the same."""
    found = Runs.read([older(some_run("a"), tmp_path / "run")])

    for view in (
        ScoreView(name="scores", question="q", metrics=[metric]),
        ContrastView(name="pairs", question="q", column="calibrator", metrics=[metric]),
    ):
        assert metric in write(view, found, tmp_path)
        assert (tmp_path / f"{view.name}.svg").is_file()


def test_summarize_without_runs_says_so(tmp_path: Path) -> None:
    """An empty folder is an error that names it."""
    with pytest.raises(DatasetError, match="no finished run below"):
        summarize([str(tmp_path)])


def test_unknown_view_lists_the_known_ones() -> None:
    """A typing error is answered with the choices."""
    with pytest.raises(ConfigError, match="Choose one of calibration, constraint, "):
        load_view("leaderbord")


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"metrics": ["accuracy"]}, "'metrics'"), ({"x": "model"}, "'x'"), ({"name": ""}, "'name'")],
)
def test_bad_setting_is_refused(settings: dict[str, Any], message: str) -> None:
    """The sentence names the parameter."""
    with pytest.raises(ConfigError, match=message):
        ScoreView(**{"name": "n", "question": "q", "metrics": ["w1"], **settings})


@pytest.mark.parametrize("name", ["groups", "variance", "exaggeration"])
def test_runs_of_one_condition_that_differ_are_said_to_be_put_together(
    tmp_path: Path, name: str
) -> None:
    """Two seeds of one condition look like more questions; the same run twice does not."""
    made = some_run("a")
    other = replace(made, scores=made.scores.with_columns(pl.col("value") + 0.01))
    for number, one in enumerate([made, made, other]):
        folder = tmp_path / f"run{number}"
        folder.mkdir()
        for table in ("scores", "cases", "predictions"):
            getattr(one, table).write_parquet(folder / f"{table}.parquet")
        for table in ("group_scores", "spreads"):
            getattr(one, table).drop("n_train").write_parquet(folder / f"{table}.parquet")

    same, differ = (
        write(load_view(name), Runs.read([tmp_path / f"run{n}" for n in runs]), tmp_path / "out",
              figure=False)
        for runs in ((0, 1), (0, 2))
    )  # fmt: skip

    assert "are put together" not in same
    assert "Runs that differ in a seed, a version or a setting are put together" in differ


@pytest.mark.parametrize("name", ["groups", "exaggeration"])
def test_terminal_says_why_there_is_no_row(tmp_path: Path, name: str) -> None:
    """Runs of earlier versions kept no numbers of groups; another run costs nothing."""
    view = load_view(name)
    write(view, runs([score(0.9)]), tmp_path, figure=False)

    [said] = lines(view, tmp_path, columns=100)

    assert str(said).startswith(f"{name}: no row.")
    assert "cache.mode=replay" in str(said)


def test_terminal_shows_methods_that_never_ask_once(tmp_path: Path) -> None:
    """They score the same beside each model; models that do not are told apart."""
    view = load_view("leaderboard")
    rows = [
        score(value, model=model, calibrator=calibrator)
        for model, own in (("a", 0.7), ("b", 0.6))
        for calibrator, value in (("blind", 0.9), ("ridge", own))
    ]
    write(view, runs(rows), tmp_path, figure=False)

    shown = rendered(lines(view, tmp_path, columns=100), 100)

    found = [
        line.split()[:2] for line in shown.splitlines() if line[:4].strip() in {"a", "b", "all"}
    ]
    assert found == [["all", "blind"], ["a", "ridge"], ["b", "ridge"]]
