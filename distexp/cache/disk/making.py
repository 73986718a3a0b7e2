"""An empty database, put in its place whole.

diskcache makes one in place, and waits 45 times for the disk: a tenth of a second before the first
call leaves, and longer where others use the disk.
"""

import os
import sqlite3
from collections.abc import Mapping
from contextlib import closing, suppress
from pathlib import Path

from diskcache.core import DEFAULT_SETTINGS, METADATA

from distexp.atomic import beside, take_away_left
from distexp.cache.schema import FILE, MADE


def make(folder: Path, settings: Mapping[str, object]) -> None:
    """Make the database of a folder, unless it or something of it is there.

    Where that fails, as on file systems that have no second names for a file, diskcache makes it
    afterwards, or says what is in the way.

    Parameters
    ----------
    folder : Path
        Made if it does not exist.
    settings : mapping
        Those of diskcache that are not its own.
    """
    if (folder / FILE).exists() or (folder / f"{FILE}-wal").exists():
        with suppress(OSError):
            take_away_left(folder)  # by one that was killed while it made it
        return  # a log that was left would be taken for that of the new one; SQLite drops it
    with suppress(OSError, sqlite3.Error), beside(folder) as aside:
        made = aside / FILE
        with closing(sqlite3.connect(made, isolation_level=None)) as connection:
            for pragma in ("synchronous = OFF", "auto_vacuum = FULL", "journal_mode = WAL"):
                connection.execute(f"PRAGMA {pragma}")
            connection.execute("BEGIN")
            for statement in MADE:
                connection.execute(statement)
            rows = {**DEFAULT_SETTINGS, **settings, **METADATA}
            connection.executemany("INSERT INTO Settings VALUES (?, ?)", rows.items())
            connection.execute("COMMIT")
            # Closing does so too, but does not say if it fails, as on a disk that is full.
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        with made.open("rb") as file:
            os.fsync(file)
        (folder / FILE).hardlink_to(made)  # unlike a rename, it replaces none that another made
