"""A search text as the models read it; computed once a text."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from rag.index.bm25 import Bm25Index
from rag.models.encoder import Encoder, Vectors
from rag.models.onnx import Array
from rag.models.token_encoder import TokenEncoder
from rag.text.tokens import tokenize

_KEPT = 32  # texts whose readings are kept: enough for those asked side by side


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """A text's vector, and its tokens' vectors (m, 128) with the rarity (m,) of the words that they stand in.

    `tokens` is None where the index has no token vectors.
    """

    text: str
    vector: Vectors
    tokens: Array | None
    rarity: Array


class Reader:
    """Turns search texts into Readings."""

    def __init__(self, embedder: Encoder, late: TokenEncoder | None, lexical: Bm25Index) -> None:
        self._embedder = embedder
        self._late = late
        self._lexical = lexical
        self.read = lru_cache(maxsize=_KEPT)(self._read)

    def _read(self, text: str) -> Reading:
        vector = self._embedder.encode_query(text)
        if self._late is None:
            return Reading(text, vector, None, np.zeros(0, np.float32))
        return Reading(
            text, vector, self._late.encode_query(text), self._rarity(text, self._late.query_token_spans(text))
        )

    def _rarity(self, text: str, spans: np.ndarray[tuple[int, ...], np.dtype[np.int32]]) -> Array:
        """Weigh each token by the inverse document frequency of its word; 0 for markers, stop words and signs."""
        weights = [0.0 if start < 0 else self._of_word(_word_at(text, start, end)) for start, end in spans.tolist()]
        return np.array(weights, np.float32)

    def _of_word(self, word: str) -> float:
        return max(self._lexical.idf(tokenize(word)).values(), default=0.0)


def _word_at(text: str, start: int, end: int) -> str:
    """Widen a token to the word that it is a part of."""
    while start > 0 and text[start - 1].isalnum():
        start -= 1
    while end < len(text) and text[end].isalnum():
        end += 1
    return text[start:end]
