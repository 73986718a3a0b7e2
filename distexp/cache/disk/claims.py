"""One question, one payer: who asks, while several processes want the same answer.

A claim is a lock on one byte of the file `claims` beside the database, at a place that the key
chooses. The system keeps such locks with the open file and drops them when its process ends,
however it ends. So the claims of a dead process are gone with it, nothing has to be renewed, and
no clock is asked that may jump.
"""

import errno
import fcntl
import os
import struct
import threading
import time
from pathlib import Path

FILE = "claims"
LEASE_S = 900.0
"""A claim that stands in the way for longer, in seconds, is passed over: its process hangs."""

_FLOCK = "hhqqi0q"  # struct flock of Linux: type, whence, start, length, process


class Claims:
    """The claims of one cache on its folder.

    Parameters
    ----------
    folder : Path
        Folder of the cache, on a local disk.
    lease_s : float
        How long to respect another's claim, in seconds since it was first met.
    """

    def __init__(self, folder: Path, lease_s: float = LEASE_S) -> None:
        self.folder = folder
        self.lease_s = lease_s
        self._descriptor: int | None = None
        self._owner = 0
        self._held: set[str] = set()
        self._met: dict[str, float] = {}
        self._one_thread = threading.Lock()  # the system does not tell one's threads apart

    def take(self, key: str) -> bool:
        """Claim a key; False where another is asking for it.

        Raises
        ------
        OSError
            If the file of claims cannot be opened or locked.
        """
        with self._one_thread:
            self._open()
            if key in self._held:
                return False
            if not self._lock(key, fcntl.F_WRLCK) and not self._outwaited(key):
                return False
            self._met.pop(key, None)
            self._held.add(key)
            return True

    def is_free(self, key: str) -> bool:
        """Tell whether nobody claims a key, without claiming it: that is quick for many keys.

        Raises
        ------
        OSError
            As `take`.
        """
        if not hasattr(fcntl, "F_OFD_GETLK"):
            if free := self.take(key):
                self.drop(key)
            return free
        with self._one_thread:
            self._open()
            assert self._descriptor is not None
            asked = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, int(key[:15], 16), 1, 0)
            found = fcntl.fcntl(self._descriptor, fcntl.F_OFD_GETLK, asked)
            if key not in self._held and struct.unpack(_FLOCK, found)[0] == fcntl.F_UNLCK:
                self._met.pop(key, None)
                return True
            return self._outwaited(key)

    def drop(self, key: str) -> None:
        """Let go of a key; others may claim it."""
        with self._one_thread:
            if key in self._held and self._owner == os.getpid():
                self._held.remove(key)
                self._lock(key, fcntl.F_UNLCK)

    def close(self) -> None:
        """Let go of everything."""
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._descriptor = None
        self._held.clear()
        self._met.clear()

    def _open(self) -> None:
        if self._descriptor is not None and self._owner != os.getpid():
            self.close()  # the parent's claims came along when it forked
        if self._descriptor is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
            self._descriptor = os.open(self.folder / FILE, flags, 0o644)
            self._owner = os.getpid()

    def _lock(self, key: str, kind: int) -> bool:
        """Set or lift the lock of a key without waiting; False where another has it."""
        assert self._descriptor is not None
        start = int(key[:15], 16)
        try:
            if hasattr(fcntl, "F_OFD_SETLK"):
                # A lock of the open file: two caches in one process are rivals too.
                wanted = struct.pack(_FLOCK, kind, os.SEEK_SET, start, 1, 0)
                fcntl.fcntl(self._descriptor, fcntl.F_OFD_SETLK, wanted)
            else:  # outside Linux a lock belongs to the process
                how = fcntl.LOCK_UN if kind == fcntl.F_UNLCK else fcntl.LOCK_EX | fcntl.LOCK_NB
                fcntl.lockf(self._descriptor, how, 1, start)
        except OSError as exc:
            if exc.errno in (errno.EAGAIN, errno.EACCES):
                return False
            raise
        return True

    def _outwaited(self, key: str) -> bool:
        """Tell whether another's claim has been met for longer than a call can take."""
        now = time.monotonic()
        return now - self._met.setdefault(key, now) >= self.lease_s
