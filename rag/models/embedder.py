"""Embedder: one vector a text, by any model that sentence-transformers can load, in place of the encoder's vector."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from rag.corpus.files import file_sha256
from rag.errors import ModelFailed, ModelUnavailable
from rag.models.onnx import Array, l2_normalize

EXTRA = "pip install 'citedesk[embedders]'"

_BATCH = 16
_WEIGHT_FILES = ("model.safetensors", "pytorch_model.bin", "model.onnx")
_REMEDY = "Set CITEDESK_EMBED_MODEL to a folder of such a model, or remove it to use the encoder that is included."


class Embedder(Protocol):
    """Embeds texts as unit vectors of shape (len(texts), dimension); raises ModelFailed."""

    def encode_documents(self, texts: Sequence[str]) -> Array:
        """Embed texts to be retrieved."""

    def encode_query(self, text: str) -> Array:
        """Embed a question: shape (dimension,)."""

    @property
    def max_tokens(self) -> int:
        """Tokens of a text that the model reads; the rest is ignored."""


def embedder_fingerprint(name: str) -> str:
    """Return a model's name, and the hash of its weights if they are local, without loading it."""
    for file in _WEIGHT_FILES:
        if (Path(name) / file).is_file():
            return f"{Path(name).resolve().name} sha256:{file_sha256(Path(name) / file)}"
    return name


def load_embedder(name: str) -> Embedder:
    """Load a model from a folder or by its model hub id; raises ModelUnavailable."""
    if Path(name).is_dir() and not (Path(name) / "config.json").is_file():
        raise ModelUnavailable(f"{name} contains no sentence-transformers model. {_REMEDY}")
    return SentenceTransformersEmbedder(name)


class SentenceTransformersEmbedder:
    """A model of sentence-transformers, with the model's own prompts."""

    def __init__(self, name: str) -> None:
        self._model = _open_sentence_transformer(name)
        self.max_tokens = int(self._model.max_seq_length or 512)

    def encode_documents(self, texts: Sequence[str]) -> Array:
        """Embed texts to be retrieved."""
        return self._checked(self._model.encode_document, list(texts))

    def encode_query(self, text: str) -> Array:
        """Embed a question."""
        vector: Array = self._checked(self._model.encode_query, [text])[0]
        return vector

    def _checked(self, encode: Any, texts: list[str]) -> Array:
        try:
            return l2_normalize(encode(texts, batch_size=_BATCH, show_progress_bar=False))
        except (RuntimeError, IndexError) as error:
            raise ModelFailed(f"sentence-transformers: {error}") from error


def _open_sentence_transformer(name: str) -> Any:
    import os

    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")  # its bars would mix with ours
    try:
        from sentence_transformers import SentenceTransformer  # 8 s of imports
    except ModuleNotFoundError as error:
        raise ModelUnavailable(
            f"The model {name} needs {error.name}, which is not installed. Run `{EXTRA}`, or remove "
            "CITEDESK_EMBED_MODEL to use the encoder that is included."
        ) from None
    try:
        return SentenceTransformer(name, device=None, trust_remote_code=False)
    except (OSError, ValueError, RuntimeError) as error:
        reason = str(error).strip().split("\n")[0]
        raise ModelUnavailable(f"The model {name} cannot be loaded ({reason}). {_REMEDY}") from None
