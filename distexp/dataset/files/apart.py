"""Reading a file in a process of its own: a reader that crashes there is an error here."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from distexp.dataset.files.layout import Layout
from distexp.errors import DatasetError, to_install

if TYPE_CHECKING:
    import polars as pl

CHILD = Path(__file__).with_name("reading_child.py")
_PACKAGES = {".sav": "pyreadstat", ".dta": "pyreadstat", ".xlsx": "fastexcel"}
"""What reads a format, where that is an extra."""
_ENVIRONMENT = (
    *("PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "PYTHONHOME", "VIRTUAL_ENV"),
    *("PYTHONDONTWRITEBYTECODE", "POLARS_MAX_THREADS"),
)
"""What the child inherits; keys of providers are none of it."""


def read_apart(
    path: Path,
    columns: Sequence[str] | None,
    layout: Layout | None = None,
    *,
    as_text: bool = True,
) -> "pl.DataFrame":
    """Read a `.parquet`, `.sav`, `.dta` or `.xlsx` file in a child process.

    Parameters
    ----------
    path : Path
    columns : sequence of str or None
        Which ones. None is all, and of a Parquet file as they are.
    layout : Layout, optional
    as_text : bool
        Whether numbers of columns that are named become text, which takes many times their room.

    Raises
    ------
    DatasetError
        If the package that reads it is not installed, the file cannot be read, lacks a column,
        or makes the reader crash or take more memory than there is.
    """
    import polars as pl

    with TemporaryDirectory() as folder:
        passed_on = Path(folder) / "table.arrow"
        job = {"columns": None if columns is None else list(columns), "out": str(passed_on)}
        _ask(path, job, layout)
        table = pl.read_ipc(passed_on)  # is the file itself, which lasts as long as the table
    if columns is None or not as_text:
        return table
    return table.with_columns(pl.selectors.numeric().cast(pl.String))


def describe_apart(path: Path, layout: Layout | None = None) -> dict[str, Any]:
    """Return what a file says of itself, as `distexp.dataset.files.binary.described` does.

    Raises
    ------
    DatasetError
        As for `read_apart`.
    """
    described: dict[str, Any] = _ask(path, {"describe": True}, layout)["described"]
    return described


def _ask(path: Path, job: dict[str, Any], layout: Layout | None) -> dict[str, Any]:
    """Return what the child says."""
    package = _PACKAGES.get(path.suffix.lower())
    if package and find_spec(package) is None:
        msg = f"Reading {path} takes the package {package}: {to_install('surveys')}"
        raise DatasetError(msg)
    job |= {"path": str(path), "layout": asdict(layout or Layout())}
    here = str(Path(__file__).parents[3])
    places = [here, *filter(None, [os.environ.get("PYTHONPATH")])]
    child = subprocess.run(
        [sys.executable, "-P", str(CHILD)],
        input=json.dumps(job).encode(),
        capture_output=True,
        env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        | {"PYTHONPATH": os.pathsep.join(places)},
        check=False,
    )
    if child.returncode or not child.stdout:
        raise DatasetError(f"{path} cannot be read as a {path.suffix} file: {_reason(child)}")
    words: dict[str, Any] = json.loads(child.stdout)
    if words["error"]:
        raise DatasetError(words["error"])
    return words


def _reason(child: "subprocess.CompletedProcess[bytes]") -> str:
    """Say in one line why a child ended without a table."""
    words = [line for line in child.stderr.decode(errors="replace").splitlines() if line.strip()]
    if child.returncode < 0:
        number = -child.returncode
        known = number in signal.valid_signals()
        name = signal.Signals(number).name if known else f"signal {number}"
        memory = [line for line in words if "memory" in line.lower()][:1]
        why = f"its reader crashed ({name}{f', {memory[0][:100]}' if memory else ''})"
    else:
        why = f"its reader failed ({' '.join(words[-1].split())[:200] if words else 'no word'})"
    return f"{why}. The file is damaged or too large for the memory: get it anew from its source."
