"""Workers without a server between them: each has a cache of its own, and they are merged."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from distexp.cache.disk.reader import Reader

SHARDS = {
    "a": ["elicitation=verbalized", "prompt=[base]"],
    "b": ["elicitation=verbalized", "prompt=[base,sociodemographic]"],  # asks what `a` asks too
}
"""What each worker runs."""


def distexp(folder: Path, *arguments: str) -> str:
    """Run the command in a folder and return what it printed."""
    command = [sys.executable, "-m", "distexp", *arguments]
    ended = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    return ended.stdout


def run(folder: Path, name: str, *settings: str) -> dict[str, Any]:
    """Run the job of a shard, and return its calls."""
    job = ["model=mock", "dataset=gss2018", "calibrator=uniform", "evaluation.n_splits=2"]
    distexp(folder, *job, *SHARDS[name], "progress=false", *settings, f"hydra.run.dir={name}")
    calls: dict[str, Any] = json.loads((folder / name / "summary.json").read_text())["calls"]
    return calls


@pytest.fixture(scope="module")
def merged(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]]]:
    """Run all shards, each in a folder of its own, and merge their caches into `whole`."""
    folder = tmp_path_factory.mktemp("shards")
    for name in SHARDS:
        run(folder, name, f"cache.path=cache-{name}")
    caches = [f"cache-{name}" for name in SHARDS]
    shown = distexp(folder, "cache", "merge", *caches, "whole", "--json")
    return folder, json.loads(shown)["from"]


def test_merged_cache_holds_each_answer_once(merged: tuple[Path, list[dict[str, Any]]]) -> None:
    """By content: what two workers asked alike is one entry, and nothing is at odds."""
    folder, sources = merged
    used = {name: set((folder / name / "requests.txt").read_text().split()) for name in SHARDS}
    entries = [name for name, _ in Reader(folder / "whole").texts()]

    assert used["a"] < used["b"]
    assert sorted(entries) == sorted(used["b"])
    assert [source["added"] for source in sources] == [
        len(used["a"]),
        len(used["b"] - used["a"]),
    ]
    assert [source["present"] for source in sources] == [0, len(used["a"])]
    assert not any(source["conflicts"] for source in sources)


def test_job_can_be_made_again_from_the_merged_cache(
    merged: tuple[Path, list[dict[str, Any]]],
) -> None:
    """Without a call, and with the same scores to the last byte."""
    folder, _ = merged
    scores = folder / "b" / "scores.parquet"
    before = scores.read_bytes()
    scores.unlink()

    calls = run(folder, "b", "cache.path=whole", "cache.mode=replay")

    assert calls["misses"] == 0
    assert scores.read_bytes() == before
