"""What a run or a sweep says on the terminal: a few lines, all of it, nothing, or JSON."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from distexp.cli.telling import as_json
from distexp.report.brief import parts
from distexp.run_folder import PAGE, REPORT
from distexp.terminal.texts import laid_out, relative, show, width
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
        document = {"folder": str(run_dir), "report": str(_page(run_dir)), **report.summary()}
        print(as_json(document))
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
    alone = view is None and not report.estimates
    found = parts(report, columns=columns, lines=room if alone else 0)
    show(found, columns)
    if view is not None:
        room -= sum(str(one).count("\n") + 1 for one in found) + 1
        show(["", *view_lines(view, run_dir, columns=columns, room=room)], columns)
    if report.estimates:
        lines = laid_out(report.estimates, columns)
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
    return f"{parted}{said}\nReport: {relative(_page(run_dir))}"


def _page(run_dir: Path) -> Path:
    """Return what to read of a run: its page, which the jobs of a sweep have together."""
    page = run_dir / PAGE
    return page if page.is_file() else run_dir / REPORT
