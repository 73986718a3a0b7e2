"""Where pages are written: beside the tables that they are made of."""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from distexp import atomic
from distexp.errors import DatasetError, DistexpError
from distexp.model.http.secrets import Secrets
from distexp.page.answer import FOUND, HOW_FAR, of_run, of_sweep
from distexp.page.document import document, in_script
from distexp.page.run import cases, head, replies
from distexp.page.sweep import inside, sweep
from distexp.page.tables import Tables, name_of
from distexp.page.words import Runs, pieces
from distexp.run_folder import FAILURES, INDEX, PAGE, PREDICTIONS, REPLIES, SCORES

MOST_INSIDE = 3_500_000
"""Characters of runs that go into the page of a sweep; others have their own."""
AT_MOST_PACKED = 3
"""Bytes of the largest tables of a run that become a character of its page, more than ever seen:
a run with more of them than there is room for is not laid out only to be left out."""
OF_SWEEP = ("leaderboard.parquet", "multirun.yaml", FAILURES)


def write(folder: Path) -> Path:
    """Write the page of a run or a sweep, or the index of a folder of runs, and return its path.

    Raises
    ------
    DatasetError
        If there is no finished run in the folder or below it, or it cannot be read.
    DistexpError
        If the page cannot be written.
    """
    if all((folder / name).is_file() for name in (SCORES, PREDICTIONS)):
        return _write(folder / PAGE, _of_run(Tables.read(folder)))
    path, _ = write_runs(folder)
    return path


def write_runs(folder: Path) -> tuple[Path, list[str]]:
    """Write the page of a sweep or a folder of runs, and return its path and what was found.

    Returns
    -------
    tuple of Path and list of str
        The second in sentences: how many configurations add something, and which is the nearest.

    Raises
    ------
    DatasetError
        If there is no finished run below the folder, or it cannot be read.
    DistexpError
        If the page cannot be written.
    """
    runs = sorted((path.parent for path in folder.rglob(SCORES)), key=_in_order)
    if not runs:
        raise DatasetError(f"There is no finished run in or below {folder}: no {SCORES} is there.")
    is_sweep = any((folder / name).exists() for name in OF_SWEEP)
    page, answer = _of_runs(folder, [Tables.read(one) for one in runs], is_sweep=is_sweep)
    said = {lead: "".join(text for _, text in words) for lead, words in answer}
    found = [said[lead] for lead in (FOUND, HOW_FAR) if lead in said]
    return _write(folder / (PAGE if is_sweep else INDEX), page), found


def write_estimates(
    path: Path,
    about: Mapping[str, Any],
    *,
    kind: str,
    title: str,
    answer: Sequence[tuple[str, str]],
) -> Path:
    """Write the page of estimates, and return its path.

    Parameters
    ----------
    path : Path
    about : mapping
        See `distexp.page.estimated.head`.
    kind, title : str
    answer : sequence of (str, str)
        What each paragraph is about, and the paragraph, in Markdown.

    Raises
    ------
    DistexpError
        If the page cannot be written.
    """
    said = [(lead, pieces(text)) for lead, text in answer]
    data = {"head": in_script(about, _secrets())}
    return _write(path, document(kind=kind, title=title, answer=said, data=data))


def _of_run(tables: Tables) -> str:
    about, secrets = head(tables), _secrets()
    models, datasets = _named(about["studies"])
    return document(
        kind=f"distexp · run {about['name']}",
        title=f"{models} on {datasets}: how close to people's answers?",
        answer=of_run(about),
        data={
            "head": in_script(about, secrets),
            "cases": in_script(cases(tables), secrets),
            "replies": in_script(replies(tables), secrets),
        },
    )


def _of_runs(
    folder: Path, runs: Sequence[Tables], *, is_sweep: bool
) -> tuple[str, list[tuple[str, Runs]]]:
    """Return the page, and the paragraphs that it begins with."""
    about = sweep(folder, runs)
    secrets, packed, room = _secrets(), dict[str, str](), MOST_INSIDE
    for number, run in enumerate(runs if is_sweep else ()):
        if _n_bytes(run.folder) > AT_MOST_PACKED * room:
            break
        text = in_script(
            inside(Tables.read(run.folder)), secrets
        )  # and forgotten, with its replies
        room -= len(text)
        if room < 0:
            break
        packed[f"run-{number}"] = text
        about["jobs"][number]["inside"] = True
    name, answer = name_of(folder), of_sweep(about)
    page = document(
        kind=f"distexp · {'sweep' if is_sweep else 'runs in'} {name}",
        title="How close do the models come to people's answers?",
        answer=answer,
        data={"head": in_script(about, secrets), **packed},
    )
    return page, answer


def _n_bytes(run: Path) -> int:
    files = (run / PREDICTIONS, run / REPLIES)
    return sum(file.stat().st_size for file in files if file.is_file())


def _in_order(folder: Path) -> list[tuple[int, str]]:
    """Return what puts job 2 before job 10."""
    parts = re.split(r"(\d+)", folder.as_posix())
    return [(int(one) if one.isdecimal() else 0, one) for one in parts]


def _named(studies: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    models, datasets = (
        ", ".join(dict.fromkeys(one["condition"][at] for one in studies)) for at in (1, 0)
    )
    return models or "Nothing", datasets or "nothing"


def _secrets() -> Secrets:
    """Return what the environment holds that no page may show."""
    found = Secrets.named(os.environ)
    return Secrets([os.environ[name] for name in found])


def _write(path: Path, page: str) -> Path:
    try:
        with atomic.file(path) as made:
            made.write_text(page, encoding="utf-8")
    except OSError as exc:
        msg = f"The page {path} cannot be written: {exc}. Choose another folder."
        raise DistexpError(msg) from exc
    return path
