"""The process that reads a file for another one: a job on standard input, a table on output.

It is run as a program, by `distexp.dataset.files.apart` only.
"""

import io
import json
import os
import resource
import sys
from pathlib import Path

from distexp.dataset.files.binary import READERS, described
from distexp.dataset.files.layout import Layout
from distexp.errors import DatasetError


def main() -> None:
    """Write a line of JSON, and below it, where that says no error, the table as Arrow IPC."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no part of the table
    _limit()
    job = json.load(sys.stdin)
    path = Path(job["path"])
    layout = Layout(**job["layout"] | {"skip_rows": tuple(job["layout"]["skip_rows"])})
    try:
        if "describe" in job:
            said = {"error": None, "described": described(path, layout)}
            out.write(json.dumps(said).encode() + b"\n")
            return
        table = READERS[path.suffix.lower()](path, job["columns"], layout)
    except (DatasetError, OSError) as exc:
        out.write(json.dumps({"error": str(exc)}).encode() + b"\n")
    else:
        content = io.BytesIO()
        table.write_ipc(content, compression="lz4")  # codes repeat: a tenth is passed on
        out.write(b'{"error": null}\n')
        out.write(content.getbuffer())
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
