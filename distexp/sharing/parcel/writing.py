"""Writing a parcel: deterministic, and without holding a member in memory."""

import hashlib
import json
import stat
import zipfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from distexp import atomic
from distexp.errors import DistexpError
from distexp.request import Json

MANIFEST = "manifest.json"
_DATE = (1980, 1, 1, 0, 0, 0)


class ParcelWriter:
    """Adds members to a parcel that is being written.

    Attributes
    ----------
    about : dict
        What the manifest says beside its members; may be added to until the end.
    """

    def __init__(self, file: zipfile.ZipFile, about: Mapping[str, Json]) -> None:
        self.about = dict(about)
        self._file = file
        self._members: dict[str, Json] = {}

    @property
    def names(self) -> Collection[str]:
        """The members added so far."""
        return self._members.keys()

    def add(self, name: str, chunks: Iterable[bytes]) -> None:
        """Add a member; the content is not held in memory."""
        digest, n_bytes = hashlib.sha256(), 0
        with self._file.open(_info(name), "w", force_zip64=True) as member:
            for chunk in chunks:
                member.write(chunk)
                digest.update(chunk)
                n_bytes += len(chunk)
        self._members[name] = {"bytes": n_bytes, "sha256": digest.hexdigest()}

    def finish(self) -> None:
        """Write the manifest."""
        document = {**self.about, "members": self._members}
        text = json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
        with self._file.open(_info(MANIFEST), "w", force_zip64=True) as member:
            member.write(f"{text}\n".encode())


@contextmanager
def writing(path: Path, about: Mapping[str, Json]) -> Iterator[ParcelWriter]:
    """Write a parcel, whole or not at all; one that is there is replaced.

    Raises
    ------
    DistexpError
        If the file cannot be written.
    """
    try:
        with atomic.file(path) as made, zipfile.ZipFile(made, "w") as file:
            writer = ParcelWriter(file, about)
            yield writer
            writer.finish()
    except OSError as exc:
        raise DistexpError(f"{path} cannot be written: {exc}. Choose another path.") from exc


def _info(name: str) -> zipfile.ZipInfo:
    """Return the head of a member, which depends on nothing but its name."""
    info = zipfile.ZipInfo(name, date_time=_DATE)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.create_system = 3  # Unix, on any system
    info.external_attr = (stat.S_IFREG | 0o644) << 16
    return info
