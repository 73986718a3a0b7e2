"""The page of estimates of questions that few people, or nobody, answered.

Of `distexp predict`, `rectify` and `plan` by a card, and of people and their twins: an answer in a
few sentences, a picture, estimates with their bands, calls, and how to make them again.
"""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distexp.dataset.files.columns import sha256
from distexp.page.again import CITATION, setting
from distexp.page.run import MOST_ESTIMATES, rows, view
from distexp.report.calls import Calls
from distexp.report.software import software

if TYPE_CHECKING:
    import polars as pl

DRAWN = {"question_id", "option", "low"}
"""Columns without which a table is no estimates of shares."""
PLANNED = "respondents"
"""The column that makes a table a plan."""


def head(
    table: "pl.DataFrame",
    *,
    command: Sequence[str],
    files: Mapping[str, Path],
    calls: Calls | None = None,
    besides: "Mapping[str, tuple[str, pl.DataFrame]] | None" = None,
) -> dict[str, Any]:
    """Return the data of the page.

    Parameters
    ----------
    table : DataFrame
        As `distexp predict`, `rectify` or `plan` writes it: a row a question, group and option is
        drawn with its band, any other is shown as it is.
    command : sequence of str
        What was typed after `distexp`.
    files : mapping of str to Path
        What was read, by what it is.
    calls : Calls, optional
        None where no model was asked.
    besides : mapping of str to (str, DataFrame), optional
        Further tables with their captions in Markdown, by their titles.
    """
    is_drawn = set(table.columns) >= DRAWN
    name = "Whom to ask" if PLANNED in table.columns else "Estimates"
    views = dict(besides or {}) if is_drawn else {name: ("", table), **(besides or {})}
    versions = software()
    return {
        "kind": "estimates",
        "estimates": is_drawn and rows(table, most=MOST_ESTIMATES),
        "views": [view(name, *found) for name, found in views.items()],
        "calls": None if calls is None else asdict(calls),
        "again": {
            "command": shlex.join(["distexp", *command]),
            "changed": [setting(one) for one in command if "=" in one],
            "versions": list(versions.items()),
            "digests": [[f"{what} (SHA-256)", _digest(path)] for what, path in files.items()],
            "citation": [one.format(version=versions.get("distexp", "")) for one in CITATION],
        },
    }


def _digest(path: Path) -> str | None:
    """Return the SHA-256 of a file; None where it is gone."""
    try:
        return sha256(path)
    except OSError:
        return None
