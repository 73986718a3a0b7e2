"""Reading a parcel: a name, a size or a digest is believed only after it was checked."""

import hashlib
import json
import stat
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from distexp.errors import ArchiveError
from distexp.sharing.parcel.writing import MANIFEST

MOST_MEMBERS = 20_000
MOST_BYTES = 1 << 36
"""Of all members together, unpacked: 64 GiB."""
MOST_BYTES_IN_MEMORY = 1 << 26
"""Of a member that is read whole, and of a line: 64 MiB."""
MOST_FOLD = 1000
"""How many times larger than packed a member of more than a MiB may be. Zeros fold 1028 times,
records of made-up answers that are all alike 170 times."""

_CHUNK = 1 << 20
_BROKEN = (
    zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, NotImplementedError,
    RuntimeError, OverflowError,
)  # fmt: skip
"""What `zipfile` raises where a file is not as it should be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """What the manifest says of a member."""

    n_bytes: int
    sha256: str


class Parcel:
    """A parcel that is open for reading.

    Attributes
    ----------
    path : Path
    about : mapping
        What the manifest says beside its members. Its values are as they were found.
    members : mapping of str to Member
    """

    def __init__(self, path: Path, file: zipfile.ZipFile) -> None:
        self.path = path
        self._file = file
        infos = self._checked_infos()
        about = self._manifest(infos)
        self.members = self._listed(about.pop("members", None), infos)
        self.about: Mapping[str, Any] = about

    def refused(self, reason: str) -> ArchiveError:
        """Return the error that says why nothing of this parcel is used."""
        return ArchiveError(f"{self.path} is refused: {reason}. Get it anew from its source.")

    def chunks(self, name: str) -> Iterator[bytes]:
        """Yield the content of a member; its end comes only if size and digest are as listed.

        Raises
        ------
        ArchiveError
            If they are not.
        """
        digest, n_bytes = hashlib.sha256(), 0
        try:
            with self._file.open(name) as member:
                while chunk := member.read(_CHUNK):
                    digest.update(chunk)
                    n_bytes += len(chunk)
                    yield chunk
        except _BROKEN as exc:
            raise self.refused(f"member {name!r} cannot be unpacked ({exc})") from exc
        listed = self.members[name]
        if (n_bytes, digest.hexdigest()) != (listed.n_bytes, listed.sha256):
            raise self.refused(f"member {name!r} has not the SHA-256 that {MANIFEST} says")

    def check(self, name: str) -> None:
        """Read a member through; raise ArchiveError if it is not as listed."""
        for _ in self.chunks(name):
            pass

    def read(self, name: str) -> bytes:
        """Return the content of a member of moderate size.

        Raises
        ------
        ArchiveError
            If there is none of that name, it is too large, or not as listed.
        """
        if name not in self.members:
            raise self.refused(f"it has no member {name!r}")
        if self.members[name].n_bytes > MOST_BYTES_IN_MEMORY:
            raise self.refused(f"member {name!r} is larger than {MOST_BYTES_IN_MEMORY} bytes")
        return b"".join(self.chunks(name))

    def lines(self, name: str) -> Iterator[bytes]:
        """Yield the lines of a member without their ends.

        Raises
        ------
        ArchiveError
            As `read`, but for the size of the whole.
        """
        if name not in self.members:
            raise self.refused(f"it has no member {name!r}")
        number, rest = 1, b""
        for chunk in self.chunks(name):
            *lines, rest = (rest + chunk).split(b"\n")
            yield from lines
            number += len(lines)
            if len(rest) > MOST_BYTES_IN_MEMORY:
                raise self.refused(f"member {name!r}, line {number}: it is too long")
        if rest:
            raise self.refused(f"member {name!r}, line {number}: it is cut off")

    def extract(self, name: str, target: Path) -> None:
        """Write a member to a file; its folder is made.

        Raises
        ------
        ArchiveError
            If it is not as listed.
        """
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as file:
            for chunk in self.chunks(name):
                file.write(chunk)

    def _checked_infos(self) -> dict[str, zipfile.ZipInfo]:
        """Return the heads of all members by name, if all are harmless."""
        infos = self._file.infolist()
        if len(infos) > MOST_MEMBERS:
            raise self.refused(f"it has {len(infos)} members, more than {MOST_MEMBERS}")
        seen: set[str] = set()
        for info in infos:
            reason = _harm_of_name(info) or _harm_of_content(info)
            alike = unicodedata.normalize("NFC", info.filename).casefold()
            if reason is None and alike in seen:
                reason = "it is there twice"
            if reason is not None:
                raise self.refused(f"member {info.orig_filename!r:.200}: {reason}")
            seen.add(alike)
        for name in seen:
            if any(str(folder) in seen for folder in PurePosixPath(name).parents):
                raise self.refused(f"member {name!r:.200} lies below another member")
        if sum(info.file_size for info in infos) > MOST_BYTES:
            raise self.refused(f"unpacked it would have more than {MOST_BYTES} bytes")
        return {info.filename: info for info in infos}

    def _manifest(self, infos: Mapping[str, zipfile.ZipInfo]) -> dict[str, Any]:
        if MANIFEST not in infos:
            raise self.refused(f"it has no {MANIFEST}: it is no archive or bundle of distexp")
        if infos[MANIFEST].file_size > MOST_BYTES_IN_MEMORY:
            raise self.refused(f"its {MANIFEST} is too large")
        try:
            document = json.loads(self._file.read(MANIFEST).decode())
        except (*_BROKEN, RecursionError) as exc:
            raise self.refused(f"its {MANIFEST} is no JSON text ({exc})") from exc
        if not isinstance(document, dict):
            raise self.refused(f"its {MANIFEST} holds no object")
        return document

    def _listed(self, listed: object, infos: Mapping[str, zipfile.ZipInfo]) -> dict[str, Member]:
        """Return what the manifest says of each member, if it lists what is there."""
        if not isinstance(listed, dict):
            raise self.refused(f"its {MANIFEST} lists no members")
        for name in sorted(listed.keys() ^ (infos.keys() - {MANIFEST})):
            what = "is listed but not there" if name in listed else f"is not in {MANIFEST}"
            raise self.refused(f"member {name!r:.200} {what}")
        members = {}
        for name, said in listed.items():
            match said:
                case {"bytes": int(n_bytes), "sha256": str(sha256), **rest} if not rest:
                    members[name] = Member(n_bytes=n_bytes, sha256=sha256)
                case _:
                    raise self.refused(f"its {MANIFEST} says of member {name!r} {said!r:.100}")
        return members


@contextmanager
def opened(path: Path, formats: Mapping[str, int]) -> Iterator[Parcel]:
    """Open a parcel of one of several formats, each given with its highest known version.

    Raises
    ------
    ArchiveError
        If it is no such parcel, or has a member that is unsafe.
    """
    try:
        file = zipfile.ZipFile(path)
    except _BROKEN as exc:
        reason = getattr(exc, "strerror", None) or exc
        raise ArchiveError(f"{path} cannot be read as a zip file: {reason}.") from exc
    with file:
        parcel = Parcel(path, file)
        match parcel.about.get("format"):
            case {"name": str(name), "version": int(version)} if name in formats:
                if version > formats[name]:
                    msg = (
                        f"{path} is of version {version} of the format {name}, and this distexp "
                        f"reads up to {formats[name]}: upgrade distexp."
                    )
                    raise ArchiveError(msg)
            case other:
                wanted = " or ".join(formats)
                raise parcel.refused(f"its format is {other!r:.100}, not {wanted}")
        yield parcel


def _harm_of_name(info: zipfile.ZipInfo) -> str | None:
    """Return what is wrong with a member's name."""
    name = info.orig_filename
    if not name.isprintable() or len(name) > 1000 or name != info.filename:
        return "its name has characters that no name should have"
    if name.startswith("/") or "\\" in name or ":" in name:
        return "its name leads out of the folder"
    if any(part in ("", ".", "..") for part in name.split("/")):
        return "its name leads out of the folder, or is that of a folder"
    return None


def _harm_of_content(info: zipfile.ZipInfo) -> str | None:
    """Return what is wrong with a member's kind and size, as its head says them."""
    if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG):
        return "it is a link or another thing that is no file"
    if info.flag_bits & 1:
        return "it is encrypted"
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "it is packed in an unusual way"
    if info.file_size > max(_CHUNK, MOST_FOLD * info.compress_size):
        return f"unpacked it would be more than {MOST_FOLD} times as large"
    return None
