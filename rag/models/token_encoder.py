"""Token encoder: a vector for each token of a text, for late interaction (Khattab and Zaharia, ColBERT, SIGIR 2020).

The bundled model lacks its final projection; the file in `weights` replaces it, from 384 to 128 dimensions.
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
    """The tokens of a paper: `vectors` (n, 128) are the unit vectors times 127, rounded.

    `spans` (n, 2) are character offsets in the abstract; (-1, -1) for tokens of the title and special tokens.
    """

    vectors: NDArray[np.int8]
    spans: Spans

    def __post_init__(self) -> None:
        if not len(self.spans) or self.vectors.shape != (len(self.spans), DIMENSION) or self.spans.shape[1:] != (2,):
            raise ValueError(f"vectors {self.vectors.shape} and spans {self.spans.shape} do not match")


class TokenEncoder(Protocol):
    """Encodes texts as token vectors; raises ModelFailed."""

    def encode_documents(self, texts: Sequence[tuple[str, str]]) -> list[TokenVectors]:
        """Encode papers, each a title and an abstract."""

    def encode_query(self, text: str) -> Array:
        """Encode a question: unit vectors of shape (tokens, 128)."""

    def query_token_spans(self, text: str) -> Spans:
        """Return the character offsets of a question's tokens: (tokens, 2), with (-1, -1) for special tokens."""


def token_encoder_fingerprint(name: str) -> str:
    """Return the fingerprint of a model and its projection without loading them; "" if token vectors are disabled."""
    return "" if _is_disabled(name) else f"{weights_fingerprint(name, 'late')} projection:{file_sha256(_PROJECTION)}"


def load_token_encoder(name: str) -> TokenEncoder | None:
    """Load a bundled model by name, or from a folder with a copy of one; None for "none". Raises ModelUnavailable."""
    if _is_disabled(name):
        return None
    folder, model = find_bundled(name, "late")
    return OnnxTokenEncoder(folder, np.load(_PROJECTION).astype(np.float32), model.max_tokens)


def quantize(vectors: Array) -> NDArray[np.int8]:
    """Return unit vectors quantized to 8-bit integers."""
    return np.round(127 * vectors).astype(np.int8)


class OnnxTokenEncoder:
    """A ColBERT model under onnxruntime; a marker after the first token distinguishes questions from papers."""

    def __init__(self, folder: Path, projection: Array, max_tokens: int) -> None:
        self._model = OnnxModel(folder)
        self._projection = projection
        self._query_tokenizer = open_tokenizer(folder, max_tokens, _QUERY_MARKER)
        self._document_tokenizer = open_tokenizer(folder, max_tokens, DOCUMENT_MARKER)

    def encode_documents(self, texts: Sequence[tuple[str, str]]) -> list[TokenVectors]:
        """Encode papers in batches of similar length."""
        encodings = self._document_tokenizer.encode_batch([f"{title}. {abstract}" for title, abstract in texts])
        embedded: dict[int, TokenVectors] = {}
        for batch in batches_by_length([len(each.ids) for each in encodings], _BATCH):
            states = self._model.run([encodings[i] for i in batch])
            for i, own in zip(batch, states, strict=True):
                vectors = self._project(own[: len(encodings[i].ids)])
                embedded[i] = TokenVectors(quantize(vectors), _spans(encodings[i], len(texts[i][0]) + 2))
        return [embedded[i] for i in range(len(texts))]

    def encode_query(self, text: str) -> Array:
        """Encode a question without ColBERT's [MASK] expansion, which does not improve the ranking here."""
        return self._project(self._model.run([self._query_tokenizer.encode(text)])[0])

    def query_token_spans(self, text: str) -> Spans:
        """Return the character offsets of a question's tokens."""
        return _spans(self._query_tokenizer.encode(text), 0)

    def _project(self, states: Array) -> Array:
        return l2_normalize(l2_normalize(states) @ self._projection)


def _is_disabled(name: str) -> bool:
    return name.strip().lower() in ("", "none")


def _spans(encoding: Any, first: int) -> Spans:
    """Return the offsets of tokens relative to `first`; (-1, -1) for those before it and special tokens."""
    spans = np.array(encoding.offsets, np.int32).reshape(-1, 2) - first
    special = np.array(encoding.special_tokens_mask, bool)
    spans[special | (spans[:, 0] < 0)] = -1
    return spans
