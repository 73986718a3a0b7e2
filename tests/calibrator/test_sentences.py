"""Sentence vectors: what the published model says, and a model small enough to do by hand."""

import json
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest

from distexp.calibrator.fitting.sentences import SentenceModel, archive, vectors
from distexp.errors import ConfigError

SIZE = 4


def small_model(path: Path, n_layers: int) -> Path:
    """Write a model of two words whose layers add nothing to what they are given."""
    arrays = {
        "embeddings.word_embeddings.weight": np.array([[1, 0, 0, 0], [0, 2, 0, 0.0]]),
        "embeddings.position_embeddings.weight": np.zeros((8, SIZE)),
        "embeddings.token_type_embeddings.weight": np.zeros((1, SIZE)),
    }
    shapes = {
        "attention.self.query": (SIZE, SIZE), "attention.self.key": (SIZE, SIZE),
        "attention.self.value": (SIZE, SIZE), "attention.output.dense": (SIZE, SIZE),
        "intermediate.dense": (2 * SIZE, SIZE), "output.dense": (SIZE, 2 * SIZE),
    }  # fmt: skip
    norms = ["embeddings.LayerNorm"]
    for number in range(n_layers):
        for name, shape in shapes.items():
            arrays[f"encoder.layer.{number}.{name}.weight"] = np.zeros(shape)
            arrays[f"encoder.layer.{number}.{name}.bias"] = np.zeros(shape[0])
        norms += [
            f"encoder.layer.{number}.{part}.LayerNorm" for part in ("attention.output", "output")
        ]
    for name in norms:
        arrays |= {f"{name}.weight": np.ones(SIZE), f"{name}.bias": np.zeros(SIZE)}
    head, body = {}, b""
    for name, array in arrays.items():
        data = array.astype(np.float32).tobytes()
        head[name] = {
            "dtype": "F32",
            "shape": list(array.shape),
            "data_offsets": [len(body), len(body) + len(data)],
        }
        body += data
    header = json.dumps(head).encode()
    tokenizer: dict[str, object] = {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": [],
        "normalizer": None, "pre_tokenizer": {"type": "Whitespace"}, "post_processor": None,
        "decoder": None,
        "model": {"type": "WordLevel", "vocab": {"a": 0, "b": 1}, "unk_token": "a"},
    }  # fmt: skip
    config = {"num_hidden_layers": n_layers, "num_attention_heads": 2, "layer_norm_eps": 0.0}
    with ZipFile(path, "w") as files:
        files.writestr("config.json", json.dumps(config))
        files.writestr("tokenizer.json", json.dumps(tokenizer))
        files.writestr("model.safetensors", len(header).to_bytes(8, "little") + header + body)
    return path


@pytest.mark.parametrize("n_layers", [0, 2])
def test_a_text_is_the_mean_of_its_normed_words(tmp_path: Path, n_layers: int) -> None:
    """Layers of zeros leave normed states as they are, so the vector can be worked out by hand."""
    pytest.importorskip("tokenizers")
    model = SentenceModel(small_model(tmp_path / "model.zip", n_layers))

    # (1, 0, 0, 0) less its mean, over its deviation, is (3, -1, -1, -1) / sqrt(3)
    a, b = np.array([3, -1, -1, -1]) / np.sqrt(3), np.array([-1, 3, -1, -1]) / np.sqrt(3)
    np.testing.assert_allclose(model.vector("a"), a / np.linalg.norm(a), atol=1e-12)
    mean = (a + b) / 2
    np.testing.assert_allclose(model.vector("a b"), mean / np.linalg.norm(mean), atol=1e-12)


def test_published_cosines_are_met(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that the model's card shows, to the three digits that it shows."""
    try:
        archive()
    except ConfigError as exc:
        pytest.skip(str(exc))
    monkeypatch.setenv("DISTEXP_CACHE", str(tmp_path))
    texts = [
        "That is a happy person",
        "That is a happy dog",
        "That is a very happy person",
        "Today is a sunny day",
    ]

    found = vectors(texts)

    np.testing.assert_allclose(found[0] @ found[1:].T, [0.695, 0.943, 0.257], atol=5e-4)
    assert len(list((tmp_path / "vectors").iterdir())) == len(texts)
