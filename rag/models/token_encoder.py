"""Text → a vector for each of its tokens, for late interaction (Khattab and Zaharia, ColBERT, SIGIR 2020).

The bundled model's last projection is missing; the file in `weights` stands in for it, and keeps 128 of 384 dimensions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rag.corpus.files import file_sha256
from rag.models.onnx import Array, OnnxModel, batches_by_length, l2_normalize, open_tokenizer
from rag.models.registry import find_bundled, weights_fingerprint

DIMENSION = 128
_PROJECTION = Path(__file__).parent / "weights" / "late-projection.npy"
_BATCH = 4
_QUERY_MARKER, DOCUMENT_MARKER = "[unused0]", "[unused1]"

Spans = NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class TokenVectors:
    """A paper's tokens: `vectors` (n, 128) is 127 times the unit vectors, rounded.

    `spans` (n, 2) is where each stands in the abstract, or -1, -1 for those of the title and special ones.
    """

    vectors: NDArray[np.int8]
    spans: Spans

    def __post_init__(self) -> None:
        if not len(self.spans) or self.vectors.shape != (len(self.spans), DIMENSION) or self.spans.shape[1:] != (2,):
            raise ValueError(f"vectors {self.vectors.shape} and spans {self.spans.shape} do not belong together")


class TokenEncoder(Protocol):
    """Turns texts into token vectors; raises ModelFailed where it cannot."""

    def encode_documents(self, texts: Sequence[tuple[str, str]]) -> list[TokenVectors]:
        """Embed papers, each a title and an abstract."""

    def encode_query(self, text: str) -> Array:
        """Embed a question: unit vectors of shape (tokens, 128)."""

    def query_token_spans(self, text: str) -> Spans:
        """Tell where each token of an embedded question stands in it: (tokens, 2), -1, -1 for special ones."""


def token_encoder_fingerprint(name: str) -> str:
    """Identify a model and its projection without loading them; empty where token vectors are turned off."""
    return "" if _is_off(name) else f"{weights_fingerprint(name, 'late')} projection:{file_sha256(_PROJECTION)}"


def load_token_encoder(name: str) -> TokenEncoder | None:
    """Load a bundled model, or a folder with a copy of one; None for "none". Raises ModelUnavailable."""
    if _is_off(name):
        return None
    folder, model = find_bundled(name, "late")
    return OnnxTokenEncoder(folder, np.load(_PROJECTION).astype(np.float32), model.max_tokens)


def quantize(vectors: Array) -> NDArray[np.int8]:
    """Round unit vectors to 8 bits a number."""
    return np.round(127 * vectors).astype(np.int8)


class OnnxTokenEncoder:
    """A ColBERT under onnxruntime; a marker after the first token tells it a question from a paper."""

    def __init__(self, folder: Path, projection: Array, max_tokens: int) -> None:
        self._model = OnnxModel(folder)
        self._projection = projection
        self._query_tokenizer = open_tokenizer(folder, max_tokens, _QUERY_MARKER)
        self._document_tokenizer = open_tokenizer(folder, max_tokens, DOCUMENT_MARKER)

    def encode_documents(self, texts: Sequence[tuple[str, str]]) -> list[TokenVectors]:
        """Embed papers in batches of like length."""
        encodings = self._document_tokenizer.encode_batch([f"{title}. {abstract}" for title, abstract in texts])
        embedded: dict[int, TokenVectors] = {}
        for batch in batches_by_length([len(each.ids) for each in encodings], _BATCH):
            states = self._model.run([encodings[i] for i in batch])
            for i, own in zip(batch, states, strict=True):
                vectors = self._project(own[: len(encodings[i].ids)])
                embedded[i] = TokenVectors(quantize(vectors), _spans(encodings[i], len(texts[i][0]) + 2))
        return [embedded[i] for i in range(len(texts))]

    def encode_query(self, text: str) -> Array:
        """Embed a question, without the [MASK] expansion of the original: it ranks no better here."""
        return self._project(self._model.run([self._query_tokenizer.encode(text)])[0])

    def query_token_spans(self, text: str) -> Spans:
        """Tell where the tokens of a question stand."""
        return _spans(self._query_tokenizer.encode(text), 0)

    def _project(self, states: Array) -> Array:
        return l2_normalize(l2_normalize(states) @ self._projection)


def _is_off(name: str) -> bool:
    return name.strip().lower() in ("", "none")


def _spans(encoding: Any, first: int) -> Spans:
    """List where tokens stand in the part of a text from `first` on."""
    spans = np.array(encoding.offsets, np.int32).reshape(-1, 2) - first
    special = np.array(encoding.special_tokens_mask, bool)
    spans[special | (spans[:, 0] < 0)] = -1
    return spans
