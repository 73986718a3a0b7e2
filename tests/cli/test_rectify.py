"""`distexp rectify` and `distexp plan`, as typed."""

import shutil
from contextlib import chdir
from pathlib import Path

import polars as pl
import pytest

from distexp.cli.plan import plan
from distexp.cli.rectify import rectify
from distexp.errors import ConfigError
from tests.small_runs import ROOT, distexp, error_of

EXAMPLES = ROOT / "docs/examples"
FEW = (
    "model=mock", "progress=false", "evaluation.n_splits=3", "evaluation.n_bootstrap=50",
    "evaluation.extras=false", "calibrator=[ridge]", "dataset=gss2018", "dataset.attributes=[sex]",
    "questions=new_questions.yaml",
)  # fmt: skip
ALL = "question_id,attribute,group,option,count\ntrams,sex,Female,Build one,7\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with questions that nobody was asked and a pilot."""
    shutil.copy(EXAMPLES / "new_questions.yaml", tmp_path)
    (tmp_path / "pilot.csv").write_text(ALL)
    return tmp_path


def test_a_survey_new_questions_and_a_pilot_become_estimates(folder: Path) -> None:
    """A row a question, group and option, said in the report; a plan asks nothing again."""
    shown = distexp(
        folder, "rectify", *FEW, "pilot=pilot.csv", "out=out.parquet", "hydra.run.dir=run"
    )

    assert shown.returncode == 0, shown.stderr
    table = pl.read_parquet(folder / "out.parquet")
    assert table.height == 2 * (3 + 4)
    assert table.filter(pl.col("people") > 0)["n_effective"].to_list() == [7.0] * 3
    sums = table.group_by("question_id", "group").agg(pl.col("estimate", "by_mean").sum())
    assert sums["estimate"].to_list() == pytest.approx([1.0] * 4)
    assert "## A few people and a model" in (folder / "run/report.md").read_text()
    assert "Nobody of the pilot is in 3 of the 4 cells." in shown.stdout

    planned = distexp(
        folder, "plan", *FEW, "respondents=90", "figure=plan.svg", "out=plan.csv",
        "cache.mode=replay", "hydra.run.dir=again",
    )  # fmt: skip

    assert planned.returncode == 0, planned.stderr
    assert pl.read_csv(folder / "plan.csv")["respondents"].sum() == 90
    assert (folder / "plan.svg").is_file()
    assert "0 misses" in planned.stdout


def test_a_wrong_pilot_is_one_line(folder: Path) -> None:
    """With the file, the row and the value; nothing is written."""
    (folder / "pilot.csv").write_text(ALL.replace("Build one", "Build two"))

    shown = distexp(folder, "rectify", *FEW, "pilot=pilot.csv", "out=out.csv", "hydra.run.dir=run")

    assert "pilot.csv, row 1, column 'option'" in error_of(shown)
    assert "Build two" in error_of(shown)
    assert not (folder / "out.csv").exists()


@pytest.mark.parametrize(
    ("command", "arguments", "said"),
    [
        (rectify, ["out=x.csv"], "Say where they are: pilot=FILE"),
        (rectify, ["pilot=p.csv"], "distexp rectify writes estimates. Say where"),
        (rectify, ["pilot=p.csv", "twins=t.csv"], "Say where: out=estimates.csv"),
        (rectify, ["pilot=p.csv", "twins=t.csv", "model=mock"], r"can be set.*Got 'model=mock'"),
        (
            rectify,
            ["pilot=p.csv", "twins=t.csv", "out=x.csv", "coverage=2"],
            "coverage must be one of",
        ),
        (plan, ["out=x.csv"], "Say how many: respondents=300"),
        (plan, ["respondents=many", "out=x.csv"], "must be a whole number of answers"),
    ],
)
def test_what_is_missing_is_said_first(command: object, arguments: list[str], said: str) -> None:
    """Before anything is read or asked."""
    assert callable(command)
    with pytest.raises(ConfigError, match=said):
        command(arguments)


def test_people_and_their_twins_need_no_model(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two tables in, one out, and a table on the terminal."""
    answers = ["a", "b", "b", "a", "b", "a"] * 5
    twins = pl.DataFrame({"person": range(30), "q": answers})
    people = twins.head(12).with_columns(q=pl.lit("a")).with_row_index()
    people = people.with_columns(
        q=pl.when(pl.col("index") < 7).then(pl.lit("b")).otherwise(pl.col("q"))
    )
    twins.write_csv(tmp_path / "twins.csv")
    people.drop("index").write_csv(tmp_path / "people.csv")

    with chdir(tmp_path):
        rectify(["pilot=people.csv", "twins=twins.csv", "out=deep/out.jsonl"])

    table = pl.read_ndjson(tmp_path / "deep/out.jsonl")
    assert table["option"].to_list() == ["a", "b"]
    assert table["people_alone"].to_list() == pytest.approx([5 / 12, 7 / 12])
    assert "people alone" in capsys.readouterr().out
