"""A Ray cluster of two nodes of one core, each at an address of its own on this machine."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

NODES = {"left": "127.0.0.2", "right": "127.0.0.3"}
"""Addresses by the names that nodes have in their environment, as NODE. Not 127.0.0.1: for a
driver, Ray takes that to be the address of the machine."""
STARTS_WITHIN_S = 120.0


@contextmanager
def two_nodes(folder: Path) -> Iterator[str]:
    """Yield the address of the cluster, whose nodes were started in a folder."""
    port = _free_port(NODES["left"])
    address = f"{NODES['left']}:{port}"
    # Ray has sockets in its folder, and the names of sockets must be short.
    with TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as name, ExitStack() as on:
        head = ["--head", f"--port={port}", f"--temp-dir={name}", "--include-dashboard=false"]
        on.enter_context(_started("left", [*head, "--disable-usage-stats"], folder))
        on.enter_context(_started("right", [f"--address={address}"], folder))
        yield address


@contextmanager
def _started(node: str, own: list[str], folder: Path) -> Iterator[None]:
    """Start a node, wait until it has joined, and end it with its processes after the block."""
    command = [str(Path(sys.executable).parent / "ray"), "start", "--block", *own]
    command += [f"--node-ip-address={NODES[node]}", "--num-cpus=1"]
    command += ["--object-store-memory=80000000"]
    log = folder / f"{node}.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            command, cwd=folder, env=environment(NODE=node), stdout=output, stderr=output
        )
    try:
        deadline = time.monotonic() + STARTS_WITHIN_S
        while "Ray runtime started" not in log.read_text():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(timeout=60)


def environment(**added: str) -> Mapping[str, str]:
    """Return the environment of Ray's processes, which report to nobody."""
    return os.environ | {"RAY_USAGE_STATS_ENABLED": "0", "OMP_NUM_THREADS": "1"} | added


def _free_port(address: str) -> int:
    with socket.socket() as listener:
        listener.bind((address, 0))
        port: int = listener.getsockname()[1]
        return port
