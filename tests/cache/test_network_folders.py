from collections.abc import Callable
from pathlib import Path

import pytest

from distexp.cache import ResponseCache, network_file_system
from tests.cache.answers import ask, error_line, put, text_of

MOUNTS = """\
/dev/vda / ext4 rw 0 0
server:/export /home nfs4 rw 0 0
/dev/vdb /home/local\\040disk ext4 rw 0 0
//server/share /srv cifs rw 0 0
/dev/vdc /srv xfs rw 0 0
me@server: /home/me/far fuse.sshfs rw 0 0
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/data/cache", None),
        ("/home/me/cache", "nfs4"),
        ("/homestead/cache", None),
        ("/home/local disk/cache", None),
        ("/srv/cache", None),
        ("/home/me/far/../far", "fuse.sshfs"),
    ],
)
def test_network_file_systems_are_known(tmp_path: Path, path: str, kind: str | None) -> None:
    """The innermost mount around a path counts, and on one folder the last."""
    mounts = tmp_path / "mounts"
    mounts.write_text(MOUNTS)

    assert network_file_system(Path(path), mounts) == kind
    assert network_file_system(Path(path), tmp_path / "none") is None


def test_a_cache_on_a_network_file_system_is_refused_except_for_replay(filled: Path) -> None:
    """Locks do not hold there: writing and shared reading are refused, a finished copy is not."""
    mounts = filled.with_name("mounts")
    mounts.write_text(f"server:/export {filled} nfs4 rw 0 0\n")

    class RemoteCache(ResponseCache):
        """Believes that its folder is remote."""

    RemoteCache.mounts = mounts

    shared, asking_again = RemoteCache(filled), RemoteCache(filled, "refresh")
    acts: list[Callable[[], object]] = [
        lambda: shared.get_many([ask()]),
        shared.check_writable,
        lambda: put(asking_again, ask()),
    ]
    for act in acts:
        assert "(nfs4)" in error_line(act)
    assert text_of(RemoteCache(filled, "replay"), ask(0)) == "answer 0"
