"""Files that were damaged or respelled by chance: read as they are, or refused."""

import pytest

from tests.faults.mutations import GOOD, run


@pytest.mark.parametrize(
    ("kind", "n"), [("texts", 60), ("binaries", 12), ("codebooks", 60), ("cards", 40)]
)
def test_damaged_files_change_no_share_in_silence(kind: str, n: int) -> None:
    """Each reading is that of a plain reader, and each refusal one line; see the module."""
    found = run(kind, n, seed=1)

    assert sum(found.values()) == n
    assert found["refused"] > n / 5  # what is done to the files can be seen
    assert found["as before"] > 0 or kind == "binaries"
    assert {outcome for outcome in found if not outcome.startswith(GOOD)} == set()


def test_damaged_bundles_are_refused_or_whole() -> None:
    """Digests are believed only after they were checked, and configurations never."""
    found = run("bundles", 12, seed=1)

    assert found["refused"] > 0
    assert {outcome for outcome in found if not outcome.startswith(GOOD)} == set()
