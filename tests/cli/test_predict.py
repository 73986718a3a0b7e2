"""`distexp predict`: from a survey, or a card, and new questions to a file of estimates."""

import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import yaml
from numpy.testing import assert_allclose
from polars.testing import assert_frame_equal
from sklearn.linear_model import Ridge

from distexp.cli.predict import predict
from distexp.errors import ConfigError
from tests.small_runs import ROOT, distexp, error_of

EXAMPLES = ROOT / "docs/examples"
FEW = (
    "model=mock", "progress=false", "evaluation.n_splits=3", "evaluation.n_bootstrap=50",
    "evaluation.extras=false", "calibrator=[ridge]",
)  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with the invented survey and the questions that nobody was asked."""
    for path in EXAMPLES.iterdir():
        shutil.copy(path, tmp_path)
    return tmp_path


def test_a_survey_and_new_questions_become_a_file_of_estimates(folder: Path) -> None:
    """One schedule for old and new; a row a new question, group and option; said in the report."""
    shown = distexp(
        folder, "predict", *FEW, "dataset=table", "dataset.path=town_survey.csv",
        "dataset.codebook=town_survey.yaml", "dataset.min_respondents=10",
        "questions=new_questions.yaml", "out=results/estimates.csv", "hydra.run.dir=run",
    )  # fmt: skip

    assert shown.returncode == 0, shown.stderr
    table = pl.read_csv(folder / "results/estimates.csv")
    assert table.group_by("question_id", maintain_order=True).len().rows() == [
        ("trams", (7 + 1) * 3),
        ("benches", (7 + 1) * 4),
    ]
    shares = table.group_by("question_id", "group").agg(pl.col("calibrated", "predicted").sum())
    assert shares["calibrated"].to_list() == pytest.approx([1.0] * 16)
    assert shares["predicted"].to_list() == pytest.approx([1.0] * 16)
    assert (table["low"] <= table["calibrated"]).all()
    assert (table["calibrated"] <= table["high"]).all()
    report = (folder / "run/report.md").read_text()
    assert len(shown.stdout.splitlines()) <= 25
    for text in (" ".join(shown.stdout.split()), report):
        assert "On the 3 answered questions of town2024" in text
        assert "so few can vouch for 75% at most" in text
        assert "all, over sex" in text.partition("Estimates for questions")[2]
    assert report.index("all, over sex") < report.rindex("Female")
    assert "14 open cases of 2 questions" in report
    assert "56 rows, one an open case and option" in shown.stdout
    assert "questions × 7 groups of people = 21 cases" in report


def test_a_card_needs_no_survey_and_says_the_same(folder: Path) -> None:
    """It takes groups, prompt and elicitation of its survey, and estimates what the run did."""
    survey = ("dataset=gss2018", "dataset.attributes=[sex]")
    fit = distexp(
        folder, "fit", *FEW, *survey, "card=card.json", "prompt=sociodemographic",
        "hydra.run.dir=fit",
    )  # fmt: skip
    asked = ("questions=new_questions.yaml", "progress=false", "model=mock")
    by_survey = distexp(
        folder, "predict", *FEW, *survey, "questions=new_questions.yaml", "out=a.parquet",
        "hydra.run.dir=run",
    )  # fmt: skip
    by_card = distexp(
        folder, "predict", "card=card.json", *asked, "out=b.parquet", "cache.mode=replay"
    )

    assert (fit.returncode, by_survey.returncode, by_card.returncode) == (0, 0, 0), by_card.stderr
    assert_frame_equal(
        pl.read_parquet(folder / "a.parquet"), pl.read_parquet(folder / "b.parquet"), abs_tol=1e-12
    )
    assert "8 requests: 8 hits, 0 misses" in by_card.stdout
    assert "answered questions of gss2018" in by_card.stdout


def test_the_card_of_a_survey_of_ones_own_knows_its_groups_and_no_wording(folder: Path) -> None:
    """The questionnaire names none: it is asked of those of the card, as by the survey.

    Margins put them together to all alike; without, it is by how many they were in the survey.
    """
    survey = (
        "dataset=table", "dataset.path=town_survey.csv", "dataset.codebook=town_survey.yaml",
        "dataset.min_respondents=10", "calibrator=[cumulative]", "calibrator.cumulative.penalty=1",
    )  # fmt: skip
    asked = ("questions=new_questions.yaml", "progress=false", "model=mock")
    few = [one for one in FEW if "calibrator" not in one]
    fit = distexp(
        folder, "fit", *few, *survey, "card=card.json", "prompt=sociodemographic",
        "hydra.run.dir=fit",
    )  # fmt: skip
    margins = 'population.margins={sex: {"Female": 0.9, "Male": 0.1}}'
    by_survey = distexp(
        folder, "predict", *few, *survey, *asked[:1], margins, "out=a.parquet", "hydra.run.dir=run"
    )
    by_card = distexp(folder, "predict", "card=card.json", *asked, margins, "out=b.parquet")

    assert (fit.returncode, by_survey.returncode, by_card.returncode) == (0, 0, 0), by_card.stderr
    columns = ["question_id", "attribute", "group", "calibrated", "low", "high"]
    found, told = (pl.read_parquet(folder / f"{n}.parquet").select(columns) for n in "ab")
    groups = pl.col("attribute") != "everyone"  # whose band is of other weights in the card
    assert_frame_equal(found.filter(groups), told.filter(groups), abs_tol=1e-12)
    assert_frame_equal(found.drop("low", "high"), told.drop("low", "high"), abs_tol=1e-12)
    of = told.partition_by("group", as_dict=True)
    mean = 0.9 * of["Female",]["calibrated"] + 0.1 * of["Male",]["calibrated"]
    assert_allclose(of["all, over sex",]["calibrated"], mean, atol=1e-12)
    text = yaml.safe_load((folder / "town_survey.yaml").read_text())["questions"].values()
    card = (folder / "card.json").read_text()
    assert not [one["text"] for one in text if one["text"][:30] in card]


def test_a_spent_budget_asks_open_cases_as_often_and_writes_what_it_has(folder: Path) -> None:
    """Half of the calls are half of the answered and of the open cases; the rest says why."""
    shown = distexp(
        folder, "predict", *FEW, "dataset=gss2018", "dataset.attributes=[sex,race]",
        "questions=new_questions.yaml", "out=e.csv", "budget.calls=130",
    )  # fmt: skip

    assert shown.returncode != 0
    assert "The report is partial. budget.calls=130 is spent" in error_of(shown)
    reasons = pl.read_csv(folder / "e.csv")["reason"].to_list()
    n_lost = reasons.count("not asked: the budget was spent")
    assert 0.3 < n_lost / len(reasons) < 0.7


def test_recorded_estimates_are_stacked_and_no_model_is_asked(tmp_path: Path) -> None:
    """Open rows of two models get what the regression on both, fitted by hand, makes of them."""
    rng = np.random.default_rng(0)
    rows = []
    for number in range(12):
        human = rng.dirichlet([2, 3, 1])
        for model in ("a", "b"):
            rows.append(
                {
                    "dataset": "d", "question_id": f"q{number}", "question": "Q?",
                    "options": ["x", "y", "z"], "ordinals": [1.0, 2.0, 3.0], "attribute": "all",
                    "group": "all", "n_respondents": 500.0,
                    "human": None if number < 4 else human.tolist(), "model": model,
                    "elicitation": "e", "prompt": "p", "status": "ok",
                    "predicted": (0.5 * human + 0.5 * rng.dirichlet([2, 2, 2])).tolist(),
                }
            )  # fmt: skip
    table = pl.DataFrame(rows)
    table.write_parquet(tmp_path / "recorded.parquet")
    seen = np.array(table["predicted"].to_list()).reshape(12, 2, 3)
    truth = np.array(table["human"].to_list()[8::2])

    shown = distexp(
        tmp_path, "predict", *FEW, "dataset=recorded", "dataset.path=recorded.parquet",
        "predictors=[{name: both}]", "out=out.parquet", "hydra.run.dir=run", "calibrator=[ridge]",
    )  # fmt: skip

    assert shown.returncode == 0, shown.stderr
    found = pl.read_parquet(tmp_path / "out.parquet")
    assert found["model"].unique().to_list() == ["both"]
    assert_allclose(found["predicted"].to_numpy().reshape(4, 3), seen[:4].mean(axis=1), atol=1e-12)
    X, y = seen[4:].transpose(0, 2, 1).reshape(-1, 2), truth.ravel()
    by_hand = Ridge().fit(X, y).predict(seen[:4].transpose(0, 2, 1).reshape(-1, 2)).reshape(4, 3)
    by_hand = by_hand.clip(0) / by_hand.clip(0).sum(axis=1, keepdims=True)
    assert_allclose(found["calibrated"].to_numpy().reshape(4, 3), by_hand, atol=1e-12)
    assert "0 requests" in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["questions=q.yaml"], "Say where: out=estimates.csv"),
        (["card=none.json", "questions=q.yaml", "out=x.csv"], "The card none.json is refused"),
    ],
)
def test_what_is_missing_is_said(arguments: list[str], said: str) -> None:
    """Before anything is read or asked."""
    with pytest.raises(ConfigError, match=said):
        predict(arguments)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (("out=x.csv",), "gss2018 has no open case to estimate"),
        (("out=x.txt", "questions=new_questions.yaml"), "out must be a .parquet"),
        (
            ("out=x.csv", "questions=new_questions.yaml", "calibrator=[ridge,auto,blind]"),
            "Estimates are made by one calibrator. Got ridge, auto",
        ),
        (("out=x.csv", "questions=none.yaml"), "none.yaml cannot be read"),
    ],
)
def test_what_cannot_be_estimated_is_refused_before_a_call(
    folder: Path, settings: tuple[str, ...], said: str
) -> None:
    """In one line, with nothing written and nothing asked."""
    few = [one for one in FEW if not one.startswith("calibrator")]

    shown = distexp(folder, "predict", *few, *settings, "hydra.run.dir=run")

    assert said in error_of(shown)
    assert not (folder / "run").exists()
    assert not list(folder.glob("x.*"))
