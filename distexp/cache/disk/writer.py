"""Holding the database of a cache open for writing, and noticing when it is no longer there."""

from pathlib import Path

from distexp.cache.disk.database import Database
from distexp.cache.schema import FILE


class Writer:
    """The database of a folder, opened when it is first written to.

    Parameters
    ----------
    folder : Path
    busy_timeout_s : float
        How long to wait while another process writes, in seconds.
    """

    def __init__(self, folder: Path, busy_timeout_s: float) -> None:
        self.folder = folder
        self.busy_timeout_s = busy_timeout_s
        self.database: Database | None = None
        """None until it is opened."""
        self._identity: tuple[int, int] | None = None

    def open(self) -> Database:
        """Return the open database, made where there is none."""
        if self.database is None:
            self.database = Database(self.folder, self.busy_timeout_s)
            self._identity = self._file_identity()
        return self.database

    def is_gone(self) -> bool:
        """Let go of a database that is no longer the file in the folder; tell whether it was."""
        gone = self.database is not None and self._file_identity() != self._identity
        if gone:
            self.close()
        return gone

    def close(self) -> None:
        """Let go of the database."""
        if self.database is not None:
            self.database.close()
            self.database = None

    def _file_identity(self) -> tuple[int, int] | None:
        """Return what tells the database's file from another under its name; None without one."""
        try:
            stat = (self.folder / FILE).stat()
        except OSError:
            return None
        return stat.st_dev, stat.st_ino
