"""Zip files as an attacker would write them, for the tests of archives and bundles."""

import hashlib
import json
import stat
import warnings
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Content = Mapping[str, bytes]


def manifest_of(members: Content, about: Mapping[str, Any]) -> bytes:
    """Return a manifest that lists the members truthfully."""
    listed = {
        name: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        for name, data in members.items()
    }
    return json.dumps({**about, "members": listed}).encode()


def pack(path: Path, members: Sequence[tuple[str | zipfile.ZipInfo, bytes]]) -> Path:
    """Write a zip file of whatever members, names that are there twice included."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a name that is there twice
        for name, data in members:
            file.writestr(name, data)
    return path


def listed(path: Path, members: Content, about: Mapping[str, Any]) -> Path:
    """Write a parcel whose manifest is true, whatever its members are."""
    return pack(path, [*members.items(), ("manifest.json", manifest_of(members, about))])


def content(path: Path) -> dict[str, bytes]:
    """Return all members of a zip file."""
    with zipfile.ZipFile(path) as file:
        return {name: file.read(name) for name in file.namelist()}


def link(name: str) -> zipfile.ZipInfo:
    """Return the head of a member that is a symbolic link."""
    info = zipfile.ZipInfo(name)
    info.create_system = 3
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


def patched(path: Path, name: str, offset: int, value: bytes) -> Path:
    """Overwrite a field of a member's head in the central directory of a zip file."""
    data = bytearray(path.read_bytes())
    directory = data.index(b"PK\x01\x02")
    while data[directory + 46 :][: len(name)] != name.encode():
        directory = data.index(b"PK\x01\x02", directory + 1)
    data[directory + offset : directory + offset + len(value)] = value
    path.write_bytes(data)
    return path
