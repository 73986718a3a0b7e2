"""The process that reads a file for another one: a job on standard input, a table in a file.

It is run as a program, by `distexp.dataset.files.apart` only.
"""

import json
import os
import resource
import sys
from pathlib import Path
from typing import Any

from distexp.dataset.files.binary import READERS, described
from distexp.dataset.files.layout import Layout
from distexp.errors import DatasetError


def main() -> None:
    """Write what is to be said as JSON, and the table, where there is no error, as Arrow IPC."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints is no part of the table
    _limit()
    job = json.load(sys.stdin)
    path = Path(job["path"])
    said: dict[str, Any] = {"error": None}
    layout = Layout(**job["layout"] | {"skip_rows": tuple(job["layout"]["skip_rows"])})
    try:
        if "describe" in job:
            said |= {"described": described(path, layout)}
        else:
            table = READERS[path.suffix.lower()](path, job["columns"], layout)
            table.write_ipc(job["out"])
    except (DatasetError, OSError) as exc:
        said = {"error": str(exc)}
    json.dump(said, out)
    out.close()


def _limit() -> None:
    """Take no more memory than the machine has, and leave no core file behind."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if hard == resource.RLIM_INFINITY or hard > memory:
        resource.setrlimit(resource.RLIMIT_AS, (memory, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    main()
