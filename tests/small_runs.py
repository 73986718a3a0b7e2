"""Runs that take a second or two, made with the command itself, for the tests of bundles."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import chdir, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from distexp.errors import DistexpError
from tests.sharing.parcels import content, listed

ROOT = Path(__file__).parents[1]
Command = Callable[[Sequence[str]], int | None]

SMALL = (
    "model=mock", "progress=false", "dataset.attributes=[sex]", "calibrator=[ridge,random_forest]",
    "evaluation.n_splits=3", "evaluation.n_bootstrap=50", "evaluation.n_flips=100", "prompt=base",
    "evaluation.intervals=bootstrap", "evaluation.hold_out=question",
)  # fmt: skip
"""Settings of a run: first the model, the terminal, the groups and the calibrators."""
ALONE = "hydra.run.dir=run"
N_ANSWERS = 24 * 2
"""24 questions in two orders of the options; the base prompt knows no group."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What a command left on the terminal."""

    stdout: str
    code: int | None


def here(folder: Path, command: Command, *arguments: str) -> Shown:
    """Run `distexp bundle` or `distexp reproduce` in a folder, within this process."""
    with chdir(folder), redirect_stdout(StringIO()) as printed:
        code = command(arguments)
    return Shown(stdout=printed.getvalue(), code=code)


def refusal(folder: Path, command: Command, *arguments: str) -> str:
    """Return the one line of the error that a command ends in."""
    with pytest.raises(DistexpError) as caught:
        here(folder, command, *arguments)
    (line,) = str(caught.value).splitlines()
    return line


def distexp(
    folder: Path, *arguments: str, environment: Mapping[str, str] | None = None, code: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run the command in a folder, after some code; without keys unless they are given."""
    without = {k: v for k, v in os.environ.items() if not k.endswith(("_KEY", "_TOKEN"))}
    how = (
        ["-c", f"{code}\nfrom distexp.cli.main import main; main()"] if code else ["-m", "distexp"]
    )
    return subprocess.run(
        [sys.executable, *how, *arguments],
        cwd=folder,
        env={**without, **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
    )


def error_of(shown: subprocess.CompletedProcess[str]) -> str:
    """Return the one line that a command ended in."""
    assert shown.returncode == 1, shown
    (line,) = shown.stderr.splitlines()
    assert line.startswith("distexp: error: ")
    return line.removeprefix("distexp: error: ")


def changed(path: Path, members: Mapping[str, bytes | None], out: Path, **about: Any) -> Path:
    """Write a bundle anew with other members, or without some, under a manifest that is true."""
    found = content(path)
    manifest = json.loads(found.pop("manifest.json"))
    del manifest["members"]
    wanted = {**found, **members}
    return listed(
        out,
        {name: data for name, data in wanted.items() if data is not None},
        {**manifest, **about},
    )


def survey(folder: Path, *, gated: bool) -> tuple[str, ...]:
    """Write an invented survey, and return the settings that read it."""
    (folder / "data").mkdir()
    shutil.copy(ROOT / "docs/examples/town_survey.csv", folder / "data")
    book = (ROOT / "docs/examples/town_survey.yaml").read_text()
    book = book.replace("gated: false", f"gated: {str(gated).lower()}")
    (folder / "data/town_survey.yaml").write_text(book)
    return (
        *SMALL, ALONE, "dataset=table", "dataset.path=data/town_survey.csv",
        "dataset.codebook=data/town_survey.yaml", "dataset.min_respondents=10",
        "dataset.attributes=[sex,age]", "calibrator=[ridge]",
    )  # fmt: skip
