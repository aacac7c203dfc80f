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
