"""What a run or a sweep says on the terminal: a few lines, all of it, nothing, or JSON."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distexp.report.brief import parts
from distexp.run_folder import REPORT
from distexp.terminal.texts import relative, show, width
from distexp.view.brief import lines as view_lines

if TYPE_CHECKING:
    from distexp.report.report import Report

MOST_LINES = 25
"""Of a run."""
MOST_ESTIMATES = 60
"""Lines of estimates of open cases."""


def show_run(report: "Report", run_dir: Path, manner: str, view: Any = None) -> None:
    """Show the outcome of a run.

    Parameters
    ----------
    report : Report
    run_dir : Path
        Where it was written.
    manner : {"brief", "full", "quiet", "json"}
    view : View, optional
        Whose table was written there too.
    """
    if manner == "json":
        document = {"folder": str(run_dir), "report": str(run_dir / REPORT), **report.summary()}
        print(json.dumps(document, ensure_ascii=False, allow_nan=False))
        return
    if manner == "quiet":
        return
    if manner == "full":
        print(report.markdown())
        if view is not None:
            page = (run_dir / f"{view.name}.md").read_text(encoding="utf-8")
            print(f"\n### {view.name}\n\n{page}")
    else:
        _brief(report, run_dir, view)
    print(_calls(report, run_dir, manner))


def _brief(report: "Report", run_dir: Path, view: Any) -> None:
    columns, room = width(), MOST_LINES - 3
    found = parts(report, columns=columns, lines=0 if view is not None else room)
    show(found, columns)
    if view is not None:
        room -= sum(str(one).count("\n") + 1 for one in found) + 1
        show(["", *view_lines(view, run_dir, columns=columns, room=room)], columns)
    if report.estimates:
        lines = report.estimates.splitlines()
        print("\n" + "\n".join(lines[:MOST_ESTIMATES]))
        if len(lines) > MOST_ESTIMATES:
            print(f"\n({len(lines) - MOST_ESTIMATES} more lines are in the report.)")


def _calls(report: "Report", run_dir: Path, manner: str) -> str:
    calls = report.calls
    paid = f" Paid: ${calls.cost_usd:,.2f}." if calls.cost_usd else ""
    said = (
        f"{calls.total} requests: {calls.hits} hits, {calls.misses} misses, "
        f"{calls.parse_errors} unreadable replies.{paid}"
    )
    parted = "" if manner == "brief" and not report.estimates else "\n"
    return f"{parted}{said}\nReport: {relative(run_dir / REPORT)}"
