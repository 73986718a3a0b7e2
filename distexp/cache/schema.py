"""What a database of a cache is made of: one that holds anything else is not opened.

SQLite runs triggers by itself, and reads views as tables. A database may come from elsewhere, so
each of its parts must be, word for word, one that diskcache or distexp makes.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

from distexp.cache.disk.batches import TABLE
from distexp.cache.disk.facts import SCHEMA
from distexp.errors import CacheCorruptError

FILE = "cache.db"
"""diskcache's name for the database."""
OF_ROW = "key, raw, store_time, mode, filename, tag, value"
ASIDE = f"CREATE TABLE IF NOT EXISTS Aside (id INTEGER PRIMARY KEY, since, reason, {OF_ROW})"
"""Rows that are not what was written, with the reason, as 'distexp cache verify' finds them."""
MADE = (
    "CREATE TABLE Settings ( key TEXT NOT NULL UNIQUE, value)",
    "CREATE TABLE Cache ( rowid INTEGER PRIMARY KEY, key BLOB, raw INTEGER, store_time REAL,"
    " expire_time REAL, access_time REAL, access_count INTEGER DEFAULT 0, tag BLOB,"
    " size INTEGER DEFAULT 0, mode INTEGER DEFAULT 0, filename TEXT, value BLOB)",
    "CREATE UNIQUE INDEX Cache_key_raw ON Cache(key, raw)",
    "CREATE INDEX Cache_expire_time ON Cache (expire_time)",
    *(
        f"CREATE TRIGGER Settings_{name} AFTER {when} ON Cache FOR EACH ROW BEGIN"
        f' UPDATE Settings SET value = value {change} WHERE key = "{name.split("_")[0]}"; END'
        for name, when, change in (
            ("count_insert", "INSERT", "+ 1"),
            ("count_delete", "DELETE", "- 1"),
            ("size_insert", "INSERT", "+ NEW.size"),
            ("size_update", "UPDATE", "+ NEW.size - OLD.size"),
            ("size_delete", "DELETE", "- OLD.size"),
        )
    ),
    *SCHEMA,
)
"""What a new database is made of."""
_WITH_OTHER_SETTINGS = (
    "CREATE INDEX Cache_store_time ON Cache (store_time)",
    "CREATE INDEX Cache_access_time ON Cache (access_time)",
    "CREATE INDEX Cache_access_count ON Cache (access_count)",
    "CREATE INDEX Cache_tag_rowid ON Cache(tag, rowid)",
)
_OURS = frozenset(
    " ".join(statement.replace(" IF NOT EXISTS", "").split())
    for statement in (*MADE, *_WITH_OTHER_SETTINGS, ASIDE, TABLE)
)
_PARTS = "SELECT type, name, sql FROM sqlite_master"
_BY_ITSELF = "sqlite_"
"""How names begin that SQLite gives: of the indexes of unique columns, and of its statistics."""


def parts_of(connection: sqlite3.Connection, folder: Path) -> set[str]:
    """Return the names of what is in a database, once it is known to be no more than ours.

    Raises
    ------
    CacheCorruptError
        If something in it was made by another program.
    sqlite3.Error
        If it cannot be read.
    """
    names = set()
    for kind, name, statement in connection.execute(_PARTS):
        names.add(name)
        by_itself = str(name).startswith(_BY_ITSELF) and kind != "trigger"
        if not by_itself and " ".join(str(statement).split()) not in _OURS:
            msg = (
                f"The response cache {folder} holds a {kind} {str(name)!r:.80} that distexp did "
                "not make, so its database is not opened. Restore cache.db from a copy, or take "
                "the part out with another program if you know what it does."
            )
            raise CacheCorruptError(msg)
    return names


def check_parts(folder: Path, busy_timeout_s: float) -> None:
    """Do what `parts_of` does for the database of a folder, where there is one."""
    file = folder / FILE
    if file.exists():
        uri = f"{file.absolute().as_uri()}?mode=rw"  # to read its log takes the right to write
        with closing(sqlite3.connect(uri, uri=True, timeout=busy_timeout_s)) as connection:
            parts_of(connection, folder)
