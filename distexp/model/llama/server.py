"""A child process that serves one GGUF file, seen from the process that started it."""

import json
import os
import select
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import IO

from distexp.errors import ModelError
from distexp.model.http.secrets import Secrets
from distexp.request import Json

CHILD = Path(__file__).with_name("child.py")
GRACE_S = 5.0
"""How long an ending child is waited for, in seconds."""


def _without_secrets() -> dict[str, str]:
    """Return the environment without what is secret by name: the child has no use for it."""
    hidden = Secrets.named(os.environ)
    return {name: value for name, value in os.environ.items() if name not in hidden}


class LlamaServer:
    """Starts, watches and ends the child.

    Parameters
    ----------
    settings : mapping
        What `llama_child` reads: path, alias, n_ctx, n_threads, cache_type_k, cache_type_v.
    start_timeout_s : float
        How long loading the weights may take, in seconds.

    Attributes
    ----------
    address : str
        Where it serves, once started, e.g. ``http://127.0.0.1:40001``.
    child : subprocess.Popen or None
        The process; None before `start` and after `stop`.
    """

    def __init__(self, settings: Mapping[str, Json], *, start_timeout_s: float) -> None:
        self._settings = settings
        self._start_timeout_s = start_timeout_s
        self.child: subprocess.Popen[bytes] | None = None
        self._stderr: IO[bytes] | None = None
        self.address = ""
        self._starting = Lock()

    def start(self) -> None:
        """Start the child unless it runs already, and wait until it serves.

        Raises
        ------
        ModelError
            If it ends or says nothing for `start_timeout_s`, or ended since the last call;
            holds the last lines that it wrote.
        """
        with self._starting:
            if self.child is None:
                self.address = self._wait_for_address(self._spawn())
            if self.has_ended():
                raise ModelError(self.last_words())

    def _spawn(self) -> subprocess.Popen[bytes]:
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the child
        self.child = subprocess.Popen(
            [sys.executable, "-P", str(CHILD), json.dumps(self._settings)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            # Threads that spin while they wait for each other make two cores ten times slower.
            env={**_without_secrets(), "OMP_WAIT_POLICY": "passive"},
        )
        return self.child

    def _wait_for_address(self, child: subprocess.Popen[bytes]) -> str:
        """Return the line that the child writes when it is ready; empty if it ended."""
        assert child.stdout is not None
        ready, _, _ = select.select([child.stdout], [], [], self._start_timeout_s)
        if not ready:
            child.kill()
            child.wait()
            msg = (
                f"llama.cpp did not load {self._settings['path']} within "
                f"{self._start_timeout_s:g} s. Raise model.start_timeout_s."
            )
            raise ModelError(msg)
        line = child.stdout.readline().decode().strip()
        if not line:
            child.wait()
        return line

    def has_ended(self, wait_s: float = 0.0) -> bool:
        """Tell whether the child was started and is gone, or goes within `wait_s` seconds."""
        if self.child is None:
            return False
        try:
            self.child.wait(wait_s)
        except subprocess.TimeoutExpired:
            return False
        return True

    def last_words(self) -> str:
        """Say how the child ended, with the last lines that it wrote."""
        assert self.child is not None
        assert self._stderr is not None
        status = self.child.returncode
        how = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
        self._stderr.seek(max(0, self._stderr.seek(0, os.SEEK_END) - 2000))
        lines = self._stderr.read().decode(errors="replace").split("\n")
        said = " | ".join(line.strip() for line in lines[-8:] if line.strip())
        return f"llama.cpp serving {self._settings['path']} {how}. It said: {said or 'nothing'}"

    def stop(self) -> None:
        """End the child and wait until it is gone; a later `start` starts another."""
        child, stderr = self.child, self._stderr
        if child is None or child.stdin is None or child.stdout is None or stderr is None:
            return
        child.stdin.close()
        try:
            child.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        with self._starting:  # a start that was under way has seen the child end by now
            child.stdout.close()
            stderr.close()
            self.child = None
