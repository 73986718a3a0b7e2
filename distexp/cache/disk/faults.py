"""What SQLite and file systems have against a cache, said in one line each."""

import errno
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from diskcache import Timeout

from distexp.errors import CacheCorruptError, CacheError, DistexpError

NETWORK_FILE_SYSTEMS = (
    *("afs", "beegfs", "ceph", "cifs", "glusterfs", "gpfs", "lustre", "nfs", "nfs4", "smb3"),
    *("fuse.ceph", "fuse.gcsfuse", "fuse.glusterfs", "fuse.rclone", "fuse.s3fs", "fuse.sshfs"),
)

_CHOOSE = (CacheError, "Choose a folder that can be written with cache.path=FOLDER.")
_FREE = (CacheError, "Free some disk space, then run the same command again.")
_DAMAGED = (CacheCorruptError, "Restore cache.db from a copy, or move it away to start anew.")
_NO_TEXT = (
    CacheCorruptError,
    "A row is not what distexp wrote: 'distexp cache verify' lists such rows, and moves them "
    "aside with --drop.",
)
_LOG = (
    CacheError,
    "Its last answers are in the log cache.db-wal, which can be read only where the folder can be "
    "written: copy the whole folder to such a place and set cache.path.",
)
_ADVICE = {
    sqlite3.SQLITE_BUSY: (CacheError, "Run again when no other process is writing to it."),
    sqlite3.SQLITE_FULL: _FREE,
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: _DAMAGED,
}
_UNEXPECTED = (LookupError, TypeError, ValueError, AttributeError, OverflowError)
_LEAST_FREE_BYTES = 1 << 16


@contextmanager
def plain_errors(folder: Path) -> Iterator[None]:
    """Turn what goes wrong with the database of a folder into a `CacheError` of one line."""
    try:
        yield
    except DistexpError:
        raise
    except _UNEXPECTED as exc:  # what reading a database raises that does not hold what it should
        said = f"{type(exc).__name__}: {' '.join(str(exc).split())}"
        msg = f"The response cache {folder} is damaged ({said}). {_DAMAGED[1]}"
        raise CacheCorruptError(msg) from exc
    except (sqlite3.Error, Timeout, OSError) as exc:
        cause: BaseException = exc
        while isinstance(cause.__context__, sqlite3.Error):  # diskcache hides it in Timeout
            cause = cause.__context__
        kind, advice = _advice(cause, folder)
        msg = f"The response cache {folder} cannot be used: {cause}. {advice}"
        raise kind(msg) from exc


def _advice(cause: BaseException, folder: Path) -> tuple[type[CacheError], str]:
    """Choose the kind of error and what to do about it."""
    if isinstance(cause, sqlite3.OperationalError) and "decode to UTF-8" in str(cause):
        return _NO_TEXT
    code = getattr(cause, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_CANTOPEN and (folder / "cache.db-wal").exists():
        return _LOG
    if code == sqlite3.SQLITE_IOERR and _is_full(folder):
        return _FREE
    if isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT):
        return _FREE
    return _ADVICE.get(code, _CHOOSE)


def _is_full(folder: Path) -> bool:
    try:
        return shutil.disk_usage(folder).free < _LEAST_FREE_BYTES
    except OSError:
        return False


def refuse_network(folder: Path, mounts: Path) -> None:
    """Raise `CacheError` if the folder lies on a network file system.

    Parameters
    ----------
    folder : Path
    mounts : Path
        Table of mounted file systems; without one, as outside Linux, none is refused.
    """
    kind = network_file_system(folder, mounts)
    if kind:
        msg = (
            f"The response cache {folder} lies on a network file system ({kind}), where "
            "SQLite's locks do not hold and answers would be lost. Choose a folder on a local "
            "disk with cache.path=FOLDER; a copy may lie anywhere for cache.mode=replay."
        )
        raise CacheError(msg)


def network_file_system(path: Path, mounts: Path) -> str | None:
    """Return the kind of network file system that `path` lies on; None if local or unknown."""
    if not mounts.exists():
        return None
    path = Path(os.path.realpath(path))  # unlike resolve, it bears links that lead in a circle
    lines = [line.split(" ") for line in mounts.read_text(errors="surrogateescape").splitlines()]
    folders = [(Path(line[1].replace("\\040", " ")), line[2]) for line in lines]
    around = [(len(folder.parts), kind) for folder, kind in folders if path.is_relative_to(folder)]
    # Of two mounts on one folder the later hides the earlier.
    _, kind = max(reversed(around), key=lambda mount: mount[0], default=(0, ""))
    return kind if kind in NETWORK_FILE_SYSTEMS else None
