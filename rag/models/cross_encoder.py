"""Cross-encoder: scores a question and a text together; slower and more precise than comparing their vectors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from rag.models.onnx import Array, OnnxModel, batches_by_length, open_tokenizer
from rag.models.registry import find_bundled

_BATCH = 8


class CrossEncoder(Protocol):
    """Scores texts for a question; raises ModelFailed."""

    def score(self, question: str, texts: Sequence[str]) -> Array:
        """Return a logit for each text, of shape (len(texts),): above 0 for a text likely to answer the question."""


def load_cross_encoder(name: str = "ms-marco-MiniLM-L-12-v2") -> CrossEncoder:
    """Load a bundled cross-encoder by name, or from a folder with a copy of one; raises ModelUnavailable."""
    folder, model = find_bundled(name, "rerank")
    return OnnxCrossEncoder(folder, model.max_tokens)


class OnnxCrossEncoder:
    """A BERT-like model under onnxruntime with one logit for a question and a text."""

    def __init__(self, folder: Path, max_tokens: int) -> None:
        self._model = OnnxModel(folder)
        self._tokenizer = open_tokenizer(folder, max_tokens)

    def score(self, question: str, texts: Sequence[str]) -> Array:
        """Score texts in batches of similar length; a pair that is too long has its longer part truncated."""
        encodings = self._tokenizer.encode_batch([(question, text) for text in texts])
        scores = np.empty(len(texts), np.float32)
        for batch in batches_by_length([len(each.ids) for each in encodings], _BATCH):
            scores[batch] = self._model.run([encodings[i] for i in batch])[:, 0]
        return scores
