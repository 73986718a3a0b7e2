"""Contrasts: differences, intervals and verdicts worked out by hand, and nothing averaged away."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from numpy.testing import assert_allclose

from distexp.errors import ConfigError
from distexp.view.base import Runs, write
from distexp.view.contrast import BETTER, EQUAL, WORSE, contrasted
from distexp.view.examples import ExamplesView
from distexp.view.pairs import ContrastView
from distexp.view.summary import load_view

KEYS = ["dataset", "metric"]
CASE = {
    "dataset": "d", "model": "m", "elicitation": "e", "prompt": "p", "question_id": "q0",
    "attribute": "sex", "group": "F", "calibrator": "identity", "n_train": 10, "w1": 0.2,
    "tv": 0.3, "kl": 0.4,
}  # fmt: skip


def pair(first: float | None, second: float | None, **fields: Any) -> dict[str, Any]:
    """Make a row of two values."""
    row = {"dataset": "d", "metric": "w1", "condition": "c", "question_id": "q"}
    return row | {"value_first": first, "value_second": second} | fields


def steady(n: int, difference: float, **fields: Any) -> list[dict[str, Any]]:
    """Return n questions in which the first is off by the same."""
    return [pair(0.5 + difference, 0.5, question_id=f"q{i}", **fields) for i in range(n)]


def case(**fields: Any) -> dict[str, Any]:
    """Make a row of cases."""
    return CASE | fields


def runs(cases: list[dict[str, Any]]) -> Runs:
    """Make runs of which only the cases count."""
    return Runs(scores=pl.DataFrame(), cases=pl.DataFrame(cases), predictions=pl.DataFrame())


def view(**settings: Any) -> ContrastView:
    """Make a view of calibrators."""
    defaults = {"name": "n", "question": "Which?", "column": "calibrator", "metrics": ["w1"]}
    return ContrastView(**defaults | settings)


def test_difference_is_a_mean_over_conditions_of_means_over_cases() -> None:
    """Condition c: -.2 and 0, mean -.1; condition x has one question of the two: -.1.

    Redrawn as (q, q) it is -.2 and -.1, mean -.15; as (r, r) 0 in c and nothing in x; so the
    interval is [-.15, 0]. Flipped signs leave |-.2 + 0| as large as it is: p = 1.
    """
    rows = [
        pair(0.1, 0.3),
        pair(0.2, 0.2, question_id="r"),
        pair(0.5, 0.6, condition="x"),
        pair(None, 0.9, condition="x", question_id="r"),
    ]

    (found,) = contrasted(pl.DataFrame(rows), KEYS).rows(named=True)

    assert_allclose([found["mean_first"], found["mean_second"]], [0.325, 0.425])
    assert_allclose(
        [found["difference"], found["low"], found["high"]], [-0.1, -0.15, 0], atol=1e-9
    )
    assert (found["n_questions"], found["n_conditions"], found["p_flips"]) == (2, 2, 1.0)
    assert found["verdict"] == EQUAL


def test_groups_and_conditions_of_a_question_stay_together() -> None:
    """Twice the rows of a question are not twice the evidence: six questions flip 2 ** 6 ways."""
    once = steady(6, -0.1)
    twice = [*once, *steady(6, -0.1, condition="x"), *once]

    p = [contrasted(pl.DataFrame(rows), KEYS)["p_flips"][0] for rows in (once, twice)]

    assert p == [2 / 2**6] * 2


@pytest.mark.parametrize(
    ("n", "metric", "difference", "verdict"),
    [
        (8, "w1", -0.1, BETTER),  # p = 2 / 2 ** 8, times 2
        (8, "w1", 0.1, WORSE),
        (8, "group_ranking", 0.1, BETTER),
        (8, "group_ranking", -0.1, WORSE),
        (6, "w1", -0.1, EQUAL),  # p = .031, times 2: the interval alone does not do
    ],
)
def test_verdict_takes_interval_and_adjusted_p(
    n: int, metric: str, difference: float, verdict: str
) -> None:
    """Two comparisons are a family, whatever their datasets; less distance is better."""
    family = [*steady(n, difference, metric=metric), *steady(n, 0.0, dataset="other")]

    found = contrasted(pl.DataFrame(family), KEYS)

    assert found["verdict"].to_list() == [verdict, EQUAL]
    assert_allclose(found["p_holm"], [2 * 2 / 2**n, 1.0])


def test_only_equal_cases_of_equal_conditions_are_compared() -> None:
    """Other groups, models, numbers of training questions or datasets are no counterpart."""
    rows = [
        case(calibrator="a", w1=0.1),
        case(calibrator="b", w1=0.4),
        case(calibrator="b", w1=9.0, group="M"),
        case(calibrator="b", w1=9.0, model="x"),
        case(calibrator="b", w1=9.0, n_train=5),
        case(calibrator="b", w1=9.0, dataset="x"),
        case(calibrator="a", w1=None, question_id="nominal"),
    ]

    (found,) = view(pairs=[["a", "b"]]).table(runs(rows)).rows(named=True)

    assert (found["first"], found["second"], found["n_questions"]) == ("a", "b", 1)
    assert_allclose(found["difference"], -0.3)


def test_datasets_metrics_and_what_by_names_have_rows_of_their_own() -> None:
    """The two prompts are averaged, for nothing asks for them."""
    rows = [
        case(dataset=dataset, model=model, prompt=prompt, calibrator=name)
        for dataset in ("one", "two")
        for model in ("x", "y")
        for prompt in ("p", "q")
        for name in ("a", "b")
    ]

    table = view(pairs=[["a", "b"]], by=["model"], metrics=["w1", "tv"]).table(runs(rows))

    assert table.select("dataset", "metric", "model").rows() == [
        (dataset, metric, model)
        for dataset in ("one", "two")
        for metric in ("w1", "tv")
        for model in ("x", "y")
    ]
    assert table["n_conditions"].to_list() == [2] * 8


def test_elicitations_are_compared_under_each_calibrator_chosen() -> None:
    """A column other than the calibrator keeps calibrators apart."""
    rows = [
        case(elicitation=name, calibrator=calibrator)
        for name in ("logprobs", "logprobs_ts", "verbalized")
        for calibrator in ("identity", "auto", "train_mean")
    ]
    made = view(
        column="elicitation", pairs=[["logprobs*", "verbalized"]], calibrators=["identity", "auto"]
    )

    table = made.table(runs(rows))

    assert table.select("calibrator", "first", "second").rows() == [
        (calibrator, name, "verbalized")
        for name in ("logprobs", "logprobs_ts")
        for calibrator in ("identity", "auto")
    ]


@pytest.mark.parametrize(
    ("pairs", "names"),
    [
        ([["*_partial", "*_pooled"]], [("r_partial", "r_pooled")]),
        ([["auto from *", "mean from *"]], [("auto from x", "mean from x")]),
        ([["nobody", "*"]], []),
        ([["*", "identity"]], [(n, "identity") for n in ("r_partial", "r_pooled", "auto from x")]),
        (None, [("r_partial", "r_pooled"), ("r_partial", "auto from x")]),
    ],
)
def test_star_stands_for_the_same_text_on_both_sides(
    pairs: list[list[str]] | None, names: list[tuple[str, str]]
) -> None:
    """Pairs are found among the names that there are, baselines that learn nothing left out."""
    there = [
        "identity",
        "r_partial",
        "r_pooled",
        "auto from x",
        "mean from x",
        "ceiling",
        "uniform",
    ]
    table = view(pairs=pairs).table(runs([case(calibrator=name) for name in there]))

    found = list(zip(table["first"], table["second"], strict=True))

    assert found[: len(names)] == names
    assert not {"ceiling", "uniform"} & set(table["first"])
    assert bool(found) == bool(names)


def test_repeated_runs_count_once() -> None:
    """Two runs with other seeds are averaged before they are compared."""
    rows = [case(calibrator="a", w1=w1) for w1 in (0.1, 0.3)] + [case(calibrator="b", w1=0.5)]

    (found,) = view(pairs=[["a", "b"]]).table(runs(rows)).rows(named=True)

    assert_allclose(found["difference"], -0.3)


def test_caption_says_better_only_where_the_table_does() -> None:
    """Eight steady questions against eight equal ones, and counts of what they rest on."""
    rows = [
        case(calibrator=name, question_id=f"q{i}", model=model, w1=w1)
        for i in range(8)
        for model in ("x", "y")
        for name, w1 in (("a", 0.1), ("b", 0.2), ("c", 0.2))
    ]
    made = view(pairs=[["a", "b"], ["c", "b"]])

    caption = made.caption(made.table(runs(rows)))

    assert "**d** (8 questions, 10 trained on, 2 conditions):" in caption
    assert (
        "- a against b: better in W1 (0.1000 against 0.2000, −0.1000 [−0.1000, −0.1000]" in caption
    )
    assert "- c against b: cannot be told apart in W1 (0.2000 against 0.2000, 0.0000" in caption
    assert "2 comparisons of the table" in caption


def test_many_comparisons_are_counted() -> None:
    """Seventeen models, of which none differs: a count for each of the two they stand against."""
    rows = [case(calibrator=n, model=f"m{i}") for i in range(17) for n in ("a", "b", "identity")]
    made = view(pairs=[["a", "b"], ["a", "identity"]], by=["model"])

    caption = made.caption(made.table(runs(rows)))

    nothing = (
        "in W1: better in 0, worse in 0, cannot be told apart in 17 of 17 comparisons (from 0"
    )
    assert f"- against b {nothing}" in caption
    assert f"- against uncalibrated {nothing}" in caption


def test_single_run_of_a_sweep_has_nothing_to_compare(tmp_path: Path) -> None:
    """An empty table says so, and is written like any other."""
    made = view(column="model", pairs=None)

    text = write(made, runs([case()]), tmp_path)

    assert "There is nothing to compare" in text
    assert {path.suffix for path in tmp_path.iterdir()} == {".md", ".parquet", ".svg"}


def test_curve_says_from_where_it_helps_and_where_it_harms() -> None:
    """Worse with 1 question, equal with 2, better with 5 and 10: it helps from 5 on."""
    off = {1: 0.1, 2: 0.0, 5: -0.1, 10: -0.1}
    rows = [
        case(calibrator=name, question_id=f"q{i}", n_train=n, w1=0.5 + (name == "ridge") * apart)
        for n, apart in off.items()
        for i in range(12)
        for name in ("identity", "ridge")
    ]
    made = ExamplesView(name="n", question="How many?", metric="w1")

    caption = made.caption(made.table(runs(rows)))

    assert "12 questions, 1 to 10 trained on" in caption
    assert "- e, ridge is better from 5 on and worse at 1 (W1 +0.1000" in caption


def test_one_number_of_training_questions_is_no_curve() -> None:
    """A single job of the sweep says what it found, not from where on it holds."""
    rows = [case(calibrator=name) for name in ("identity", "ridge")]
    made = ExamplesView(name="n", question="How many?", metric="w1")

    caption = made.caption(made.table(runs(rows)))

    assert "ridge against uncalibrated: cannot be told apart in W1" in caption
    assert " on and " not in caption


def test_training_questions_are_those_that_a_run_was_to_train_on(tmp_path: Path) -> None:
    """A cap of 2 is 2 and one of 50 is all 10, in a run that could read 9 as in one of 10."""
    for name, cap, n_train in (("a", "null", 10), ("b", "2", 2), ("c", "50", 9), ("d", "null", 9)):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "config.yaml").write_text(f"evaluation:\n  n_train: {cap}\n")
        pl.DataFrame({"dataset": ["d"], "n_train": [n_train]}).write_parquet(
            folder / "scores.parquet"
        )
        for table in ("cases", "predictions"):
            pl.DataFrame({"dataset": ["d"], "group": [name]}).write_parquet(
                folder / f"{table}.parquet"
            )

    read = Runs.read([tmp_path])

    assert read.cases.sort("group")["n_train"].to_list() == [10, 2, 10, 10]
    assert read.predictions.sort("group")["n_train"].to_list() == [10, 2, 10, 10]
    assert read.scores["n_train"].to_list() == [10, 2, 9]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"column": "dataset"}, "'column'"),
        ({"pairs": [["a"]]}, "'pairs'"),
        ({"pairs": [["*a*", "b"]]}, "'pairs'"),
        ({"metrics": ["alignment"]}, "'metrics'"),
        ({"metrics": "w1"}, "'metrics'"),
        ({"by": ["calibrator"]}, "'by'"),
        ({"name": ""}, "'name'"),
        ({"calibrators": "ridge"}, "'calibrators'"),
    ],
)
def test_bad_setting_is_refused(settings: dict[str, Any], message: str) -> None:
    """The sentence names the parameter."""
    with pytest.raises(ConfigError, match=message):
        view(**settings)


@pytest.mark.parametrize("name", ["scope", "constraint", "logprobs_or_verbalized", "transfer"])
def test_views_of_the_presets_are_contrasts(name: str) -> None:
    """Each file of the group makes one, under its own name."""
    made = load_view(name)

    assert isinstance(made, ContrastView)
    assert made.name == name
