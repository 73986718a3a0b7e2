"""The tutorial works when it is typed line by line."""

from pathlib import Path

from tests.docs.blocks import COMMANDS, ROOT
from tests.small_runs import distexp

TUTORIAL = [one for one in COMMANDS if one.block.page.name == "tutorial.md"]
QUICK = ("model=mock", "progress=false", "evaluation.n_splits=5", "evaluation.intervals=bootstrap")
"""Another model, and less of what takes time."""


def test_every_command_of_the_tutorial_works_in_its_order(tmp_path: Path) -> None:
    """Each ends without an error, and the files that the text names are there afterwards."""
    (tmp_path / "docs").symlink_to(ROOT / "docs")

    assert len(TUTORIAL) >= 9
    for command in TUTORIAL:
        is_run = not command.arguments or command.arguments[0] != "codebook"
        asked = any(text.startswith("model=") for text in command.arguments)
        more = QUICK[asked:] if is_run else ()
        shown = distexp(tmp_path, *command.arguments, *more)

        assert shown.returncode == 0, (str(command), shown.stderr)
    for name in ("draft.yaml", "estimates.csv", "calibrator.json", "again.csv"):
        assert (tmp_path / name).stat().st_size
