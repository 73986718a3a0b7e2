"""`python -m tests.situations`: a line a situation: number, ok or NOT, what it is, what came."""

import sys
import tempfile
from pathlib import Path

from tests.conftest import OpenAIServer
from tests.situations.further import FURTHER
from tests.situations.reported import REPORTED
from tests.situations.scene import Scene, Situation


def played(situation: Situation, scene: Scene) -> tuple[bool, str, str]:
    """Return whether it came as expected, what was expected, and what came."""
    expected = situation.expected.replace("{url}", scene.server.url)
    expected = expected.replace("{folder}", str(scene.folder))
    got = situation.play(scene)
    return got.startswith(expected), expected, got


def main() -> int:
    """Play all; return how many did not come as expected."""
    server, n_bad = OpenAIServer(), 0
    for situation in (*REPORTED, *FURTHER):
        with tempfile.TemporaryDirectory() as folder:
            ok, expected, got = played(situation, Scene(Path(folder), server))
        n_bad += not ok
        missed = "" if ok else f"  [expected {expected}]"
        line = f"{situation.number:4} {'ok ' if ok else 'NOT'} {situation.what}: {got}{missed}"
        sys.stdout.write(line.replace("\n", " ") + "\n")
    server.close()
    sys.stdout.write(f"{len(REPORTED) + len(FURTHER)} situations, {n_bad} not as expected\n")
    return n_bad


if __name__ == "__main__":
    sys.exit(bool(main()))
