"""What people met with tools like this one comes out as it should."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import OpenAIServer
from tests.situations.__main__ import played
from tests.situations.further import FURTHER
from tests.situations.reported import REPORTED
from tests.situations.scene import Scene, Situation


@pytest.fixture(scope="module")
def server() -> Iterator[OpenAIServer]:
    """Serve until the last situation has been played."""
    one = OpenAIServer()
    yield one
    one.close()


@pytest.mark.parametrize(
    "situation",
    [pytest.param(one, id=f"{one.number} {one.what}") for one in (*REPORTED, *FURTHER)],
)
def test_situation_comes_out_as_expected(
    situation: Situation, server: OpenAIServer, tmp_path: Path
) -> None:
    """A right number, or a word about it."""
    _, expected, got = played(situation, Scene(tmp_path, server))

    assert got[: len(expected)] == expected
