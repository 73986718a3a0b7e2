"""What a run or a sweep says on the terminal: a few lines, all of it, nothing, or JSON."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distexp.cli.telling import as_json
from distexp.report.brief import parts, sentences
from distexp.run_folder import PAGE, REPORT
from distexp.terminal.documents import beginning, laid_out
from distexp.terminal.texts import plain, relative, show, width, wrapped
from distexp.view.brief import lines as view_lines

if TYPE_CHECKING:
    from distexp.report.report import Report

MOST_LINES = 25
"""Of a run."""
AT_THE_END = 2
"""Of calls, and where the report is."""
MORE = "There is more: -v shows it, and the files have it."


def show_run(
    report: "Report",
    run_dir: Path,
    manner: str,
    view: Any = None,
    *,
    besides: int = 0,
    also: Mapping[str, str] | None = None,
) -> None:
    """Show the outcome of a run.

    Parameters
    ----------
    report : Report
    run_dir : Path
        Where it was written.
    manner : {"brief", "full", "quiet", "json"}
    view : View, optional
        Whose table was written there too.
    besides : int
        Lines that will be said after it.
    also : mapping of str to str, optional
        Further files that are written, for programs.
    """
    if manner == "json":
        document = {"folder": str(run_dir), "report": str(_page(run_dir)), **(also or {})}
        print(as_json(document | report.summary()))
        return
    if manner == "quiet":
        return
    if manner == "full":
        print(report.markdown())
        if view is not None:
            page = (run_dir / f"{view.name}.md").read_text(encoding="utf-8")
            print(f"\n### {view.name}\n\n{page}")
    else:
        _brief(report, run_dir, view, MOST_LINES - AT_THE_END - besides)
    print(_calls(report, run_dir, manner))


def _brief(report: "Report", run_dir: Path, view: Any, room: int) -> None:
    columns = width()
    if report.estimates:
        said = [next(sentences(report)), *map(plain, filter(None, [report.partial()]))]
        lines = [line for one in said for line in wrapped(one, columns, indent=2)][:4]
        print("\n".join([*lines, ""]))
        show_estimates(report.estimates, room - len(lines) - 1)
        return
    found = parts(report, columns=columns, lines=room - 1 if view is None else 0)
    show(found, columns)
    if view is not None:
        room -= sum(str(one).count("\n") + 1 for one in found) + 1
        show(["", *view_lines(view, run_dir, columns=columns, room=room)], columns)


def show_estimates(markdown: str, room: int, *, whole: bool = False) -> None:
    """Show what is estimated of open cases, or the beginning of it.

    Parameters
    ----------
    markdown : str
    room : int
        Lines.
    whole : bool
        Whether all is shown, whatever the room.
    """
    columns = width()
    if whole:
        print("\n".join(laid_out(markdown, columns)))
        return
    lines = beginning(markdown, columns, room - 1)
    if len(lines) < len(laid_out(markdown, columns)):
        lines.append(MORE)
    print("\n".join(lines))


def _calls(report: "Report", run_dir: Path, manner: str) -> str:
    calls = report.calls
    paid = f" Paid: ${calls.cost_usd:,.2f}." if calls.cost_usd else ""
    said = (
        f"{calls.total} requests: {calls.hits} hits, {calls.misses} misses, "
        f"{calls.parse_errors} unreadable replies.{paid}"
    )
    parted = "" if manner == "brief" else "\n"
    return f"{parted}{said}\nReport: {relative(_page(run_dir))}"


def _page(run_dir: Path) -> Path:
    """Return what to read of a run: its page, which the jobs of a sweep have together."""
    page = run_dir / PAGE
    return page if page.is_file() else run_dir / REPORT
