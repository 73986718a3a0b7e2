"""Parcels: the same bytes each time, and no harm from those that others wrote."""

import stat
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from distexp.errors import ArchiveError, DistexpError
from distexp.sharing.parcel import Parcel, opened, writing
from tests.sharing.parcels import link, listed, manifest_of, pack, patched

FORMATS = {"distexp.test": 2}
ABOUT: dict[str, Any] = {"format": {"name": "distexp.test", "version": 1}}
MEMBERS = {"a.txt": b"one\ntwo\n", "b/c.txt": b"three\n"}


def everything(path: Path) -> dict[str, bytes]:
    """Read all members of a parcel, as whoever uses it does."""
    with opened(path, FORMATS) as parcel:
        return {name: parcel.read(name) for name in parcel.members}


def refusal(path: Path, act: Callable[[Parcel], object] | None = None) -> str:
    """Return the one line that says why a parcel is refused."""

    def read() -> None:
        with opened(path, FORMATS) as parcel:
            for name in parcel.members:
                act(parcel) if act else parcel.read(name)

    with pytest.raises(ArchiveError) as caught:
        read()
    (line,) = str(caught.value).splitlines()
    assert line.startswith(str(path))
    return line


def write(path: Path) -> Path:
    """Write a parcel of two members."""
    with writing(path, ABOUT) as parcel:
        for name, data in MEMBERS.items():
            parcel.add(name, [data[:3], data[3:]])
        parcel.about["n"] = 2
    return path


def test_what_was_put_in_comes_out(tmp_path: Path) -> None:
    """Members by name, line by line, or as files; and what the manifest says beside them."""
    path = write(tmp_path / "new" / "parcel.zip")

    with opened(path, FORMATS) as parcel:
        parcel.extract("b/c.txt", tmp_path / "out" / "c.txt")
        assert parcel.about == {**ABOUT, "n": 2}
        assert list(parcel.lines("a.txt")) == [b"one", b"two"]
    assert everything(path) == MEMBERS
    assert (tmp_path / "out" / "c.txt").read_bytes() == b"three\n"


def test_the_same_content_gives_the_same_bytes(tmp_path: Path) -> None:
    """Neither the clock nor the place of the file is in it."""
    first, second = write(tmp_path / "one.zip"), write(tmp_path / "below" / "two.zip")

    assert first.read_bytes() == second.read_bytes()
    with zipfile.ZipFile(first) as file:
        assert {info.date_time for info in file.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_a_parcel_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    """What fails on the way leaves the parcel that was there, and nothing beside it."""
    path = write(tmp_path / "parcel.zip")
    before = path.read_bytes()

    def fail() -> Iterator[bytes]:
        yield b"other"
        raise KeyError

    with pytest.raises(KeyError), writing(path, ABOUT) as parcel:
        parcel.add("a.txt", fail())

    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_path_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    """It names the file."""
    (tmp_path / "file").touch()

    with pytest.raises(DistexpError, match=r"file/parcel.zip cannot be written"):
        write(tmp_path / "file" / "parcel.zip")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../out.txt", "leads out of the folder"),
        ("a/../../out.txt", "leads out of the folder"),
        ("/etc/out.txt", "leads out of the folder"),
        ("C:\\out.txt", "leads out of the folder"),
        ("a\\out.txt", "leads out of the folder"),
        ("./out.txt", "leads out of the folder"),
        ("a//out.txt", "leads out of the folder"),
        ("folder/", "is that of a folder"),
        ("a\nb.txt", "characters that no name"),
        ("\u202etxt.exe", "characters that no name"),
        ("a" * 1001, "characters that no name"),
        ("A.TXT", "there twice"),
        ("a.txt/b", "below another member"),
    ],
)
def test_names_that_could_do_harm_are_refused(tmp_path: Path, name: str, reason: str) -> None:
    """Though the manifest lists them: nothing could be written outside, or over another."""
    path = listed(tmp_path / "parcel.zip", {**MEMBERS, name: b"x"}, ABOUT)

    assert reason in refusal(path)


def test_a_name_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    """Programs differ in which of the two they read."""
    manifest = manifest_of(MEMBERS, ABOUT)
    twice = [*MEMBERS.items(), ("a.txt", b"other"), ("manifest.json", manifest)]

    assert "member 'a.txt': it is there twice" in refusal(pack(tmp_path / "p.zip", twice))


def test_links_and_devices_are_refused(tmp_path: Path) -> None:
    """Only files are members."""
    manifest = manifest_of({**MEMBERS, "link": b"/etc/passwd"}, ABOUT)
    path = pack(
        tmp_path / "parcel.zip",
        [*MEMBERS.items(), (link("link"), b"/etc/passwd"), ("manifest.json", manifest)],
    )

    assert "member 'link': it is a link" in refusal(path)
    for kind in (stat.S_IFCHR, stat.S_IFDIR, stat.S_IFIFO):
        patched(path, "link", 38, (kind << 16).to_bytes(4, "little"))
        assert "is no file" in refusal(path)


def test_a_member_that_unfolds_to_too_much_is_refused_unread(tmp_path: Path) -> None:
    """50 MB of zeros pack to 50 kB: the head already says so."""
    path = listed(tmp_path / "bomb.zip", {"zeros": bytes(50_000_000)}, ABOUT)

    assert "member 'zeros': unpacked it would be more than 1000 times" in refusal(path)


@pytest.mark.parametrize("said", [10, 7])
def test_a_head_that_lies_about_the_size_is_found_out(tmp_path: Path, said: int) -> None:
    """More is not read than the head says, and what is read then is not what was listed."""
    path = listed(tmp_path / "bomb.zip", {"zeros": bytes(2_000_000)}, ABOUT)

    patched(path, "zeros", 24, said.to_bytes(4, "little"))

    assert "member 'zeros' cannot be unpacked" in refusal(path)


def test_encrypted_and_unusually_packed_members_are_refused(tmp_path: Path) -> None:
    """A password is never asked for, and there is one way to pack."""
    path = listed(tmp_path / "parcel.zip", MEMBERS, ABOUT)
    patched(path, "a.txt", 8, b"\x01\x00")
    assert "member 'a.txt': it is encrypted" in refusal(path)

    patched(path, "a.txt", 8, b"\x00\x00")
    patched(path, "a.txt", 10, zipfile.ZIP_LZMA.to_bytes(2, "little"))
    assert "member 'a.txt': it is packed in an unusual way" in refusal(path)


def test_members_and_manifest_must_be_the_same(tmp_path: Path) -> None:
    """Neither a member that is not listed, nor one that is not there."""
    manifest = manifest_of(MEMBERS, ABOUT)
    more = [*MEMBERS.items(), ("extra.pkl", b"x"), ("manifest.json", manifest)]
    less = [*list(MEMBERS.items())[:1], ("manifest.json", manifest)]

    assert "member 'extra.pkl' is not in manifest" in refusal(pack(tmp_path / "more.zip", more))
    assert "member 'b/c.txt' is listed but not there" in refusal(pack(tmp_path / "l.zip", less))


@pytest.mark.parametrize("changed", [b"one\ntwO\n", b"one\n", b""])
def test_a_member_that_was_changed_is_refused(tmp_path: Path, changed: bytes) -> None:
    """Its SHA-256 is not the one listed."""
    manifest = manifest_of(MEMBERS, ABOUT)
    members = [("a.txt", changed), ("b/c.txt", b"three\n"), ("manifest.json", manifest)]

    assert "'a.txt' has not the SHA-256" in refusal(pack(tmp_path / "parcel.zip", members))


@pytest.mark.parametrize(
    ("manifest", "reason"),
    [
        (b"\xff", "is no JSON text"),
        (b"[" * 100_000, "is no JSON text"),
        (b'{"members": 1' + b"0" * 5000 + b"}", "is no JSON text"),
        (b"[]", "holds no object"),
        (b"{}", "lists no members"),
        (b'{"members": {"a.txt": 7}}', "says of member 'a.txt' 7"),
        (b'{"members": {"a.txt": {"bytes": 8, "sha256": "0", "run": "x"}}}', "says of member"),
        (b'{"members": {"a.txt": {"bytes": 8, "sha256": "0"}}}', "format is None"),
        (b'{"members": {"a.txt": {"bytes": 8, "sha256": "0"}}, "format": 1}', "format is 1"),
    ],
)
def test_a_manifest_that_is_none_is_refused(tmp_path: Path, manifest: bytes, reason: str) -> None:
    """Whatever stands in its place."""
    members = [("a.txt", b"one\ntwo\n"), ("manifest.json", manifest)]

    assert reason in refusal(pack(tmp_path / "parcel.zip", members))


def test_other_formats_and_newer_versions_are_refused(tmp_path: Path) -> None:
    """It says which is read here, and to upgrade where that would help."""
    path, data = tmp_path / "parcel.zip", {"a.txt": b"x"}

    other = listed(path, data, {"format": {"name": "distexp.other", "version": 1}})
    assert "'distexp.other', 'version': 1}, not distexp.test" in refusal(other)
    newer = listed(path, data, {"format": {"name": "distexp.test", "version": 3}})
    assert "of version 3 of the format distexp.test" in refusal(newer)
    assert "no manifest.json" in refusal(pack(path, [("a.txt", b"x")]))


@pytest.mark.parametrize("data", [b"", b"no zip", b"PK\x03\x04" + bytes(100)])
def test_what_is_no_zip_file_is_one_line(tmp_path: Path, data: bytes) -> None:
    """So is a file that is not there."""
    path = tmp_path / "parcel.zip"
    path.write_bytes(data)

    assert "cannot be read as a zip file" in refusal(path)
    assert "cannot be read as a zip file" in refusal(tmp_path / "none.zip")


def test_a_parcel_that_was_cut_off_is_one_line(tmp_path: Path) -> None:
    """Wherever it ends."""
    path = write(tmp_path / "parcel.zip")
    data = path.read_bytes()

    for end in range(0, len(data), 37):
        path.write_bytes(data[:end])
        refusal(path)


def test_damage_anywhere_is_refused_or_does_no_harm(tmp_path: Path) -> None:
    """Each byte turned over in its turn: what is read is what was written, or nothing is."""
    path = write(tmp_path / "parcel.zip")
    data = bytearray(path.read_bytes())
    n_refused = 0

    for place in range(len(data)):
        data[place] ^= 0xFF
        path.write_bytes(data)
        try:
            assert everything(path) == MEMBERS
        except ArchiveError:
            n_refused += 1
        data[place] ^= 0xFF
    assert n_refused > len(data) / 2


def test_a_line_without_an_end_is_refused(tmp_path: Path) -> None:
    """A member of lines that was cut off is not taken for a shorter one."""
    path = listed(tmp_path / "parcel.zip", {"a.txt": b"one\ntw"}, ABOUT)

    line = refusal(path, lambda parcel: list(parcel.lines("a.txt")))

    assert "member 'a.txt', line 2: it is cut off" in line


def test_a_member_that_is_asked_for_and_not_there_is_named(tmp_path: Path) -> None:
    """Read whole or in lines."""
    path = write(tmp_path / "parcel.zip")

    assert "no member 'x'" in refusal(path, lambda parcel: parcel.read("x"))
    assert "no member 'x'" in refusal(path, lambda parcel: list(parcel.lines("x")))
