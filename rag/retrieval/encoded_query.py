"""A search text as the models read it: its dense vector, its token vectors, and how rare its words are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rag.index.bm25 import Bm25Index
from rag.models.encoder import Encoder, Vectors
from rag.models.onnx import Array
from rag.models.token_encoder import Spans, TokenEncoder
from rag.text.tokens import tokenize


@dataclass(frozen=True, slots=True, eq=False)
class EncodedQuery:
    """A text with its dense vector (d,), token vectors (m, 128) and the inverse document frequency of each token (m,).

    A token has the IDF of the word that it is a part of; special tokens and stop words have 0. `tokens` is None where
    the index has no token vectors.
    """

    text: str
    vector: Vectors
    tokens: Array | None
    idf: Array


class QueryEncoder:
    """Encodes search texts with the models of an index."""

    def __init__(self, embedder: Encoder, token_encoder: TokenEncoder | None, lexical: Bm25Index) -> None:
        self._embedder = embedder
        self._token_encoder = token_encoder
        self._lexical = lexical

    def encode(self, text: str) -> EncodedQuery:
        """Encode one text; raises ModelFailed."""
        vector = self._embedder.encode_query(text)
        if self._token_encoder is None:
            return EncodedQuery(text, vector, None, np.zeros(0, np.float32))
        idf = self._token_idf(text, self._token_encoder.query_token_spans(text))
        return EncodedQuery(text, vector, self._token_encoder.encode_query(text), idf)

    def _token_idf(self, text: str, spans: Spans) -> Array:
        weights = [0.0 if start < 0 else self._word_idf(_word_at(text, start, end)) for start, end in spans.tolist()]
        return np.array(weights, np.float32)

    def _word_idf(self, word: str) -> float:
        return max(self._lexical.idf(tokenize(word)).values(), default=0.0)


def _word_at(text: str, start: int, end: int) -> str:
    """Return the whole word around a token."""
    while start > 0 and text[start - 1].isalnum():
        start -= 1
    while end < len(text) and text[end].isalnum():
        end += 1
    return text[start:end]
