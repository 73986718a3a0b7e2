"""JSON files that name their schema and hold the digest of their content."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from distexp import atomic
from distexp.errors import ConfigError, DistexpError
from distexp.request import Json, canonical_json

MAX_BYTES = 100_000_000
SHORT, DEPTH = 120, 3
"""Objects of no more characters, and those inside so many others, are written in one line."""


def write_sealed(path: Path, document: Mapping[str, Json]) -> None:
    """Write a document and its digest, whole or not at all.

    Parameters
    ----------
    path : Path
        Its folder is made if it does not exist.
    document : mapping
        With a field `schema` of `name` and `version`, and none called `sha256`.

    Raises
    ------
    ConfigError
        If something in it has no JSON form, or the file would be larger than `MAX_BYTES`.
    DistexpError
        If the file cannot be written.
    """
    text = _laid_out({**document, "sha256": digest(document)}) + "\n"
    if len(text.encode()) > MAX_BYTES:
        raise ConfigError(f"{path} would be larger than {MAX_BYTES / 1e6:.0f} MB.")
    try:
        with atomic.file(path) as made:
            made.write_text(text, encoding="utf-8")
    except OSError as exc:
        raise DistexpError(f"{path} cannot be written: {exc}. Choose another path.") from exc


def read_sealed(path: Path, kind: str, schema: str, version: int) -> dict[str, Any]:
    """Read what `write_sealed` wrote.

    Parameters
    ----------
    path : Path
    kind : str
        What to call the file in an error, e.g. `card`.
    schema : str
        The name that its schema must have.
    version : int
        The highest version that is understood.

    Returns
    -------
    dict
        The document, without `schema` and `sha256`.

    Raises
    ------
    ConfigError
        If the file cannot be read, has another schema or a newer one, or was changed after it was
        written; names the file and what is wrong with it.
    """
    try:
        document = _checked(_parsed(path), schema, version)
    except ConfigError as exc:
        raise ConfigError(f"The {kind} {path} is refused: {exc}") from exc
    return {name: of for name, of in document.items() if name not in ("schema", "sha256")}


def digest(document: Mapping[str, Json]) -> str:
    """Return the SHA-256 of a document's canonical JSON, its field `sha256` left out."""
    content = {name: of for name, of in document.items() if name != "sha256"}
    return hashlib.sha256(canonical_json(content).encode()).hexdigest()


def _parsed(path: Path) -> object:
    try:
        n_bytes = path.stat().st_size
        if n_bytes > MAX_BYTES:
            raise ConfigError(f"it has {n_bytes} bytes, and at most {MAX_BYTES} are allowed.")
        text = path.read_text(encoding="utf-8")
    except OSError as exc:
        raise ConfigError(f"it cannot be read ({exc.strerror}).") from exc
    except UnicodeDecodeError as exc:
        raise ConfigError("it is not UTF-8 text.") from exc
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise ConfigError(f"it is not JSON ({exc}).") from exc


def _checked(document: object, name: str, version: int) -> Mapping[str, Any]:
    """Return the document if it is of this schema and as it was written."""
    schema = document.get("schema") if isinstance(document, Mapping) else None
    if not isinstance(document, Mapping) or not isinstance(schema, Mapping):
        raise ConfigError("it has no field `schema`.")
    if schema.get("name") != name or type(schema.get("version")) is not int:
        raise ConfigError(f"its schema is {schema!r:.100}, not {name} of version {version}.")
    if schema["version"] > version:
        msg = (
            f"it is of version {schema['version']} of the schema, written by distexp "
            f"{document.get('distexp')!r:.20}, and this distexp reads up to {version}: upgrade "
            "distexp."
        )
        raise ConfigError(msg)
    try:
        found = digest(document)
    except (ConfigError, RecursionError) as exc:
        raise ConfigError("it holds a number that is not finite, or no text.") from exc
    if document.get("sha256") != found:
        msg = (
            "it was changed after it was written: its content has another SHA-256 than it says. "
            "Make it again, or get it again from its source."
        )
        raise ConfigError(msg)
    return document


def _laid_out(value: Json, depth: int = 0) -> str:
    """Write JSON with the fields of long outer objects in lines of their own."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    if not isinstance(value, Mapping) or len(text) <= SHORT or depth == DEPTH:
        return text
    lines = (f"{json.dumps(key)}: {_laid_out(of, depth + 1)}" for key, of in value.items())
    indent = "\n" + " " * (depth + 1)
    return "{" + indent + f",{indent}".join(lines) + "\n" + " " * depth + "}"
