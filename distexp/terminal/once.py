"""Warnings of many jobs, each text said once."""

import logging
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path


class Once(logging.Handler):
    """Writes a warning to standard error unless it was written before, by any process.

    Parameters
    ----------
    folder : Path
        Has an empty file for each text that was written. Where it is gone, all are written.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(logging.WARNING)
        self._folder = folder

    def emit(self, record: logging.LogRecord) -> None:
        """Write it, or not."""
        said = self.format(record)
        mark = self._folder / sha256(said.encode("utf-8", "replace")).hexdigest()
        try:
            os.close(os.open(mark, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return
        except OSError:
            pass  # rather twice than not at all
        sys.stderr.write(f"{said}\n")


@contextmanager
def said_once() -> Iterator[None]:
    """Say each warning of distexp once, also those of processes that are forked meanwhile."""
    logger = logging.getLogger("distexp")
    with tempfile.TemporaryDirectory(prefix="distexp-said-", ignore_cleanup_errors=True) as made:
        handler = Once(Path(made))
        logger.addHandler(handler)
        try:
            yield
        finally:
            logger.removeHandler(handler)
