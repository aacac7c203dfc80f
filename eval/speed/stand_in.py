"""A stand-in for the encoder that costs next to nothing, so that the growth of everything else can be measured.

Each word piece has a random unit vector, the same wherever it stands; one vector of a text is the mean of its own.
Questions are read by the real encoder, and only their vectors are replaced.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from rag.models.encoder import (
    FOLDER,
    EncodedDocument,
    EncodedQuestion,
    Encoder,
    TokenVectors,
    are_words,
    document_text,
)
from rag.models.onnx import Array, l2_normalize, open_tokenizer
from rag.models.token_codec import DIMENSION, load_token_codec

_PIECES = 30_522  # of the word-piece vocabulary
_ONE = 384  # dimensions of a text's one vector
_SPECIAL = 3  # tokens around a text


class StandInEncoder:
    """Has the form of `Encoder`, and the real one's tokens."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        generator = np.random.default_rng(0)
        self._tokens = l2_normalize(generator.standard_normal((_PIECES, DIMENSION), np.float32))
        self._codes = load_token_codec(FOLDER).encode(self._tokens)
        self._ones = l2_normalize(generator.standard_normal((_PIECES, _ONE), np.float32))
        self._words = are_words(open_tokenizer(FOLDER))
        self.max_tokens = encoder.max_tokens
        self.batch_size = encoder.batch_size
        self.tokenize = encoder.tokenize

    def encode_documents(self, texts: Sequence[tuple[str, str]]) -> list[EncodedDocument]:
        """Encode texts; their tokens are taken to be of equal length."""
        return [self._document(title, abstract) for title, abstract in texts]

    def encode_question(self, text: str) -> EncodedQuestion:
        """Encode a question."""
        read = self._encoder.encode_question(text)
        pieces = self._pieces(text)
        tokens = np.zeros_like(read.tokens)
        inside = np.flatnonzero(read.offsets[:, 0] >= 0)
        tokens[inside] = self._tokens[pieces[: len(inside)]]
        return replace(read, tokens=tokens, vector=self._one(pieces))

    def _document(self, title: str, abstract: str) -> EncodedDocument:
        before = len(self._encoder.tokenize(document_text(title, ""))) + _SPECIAL - 1
        pieces = self._pieces(document_text(title, abstract))[: self.max_tokens - _SPECIAL]
        rows = np.pad(pieces, (_SPECIAL - 1, 1))
        spans = np.full((len(rows), 2), -1, np.int32)
        inside = np.arange(before, len(rows) - 1)
        spans[inside] = np.linspace(0, len(abstract), len(inside), endpoint=False, dtype=np.int32)[:, None]
        kept = np.pad(self._words[pieces], (_SPECIAL - 1, 1), constant_values=True)
        tokens = TokenVectors(self._codes[rows[kept]], spans[kept])
        return EncodedDocument(self._one(pieces), tokens)

    def _pieces(self, text: str) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        return np.array(self._encoder.tokenize(text), np.int64) % _PIECES

    def _one(self, pieces: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Array:
        total = self._ones[pieces].sum(axis=0, keepdims=True) if len(pieces) else self._ones[:1]
        vector: Array = l2_normalize(total)[0]
        return vector
