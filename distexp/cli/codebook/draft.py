"""`distexp codebook draft`: a first codebook, which runs and says what is to be checked."""

import argparse
import shlex
import sys
from pathlib import Path

from distexp.cli.cache.showing import show
from distexp.dataset.draft.draft import Draft, draft_codebook
from distexp.errors import DatasetError
from distexp.visible import counted

HELP = "Write a codebook of a .csv, .tsv, .parquet, .sav, .dta, .xlsx or .qsf file that runs."
USUAL_CELL = 50
"""The default of `min_respondents`."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("file", type=Path, help="the survey's data file, or its questionnaire")
    parser.add_argument(
        "--out",
        type=Path,
        help="where to write it: FILE.yaml beside the file if not given; - prints",
    )
    parser.add_argument("--sheet", help="of a workbook; the longest if not given")
    parser.add_argument("--force", action="store_true", help="replace a file that is there")


def run(options: argparse.Namespace) -> int:
    """Write the draft, and say what it holds and how to go on."""
    draft = draft_codebook(options.file, options.sheet)
    text = draft.text(options.file.name)
    if str(options.out) == "-":
        sys.stdout.write(text)
        return 0
    out = options.out or options.file.with_suffix(".yaml")
    try:
        with out.open("w" if options.force else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as exc:
        msg = f"{out} is there already. Name another with --out, or replace it with --force."
        raise DatasetError(msg) from exc
    except OSError as exc:
        raise DatasetError(f"The draft cannot be written to {out}: {exc.strerror}.") from exc
    _say(draft, options.file, out)
    return 0


def _say(draft: Draft, file: Path, out: Path) -> None:
    """Say what was found, and which commands come next."""
    n_questions, n_groups = (len(draft.document[key]) for key in ("questions", "attributes"))
    show(
        f"{out}: {counted(n_questions, 'question')}, {counted(n_groups, 'attribute')}, "
        f"{counted(draft.n_checks, 'thing')} to check, {counted(len(draft.left_out), 'column')} "
        "left out."
    )
    if file.suffix.lower() == ".qsf":
        show("It fits the export of the answers as numeric values.")
        return
    names = [shlex.quote(str(path)) for path in (file, out)]
    show(f"Compare them: distexp codebook check {names[0]} {names[1]}")
    if n_questions < 2:
        show("One question only: it can be loaded, but a run needs two to train on one.")
        return
    few = 0 < draft.smallest_group < USUAL_CELL
    more = f" dataset.min_respondents={max(1, draft.smallest_group // 2)}" if few else ""
    show(
        "Try it: distexp dataset=table "
        f"{shlex.quote(f'dataset.path={file}')} {shlex.quote(f'dataset.codebook={out}')}"
        f"{more} model=mock"
    )
