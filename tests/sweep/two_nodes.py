"""A Ray cluster of two nodes of one core, each at an address of its own on this machine."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

NODES = {"left": "127.0.0.2", "right": "127.0.0.3"}
"""Addresses by the names that nodes have in their environment, as NODE. Not 127.0.0.1: for a
driver, Ray takes that to be the address of the machine."""
STARTS_WITHIN_S = 120.0


@dataclass(frozen=True, slots=True)
class Cluster:
    """Two nodes that run."""

    address: str
    """Of the left one, the head."""
    nodes: Mapping[str, "subprocess.Popen[bytes]"]
    """By their names."""

    def kill(self, node: str) -> None:
        """End a node as a power cut does: all its processes at once."""
        for pid in family(self.nodes[node].pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.nodes[node].wait()


@contextmanager
def two_nodes(folder: Path) -> Iterator[Cluster]:
    """Yield the cluster, whose nodes were started in a folder."""
    port = _free_port(NODES["left"])
    address = f"{NODES['left']}:{port}"
    # Ray has sockets in its folder, and the names of sockets must be short.
    with TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as name, ExitStack() as on:
        head = ["--head", f"--port={port}", f"--temp-dir={name}", "--include-dashboard=false"]
        left = on.enter_context(_started("left", [*head, "--disable-usage-stats"], folder))
        right = on.enter_context(_started("right", [f"--address={address}"], folder))
        yield Cluster(address, {"left": left, "right": right})


@contextmanager
def _started(node: str, own: list[str], folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
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
        yield process
    finally:
        process.terminate()
        process.wait(timeout=60)


def environment(**added: str) -> Mapping[str, str]:
    """Return the environment of Ray's processes, which report to nobody."""
    own = {
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_raylet_start_wait_time_s": f"{STARTS_WITHIN_S:.0f}",
        "OMP_NUM_THREADS": "1",
    }
    return os.environ | own | added


def family(root: int) -> list[int]:
    """Return a process and all that come from it, by their ids."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(stat.parent.name))
    found = [root]
    for pid in found:
        found += children.get(pid, [])
    return found


def _free_port(address: str) -> int:
    with socket.socket() as listener:
        listener.bind((address, 0))
        port: int = listener.getsockname()[1]
        return port
