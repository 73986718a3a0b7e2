"""What is shipped is what is in the tree, and what is installed is what was locked."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCKS = {file.name: file.read_text() for file in ROOT.glob("requirements*.lock")}
LOCK = LOCKS["requirements.lock"]
HEAVY = ("litellm", "sklearn", "scipy", "optuna", "polars", "matplotlib", "hydra", "numpy")


def test_every_package_of_the_tree_is_shipped() -> None:
    """The list of packages is explicit, so a new folder has to be put on it."""
    found = {
        ".".join(path.parent.relative_to(ROOT).parts)
        for path in (ROOT / "distexp").rglob("__init__.py")
    }

    elsewhere = {"distexp.conf", "hydra_plugins.distexp"}  # from conf/ and distexp/plugin/
    assert (
        set(PROJECT["tool"]["setuptools"]["packages"])
        == (found - {"distexp.sweep.plugin"}) | elsewhere
    )


@pytest.mark.parametrize("name", LOCKS)
def test_lock_holds_hashes_and_no_addresses(name: str) -> None:
    """A lock file says what, never where from."""
    entries = re.split(r"^(?=\S)", LOCKS[name], flags=re.MULTILINE)[1:]

    assert not re.search(r"://|--index|--find-links", LOCKS[name])
    assert len(entries) > 2
    for entry in entries:
        assert re.match(r"[\w.-]+==\S+ [^\n]*\\\n +--hash=sha256:[0-9a-f]{64}", entry), entry


def test_machines_of_a_cluster_have_the_versions_that_are_tested_on_one() -> None:
    """What both locks hold they hold at the same version, or results would depend on the place."""
    versions = {
        name: dict(re.findall(r"^([\w.-]+)==(\S+) \\$", lock, re.MULTILINE))
        for name, lock in LOCKS.items()
    }
    one, cluster = versions["requirements.lock"], versions["requirements-cluster.lock"]

    assert {"ray", "redis", "submitit"} <= cluster.keys() - one.keys()
    assert len(one.keys() & cluster.keys()) > 50
    assert {name: one[name] for name in one.keys() & cluster.keys()} == {
        name: cluster[name] for name in one.keys() & cluster.keys()
    }


def test_pinned_dependencies_are_locked_at_their_pins() -> None:
    """Some releases of litellm were malicious: the exact one named is the one installed."""
    wanted = [d for d in PROJECT["project"]["dependencies"] if "==" in d]

    assert "litellm==1.106.2" in wanted
    assert "hydra-core==1.3.8" in wanted
    assert all(re.search(rf"^{re.escape(pin)} ", LOCK, re.MULTILINE) for pin in wanted)


def test_importing_the_package_imports_nothing_heavy() -> None:
    """`import distexp` is free, so that it can stand at the top of any file."""
    code = f"import sys, distexp; print([m for m in {HEAVY} if m in sys.modules])"

    shown = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert shown.stdout.strip() == "[]"


def test_help_loads_no_library_of_models_or_estimators() -> None:
    """`distexp --help` answers at once and lists the groups."""
    code = (
        "import sys; sys.argv = ['distexp', '--help']\n"
        "from distexp.cli.main import main\n"
        "try: main()\n"
        f"finally: print([m for m in {HEAVY[:6]} if m in sys.modules])"
    )

    shown = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert "calibrator: " in shown.stdout
    assert shown.stdout.strip().endswith("[]")
