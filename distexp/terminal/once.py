"""Warnings of many jobs, each text said once."""

import logging
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from distexp.terminal.texts import width, wrapped


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
        lines = wrapped(f"distexp: warning: {said}", width(), indent=2)
        sys.stderr.write("".join(f"{line}\n" for line in lines))


@contextmanager
def said_once(*, shown: bool = True) -> Iterator[None]:
    """Say each warning of distexp once, also those of processes that are forked meanwhile.

    Parameters
    ----------
    shown : bool
        False says none.
    """
    logger = logging.getLogger("distexp")
    with tempfile.TemporaryDirectory(prefix="distexp-said-", ignore_cleanup_errors=True) as made:
        handler = Once(Path(made)) if shown else logging.NullHandler()
        logger.addHandler(handler)
        try:
            yield
        finally:
            logger.removeHandler(handler)
