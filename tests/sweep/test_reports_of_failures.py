"""What failed in a sweep is said once for the jobs that it is the same for."""

from pathlib import Path

from distexp.sweep.job import Task
from distexp.sweep.launcher import _report
from distexp.sweep.sweep import Failure


def test_jobs_that_fail_but_for_their_own_value_alike_name_the_first() -> None:
    """Another reason is said in full."""
    said = "effort={} cannot be set."
    tasks = [Task(number=n, overrides=("m=x", f"effort={n}")) for n in range(4)]
    reasons = [said.format(0), said.format(1), "No key.", said.format(3)]
    failures = [Failure(task=t, reason=r) for t, r in zip(tasks, reasons, strict=True)]

    lines = _report(failures, tasks, "None is complete.", Path("x")).splitlines()

    assert lines[1:5] == [
        "  job 0, effort=0: effort=0 cannot be set.",
        "  job 1, effort=1: as job 0.",
        "  job 2, effort=2: No key.",
        "  job 3, effort=3: as job 0.",
    ]
