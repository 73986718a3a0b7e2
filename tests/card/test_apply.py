"""`distexp fit` and `distexp apply`: from one survey to another, through files."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.testing import assert_allclose
from polars.testing import assert_frame_equal
from sklearn.linear_model import Ridge

from distexp.calibrator.baseline import TrainMean
from distexp.calibrator.regression import OptionRegression
from distexp.calibrator.simplex import LinearPool
from distexp.card import applying
from distexp.card.card import Card
from distexp.cli import apply
from distexp.dataset.files.estimates import read_studies
from distexp.errors import ConfigError, DatasetError
from distexp.evaluation.layout import design_of
from distexp.evaluation.stacking import stack
from distexp.types import Case, Study
from tests.card.test_card import fitted, study_of

FEW = (
    "model=mock", "progress=false", "dataset.attributes=[sex]", "prompt=sociodemographic",
    "evaluation.n_splits=3", "evaluation.n_bootstrap=50", "evaluation.extras=false",
    "evaluation.intervals=bootstrap", "evaluation.hold_out=question",
    "figures=false",
)  # fmt: skip
ORDINARY = [0.3, 0.15, 0.55]
"""Shares inside the range of the study below."""
COLUMNS = [
    "dataset", "model", "elicitation", "prompt", "question_id", "attribute", "group",
    "option_index", "option", "ordinal", "predicted", "calibrated", "low", "high",
    "extrapolates", "reason",
]  # fmt: skip


def distexp(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a folder."""
    return subprocess.run(
        [sys.executable, "-m", "distexp", *arguments],
        cwd=folder,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=False,
    )


def applied(card: Card, rows: list[dict[str, Any]], folder: Path, *more: str) -> pl.DataFrame:
    """Write a card and estimates, apply it, and read what came out."""
    card.write(folder / "card.json")
    path = folder / "new.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    out = folder / "out.parquet"
    apply.main(
        ["--card", str(folder / "card.json"), "--predictions", str(path), "--out", str(out), *more]
    )
    return pl.read_parquet(out)


def row(predicted: list[float] | None, **changes: Any) -> dict[str, Any]:
    """Return an estimate for a question that nobody was asked, changed."""
    k = 3 if predicted is None else len(predicted)
    return {
        "dataset": "new", "model": "m", "elicitation": "e", "prompt": "p", "question_id": "N1",
        "attribute": "party", "group": "Democrat", "options": list("abcde"[:k]),
        "ordinals": list(range(k)), "predicted": predicted, **changes,
    }  # fmt: skip


@pytest.fixture
def study(cases: list[Case]) -> Study:
    """Return estimates for ten questions of three options and two groups."""
    return study_of(cases)


def test_fit_and_apply_from_the_command_line(tmp_path: Path) -> None:
    """A run's own predictions get what the calibrator fitted to all of them makes of them."""
    fit = distexp(
        tmp_path, "fit", *FEW, "calibrator=[ridge_joint]", "card=cards/gss.json",
        "hydra.run.dir=outputs/runs/x/y",
    )  # fmt: skip
    run = tmp_path / "outputs/runs/x/y"

    shown = distexp(
        tmp_path, "apply", "--card", "cards/gss.json", "--out", "calibrated.parquet",
        "--predictions", str(run / "predictions.parquet"),
    )  # fmt: skip

    assert fit.returncode == shown.returncode == 0, fit.stderr + shown.stderr
    assert "Card: cards/gss.json, ridge_joint of 24 questions." in fit.stdout
    assert (run / "report.md").exists()
    assert "48 cases by ridge_joint of 24 questions of gss2018: 0 unreadable" in shown.stdout
    assert "24 of the questions were trained on" in shown.stderr
    calibrated = pl.read_parquet(tmp_path / "calibrated.parquet")
    assert calibrated.columns == COLUMNS
    predictions = pl.read_parquet(run / "predictions.parquet")
    for k in (2, 3):
        shares = {
            column: frame.filter(pl.len().over("question_id", "group") == k)[column]
            for frame, column in (
                (predictions, "predicted"), (predictions, "human"), (calibrated, "calibrated"),
            )
        }  # fmt: skip
        predicted, human, found = (of.to_numpy().reshape(-1, k) for of in shares.values())
        in_memory = np.clip(Ridge().fit(predicted, human).predict(predicted), 0, None)
        in_memory /= in_memory.sum(axis=1, keepdims=True)
        assert_allclose(found, in_memory, rtol=0, atol=1e-12)


def test_fit_without_a_place_for_the_card_is_one_line(tmp_path: Path) -> None:
    """So is a sweep, whose jobs would write one card after the other; before any call."""
    no_card = distexp(tmp_path, "fit", *FEW, "calibrator=[ridge]")
    sweep = distexp(tmp_path, "fit", "-m", *FEW, "card=c.json", "calibrator=ridge,lasso")

    assert "distexp fit writes a card of the calibrator. Say where: card=" in no_card.stderr
    assert "Every job of a sweep would write the same card" in sweep.stderr
    assert no_card.returncode == sweep.returncode == 1
    left = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {"failures.md", "multirun.yaml"}  # of the sweep


def test_a_refused_card_is_one_line(tmp_path: Path) -> None:
    """As every other error of the command."""
    (tmp_path / "card.json").write_text("{}")

    shown = distexp(
        tmp_path, "apply", "--card", "card.json", "--predictions", "x.csv", "--out", "y.csv"
    )

    assert shown.returncode == 1
    assert shown.stderr == (
        "distexp: error: The card card.json is refused: it has no field `schema`.\n"
    )


def test_new_questions_need_no_human_answer(study: Study, tmp_path: Path) -> None:
    """One row an option: the estimate, the calibrated share, and the band around it, cut to 0."""
    card = fitted(study, OptionRegression(Ridge()))
    X, _, _ = design_of(study)
    predicted = [float(share) for share in X.predicted[3]]

    out = applied(card, [row(predicted)], tmp_path)

    calibrated = card.predict(X)[3]
    middle, width = np.arcsin(np.sqrt(calibrated)), card.band.half_width(3, 0.9)
    assert out.columns == COLUMNS
    assert_allclose(out["predicted"], predicted)
    assert_allclose(out["calibrated"], calibrated, rtol=0, atol=1e-12)
    assert_allclose(out["low"], np.sin(np.maximum(middle - width, 0)) ** 2)
    assert_allclose(out["high"], np.sin(np.minimum(middle + width, np.pi / 2)) ** 2)
    assert out["extrapolates"].to_list() == [False] * 3
    assert out["reason"].null_count() == 3


def test_a_wider_coverage_gives_a_wider_band(study: Study, tmp_path: Path) -> None:
    """`--coverage` takes one of those that the card holds."""
    card = fitted(study, OptionRegression(Ridge()))
    estimate = row(ORDINARY)

    half = applied(card, [estimate], tmp_path, "--coverage", "0.5")
    most = applied(card, [estimate], tmp_path, "--coverage", "0.9")

    assert ((most["high"] - most["low"]) > (half["high"] - half["low"])).all()
    with pytest.raises(SystemExit):
        applied(card, [estimate], tmp_path, "--coverage", "0.42")


def test_groups_are_known_by_name(study: Study, tmp_path: Path) -> None:
    """Alone in new data, Republicans get what was learnt for Republicans; Greens are new."""
    card = fitted(study, TrainMean(scope="per_group"))
    X, _, _ = design_of(study)
    republicans = card.predict(X)[1]
    pooled = np.mean([case.answers.probabilities for case in study.cases], axis=0)

    out = applied(
        card,
        [
            row(ORDINARY, group="Republican"),
            row(ORDINARY, group="Green"),
        ],
        tmp_path,
    )

    assert_allclose(out["calibrated"][:3], republicans)
    assert_allclose(out["calibrated"][3:], pooled)
    assert out["reason"][:3].null_count() == 3
    assert out["reason"][3] == "a group that was not trained on"


def test_unreadable_estimates_stay_open(study: Study, tmp_path: Path) -> None:
    """Null in every column that would be a guess."""
    card = fitted(study, OptionRegression(Ridge()))

    out = applied(
        card,
        [row(None), row(ORDINARY, question_id="N2", status="parse_error"),
         row(ORDINARY, question_id="N3")],
        tmp_path,
    )  # fmt: skip

    lost = out.filter(pl.col("question_id") != "N3")
    assert lost.select("predicted", "calibrated", "low", "high").null_count().row(0) == (6,) * 4
    assert set(lost["reason"]) == {"no prediction could be read"}
    assert lost["extrapolates"].null_count() == 6
    assert out["calibrated"].null_count() == 6


def test_extrapolation_is_flagged_by_case_and_counted(
    study: Study, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A size never trained on is predicted all the same; the rows say what is odd about them."""
    card = fitted(study, OptionRegression(Ridge()))

    out = applied(
        card,
        [row(ORDINARY), row([0.25] * 4, question_id="N2"),
         row([0.0, 0.0, 1.0], question_id="N3")],
        tmp_path,
    )  # fmt: skip

    assert out["extrapolates"].to_list() == [False] * 3 + [True] * 7
    assert out["reason"][3] == "no question of 4 options was trained on"
    assert out["reason"][9] == "shares outside the range trained on"
    assert "3 cases by mine of 10 questions of d: 0 unreadable, 2 extrapolate" in (
        capsys.readouterr().out
    )


def test_another_model_is_warned_of_and_flagged(
    study: Study, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each model has errors of its own; another survey is what a card is for."""
    card = fitted(study, OptionRegression(Ridge()))

    out = applied(card, [row(ORDINARY, model="n", prompt="q")], tmp_path)

    assert set(out["reason"]) == {"another model than m; another prompt than p"}
    said = " ".join(capsys.readouterr().err.split())
    assert "fitted to m, e, p: how well it does for n, e, q is not known" in said


def test_every_format_says_the_same(study: Study, tmp_path: Path) -> None:
    """Parquet, CSV and JSON lines, in and out."""
    card = fitted(study, OptionRegression(Ridge()))
    rows = [row(ORDINARY), row([0.5, 0.5], question_id="N2", ordinals=None)]
    expected = applied(card, rows, tmp_path)
    table = pl.DataFrame(rows)
    table.write_parquet(tmp_path / "new.parquet")
    lists = ("options", "ordinals", "predicted")
    texts = {name: [of and json.dumps(of) for of in table[name].to_list()] for name in lists}
    table.with_columns(pl.Series(name, of) for name, of in texts.items()).write_csv(
        tmp_path / "new.csv"
    )

    for suffix in (".parquet", ".csv"):
        out = tmp_path / f"again{suffix}"
        apply.main(
            ["--card", str(tmp_path / "card.json"), "--out", str(out),
             "--predictions", str(tmp_path / f"new{suffix}")]
        )  # fmt: skip
        read = pl.read_parquet if suffix == ".parquet" else pl.read_csv
        found = read(out)
        assert_frame_equal(found.cast(expected.schema), expected)


def test_a_stack_takes_all_its_members_from_the_file(study: Study, tmp_path: Path) -> None:
    """The inputs are found by model, elicitation and prompt, whatever their order there."""
    other = study_of(study.cases[::-1], model="n")
    shares = [e.reading.distribution.probabilities[::-1] for e in other.estimates]  # type: ignore[union-attr]
    other = replace(
        other,
        estimates=tuple(
            replace(e, reading=replace(e.reading, distribution=replace(  # type: ignore[type-var]
                e.reading.distribution, probabilities=p)))  # type: ignore[union-attr]
            for e, p in zip(other.estimates, shares, strict=True)
        ),
    )  # fmt: skip
    both = stack([study, other], "both")
    card = fitted(both, LinearPool())
    good, bad = row([0.2, 0.5, 0.3]), row([0.6, 0.2, 0.2], model="n")

    out = applied(card, [bad, good], tmp_path)

    weights = card.calibrator.weights_  # type: ignore[attr-defined]
    assert weights[0] > 0.7
    assert_allclose(out["calibrated"], weights @ [good["predicted"], bad["predicted"]])
    assert set(out["model"]) == {"both"}
    with pytest.raises(DatasetError, match="stack of 2 estimates, and new lacks that of n, e, p"):
        applied(card, [good], tmp_path)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([row([0.5, 0.2])], "'predicted' must be 2 shares, non-negative and summing to 1"),
        ([row([1.5, -0.5])], "'predicted' must be 2 shares"),
        (
            [row([0.5, 0.5], options=["a", "b", "c"], ordinals=None)],
            "'predicted' must be 3 shares",
        ),
        ([row([0.5, 0.5]), row([0.4, 0.6])], "there is a second row. Keep one"),
        (
            [row([0.5, 0.5]), row([0.4, 0.6], group="x", options=["c", "d"])],
            "its options or ordinals are not those of other rows",
        ),
        ([row([1.0])], "needs at least two different options"),
        ([row([0.5, 0.5], ordinals=[1])], "give one finite number per option"),
        ([{"dataset": "x"}], "column question_id, options, .* is missing"),
        ([row([0.5, 0.5], model=3)], "'model' must be a text"),
    ],
)
def test_rows_that_cannot_be_true_are_refused(
    study: Study, tmp_path: Path, rows: list[dict[str, Any]], message: str
) -> None:
    """The line leads to the row."""
    with pytest.raises(DatasetError, match=message):
        applied(fitted(study, TrainMean()), rows, tmp_path)

    assert not (tmp_path / "out.parquet").exists()


def test_a_run_without_its_order_of_options_is_refused(tmp_path: Path) -> None:
    """An option that is missing would shift all others."""
    table = pl.DataFrame(
        {name: ["x", "x"] for name in COLUMNS[:7]}
        | {"option_index": [0, 2], "option": ["a", "b"], "ordinal": [1.0, 2.0]}
        | {"predicted": [0.5, 0.5]}
    )
    table.write_parquet(tmp_path / "predictions.parquet")

    with pytest.raises(DatasetError, match="its options must stand in their order"):
        read_studies(tmp_path / "predictions.parquet")


def test_the_format_of_the_output_is_checked_first(tmp_path: Path) -> None:
    """A typing error costs nothing."""
    with pytest.raises(ConfigError, match=r"--out must be a \.parquet, \.csv, \.jsonl file"):
        apply.main(["--card", "c.json", "--predictions", "p.csv", "--out", "out.txt"])


def test_a_csv_holds_no_formula_and_other_files_every_text_as_it_was(tmp_path: Path) -> None:
    """A label that a spreadsheet would compute gets an apostrophe in front; numbers do not."""
    labels = ["=1+1", "-5", "+cmd|x", "Yes"]
    table = pl.DataFrame({"option": labels, "share": [-0.5, 0.5, 0.0, 1.0]})

    for suffix in ("csv", "parquet", "jsonl"):
        applying.write(table, tmp_path / f"out.{suffix}")

    lines = (tmp_path / "out.csv").read_text().splitlines()
    assert lines == ["option,share", "'=1+1,-0.5", "-5,0.5", "'+cmd|x,0.0", "Yes,1.0"]
    assert pl.read_parquet(tmp_path / "out.parquet")["option"].to_list() == labels
    assert pl.read_ndjson(tmp_path / "out.jsonl")["option"].to_list() == labels
