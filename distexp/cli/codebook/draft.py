"""`distexp codebook draft`: a first codebook, which runs and says what is to be checked."""

import argparse
import shlex
import sys
from pathlib import Path

from distexp.cli.cache.showing import say, show, show_json
from distexp.dataset.draft.draft import Draft, draft_codebook
from distexp.errors import DatasetError
from distexp.terminal.texts import command
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
    parser.add_argument("--json", action="store_true", help="print JSON")
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
    if options.json:
        counts = {"questions": len(draft.document["questions"]), "to_check": draft.n_checks}
        counts |= {"attributes": len(draft.document["attributes"])}
        show_json({"codebook": str(out), **counts, "left_out": len(draft.left_out)})
    else:
        _say(draft, options.file, out)
    return 0


def _say(draft: Draft, file: Path, out: Path) -> None:
    """Say what was found, and which commands come next."""
    n_questions, n_groups = (len(draft.document[key]) for key in ("questions", "attributes"))
    say(
        f"{out}: {counted(n_questions, 'question')}, {counted(n_groups, 'attribute')}, "
        f"{counted(draft.n_checks, 'thing')} to check, {counted(len(draft.left_out), 'column')} "
        "left out."
    )
    if file.suffix.lower() == ".qsf":
        show("It fits the export of the answers as numeric values.")
        return
    names = [shlex.quote(str(path)) for path in (file, out)]
    show("\n".join(command("Compare them:", "distexp codebook check", names)))
    if n_questions < 2:
        say("One question only: it can be loaded, but a run needs two to train on one.")
        return
    few = 0 < draft.smallest_group < USUAL_CELL
    words = [shlex.quote(f"dataset.path={file}"), shlex.quote(f"dataset.codebook={out}")]
    words += [f"dataset.min_respondents={max(1, draft.smallest_group // 2)}"] * few
    show("\n".join(command("Try it:", "distexp dataset=table", [*words, "model=mock"])))
