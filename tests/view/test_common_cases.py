"""A leaderboard compares the same cases, so that failing on the hard ones does not pay."""

import json
from pathlib import Path

import polars as pl
import pytest

from distexp.view.base import Runs
from distexp.view.scores import ScoreView

VIEW = ScoreView(name="leaderboard", question="q", metrics=["alignment", "w1_reduction"])
EASY, HARD = ("e0", "e1", "e2"), ("h0", "h1")


def run(folder: Path, model: str, w1: dict[str, float], status: str = "parse_error") -> None:
    """Leave what a run leaves of one model: the W1 of its questions, the others missing."""
    condition: dict[str, object] = {
        "dataset": "d",
        "model": model,
        "elicitation": "e",
        "prompt": "p",
    }
    cases, predictions = [], []
    for question in (*EASY, *HARD):
        case = condition | {"question_id": question, "attribute": "a", "group": "g"}
        case |= {"n_respondents": 9.0}
        there = question in w1
        predictions += [case | {"status": "ok" if there else status, "option_index": 0}]
        for name, times in (("identity", 1.0), ("blind", 0.5), ("train_mean", 0.75)):
            value = w1.get(question)
            apart = None if value is None else times * value
            cases.append(case | {"calibrator": name, "w1": apart, "tv": apart, "kl": apart})
    values = pl.DataFrame(cases).group_by("calibrator", maintain_order=True).agg(pl.mean("w1"))
    scores = [
        condition
        | {"calibrator": name, "scope": "pooled", "metric": metric, "value": value}
        | {"low": value - 0.1, "high": value + 0.1, "n_questions": len(w1), "n_train": 4}
        for name, mean in values.rows()
        for metric, value in (("alignment", 1 - mean), ("w1_reduction", 0.0))
    ]
    folder.mkdir()
    (folder / "summary.json").write_text(json.dumps({"schema": 2}))
    pl.DataFrame(scores).write_parquet(folder / "scores.parquet")
    pl.DataFrame(cases).write_parquet(folder / "cases.parquet")
    pl.DataFrame(predictions).write_parquet(folder / "predictions.parquet")


def of_model(table: pl.DataFrame, model: str, calibrator: str = "identity") -> dict[str, object]:
    """Return the one row."""
    wanted = pl.col("model") == model, pl.col("calibrator") == calibrator
    return table.filter(*wanted).row(0, named=True)


def test_a_model_that_fails_on_hard_questions_is_not_first(tmp_path: Path) -> None:
    """W1 0.2 on three easy questions loses to 0.1 there, whatever the other had on the hard."""
    run(tmp_path / "0", "whole", dict.fromkeys(EASY, 0.1) | dict.fromkeys(HARD, 0.6))
    run(tmp_path / "1", "fails", dict.fromkeys(EASY, 0.2), status="refused")

    table = VIEW.table(Runs.read([tmp_path]))

    whole, fails = (of_model(table, name) for name in ("whole", "fails"))
    assert whole["alignment"] == pytest.approx(0.9)
    assert fails["alignment"] == pytest.approx(0.8)
    assert [row["n_cases"] for row in (whole, fails)] == [3, 3]
    assert [(row["n_missing"], row["n_refused"]) for row in (whole, fails)] == [(0, 0), (2, 2)]
    assert of_model(table, "whole", "blind")["w1_reduction"] == pytest.approx(0.5)
    models = table.filter(pl.col("calibrator") == "identity")["model"].to_list()
    assert models == ["whole", "fails"]


def test_runs_of_the_same_cases_keep_their_scores(tmp_path: Path) -> None:
    """Nothing is worked out again where there is nothing to make equal."""
    run(tmp_path / "0", "one", dict.fromkeys(EASY, 0.1))
    run(tmp_path / "1", "other", dict.fromkeys(EASY, 0.2))

    row = of_model(VIEW.table(Runs.read([tmp_path])), "one")

    assert row["alignment"] == pytest.approx(0.9)
    assert row["alignment_low"] == pytest.approx(0.8)


def test_one_common_question_has_no_interval(tmp_path: Path) -> None:
    """Drawn again and again it is always itself, which makes nothing certain."""
    run(tmp_path / "0", "one", dict.fromkeys(("e0", "e1"), 0.1))
    run(tmp_path / "1", "other", dict.fromkeys(("e1", "h0"), 0.2))

    table = VIEW.table(Runs.read([tmp_path]))

    row = of_model(table, "one")
    assert row["alignment"] == pytest.approx(0.9)
    assert (row["n_questions"], row["alignment_low"], row["alignment_high"]) == (1, None, None)
    assert "alignment 0.950 over 1 question (" in VIEW.caption(table)


def test_a_model_with_less_than_half_of_the_cases_is_not_ranked(tmp_path: Path) -> None:
    """It stands below with its own cases, and the others are compared on all of theirs."""
    run(tmp_path / "0", "whole", dict.fromkeys((*EASY, *HARD), 0.4))
    run(tmp_path / "1", "fails", {"e0": 0.01})

    runs = Runs.read([tmp_path])
    table = VIEW.table(runs)

    assert table["model"].to_list()[-3:] == ["fails"] * 3
    assert of_model(table, "whole")["n_cases"] == 5
    assert not of_model(table, "fails")["ranked"]
    assert "not ranked" in VIEW.caption(table)
