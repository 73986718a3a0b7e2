"""A real Redis server, of Debian's package redis-server, for the tests that need one."""

import importlib.util
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

STARTS_WITHIN_S = 120.0


def _missing() -> str:
    if importlib.util.find_spec("redis") is None:
        return "the Python package redis is not installed: make cluster"
    if shutil.which("redis-server") is None:
        return "redis-server is not installed: apt-get install redis-server"
    return ""


MISSING = _missing()
"""Why there can be no server here; "" where there can."""


class RedisServer:
    """A server on a port of the loopback, with its data in a folder.

    Parameters
    ----------
    folder : Path
    settings : str
        Options of the command line, after those that keep the server to itself.
    """

    def __init__(self, folder: Path, *settings: str) -> None:
        self.folder = folder
        self.settings = settings
        self.port = _free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.start()

    def start(self) -> None:
        """Start it, with the data that is in its folder, and wait until it answers."""
        own = ("--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self.folder))
        quick = ("--save", "", "--repl-diskless-sync-delay", "0")
        with (self.folder / "log").open("ab") as log:
            command = ["redis-server", *own, *quick, *self.settings]
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + STARTS_WITHIN_S
        while not self._answers():
            assert self.process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < deadline, "redis-server does not answer"
            time.sleep(0.01)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it."""
        self.process.send_signal(how)
        self.process.wait()

    def client(self, **settings: Any) -> Any:
        """Return a connection past the cache."""
        from redis import Redis

        return Redis(host="127.0.0.1", port=self.port, **settings)

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                reply = connection.recv(64)
        except OSError:
            return False
        return reply.startswith((b"+PONG", b"-NOAUTH"))


@contextmanager
def redis_server(*settings: str) -> Iterator[RedisServer]:
    """Serve until the block ends; skip the test where there is no server or no client."""
    if MISSING:
        pytest.skip(MISSING)
    with TemporaryDirectory(prefix="distexp-redis-") as name:
        server = RedisServer(Path(name), *settings)
        try:
            yield server
        finally:
            server.process.kill()
            server.process.wait()


def _free_port() -> int:
    port = 65_536
    while port >= 55_536:  # a cluster takes the port that is 10,000 above too
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            port = listener.getsockname()[1]
    return port
