"""Encoder: one vector a text, by a bundled ONNX model or any sentence-transformers folder or hub id."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rag.errors import ModelFailed, ModelUnavailable
from rag.models.onnx import OnnxModel, batches_by_length, l2_normalize, open_tokenizer
from rag.models.registry import BundledModel, bundled_models, open_bundled, recognize_copy, weights_fingerprint

Vectors = NDArray[np.float32]

_BATCH = 16
_NAMES = ", ".join(bundled_models("embed"))


class Encoder(Protocol):
    """Encodes texts as unit vectors of shape (len(texts), dimension); raises ModelFailed."""

    def encode_documents(self, texts: Sequence[str]) -> Vectors:
        """Encode texts to be retrieved."""

    def encode_query(self, text: str) -> Vectors:
        """Encode a question: shape (dimension,)."""

    def tokenize(self, text: str) -> list[int]:
        """Return the token ids of a text, without truncation and special tokens."""

    @property
    def max_tokens(self) -> int:
        """Tokens of a text that the model reads; the rest is ignored."""


def encoder_fingerprint(name: str) -> str:
    """Return a model's fingerprint without loading it; an index built with another one has to be rebuilt."""
    return weights_fingerprint(name, "embed")


def load_encoder(name: str) -> Encoder:
    """Load a bundled model by name, a model folder, or a model hub id; raises ModelUnavailable."""
    if model := bundled_models("embed").get(name):
        return _load_folder(open_bundled(model), model)
    if Path(name).is_dir():
        return _load_folder(Path(name), recognize_copy(Path(name), "embed"))
    return SentenceTransformersEncoder(name)


def _load_folder(folder: Path, model: BundledModel | None) -> Encoder:
    if model and model.runtime == "onnx":
        return OnnxEncoder(folder, model.query_prompt, model.max_tokens)
    if not (folder / "config.json").is_file():
        raise ModelUnavailable(
            f"{folder} contains neither a sentence-transformers model nor a copy of {_NAMES}. "
            "Set CITEDESK_EMBED_MODEL to one of those names or to a model folder."
        )
    return SentenceTransformersEncoder(str(folder))


class OnnxEncoder:
    """A BERT-like encoder under onnxruntime with CLS pooling: the first token's state, normalized, is the vector.

    Pooling and prompt follow the BGE model card: https://huggingface.co/BAAI/bge-small-en-v1.5
    """

    def __init__(self, folder: Path, query_prompt: str, max_tokens: int) -> None:
        self._model = OnnxModel(folder)
        self._tokenizer = open_tokenizer(folder, max_tokens)
        self._whole_tokenizer = open_tokenizer(folder, None)
        self._query_prompt = query_prompt
        self.max_tokens = max_tokens

    def encode_documents(self, texts: Sequence[str]) -> Vectors:
        """Encode texts to be retrieved."""
        vectors: list[Vectors] = [np.empty(0, np.float32)] * len(texts)
        for batch in batches_by_length([len(text) for text in texts], _BATCH):
            states = self._model.run(self._tokenizer.encode_batch([texts[i] for i in batch]))
            for i, vector in zip(batch, l2_normalize(states[:, 0]), strict=True):
                vectors[i] = vector
        return np.stack(vectors)

    def encode_query(self, text: str) -> Vectors:
        """Encode a question with the model's query prompt."""
        vector: Vectors = self.encode_documents([self._query_prompt + text])[0]
        return vector

    def tokenize(self, text: str) -> list[int]:
        """Return the token ids."""
        return list(self._whole_tokenizer.encode(text, add_special_tokens=False).ids)


class SentenceTransformersEncoder:
    """Any model that sentence-transformers can load, with the model's own prompts."""

    def __init__(self, name: str) -> None:
        self._model = _open_sentence_transformer(name)
        self.max_tokens = int(self._model.max_seq_length or 512)

    def encode_documents(self, texts: Sequence[str]) -> Vectors:
        """Encode texts to be retrieved."""
        return self._checked(self._model.encode_document, list(texts))

    def encode_query(self, text: str) -> Vectors:
        """Encode a question."""
        vector: Vectors = self._checked(self._model.encode_query, [text])[0]
        return vector

    def tokenize(self, text: str) -> list[int]:
        """Return the token ids."""
        return list(self._model.tokenizer.encode(text, add_special_tokens=False, verbose=False))

    def _checked(self, encode: Any, texts: list[str]) -> Vectors:
        try:
            return l2_normalize(encode(texts, batch_size=_BATCH, show_progress_bar=False))
        except (RuntimeError, IndexError) as error:
            raise ModelFailed(f"sentence-transformers: {error}") from error


def _open_sentence_transformer(name: str) -> Any:
    import os

    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")  # its bars would mix with ours
    from sentence_transformers import SentenceTransformer  # 8 s of imports

    try:
        return SentenceTransformer(name, device=None, trust_remote_code=False)
    except (OSError, ValueError, RuntimeError) as error:
        reason = str(error).strip().split("\n")[0]
        raise ModelUnavailable(
            f"The model {name} cannot be loaded ({reason}). Set CITEDESK_EMBED_MODEL to one of {_NAMES}, "
            "to a folder of model files, or to a hub id that this machine can reach."
        ) from None
