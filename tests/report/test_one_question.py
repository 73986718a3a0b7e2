"""Runs in which one question has a scale: numbers without intervals, in whatever shows them."""

import json
import re
from pathlib import Path

import pytest

import distexp as dx
from distexp.page.writing import write
from distexp.report.drawn import draw
from distexp.view.base import Runs
from distexp.view.summary import load_view, summarize


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run of three questions, of which two are nominal."""
    work = tmp_path_factory.mktemp("one")
    rows = [
        {
            "question_id": name,
            "question": f"Which of these, {name}?",
            "options": ["One", "Two", "Three"],
            "ordinals": ordinals,
            "attribute": "sex",
            "group": group,
            "human": human,
            "n_respondents": 90,
        }
        for name, ordinals in (("scale", [1, 2, 3]), ("kind", None), ("sort", None))
        for group, human in (("Female", [0.2, 0.3, 0.5]), ("Male", [0.4, 0.4, 0.2]))
    ]
    (work / "d.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    survey = dx.survey("distributions", path=str(work / "d.jsonl"), name="d")
    run = dx.ask(survey, model="mock", prompt="base", cache=work / "cache", progress=False)
    found = run.evaluate(["ridge", "blind"], n_splits=3, n_bootstrap=50)
    assert "nan" not in found.summary()
    return found.write(work / "run")


def test_no_text_of_a_run_says_nan(folder: Path) -> None:
    """A value that has no interval stands alone."""
    page = write(folder)

    for path in (folder / "report.md", folder / "sentences.json", page):
        assert not re.search(r"\bnan\b", path.read_text(encoding="utf-8"), re.IGNORECASE), path
    assert re.search(r"\| uncalibrated +\| +0\.\d{4} \|", (folder / "report.md").read_text())


def test_views_and_figures_are_drawn(folder: Path) -> None:
    """Scores and differences are points without the lines to both sides."""
    for name in ("leaderboard", "calibration"):
        shown = summarize(
            load_view(name), Runs.read([folder]), folder, figure=name == "calibration"
        )
        assert "nan" not in shown.lower()
    assert any(path.name == "alignment.svg" for path in draw(folder))
