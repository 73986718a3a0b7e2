"""Caches that are there when a test begins, and closed when it ends."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from distexp.cache import ResponseCache
from distexp.cli.cache import main
from tests.cache.answers import Command, Opener, ask, put


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder of a cache that does not exist yet."""
    return tmp_path / "cache"


@pytest.fixture
def opened(folder: Path) -> Iterator[Opener]:
    """Return a function that opens a cache, which is closed when the test ends."""
    caches = []

    def opener(mode: str = "use", path: Path = folder) -> ResponseCache:
        caches.append(ResponseCache(path, mode))
        return caches[-1]

    yield opener
    for cache in caches:
        cache.close()


@pytest.fixture
def filled(folder: Path) -> Path:
    """Return the folder of a closed cache with the answers `answer 0` to `answer 9`."""
    with closing(ResponseCache(folder)) as cache:
        for number in range(10):
            put(cache, ask(number), f"answer {number}")
    return folder


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    """Return a function that runs `distexp cache`, and returns its exit code and what it shows."""

    def run(*arguments: object) -> tuple[int, str]:
        try:
            main([str(argument) for argument in arguments])
        except SystemExit as exc:
            return int(str(exc.code)), capsys.readouterr().out
        return 0, capsys.readouterr().out

    return run
