"""Text → vectors. A bundled ONNX model by default; any sentence-transformers folder or hub id can be named instead."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rag.errors import EmbeddingFailed, ModelUnavailable
from rag.files import sha256
from rag.models import BUNDLED, BundledModel, locate, recognise, verify

Vectors = NDArray[np.float32]

_BATCH = 16
_WEIGHT_FILES = ("model.onnx", "model.safetensors", "pytorch_model.bin")


class Embedder(Protocol):
    """Turns texts into unit vectors of shape (len(texts), dimension); raises EmbeddingFailed where it cannot."""

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """Embed texts to be found."""

    def embed_query(self, text: str) -> Vectors:
        """Embed a question: shape (dimension,)."""

    def tokenize(self, text: str) -> list[int]:
        """List the model's token ids of a text, whole and without special tokens."""

    @property
    def max_tokens(self) -> int:
        """Tokens that the model reads of one text; what comes after is ignored."""


def fingerprint(name: str) -> str:
    """Identify a model without loading it: an index built with another fingerprint has to be rebuilt."""
    if name in BUNDLED:
        return f"{name} sha256:{BUNDLED[name].sha256}"
    for file in _WEIGHT_FILES:
        if (Path(name) / file).is_file():
            return f"{Path(name).resolve().name} sha256:{sha256(Path(name) / file)}"
    return name


def load_embedder(name: str) -> Embedder:
    """Load a bundled model by name, a folder of model files, or a model hub id; raises ModelUnavailable."""
    if name in BUNDLED:
        folder = locate(BUNDLED[name])
        verify(BUNDLED[name], folder)
        return _load_folder(folder, BUNDLED[name])
    if Path(name).is_dir():
        return _load_folder(Path(name), recognise(Path(name)))
    return SentenceTransformersEmbedder(name)


def _load_folder(folder: Path, model: BundledModel | None) -> Embedder:
    if model and model.runtime == "onnx":
        return OnnxEmbedder(folder, model.query_prompt, model.max_tokens)
    if not (folder / "config.json").is_file():
        raise ModelUnavailable(
            f"{folder} holds no sentence-transformers model, nor a copy of one of {', '.join(BUNDLED)}. "
            "Set CITEDESK_EMBED_MODEL to one of those names or to a folder that does."
        )
    return SentenceTransformersEmbedder(str(folder))


class OnnxEmbedder:
    """A BERT-like encoder under onnxruntime whose first token's state, normalised, is the vector (CLS pooling).

    Pooling and prompt are those of the BGE model card: https://huggingface.co/BAAI/bge-small-en-v1.5
    """

    def __init__(self, folder: Path, query_prompt: str, max_tokens: int) -> None:
        from onnxruntime import InferenceSession, SessionOptions  # slow to import
        from tokenizers import Tokenizer

        options = SessionOptions()
        options.log_severity_level = 3
        self._session = InferenceSession(folder / "model.onnx", options, providers=["CPUExecutionProvider"])
        self._inputs = {each.name for each in self._session.get_inputs()}
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self._batch_tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._batch_tokenizer.enable_truncation(max_tokens)
        self._batch_tokenizer.enable_padding()
        self._query_prompt = query_prompt
        self.max_tokens = max_tokens

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """Embed texts in batches of like length, so that little is spent on padding."""
        vectors: list[Vectors] = [np.empty(0, np.float32)] * len(texts)
        by_length = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        for batch in _batches(by_length):
            for i, vector in zip(batch, self._run([texts[i] for i in batch]), strict=True):
                vectors[i] = vector
        return np.stack(vectors)

    def embed_query(self, text: str) -> Vectors:
        """Embed a question with the model's query prompt."""
        vector: Vectors = self.embed_documents([self._query_prompt + text])[0]
        return vector

    def tokenize(self, text: str) -> list[int]:
        """List the token ids."""
        return list(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def _run(self, texts: list[str]) -> Vectors:
        encodings = self._batch_tokenizer.encode_batch(texts)
        tensors = {
            "input_ids": [each.ids for each in encodings],
            "attention_mask": [each.attention_mask for each in encodings],
            "token_type_ids": [each.type_ids for each in encodings],
        }
        feed = {name: np.asarray(value, np.int64) for name, value in tensors.items() if name in self._inputs}
        try:
            states = self._session.run(None, feed)[0]
        except Exception as error:  # onnxruntime's errors share no base but Exception
            raise EmbeddingFailed(f"onnxruntime: {error}") from error
        return _unit(states[:, 0])


class SentenceTransformersEmbedder:
    """Any model that sentence-transformers loads, with the prompts that the model itself names."""

    def __init__(self, name: str) -> None:
        self._model = _open_sentence_transformer(name)
        self.max_tokens = int(self._model.max_seq_length or 512)

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """Embed texts to be found."""
        return self._checked(self._model.encode_document, list(texts))

    def embed_query(self, text: str) -> Vectors:
        """Embed a question."""
        vector: Vectors = self._checked(self._model.encode_query, [text])[0]
        return vector

    def tokenize(self, text: str) -> list[int]:
        """List the token ids."""
        return list(self._model.tokenizer.encode(text, add_special_tokens=False, verbose=False))

    def _checked(self, encode: Any, texts: list[str]) -> Vectors:
        try:
            return _unit(encode(texts, batch_size=_BATCH, show_progress_bar=False))
        except (RuntimeError, IndexError) as error:
            raise EmbeddingFailed(f"sentence-transformers: {error}") from error


def _open_sentence_transformer(name: str) -> Any:
    import os

    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")  # its bars would mix with ours
    from sentence_transformers import SentenceTransformer  # 8 s of imports

    try:
        return SentenceTransformer(name, device=None, trust_remote_code=False)
    except (OSError, ValueError, RuntimeError) as error:
        reason = str(error).strip().split("\n")[0]
        raise ModelUnavailable(
            f"The model {name} cannot be loaded ({reason}). Set CITEDESK_EMBED_MODEL to one of {', '.join(BUNDLED)}, "
            "to a folder of model files, or to a hub id that this machine can reach."
        ) from None


def _batches(order: list[int]) -> Iterator[list[int]]:
    for first in range(0, len(order), _BATCH):
        yield order[first : first + _BATCH]


def _unit(vectors: NDArray[np.floating[Any]]) -> Vectors:
    """Scale each row to length 1; raises EmbeddingFailed for a row that has no direction."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not np.all(np.isfinite(lengths)) or np.any(lengths == 0):
        raise EmbeddingFailed("the model gave a vector that is zero or not a number")
    return np.asarray(vectors / lengths, dtype=np.float32)
