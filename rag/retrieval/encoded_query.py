"""A search text as the encoder reads it: its vector, its token vectors with their weights, and its terms for BM25."""

from __future__ import annotations

from dataclasses import dataclass

from rag.models.encoder import EncodedQuestion
from rag.models.loading import Models
from rag.models.onnx import Array
from rag.text.tokens import tokenize

_SOUGHT = ("topic", "side")  # tags of what is searched for


@dataclass(frozen=True, slots=True, eq=False)
class EncodedQuery:
    """A text with its vector (d,), token vectors (m, 128), their weights (m,), and the terms that BM25 searches for."""

    text: str
    vector: Array
    tokens: Array
    weights: Array
    terms: tuple[str, ...]


class QueryEncoder:
    """Encodes search texts with the models of an index."""

    def __init__(self, models: Models) -> None:
        self._models = models

    def encode(self, text: str) -> EncodedQuery:
        """Encode one text; raises ModelFailed."""
        question = self._models.encoder.encode_question(text)
        embedder = self._models.embedder
        vector = embedder.encode_query(text) if embedder else question.vector
        return EncodedQuery(text, vector, question.tokens, question.weights, search_terms(question))


def search_terms(question: EncodedQuestion) -> tuple[str, ...]:
    """Return the terms of the topic and the sides of a question; of all of it where it has neither."""
    text = question.text
    sought = [text[each.start : each.end] for each in question.tags if each.tag in _SOUGHT]
    return tuple(term for part in sought for term in tokenize(part)) or tuple(tokenize(text))
