"""Stand-in until the trained model is in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from rag.onnx import Array


class EntailmentModel(Protocol):
    """Says whether texts bear a claim out."""

    def probabilities(self, claim: str, texts: Sequence[str]) -> Array:
        """Give the probabilities of support, contradiction and neither, of shape (len(texts), 3)."""
        ...


class WordsShared:
    """A stand-in."""

    def probabilities(self, claim: str, texts: Sequence[str]) -> Array:
        """By shared words."""
        import numpy as np

        from rag.tokens import tokenize

        terms = set(tokenize(claim))
        share = np.array([len(terms & set(tokenize(each))) / (len(terms) or 1) for each in texts])
        return np.stack([share, 0 * share, 1 - share], axis=1).astype(np.float32)


def load_entailment() -> EntailmentModel:
    """Load the stand-in."""
    return WordsShared()
