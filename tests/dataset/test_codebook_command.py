"""`distexp codebook`: a draft that runs in one command, and all errors in another."""

import json
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
import yaml

from distexp.cli.codebook import main
from distexp.errors import DatasetError

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


def survey(folder: Path) -> Path:
    """Write a file of 200 respondents and three questions."""
    path = folder / "my survey.csv"
    pl.DataFrame(
        {
            "gender": ["Male", "Female"] * 100,
            "buses": ["Agree", "Disagree", "Agree", "Neither"] * 50,
            "trees": ["Never", "Often", "Sometimes", "Often", "Always"] * 40,
            "trams": ["No", "No", "Yes", "No"] * 50,
        }
    ).write_csv(path)
    return path


def test_a_draft_is_written_beside_its_file_and_never_over_another(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command says what it found and what comes next."""
    path = survey(tmp_path)

    main(["draft", str(path)])

    said = capsys.readouterr().out
    assert "3 questions, 1 attribute, " in " ".join(said.split())
    assert "distexp codebook check" in said
    assert f"'{path}'" in said
    assert yaml.safe_load(path.with_suffix(".yaml").read_text())["questions"].keys() == {
        "buses",
        "trees",
        "trams",
    }
    with pytest.raises(DatasetError, match="--force"):
        main(["draft", str(path)])
    main(["draft", str(path), "--force"])


def test_a_draft_runs_and_checks_without_an_edit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """From a file to a report in two commands."""
    survey(tmp_path).rename(tmp_path / "survey.csv")
    main(["draft", str(tmp_path / "survey.csv")])
    main(["check", str(tmp_path / "survey.csv"), str(tmp_path / "survey.yaml")])
    assert "200 respondents; 0 errors" in capsys.readouterr().out

    run = subprocess.run(
        [
            *(sys.executable, "-m", "distexp", "dataset=table", "dataset.path=survey.csv"),
            *("dataset.codebook=survey.yaml", "model=mock", "progress=false", "figures=false"),
            *("evaluation.n_splits=3", "evaluation.n_bootstrap=20", "hydra.run.dir=run"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 0, run.stderr
    report = (tmp_path / "run" / "report.md").read_text(encoding="utf-8")
    assert "The codebook does not state source, licence and citation" in report


def test_check_says_all_errors_and_exits_with_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is wrong stands first, and then what each column holds; -v lists all codes."""
    text = (EXAMPLES / "town_survey.yaml").read_text(encoding="utf-8")
    codebook = tmp_path / "bad.yaml"
    codebook.write_text(text.replace("q_bus", "q_buss").replace("[3, Nobody]", "[7, Nobody]"))

    with pytest.raises(SystemExit) as exited:
        main(["check", str(EXAMPLES / "town_survey.csv"), str(codebook)])

    said = capsys.readouterr().out
    assert exited.value.code == 1
    assert "Did you mean q_bus" in said
    assert "2 errors" in said.splitlines()[0]
    assert said.index("error: Column 'q_trust'") < said.index("not explained")


def test_check_gives_programs_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All codes, and the errors as a list."""
    files = [str(EXAMPLES / name) for name in ("town_survey.csv", "town_survey.yaml")]

    main(["check", *files, "--json"])

    found = json.loads(capsys.readouterr().out)
    assert found["errors"] == []
    assert found["columns"][0]["rows"][0].keys() == {"code", "n", "share", "meaning"}


def test_a_draft_can_be_printed(tmp_path: Path) -> None:
    """`--out -` writes the YAML and nothing else."""
    printed = subprocess.run(
        [
            sys.executable,
            "-m",
            "distexp",
            "codebook",
            "draft",
            str(survey(tmp_path)),
            "--out",
            "-",
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert yaml.safe_load(printed)["name"] == "my survey"
