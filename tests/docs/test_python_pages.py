"""The Python that the documentation shows runs as it stands, but for the model."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.blocks import ROOT, blocks


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python in a folder that has the examples."""
    (folder / "docs").symlink_to(ROOT / "docs")
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, capture_output=True, text=True, check=False,
        env=os.environ | {"PYTHONWARNINGS": "error"},
    )  # fmt: skip


def test_blocks_of_the_page_run_one_after_the_other(tmp_path: Path) -> None:
    """Each uses what those before it have made; what the comments say comes out."""
    found = [one.text for one in blocks(ROOT / "docs/python.md") if one.language == "python"]
    (tmp_path / "page.py").write_text("\n".join(found).replace("smollm2", "mock"))

    shown = run(tmp_path, "page.py")

    assert len(found) >= 8
    assert shown.returncode == 0, shown.stderr
    for said in ("training mean", "town2024: 3 questions", "Did you mean 'gss2018'?"):
        assert said in shown.stdout
    assert (tmp_path / "estimates.xlsx").is_file()
    assert (tmp_path / "outputs/runs/mine/report.md").is_file()


def test_notebook_runs_from_top_to_bottom(tmp_path: Path) -> None:
    """No cell fails, and each that ends with a value shows it."""
    notebook = ROOT / "docs/first_look.ipynb"

    shown = run(
        tmp_path, str(ROOT / "tools/notebook.py"), str(notebook), "--out", "x.ipynb",
        "--model", "mock",
    )  # fmt: skip

    assert shown.returncode == 0, shown.stderr
    made, kept = (json.loads(path.read_text()) for path in (tmp_path / "x.ipynb", notebook))
    assert "training mean" in json.dumps(made)
    assert [bool(cell.get("outputs")) for cell in made["cells"]] == [
        bool(cell.get("outputs")) for cell in kept["cells"]
    ]


def test_tables_become_pandas_frames() -> None:
    """With the extra that brings both packages; the values are those of the table."""
    for package in ("pandas", "pyarrow"):
        pytest.importorskip(package, reason="pip install -e '.[pandas]'")
    import distexp as dx

    table = dx.survey("gss2018", attributes=["sex"]).answers()
    frame = table.to_pandas()

    assert frame.to_dict("records") == table.to_dicts()

    assert list(frame.columns)[:3] == ["question_id", "attribute", "group"]
